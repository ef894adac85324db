#!/usr/bin/perl
# exgate-lmtpd's memory grows neither with the size of messages nor with the number of their recipients, and little with sessions.
# The short form sends less at a time; EXG_MEMORY=full (make memory) sends 100 messages of 25 MB at once to 5 recipients each.
#
# What counts is anonymous and shared memory, and what lies in memfds and in files on a tmpfs that are open.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
BEGIN { $ENV{TMPDIR} //= '/var/tmp' } # the spool belongs on a disk
use Exg::Feed;
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use Test::More;

plan skip_all => "an instrumented program's memory is not its own" if $ENV{EXG_SANITIZE} || $ENV{EXG_VALGRIND};

use constant MIB => 1024 * 1024;
my $full = ($ENV{EXG_MEMORY} // '') eq 'full';
my ($sessions, $recipients, $large_mib, $idle) = $full ? (100, 5, 25, 1000) : (24, 2, 3, 300);

my @mailboxes = map { "user$_\@example.test" } 1 .. $recipients;
my $sim = Exg::Sim->start(mailboxes => \@mailboxes, options => ['--memory']);
my $lmtpd = Exg::Lmtpd->start(
    sim  => $sim,
    conf => {
        exchange => { max_per_mailbox => 100 },
        lmtp     => { spool_max_size => '4G', max_sessions => $idle + $sessions },
        delivery => { timeout => '9min' }, # the simulated Exchange takes its time for so much
        log      => { level => 'warning' },
    },
);

# The devices that are tmpfs, as stat() numbers them.
sub tmpfs_devices
{
    my %devices;
    for my $line (split /\n/, slurp('/proc/self/mountinfo')) {
        next if $line !~ / - tmpfs / || $line !~ /^\d+ \d+ (\d+):(\d+) /;
        $devices{ ($2 & 0xff) | $1 << 8 | ($2 & ~0xff) << 12 } = 1;
    }
    return \%devices;
}

my $tmpfs = tmpfs_devices();

sub memory_bytes
{
    my $directory = '/proc/' . $lmtpd->pid;
    my $bytes     = 0;
    for (split /\n/, slurp("$directory/smaps_rollup")) {
        $bytes += $1 * 1024 if /^(?:Anonymous|Pss_Shmem):\s+(\d+) kB/;
    }
    for my $descriptor (glob "$directory/fd/*") {
        my $target = readlink $descriptor // next;
        my @status = stat $descriptor or next;
        $bytes += $status[12] * 512 if $target =~ m{^/memfd:} || $tmpfs->{ $status[0] };
    }
    return $bytes;
}

sub mib { my ($bytes) = @_; return sprintf '%.1f MiB', $bytes / MIB }

# All sessions send a message at the same time; returns the most memory seen meanwhile.
sub peak_with
{
    my ($mib) = @_;
    my $before = $sim->requests('CreateItem');
    my $peak   = 0;
    my $feed   = Exg::Feed->new(
        address    => $lmtpd->address,
        sessions   => $sessions,
        recipients => [@mailboxes],
        seconds    => 600,
        watch      => sub {
            my $now = memory_bytes();
            $peak = $now if $now > $peak;
        },
    );
    my $accepted = $feed->deliver($mib * MIB);
    $feed->quit;
    is($accepted, $sessions * @mailboxes, "$sessions messages of $mib MiB at the same time are accepted");
    is($sim->requests('CreateItem') - $before, $accepted, 'each is stored ' . @mailboxes . ' times');
    return $peak;
}

my $before = memory_bytes();
my @idle = map { $lmtpd->client } 1 .. $idle;
my $each = (memory_bytes() - $before) / $idle;
note(sprintf '%.1f KiB for each of %d idle sessions', $each / 1024, $idle);
cmp_ok($each, '<=', 100 * 1024, 'an idle session takes at most 100 KiB');

# a session that has had a transaction, too, and has gone back to waiting
$_->command('MAIL FROM:<a@sender.test>') for @idle;
$_->command("RCPT TO:<$mailboxes[0]>") for @idle;
my $begun = (memory_bytes() - $before) / $idle;
cmp_ok($begun, '<=', 100 * 1024, 'and so does one with an envelope');
$_->quit for @idle;

peak_with(1); # makes the connections to the server, which stay
my $small = peak_with(1);
my $large = peak_with($large_mib);
note('at most ', mib($small), ' with messages of 1 MiB, ', mib($large), " with messages of $large_mib MiB");
cmp_ok($small, '>', 1 * MIB, 'memory is measured');
cmp_ok($large, '<=', 64 * MIB, 'at most 64 MiB');
# few messages give the chance of a moment more weight
my $allowance = $full ? 0 : 4 * MIB;
cmp_ok($large, '<=', 1.1 * $small + $allowance, 'hardly more than with messages of 1 MiB') or diag(mib($large), ', ', mib($small));

$lmtpd->stop;
$sim->stop;
done_testing;
