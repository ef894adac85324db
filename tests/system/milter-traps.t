#!/usr/bin/perl
# What libmilter does when it is let: threads, descriptors, connections, replies, signals; and what MTAs and others may do to it.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Milter;
use Exg::Sim;
use Exg::Test;
use IO::Select;
use Test::More;
use Time::HiRes qw(sleep time);

my $sim = Exg::Sim->start(mailboxes => [map { "$_\@example.com" } 'ann', 'bob', map { "slow$_" } 1 .. 60]);

my $scratch = temporary_directory(); chmod 0777, "$scratch";
sub start { my ($conf, %options) = @_; return Exg::Milter->start(sim => $sim, conf => { milter => $conf // {} }, %options) }
sub mail { my ($client, $address) = @_; return $client->mail('<writer@sink.test>', { '{client_addr}' => $address // '198.51.100.1' }) }
# The number behind a name of the statistics.
sub number
{
    my ($name) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => "$scratch/stats") or die "stats: $!\n";
    my $text = do { local $/; <$socket> };
    return $text =~ /^exgate_milter_\Q$name\E (\d+)$/m ? $1 : die "no $name in: $text";
}
sub has_reply { my ($client) = @_; return scalar IO::Select->new($client->{socket})->can_read(0) }

# Sends RCPT and does not wait for the reply.
sub send_rcpt { my ($client, $name) = @_; $client->packet('R', "<$name\@example.com>\0") }

my $stats = "$scratch/stats";
my $milter = start({ max_threads => 40, add_header => 'yes', stats_socket => $stats });

# --- connections that come and go -------------------------------------------------------------

for (1 .. 50) { # monitoring
    $milter->client(silent => 1)->close;
}
for my $step (1 .. 5) { # an MTA that dies, at every step
    my $client = $milter->client(silent => $step == 1);
    $client->raw("\0\0\0") if $step == 1;
    mail($client) if $step >= 3;
    $client->rcpt('<ann@example.com>') if $step >= 4;
    $client->header('Subject', 'x') if $step == 5;
    $client->close;
}
for my $bytes ("\0\0\0\0", "\xff\xff\xff\xffA", "\0\0\0\1?", "\0\0\0\2\0\0", "GET / HTTP/1.0\r\n\r\n", pack('N a*', 13, 'O' . "\0" x 12)) {
    my $client = $milter->client(silent => 1);
    $client->raw($bytes);
    shutdown $client->{socket}, 1;
    ok($client->is_closed, 'what is not the protocol ends the connection') or diag(unpack 'H*', $bytes);
}
my $client = $milter->client;
is(mail($client), 'continue', 'all that did no harm');
is($client->rcpt('<ann@example.com>'), 'continue');
$client->abort;
unlike($milter->log, qr/warning|error/, 'nor is it worth a line');

# --- one connection, many messages ------------------------------------------------------------

is(mail($client), 'continue', 'a message');
is($client->rcpt('<ghost@example.com>'), '550 5.1.1 <ghost@example.com> no such mailbox', 'a bad recipient');
is($client->rcpt('<ann@example.com>'), 'continue', 'a good one after it');
is($client->rcpt('<ghost2@example.com>'), '550 5.1.1 <ghost2@example.com> no such mailbox', 'and a bad one after that');
is($client->data, 'continue');
$client->header('X-Exgate-Recipient', 'forged');
is_deeply([$client->eom], ['accept', 'change 1 X-Exgate-Recipient: ', 'insert 0 X-Exgate-Recipient: ann@example.com; mailbox; good']);
is(mail($client), 'continue', 'another, that is aborted in its header');
is($client->rcpt('<bob@example.com>'), 'continue');
$client->header('X-Exgate-Recipient', 'forged');
$client->abort;
is(mail($client), 'continue', 'a third');
is($client->rcpt('<ann@example.com>'), 'continue');
is_deeply([$client->eom], ['accept', 'insert 0 X-Exgate-Recipient: ann@example.com; mailbox; good'], 'knows nothing of those before');

# as they may be written at once: each gets one reply, in order
$client->raw(join '', map { pack 'N a*', length, $_ } "Dmi\0id1\0", "M<writer\@sink.test>\0", (map { "R<$_\@example.com>\0" } qw(ann ghost bob)));
is_deeply([map { $client->reply } 1 .. 4], ['continue', 'continue', '550 5.1.1 <ghost@example.com> no such mailbox', 'continue'], 'one reply each, in order');
ok(!has_reply($client), 'and no more');
$client->abort;

# the MTA keeps the connection for its next client
mail($client, '192.0.2.1');
is($client->rcpt('<ghost@example.com>'), '550 5.1.1 <ghost@example.com> no such mailbox');
$client->quit_nc;
is($client->mail('<other@sink.test>', { '{client_addr}' => '203.0.113.9' }), 'continue', 'another client on the same connection');
is($client->rcpt('<ghost3@example.com>'), '550 5.1.1 <ghost3@example.com> no such mailbox');
$milter->wait_for_log(qr/rejected: .*client=203\.0\.113\.9 from=other\@sink\.test to=ghost3\@example\.com/);
$client->quit;
ok($client->is_closed, 'QUIT ends it');

# --- many connections on few threads ----------------------------------------------------------

# Steps of many sessions, in turns: threads change, and nothing gets mixed up.
my @many = map { $milter->client } 1 .. 30;
$many[$_]->mail("<w$_\@sink.test>", { '{client_addr}' => "192.0.2.$_", i => "q$_" }) for 0 .. $#many;
for my $round (1 .. 3) {
    send_rcpt($many[$_], "ghost-$round-$_") for reverse 0 .. $#many;
    my @wrong = grep { $many[$_]->reply ne "550 5.1.1 <ghost-$round-$_\@example.com> no such mailbox" } 0 .. $#many;
    is("@wrong", '', "round $round: each session has its own answer");
}
my @lines = grep { /to=ghost-2-/ } split /\n/, $milter->log;
my @mixed = grep { !/client=192\.0\.2\.(\d+) from=w\1\@sink\.test queue_id=q\1 to=ghost-2-\1\@/ } @lines;
is(scalar @lines, 30, 'all are logged');
is("@mixed", '', 'with client, sender and queue id of their own');

# --- look-ups that take long ------------------------------------------------------------------

$sim->control("on GetFolder mailbox=slow$_\@example.com times=1 do delay 5000") for 1 .. 25;
# All become ready at once, those that will wait first: libmilter counts on the two threads that are idle.
my @quick = map { $milter->client } 1 .. 5;
mail($_) for @quick;
$milter->{process}->signal('STOP');
wait_until('it stands still', sub { $milter->status_letter eq 'T' });
send_rcpt($many[$_], "slow" . ($_ + 1)) for 0 .. 24;
send_rcpt($_, 'ann') for @quick;
$milter->{process}->signal('CONT');
is(scalar(grep { $_->reply eq 'continue' } @quick), 5, 'who is known is not left to threads that wait');
my $quick = $quick[0];
is($quick->rcpt('<ann@example.com>'), 'continue', 'a known recipient is answered meanwhile') for 1 .. 20;
is(scalar(grep { has_reply($many[$_]) } 0 .. 24), 0, 'while the others still wait');
cmp_ok($milter->status('Threads'), '<', 40 + 30, 'there are as many threads as there may be');
is($many[$_]->reply, 'continue', "slow$_ in the end") for 0 .. 24;
wait_until('the threads have gone again', sub { $milter->status('Threads') < 20 });

# One more than there may be: it is told at once.
$milter->configure({ milter => { max_threads => 3, cannot_tell => 'tempfail 451 4.3.2 {recipient}: later', stats_socket => $stats } });
$milter->reload;
mail($many[0]);
is($many[0]->rcpt('<slow60@example.com>'), 'continue', 'after a reload'); # the account has proved itself anew
$sim->control("on GetFolder mailbox=slow$_\@example.com times=1 do delay 5000") for 31 .. 33;
send_rcpt($many[$_], 'slow' . ($_ + 31)) for 0 .. 2;
wait_until('all threads wait', sub { number('lookups') == 3 });
my $more = $milter->client;
mail($more);
is($more->rcpt('<slow40@example.com>'), '451 4.3.2 slow40@example.com: later', 'one too many is told so');
is($more->rcpt('<ann@example.com>'), 'continue', 'a known one is not');
is(number('lookups_total{from="nowhere"}'), 1, 'and that is counted');
is($many[$_]->reply, 'continue', 'the others have their answer') for 0 .. 2;

# A client that sends half a command keeps nobody waiting but itself.
my @halves = map { $milter->client } 1 .. 10;
$_->raw("\0\0\0\x20R<") for @halves;
is($quick->rcpt('<ann@example.com>'), 'continue', 'half commands hinder nobody') for 1 .. 5;
$_->close for @halves, @many;

# --- SIGTERM with a look-up under way ---------------------------------------------------------

$sim->control('on GetFolder mailbox=slow50@example.com times=1 do delay 1500');
send_rcpt($more, 'slow50');
wait_until('it is asked for', sub { $sim->requests('GetFolder', 'slow50@example.com') });
$milter->{process}->signal('TERM');
$milter->wait_for_log(qr/stopping; look-ups under way are answered first/);
is($more->reply, 'continue', 'it is answered');
is($milter->{process}->wait_for_end, 0, 'before the program ends');
ok(!-e $milter->socket, 'without its socket');

# --- threads that cannot be made --------------------------------------------------------------

$milter = start({}, failpoints => 'milter-thread=error,after=6,times=12');
@many = map { $milter->client } 1 .. 20;
mail($_) for @many;
$sim->control('clear');
send_rcpt($many[$_], 'slow' . ($_ + 1)) for 0 .. $#many;
is(scalar(grep { $_->reply ne 'continue' } @many), 0, 'every session gets its answer, when there are threads again');
like($milter->log, qr/warning: no thread can be made for a session, which waits until there is one/, 'there were none');
$_->quit for @many;
$milter->stop;

# --- half commands on every thread ------------------------------------------------------------

my $now = 0;
my $clock = move_clock("$scratch/clock", $now);
{
    local $ENV{EXGATE_CLOCK} = $clock;
    $milter = start({ max_threads => 1, stats_socket => $stats });
}
@halves = map { $milter->client } 1 .. 25;
$_->raw("\0\0\xff\0R<") for @halves;
wait_until('no thread is left', sub { number('threads_waiting') == 1 + 16 });
my $last = $milter->client(silent => 1);
$last->packet('O', pack 'NNN', 6, 0x1ff, 0x1fffff);
ok(!has_reply($last), 'half commands hold all threads');
wait_until('they have had their time, though each sends a byte now and then', sub {
    local $SIG{PIPE} = 'IGNORE';
    move_clock($clock, $now += 61);
    eval { $_->raw('x') } for @halves;
    return has_reply($last);
});
is(($last->read_packet)[0], 'O', 'who has waited behind them is served');
is($last->mail('<writer@sink.test>', { '{client_addr}' => '198.51.100.1' }), 'continue');
is($last->rcpt('<ann@example.com>'), 'continue', 'in all that he asks');
like($milter->log, qr/warning: an MTA that stops in the middle of a command is disconnected/, 'and they are cut off');
$_->close for @halves;
$last->quit;
$milter->stop;

# What a start with these limits says.
sub fails_with
{
    my ($conf, $environment, @limits) = @_;
    my $directory = temporary_directory();
    my $file = Exg::Lmtpd::write_conf("$directory", $sim, { milter => { listen => "unix:$directory/m", %$conf } });
    local $ENV{EXGATE_FAILPOINTS} = $environment;
    my $result = run_program((@limits ? ('prlimit', @limits, '--') : ()), program('exgate-milter'), '--config', $file);
    is($result->{status}, 78, 'it does not start');
    ok(!-e "$directory/m", 'nor leave a socket');
    return $result->{err};
}
like(fails_with({ max_threads => 100 }, 'milter-threads-try=error'),
    qr/max_threads = 100: only 0 of 116 threads can be made: .*lower it, or raise the limit/, 'too few threads are found out at the start');
like(fails_with({ max_connections => 1000 }, '', '--nofile=512:512'),
    qr/max_connections = 1000 takes \d+ descriptors in all, and this process may have 512; lower it/, 'and so are too few descriptors');

# --- more connections than there may be -------------------------------------------------------

$milter = start({ max_connections => 20 }, limits => ['--nofile=64:4096']);
my @first = map { $milter->client } 1 .. 20;
my @later = map { $milter->client(silent => 1) } 1 .. 20;
$milter->wait_for_log(qr/warning: 20 connections, as many as max_connections allows/);
my $cpu = $milter->cpu_seconds;
my $began = time;
for my $round (1 .. 10) {
    mail($first[0]);
    is($first[0]->rcpt('<ann@example.com>'), 'continue', 'those that are there are served') if $round == 1;
    $first[0]->abort;
    sleep 0.1;
}
cmp_ok($milter->cpu_seconds - $cpu, '<', 0.5 * (time - $began), 'nothing spins meanwhile');
$_->packet('O', pack 'NNN', 6, 0x1ff, 0x1fffff) for @later;
ok(!(grep { has_reply($_) } @later), 'the others wait');
$_->close for @first;
is(scalar(grep { ($_->read_packet)[0] eq 'O' } @later), 20, 'and are served when there is room');
$_->quit for @later;
$milter->stop;

$sim->stop;
done_testing;
