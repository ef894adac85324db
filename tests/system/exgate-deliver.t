#!/usr/bin/perl
# exgate deliver and exgate watch: a message gets into a mailbox once, and what happens there is told.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Sim;
use Exg::Test;
use JSON::PP;
use Test::More;

delete @ENV{qw(COLUMNS NO_COLOR)};
@ENV{qw(LC_ALL TZ)} = qw(C UTC);
my $exgate = program('exgate');
my $sim = Exg::Sim->start(
    account   => 'svc@example.test:pass word',
    mailboxes => [map { "$_\@example.test" } qw(svc ann bob cid dan)],
    options   => ['--heartbeat', 200],
);
my $directory = temporary_directory();
my $conf = spew("$directory/exgate.conf", "[exchange]\nendpoint = " . $sim->url . "\nusername = " . $sim->user
      . "\npassword_file = " . spew("$directory/password", $sim->password, 0600) . "\nca_file = " . $sim->ca_file
      . "\nthrottle_file = $directory/throttle.db\n[lmtp]\nspool_directory = $directory\n"
      . "[delivery]\njournal = $directory/journal.db\nsettle_time = 1s\n");

sub tool { my ($command, @words) = @_; return run_program($exgate, $command, '--config', $conf, @words) }
sub stored { my ($address, $folder) = @_; return grep { /\.eml$/ } files_in($sim->directory . "/mailboxes/$address/$folder") }

# --- deliver ----------------------------------------------------------------------------------

my $message = spew("$directory/message", "Subject: one\nMessage-ID: <1\@example.test>\n\nline\r\nlast");
my $result = tool('deliver', $message, '--to', 'ann@example.test');
is($result->{status}, 0, 'a message is delivered') or diag($result->{err});
like($result->{out}, qr/\Aann\@example\.test: delivered as \S+\n\z/, 'and its item id is told');
my ($got) = $sim->messages('ann@example.test');
is($got, "Subject: one\r\nMessage-ID: <1\@example.test>\r\n\r\nline\r\nlast\r\n", 'as it is, with line ends as mail has them');

# with a Received field the key tells a repetition from a second message
my $received = spew("$directory/received", "Received: by mta.test; Sat, 21 Nov 2026 20:04:05 +0000\nSubject: two\n\nx\n");
$result = tool('deliver', '--json', $received, '--to', 'bob@example.test', '--to', 'cid@example.test');
is($result->{status}, 0, 'to two') or diag($result->{err});
my $list = decode_json($result->{out});
is(scalar @$list, 2, 'with an answer for each');
is(join(' ', sort keys %{ $list->[0] }), 'delivered_before error item_id key recipient', 'and the keys promised');
like($list->[0]{key}, qr/^v1:[0-9a-f]{64}$/, 'a delivery key');
ok(!$list->[0]{delivered_before}, 'for the first time');
$result = tool('deliver', $received, '--to', 'bob@example.test');
is($result->{out}, "bob\@example.test: was delivered before, as $list->[0]{item_id}\n", 'and not a second time');
is($sim->count('bob@example.test'), 1, 'as the mailbox shows');
is($sim->requests('CreateItem', 'bob@example.test'), 1, 'and the requests');

{
    local $ENV{MESSAGE} = $message;
    $result = run_program('sh', '-c', '"$0" "$@" < "$MESSAGE"', $exgate, 'deliver', '--config', $conf, '-', '--to', 'dan@example.test', '--folder', 'Projects');
}
is($result->{status}, 0, 'from standard input into a folder') or diag($result->{err});
is(scalar stored('dan@example.test', 'projects'), 1, 'where it lies');
$result = tool('deliver', $message, '--to', 'dan@example.test', '--junk');
is(scalar stored('dan@example.test', 'junkemail'), 1, 'or among the junk') or diag($result->{err});
$result = tool('deliver', $received, '--to', 'dan@example.test', '--folder', 'No Such');
is(scalar stored('dan@example.test', 'inbox'), 1, 'a folder that is not there is the inbox') or diag($result->{err});

