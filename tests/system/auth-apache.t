#!/usr/bin/perl
# A real server that asks who is there: Apache with Basic, Digest, client certificates and mod_auth_gssapi, in front of the simulated
# Exchange. What is right is let through; what is wrong, missing or expired is told; what was changed is taken up.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Apache;
use Exg::Kdc;
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use Test::More;

my $missing = Exg::Apache::missing();
plan skip_all => $missing if $missing;

my $have_gssapi = Exg::Apache::has_gssapi();
my $have_ntlm = $have_gssapi && (() = glob '/usr/lib/*/gssntlmssp/gssntlmssp.so');
my $files = temporary_directory();
chmod 0755, $files;
my $kdc = Exg::Kdc->start;
$kdc->add_service('HTTP/localhost', "$files/http.keytab");
$kdc->add_user('svc', keytab => "$files/svc.keytab");
local %ENV = (%ENV, $kdc->environment, KRB5CCNAME => "FILE:$files/none");
my $sim = Exg::Sim->start(mailboxes => ['ann@example.test'], options => ['--auth', 'none']);
my $apache = Exg::Apache->start(
    sim        => $sim,
    keytab     => "$files/http.keytab",
    ntlm_users => $have_ntlm ? spew("$files/ntlm-users", "EXAMPLE:svc:right\n", 0644) : undef,
);
my %file = map { $_ => spew("$files/$_", "$_\n", 0644) } qw(right wrong);
my $serial = 0;

sub launch
{
    my ($url, %exchange) = @_;
    return Exg::Lmtpd->start(sim => $sim, conf => {
        exchange => { endpoint => $url, ca_file => $apache->ca_file, username => 'svc', password_file => undef, %exchange },
        directory => { check_recipients => 'no' },
    });
}

sub deliver
{
    my ($lmtpd) = @_;
    $serial++;
    my ($reply) = $lmtpd->client->deliver(
        from    => 'a@sender.test',
        to      => ['ann@example.test'],
        message => "Subject: $serial\r\nMessage-ID: <$serial.$$\@sender.test>\r\n\r\nhello\r\n",
    );
    return $reply;
}

sub check
{
    my ($expected, $name, $url, %exchange) = @_;
    my $lmtpd = launch($url, %exchange);
    my $reply = deliver($lmtpd);
    like($reply, $expected, $name) or diag(last_lines($lmtpd->log), last_lines($apache->errors));
    $lmtpd->stop;
    return $lmtpd->log;
}

for my $auth (qw(basic digest)) {
    $apache->add_user('svc', 'right');
    my $url = $apache->url($auth);
    my $lmtpd = launch($url, auth => $auth, password_file => $file{right});
    like(deliver($lmtpd), qr/^250 /, "A5.2: $auth with the right password") or diag(last_lines($lmtpd->log));
    like(deliver($lmtpd), qr/^250 /, 'and a second message');
    $apache->add_user('svc', 'changed');
    like(deliver($lmtpd), qr/^451 4\.7\.0 /, "$auth: the password has been changed");
    spew("$files/new", "changed\n", 0644);
    $lmtpd->configure({ %{ $lmtpd->{conf} }, exchange => { %{ $lmtpd->{conf}{exchange} }, password_file => "$files/new" } });
    $lmtpd->reload;
    like(deliver($lmtpd), qr/^250 /, "$auth: the new one is tried at once") or diag(last_lines($lmtpd->log));
    $lmtpd->stop;
    my $log = check(qr/^451 4\.7\.0 /, "F14: $auth with a wrong password", $url, auth => $auth, password_file => $file{wrong});
    like($log, qr/refused the credentials \($auth\)/, 'and the log says so');
}
$apache->add_user('svc', 'right');
check(qr/^250 /, 'A6.7: auto chooses Digest', $apache->url('digest'), auth => 'auto', password_file => $file{right});
check(qr/^451 4\.3\.5 /, 'digest where only basic is offered', $apache->url('basic'), auth => 'digest', password_file => $file{right});

# --- client certificates ----------------------------------------------------------------------------

