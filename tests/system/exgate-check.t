#!/usr/bin/perl
# exgate check: each thing that can be wrong on the way to Exchange is found, named, and comes with the command that mends it.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Check;
use Exg::Sim;
use Exg::Test;
use IO::Socket::INET;
use POSIX ();
use Test::More;

delete @ENV{qw(COLUMNS NO_COLOR)};
@ENV{qw(LC_ALL TZ)} = qw(C UTC);
my $directory = temporary_directory();
my @mailboxes = ('svc@example.test', 'ann@example.test');
my %account = (account => 'svc@example.test:pass word', mailboxes => \@mailboxes);
my $sim = Exg::Sim->start(%account);

my $serial = 0;
sub configuration
{
    my (%changes) = @_;
    $serial++;
    my $of = delete $changes{sim} // $sim;
    my %exchange = (
        endpoint => $of->url, username => $of->user, password_file => spew("$directory/password", $of->password, 0600),
        ca_file => $of->ca_file, throttle_file => "$directory/$serial.throttle", connect_timeout => '20s', %changes,
    );
    return spew("$directory/$serial.conf", join '', "[exchange]\n",
        (map { defined $exchange{$_} ? "$_ = $exchange{$_}\n" : '' } sort keys %exchange),
        "[delivery]\njournal = $directory/journal.db\n");
}
my $conf = configuration();

# --- all is well ------------------------------------------------------------------------------

my $steps = check(0, $conf, 'ann@example.test');
my ($port) = $sim->url =~ /:(\d+)/;
my $url = $sim->url;
my $expected = <<"END";
ok     configuration   FILE

$url
ok     name            localhost is 127.0.0.1, ::1
ok     connection      port $port of 127.0.0.1, in N ms
ok     TLS             TLS1.3 with AES-256-GCM
ok     chain           1 certificate, up to "exchange-sim CA" of FILE
ok     expiry          N days left, until DATE
ok     certificate     is for localhost
ok     sign-in         the server offers Basic; auth = basic
ok     clock           like the server's, within N s

svc\@example.test
ok     login           as svc\@example.test by basic
ok     version         Exchange 2019 or SE, build BUILD; the API of
                       Exchange2016
ok     impersonation   svc\@example.test may act for ann\@example.test
ok     mailbox         the inbox of ann\@example.test has 0 items, 0 unread
ok     throttling      Exchange does not ask for less; up to 64 requests at a
                       time
END
my $text = $steps->{text} =~ s/of\s+\S+ca\.pem/of FILE/r =~ s/(configuration +).*/$1FILE/r;
$text =~ s/\d+ (ms|days|s)$/N $1/mg;
$text =~ s/\d+ days left, until .*/N days left, until DATE/;
$text =~ s/build [\d.]+;/build BUILD;/;
is($text, $expected, 'a good way, as it is printed');
$steps = check(0, $conf);
step_is($steps, 'mailbox', 'skipped', qr/exgate check ADDRESS/);

# --- this host --------------------------------------------------------------------------------

$steps = check(78, '/nonexistent/exgate.conf');
step_is($steps, 'configuration', 'wrong', qr/No such file/);
mends($steps, 'configuration', qr{exgate-lmtpd --config '/nonexistent/exgate\.conf' --check-config});
$steps = check(78, configuration(password_file => "$directory/nothing"));
step_is($steps, 'configuration', 'wrong', qr/password_file.*nothing/);
mends($steps, 'configuration', qr{install -m 600 /dev/null '\Q$directory\E/nothing'});
$steps = check(0, configuration(password_file => spew("$directory/open", $sim->password, 0644)));
step_is($steps, 'password', 'note', qr/can be read by others \(mode 644\)/);
mends($steps, 'password', qr{^chmod 600 '\Q$directory\E/open'$});

# --- the network ------------------------------------------------------------------------------

$steps = check(68, configuration(endpoint => 'https://no-such-host.invalid/EWS/Exchange.asmx'));
step_is($steps, 'name', 'wrong', qr/no-such-host\.invalid/);
mends($steps, 'name', qr/getent ahosts no-such-host\.invalid/);
step_is($steps, 'login', 'skipped', qr/has to be mended first/);
$steps = check(69, configuration(endpoint => 'https://127.0.0.1:1/EWS/Exchange.asmx'));
step_is($steps, 'connection', 'wrong', qr/nobody answers at port 1 of 127\.0\.0\.1: .*refused/);
mends($steps, 'connection', qr/nc -vz -w 5 127\.0\.0\.1 1/);
mends($steps, 'connection', qr/Get-Service W3SVC/);
$steps = check(69, configuration(endpoint => 'https://127.0.0.1:1/EWS/Exchange.asmx ' . $sim->url), 'ann@example.test');
step_is($steps, 'mailbox', 'ok', qr/the inbox of ann/);

# --- TLS --------------------------------------------------------------------------------------

