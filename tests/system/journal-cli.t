#!/usr/bin/perl
# exgate journal: what an administrator sees and does in the journal of a running exgate-lmtpd, and what the tool refuses.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use JSON::PP;
use Test::More;

my $exgate = program('exgate');
my @mailboxes = map { "$_\@example.test" } qw(ann bob cid dan eve fay gus);
my $sim = Exg::Sim->start(mailboxes => \@mailboxes);
my %conf = (delivery => { timeout => '4s', settle_time => '1s' }, log => { level => 'info' });
my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => \%conf);
my $conf    = "$lmtpd->{directory}/exgate.conf";
my $journal = "$lmtpd->{directory}/journal/journal.db";
my $serial  = 0;

sub tool { my (@words) = @_; return run_program($exgate, @words) }
sub journal { my ($command, @words) = @_; return tool('journal', $command, '--config', $conf, @words) }

# Its rows, taken apart.
sub rows
{
    my (@options) = @_;
    my $result = journal('list', '--json', @options);
    is($result->{status}, 0, "list --json @options") or diag($result->{err});
    return @{ decode_json($result->{out}) };
}
sub row_of { my ($address, @options) = @_; my @rows = rows('--recipient', $address, @options); return $rows[0] }

sub is_one_sentence
{
    my ($result, $status, $expression, $what) = @_;
    is($result->{status}, $status, "$what: exit status $status") or diag($result->{out}, $result->{err});
    like($result->{err}, qr/\Aexgate: [^\n]*(?:$expression)[^\n]*\n\z/, 'told in one sentence');
    unlike($result->{out} . $result->{err}, qr/pass word/, 'without the secret');
}

sub message
{
    $serial++;
    return "Received: from client.test by mta.test; Sat, 21 Nov 2026 20:04:05 +0000\r\nSubject: $serial\r\n"
      . "Message-ID: <$serial.$$\@sender.test>\r\n\r\nwork\r\n";
}

sub deliver
{
    my ($address, $message) = @_;
    my ($reply) = $lmtpd->client->deliver(from => 'a@sender.test', to => [$address], message => $message);
    return $reply;
}

# A delivery whose answer is lost; returns its message.
sub leave_open
{
    my ($address, $fault) = @_;
    $sim->control("on CreateItem mailbox=$address times=1 do $fault");
    my $message = message();
    like(deliver($address, $message), qr/^451 4\.4\.2/, "$fault: the outcome for $address is not known");
    # The reply does not wait for the row.
    wait_until("the row of $address says so", sub { row_of($address)->{state} ne 'under way' });
    return $message;
}

# Waits for as long as the tool says.
sub wait_until_open
{
    my ($address) = @_;
    wait_until("$address has settled", sub {
        my $row = row_of($address);
        select undef, undef, undef, $row->{settles_in_s} // 0.1 if $row->{state} ne 'open';
        return $row->{state} eq 'open';
    });
}

# --- help and usage ---------------------------------------------------------------------------

my $result = tool('--help');
is($result->{status}, 0, '--help succeeds');
like($result->{out}, qr/^  journal /m, 'and names the commands');
is(tool('help')->{out}, $result->{out}, 'as does help');
$result = tool('--version');
like($result->{out}, qr/\Aexgate \d+\.\d+\.\d+\n.*^SQLite \d.*^libcurl/ms, '--version names us and the libraries');
$result = tool('help', 'journal');
is($result->{status}, 0, 'help journal succeeds');
like($result->{out}, qr/^  $_ /m, "and names $_") for qw(list show ask settle prune status);
for my $command (qw(list show ask settle prune status)) {
    $result = tool('help', 'journal', $command);
    is($result->{status}, 0, "help journal $command succeeds");
    like($result->{out}, qr/exgate journal $command .*--config/s, 'and explains the options');
    is(tool('journal', $command, '--help')->{out}, $result->{out}, 'as does --help');
}
for my $wrong (['no-such'], ['--no-such'], ['journal', 'no-such'], ['journal', 'list', '--no-such'], ['journal', 'list', 'x'],
    ['journal', 'show'], ['journal', 'show', 'v1:123456', 'v1:123457'], ['journal', 'list', '--limit', 'x'], ['help', 'no-such'],
    ['journal', 'list', '--limit', 0], ['journal', 'prune', '--older-than', 'soon'], ['journal', 'settle', 'v1:123456'],
    ['journal', 'settle', 'v1:123456', '--not-stored', '--stored', 'x'], ['journal', 'settle', 'v1:123456', '--stored', 'a b'],
    ['journal', 'show', '--journal', $journal, 'v1:12345'], ['journal', 'show', '--journal', $journal, "v1:12345' OR 1"]) {
    is_one_sentence(tool(@$wrong), 64, '', "@$wrong");
}
is(tool()->{status}, 64, 'no command is wrong usage');
is(tool('journal')->{status}, 64, 'for journal too');

