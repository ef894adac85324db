#!/usr/bin/perl
# Real messages through a real Postfix into the simulated Exchange, set up as packaged: a chrooted lmtp client, a socket in the queue
# directory passed by the service manager, exgate-lmtpd without privileges. Each message arrives once in each of its mailboxes, and is
# what Postfix handed over, byte for byte, but for the documented header fields. A recording sink tells what Postfix handed over: a
# recipient of the same queue file, routed there.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Corpus;
use Exg::Lmtpd;
use Exg::Postfix;
use Exg::Sim;
use Exg::Sink;
use Exg::Test;
use Test::More;

Exg::Postfix::need();
my $corpus = Exg::Corpus::messages();
my @names  = sort keys %$corpus;
plan(skip_all => 'the packages with the messages are not here') if @names < 100;
cmp_ok(scalar @names, '>=', 200, scalar(@names) . ' messages');

my @mailboxes = map { "box$_\@example.test" } 0 .. 6;
my $postfix   = Exg::Postfix->new;
my $sim       = Exg::Sim->start(mailboxes => \@mailboxes);
my $sink      = Exg::Sink->start(socket => $postfix->private_socket('sink'));
my $lmtpd     = Exg::Lmtpd->start(
    sim      => $sim,
    activate => $postfix->private_socket('exgate'),
    user     => 'nobody',
    conf     => { lmtp => { listen => 'systemd' } },
);
$postfix->start(
    main => {
        virtual_mailbox_domains    => 'example.test',
        virtual_transport          => 'lmtp:unix:private/exgate',
        relay_domains              => 'sink.test',
        relay_transport            => 'lmtp:unix:private/sink',
        lmtp_send_xforward_command => 'yes',
        # no repairs: what comes without Date or Message-ID goes on without
        local_header_rewrite_clients => '',
    }
);

# Each message goes to three mailboxes, in one transaction. The sender tells which message it is.
my (%expected, %queue_id);
my $client = $postfix->client;
for my $i (0 .. $#names) {
    my @to = @mailboxes[map { ($i + $_) % @mailboxes } 0, 1, 3];
    $expected{$_}{"m$i\@sink.test"} = 1 for @to;
    $queue_id{"m$i\@sink.test"} = $postfix->submit(
        client  => $client,
        from    => "m$i\@sink.test",
        to      => [@to, 'copy@sink.test'],
        message => $corpus->{ $names[$i] },
    );
}
wait_until('the queue is empty', sub { $postfix->queued == 0 });

my @handed_over = $sink->messages;
is(scalar @handed_over, scalar @names, 'the sink has each message, and no bounce');
my %handed_over = map { $_->{from} => $_->{content} } @handed_over;

my (@odd, $compared);
my $added_ids = 0;
for my $mailbox (@mailboxes) {
    my %seen;
    for my $stored ($sim->messages($mailbox)) {
        my $part = Exg::Lmtpd::split_stored($stored);
        my $from = $part->{return_path} // '?';
        my ($index) = $from =~ /^m(\d+)\@/;
        my $name = "$mailbox: " . (defined $index ? $names[$index] : 'unknown');
        push(@odd, "$name: no trace fields"), next if !defined $part->{content} || !defined $handed_over{$from};
        push @odd, "$name: twice"             if $seen{$from}++;
        push @odd, "$name: another's"         if !$expected{$mailbox}{$from};
        push @odd, "$name: Delivered-To"      if $part->{delivered_to} ne $mailbox;
        push @odd, "$name: changed"           if $part->{content} ne Exg::Lmtpd::without_return_path($handed_over{$from});
        push @odd, "$name: Message-ID"        if !!defined $part->{message_id} == !!Exg::Lmtpd::has_message_id($handed_over{$from});
        $added_ids++ if defined $part->{message_id};
        $compared++;
    }
    push @odd, "$mailbox: $_ is missing" for grep { !$seen{$_} } keys %{ $expected{$mailbox} };
}
is(scalar @odd, 0, 'each message is in each of its mailboxes, once, as Postfix handed it over') or diag(join "\n", @odd);
is($compared, 3 * @names, "$compared stored messages were compared");
note("$added_ids of them got a Message-ID");

# One search of the log finds a message by Postfix's queue id.
my @unlogged = grep { $lmtpd->log !~ /\b\Q$queue_id{$_}\E\b/ } keys %queue_id;
is(scalar @unlogged, 0, "exgate's log names each of Postfix's queue ids") or diag("@unlogged");

$postfix->stop;
$lmtpd->stop;
$sink->stop;
$sim->stop;
done_testing;
