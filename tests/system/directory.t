#!/usr/bin/perl
# Recipients at RCPT: each kind of them, what is asked and what is remembered, an outage, a restart, two processes with one cache.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use Test::More;

my $domain = 'example.test';
my @people = (
    (map { "$_\@$domain" } qw(ann bob cat eve gone away mute shut)),
    "info\@$domain name=\"A shared mailbox\"",
    "room1\@$domain name=\"Meeting room 1\"",
    "forwarded\@$domain name=\"Somebody who forwards\"",
    "hidden\@$domain hidden",
    "alias-owner\@$domain alias=alias\@$domain",
    "team\@$domain type=GroupMailbox",
    "all\@$domain type=PublicDL",
    "friends\@$domain type=PrivateDL",
    "partner\@$domain type=Contact",
    "folder\@$domain type=PublicFolder",
);
my $sim = Exg::Sim->start(mailboxes => \@people);
my $lmtpd = Exg::Lmtpd->start(sim => $sim);
my $stamp = 0;

sub message
{
    $stamp++;
    return "Received: from client.test by mta.test; Sat, 21 Nov 2026 20:04:05 +0000\r\nSubject: $stamp of $$\r\n\r\nHello.\r\n";
}

# The replies to RCPT, of a transaction that goes no further: what an MTA's probe does.
sub probe
{
    my ($who, @names) = @_;
    my $lmtp = $who->client;
    $lmtp->command('MAIL FROM:<double-bounce@mta.test>');
    my @replies = map { $lmtp->command("RCPT TO:<$_\@$domain>") } @names;
    $lmtp->command('RSET');
    $lmtp->quit;
    return @replies;
}

sub asked { my ($name) = @_; return $sim->requests('GetFolder', "$name\@$domain") }

sub restart
{
    my ($conf) = @_;
    $lmtpd->stop;
    $lmtpd->configure($conf);
    $lmtpd->launch;
}

# --- the kinds of recipients ------------------------------------------------------------------

my @kinds = (
    ['ann',       qr/^250 2\.1\.5 /, 'a user'],
    ['info',      qr/^250 2\.1\.5 /, 'a shared mailbox'],
    ['room1',     qr/^250 2\.1\.5 /, 'a room'],
    ['forwarded', qr/^250 2\.1\.5 /, 'a mailbox that forwards'],
    ['team',      qr/^250 2\.1\.5 /, 'a group with a mailbox of its own'],
    ['alias',     qr/^250 2\.1\.5 /, 'a further address of a mailbox'],
    ['hidden',    qr/^250 2\.1\.5 /, 'a mailbox that the address list does not show'],
    ['all',       qr/^550 5\.1\.1 <all\@$domain> is a distribution group, and exgate delivers to mailboxes only$/, 'a distribution group'],
    ['friends',   qr/^550 5\.1\.1 <friends\@$domain> is a distribution group/, 'a private distribution list'],
    ['partner',   qr/^550 5\.1\.1 <partner\@$domain> is a mail contact/, 'a contact'],
    ['folder',    qr/^550 5\.1\.1 <folder\@$domain> is a public folder/, 'a public folder'],
    ['ghost',     qr/^550 5\.1\.1 <ghost\@$domain> no such mailbox$/, 'nobody'],
    ['an',        qr/^550 5\.1\.1 <an\@$domain> no such mailbox$/, 'the beginning of an address'],
);
my @first = probe($lmtpd, map { $_->[0] } @kinds);
like($first[$_], $kinds[$_][1], "$kinds[$_][2]: the reply to RCPT") for 0 .. $#kinds;
my $requests = $sim->requests('GetFolder') + $sim->requests('ResolveNames');
is($requests, 13 + 6, 'one question for those who have a mailbox, two for the others');
my @again = probe($lmtpd, map { uc $_->[0] } @kinds);
is_deeply([map { lc =~ s/^(...) .*? </$1 </r } @again], [map { lc =~ s/^(...) .*? </$1 </r } @first], 'the same replies, whatever the case');
is($sim->requests('GetFolder') + $sim->requests('ResolveNames'), $requests, 'and nobody has been asked again');