# --- what is not there ------------------------------------------------------------------------

is_one_sentence(tool('journal', 'list', '--config', '/nonexistent/c'), 78, 'nonexistent/c: No such file', 'no configuration');
my $bad = spew("$lmtpd->{directory}/bad.conf", "[delivery]\njournall = x\n");
is_one_sentence(tool('journal', 'list', '--config', $bad), 78, 'bad\.conf:2: .*journall', 'a wrong configuration');
my $none = "$lmtpd->{directory}/journal/none.db";
for my $command (['list'], ['show', 'v1:123456'], ['settle', 'v1:123456', '--not-stored'], ['prune'], ['status']) {
    is_one_sentence(tool('journal', @$command, '--journal', $none), 66, 'none\.db: No such file', "@$command without a journal");
}
ok(!-e $none, 'and none was made');
my $other = spew("$lmtpd->{directory}/journal/other.db", 'x' x 10000);
is_one_sentence(tool('journal', 'list', '--journal', $other), 66, 'damaged', 'a file that is no journal');
spew($other, '');
is_one_sentence(tool('journal', 'settle', '--journal', $other, 'v1:123456', '--not-stored'), 66, 'not a delivery journal', 'an empty file');
is(-s $other, 0, 'and it stays empty');
is_one_sentence(journal('show', 'v1:123456'), 66, 'v1:123456', 'a key that is not there');

