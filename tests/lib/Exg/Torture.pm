# Exg::Torture - the proof of "exactly once": mail from a real Postfix through exgate-lmtpd into the simulated Exchange, while
# each of them is killed and every fault happens; then every message is counted.
#   my $torture = Exg::Torture->start(seed => 7);
#   $torture->run(name => 'random moments', strikes => ['random:exgate', 'random:sim'], kills => 10);
#   $torture->finish;    # empties the queue, prints the table, tests each row of it
#
# A strike is one kill, and the way to it:
#   exgate:SPECIFICATION  exgate-lmtpd kills itself at a fail point (common/base/failpoint.h); '#' becomes a small random number
#   sim:SPECIFICATION     so does the simulated Exchange
#   random:exgate         kill -9 at a random moment while mail is on its way; likewise random:sim, random:postfix (all of it),
#                         random:lmtp (Postfix's LMTP clients)
#   drain:SPECIFICATION   exgate-lmtpd is told to stop, and kills itself at a fail point while it does
#   unread                Postfix's LMTP clients are killed just before exgate-lmtpd writes a reply
package Exg::Torture;

use strict;
use warnings;
use Digest::MD5 qw(md5 md5_hex);
use Exg::Lmtpd;
use Exg::Postfix;
use Exg::Sim;
use Exg::Sink;
use Exg::Test;
use List::Util qw(min);
use MIME::Base64 qw(decode_base64);
use Test::More;
use Time::HiRes qw(sleep time);

my @MAILBOXES = map { "box$_\@example.test" } 1 .. 24;
my %KNOWN     = map { $_ => 1 } @MAILBOXES;
my $MOVING_MAX  = 12;    # messages on their way at a time
my $WAITING_MAX = 60;    # messages in the queue: more wait only for their next try
my $ROW_SECONDS = 240;   # in which each row of the table has to be done

# Each fault of the simulated Exchange, as a rule without `times`.
our @FAULTS = (
    'on CreateItem do stall',
    'on CreateItem stored do stall',
    'on CreateItem do delay 300',
    'on CreateItem do delay 2500',                 # past the deadline of the reply
    'on CreateItem do late 300',
    'on CreateItem do slow 2000',
    'on CreateItem do slow 100',
    'on CreateItem do reset-after-request-bytes 1500',
    'on CreateItem do reset-after-request-bytes 60000',
    'on CreateItem do reset',
    'on CreateItem stored do reset',
    'on CreateItem do close-without-answer',
    'on CreateItem do stored-unanswered',
    'on CreateItem conn=reused do stored-unanswered',
    'on CreateItem do truncate 0',
    'on CreateItem do truncate 300',
    'on CreateItem do no-itemid',
    'on CreateItem do illegal-char-ref',
    'on CreateItem do garbage',
    'on CreateItem stored do garbage',
    'on CreateItem do xml-flood 100000',
    'on CreateItem stored do xml-flood 3000000',
    'on CreateItem do status 429 retry-after=1',
    'on CreateItem do status 503 html',
    'on CreateItem stored do status 503',
    'on CreateItem do status 500',
    'on CreateItem stored do status 500 html',
    'on CreateItem stored do status 502',
    'on CreateItem do status 504',
    'on CreateItem do html404',
    'on CreateItem do unauthorized',
    'on CreateItem do code ErrorServerBusy backoff=500',
    'on CreateItem do code ErrorServerBusy fault',
    'on CreateItem do code ErrorMailboxStoreUnavailable',
    'on CreateItem do code ErrorNonExistentMailbox',
    'on CreateItem do code ErrorQuotaExceeded',
    'on CreateItem stored do code ErrorTimeoutExpired',
    'on CreateItem stored do code ErrorInternalServerError fault',
    'on ResolveNames do status 503',
    'on ResolveNames do garbage',
    'on connect do tls-alert',
    'on connect do reset',
    'on connect do close-without-answer',
    'on connect do delay 300',
    'on connect do stall',
);

