#!/usr/bin/perl
# Real names and port 443, in a network and with a hosts file of this test's own: exgate discover, and exgate-lmtpd with
# endpoint = auto, find the simulated Exchange.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Check;
use Exg::Lmtpd;
use Exg::Network;
use Exg::Sim;
use Exg::Test;
use Test::More;

my $here = '127.0.0.1 autodiscover.contoso.test';
Exg::Network::enter("$here old.contoso.test autodiscover.wrong.test\n127.0.0.2 contoso.test gone.test autodiscover.gone.test wrong.test\n");
my $work = temporary_directory();
my $address = 'ann@contoso.test';
my $sim = Exg::Sim->start(
    mailboxes => [$address, 'svc@contoso.test'],
    account   => 'svc@contoso.test:secret',
    options   => ['--listen', '127.0.0.1:443', map { ('--name', "$_.contoso.test") } qw(autodiscover old)],
);
my $endpoint = 'https://autodiscover.contoso.test/EWS/Exchange.asmx';
my %auto = (endpoint => 'auto', discovery_cache => "$work/discovery.db");
my $conf = Exg::Lmtpd::write_conf("$work", $sim, { exchange => \%auto });

sub discover
{
    return run_program(program('exgate'), 'discover', '--config', $conf, @_);
}

sub credentials
{
    my @seen = slurp($sim->directory . '/log') =~ /account=(\S+) operation=Autodiscover/g;
    return scalar grep { $_ ne q{-} } @seen;
}

