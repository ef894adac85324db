#!/usr/bin/perl
# A KDC that takes connections and says nothing: whoever needs it waits, with a deadline, and the other sessions go on.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Kdc;
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use IO::Select;
use List::Util qw(max);
use Test::More;
use Time::HiRes qw(time);

my $kdc = Exg::Kdc->start;
my $keys = temporary_directory();
$kdc->add_service('HTTP/localhost', "$keys/http.keytab");
$kdc->add_user('svc', keytab => "$keys/svc.keytab");
local %ENV = (%ENV, $kdc->environment, KRB5CCNAME => "FILE:$keys/none");
my $hole = $kdc->black_hole;
my $sim = Exg::Sim->start(
    mailboxes => ['ann@example.test'],
    options   => ['--keytab', "$keys/http.keytab", '--auth', 'negotiate'],
);
my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => {
    exchange  => { auth => 'negotiate', kerberos_keytab => "$keys/svc.keytab", password_file => undef },
    directory => { check_recipients => 'no' },
    delivery  => { timeout => '5s' },
});
my ($sender, $other) = map { $lmtpd->client } 1 .. 2;
$sender->raw("MAIL FROM:<a\@sender.test>\r\nRCPT TO:<ann\@example.test>\r\nDATA\r\nSubject: x\r\n\r\ntext\r\n.\r\n");
my $input = IO::Select->new($sender->{socket});
my $buffer = '';
my @ms;
my $begun = time;
while (4 > (() = $buffer =~ /\n/g)) {
    my $asked = time;
    my $reply = $other->command('NOOP');
    push @ms, 1000 * (time - $asked);
    $reply =~ /^250 / or die "NOOP: $reply\n";
    die 'no answer within a minute' if time > $begun + 60;
    next if !$input->can_read(0.05);
    sysread $sender->{socket}, $buffer, 65536, length $buffer or die "exgate-lmtpd hung up: $buffer\n";
}
my $waited = time - $begun;
like($buffer, qr/^451 4\.\d\.\d /m, 'the mail waits at the MTA') or diag(last_lines($lmtpd->log));
cmp_ok($waited, '>', 2, sprintf 'after the deadline: %.1f s', $waited);
cmp_ok(scalar @ms, '>', 20, 'meanwhile another session was served');
cmp_ok(max(@ms), '<', 2000, sprintf 'at once: %d NOOPs, the longest %.1f ms', scalar @ms, max(@ms));
$lmtpd->stop;
close $hole;
$sim->stop;

done_testing();
