#!/usr/bin/perl
# Against an Exchange that serves so many requests at a time and calls itself busy for all above: exgate-lmtpd finds out how much it can
# take and keeps it at work, every mailbox gets its share, and while Exchange has asked to be left alone nothing is sent: for the
# mailbox whose request was refused, and for all once three mailboxes were.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use IO::Select;
use List::Util qw(max min sum);
use Test::More;
use Time::HiRes qw(time);
use Time::Local qw(timegm);

my $places     = 8;      # requests that Exchange serves at a time …
my $service_ms = 400;    # … and for how long: a slow machine adds little to that
my $window     = 5;      # seconds that are looked at together
my $patience   = 40 * ($ENV{EXG_SANITIZE} ? 2 : 1);
my $backoff_ms = 6000;
my $margin_ms  = 4000;   # how long the refusal may be on its way

# One mailbox is as busy as all the others together.
my @mailboxes = map { "m$_\@example.test" } 0 .. 9;
my @wanted    = (@mailboxes, ($mailboxes[0]) x 10);

my $sim = Exg::Sim->start(mailboxes => \@mailboxes);
my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => { log => { level => 'info' } });
my $select = IO::Select->new;
my $serial = 0;

# --- clients: each delivers one message after the other to its mailbox, and comes back later with what was refused -------------------

sub client_new
{
    my ($mailbox) = @_;
    my $lmtp = $lmtpd->client;
    my $client = { lmtp => $lmtp, mailbox => $mailbox, socket => $lmtp->{socket}, buffer => '' };
    next_message($client);
    return $client;
}

sub next_message
{
    my ($client) = @_;
    $serial++;
    $client->{message} = "Subject: $serial\r\nMessage-ID: <$serial.$$\@sender.test>\r\n\r\ntext\r\n";
}

# The whole transaction at once; its four replies come when they come.
sub begin
{
    my ($client) = @_;
    $client->{replies} = 0;
    $client->{lmtp}->raw("MAIL FROM:<a\@sender.test>\r\nRCPT TO:<$client->{mailbox}>\r\nDATA\r\n$client->{message}.\r\n");
}

sub on_input
{
    my ($client) = @_;
    sysread($client->{socket}, $client->{buffer}, 65536, length $client->{buffer}) or die "exgate-lmtpd hung up\n";
    while ($client->{buffer} =~ s/^(\d\d\d) [^\n]*\n//) {
        my $code = $1;
        next if ++$client->{replies} < 4;
        $code =~ /^(250|451)$/ or die "unexpected reply: $code\n";
        next_message($client) if $code == 250;
        $client->{begin_at} = time + ($code == 250 ? 0 : 0.2);
    }
}

my @clients = map { client_new($_) } @wanted;
my %client_of = map { fileno($_->{socket}) => $_ } @clients;
$select->add(map { $_->{socket} } @clients);
$_->{begin_at} = 0 for @clients;

# Lets the clients go on until the condition holds; false past the deadline.
sub run_until
{
    my ($seconds, $condition) = @_;
    my $deadline = time + $seconds;
    my $look_at = 0;
    while (time < $deadline) {
        for my $client (grep { defined $_->{begin_at} && $_->{begin_at} <= time } @clients) {
            delete $client->{begin_at};
            begin($client);
        }
        on_input($client_of{ fileno $_ }) for $select->can_read(0.05);
        next if time < $look_at;
        $look_at = time + 0.25;
        return 1 if $condition->();
    }
    return 0;
}

# --- what Exchange saw -----------------------------------------------------------------------------------------------------------

# { begun, ended (seconds), code, mailbox } of each CreateItem after the first `skip`.
sub requests
{
    my ($skip) = @_;
    my @requests;
    for (split /\n/, slurp($sim->directory . '/log')) {
        my ($year, $month, @rest) =
          /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):([\d.]+)Z .* operation=CreateItem mailbox=(\S+) .* code=(\S+) .* ms=([\d.]+)/ or next;
        my ($day, $hour, $minute, $second, $mailbox, $code, $ms) = @rest;
        my $ended = timegm(0, $minute, $hour, $day, $month - 1, $year) + $second;
        push @requests, { begun => $ended - $ms / 1000, ended => $ended, code => $code, mailbox => $mailbox };
    }
    return splice @requests, $skip;
}

sub served  { return grep { $_->{code} eq 'NoError' } @_ }
sub refused { return grep { $_->{code} eq 'ErrorServerBusy' } @_ }

# Those that were served, wholly or in part, in the last seconds of which all is known.
sub lately
{
    my @served = served(requests(0));
    return if !@served || $served[-1]{ended} - $served[0]{begun} < $window + 1;
    my $end = $served[-1]{ended} - 2 * $service_ms / 1000;
    my $begin = $end - $window;
    return grep { $_->{seconds} > 0 } map {
        { %$_, seconds => min($_->{ended}, $end) - max($_->{begun}, $begin) }
    } @served;
}

# --- capacity ---------------------------------------------------------------------------------------------------------------------

$sim->control("on CreateItem do capacity $places service=$service_ms");
my ($used, @last) = (0);
run_until($patience, sub {
    @last = lately();
    $used = (sum(map { $_->{seconds} } @last) // 0) / $window / $places;
    return $used >= 0.9;
});
my @first = requests(0);
cmp_ok($used, '>=', 0.9, sprintf 'it uses %.0f %% of what Exchange can do, %.1f messages per second, after %.1f s',
    100 * $used, @last / $window, $first[-1]{ended} - $first[0]{begun});
cmp_ok(scalar refused(@first), '>', 0, 'having found out by ' . refused(@first) . ' refusals of ' . @first . ' requests');

my %share = map { $_ => 0 } @mailboxes;
$share{ $_->{mailbox} }++ for @last;
my $mean = sum(values %share) / @mailboxes;
cmp_ok(min(values %share), '>=', $mean / 2,
    sprintf 'no mailbox starves: each was served %d to %d times in %d s', min(values %share), max(values %share), $window);

# --- back-off ---------------------------------------------------------------------------------------------------------------------

# Less room than it is used to, and Exchange says for how long it wants to be left alone.
$sim->control('clear');
$sim->control("on CreateItem do capacity 2 service=$service_ms backoff=$backoff_ms");
my $seen = @first;
my @second;
# What was sent all the same. Of three mailboxes that were refused shortly one after the other exgate-lmtpd concludes on all.
sub disturbing
{
    my ($refusal) = @_;
    my %recent = map { $_->{mailbox} => 1 } grep { abs($_->{ended} - $refusal->{ended} + 4) <= 4 } refused(@second);
    return grep {
             $_->{begun} > $refusal->{ended} + $margin_ms / 1000
          && $_->{begun} < $refusal->{ended} + $backoff_ms / 1000
          && ($_->{mailbox} eq $refusal->{mailbox} || keys %recent >= 3)
    } @second;
}
run_until($patience, sub {
    @second = requests($seen);
    my $end = (max(map { $_->{ended} } refused(@second)) // 0) + $backoff_ms / 1000;
    return refused(@second) && served(grep { $_->{begun} > $end } @second);
});
my @refused = refused(@second);
cmp_ok(scalar @refused, '>', 0, 'Exchange has asked for some peace ' . @refused . ' times');
is(scalar(map { disturbing($_) } @refused), 0, 'and has got it each time, among ' . @second . ' requests')
  or diag(map { sprintf "%.3f to %.3f: %s %s\n", @$_{qw(begun ended mailbox code)} } @second);

$_->{lmtp} = undef for @clients;
close $_->{socket} for @clients;
$sim->control('clear');
$lmtpd->stop;
$sim->stop;
done_testing;