sub fails
{
    my ($status, $expression, $what, @words) = @_;
    $result = tool('deliver', @words);
    is($result->{status}, $status, "$what: exit status $status") or diag($result->{out}, $result->{err});
    like($result->{err}, qr/\Aexgate: [^\n]*(?:$expression)/, 'which is told');
    is($result->{out}, '', 'on standard error');
}
fails(66, 'No such file', 'no file', "$directory/nothing", '--to', 'ann@example.test');
fails(65, 'empty', 'an empty file', spew("$directory/empty", ''), '--to', 'ann@example.test');
fails(67, 'nobody\@example\.test: .*ErrorNonExistentMailbox', 'no mailbox', $message, '--to', 'nobody@example.test');
fails(64, 'either', 'two folders', $message, '--to', 'ann@example.test', '--junk', '--folder', 'x');
$sim->control('on CreateItem mailbox=ann@example.test times=1 do stored-unanswered');
my $third = spew("$directory/third", "Received: by mta.test; Sat, 21 Nov 2026 20:04:06 +0000\nSubject: three\n\nx\n");
fails(75, 'ann\@example\.test: .*\nexgate: whether Exchange has it, exgate journal ask v1:\w+ will tell', 'no answer', $third, '--to', 'ann@example.test');
is($sim->count('ann@example.test'), 2, 'which it has');
$sim->control('on CreateItem times=1 do code ErrorQuotaExceeded');
fails(75, 'ErrorQuotaExceeded', 'a full mailbox', $message, '--to', 'cid@example.test');

# --- watch ------------------------------------------------------------------------------------

sub said { my ($log) = @_; return -e "$directory/$log" ? slurp("$directory/$log") : '' }

sub watch
{
    my ($log, @words) = @_;
    return Exg::Process->start(command => [$exgate, 'watch', '--config', $conf, @words], log => "$directory/$log");
}
my $watch = watch('watch', 'cid@example.test');
wait_until('it listens', sub { said('watch') =~ /listening/ });
is(tool('deliver', $message, '--to', 'cid@example.test')->{status}, 0, 'something happens');
wait_until('it is told', sub { said('watch') =~ /^\d\d:\d\d:\d\d  (created|new mail)  +\S+$/m });
is(scalar(grep { length > 80 } split /\n/, said('watch')), 0, 'no line is wider than a terminal');
is($watch->stop('INT'), 0, 'an interrupt ends it well');
wait_until('the subscription has ended', sub { $sim->requests('Unsubscribe') == 1 });

$watch = watch('watch-json', '--json', 'cid@example.test');
wait_until('it listens', sub { $sim->requests('Subscribe') == 2 && $sim->requests('SyncFolderItems') >= 2 });
wait_until('it is told as JSON', sub {
    tool('deliver', $message, '--to', 'cid@example.test');
    return said('watch-json') =~ /\n/;
});
my ($line) = split /\n/, said('watch-json');
is(join(' ', sort keys %{ decode_json($line) }), 'event folder_id item_id time', 'with the keys promised');
is($watch->stop('TERM'), 0, 'SIGTERM ends it, too');

$watch = watch('watch-nobody', 'nobody@example.test');
is($watch->wait_for_end, 67, 'nobody can be watched who is not there');
like(said('watch-nobody'), qr/\Aexgate: [^\n]+\n\z/, 'told in one sentence');

# --- an interrupt ------------------------------------------------------------------------------

$sim->control('on ResolveNames do stall');
my $stalled = Exg::Process->start(command => [$exgate, 'resolve', '--config', $conf, 'ann'], log => "$directory/stalled");
wait_until('it waits for an answer', sub { slurp($sim->directory . '/log') =~ /operation=ResolveNames/ });
is($stalled->stop('INT'), 130, 'an interrupt ends a question');
is(said('stalled'), "exgate: interrupted\n", 'and that is told');
$sim->control('clear');
$sim->stop;
done_testing;
