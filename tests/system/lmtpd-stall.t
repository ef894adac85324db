#!/usr/bin/perl
# The engine never blocks: whichever of its files a stalled disk keeps a thread waiting for, exgate-lmtpd answers its other clients.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use IO::Select;
use List::Util qw(max);
use Test::More;
use Time::HiRes qw(time);

my $stall_ms = 2000;
# The fail point of each place where a thread waits for the disk.
my @places = (
    ['journal-before-commit', 'the journal'],
    ['spool-write',           'the spool file'],
    ['directory-file',        "the directory's cache"],
    ['throttle-file',         "the throttle's file"],
);

my $sim = Exg::Sim->start(mailboxes => [map { "m$_\@example.test" } 0 .. @places]);
my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => { lmtp => { spool_memory => '4K' } });
my $serial = 0;

# Delivers one message that needs all the files, and asks a second session for its NOOPs until `enough`, and the delivery is done.
# Returns how long each took, in ms.
sub noops_beside_a_delivery
{
    my ($enough) = @_;
    my ($sender, $other) = map { $lmtpd->client } 1 .. 2;
    my $to = "m$serial\@example.test";
    $serial++;
    $sender->raw("MAIL FROM:<a\@sender.test>\r\nRCPT TO:<$to>\r\nDATA\r\nSubject: $serial\r\n\r\n" . "text\r\n" x 20000 . ".\r\n");
    my $input = IO::Select->new($sender->{socket});
    my $buffer = '';
    my @ms;
    while (@ms < 100 || !$enough->() || 4 > (() = $buffer =~ /\n/g)) {
        my $begun = time;
        my $reply = $other->command('NOOP');
        push @ms, 1000 * (time - $begun);
        $reply =~ /^250 / or die "NOOP: $reply\n";
        next if !$input->can_read(0.01);
        sysread $sender->{socket}, $buffer, 65536, length $buffer or die "exgate-lmtpd hung up: $buffer\n";
    }
    like($buffer, qr/^250 .*\n250 .*\n354 .*\n250 /, "$to: the message is delivered");
    return @ms;
}

sub middle { return (sort { $a <=> $b } @_)[$#_ / 2] }

sub told
{
    my (@ms) = @_;
    return sprintf '%d NOOPs took %.1f ms each, %.1f ms at most', scalar @ms, middle(@ms), max(@ms);
}

my @calm = noops_beside_a_delivery(sub { 1 });
note('nothing stalled: ' . told(@calm));
$lmtpd->stop;

for my $place (@places) {
    my ($point, $name) = @$place;
    $lmtpd->{failpoints} = "$point=delay:$stall_ms,times=1";
    $lmtpd->launch;
    my $stalled;
    my @ms = noops_beside_a_delivery(sub {
        $stalled //= time if $lmtpd->log =~ /Fail point \Q$point\E: /;
        return $stalled && time > $stalled + $stall_ms / 1000;
    });
    # One that the engine kept waiting would have taken as long as the stall.
    cmp_ok(max(@ms), '<', max(@calm) + $stall_ms / 2, "$name stalled for $stall_ms ms: " . told(@ms));
    cmp_ok(middle(@ms), '<', 5 * middle(@calm) + 100, 'most of them as fast as ever');
    $lmtpd->stop;
}

$sim->stop;
done_testing;