my $found = discover('--explain', $address);
is($found->{status}, 0, 'C3: discovered') or diag($found->{err});
like($found->{out}, qr/^endpoint +\Q$endpoint\E$/m, 'C3: the endpoint is printed');
like($found->{out}, qr{ms  host +https://autodiscover\.contoso\.test/\S+ \[127\.0\.0\.1\]}, 'C12: with each step');
is(credentials(), 0, 'C11.3: by JSON, without a password');

$found = discover('--json', $address);
like($found->{out}, qr/"endpoint":\s*"\Q$endpoint\E"/, 'C3: as an object');
$found = discover('cache', 'list');
like($found->{out}, qr/^contoso\.test +\Q$endpoint\E +host/m, 'C8.7: it is remembered');

$sim->control('on Autodiscover times=1 do status 500');
$found = discover('--all', $address);
like($found->{out}, qr/^EwsSupportedSchemas +Exchange2007/m, 'C2.5: by SOAP, with all settings');
is(credentials(), 1, 'C7.4: one request with the password');
$sim->control('clear');

$found = discover('nobody@contoso.test');
is($found->{status}, 67, 'C2.8: nobody');
$found = discover('ann@elsewhere.test');
is($found->{status}, 75, 'C3: a domain that nobody serves');
my $nobody = 'the name server gave no answer';
is($found->{err}, <<"END" =~ s/^ {4}//mgr, 'C12: why');
    exgate: No Exchange was found for ann\@elsewhere.test
      https://elsewhere.test               Cannot find the address of elsewhere.test: $nobody
      https://autodiscover.elsewhere.test  Cannot find the address of autodiscover.elsewhere.test: $nobody
      http://autodiscover.elsewhere.test   Cannot find the address of autodiscover.elsewhere.test: $nobody
      SRV record of elsewhere.test         $nobody
    exgate: if the domain is right, have autodiscover.elsewhere.test answer, or set endpoint in $conf to the URL of EWS; --explain shows each request
END
my $more = qr/; --explain shows each request\n\z/;
is(discover('--json', 'ann@elsewhere.test')->{out}, q{}, 'C12: and no object');
$found = discover('--explain', 'ann@elsewhere.test');
like($found->{err}, qr/^exgate: No Exchange was found for ann\@elsewhere.test\nexgate: if the domain is right, [^;\n]+\n\z/,
    'C12: or only that, after the steps');
$found = discover('ann@gone.test');
is($found->{status}, 75, 'C12: hosts where nobody listens');
my @lines = split /\n/, $found->{err};
is(scalar @lines, 6, 'C12: have a line each') or diag($found->{err});
like($lines[2], qr{^  https://autodiscover\.gone\.test +Cannot connect to autodiscover\.gone\.test port 443: }, 'C12: that says why');
$found = discover('ann@wrong.test');
like($found->{err}, qr{\n  https://autodiscover\.wrong\.test +The certificate of autodiscover\.wrong\.test is for another name}, 'C12: a wrong server');
like($found->{err}, qr/\nexgate: if such a server is yours, mend its certificate, or the key in \Q$conf\E that its line names$more/, 'C12: has another remedy');
$sim->control('on Autodiscover do status 401');
$found = discover($address);
is($found->{status}, 78, 'C12: refused credentials') or diag($found->{err});
like($found->{err}, qr/^exgate: The credentials were refused, .*\nexgate: check username, password_file and auth in \Q$conf\E$more/s, 'C12: have another');
$sim->control('clear');
$sim->control('on Autodiscover do redirect https://evil.test/autodiscover/autodiscover.xml http');
$found = discover('--explain', $address);
like($found->{out}, qr{it leads to https://evil\.test/\S+: a host that nobody has approved}, 'C5.3: a stranger is not believed');
like($found->{err}, qr/--approve, or approved_hosts/, 'C5.3: and how he would be');
$sim->control('clear');
$sim->control('on Autodiscover times=1 do status 404');
$sim->control('on Autodiscover do code InvalidDomain');
like(discover('--explain', $address)->{out}, qr/refused: InvalidDomain \(the server is not responsible for this domain\)/,
    'C2.8: a code and its meaning');
$sim->control('clear');
is(discover('ann')->{status}, 64, 'C1.6: no address');
{
    my $steps = check(0, $conf, $address);
    step_is($steps, 'discovery', 'ok', qr/^by \S+\@contoso\.test$/);
    step_is($steps, 'certificate', 'ok', qr/autodiscover\.contoso\.test/);
    step_is($steps, 'mailbox', 'ok', qr/the inbox of ann/);
    my $status = run_program(program('exgate'), 'status', '--config', $conf);
    is($status->{status}, 0, 'C1.5: exgate status with endpoint = auto') or diag($status->{err});
    like($status->{out}, qr/^endpoint +\Q$endpoint\E$/m, 'C1.5: tells which was found');
}
{
    my $log = spew("$work/watch", '');
    my $watch = Exg::Process->start(command => [program('exgate'), 'watch', '--config', $conf, $address], log => $log);
    wait_until('C1.5: exgate watch listens with endpoint = auto', sub { slurp($log) =~ /listening/ });
    $watch->stop;
}
is(discover('cache', 'clear')->{status}, 0, 'C9.2: forgotten');
{
    my $nowhere = temporary_directory();
    my $lost = Exg::Lmtpd::write_conf("$nowhere", $sim, { exchange => {
        %auto, discovery_cache => "$nowhere/discovery.db", discover_address => 'ann@elsewhere.test' } });
    my $steps = check(75, $lost);
    step_is($steps, 'discovery', 'wrong', qr/No Exchange was found for ann\@elsewhere\.test/);
    mends($steps, 'discovery', qr/^exgate discover --explain 'ann\@elsewhere\.test'$/m);
    my $status = run_program(program('exgate'), 'status', '--timeout', '1s', '--config', $lost);
    is($status->{status}, 75, 'C3: exgate status where none is found');
    like($status->{out}, qr/^endpoint +-$/m, 'C3: names none');
}
unlike(discover('cache', 'list')->{out}, qr/contoso/, 'C9.2: indeed');

# --- the daemon ---------------------------------------------------------------------------------

sub message
{
    my ($n) = @_;
    return "Subject: $n\r\nMessage-ID: <$n\@sender.test>\r\n\r\nAll work and no play.\r\n";
}

sub deliver
{
    my ($lmtpd, $n) = @_;
    return ($lmtpd->client->deliver(from => 'a@sender.test', to => [$address], message => message($n)))[0];
}

my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => { exchange => \%auto });
my $asked = $sim->requests('Autodiscover');
like(deliver($lmtpd, $_), qr/^250 2\.0\.0 /, "C1.5: message $_ is delivered with endpoint = auto") for 1 .. 3;
is($sim->count($address), 3, 'C1.5: they are in the mailbox');
my $once = $sim->requests('Autodiscover') - $asked;
cmp_ok($once, '<=', 1, 'F19: what is known costs no request');
$lmtpd->stop;

# The endpoint that is remembered has gone: the first message finds the new one.
$sim->control('on Autodiscover times=1 do redirect https://old.contoso.test/autodiscover/autodiscover.svc http');
$found = discover($address);
like($found->{out}, qr{^endpoint +https://old\.contoso\.test/}m, 'C7.1: an endpoint is remembered') or diag($found->{err});
Exg::Network::set_hosts("$here\n127.0.0.2 contoso.test old.contoso.test\n");
$lmtpd->launch;
like(deliver($lmtpd, 4), qr/^250 2\.0\.0 /, 'C7.1: a message is delivered although that has gone');
like($lmtpd->log, qr/old\.contoso\.test/, 'C7.1: where it was looked for first');
$lmtpd->stop;
$found = discover('cache', 'list');
like($found->{out}, qr/^contoso\.test +\Q$endpoint\E/m, 'C7.1: the new one is remembered');

# The disk keeps the cache's file waiting; others are served.
$lmtpd->{failpoints} = 'discovery-file=delay:4000,times=1';
$lmtpd->launch;
my ($sender, $other) = map { $lmtpd->client } 1 .. 2;
$sender->raw("MAIL FROM:<a\@sender.test>\r\nRCPT TO:<$address>\r\nDATA\r\n" . message(5) . ".\r\n");
$lmtpd->wait_for_log(qr/Fail point discovery-file/);
like($other->command('NOOP'), qr/^250 /, 'another client is answered');
is($sim->count($address), 4, 'while the cache is waited for');
wait_until('the message is there', sub { $sim->count($address) == 5 });
$lmtpd->stop;
$sim->stop;

unlike(slurp("$work/discovery.db"), qr/secret/, 'C8.1: the cache holds no secret');

# --- which schemes there are --------------------------------------------------------------------

# Nothing is known of the server: what Autodiscover offers is asked of it, and what EWS offers of that.
$sim = Exg::Sim->start(
    mailboxes => [$address, 'svc@contoso.test'],
    account   => 'svc@contoso.test:secret',
    options   => ['--listen', '127.0.0.1:443', '--name', 'autodiscover.contoso.test', '--auth', 'digest'],
);
my $elsewhere = temporary_directory();
$conf = Exg::Lmtpd::write_conf("$elsewhere", $sim, { exchange => { %auto, discovery_cache => "$elsewhere/discovery.db", auth => 'auto' } });
$sim->control('on Autodiscover times=1 do status 500');    # the protocol without a password
$found = discover('--all', $address);
is($found->{status}, 0, 'A6.5: discovered, with auth = auto') or diag($found->{err});
my @seen = slurp($sim->directory . '/log') =~ /account=(\S+) operation=Autodiscover .*? status=(\d+)/g;
is("@seen[-4 .. -1]", '- 401 svc@contoso.test 200', 'A6.5: the schemes are asked for without a credential, and the one there is is used') or diag("@seen");
$found = run_program(program('exgate'), 'resolve', '--config', $conf, $address);
is($found->{status}, 0, 'A6.5: EWS is asked for its own') or diag($found->{err});
like(slurp($sim->directory . '/log'), qr/ status=401 .*\n.*operation=ResolveNames .*status=200/, 'A6.5: likewise');

# --- the password that systemd hands to a service ------------------------------------------------

is(system('mount', '-t', 'tmpfs', 'tmpfs', '/run'), 0, 'a /run of our own');
mkdir $_ for '/run/credentials', '/run/credentials/exgate-milter.service';
spew('/run/credentials/exgate-milter.service/exchange-password', "secret\n", 0600);
my $borrowing = temporary_directory();
$conf = Exg::Lmtpd::write_conf("$borrowing", $sim, { exchange => {
    %auto, discovery_cache => "$borrowing/discovery.db", auth => 'digest', password_file => 'credential:exchange-password' } });
delete $ENV{CREDENTIALS_DIRECTORY};
for my $command (qw(discover resolve)) {
    $found = run_program(program('exgate'), $command, '--config', $conf, $address);
    is($found->{status}, 0, "C1.5: exgate $command borrows it from the service that runs") or diag($found->{err});
}
$sim->stop;
done_testing;