is(journal('list')->{out} =~ tr/\n//, 1, 'with nothing open, the list is its titles');
is(scalar rows(), 0, 'or an empty array');
$result = journal('status');
like($result->{out}, qr/^open +0$/m, 'status says so');

# --- stored, but unanswered -------------------------------------------------------------------

my $message = leave_open('ann@example.test', 'stored-unanswered');
my $ann = row_of('ann@example.test');
like($ann->{key}, qr/^v1:[0-9a-f]{64}$/, 'the list has it');
is($ann->{recipient}, 'ann@example.test', 'with its recipient');
like($ann->{message_id}, qr/^<?1\.$$\@sender\.test>?$/, 'and message id');
like($ann->{state}, qr/^(settling|open)$/, 'and state');
my $short = substr $ann->{key}, 0, 11;
like(journal('list')->{out}, qr/^KEY +STATE .*^v1:[0-9a-f]{12}  (settling \ds|open) +\d+s +ann\@example\.test +- +<1\./ms, 'for a terminal too');
my %left = map { $_ => leave_open("$_\@example.test", 'close-without-answer') } qw(bob cid);
wait_until_open("$_\@example.test") for qw(ann bob cid);
$result = journal('show', $short);
like($result->{out}, qr/^key +\Q$ann->{key}\E$/m, 'show finds it by a prefix');
like($result->{out}, qr/^next retry +Exchange is asked/m, 'and says what comes');
is(decode_json(journal('show', '--json', substr uc($ann->{key}), 3, 8)->{out})->{key}, $ann->{key}, 'digits alone will do, and JSON');

$result = journal('ask', $short);
is($result->{status}, 0, 'ask: it is there') or diag($result->{err});
like($result->{out}, qr/\AExchange has \Q$ann->{key}\E in the mailbox of ann\@example\.test, as \S+\.\n\z/, 'told in one sentence');
is(row_of('ann@example.test')->{state}, 'open', 'and the row is as before');
is(journal('ask', $short, '--settle')->{status}, 0, 'ask --settle');
is(row_of('ann@example.test', '--all')->{state}, 'done', 'now the row is done');
my $finds = () = slurp($sim->directory . '/log') =~ /FindItem/g;
like(deliver('ann@example.test', $message), qr/^250 /, 'and the next retry succeeds');
is($sim->count('ann@example.test'), 1, 'with the message there once');
is(scalar(() = slurp($sim->directory . '/log') =~ /FindItem/g), $finds, 'and without another question');
is_one_sentence(journal('settle', $short, '--not-stored'), 65, 'done already', 'a row that is done is not settled again');

# --- not stored -------------------------------------------------------------------------------

my $bob = row_of('bob@example.test');
$result = journal('ask', $bob->{key});
is($result->{status}, 1, 'ask: it is not there');
like($result->{out}, qr/\AExchange does not have \Q$bob->{key}\E [^\n]+\n\z/, 'told in one sentence');
$result = journal('ask', $bob->{key}, '--settle');
is($result->{status}, 1, 'with --settle');
is(row_of('bob@example.test')->{state}, 'open', 'a miss settles nothing');
is(journal('ask', $bob->{key}, '--settle-misses')->{status}, 0, 'unless --settle-misses says so');
is(row_of('bob@example.test', '--all'), undef, 'then the row is gone');
like(deliver('bob@example.test', $left{bob}), qr/^250 /, 'and the next retry is sent');
is($sim->count('bob@example.test'), 1, 'once');

# --- by hand ----------------------------------------------------------------------------------

my $cid = row_of('cid@example.test');
is_one_sentence(journal('show', substr($cid->{key}, 0, 8)), 64, 'digits', 'a prefix that is too short');
$result = journal('settle', $cid->{key}, '--stored', 'AAMkAD=');
is($result->{status}, 0, 'settle --stored') or diag($result->{err});
like($result->{out}, qr/next retry is answered 250/, 'says what the next retry gets');
is(row_of('cid@example.test', '--done')->{item_id}, 'AAMkAD=', 'the row has the item');
like(deliver('cid@example.test', $left{cid}), qr/^250 /, 'so it is');
is($sim->count('cid@example.test'), 0, 'without a delivery');

# A machine that is slow enough may look only when it has settled.
$result = wait_until('somebody looks in time', sub {
    $message = leave_open('dan@example.test', 'close-without-answer');
    my $early = journal('settle', row_of('dan@example.test')->{key}, '--not-stored');
    return $early->{status} == 0 ? undef : $early;
});
is_one_sentence($result, 75, 'may still be storing .*try again in 1 s', 'settling before it has settled');
wait_until_open('dan@example.test');
$result = journal('settle', row_of('dan@example.test')->{key}, '--not-stored');
is($result->{status}, 0, 'settle --not-stored') or diag($result->{err});
like(deliver('dan@example.test', $message), qr/^250 /, 'the next retry is sent');
is($sim->count('dan@example.test'), 1, 'once');

# --- under way --------------------------------------------------------------------------------

$sim->control('on CreateItem mailbox=eve@example.test times=1 do stall');
my $client = $lmtpd->client;
$client->command('MAIL FROM:<a@sender.test>');
$client->command('RCPT TO:<eve@example.test>');
$client->command('DATA');
$client->raw(Exg::Lmtp::stuffed(message()));
my $eve = wait_until('a delivery is under way', sub { row_of('eve@example.test') });
is($eve->{state}, 'under way', 'a delivery that is being sent is under way');
is($eve->{process}, $lmtpd->pid, 'by exgate-lmtpd');
for my $command (['settle', $eve->{key}, '--not-stored'], ['settle', $eve->{key}, '--stored', 'x'], ['ask', $eve->{key}, '--settle']) {
    is_one_sentence(journal(@$command), 75, 'under way', "@$command is refused");
}

# The process is killed with a delivery under way; the tool sees that, and lets nobody be hasty.
$sim->control('on CreateItem mailbox=gus@example.test times=1 do stall');
$client = $lmtpd->client;
$client->command('MAIL FROM:<a@sender.test>');
$client->command('RCPT TO:<gus@example.test>');
$client->command('DATA');
$client->raw(Exg::Lmtp::stuffed(message()));
my $gus = wait_until('another is under way', sub { row_of('gus@example.test') });
$lmtpd->{process}->stop('KILL');
is(row_of('gus@example.test')->{state}, 'abandoned', 'what a killed process had under way is abandoned');
is_one_sentence(journal('settle', $gus->{key}, '--not-stored'), 75, 'has ended.* try again in 1 s', 'settling it');
ok(row_of('gus@example.test')->{state} ne 'abandoned', 'makes its time to settle begin');
wait_until_open('gus@example.test');

# --- what exgate-lmtpd says -------------------------------------------------------------------

my $open = rows();
cmp_ok($open, '>=', 1, 'something is open');
$lmtpd->launch;
$lmtpd->wait_for_log(qr/info: $open deliveries are under way or of unknown outcome, the oldest for \d+ s; exgate journal list shows them/);
pass('a new exgate-lmtpd says how much is open');
is(journal('settle', $gus->{key}, '--not-stored')->{status}, 0, 'which can be settled while it runs');

# --- many, odd and old ------------------------------------------------------------------------

$result = journal('status', '--json');
my $status = decode_json($result->{out});
is($status->{open}, scalar rows(), 'status counts what is open');
is($status->{done}, scalar rows('--done'), 'and what is done');
cmp_ok($status->{size_bytes}, '>', 0, 'and tells the size');
is($status->{suspect_until}, undef, 'of a file that lost nothing');
$result = journal('list', '--all', '--limit', 2);
is($result->{out} =~ tr/\n//, 3, '--limit limits');
like($result->{err}, qr/\Aexgate: there are more than 2/, 'and says so');
is(scalar rows('--all'), $status->{open} + $status->{done}, '--all is both');

# What a sender wrote must not reach a terminal as it is.
like(deliver('fay@example.test', message() =~ s/^Message-ID: .*?\r\n/Message-ID: <\e]0;x\x07\xff"\\\@a>\r\n/mr), qr/^250 /, 'a nasty message id');
unlike(journal('list', '--all')->{out}, qr/[\x00-\x09\x0b-\x1f\x7f-\xff]/, 'the table is clean');
$result = journal('list', '--json', '--done', '--recipient', 'FAY@example.test');
is(scalar @{ decode_json($result->{out}) }, 1, 'JSON survives it') or diag($result->{out});
unlike($result->{out}, qr/[\x00-\x09\x0b-\x1f\x7f]/, 'escaped');

is(journal('prune')->{out}, "0 deleted\n", 'prune keeps what is younger than journal_keep');
is(journal('prune', '--older-than', '1h')->{out}, "0 deleted\n", 'and what --older-than says');
is(journal('prune', '--older-than', '0')->{out}, ($status->{done} + 1) . " deleted\n", 'and deletes what is older');
is(scalar rows('--all'), $status->{open}, 'but nothing that is open');

# --- root asks --------------------------------------------------------------------------------

SKIP: {
    skip 'only root can become somebody else', 3 if $> != 0;
    my $nobody = (getpwnam 'nobody')[2];
    leave_open('cid@example.test', 'stored-unanswered');
    my $key = row_of('cid@example.test')->{key};
    $lmtpd->stop;
    my $throttle = "$lmtpd->{directory}/journal/fresh.db";
    chown $nobody, -1, $_ or die "$_: $!" for files_in("$lmtpd->{directory}/journal");
    Exg::Lmtpd::write_conf("$lmtpd->{directory}", $sim, { %conf, exchange => { throttle_file => $throttle } });
    chmod 0600, "$lmtpd->{directory}/password" or die;
    is(journal('ask', $key, '--settle')->{status}, 0, 'root can ask with a secret that only root can read');
    is((stat $throttle)[4], $nobody, 'and leaves no file that the service cannot write');
    Exg::Lmtpd::write_conf("$lmtpd->{directory}", $sim, \%conf);
    $lmtpd->launch;
}

# --- no Exchange ------------------------------------------------------------------------------

my $row = (rows())[0] // do { leave_open('dan@example.test', 'close-without-answer'); (rows())[0] };
my $password = "$lmtpd->{directory}/password";
spew($password, "wrong words\n");
is_one_sentence(journal('ask', $row->{key}), 77, '', 'a wrong password');
spew($password, $sim->password . "\n");
Exg::Lmtpd::write_conf("$lmtpd->{directory}", $sim, { %conf, exchange => { endpoint => $sim->url =~ s/:(\d+)/:1/r } });
is_one_sentence(journal('ask', $row->{key}), 75, '', 'nobody at the endpoint');

$lmtpd->stop;
for my $command (['list'], ['status'], ['prune']) {
    is(tool('journal', @$command, '--journal', $journal)->{status}, 0, "@$command without a service and a configuration");
}
$sim->stop;

done_testing;
