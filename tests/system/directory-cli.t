#!/usr/bin/perl
# exgate directory: who is a recipient and with what limits, what is kept of that, and the file in an administrator's hands,
# beside a running exgate-lmtpd.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use JSON::PP;
use Test::More;

delete @ENV{qw(COLUMNS NO_COLOR)};
$ENV{LC_ALL} = 'C.UTF-8';
$ENV{TZ} = 'UTC';

my $exgate = program('exgate');
my $domain = 'example.test';
my $sim = Exg::Sim->start(
    account   => "svc\@$domain:pass word",
    mailboxes => [
        "svc\@$domain",
        map { "$_->[0]\@$domain $_->[1]" }
            ['ann',     ''],
            ['full',    'full'],
            ['away',    'oof="Back on Monday"'],
            ['small',   'max-size=1048576'],
            ['boss',    'restricted'],
            ['all',     "type=PublicDL members=ann\@$domain,boss\@$domain"],
            ['news',    "type=PublicDL moderated members=ann\@$domain"],
            ['secret',  "type=PublicDL hidden members=ann\@$domain"],
            ['partner', 'type=Contact'],
    ],
);
my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => { directory => { map => undef } });
my $conf  = "$lmtpd->{directory}/exgate.conf";
my $cache = "$lmtpd->{directory}/journal/directory.db";

sub directory { my ($command, @words) = @_; return run_program($exgate, 'directory', $command, '--config', $conf, @words) }
sub at { return map { "$_\@$domain" } @_ }
sub asked { return $sim->requests('GetFolder') + $sim->requests('ResolveNames') + $sim->requests('GetMailTips') }

sub probe
{
    my (@names) = @_;
    my $lmtp = $lmtpd->client;
    $lmtp->command('MAIL FROM:<probe@mta.test>');
    my @replies = map { $lmtp->command("RCPT TO:<$_>") } at(@names);
    $lmtp->quit;
    return map { substr $_, 0, 9 } @replies;
}

sub objects
{
    my ($status, $command, @words) = @_;
    my $result = directory($command, '--json', @words);
    is($result->{status}, $status, "$command --json @words: exit status $status") or diag($result->{out}, $result->{err});
    my $value = eval { decode_json($result->{out}) };
    ok(defined $value, 'is JSON') or diag($@, $result->{out});
    return ref $value eq 'ARRAY' ? @$value : $value;
}

# --- query ------------------------------------------------------------------------------------

