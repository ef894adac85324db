#!/usr/bin/perl
# Many requests over connections that the server drops again and again, also in the middle of a handshake: each is authenticated, the
# legs of a handshake are never mixed, and no body is sent more often than needed. EXG_AUTH_REQUESTS=10000 makes it long
# (`make auth-long`).
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Kdc;
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use Test::More;

use constant BODY_BYTES => 20_000;

# What the server does to an answer of a handshake: to the first, which says what it offers, or to the second, NTLM's challenge.
my @in_handshake = map { my $how = $_; map { "on handshake after=$_ times=1 do $how" } 0, 1 } qw(reset close-without-answer);

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
    my ($delivered, $dropped, $again) = (0, 0, 0);
    my $body = ('x' x 70 . "\r\n") x (BODY_BYTES / 72);
    for my $number (1 .. $requests) {
        if (rand() < 0.2) {
            $sim->control('clear');
            $sim->control($in_handshake[rand @in_handshake]) if rand() < 0.5;
            $sim->control('close-idle');
            $dropped++;
        }
        # A connection may be closed in the moment in which a request goes out. The message is then offered again, as by an MTA.
        for my $attempt (1 .. 3) {
            my ($reply) = $clients[rand @clients]->deliver(
                from => 'a@sender.test', to => ['ann@example.test'],
                message => "Subject: $number\r\nMessage-ID: <$name.$number.$$\@sender.test>\r\n\r\n$body",
            );
            if ($reply =~ /^250 /) {
                $delivered++;
                last;
            }
            like($reply, qr/^451 4\.4\.\d .*(?:closed|without)/, "$name: message $number was cut off");
            $again++;
        }
    }
    my @log = split /\n/, slurp($sim->directory . '/log');
    my @large = grep { /\bbytes=(\d+)/ && $1 > BODY_BYTES } @log;
    is($delivered, $requests, "F9: $name: each of $requests requests is authenticated, with connections dropped $dropped times");
    cmp_ok($dropped, '>', 0, 'some were');
    my $cut = grep { /\bfault=/ && /handshake|reset|close/ } @log;
    note("$name: $delivered delivered, $dropped drops, $cut of them in a handshake, $again offered again, "
          . scalar(@log) . ' requests, ' . scalar(@large) . ' with a body');
    cmp_ok($cut, '>', 0, 'handshakes were cut off too');
    cmp_ok($again, '<=', 1 + $requests / 50, 'hardly any message was cut off');
    cmp_ok(abs(@large - $requests), '<=', $again, "A5.7,F9: $name: each body is sent once, but for those");
    is((grep { !/\bstatus=(200|401)\b/ && !/\bfault=/ } @log), 0, 'no handshake came to grief') or diag(last_lines(join "\n", @log));
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