my ($certificate, $key) = $apache->make_client('svc');
my %client = (client_certificate_file => $certificate, client_key_file => $key);
check(qr/^250 /, 'A5.1: a client certificate alone', $apache->certificate_url, auth => 'certificate', %client);
my $both = spew("$files/both.pem", slurp($certificate) . slurp($key), 0644);
check(qr/^250 /, 'A8.2: with the key in the same file', $apache->certificate_url, auth => 'certificate', client_certificate_file => $both);
check(qr/^250 /, 'shown to a server that asks for a password as well', $apache->url('basic'), auth => 'basic',
    password_file => $file{right}, %client);
# What the server does not accept it tells during the handshake, or in TLS 1.3 after it, when our request may be on its way already;
# there GnuTLS does not name the alert.
my %at = ('TLSv1.3' => $apache, 'TLSv1.2' => Exg::Apache->start(sim => $sim, tls => 'TLSv1.2'));
for my $tls (sort keys %at) {
    my $server = $at{$tls};
    my %other = $server == $apache ? () : (ca_file => $server->ca_file);
    $server->make_authority('other');
    my ($foreign, $foreign_key) = $server->make_client('foreign', ca => 'other');
    my ($old, $old_key) = $server->make_client('old', days => -1);
    my %shown = (client_certificate_file => $foreign, client_key_file => $foreign_key);
    my %expired = (client_certificate_file => $old, client_key_file => $old_key);
    for my $case (
        ['that is missing', qr/wants a client certificate .*client_certificate_file/, auth => 'basic', password_file => $file{right}],
        ['of another CA', qr/not accept the client certificate \((?:its issuer|it answered)/, auth => 'certificate', %shown],
        ['that has expired', qr/not accept the client certificate \((?:it has expired|it answered)/, auth => 'certificate', %expired],
    ) {
        my ($name, $words, %exchange) = @$case;
        my $log = check(qr/^451 4\./, "a certificate $name, $tls: the mail waits", $server->certificate_url, %exchange, %other);
        # an alert gets lost where the server closes the connection while we are sending, or have just sent all
        $words = qr/$words|perhaps it does not accept the client certificate|closed the connection (?:before|without)/;
        like($log, $words, 'and the log says why');
        unlike($log, qr/GnuTLS|gnutls_|OpenSSL|SSL routines/, 'in words of ours');
    }
}
$at{'TLSv1.2'}->stop;

# --- mod_auth_gssapi --------------------------------------------------------------------------------

SKIP: {
    skip 'mod_auth_gssapi is not installed', 1 if !$have_gssapi;
    my %kerberos = (auth => 'negotiate', kerberos_keytab => "$files/svc.keytab");
    check(qr/^250 /, 'A5.2: Kerberos at mod_auth_gssapi', $apache->url('kerberos'), %kerberos);
    check(qr/^451 4\.7\.0 /, 'without a ticket the mail waits', $apache->url('kerberos'), auth => 'negotiate');

    # Apache as the man in the middle: the client takes it for Exchange, and it passes on what it is given.
    for my $case (['none', qr/^250 /], ['allow', qr/^451 4\.7\.0 /], ['require', qr/^451 4\.7\.0 /]) {
        my ($protection, $expected) = @$case;
        my $real = Exg::Sim->start(
            mailboxes => ['ann@example.test'],
            options   => ['--keytab', "$files/http.keytab", '--auth', 'negotiate', '--kerberos-each', '--extended-protection', $protection],
        );
        my $between = Exg::Apache->start(sim => $real);
        check($expected, "A5.2: Kerberos bound to another certificate, Extended Protection $protection", $between->url('relay'),
            %kerberos, ca_file => $between->ca_file);
        $between->stop;
        $real->stop;
    }
    skip 'gss-ntlmssp is not installed', 1 if !$have_ntlm;
    my %ntlm = (username => 'EXAMPLE\svc', password_file => $file{right});
    check(qr/^250 /, "A5.6: NTLM at mod_auth_gssapi, auth = $_", $apache->url('ntlm'), %ntlm, auth => $_) for qw(ntlm negotiate);
    check(qr/^451 4\.7\.0 /, 'F14: NTLM with a wrong password', $apache->url('ntlm'), %ntlm, auth => 'ntlm',
        password_file => $file{wrong});
}
$apache->stop;
$kdc->stop;
$sim->stop;

done_testing();