my $result = directory('query', at(qw(ann full away small boss all news secret partner)));
is($result->{status}, 0, 'query: all of them are recipients') or diag($result->{err});
is($result->{err}, '', 'which it says without a word');
is($result->{out} =~ s/ +$//gmr, <<"END", 'what it prints');
ADDRESS               IS       FROM       REMARKS
ann\@example.test      mailbox  asked now  at most 36.0 MiB
full\@example.test     mailbox  asked now  full, at most 36.0 MiB
away\@example.test     mailbox  asked now  out of office, at most 36.0 MiB
small\@example.test    mailbox  asked now  at most 1.0 MiB
boss\@example.test     mailbox  asked now  restricted, at most 36.0 MiB
all\@example.test      group    asked now  2 members, at most 36.0 MiB
news\@example.test     group    asked now  moderated, 1 member, at most 36.0 MiB
secret\@example.test   group    asked now  1 member, at most 36.0 MiB
partner\@example.test  contact  asked now  at most 36.0 MiB
END
my $before = asked();
$result = directory('query', uc "ann\@$domain", at('full'));
like($result->{out}, qr/^ANN\@EXAMPLE.TEST +mailbox +cached, \d+s old +at most/m, 'a second time from the cache, whatever the case');
like($result->{out}, qr/^full\@\S+ +mailbox +cached, \d+s old +full/m, 'with the tips');
is(asked(), $before, 'Exchange is not asked again');
directory('query', '--fresh', at('ann'));
is(asked(), $before + 2, 'unless that is wanted');

my ($ghost) = objects(67, 'query', at('ghost'));
is_deeply([@$ghost{qw(verdict kind origin tips error)}], ['no-such', 'nobody', 'asked', undef, undef], 'nobody, in JSON');
like($ghost->{found}, qr/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, 'found just now');
my ($full) = objects(0, 'query', at('full'));
is_deeply([@$full{qw(verdict kind origin)}], ['deliverable', 'mailbox', 'cached'], 'a mailbox, in JSON');
ok($full->{tips}{full} && !$full->{tips}{moderated}, 'with tips');
is($full->{tips}{max_message_bytes}, 37748736, 'and its limit');

$sim->control("on GetFolder mailbox=nn\@$domain do code ErrorAccessDenied");
$result = directory('query', at('nn'), at('ann'));
is($result->{status}, 77, 'nobody can tell: the exit status says why');
like($result->{out}, qr/^nn\@\S+ +cannot tell +asked now +\S/m, 'and the remark');
like($result->{out}, qr/^ann\@\S+ +mailbox/m, 'the other is answered all the same');
$sim->control('clear');
is(directory('query')->{status}, 64, 'an address is missing');

# --- what services share ----------------------------------------------------------------------

$before = asked();
is_deeply([probe(qw(ann full all ghost))], ['250 2.1.5', '250 2.1.5', '550 5.1.1', '550 5.1.1'], 'exgate-lmtpd knows them');
is(asked(), $before, 'from what the tool has found out');

# --- stats and list ---------------------------------------------------------------------------

my ($stats) = objects(0, 'stats');
is_deeply([@$stats{qw(mailboxes groups contacts public_folders nobody with_tips cache)}], [5, 3, 1, 0, 1, 9, $cache], 'stats');
$result = directory('stats');
like($result->{out}, qr/^mailboxes +5\n.*^nobody +1\n.*^oldest +\d+s\n/ms, 'for people');
$result = directory('list');
like($result->{out}, qr/\AADDRESS +IS +AGE +REMARKS\nall\@example.test +group +\d+s +2 members, at most 36.0 MiB\n/, 'list: by address');
is(scalar(objects(0, 'list', '--kind', 'group')), 3, 'only groups');
is(scalar(objects(0, 'list', '--domain', $domain)), 10, 'only a domain');
is(scalar(objects(0, 'list', '--domain', 'test')), 0, 'which is a whole one');
$result = directory('list', '--limit', 3);
is(scalar(split /\n/, $result->{out}), 4, 'three of them');
like($result->{err}, qr/there are more than 3; --limit/, 'and that there are more');
is(directory('list', '--kind', 'boss')->{status}, 64, 'there is no such kind');

# --- flush ------------------------------------------------------------------------------------

$sim->control("mailbox ghost\@$domain");
is_deeply([probe('ghost')], ['550 5.1.1'], 'a mailbox is made for one who was nobody');
is(directory('flush', at('ghost'))->{out}, "1 forgotten\n", 'flush');
wait_until('exgate-lmtpd looks again', sub { (probe('ghost'))[0] eq '250 2.1.5' });
pass('exgate-lmtpd, which had it in memory, looks again');
is(directory('flush', at('nobody-knows'))->{out}, "0 forgotten\n", 'one who was not known');
is_deeply(objects(0, 'flush', '--kind', 'contact'), { forgotten => 1 }, 'all of a kind');
is(directory('flush')->{status}, 64, 'all are not forgotten by mistake');
is(directory('flush', '--all', at('ann'))->{status}, 64, 'nor one and all');

# --- export and import ------------------------------------------------------------------------

directory('query', at('phantom'));
my $exported = directory('export')->{out};
is(scalar(() = $exported =~ /^\S+\@example\.test\t(?:mailbox|group)\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/mg), 9, 'export: a line for each');
unlike($exported, qr/phantom/, 'but not for who was nobody');
my $list = spew("$lmtpd->{directory}/list", $exported . "new\@$domain\nold\@$domain mailbox 2026-01-01T00:00:00Z\nno\@$domain nobody\n", 0644);
is(directory('flush', '--all')->{status}, 0, 'flush --all');
is(directory('export')->{out}, '', 'leaves nothing');
$result = directory('import', $list);
is($result->{out}, "10 imported\n", 'import');
like($result->{err}, qr/^exgate: 2 left out/, 'without what is old or a refusal');
is(join('', grep { !/^new\@/ } map { "$_\n" } split /\n/, directory('export')->{out}), $exported, 'brings back what was exported');
$before = asked();
is_deeply([probe(qw(ann new))], ['250 2.1.5', '250 2.1.5'], 'exgate-lmtpd goes by it');
is(asked(), $before, 'without a question');
spew($list, "ann\@$domain\nan address\n", 0644);
$result = directory('import', $list);
is($result->{status}, 65, 'a wrong list');
like($result->{err}, qr/list: line 2: /, 'is refused with its line');
is(directory('import', "$list.not")->{status}, 66, 'one that is not there');
my $other = "$lmtpd->{directory}/journal/other.db";
spew($list, $exported, 0644);
is(run_program($exgate, 'directory', 'import', '--cache', $other, $list)->{out}, "9 imported\n", 'into a cache that was not there');
is(run_program($exgate, 'directory', 'export', '--cache', $other)->{out}, $exported, 'it is there now');
spew($other, "no database\n", 0644);
$result = run_program($exgate, 'directory', 'list', '--cache', $other);
is($result->{status}, 66, 'what is no cache');
like($result->{err}, qr/\Aexgate: \S+ is damaged, or no directory cache/, 'is told');
is(slurp($other), "no database\n", 'and left alone');

# --- warm -------------------------------------------------------------------------------------

directory('flush', '--all');
spew($list, join('', map { "$_\n" } at(qw(ann boss all phantom))), 0644);
my ($warmed) = objects(0, 'warm', $list);
is_deeply([@$warmed{qw(mailboxes groups others nobody unsure asked)}], [2, 1, 0, 1, 0, 4], 'warm, from a list');
($warmed) = objects(0, 'warm', $list);
is($warmed->{asked}, 0, 'who is known is not asked for');
$result = directory('warm', '--domain', $domain);
is($result->{status}, 0, 'warm, from the address list') or diag($result->{err});
is($result->{out}, "7 mailboxes, 2 groups, 1 others; 0 are nobody's; of 0 nobody could tell\n", 'all that it shows');
is($result->{err}, '', 'without complaint');
$before = asked();
is_deeply([probe(qw(full away small))], [('250 2.1.5') x 3], 'exgate-lmtpd knows them');
is(asked(), $before, 'without a question');

# More than 100 with the same beginning are found by what follows it.
$sim->control("mailbox user$_\@many.test") for 100 .. 215;
$result = directory('warm', '--domain', 'many.test', '--rate', 100);
is($result->{out}, "116 mailboxes, 0 groups, 0 others; 0 are nobody's; of 0 nobody could tell\n", 'also where there are more than Exchange shows at a time');

# --- the budget -------------------------------------------------------------------------------

$lmtpd->configure({ directory => { max_lookups => 1 } });
$before = $sim->requests('GetFolder');
my $begun = time;
my @guesses = objects(67, 'query', at(map { "guess$_" } 1 .. 80), at('ann'));
my $allowed = 10 + time - $begun + 1;
my $looked_up = $sim->requests('GetFolder') - $before;
cmp_ok($looked_up, '>=', 10, 'max_lookups = 1: what was saved in 10 s is spent');
cmp_ok($looked_up, '<=', $allowed, 'and not more than comes back') or diag("in @{[ time - $begun ]} s");
my @unasked = grep { $_->{verdict} eq 'cannot-tell' } @guesses;
is(scalar @unasked, 80 - $looked_up, 'of all others nobody can tell');
is($unasked[0]{error}{kind}, 'busy', 'for want of budget');
like($unasked[0]{error}{message}, qr/^Exchange was not asked/, 'which is said');
is($guesses[80]{origin}, 'cached', 'who is known is answered');
like((probe('ann'))[0], qr/^250/, 'by exgate-lmtpd as well');

# --- the map ----------------------------------------------------------------------------------

my $map = spew("$lmtpd->{directory}/map", "# ours\nlisted\@$domain\nteam\@$domain group\n", 0644);
$lmtpd->configure({ directory => { map => $map } });
$lmtpd->reload;
$result = directory('query', at(qw(listed team)));
like($result->{out}, qr/^listed\@\S+ +mailbox +the map *\nteam\@\S+ +group +the map *$/m, 'the map is heard first');
is_deeply([probe(qw(listed team))], ['250 2.1.5', '550 5.1.1'], 'by exgate-lmtpd, too');
spew($map, "later\@$domain\n", 0644);
wait_until('the map is read again', sub { (probe('later'))[0] eq '250 2.1.5' });
pass('a map that has changed is read again');
spew($map, "nonsense\n", 0644);
$lmtpd->reload;
wait_until('the reload is refused', sub { $lmtpd->log =~ /not reloaded.*\[directory\] map: \S+map: line 1: / });
pass('with a wrong one a new configuration is refused');
$lmtpd->configure({ directory => { map => undef, sources => 'open ldap' } });
is(directory('query', at('ann'))->{status}, 78, 'a wrong list of sources is told');

$lmtpd->stop;
$sim->stop;
done_testing;