my $stranger = Exg::Sim->start(%account);
$steps = check(78, configuration(ca_file => $stranger->ca_file));
step_is($steps, 'chain', 'wrong', qr/"exchange-sim CA", which signed the certificate, is not among/);
mends($steps, 'chain', qr{openssl x509 -inform der -in ca\.cer -out /etc/exgate/ca\.pem});
step_is($steps, 'expiry', 'ok', qr/days left/);
step_is($steps, 'certificate', 'ok', qr/localhost/);
$stranger->stop;
$steps = check(0, configuration(ca_file => $stranger->ca_file, tls_verify => 'no'));
step_is($steps, 'chain', 'note', qr/is not among/);

my $expired = Exg::Sim->start(%account, options => ['--certificate-days=-3']);
$steps = check(78, configuration(sim => $expired));
step_is($steps, 'expiry', 'wrong', qr/the certificate of "localhost" has ended on \d+ \w+ \d{4}/);
mends($steps, 'expiry', qr/New-ExchangeCertificate.*Enable-ExchangeCertificate .*-Services IIS/s);
step_is($steps, 'chain', 'ok', qr/exchange-sim CA/);
$expired->stop;
my $ending = Exg::Sim->start(%account, options => ['--certificate-days=5']);
$steps = check(0, configuration(sim => $ending));
step_is($steps, 'expiry', 'note', qr/^[45] days left/);
mends($steps, 'expiry', qr/Get-ExchangeCertificate/);
$ending->stop;

my $loopback = Exg::Sim->start(%account, options => ['--listen', '127.0.0.2:0']);
(my $other = $loopback->url) =~ s/localhost/127.0.0.2/;
$steps = check(78, configuration(sim => $loopback, endpoint => $other));
step_is($steps, 'certificate', 'wrong', qr/is for localhost.*, not for 127\.0\.0\.2/);
mends($steps, 'certificate', qr{endpoint = https://localhost/EWS/Exchange\.asmx});
mends($steps, 'certificate', qr/New-ExchangeCertificate -GenerateRequest -DomainName '127\.0\.0\.2'/);
$loopback->stop;

# --- who answers ------------------------------------------------------------------------------

# Answers each request alike, over plain HTTP.
sub with_answer
{
    my ($head, $function) = @_;
    my $listener = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1') or die "listen: $!";
    defined(my $child = fork) or die "fork: $!";
    if ($child == 0) {
        alarm 60;
        while (my $client = $listener->accept) {
            my $request = '';
            while ($request !~ /\r\n\r\n/ && sysread $client, my $piece, 4096) { $request .= $piece }
            syswrite $client, "$head\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            shutdown $client, 1;
            1 while sysread $client, my $rest, 4096;
        }
        POSIX::_exit(0);
    }
    my $result = $function->('http://127.0.0.1:' . $listener->sockport . '/EWS/Exchange.asmx');
    kill 'KILL', $child;
    waitpid $child, 0;
    return $result;
}

sub date { my ($ahead) = @_; return POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time + $ahead)) }
sub at { my ($status, %changes) = @_; return sub { check($status, configuration(endpoint => $_[0], %changes)) } }

