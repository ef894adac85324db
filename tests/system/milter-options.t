#!/usr/bin/perl
# Every option of [milter], packet by packet: what is negotiated, what a recipient is told, what a message gets.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Milter;
use Exg::Sim;
use Exg::Test;
use Test::More;

use constant {
    ADDHDRS => 0x1, CHGHDRS => 0x10, SETSYMLIST => 0x100,
    NOCONNECT => 0x1, NOHELO => 0x2, NOBODY => 0x10, NOHDRS => 0x20, NOEOH => 0x40, NOUNKNOWN => 0x100,
};

my $sim = Exg::Sim->start(mailboxes => [
    'ann@example.com alias=anna@example.com', 'bob@example.com', 'full@example.com quota=10', 'small@example.com max-size=100000',
    'vip@example.com restricted', 'club@example.com moderated', 'oof@example.com oof="Away."',
    'all@example.com type=PublicDL members=ann@example.com', 'partner@example.com type=Contact',
    'folder@example.com type=PublicFolder', 'tiny@example.com max-size=100000 restricted',
]);
my %directory = (tips_sender => 'ann@example.com');
my $milter = Exg::Milter->start(sim => $sim, conf => { directory => \%directory });

# Reloads with this in [milter]; a connection that has negotiated afterwards.
sub with
{
    my (%keys) = @_;
    my %groups = map { $_ => delete $keys{$_} } grep { ref $keys{$_} } keys %keys;
    $milter->configure({ directory => { %directory, %{ $groups{directory} // {} } }, delivery => $groups{delivery} // {}, milter => \%keys });
    $milter->reload;
    return $milter->client;
}

# What each recipient is told, in a message of its own.
sub told
{
    my ($client, $name, @words) = @_;
    $client->mail('<writer@sink.test>', @words);
    my $reply = $client->rcpt("<$name\@example.com>");
    $client->abort;
    return $reply;
}

# --- negotiation ------------------------------------------------------------------------------

my $client = $milter->client;
is($client->{actions}, SETSYMLIST, 'nothing is asked for but to choose macros');
is($client->{steps}, NOCONNECT | NOHELO | NOBODY | NOHDRS | NOEOH | NOUNKNOWN, 'only MAIL, RCPT and DATA are');
is($client->{lists}{2}, 'i {client_addr} {auth_authen}', 'with the macros that are looked at');
is($client->{lists}{3}, 'i', 'of RCPT too');

my $old = $milter->client(version => 2, actions => 0x3f, steps => 0x7f);
is($old->{actions}, 0, 'an old MTA is asked for nothing that it does not know');
is($old->{steps}, NOHELO | NOBODY | NOHDRS | NOEOH, 'and tells of the client');
is($old->connect('client.test', '192.0.2.1'), 'continue');
is($old->mail('<writer@sink.test>'), 'continue');
like($old->rcpt('<ghost@example.com>'), qr/^550 5\.1\.1 /, 'it works with that');
is($old->header('Subject', 'x'), 'continue', 'and with steps that it does not spare us');
is($old->eoh, 'continue');
is_deeply([$old->eom], ['accept'], 'to the end');
$old->quit;

# --- what a recipient is told -----------------------------------------------------------------

my @usual = (
    [ann     => 'continue'],
    [anna    => 'continue'],
    [ghost   => '550 5.1.1 <ghost@example.com> no such mailbox'],
    [all     => '550 5.1.1 <all@example.com> is a distribution group'],
    [partner => '550 5.1.1 <partner@example.com> is not a mailbox'],
    [folder  => '550 5.1.1 <folder@example.com> is not a mailbox'],
    [full    => '452 4.2.2 <full@example.com> the mailbox is full'],
    [small   => 'continue'],
    [vip     => 'continue'],
    [club    => 'continue'],
    [oof     => 'continue'],
);
is(told($client, $_->[0]), $_->[1], "by default: $_->[0]") for @usual;
is(told($client, 'small', 'SIZE=100000'), 'continue', 'as large as it may be');
is(told($client, 'small', 'BODY=8BITMIME', 'SIZE=100001'), '552 5.3.4 <small@example.com> takes messages of 100000 bytes at most', 'too large');
is(told($client, 'ann', 'SIZE=100001'), 'continue', 'for this one, not for another');
is(told($client, 'small'), 'continue', 'a size does not stay for the next message');

my %all = map { $_ => 'reject' } qw(unknown not_a_mailbox group too_large mailbox_full restricted moderated out_of_office);
$client = with(%all);
is(told($client, 'vip'),  '550 5.7.1 <vip@example.com> does not take mail from everybody', 'restricted = reject');
is(told($client, 'club'), '550 5.7.1 <club@example.com> is moderated', 'moderated = reject');
is(told($client, 'oof'),  '550 5.2.1 <oof@example.com> is out of office', 'out_of_office = reject');
is(told($client, 'full'), '552 5.2.2 <full@example.com> the mailbox is full', 'mailbox_full = reject');
$client = with(map { $_ => 'tempfail' } keys %all);
is(told($client, 'ghost'),   '450 4.1.1 <ghost@example.com> no such mailbox', 'unknown = tempfail');
is(told($client, 'all'),     '450 4.1.1 <all@example.com> is a distribution group', 'group = tempfail');
is(told($client, 'partner'), '450 4.1.1 <partner@example.com> is not a mailbox', 'not_a_mailbox = tempfail');
is(told($client, 'small', 'SIZE=100001'), '452 4.3.4 <small@example.com> takes messages of 100000 bytes at most', 'too_large = tempfail');
is(told($client, 'vip'),     '450 4.7.1 <vip@example.com> does not take mail from everybody', 'restricted = tempfail');
is(told($client, 'club'),    '450 4.7.1 <club@example.com> is moderated', 'moderated = tempfail');
is(told($client, 'oof'),     '450 4.2.1 <oof@example.com> is out of office', 'out_of_office = tempfail');
$client = with(map { $_ => 'accept' } keys %all);
is(told($client, $_, 'SIZE=100001'), 'continue', "accepted: $_") for qw(ghost all partner folder full small vip club oof);

$client = with(restricted => 'tempfail', too_large => 'reject');
like(told($client, 'tiny', 'SIZE=100001'), qr/^552 5\.3\.4 /, 'of two situations the final one is told');
like(told($client, 'tiny', 'SIZE=100000'), qr/^450 4\.7\.1 /, 'of one that one');

$client = with(unknown => 'reject 553 5.1.2 100% {recipient}?', mailbox_full => 'tempfail 450', group => 'tempfail 421 4.3.2 later');
is(told($client, 'ghost'), '553 5.1.2 100% ghost@example.com?', 'code and text of our own, with a percent sign');
is(told($client, 'full'),  '450 4.2.2 <full@example.com> the mailbox is full', 'a code of our own');
is(told($client, 'all'),   '421 4.3.2 later', 'the end of the session');
is(told($client, 'a%sb%'), '553 5.1.2 100% a%sb%@example.com?', 'what the sender writes does not break the reply');
is(told($client, "j\xc3\xb6rg"), '553 5.1.2 100% j??rg@example.com?', 'nor does what is not ASCII');

$client = with(directory => { groups => 'expand' });
is(told($client, 'all'), 'continue', 'a group that will be expanded');

# --- who is not looked at ---------------------------------------------------------------------

$client = with(domains => 'example.com other.test');
is($client->mail('<writer@sink.test>'), 'continue');
is($client->rcpt('<ghost@elsewhere.test>'), 'continue', 'domains: another');
is($client->rcpt('<postmaster>'), 'continue', 'none');
is($client->rcpt('<not an address>'), 'continue', 'what cannot be read is the MTA\'s');
like($client->rcpt('<ghost@Example.COM>'), qr/^550 /, 'one of ours');
$client->abort;

$client = with(skip_recipients => 'ghost@example.com @skipped.test', delivery => { recipient_delimiter => '+' });
is(told($client, 'ghost'), 'continue', 'skip_recipients: an address');
is(told($client, 'ghost+x'), 'continue', 'with a detail');
like(told($client, 'ghost2'), qr/^550 /, 'not another');
is(told($client, 'ann+x'), 'continue', 'a detail of a mailbox');
$client->mail('<writer@sink.test>');
is($client->rcpt('<ghost@skipped.test>'), 'continue', 'a domain');
$client->abort;

$client = with(skip_networks => '192.0.2.0/24 2001:db8::/32', skip_authenticated => 'yes');
sub from { my ($macros) = @_; my $reply = $client->mail('<writer@sink.test>', $macros); $client->abort; return $reply }
is(from({ '{client_addr}' => '192.0.2.77' }), 'accept', 'skip_networks: its mail is accepted at once');
is(from({ '{client_addr}' => '2001:db8:1::1' }), 'accept', 'IPv6 too');
is(from({ '{client_addr}' => 'IPv6:2001:db8:1::1' }), 'accept', 'as Sendmail writes it');
is(from({ '{client_addr}' => '192.0.3.1' }), 'continue', 'another network is not');
is(from({ '{client_addr}' => '192.0.3.1', '{auth_authen}' => 'ann' }), 'accept', 'skip_authenticated');
is(from({ '{client_addr}' => '192.0.3.1', '{auth_authen}' => '' }), 'continue', 'a login that is none');
$client->mail('<writer@sink.test>', { '{client_addr}' => '192.0.3.1' });
like($client->rcpt('<ghost@example.com>'), qr/^550 /, 'the message after one that was skipped is looked at');
$client->abort;
$old = $milter->client(actions => 0x3f, steps => 0x7f);
$old->connect('client.test', '192.0.2.1');
is($old->mail('<writer@sink.test>'), 'accept', 'where the MTA tells the address when the client connects');
$old->quit;

# --- who sends --------------------------------------------------------------------------------

$client = with(internal_domains => 'example.com', skip_networks => '192.0.2.0/24');
my %outside = ('{client_addr}' => '198.51.100.1');
sub sender { my ($address, %macros) = @_; my $reply = $client->mail("<$address>", { %outside, %macros }); $client->abort; return $reply }
is(sender('ann@example.com'), '550 5.7.1 <ann@example.com> may only be used with authentication', 'an internal sender');
is(sender('nobody@EXAMPLE.com'), '550 5.7.1 <nobody@EXAMPLE.com> may only be used with authentication', 'of any name');
is(sender('ann@example.com', '{auth_authen}' => 'ann'), 'continue', 'who has authenticated');
is(sender('ann@example.com', '{client_addr}' => '192.0.2.1'), 'accept', 'from a network of ours');
is(sender('ann@example.org'), 'continue', 'another sender');
is(sender(''), 'continue', 'a bounce');
is($client->mail('<writer@sink.test>'), 'continue', 'the next message is not refused with it');
$client = with(internal_domains => 'example.com', internal_sender => 'tempfail 451 4.7.1 {recipient}');
is(sender('ann@example.com'), '451 4.7.1 ann@example.com', 'internal_sender = tempfail');

# --- learning ---------------------------------------------------------------------------------

$client = with(mode => 'learn', internal_domains => 'example.com', add_header => 'yes', mailbox_full => 'reject');
is($client->{actions}, SETSYMLIST, 'learning: mail is not changed');
is(sender('ann@example.com'), 'continue', 'no sender is refused');
is(told($client, 'ghost'), 'continue', 'no recipient is');
is(told($client, 'full'), 'continue', 'none at all');
$client->mail('<writer@sink.test>');
$client->rcpt('<ann@example.com>');
is($client->data, 'accept', 'the content is not looked at');
$client->abort;
$milter->wait_for_log(qr/info: would be rejected: 550 5\.1\.1 <ghost\@example\.com> no such mailbox .*to=ghost\@example\.com situation=unknown/);
$milter->wait_for_log(qr/info: would be rejected: 552 5\.2\.2 .*situation=mailbox-full/);
$milter->wait_for_log(qr/info: would be rejected: 550 5\.7\.1 .*situation=internal-sender/);

# --- what a message gets ----------------------------------------------------------------------

# A message to these with this header: what is done to it.
sub changes
{
    my ($sender, $recipients, @header) = @_;
    is($client->mail("<$sender>"), 'continue');
    $client->rcpt("<$_\@example.com>") for @$recipients;
    is($client->data, 'continue', 'the content is wanted');
    while (my ($name, $value) = splice @header, 0, 2) {
        $client->header($name, $value);
    }
    my ($last, @changes) = $client->eom;
    is($last, 'accept', 'the message is accepted');
    return \@changes;
}

$client = with(add_header => 'yes', skip_networks => '192.0.2.0/24', skip_recipients => 'bob@example.com');
is($client->{actions}, SETSYMLIST | ADDHDRS | CHGHDRS, 'add_header: it is asked for');
is($client->{steps} & (NOHDRS | NOBODY), NOBODY, 'and the header, not the body');
is_deeply(changes('writer@sink.test', ['ann'], Subject => 'x'), ['insert 0 X-Exgate-Recipient: ann@example.com; mailbox; good'], 'one recipient');
is_deeply(changes('writer@sink.test', [qw(ann oof bob ghost)], Subject => 'x'),
    ['insert 0 X-Exgate-Recipient: 3 recipients; good=1; out-of-office=1; unseen=1'], 'of several nobody learns who they are');
is_deeply(changes('writer@sink.test', ['ann'], 'x-exgate-recipient' => 'forged', Subject => 'x', 'X-EXGATE-RECIPIENT ' => 'again'),
    ['change 2 X-Exgate-Recipient: ', 'change 1 X-Exgate-Recipient: ', 'insert 0 X-Exgate-Recipient: ann@example.com; mailbox; good'],
    'forged ones are removed');
is_deeply(changes('writer@sink.test', ['bob'], 'X-Exgate-Recipient' => 'forged'), ['change 1 X-Exgate-Recipient: '],
    'also where nobody was looked at');
is($client->mail('<writer@sink.test>', { '{client_addr}' => '192.0.2.1' }), 'continue', 'and from a client that is skipped');
is($client->rcpt('<ghost@example.com>'), 'continue');
$client->header('X-Exgate-Recipient', 'forged');
is_deeply([$client->eom], ['accept', 'change 1 X-Exgate-Recipient: '], 'forgery has no friends');

$client = with(mark_auto_submitted => 'yes');
my $mark = 'insert 0 X-Auto-Response-Suppress: OOF, AutoReply';
is_deeply(changes('', ['ann'], Subject => 'x'), [$mark], 'mark_auto_submitted: a bounce');
is_deeply(changes('writer@sink.test', ['ann'], 'Auto-Submitted' => 'auto-replied'), [$mark], 'a reply by a program');
is_deeply(changes('writer@sink.test', ['ann'], 'Precedence' => 'bulk'), [$mark], 'bulk mail');
is_deeply(changes('writer@sink.test', ['ann'], 'Auto-Submitted' => 'no'), [], 'a person\'s');
is_deeply(changes('', ['ann'], 'X-Auto-Response-Suppress' => 'All'), [], 'one that is marked');

$client = $milter->client(actions => 0x100);
is($client->{actions}, SETSYMLIST, 'an MTA that lets nothing be changed is not asked for it');
$milter->wait_for_log(qr/warning: the MTA does not let its mail be changed/);
is_deeply(changes('', ['ann']), [], 'and gets its mail as it is');

$milter->stop;
$sim->stop;
done_testing;