# Where exgate-lmtpd and the simulated Exchange kill themselves. In turn: exgate-lmtpd, started anew, does not leave a server alone that
# it could not reach.
our @POINTS = (
    'exgate:lmtp-message-received=kill,after=#',
    'exgate:journal-before-commit=kill,after=#',
    'sim:sim-before-storing=kill,after=#',
    'exgate:journal-intent-committed=kill,after=#',
    'exgate:journal-after-commit=kill,after=#',
    'exgate:store-before-send=kill,after=#',
    'sim:sim-half-stored=kill,after=#',
    'exgate:body-partly-sent=kill,after=#',
    'exgate:http-request-sent=kill,after=#',
    'exgate:store-answered=kill,after=#',
    'exgate:lmtp-before-reply=kill,after=#',
    'sim:sim-stored=kill,after=#',
    # the commit of `done` overtakes the reply
    'exgate:store-done-queued=delay:100;journal-done-committed=kill,after=#',
    'exgate:lmtp-reply-written=kill,after=#',
    'exgate:lmtp-between-replies=kill,after=#',
    'drain:drain-under-way=kill,after=#',
    'drain:lmtp-before-reply=kill,after=#',
    'unread',
);

# A refusal of the converter's for each mailbox, once: what comes next is the same message, wrapped. For strikes that leave the
# simulated Exchange alone, which would begin to count anew.
our @UNCONVERTIBLE = map { "on CreateItem mailbox=$_ times=1 do code ErrorMimeContentConversionFailed" } @MAILBOXES;

# Power cuts (common/sqlite/power-cut.h): what the journal did not sync is lost with the process that is killed; or, the nastier way,
# some of it. And the moments when they do most harm.
our @POWER_CUTS = qw(power-cut power-cut-torn);
our @POWER_CUT_POINTS = (
    'random:exgate',
    'exgate:power-cut-write=kill,after=#',
    'exgate:power-cut-sync=kill,after=#',
    'exgate:power-cut-flush=kill,after=#',
    'exgate:journal-before-commit=kill,after=#',
    'exgate:journal-intent-committed=kill,after=#',
    'exgate:http-request-sent=kill,after=#',
    'exgate:store-answered=kill,after=#',
    'exgate:store-done-queued=delay:100;journal-done-committed=kill,after=#',
    'exgate:lmtp-reply-written=kill,after=#',
);

# Options: seed, progress => whether to say on standard error how far it is.
sub start
{
    my ($class, %options) = @_;
    my $postfix = Exg::Postfix->new;
    my $sim     = Exg::Sim->start(mailboxes => \@MAILBOXES);
    my $sink    = Exg::Sink->start(socket => $postfix->private_socket('sink'));
    my $lmtpd   = Exg::Lmtpd->start(
        sim      => $sim,
        activate => $postfix->private_socket('exgate'),
        user     => 'nobody',
        conf     => {
            lmtp     => { listen  => 'systemd', spool_memory => '16K' },
            delivery => { timeout => '2s', settle_time => '1s' },
            log      => { level   => 'info' },
        },
    );
    my $self = bless { %options, postfix => $postfix, sim => $sim, sink => $sink, exgate => $lmtpd }, $class;
    $self->{rows} = [];
    $self->{sent} = {};
    $self->{flushed} = 0;
    $postfix->start(main => main_cf());
    my $seed = "TORTURE_SEED=$self->{seed}";
    $self->{progress} ? diag($seed) : note($seed);
    return $self;
}

sub main_cf
{
    return {
        virtual_mailbox_domains             => 'example.test',
        virtual_transport                   => 'lmtp:unix:private/exgate',
        relay_domains                       => 'sink.test',
        relay_transport                     => 'lmtp:unix:private/sink',
        lmtp_send_xforward_command          => 'yes',
        notify_classes                      => '',
        # a message with many recipients goes out in several transactions at a time
        lmtp_destination_recipient_limit    => 8,
        initial_destination_concurrency     => 20,
        # nobody is given up for long: the next failure is what this is about
        default_destination_concurrency_failed_cohort_limit => 0,
        default_destination_concurrency_negative_feedback   => 0,
        minimal_backoff_time                => '1s',
        maximal_backoff_time                => '2s',
        queue_run_delay                     => '1s',
        transport_retry_time                => '1s',
        service_throttle_time               => '1s',
        in_flow_delay                       => 0,
    };
}

