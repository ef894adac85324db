#!/usr/bin/perl
# exgate-milter's options, its socket in all its forms, what it says of a configuration that is wrong, and reloading.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Milter;
use Exg::MilterClient;
use Exg::Sim;
use Exg::Test;
use IO::Socket::IP;
use IO::Socket::UNIX;
use Test::More;

my $program = program('exgate-milter');
my $sim     = Exg::Sim->start(mailboxes => ['ann@example.com']);
my $scratch = temporary_directory();
chmod 0777, "$scratch";

# --- options ----------------------------------------------------------------------------------

my $result = run_program($program, '--version');
is($result->{status}, 0, '--version succeeds');
like($result->{out}, qr/\Aexgate-milter \d+\.\d+\.\d+\n/, 'and begins with our version');
like($result->{out}, qr/^$_\b.*\d/m, "and names $_") for qw(GLib libmilter libcurl);
$result = run_program($program, '--help');
is($result->{status}, 0, '--help succeeds');
like($result->{out}, qr/--$_\b/, "and names --$_") for qw(config check-config show-config notify-fd version);
for my $wrong (['--no-such-option'], ['surplus'], ['--notify-fd', 'x']) {
    $result = run_program($program, @$wrong);
    is($result->{status}, 64, "@$wrong is wrong usage");
    like($result->{err}, qr/\Aexgate-milter: [^\n]+\n\z/, 'told in one line');
}

# --- the configuration ------------------------------------------------------------------------

sub check
{
    my (%milter) = @_;
    my $file = Exg::Lmtpd::write_conf("$scratch", $sim, { milter => { listen => "unix:$scratch/check.sock", %milter } });
    return run_program($program, '--config', $file, '--check-config');
}

$result = check();
is($result->{status}, 0, 'a good configuration passes') or diag($result->{err});
is($result->{err}, '', 'with nothing to say about it');
ok(!-e "$scratch/check.sock", 'and no socket was made');
like(run_program($program, '--config', "$scratch/exgate.conf", '--show-config')->{out}, qr/^listen = unix:\Q$scratch\E\/check\.sock$/m, '--show-config');

my $file = Exg::Lmtpd::write_conf("$scratch", $sim, { exchange => { tls_verify => 'no' }, milter => { listen => "unix:$scratch/check.sock" } });
$result = run_program($program, '--config', $file, '--check-config');
is($result->{status}, 0, 'certificates need not be verified');
like($result->{err}, qr/tls_verify = no: .*NOT verified/, 'but that is told loudly');

