#!/usr/bin/perl
# The kinds of recipients, from RCPT to the mailbox; groups that are expanded: each member once, one reply, and retries.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use Test::More;

my $domain = 'example.test';
my $sim = Exg::Sim->start(mailboxes => [
    (map { "$_\@$domain" } qw(ann bob cat)),
    "info\@$domain name=\"A shared mailbox\"",
    "room1\@$domain name=\"Meeting room 1\"",
    "forwarded\@$domain name=\"Somebody who forwards\"",
    "partner\@$domain type=Contact",
    "folder\@$domain type=PublicFolder",
    "all\@$domain type=PublicDL members=ann\@$domain,bob\@$domain,inner\@$domain",
    "inner\@$domain type=PublicDL members=cat\@$domain,ANN\@$domain,all\@$domain",
    "mixed\@$domain type=PublicDL members=ann\@$domain,partner\@$domain",
    "empty\@$domain type=PublicDL",
]);
my %conf = (directory => { groups => 'expand' }, delivery => { settle_time => '1s', recipient_delimiter => '+' });
my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => \%conf);
my $stamp = 0;

sub message
{
    $stamp++;
    return "Received: from client.test by mta.test; Sat, 21 Nov 2026 20:04:05 +0000\r\nSubject: $stamp of $$\r\n\r\nHello.\r\n";
}

sub deliver
{
    my ($names, $message) = @_;
    return $lmtpd->client->deliver(from => 'a@sender.test', to => [map { "$_\@$domain" } @$names], message => $message // message());
}

sub stored { my ($name) = @_; return $sim->count("$name\@$domain") }
sub all_stored { return join ' ', map { stored($_) } qw(ann bob cat) }

# --- the kinds of recipients --------------------------------------------------------------------

# An inserted item passes no rules, so a mailbox that forwards keeps what it gets.
for my $case (
    ['ann',       qr/^250 2\.0\.0 /, 1, 'a user'],
    ['info',      qr/^250 2\.0\.0 /, 1, 'a shared mailbox'],
    ['room1',     qr/^250 2\.0\.0 /, 1, 'a room'],
    ['forwarded', qr/^250 2\.0\.0 /, 1, 'a mailbox that forwards'],
    ['partner',   qr/^550 5\.1\.1 <partner\@$domain> is a mail contact/, 0, 'a contact'],
    ['folder',    qr/^550 5\.1\.1 <folder\@$domain> is a public folder/, 0, 'a public folder'],
    ['mixed',     qr/^550 5\.1\.1 <mixed\@$domain> .*no mailbox/, 0, 'a group with a contact in it'],
    ['empty',     qr/^550 5\.1\.1 <empty\@$domain> .*without members/, 0, 'a group without members'],
    ['ghost',     qr/^550 5\.1\.1 <ghost\@$domain> no such mailbox/, 0, 'nobody'],
) {
    my ($name, $reply, $count, $what) = @$case;
    like((deliver([$name]))[0], $reply, "$what: the reply");
    is(stored($name), $count, "$what: what has arrived");
}
is(stored('ann'), 1, 'who is in a refused group with others has nothing of it');

# --- groups -------------------------------------------------------------------------------------

my $message = message();
my @replies = deliver(['all'], $message);
like($replies[0], qr/^250 2\.0\.0 <all\@$domain> stored in Exchange for each of its members/, 'a group, one reply');
is(all_stored(), '2 1 1', 'each member has it once, those of a group in the group as well');
like((deliver(['all'], $message))[0], qr/^250 /, 'a retry');
is(all_stored(), '2 1 1', 'stores nothing again');
like((deliver(['inner'], $message))[0], qr/^250 /, 'nor does the group in it');
is(all_stored(), '2 1 1', 'for those who have it');

# One member has to wait: so does the group, and the retry finishes the rest.
$message = message();
$sim->control("on CreateItem mailbox=cat\@$domain times=1 do code ErrorMailboxStoreUnavailable");
like((deliver(['all'], $message))[0], qr/^4\d\d 4\.\S+ <cat\@$domain>/, 'a member has to wait: 4xx for the group, naming him');
is(all_stored(), '3 2 1', 'the others have it');
like((deliver(['all'], $message))[0], qr/^250 /, 'the retry succeeds');
is(all_stored(), '3 2 2', 'and finishes what was left');

# A lost answer.
$message = message();
$sim->control("on CreateItem mailbox=bob\@$domain times=1 stored do close-without-answer");
like((deliver(['all'], $message))[0], qr/^451 4\.4\.2 <bob\@$domain>/, 'the answer for a member is lost');
my $reply;
wait_until('it is settled', sub { ($reply) = deliver(['all'], $message); return $reply !~ /^451 4\.4\.2/ });
like($reply, qr/^250 /, 'the retry succeeds');
is(all_stored(), '4 3 3', 'nobody has it twice');

# A member who is refused: the sender hears of it, once nobody has to wait.
$message = message();
$sim->control("on CreateItem mailbox=bob\@$domain do code ErrorMessageSizeExceeded");
$sim->control("on CreateItem mailbox=cat\@$domain times=1 do code ErrorMailboxStoreUnavailable");
like((deliver(['all'], $message))[0], qr/^4\d\d /, 'one refused, one has to wait: 4xx');
like((deliver(['all'], $message))[0], qr/^552 5\.3\.4 <bob\@$domain>/, 'then the refusal');
is(all_stored(), '5 3 4', 'the others have it');
$sim->control('clear');

# The members cannot be told.
$sim->control('on ExpandDL do code ErrorServerBusy');
like((deliver(['all']))[0], qr/^4\d\d 4\.\S+ <all\@$domain> the members/, 'members that cannot be told are waited for');
$sim->control('clear');

# Somebody who is addressed by himself, too.
$message = message();
wait_until('both are answered 250', sub { @replies = deliver([qw(ann all)], $message); return 2 == grep { /^250 / } @replies });
is(all_stored(), '6 4 5', 'who is addressed by himself, too, has it once');

# --- reject -------------------------------------------------------------------------------------

$conf{directory}{groups} = 'reject';
$lmtpd->configure(\%conf);
$lmtpd->reload;
like((deliver(['all']))[0], qr/^550 5\.1\.1 <all\@$domain> is a distribution group/, 'groups = reject');
is(all_stored(), '6 4 5', 'nobody has that');

$lmtpd->stop;
$sim->stop;

done_testing;
