#!/usr/bin/perl
# Kerberos and NTLM by exgate itself, against a real KDC, MIT's GSSAPI and gss-ntlmssp: what is right is accepted, and what is
# wrong, missing, expired or changed is told plainly, with and without Extended Protection.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Kdc;
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use Test::More;

my $have_ntlm = () = glob '/usr/lib/*/gssntlmssp/gssntlmssp.so';
my $kdc = Exg::Kdc->start;
my $keys = temporary_directory();
$kdc->add_service('HTTP/localhost', "$keys/http.keytab");
$kdc->add_user('svc', keytab => "$keys/svc.keytab");
$kdc->add_user('old', keytab => "$keys/old.keytab");
local %ENV = (%ENV, $kdc->environment, KRB5CCNAME => "FILE:$keys/none");
my $serial = 0;

sub start_sim
{
    my (@options) = @_;
    return Exg::Sim->start(
        mailboxes => ['ann@example.test'],
        options   => ['--keytab', "$keys/http.keytab", @options],
    );
}

# Delivers one message with these keys of [exchange]; returns the reply and the daemon's log.
sub deliver
{
    my ($sim, %exchange) = @_;
    my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => { exchange => \%exchange, directory => { check_recipients => 'no' } });
    my @replies = map {
        $serial++;
        my ($reply) = $lmtpd->client->deliver(
            from    => 'a@sender.test',
            to      => ['ann@example.test'],
            message => "Subject: $serial\r\nMessage-ID: <$serial.$$\@sender.test>\r\n\r\nhello\r\n",
        );
        $reply;
    } 1 .. 2;
    $lmtpd->stop;
    return ($replies[0], $lmtpd->log, $replies[1]);
}

# How many requests the simulator has answered.
sub log_lines { my ($sim) = @_; return split /\n/, slurp($sim->directory . '/log') }

my %kerberos = (auth => 'negotiate', kerberos_keytab => "$keys/svc.keytab", password_file => undef);

for my $protection (qw(none allow require)) {
    my $sim = start_sim('--auth', 'negotiate,ntlm', '--extended-protection', $protection);
    my ($reply, $log, $second) = deliver($sim, %kerberos);
    like($reply, qr/^250 /, "A5.2: Kerberos with a keytab, Extended Protection $protection") or diag(last_lines($log));
    like($second, qr/^250 /, 'and a second message');
  SKIP: {
        skip 'gss-ntlmssp is not installed', 4 if !$have_ntlm;
        for my $auth (qw(ntlm negotiate)) {
            my ($ntlm, $ntlm_log) = deliver($sim, auth => $auth);
            like($ntlm, qr/^250 /, "A5.2,A5.6: NTLM as auth = $auth, Extended Protection $protection")
              or diag(last_lines($ntlm_log));
            my ($wrong) = deliver($sim, auth => $auth, password_file => spew("$keys/wrong", "wrong\n"));
            like($wrong, qr/^451 4\.7\.0 /, "F14: a wrong password with auth = $auth");
        }
    }
    $sim->stop;
}

done_testing();
