#!/usr/bin/perl
# A client certificate whose key stays in a PKCS#11 token, SoftHSM's, at a server that asks for one: where the libcurl that is linked can
# do that it works, and what is wrong with it is told; where it cannot, that is told at the start.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use Test::More;

need_program($_) for qw(softhsm2-util p11tool openssl);

my $keys = temporary_directory();
mkdir "$keys/tokens";
local $ENV{SOFTHSM2_CONF} = spew("$keys/softhsm2.conf", "directories.tokendir = $keys/tokens\nobjectstore.backend = file\n");

sub run
{
    my (@command) = @_;
    my $result = run_program(@command);
    die "@command: $result->{err}\n" if $result->{status} != 0;
    return $result->{out};
}

sub make_certificate
{
    my ($name) = @_;
    run(qw(openssl req -new -newkey rsa:2048 -nodes -subj), "/CN=$name", '-keyout', "$keys/$name.key", '-out', "$keys/$name.csr");
    spew("$keys/$name.ext", "extendedKeyUsage=clientAuth\n");
    run(qw(openssl x509 -req -days 2 -CAcreateserial), '-extfile', "$keys/$name.ext", '-in', "$keys/$name.csr", '-CA', "$keys/ca.pem",
        '-CAkey', "$keys/ca.key", '-out', "$keys/$name.pem");
    return;
}

run(qw(openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=clients -keyout), "$keys/ca.key", '-out', "$keys/ca.pem");
make_certificate('svc');
run(qw(softhsm2-util --init-token --free --label exgate --pin 4711 --so-pin 0815));
my $token = 'pkcs11:token=exgate';
for my $object (['--load-privkey', "$keys/svc.key"], ['--load-certificate', "$keys/svc.pem"]) {
    run('p11tool', '--batch', '--login', '--set-pin=4711', '--write', @$object, '--label=svc', '--id=01', $token);
}
my $pin   = spew("$keys/pin",   '4711', 0600);
my $wrong = spew("$keys/wrong", '1174', 0600);

my $version = run(program('exgate-lmtpd'), '--version');
my $can = $version =~ /client certificates: PEM, PKCS#11$/m;
like($version, qr/client certificates: PEM(?:, PKCS#11)?$/m, '--version says what is possible');

my $sim = Exg::Sim->start(
    mailboxes => ['ann@example.test'], options => ['--auth', 'none', '--require-client-certificate', "$keys/ca.pem"],
);

sub uri { my ($object, $from) = @_; return "$token;object=$object?pin-source=$from" }

sub deliver
{
    my ($uri) = @_;
    my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => {
        exchange  => { auth => 'certificate', password_file => undef, client_certificate_file => $uri },
        directory => { check_recipients => 'no' },
    });
    my ($reply) = $lmtpd->client->deliver(from => 'a@sender.test', to => ['ann@example.test'], message => "Subject: x\r\n\r\nx\r\n");
    $lmtpd->stop;
    return ($reply, $lmtpd->log);
}

if ($can) {
    my ($reply, $log) = deliver(uri('svc', $pin));
    like($reply, qr/^250 /, 'A5.1: a certificate and its key in a token') or diag(last_lines($log));
    for my $case (['a token that has no such certificate', uri('other', $pin)], ['a wrong PIN', uri('svc', $wrong)]) {
        my ($name, $uri) = @$case;
        my ($refused, $why) = deliver($uri);
        like($refused, qr/^451 4\./, "$name: the mail waits");
        like($why, qr/client_certificate_file/, 'and the log names the key to look at') or diag(last_lines($why));
    }
} else {
    my $directory = temporary_directory();
    my $conf = Exg::Lmtpd::write_conf($directory, $sim,
        { exchange => { auth => 'certificate', password_file => undef, client_certificate_file => uri('svc', $pin) } });
    my $result = run_program(program('exgate-lmtpd'), '--config', $conf, '--check-config');
    is($result->{status}, 78, 'A5.1: a token, with a libcurl that knows none: it does not start');
    like($result->{err}, qr/\A[^\n]*client_certificate_file: [^\n]*libcurl[^\n]*\n\z/, 'and says why');
}
$sim->stop;

done_testing();