my @replies = $lmtpd->client->deliver(from => 'a@sender.test', to => [map { "$_\@$domain" } qw(ann ghost hidden all bob)], message => message());
like($replies[$_], qr/^250 2\.0\.0 /, 'a message for five: those with a mailbox have it') for 0, 2, 4;
like($replies[$_], qr/^550 5\.1\.1 /, 'and the others are refused at RCPT') for 1, 3;
is($sim->count("$_\@$domain"), 1, "$_ has it once") for qw(ann hidden bob);
is($sim->requests('CreateItem'), 3, 'for the others there was nothing to deliver');

# --- many who ask at once ---------------------------------------------------------------------

$sim->control("on GetFolder mailbox=cat\@$domain do delay 300");
my @clients = map { $lmtpd->client } 1 .. 10;
for my $client (@clients) {
    $client->command('MAIL FROM:<a@sender.test>');
    $client->send_line("RCPT TO:<cat\@$domain>");
}
like($_->reply, qr/^250 2\.1\.5 /, 'asked for at once: accepted') for @clients;
is(asked('cat'), 1, 'with one question');
$_->quit for @clients;

# --- the witnesses differ ---------------------------------------------------------------------

$sim->control("on GetFolder mailbox=away\@$domain do code ErrorNonExistentMailbox");
$sim->control("on CreateItem mailbox=away\@$domain do code ErrorNonExistentMailbox");
like((probe($lmtpd, 'away'))[0], qr/^250 2\.1\.5 /, 'in the directory but not in the store: accepted');
like(($lmtpd->client->deliver(from => 'a@sender.test', to => ["away\@$domain"], message => message()))[0],
    qr/^450 4\.2\.1 <away\@$domain> is in the directory/, 'and deferred by the delivery');

# --- a mailbox that goes away -----------------------------------------------------------------

like((probe($lmtpd, 'gone'))[0], qr/^250 /, 'a mailbox is there');
$sim->control("remove gone\@$domain");
like((probe($lmtpd, 'gone'))[0], qr/^250 /, 'it goes away, which nobody knows yet');
like(($lmtpd->client->deliver(from => 'a@sender.test', to => ["gone\@$domain"], message => message()))[0],
    qr/^550 5\.1\.1 <gone\@$domain> no such mailbox/, 'a delivery finds out, with the second witness');
like((probe($lmtpd, 'gone'))[0], qr/^550 5\.1\.1 /, 'and the next RCPT knows');
is(asked('gone'), 2, 'having asked afresh');

# --- Exchange does not answer -----------------------------------------------------------------

my %short = (directory => { positive_life => '1s', failure_life => '300s', timeout => '2s' });
$sim->control('clear');
restart(\%short);
like((probe($lmtpd, 'mute'))[0], qr/^250 /, 'a mailbox is there');
select undef, undef, undef, 1.1; # its life has to pass
$sim->control("on GetFolder mailbox=$_\@$domain do stall") for qw(mute eve);
$sim->control("on GetFolder mailbox=shut\@$domain do unauthorized");
my $begun = time;
like((probe($lmtpd, 'mute'))[0], qr/^250 2\.1\.5 <mute\@$domain> has a mailbox/, 'in an outage it is taken to be still there');
like((probe($lmtpd, 'eve'))[0], qr/^250 2\.1\.5 <eve\@$domain> the delivery will tell/, 'another is accepted as well, by policy');
like((probe($lmtpd, 'shut'))[0], qr/^250 2\.1\.5 .* the delivery will tell/, 'also where the service account is refused');
cmp_ok(time - $begun, '<', 60, 'all in good time');
my @counts = map { asked($_) } qw(mute eve shut);
probe($lmtpd, qw(mute eve shut));
is_deeply([map { asked($_) } qw(mute eve shut)], \@counts, 'and for a while nobody is asked again');

