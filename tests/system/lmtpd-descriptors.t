#!/usr/bin/perl
# After many sessions, deliveries, refusals and broken connections exgate-lmtpd has as many descriptors open as before.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use Test::More;

my $sim = Exg::Sim->start(mailboxes => ['ann@example.test', 'bob@example.test']);
my $lmtpd = Exg::Lmtpd->start(
    sim  => $sim,
    # one connection to Exchange, so that it is the sessions that are counted
    conf => { exchange => { max_connections => 1 }, lmtp => { spool_memory => '4K' }, log => { level => 'warning' } },
);

sub descriptors { my @open = glob "/proc/@{[$lmtpd->pid]}/fd/*"; return scalar @open }

my $serial = 0;

sub message { $serial++; return "Subject: $serial\r\nMessage-ID: <$serial.$$\@sender.test>\r\n\r\n" . "x" x 70 . "\r\n" x 500 }

sub deliver
{
    my $lmtp = $lmtpd->client;
    my @replies = $lmtp->deliver(from => 'a@sender.test', to => [@_], message => message());
    $lmtp->quit;
    return @replies;
}

like((deliver('ann@example.test', 'nobody@example.test'))[0], qr/^250 /, 'a first delivery');
my $before = descriptors();
cmp_ok($before, '>', 5, 'its descriptors can be counted');

my $delivered = 0;
for my $round (1 .. 40) {
    $delivered += grep { /^250 / } deliver('ann@example.test', 'bob@example.test', 'nobody@example.test');
    my $cut = $lmtpd->client;
    $cut->command('MAIL FROM:<a@sender.test>');
    $cut->command('RCPT TO:<ann@example.test>');
    $cut->command('DATA');
    $cut->raw("Subject: cut off\r\n\r\n" . "x\r\n" x 5000);
}
is($delivered, 80, 'forty messages for two went in');
wait_until('the descriptors are as many as before', sub { descriptors() <= $before });
cmp_ok(descriptors(), '<=', $before, 'no descriptor is left open');

$lmtpd->stop;
$sim->stop;
done_testing;
