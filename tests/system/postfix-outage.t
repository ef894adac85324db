#!/usr/bin/perl
# Outages behind a real Postfix: Exchange stops, exgate stops, answers get lost. Mail waits in Postfix's queue; in the end all of it
# is there, once.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Postfix;
use Exg::Sim;
use Exg::Test;
use Test::More;

my $MESSAGES  = 20;
my @mailboxes = map { "box$_\@example.test" } 0 .. 4;
my $postfix   = Exg::Postfix->new;
my $sim       = Exg::Sim->start(mailboxes => \@mailboxes);
my $socket    = $postfix->private_socket('exgate');
my %conf      = (lmtp => { listen => 'systemd' }, delivery => { timeout => '5s', settle_time => '1s' });
my $lmtpd     = Exg::Lmtpd->start(sim => $sim, activate => $socket, user => 'nobody', conf => \%conf);
$postfix->start(
    main => {
        virtual_mailbox_domains    => 'example.test',
        virtual_transport          => 'lmtp:unix:private/exgate',
        lmtp_send_xforward_command => 'yes',
        # a bounce would be lost mail here
        soft_bounce                => 'yes',
        notify_classes             => '',
    }
);

# Submits a batch; each message goes to two mailboxes. %expected counts what has to be there in the end, by subject.
my (%expected, $serial);
sub submit_batch
{
    my $client = $postfix->client;
    for (1 .. $MESSAGES) {
        $serial++;
        my @to = @mailboxes[$serial % @mailboxes, ($serial + 2) % @mailboxes];
        $expected{$_}{$serial} = 1 for @to;
        $postfix->submit(client => $client, from => 'writer@sender.test', to => \@to,
            message => "From: writer\@sender.test\r\nSubject: number $serial\r\n\r\n" . 'text ' x 300 . "\r\n");
    }
}

# Flushes until the queue is empty.
sub drain
{
    my $flushed = 0;
    wait_until('the queue is empty', sub {
        return 1 if $postfix->queued == 0;
        if ($postfix->queued('active', 'incoming', 'maildrop') == 0 && time > $flushed) {
            $flushed = time;
            $postfix->flush;
        }
        return 0;
    });
}

sub check_mailboxes
{
    my ($name) = @_;
    my @odd;
    for my $mailbox (@mailboxes) {
        my %seen;
        $seen{ /^Subject: number (\d+)\r$/m ? $1 : '?' }++ for $sim->messages($mailbox);
        push @odd, "$mailbox: $_ is there $seen{$_} times" for grep { $seen{$_} > 1 } sort keys %seen;
        push @odd, "$mailbox: $_ is lost"    for grep { !$seen{$_} } sort keys %{ $expected{$mailbox} };
        push @odd, "$mailbox: $_ is strange" for grep { !$expected{$mailbox}{$_} } sort keys %seen;
    }
    is(scalar @odd, 0, "$name: nothing is lost and nothing is there twice") or diag(join "\n", @odd);
}

sub wait_for_deferred
{
    wait_until('all are deferred', sub { $postfix->queued('deferred') == $MESSAGES && $postfix->queued == $MESSAGES });
    pass('Postfix keeps the messages');
}

submit_batch();
drain();
check_mailboxes('before any outage');

# --- Exchange stops ---------------------------------------------------------------------------

$sim->{process}->stop;
submit_batch();
wait_for_deferred();
like($postfix->log, qr/dsn=4\.4\.1, status=deferred \(.*451 4\.4\.1 /, 'and says why');
$sim->launch;
drain();
check_mailboxes('Exchange was away');

# --- answers get lost -------------------------------------------------------------------------

$sim->control('on CreateItem after=3 times=10 do stored-unanswered');
submit_batch();
drain();
check_mailboxes('answers were lost');
like($postfix->log, qr/dsn=4\.4\.2, status=deferred/, 'Postfix was told that an outcome is not known');
$sim->control('clear');

# --- exgate is killed in the middle -----------------------------------------------------------

$sim->control('on CreateItem do delay 300');
my $before = $sim->count($mailboxes[0]);
submit_batch();
wait_until('deliveries are under way', sub {
    $postfix->queued('active') > 0 && $sim->count($mailboxes[0]) > $before;
});
$lmtpd->{process}->stop('KILL');
$sim->control('clear');
$lmtpd->launch;
drain();
check_mailboxes('exgate was killed');

$postfix->stop;
$lmtpd->stop;
$sim->stop;
done_testing;