# --- chance -----------------------------------------------------------------------------------

# A source of random numbers below N that depends on the seed and the labels only, not on what happened before.
sub dice
{
    my ($self, @labels) = @_;
    my ($labels, $thrown) = (join('/', $self->{seed}, @labels), 0);
    return sub { unpack('N', md5($labels . '/' . $thrown++)) % $_[0] };
}

# Message number `serial`: its recipients and its text.
sub message
{
    my ($self, $serial) = @_;
    my $dice  = $self->dice('message', $serial);
    my $count = 1 + min(map { $dice->(20) } 1 .. 2);
    my @pool  = @MAILBOXES;
    my @to    = map { splice @pool, $dice->(scalar @pool), 1 } 1 .. $count;
    # a new one each time: that there is no such mailbox is remembered
    $to[$dice->($count)] = "ghost$serial\@example.test" if $dice->(4) == 0;
    my $bytes = $dice->(8) == 0 ? 60_000 + $dice->(200_000) : 100 + $dice->(4000);
    my $line  = "message $serial goes to $count and is $bytes bytes long\r\n";
    my $body  = $line x (1 + $bytes / length $line);
    return {
        from    => "t$serial\@sink.test",
        to      => \@to,
        message => "X-Torture: $serial\r\nFrom: t$serial\@sink.test\r\nSubject: number $serial\r\n\r\n$body",
        digest  => md5_hex($body),
    };
}

# --- traffic ----------------------------------------------------------------------------------

# Hands one message in. Without Postfix's word that it has it, it may be there, but need not.
sub submit
{
    my ($self) = @_;
    my $serial = ++$self->{serial};
    my $order  = $self->message($serial);
    my $id     = eval {
        $self->{smtp} //= $self->{postfix}->client;
        $self->{postfix}->submit(client => $self->{smtp}, %$order);
    };
    $self->{smtp} = undef if !$id;
    $self->{row}{messages}++;
    $self->{sent}{$serial} = { row => $self->{row}, to => $order->{to}, digest => $order->{digest}, id => $id };
}

# Sees to it that mail is on its way: new one, and what waits for another try.
sub traffic
{
    my ($self) = @_;
    my $postfix = $self->{postfix};
    my $waiting = $postfix->queued('deferred');
    my $moving  = $postfix->queued('incoming', 'active');
    $self->submit if $moving < $MOVING_MAX && $waiting + $moving < $WAITING_MAX;
    $self->push_queue;
}

# Has all that waits tried again. What lies in `incoming` can wait as well: Postfix's word to its queue manager that it is there may get
# lost on a busy machine, and then it is looked for after minutes only.
sub push_queue
{
    my ($self) = @_;
    return if time < $self->{flushed} + 0.3 || !$self->{postfix}->queued('deferred', 'incoming');
    $self->renew_password if $self->{row}{refused};
    $self->{postfix}->flush;
    $self->{flushed} = time;
}

# What an administrator does when the account was refused and is right again: otherwise it is left alone for a quarter of an hour.
sub renew_password
{
    my ($self) = @_;
    my $exgate = $self->{exgate};
    utime undef, undef, "$exgate->{directory}/password" or die "$exgate->{directory}/password: $!";
    $exgate->{process}->signal('HUP') if $exgate->{process}->is_running;
}

# Until nothing waits any more.
sub drain
{
    my ($self) = @_;
    wait_until('the queue is empty', sub {
        return 1 if $self->{postfix}->queued == 0;
        $self->push_queue;
        return 0;
    }, $ROW_SECONDS);
}

# --- starting and killing ---------------------------------------------------------------------