for my $case (
    ['404 Not Found',            78, qr/nothing at that path/,       qr/Get-WebServicesVirtualDirectory/],
    ['503 Service Unavailable',  69, qr/the web server is there/,    qr/Test-ServiceHealth\nRestart-WebAppPool/],
    ['403 Forbidden',            69, qr/keeps it away \(HTTP 403\)/, qr/curl -skI http:/],
    ['302 Found',                69, qr/keeps it away \(HTTP 302\)/, qr/grep -i/],
    ["401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM", 78,
        qr/the server offers Negotiate, NTLM; auth = basic is not among them/,
        qr/Set-WebServicesVirtualDirectory -BasicAuthentication \$true/],
    ['401 Unauthorized',         78, qr/offers nothing/,             qr/-BasicAuthentication/],
  ) {
    my ($head, $status, $sentence, $mend) = @$case;
    $steps = with_answer("HTTP/1.1 $head", at($status));
    step_is($steps, 'sign-in', 'wrong', $sentence);
    mends($steps, 'sign-in', $mend);
}
step_is($steps, 'TLS', 'note', qr/whoever is on the way can read/);
step_is($steps, 'clock', 'skipped', qr/does not tell/);
$steps = with_answer("HTTP/1.1 404 Not Found\r\nDate: " . date(-200), at(78));
step_is($steps, 'clock', 'note', qr/^3min ahead of the server's/);
mends($steps, 'clock', qr/timedatectl set-ntp true/);
my %kerberos = (auth => 'negotiate');
$steps = with_answer("HTTP/1.1 404 Not Found\r\nDate: " . date(3000), at(78, %kerberos));
step_is($steps, 'clock', 'wrong', qr/^(49|50)min behind the server's: Kerberos takes no more/);
mends($steps, 'clock', qr{w32tm /resync});

# --- ways to sign in ----------------------------------------------------------------------------

$steps = check(78, configuration(auth => 'auto'));
step_is($steps, 'sign-in', 'wrong', qr/^the server offers Basic; auth = auto can use nothing of that$/);
mends($steps, 'sign-in', qr/-WindowsAuthentication \$true\nallow_basic = yes\z/);
$steps = check(0, configuration(auth => 'auto', allow_basic => 'yes'));
step_is($steps, 'login', 'ok', qr/^as svc\@example\.test by basic; .*kerberos: not offered; /);
my $digest = Exg::Sim->start(%account, options => ['--auth', 'digest']);
$steps = check(0, configuration(sim => $digest, auth => 'auto'));
step_is($steps, 'login', 'ok', qr/^as svc\@example\.test by digest; /);
$steps = check(78, configuration(sim => $digest));
mends($steps, 'sign-in', qr/^auth = auto$/m);
$digest->stop;

sub openssl { my $made = run_program('openssl', @_); die "openssl @_: $made->{err}\n" if $made->{status} != 0; return }
openssl(qw(req -x509 -newkey rsa:2048 -nodes -days 2 -subj), "/CN=$_", '-keyout', "$directory/$_.key", '-out', "$directory/$_.crt") for qw(svc other);
my $asks = Exg::Sim->start(%account, options => ['--auth', 'none', '--require-client-certificate', "$directory/svc.crt"]);
my %certificate = (
    sim => $asks, auth => 'certificate', username => undef, password_file => undef, access => 'delegate',
    client_certificate_file => "$directory/svc.crt", client_key_file => "$directory/svc.key",
);
$steps = check(0, configuration(%certificate), 'ann@example.test');
step_is($steps, 'sign-in', 'ok', qr/with the client certificate/);
step_is($steps, 'mailbox', 'ok', qr/the inbox of ann/);
$steps = check(78, configuration(%certificate, client_key_file => "$directory/other.key"));
step_is($steps, 'TLS', 'wrong', qr/client_certificate_file cannot be used/);
mends($steps, 'TLS', qr/openssl pkey -pubout -in '\Q$directory\E\/other\.key'/);
$asks->stop;

# --- the account ------------------------------------------------------------------------------

$steps = check(77, configuration(password_file => spew("$directory/wrong", 'pass wrong', 0600)), 'ann@example.test');
like($steps->{text}, qr/^WRONG +login +.*refused the credentials/m, 'a wrong password is told');
step_is($steps, 'login', 'wrong', qr/refused the service account at .* the next attempt is at/); # the second time
mends($steps, 'login', qr/Unlock-ADAccount 'svc'/);
mends($steps, 'login', qr{cat > '\Q$directory\E/wrong'});
step_is($steps, 'version', 'skipped', qr/without a login/);
{
    # what systemd has handed over it reads again when the service starts
    local $ENV{CREDENTIALS_DIRECTORY} = $directory;
    spew("$directory/exchange-password", 'pass wrong', 0600);
    $steps = check(77, configuration(password_file => 'credential:exchange-password'));
    mends($steps, 'login', qr{^install -m 600 /dev/null '/etc/exgate/password'\ncat > '/etc/exgate/password'\nsystemctl try-restart exgate-lmtpd}m);
    spew("$directory/another", 'pass wrong', 0600);
    mends(check(77, configuration(password_file => 'credential:another')), 'login', qr/^systemctl cat exgate-lmtpd \| grep Credential=\nsystemctl try-restart/m);
}
$steps = check(67, $conf, 'nobody@example.test');
step_is($steps, 'mailbox', 'wrong', qr/nobody\@example\.test: .*ErrorNonExistentMailbox/);
mends($steps, 'mailbox', qr/Get-Recipient 'nobody\@example\.test'/);
$sim->control('on GetFolder do code ErrorAccessDenied');
$steps = check(77, configuration(access => 'delegate'), 'ann@example.test');
step_is($steps, 'mailbox', 'wrong', qr/ErrorAccessDenied/);
mends($steps, 'mailbox', qr/Add-MailboxPermission 'ann\@example\.test' -User 'svc\@example\.test' `\n +-AccessRights FullAccess/);
$sim->control('clear');
$sim->control('on GetFolder do code ErrorServerBusy backoff=90000 fault');
$steps = check(75, configuration(), 'ann@example.test');
step_is($steps, 'throttling', 'wrong', qr/it wants to be left alone for 1min/);
mends($steps, 'throttling', qr/New-ThrottlingPolicy exgate -EwsMaxConcurrency 100\nSet-ThrottlingPolicyAssociation 'svc'/);
$sim->stop;

my $strict = Exg::Sim->start(%account, options => ['--account', 'other:x', '--allow-impersonation', 'other']);
$steps = check(77, configuration(sim => $strict), 'ann@example.test');
step_is($steps, 'impersonation', 'wrong', qr/svc\@example\.test may not act for ann\@example\.test/);
mends($steps, 'impersonation', qr/New-ManagementRoleAssignment -Name 'exgate delivery' `\n +-Role ApplicationImpersonation -User 'svc\@example\.test'/);
step_is($steps, 'mailbox', 'skipped', qr/without that right/);
$strict->stop;
done_testing;