my @bad = (
    [listen          => 'inet:x@localhost',           qr/needs a port from 0 to 65535/],
    [listen          => 'inet:8895@',                 qr/has no host behind the @/],
    [listen          => 'tcp:8895',                   qr/is none of unix:/],
    [listen          => 'unix:milter.sock',           qr/needs an absolute path/],
    [listen          => 'unix:/' . 'x' x 200,         qr/has a path longer than/],
    [socket_group    => 'no-such-group',              qr/there is no group no-such-group/],
    [socket_owner    => 'no-such-user',               qr/there is no user no-such-user/],
    [unknown         => 'reject 450',                 qr/450: a reply code of 500 to 559 is expected after reject/],
    [mailbox_full    => 'refuse',                     qr/refuse: accept, tempfail or reject is expected/],
    [too_large       => 'reject 552 4.3.4',           qr/4\.3\.4: an enhanced status code such as 5\.1\.1 is expected after 552/],
    [skip_networks   => '192.0.2.1/24',               qr{192\.0\.2\.1/24: there are bits set behind the prefix}],
    [skip_recipients => 'nobody',                     qr/nobody: an address, or @ and a domain, is expected/],
    [domains         => 'ex/ample',                   qr/ex\/ample: a mail domain such as example\.com is expected/],
    [timeout         => '26s',                        qr/timeout/],
    [mode            => 'try',                        qr/enforce/],
    [no_such_key     => '1',                          qr/no_such_key/],
);
for (@bad) {
    my ($key, $value, $said) = @$_;
    $result = check($key => $value);
    is($result->{status}, 78, "$key = " . substr $value, 0, 40);
    like($result->{err}, qr/\Aexgate-milter: \Q$scratch\E\/exgate\.conf:\d+: \[?milter.*$said.*\n\z/, 'is told with file, line and key');
}

# --- the socket -------------------------------------------------------------------------------

sub works
{
    my ($address) = @_;
    my $client = Exg::MilterClient->new($address);
    $client->mail('<writer@sink.test>');
    my $reply = $client->rcpt('<ann@example.com>');
    $client->quit;
    return $reply eq 'continue';
}

# The port that the system chose for a listening socket of this process.
sub port_of
{
    my ($milter, $table) = @_;
    my %inodes = map { (readlink($_) // '') =~ /^socket:\[(\d+)\]/ ? ($1 => 1) : () } glob '/proc/' . $milter->pid . '/fd/*';
    for (split /\n/, slurp("/proc/net/$table")) {
        my @fields = split;
        next if $fields[3] ne '0A' || !$inodes{ $fields[9] };
        return hex(($fields[1] =~ /:(....)$/)[0]);
    }
    die "no port of its own in /proc/net/$table\n";
}

for my $form ("unix:$scratch/a.sock", "local:$scratch/b.sock", "$scratch/c.sock") {
    my $milter = Exg::Milter->start(sim => $sim, conf => { milter => { listen => $form } });
    my ($path) = $form =~ m{(/.*)};
    ok(works("unix:$path"), "listen = $form");
    is($milter->{process}->stop, 0);
    ok(!-e $path, 'is gone afterwards');
}
my @inet = (['inet:0@127.0.0.1', 'tcp', '127.0.0.1'], ['inet:0@[127.0.0.1]', 'tcp', '127.0.0.1']);
my $has_ipv6 = IO::Socket::IP->new(LocalHost => '::1', Listen => 1);
push @inet, ['inet6:0@::1', 'tcp6', '::1'] if $has_ipv6;
note('this host has no IPv6') if !$has_ipv6;
for (@inet) {
    my ($form, $table, $host) = @$_;
    my $milter = Exg::Milter->start(sim => $sim, conf => { milter => { listen => $form } });
    ok(works('inet:' . port_of($milter, $table) . "\@$host"), "listen = $form");
    is($milter->{process}->stop, 0);
}

my @group = getgrnam('nogroup') ? 'nogroup' : (getgrgid(($) =~ /(\d+)/)[0]))[0];
my $milter = Exg::Milter->start(sim => $sim, conf => { milter => { socket_mode => '0640', $> == 0 ? (socket_owner => 'nobody', socket_group => $group[0]) : () } });
my @status = stat $milter->socket;
is(sprintf('%04o', $status[2] & 07777), '0640', 'socket_mode');
SKIP: {
    skip 'only root gives sockets away', 2 if $> != 0;
    is((getpwuid $status[4])[0], 'nobody', 'socket_owner');
    is((getgrgid $status[5])[0], $group[0], 'socket_group');
}

# A live socket is nobody's to take; a dead one is.
$file = Exg::Lmtpd::write_conf("$scratch", $sim, { milter => { listen => 'unix:' . $milter->socket } });
$result = run_program($program, '--config', $file);
is($result->{status}, 78, 'a second one on the same socket does not start');
like($result->{err}, qr/listen: Cannot listen on unix:\S+: another process listens there/, 'and says why');
ok(works('unix:' . $milter->socket), 'the first one goes on');
$milter->{process}->signal('KILL');
$milter->{process}->wait_for_end;
ok(-S $milter->socket, 'one that was killed leaves its socket');
$milter->launch;
ok(works('unix:' . $milter->socket), 'which is no hindrance');
spew("$scratch/file", 'mine');
$result = run_program($program, '--config', Exg::Lmtpd::write_conf("$scratch", $sim, { milter => { listen => "unix:$scratch/file" } }));
is($result->{status}, 78, 'a file that is no socket stays');
is(slurp("$scratch/file"), 'mine', 'as it is');

# --- reloading --------------------------------------------------------------------------------

my $client = $milter->client;
sub told { $client->mail('<writer@sink.test>'); my $reply = $client->rcpt('<ghost@example.com>'); $client->abort; return $reply }
is(told(), '550 5.1.1 <ghost@example.com> no such mailbox');
for my $signal (qw(HUP USR1)) {
    $milter->configure({ milter => { unknown => "tempfail 450 4.1.1 $signal" } });
    $milter->reload($signal);
    is(told(), "450 4.1.1 $signal", "SIG$signal reloads, and the connection stays");
}
$milter->configure({ milter => { unknown => 'nonsense' } });
$milter->{process}->signal('HUP');
$milter->wait_for_log(qr/error: not reloaded, the old configuration stays in force: .*nonsense: accept, tempfail or reject is expected/);
is(told(), '450 4.1.1 USR1', 'and so it does');
$milter->configure({ milter => { listen => "unix:$scratch/other.sock", unknown => 'reject' } });
$milter->reload;
like($milter->log, qr/warning: a changed \[milter\] listen takes effect at the next start/, 'what takes a start is said');
like(told(), qr/^550 /, 'the rest is taken over');
$client->quit;

# --- the end ----------------------------------------------------------------------------------

$milter->{process}->signal('INT');
is($milter->{process}->wait_for_end, 0, 'SIGINT ends it as well');
unlike($milter->log, qr/\Q${\ $sim->password}\E/, 'the log has no password');
$sim->stop;
done_testing;