sub launch
{
    my ($self, $who, $failpoints) = @_;
    my $server = $self->{$who};
    $server->{failpoints} = join ';', grep { length } $self->{row}{always}{$who} // '', $failpoints // '';
    $server->launch;
    $self->set_faults if $who eq 'sim';
}

# Brings it up with these fail points, if that is not how it runs.
sub arm
{
    my ($self, $who, $failpoints) = @_;
    my $server = $self->{$who};
    my $wanted = join ';', grep { length } $self->{row}{always}{$who} // '', $failpoints // '';
    if ($server->{process}->is_running) {
        return if $wanted eq ($server->{failpoints} // '');
        $self->stop_well($who);
    }
    $self->launch($who, $failpoints);
}

sub stop_well
{
    my ($self, $who) = @_;
    $self->must_end_with($self->{$who}{process}->stop, $who, 0);
}

sub set_faults
{
    my ($self) = @_;
    $self->{sim}->control($_) for @{ $self->{row}{faults} };
}

# It is dead: by a kill, and nothing else.
sub count_kill
{
    my ($self, $who) = @_;
    my $status = $self->{$who}{process}->wait_for_end;
    $self->{row}{kills}++;
    $self->must_end_with($status, $who, -9);
}

sub must_end_with
{
    my ($self, $status, $who, @expected) = @_;
    push @{ $self->{odd} }, "$who ended with $status" if !grep { $_ == $status } @expected;
}

sub kill_clients
{
    my ($self) = @_;
    $self->{row}{kills}++ if kill 'KILL', $self->{postfix}->processes_of('lmtp');
}

sub is_stopped
{
    my ($process) = @_;
    return $process->is_running && slurp("/proc/$process->{pid}/stat") =~ /\) T /;
}

# Waits for something, with mail on its way.
sub traffic_until
{
    my ($self, $what, $condition) = @_;
    wait_until($what, sub {
        return 1 if $condition->();
        $self->traffic;
        return $condition->();
    }, $ROW_SECONDS);
}

sub in_motion
{
    my ($self) = @_;
    $self->traffic_until('mail is on its way', sub { $self->{postfix}->queued('active') > 0 });
}