$short{directory}{when_unsure} = 'defer';
$lmtpd->configure(\%short);
$lmtpd->reload;
@replies = probe($lmtpd, qw(mute eve shut away));
like($replies[0], qr/^250 2\.1\.5 /, 'with when_unsure = defer: the one that was there is accepted');
like($replies[1], qr/^450 4\.2\.1 <eve\@$domain> Exchange cannot tell/, 'the other deferred');
like($replies[2], qr/^450 4\.2\.1 <shut\@$domain> Exchange cannot tell/, 'nor does a refused account bounce anything');
unlike($replies[2], qr/svc|password|401/, 'or tell strangers about it');
like($replies[3], qr/^250 /, 'who can be asked is accepted');
$sim->control('clear');
$sim->control("on GetFolder mailbox=bob\@$domain do code ErrorNonExistentMailbox");
$sim->control('on ResolveNames do code ErrorServerBusy');
@replies = probe($lmtpd, qw(bob nobody-here));
like($replies[0], qr/^[24]50 /, 'the second witness is silent: no bounce');
like($replies[1], qr/^450 4\.2\.1 /, 'not even for nobody');
$sim->control('clear');

# --- a restart, and a second process ----------------------------------------------------------

restart({ directory => { positive_life => '1h' } });
@counts = map { asked($_) } qw(hidden ghost all);
@replies = probe($lmtpd, qw(hidden ghost all));
like($replies[0], qr/^250 /, 'after a restart: a mailbox');
like($replies[1], qr/^550 5\.1\.1 .* no such mailbox/, 'nobody');
like($replies[2], qr/^550 5\.1\.1 .* is a distribution group/, 'a group');
is_deeply([map { asked($_) } qw(hidden ghost all)], \@counts, 'are known from before');

my $second = Exg::Lmtpd->start(sim => $sim, conf => { directory => { cache => "$lmtpd->{directory}/journal/directory.db" } });
@replies = probe($second, qw(hidden ghost all));
is(join(' ', map { substr $_, 0, 3 } @replies), '250 550 550', 'a second process says the same');
is_deeply([map { asked($_) } qw(hidden ghost all)], \@counts, 'from what the first has found out');
like((probe($second, 'stranger'))[0], qr/^550 /, 'what the second finds out');
$second->stop;
my $before = asked('stranger');
like((probe($lmtpd, 'stranger'))[0], qr/^550 /, 'the first says as well');
is(asked('stranger'), $before, 'without a question of its own');

# --- a cache that is none ---------------------------------------------------------------------

$lmtpd->stop;
spew("$lmtpd->{directory}/journal/directory.db", "my notes\n", 0644);
$lmtpd->launch;
like((probe($lmtpd, 'hidden'))[0], qr/^250 /, 'a file that is no cache is no obstacle');
ok(-e "$lmtpd->{directory}/journal/directory.db.aside", 'it is set aside');
$lmtpd->stop;
$lmtpd->launch;
my $known = asked('hidden');
like((probe($lmtpd, 'hidden'))[0], qr/^250 /, 'and the new one serves');
is(asked('hidden'), $known, 'as the old one did');

# --- reload and stop while somebody waits -----------------------------------------------------

$sim->control("on GetFolder mailbox=eve\@$domain do stall");
my $waiting = $lmtpd->client;
$waiting->command('MAIL FROM:<a@sender.test>');
$waiting->send_line("RCPT TO:<eve\@$domain>");
$lmtpd->configure({ directory => { timeout => '60s' } });
$lmtpd->reload;
like((probe($lmtpd, 'ann'))[0], qr/^250 /, 'a reload goes on with what is known');
like((probe($lmtpd, 'forwarded'))[0], qr/^250 /, 'and so does another client');
close $waiting->{socket};
$begun = time;
$lmtpd->stop;
cmp_ok(time - $begun, '<', 25, 'a look-up under way does not keep it from stopping');
$sim->control('clear');
$lmtpd->launch;

# --- without checks ---------------------------------------------------------------------------

restart({ directory => { check_recipients => 'no' } });
@replies = probe($lmtpd, qw(ann ghost all));
is(scalar(grep { /^250 2\.1\.5 / } @replies), 3, 'check_recipients = no: all are accepted at RCPT');
@replies = $lmtpd->client->deliver(from => 'a@sender.test', to => [map { "$_\@$domain" } qw(ann ghost all)], message => message());
like($replies[0], qr/^250 2\.0\.0 /, 'and after the message: stored');
like($replies[1], qr/^550 5\.1\.1 <ghost\@$domain> no such mailbox/, 'refused, since there is nobody');
like($replies[2], qr/^550 5\.1\.1 <all\@$domain> is a distribution group/, 'or since it is a group');

$lmtpd->stop;
$sim->stop;
done_testing;
