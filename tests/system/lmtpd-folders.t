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
my $lmtpd  = Exg::Lmtpd->start(sim => $sim, conf => { lmtp => { recipient_domain => $domain } });
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

$lmtpd->stop;
$sim->stop;

done_testing;
