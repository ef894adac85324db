#!/usr/bin/perl
# Many requests over connections that the server drops again and again: each is authenticated, the legs of a handshake are never
# mixed, and no body is sent more often than needed. EXG_AUTH_REQUESTS=10000 makes it long.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Kdc;
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use Test::More;

use constant BODY_BYTES => 20_000;

my $requests = $ENV{EXG_AUTH_REQUESTS} // 200;
my $kdc = Exg::Kdc->start;
my $keys = temporary_directory();
$kdc->add_service('HTTP/localhost', "$keys/http.keytab");
$kdc->add_user('svc', keytab => "$keys/svc.keytab");
local %ENV = (%ENV, $kdc->environment, KRB5CCNAME => "FILE:$keys/none");
srand 20;

sub last_them
{
    my ($name, %exchange) = @_;
    my $sim = Exg::Sim->start(
        mailboxes => ['ann@example.test'],
        options   => ['--keytab', "$keys/http.keytab", '--auth', 'negotiate,ntlm', '--extended-protection', 'require', '--memory'],
    );
    my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => {
        exchange => \%exchange, directory => { check_recipients => 'no' }, log => { level => 'warning' },
    });
    my @clients = map { $lmtpd->client } 1 .. 4;
    my ($delivered, $dropped) = (0, 0);
    my $body = ('x' x 70 . "\r\n") x (BODY_BYTES / 72);
    for my $number (1 .. $requests) {
        if (rand() < 0.2) {
            $sim->control('close-idle');
            $dropped++;
        }
        my ($reply) = $clients[rand @clients]->deliver(
            from => 'a@sender.test', to => ['ann@example.test'],
            message => "Subject: $number\r\nMessage-ID: <$name.$number.$$\@sender.test>\r\n\r\n$body",
        );
        $reply =~ /^250 / ? $delivered++ : diag($reply);
    }
    my @log = split /\n/, slurp($sim->directory . '/log');
    my @large = grep { /\bbytes=(\d+)/ && $1 > BODY_BYTES } @log;
    is($delivered, $requests, "F9: $name: each of $requests requests is authenticated, with connections dropped $dropped times");
    cmp_ok($dropped, '>', 0, 'some were');
    is(scalar @large, $requests, "A5.7,F9: $name: each body is sent once");
    is((grep { !/\bstatus=(200|401)\b/ } @log), 0, 'no handshake came to grief') or diag(last_lines(join "\n", @log));
    is((grep { /\bstatus=401\b/ } @large), 0, 'and none was sent in vain');
    $lmtpd->stop;
    $sim->stop;
    return;
}

last_them('Kerberos', auth => 'negotiate', kerberos_keytab => "$keys/svc.keytab", password_file => undef);
SKIP: {
    skip 'gss-ntlmssp is not installed', 1 if !glob '/usr/lib/*/gssntlmssp/gssntlmssp.so';
    last_them('NTLM', auth => 'ntlm');
}
$kdc->stop;

done_testing();
