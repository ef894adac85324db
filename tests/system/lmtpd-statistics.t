#!/usr/bin/perl
# The statistics of exgate-lmtpd: on their socket, and in the log.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use IO::Socket::UNIX;
use Test::More;

my $sim    = Exg::Sim->start(mailboxes => [map { "$_\@example.test" } qw(ann bob)]);
my $place  = temporary_directory();
my $socket = "$place/stats";
my $lmtpd  = Exg::Lmtpd->start(sim => $sim, conf => { lmtp => { stats_socket => $socket, stats_interval => '1s' } });

# All that the socket says, by name.
sub statistics
{
    my $client = IO::Socket::UNIX->new(Peer => $socket) or die "$socket: $!\n";
    local $SIG{ALRM} = sub { die "no end of the statistics\n" };
    alarm 20;
    my %found;
    while (my $line = <$client>) {
        $found{$1} = $2 if $line =~ /^exgate_lmtpd_(\S+) (\d+)$/;
    }
    alarm 0;
    return \%found;
}

my $message = "Received: from client.test by mta.test; Sat, 21 Nov 2026 20:04:05 +0000\r\nSubject: $$\r\n\r\nHello.\r\n";
my $before = statistics();
is($before->{'recipients_total{outcome="delivered"}'}, 0, 'nothing was delivered yet');
is($before->{exchange_limit}, 64, 'so many requests may be in flight');

my $lmtp = $lmtpd->client;
$lmtp->deliver(from => 'a@sender.test', to => [qw(ann@example.test ghost@example.test bob@example.test)], message => $message);
$sim->control('on CreateItem times=1 do code ErrorServerBusy');
$lmtp->deliver(from => 'a@sender.test', to => ['ann@example.test'], message => "X: y\r\n$message");
my $after = statistics();
is($after->{sessions}, 1, 'a session');
is($after->{messages_total}, 2, 'two messages');
is($after->{'recipients_total{outcome="delivered"}'}, 2, 'two recipients that were delivered to');
is($after->{'recipients_total{outcome="deferred"}'}, 1, 'one that was deferred');
is($after->{'recipients_total{outcome="refused"}'}, 1, 'one that was refused');
is($after->{'directory_lookups_total{from="exchange"}'}, 3, 'three were looked up');
is($after->{'directory_lookups_total{from="cache"}'}, 1, 'one was known');
is($after->{directory_asked_total}, 3, 'Exchange was asked for three');
is($after->{directory_held_back_total}, 0, 'which its budget allows');
is($after->{directory_stale_total}, 0, 'and nothing was answered from before');
is($after->{exchange_throttled_total}, 1, 'Exchange asked for less');
cmp_ok($after->{exchange_requests_total}, '>=', 7, 'after several requests');
is($after->{exchange_in_flight}, 0, 'none is under way');

$lmtpd->wait_for_log(qr/since the start: 2 messages, 2 recipients delivered, 1 deferred, 1 refused; now: 1 sessions/);
pass('the log tells the same');
$lmtp->quit;

$lmtpd->stop;
ok(!-e $socket, 'the socket goes with the program');
$sim->stop;

done_testing;
