#!/usr/bin/perl
# Where a message ends up: bare user names, folders named in the address, spam.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use Test::More;

my $domain = 'example.test';
my $sim    = Exg::Sim->start(mailboxes => [map { "$_\@$domain" } qw(ann bob)]);
my %conf = (
    lmtp     => { recipient_domain => $domain },
    delivery => { recipient_delimiter => '+', junk_header => 'X-Spam-Flag: YES, X-Spam-Status: Yes, X-Spam-Level: *****', settle_time => '1s' },
);
my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => \%conf);
my $stamp  = 0;

# A message that no other one equals, with these header lines on top.
sub message
{
    my (@lines) = @_;
    $stamp++;
    return join '', map { "$_\r\n" } 'Received: from client.test by mta.test; Sat, 21 Nov 2026 20:04:05 +0000', @lines,
      "Subject: $stamp of $$", '', 'Hello.';
}

sub deliver
{
    my ($to, $message) = @_;
    return $lmtpd->client->deliver(from => 'a@sender.test', to => $to, message => $message // message());
}

# How many messages lie in a folder.
sub stored
{
    my ($name, $folder) = @_;
    return scalar grep { /\.eml$/ } files_in($sim->directory . "/mailboxes/$name\@$domain/$folder");
}

# --- bare user names ----------------------------------------------------------------------------

my @replies = deliver([qw(ann ANN@example.test bob ghost)]);
like($replies[0], qr/^250 2\.0\.0 <ann\@$domain>/, 'a bare user name is delivered to');
like($replies[1], qr/^250 /, 'and its full address answered');
like($replies[2], qr/^250 /, 'as is another');
like($replies[3], qr/^550 5\.1\.1 <ghost\@$domain>/, 'but not one that nobody has');
is(stored('ann', 'inbox'), 1, 'who was named in both ways has the message once');

# --- folders ------------------------------------------------------------------------------------

my $searches = sub { $sim->requests('FindFolder', "ann\@$domain") };
for my $case (
    ['ann+mailing lists', 'lists',    'a folder at the top'],
    ['ann+projects',      'projects', 'one below the inbox'],
    ['Ann+PROJECTS',      'projects', 'in any case'],
    ['ann+old',           'inbox',    'one further below is not looked for'],
    ['ann+birthdays',     'inbox',    'a calendar takes no mail'],
    ['ann+nothing',       'inbox',    'none of that name'],
) {
    my ($local, $folder, $what) = @$case;
    my $before = stored('ann', $folder);
    my $address = $local =~ / / ? qq("$local"\@$domain) : "$local\@$domain";
    like((deliver([$address]))[0], qr/^250 2\.0\.0 <\Q$address\E>/, "$address is delivered");
    is(stored('ann', $folder), $before + 1, "to $folder: $what");
}
is($searches->(), 5, 'each folder is looked for once');
is(stored('ann', 'birthdays'), 0, 'nothing lies in the calendar');
my $twice = message();
@replies = deliver(["ann\@$domain", "ann+projects\@$domain", "ANN+projects\@$domain"], $twice);
is(join(' ', map { substr $_, 0, 3 } @replies), '250 250 250', 'a mailbox and a folder in it');
is(join(' ', map { substr $_, 0, 3 } deliver(["ann\@$domain", "ann+projects\@$domain"], $twice)), '250 250', 'and once more');
is(stored('ann', 'projects'), 3, 'the folder has got it once');
is($sim->requests('GetFolder', "ann\@$domain"), 1, 'the directory was asked for the mailbox only');
like((deliver(["ghost+lists\@$domain"]))[0], qr/^550 5\.1\.1 <ghost\+lists\@$domain> no such mailbox/, 'nobody has no folders');

my $before = stored('ann', 'inbox');
$sim->control("on CreateItem mailbox=ann\@$domain times=1 do code ErrorFolderNotFound");
like((deliver(["ann+projects\@$domain"]))[0], qr/^250 /, 'a folder that has gone since is no reason to refuse');
is(stored('ann', 'inbox'), $before + 1, 'the inbox has the message');
$sim->control("on FindFolder mailbox=ann\@$domain times=1 do code ErrorServerBusy");
like((deliver(["ann+projects\@$domain"]))[0], qr/^451 4\.3\.2/, 'while Exchange is busy the message waits');
is(stored('ann', 'inbox'), $before + 1, 'for its folder');

# One whose answer is lost is found in its folder.
$sim->control('on CreateItem times=1 stored do close-without-answer');
my ($lost, $answer) = (message());
like((deliver(["bob+projects\@$domain"], $lost))[0], qr/^451 4\.4\.2/, 'an answer is lost');
wait_until('it is settled', sub { ($answer) = deliver(["bob+projects\@$domain"], $lost); return $answer !~ /^451 4\.4\.2/ });
like($answer, qr/^250 /, 'the retry is answered');
is(stored('bob', 'projects'), 1, 'and the message is there once');
is(stored('bob', 'inbox'), 1, 'and nowhere else');

# --- spam ---------------------------------------------------------------------------------------

my $junk = 0;
for my $case (
    ['X-Spam-Flag: YES', 1], ["X-Spam-Status:\r\n Yes, score=9.1", 1], ['X-Spam-Level: ********', 1],
    ['X-Spam-Flag: NO',  0], ['X-Spam-Status: No, score=0.1', 0], ['X-Spam-Level: ****', 0],
) {
    my ($line, $is_spam) = @$case;
    my $spam = message($line);
    is(join(' ', map { substr $_, 0, 3 } deliver(['bob'], $spam), deliver(['bob'], $spam)), '250 250', "$line: delivered, and so is a retry");
    $junk += $is_spam;
    is(stored('bob', 'junkemail'), $junk, $is_spam ? 'to the junk folder, once' : 'but not to the junk folder');
}
is(stored('bob', 'inbox'), 1 + 3, 'what is no spam is in the inbox');

# One whose answer is lost is found in the junk folder.
$sim->control('on CreateItem times=1 stored do close-without-answer');
my $spam = message('X-Spam-Flag: YES');
like((deliver(['bob'], $spam))[0], qr/^451 4\.4\.2/, 'spam whose answer is lost waits');
delete $conf{delivery}{junk_header};
$lmtpd->configure(\%conf);
$lmtpd->reload;
my $reply;
wait_until('it is settled', sub { ($reply) = deliver(['bob'], $spam); return $reply !~ /^451 4\.4\.2/ });
like($reply, qr/^250 /, 'its retry is answered');
is(stored('bob', 'junkemail'), $junk + 1, 'and it is there once');
is(stored('bob', 'inbox'), 1 + 3, 'even though nothing is junk any more');

$lmtpd->stop;
$sim->stop;

done_testing;