sub strike
{
    my ($self, $strike, $dice) = @_;
    my ($kind, $rest) = split /:/, $strike, 2;
    my $points = ($rest // '') =~ s/#/$dice->(5)/ger;
    my %way = (exgate => \&strike_at_point, sim => \&strike_at_point, random => \&strike_at_random,
        drain => \&strike_draining, unread => \&strike_unread);
    $way{$kind}->($self, $kind, $points, $dice);
}

sub strike_at_point
{
    my ($self, $who, $points) = @_;
    $self->arm($_) for grep { $_ ne $who } qw(exgate sim);
    $self->arm($who, $points);
    $self->traffic_until("$who dies at $points", sub { !$self->{$who}{process}->is_running });
    $self->count_kill($who);
    $self->launch($who);
}

sub strike_at_random
{
    my ($self, undef, $who, $dice) = @_;
    $self->in_motion;
    sleep $dice->(150) / 1000;
    if ($who eq 'postfix') {
        $self->{postfix}->kill_all;
        $self->{row}{kills}++;
        $self->{smtp} = undef;
        $self->{postfix}->launch;
    } elsif ($who eq 'lmtp') {
        # those that were killed before have to be replaced first
        $self->traffic_until('Postfix delivers', sub { $self->{postfix}->processes_of('lmtp') > 0 });
        $self->kill_clients;
    } else {
        $self->{$who}{process}->signal('KILL');
        $self->count_kill($who);
        $self->launch($who);
    }
}

sub strike_draining
{
    my ($self, undef, $points) = @_;
    # stopped in the middle of a delivery, so that this is what it has to finish
    $self->arm('exgate', "store-before-send=stop,times=1;$points");
    my $process = $self->{exgate}{process};
    $self->traffic_until('exgate is about to send', sub { is_stopped($process) || !$process->is_running });
    my $in_time = $process->is_running;
    $process->signal($_) for qw(TERM CONT);
    my $status = $process->wait_for_end;
    # it may die before, or be done before it gets there
    if ($in_time && $status != 0) {
        $self->count_kill('exgate');
    } else {
        $self->must_end_with($status, 'exgate', 0, -9);
    }
    $self->launch('exgate');
}

sub strike_unread
{
    my ($self, undef, undef, $dice) = @_;
    $self->arm('exgate', 'lmtp-before-reply=stop,times=1,after=' . $dice->(5));
    my $process = $self->{exgate}{process};
    $self->traffic_until('exgate is about to reply', sub { is_stopped($process) });
    $self->kill_clients;
    $process->signal('CONT');
    $self->stop_well('exgate');
    $self->launch('exgate');
}

# --- a row of the table -----------------------------------------------------------------------

# The faults that the simulated Exchange has logged since this row began, by name.
sub faults_seen
{
    my ($self) = @_;
    open my $log, '<', $self->{sim}->directory . '/log' or die "log: $!";
    seek $log, $self->{row}{log_begin}, 0;
    # several may act on one request
    my @seen = map { / fault=(\S+)/ ? split /,/, $1 : () } <$log>;
    return @seen;
}

sub lies_told
{
    my ($self) = @_;
    return $self->{sim}->control('stats') =~ /\blies=(\d+)/ ? $1 : die 'no lies in the statistics';
}

# Options:
#   name        of the row
#   messages    how many at least
#   faults      lines for the simulated Exchange's control
#   acted       how many faults have to happen
#   strikes     [kinds], taken in turn
#   kills       how many; or just `enough` of them, where they take more than `within` seconds
#   always      { exgate => fail points that are always on }
#   duplicates  'none' (the default), 'lies' (not more than were told) or 'some'
#   wrapped     how many have to come as an attachment
sub run
{
    my ($self, %options) = @_;
    return if $self->{gave_up};
    eval { $self->run_row(%options); 1 } and return;
    $self->{gave_up} = "$options{name}: $@";
    diag("$self->{gave_up}in the queue: @{[ $self->{postfix}->queue_files ]}\n",
        map { last_lines($self->{$_}->log) } qw(postfix exgate));
}

sub run_row
{
    my ($self, %options) = @_;
    my $messages = delete $options{messages} // 0;
    my $kills    = delete $options{kills}    // 0;
    my $row      = $self->{row} = {
        messages => 0, kills => 0, wanted_kills => $kills, seconds => 0,
        faults => [], strikes => [], duplicates => 'none', always => {}, %options,
        log_begin => -s $self->{sim}->directory . '/log', maillog_begin => length $self->{postfix}->log,
    };
    $row->{refused} = grep { /unauthorized/ } @{ $row->{faults} };
    push @{ $self->{rows} }, $row;
    my $begin = time;
    $self->arm($_) for qw(exgate sim);
    $self->set_faults;
    $self->{sim}->control('close-idle') if grep { /^on connect/ } @{ $row->{faults} };
    my $lies = $self->lies_told;
    my $dice = $self->dice('strikes', $row->{name});
    # a strike may miss: then it is tried again
    for (my $tries = 0; $row->{kills} < $kills && $tries < 5 * $kills; $tries++) {
        last if defined $row->{enough} && $row->{kills} >= $row->{enough} && time > $begin + $row->{within};
        $self->strike($row->{strikes}[$row->{kills} % @{ $row->{strikes} }], $dice);
    }
    $self->traffic_until('the messages are in', sub { $row->{messages} >= $messages });
    $self->traffic_until('the faults have happened', sub { $self->faults_seen >= ($row->{acted} // 0) }) if $row->{acted};
    $row->{faults_seen} = $self->faults_seen;
    if ($row->{duplicates} eq 'lies') {
        $self->drain;
        $row->{lies} = $self->lies_told - $lies;
    }
    $row->{faults} = [];
    $self->{sim}->control('clear');
    $self->drain;
    $row->{deferred} = () = substr($self->{postfix}->log, $row->{maillog_begin}) =~ / status=deferred /g;
    $row->{seconds} = time - $begin;
    diag(sprintf '%3d s: %s', time - $^T, $row->{name}) if $self->{progress};
}

# --- counting ---------------------------------------------------------------------------------

# What was sent, if it has come as an attachment.
sub unwrapped
{
    my ($content) = @_;
    return $content =~ m{filename="original\.eml"\r\n\r\n([A-Za-z0-9+/=\r\n]+)\r\n--} ? decode_base64($1) : undef;
}

# $copies{serial}{mailbox}, and what is there and should not be.
sub count_copies
{
    my ($self) = @_;
    my (%copies, @strange);
    for my $mailbox (@MAILBOXES) {
        for my $content ($self->{sim}->messages($mailbox)) {
            my $original = unwrapped($content);
            my ($header, $body) = split /\r\n\r\n/, $original // $content, 2;
            my ($serial) = $header =~ /^X-Torture: (\d+)\r?$/m;
            my $sent = defined $serial ? $self->{sent}{$serial} : undef;
            if (!$sent || !grep { $_ eq $mailbox } @{ $sent->{to} }) {
                push @strange, 'message ' . ($serial // '?') . " is in $mailbox";
            } elsif (md5_hex($body) ne $sent->{digest}) {
                push @strange, "message $serial in $mailbox is damaged";
            } else {
                $copies{$serial}{$mailbox}++;
                $sent->{row}{wrapped_seen}++ if defined $original;
            }
        }
    }
    return (\%copies, \@strange);
}

# $bounces{serial}{recipient}: in how many different bounces.
sub count_bounces
{
    my ($self) = @_;
    my (%bounces, %seen, @strange);
    for my $bounce ($self->{sink}->messages) {
        my ($serial) = "@{ $bounce->{to} }" =~ /^t(\d+)\@sink\.test$/;
        my ($name) = $bounce->{content} =~ /^Message-Id: *<(\S+)>/mi;
        # the same bounce again, handed over before Postfix was killed
        next if $seen{ $name // '?' }++;
        my %named;
        for my $part (grep { /^Final-Recipient:/m } split /\r\n\r\n/, $bounce->{content}) {
            my ($recipient) = $part =~ /^Final-Recipient: rfc822; *(\S+)\r?$/m;
            $named{$recipient} = 1;
            push @strange, "$recipient bounced without a reason: $part" if $part !~ /^Diagnostic-Code: smtp; 550 5\.1\.1 /m;
        }
        if (!defined $serial || $bounce->{from} ne '' || !%named) {
            push @strange, "not a bounce: $bounce->{content}";
            next;
        }
        $bounces{$serial}{$_}++ for keys %named;
    }
    return (\%bounces, \@strange);
}

# What the logs say about a message.
sub history
{
    my ($self, $serial) = @_;
    my $id = $self->{sent}{$serial}{id} // return '';
    return join '', map { "  $_" } grep { /\b$id\b/ } map { split /^/ } $self->{postfix}->log, $self->{exgate}->log;
}

sub tally
{
    my ($self) = @_;
    my ($copies,  $strange) = $self->count_copies;
    my ($bounces, $odd)     = $self->count_bounces;
    for my $serial (sort { $a <=> $b } keys %{ $self->{sent} }) {
        my $sent = $self->{sent}{$serial};
        my $row  = $sent->{row};
        for my $to (@{ $sent->{to} }) {
            my $count = ($KNOWN{$to} ? $copies : $bounces)->{$serial}{$to} // 0;
            $row->{recipients}++;
            $row->{bounced}++              if !$KNOWN{$to} && $count > 0;
            $row->{lost}++                 if $count == 0 && $sent->{id};
            $row->{duplicated} += $count - 1         if $count > 1 && $KNOWN{$to};
            $row->{bounced_again} += $count - 1      if $count > 1 && !$KNOWN{$to};
            push @{ $row->{bad} }, "message $serial to $to: $count times" if $count > 1 || ($count == 0 && $sent->{id});
            push @{ $row->{bad_serials} }, $serial if $count > 1 || ($count == 0 && $sent->{id});
        }
        for my $known (grep { $KNOWN{$_} } keys %{ $bounces->{$serial} // {} }) {
            push @$odd, "message $serial bounced for $known";
        }
    }
    push @{ $self->{odd} }, @$strange, @$odd;
}

sub print_table
{
    my ($self) = @_;
    my $format = '%-58s %6s %6s %6s %7s %6s %6s %6s %7s %5s';
    my $width  = 0;
    note(sprintf $format, 'fault or fail point', qw(faults kills msgs rcpts defers lost twice bounced secs));
    for my $row (@{ $self->{rows} }) {
        note(sprintf $format, $row->{name}, map { $_ // 0 } @$row{qw(faults_seen kills messages recipients deferred lost)},
            ($row->{duplicated} // 0) . ($row->{duplicates} eq 'lies' ? "/$row->{lies}" : ''),
            $row->{bounced} // 0, sprintf('%.0f', $row->{seconds}));
    }
    my %sum;
    for my $row (@{ $self->{rows} }) {
        $sum{$_} += $row->{$_} // 0 for qw(faults_seen kills messages recipients deferred lost duplicated bounced seconds);
    }
    note(sprintf $format, 'all', @sum{qw(faults_seen kills messages recipients deferred lost duplicated bounced)},
        sprintf '%.0f', $sum{seconds});
}

sub test_row
{
    my ($self, $row) = @_;
    my $duplicated = $row->{duplicated} // 0;
    my @wrong;
    push @wrong, 'no message was sent' if !$row->{messages};
    push @wrong, "$row->{lost} lost"   if $row->{lost};
    push @wrong, "$duplicated twice"   if $duplicated && $row->{duplicates} eq 'none';
    push @wrong, "$duplicated twice, but only $row->{lies} lies" if $row->{duplicates} eq 'lies' && $duplicated > $row->{lies};
    push @wrong, 'no lie was told, or none did harm' if $row->{duplicates} eq 'lies' && (!$row->{lies} || !$duplicated);
    push @wrong, 'no duplicate without a journal that holds: so the rest proves nothing' if $row->{duplicates} eq 'some' && !$duplicated;
    push @wrong, "$row->{bounced_again} bounced twice" if $row->{bounced_again} && !grep { /postfix/ } @{ $row->{strikes} };
    push @wrong, "only $row->{kills} kills" if $row->{kills} < ($row->{enough} // $row->{wanted_kills});
    push @wrong, 'only ' . ($row->{wrapped_seen} // 0) . ' wrapped' if ($row->{wrapped_seen} // 0) < ($row->{wrapped} // 0);
    push @wrong, "only $row->{faults_seen} faults" if $row->{faults_seen} < ($row->{acted} // 0);
    is("@wrong", '', $row->{name}) or diag(join "\n", @{ $row->{bad} // [] }[0 .. min(9, $#{ $row->{bad} // [] })],
        map { $self->history($_) } @{ $row->{bad_serials} // [] }[0 .. min(2, $#{ $row->{bad_serials} // [] })]);
}

sub finish
{
    my ($self) = @_;
    $self->{row} = { always => {}, faults => [] };
    if ($self->{gave_up}) {
        push @{ $self->{odd} }, $self->{gave_up};
    } else {
        $self->arm($_) for qw(exgate sim);
        $self->drain;
    }
    $self->tally;
    $self->print_table;
    $self->test_row($_) for @{ $self->{rows} };
    my @odd = @{ $self->{odd} // [] };
    is(scalar @odd, 0, 'nothing else went wrong') or diag(join "\n", @odd[0 .. min(9, $#odd)]);
    $self->{postfix}->stop;
    $self->{exgate}->stop;
    $self->{sink}->stop;
    $self->{sim}->stop;
}

1;
