#!/usr/bin/perl
# Whole LMTP dialogues with exgate-lmtpd, in front of the simulated Exchange: replies, what lies in the mailboxes, reload, drain.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use Test::More;

my $sim   = Exg::Sim->start(mailboxes => [map { "$_\@example.test" } qw(ann bob grüße slow)]);
my $lmtpd = Exg::Lmtpd->start(sim => $sim);
my $stamp = 0;

# A message that no other one equals, as an MTA hands it over.
sub message
{
    my ($body) = @_;
    $stamp++;
    return "Received: from client.test by mta.test; Sat, 21 Nov 2026 20:04:05 +0000\r\n"
      . "From: a\@sender.test\r\nSubject: number $stamp of $$\r\nMessage-ID: <$stamp.$$\@sender.test>\r\n\r\n"
      . ($body // "Hello.\r\n");
}

sub stored { my ($name) = @_; return scalar(my @all = $sim->messages("$name\@example.test")) }

# --- the dialogue -----------------------------------------------------------------------------

my $lmtp = Exg::Lmtp->new($lmtpd->address);
like($lmtp->{greeting}, qr/^220 mx\.test /, 'the greeting names the host');
my $offer = $lmtp->command('LHLO client.test');
like($offer, qr/^250[ -]\Q$_\E$/m, "LHLO offers $_") for qw(PIPELINING 8BITMIME ENHANCEDSTATUSCODES SMTPUTF8), 'SIZE 50328576';
unlike($offer, qr/CHUNKING|DSN|STARTTLS/, 'and nothing that is not kept');

my $message = message("..dots\r\n.\r\n" . "x" x 2000 . "\r\n8-bit: \xe4\xf6\xfc\r\n");
my @replies = $lmtp->deliver(from => 'a@sender.test', to => [qw(ann@example.test ghost@example.test bob@example.test)], message => $message);
like($replies[0], qr/^250 2\.0\.0 <ann\@example\.test>/,   'a message for three: the first is delivered');
like($replies[1], qr/^550 5\.1\.1 <ghost\@example\.test>/, 'the unknown one is refused');
like($replies[2], qr/^250 2\.0\.0 <bob\@example\.test>/,   'the third is delivered');
for my $name (qw(ann bob)) {
    my @all  = $sim->messages("$name\@example.test");
    my $part = Exg::Lmtpd::split_stored($all[0]);
    is(scalar @all,            1,                    "$name has it once");
    is($part->{return_path},   'a@sender.test',      'with Return-Path');
    is($part->{delivered_to},  "$name\@example.test", 'and Delivered-To');
    like($part->{received}, qr/^from client\.test \(unix:\S*\)\r\n\tby mx\.test \(exgate\) with LMTP id \S+\r\n\tfor <$name\@example\.test>; \w{3}, \d/, 'and Received');
    is($part->{message_id},    undef,                'and no second Message-ID');
    ok($part->{content} eq $message,                 'and as it was sent, byte for byte');
}

@replies = $lmtp->deliver(from => '', to => ['ann@example.test'], message => "Return-Path: <old\@x>\r\nSubject: none\r\nReturn-path: <older\@x>\r\n folded\r\n\r\nno id\r\n");
like($replies[0], qr/^250 /, 'a bounce without Message-ID is delivered');
my $part = Exg::Lmtpd::split_stored(($sim->messages('ann@example.test'))[1]);
is($part->{return_path}, '', 'its sender is <>');
like($part->{message_id}, qr/^Message-ID: </, 'it has got a Message-ID');
is($part->{content}, "Subject: none\r\n\r\nno id\r\n", 'and the old Return-Path fields are gone');

@replies = $lmtp->deliver(from => 'müller@sender.test', to => ['grüße@example.test'], mail => 'SMTPUTF8', message => message());
like($replies[0], qr/^250 2\.0\.0 <grüße\@example\.test>/, 'an address beyond ASCII, in a reply as well');
$part = Exg::Lmtpd::split_stored(($sim->messages('grüße@example.test'))[0]);
is($part->{return_path}, 'müller@sender.test', 'its sender too');
like($part->{received}, qr/with UTF8LMTP/, 'as Received says');
like($lmtp->command('MAIL FROM:<a@sender.test>'), qr/^250/, 'without SMTPUTF8');
like($lmtp->command('RCPT TO:<grüße@example.test>'), qr/^553 5\.6\.7/, 'such an address is refused');
like($lmtp->command('DATA'), qr/^503 5\.5\.1/, 'and DATA without a recipient');
like($lmtp->command('RSET'), qr/^250/, 'RSET');

@replies = $lmtp->deliver(from => 'a@sender.test', to => [('ann@example.test') x 2], message => message());
is(scalar(grep { /^250 / } @replies), 2, 'a recipient given twice has two replies');
is(stored('ann'), 3, 'and one message');

$lmtp->raw("MAIL FROM:<a\@sender.test>\r\nRCPT TO:<bob\@example.test>\r\nRCPT TO:<>\r\nDATA\r\n");
is(join(' ', map { substr $lmtp->reply, 0, 3 } 1 .. 4), '250 250 501 354', 'a pipelined transaction');
$lmtp->raw(Exg::Lmtp::stuffed(message()) . "NOOP\r\n");
like($lmtp->reply, qr/^250 2\.0\.0 <bob/, 'its message is delivered');
like($lmtp->reply, qr/^250 2\.0\.0 Ok/,   'and the command behind it answered');

like($lmtp->command('MAIL FROM:<a@sender.test> SIZE=50328577'), qr/^552 5\.3\.4/, 'too large by its own word');
like($lmtp->command('EHLO client.test'), qr/^500 5\.5\.1 .*LHLO/, 'EHLO is told of LHLO');
like($lmtp->quit, qr/^221 2\.0\.0/, 'QUIT');

my $loop = "Delivered-To: ANN\@example.test\r\n" . message();
my $hops = "Received: from a by b; Sat, 21 Nov 2026 20:04:05 +0000\r\n" x 51 . message();
$lmtp = $lmtpd->client;
@replies = $lmtp->deliver(from => 'a@sender.test', to => [qw(ann@example.test bob@example.test)], message => $loop);
like($replies[0], qr/^554 5\.4\.6/, 'what was delivered to an address before is in a loop');
like($replies[1], qr/^250 /,        'though not for another');
@replies = $lmtp->deliver(from => 'a@sender.test', to => ['ann@example.test'], message => $hops);
like($replies[0], qr/^554 5\.4\.6/, 'and so is what has too many hops');

# --- large ones, and a reload -----------------------------------------------------------------

my $large = message(join '', map { sprintf "%07d %s\r\n", $_, 'y' x 60 } 1 .. 60000);
@replies = $lmtp->deliver(from => 'a@sender.test', to => [qw(ann@example.test bob@example.test)], message => $large);
is(scalar(grep { /^250 / } @replies), 2, length($large) . ' bytes for two are delivered');
ok(Exg::Lmtpd::split_stored(($sim->messages("$_\@example.test"))[-1])->{content} eq $large, "and are $_\'s unchanged") for qw(ann bob);

$lmtpd->configure({ lmtp => { max_message_size => '64K' } });
$lmtpd->reload;
my $after = $lmtpd->client;
like($after->dialogue, qr/^S: 250-SIZE 65536$/m, 'after a reload a new session has the new limit');
my $before = stored('ann');
@replies = $after->deliver(from => 'a@sender.test', to => [qw(ann@example.test bob@example.test)], message => message('z' x 70000 . "\r\n"));
is(scalar(grep { /^552 5\.3\.4/ } @replies), 2, 'a message that grows past it is refused for each recipient');
is(stored('ann'), $before, 'and not stored');
like(($after->deliver(from => 'a@sender.test', to => ['ann@example.test'], message => message()))[0], qr/^250 /, 'the session goes on');
$lmtpd->configure({ lmtp => { max_message_size => 'much' } });
$lmtpd->{process}->signal('HUP');
$lmtpd->wait_for_log(qr/not reloaded, the old configuration stays in force: \S+exgate\.conf:\d+: \[lmtp\] max_message_size/);
like($lmtpd->client->dialogue, qr/^S: 250-SIZE 65536$/m, 'a wrong configuration is told in the log, and the old one stays');
$lmtpd->configure({ lmtp => { listen => $lmtpd->address . '.other', socket_mode => '660' }, delivery => { journal => '/nowhere/journal.db' } });
$lmtpd->reload;
like($lmtpd->log, qr/warning: a changed \Q$_\E takes effect at the next start/, "what a reload leaves as it was is told: $_") for '[lmtp] listen', '[delivery] journal';
unlike($lmtpd->log, qr/a changed \[lmtp\] socket_mode/, 'but not of what is only written in another way');
$lmtpd->configure;
$lmtpd->reload;

# --- clients that misbehave -------------------------------------------------------------------

for my $noise ("\0\1\2\xff" x 500 . "\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n" x 10, 'A' x 100_000, "\r\n" x 200) {
    my $wild = Exg::Lmtp->new($lmtpd->address);
    eval { $wild->raw($noise); $wild->raw("\r\nQUIT\r\n") };
    my $answers = '';
    while (my $reply = eval { $wild->reply }) { $answers .= "$reply\n" }
    like($answers, qr/\A(5\d\d 5\.[^\n]*\n)*((221|421) [^\n]*\n)?\z/, 'noise is answered with refusals until the session ends');
}
my $gone = $lmtpd->client;
$gone->command('MAIL FROM:<a@sender.test>');
$gone->command('RCPT TO:<ann@example.test>');
$gone->command('DATA');
$gone->raw(message() . 'not finished');
$before = stored('ann');
close $gone->{socket};
like(($lmtpd->client->deliver(from => 'a@sender.test', to => ['bob@example.test'], message => message()))[0], qr/^250 /, 'it still delivers');
is(stored('ann'), $before, 'and what a client broke off is not stored');

# A client that goes away after the dot has handed the message over, but not heard of it: its retry is not a second copy.
$sim->control('on CreateItem mailbox=slow@example.test do delay 400');
my $half = message();
my $hasty = $lmtpd->client;
$hasty->command('MAIL FROM:<a@sender.test>');
$hasty->command('RCPT TO:<slow@example.test>');
$hasty->command('DATA');
$hasty->raw(Exg::Lmtp::stuffed($half));
wait_until('Exchange has the message', sub { stored('slow') == 1 });
close $hasty->{socket};
my $reply;
wait_until('the retry is answered with 250', sub {
    ($reply) = $lmtpd->client->deliver(from => 'a@sender.test', to => ['slow@example.test'], message => $half);
    return $reply =~ /^250 / if $reply !~ /^451 4\.4\.2/;
});
is(stored('slow'), 1, 'a message whose client did not wait for the reply is stored once');

# --- stopping ---------------------------------------------------------------------------------

my $idle = $lmtpd->client;
my $begun = $lmtpd->client;
$begun->command('MAIL FROM:<a@sender.test>');
$begun->command('RCPT TO:<ann@example.test>');
my $last = $lmtpd->client;
$last->command('MAIL FROM:<a@sender.test>');
$last->command('RCPT TO:<slow@example.test>');
$last->command('DATA');
$last->raw(Exg::Lmtp::stuffed(message()));
wait_until('Exchange has the last message', sub { stored('slow') == 2 });
$lmtpd->{process}->signal('TERM');
like($idle->reply, qr/^421 4\.3\.2/, 'at SIGTERM an idle session is sent away');
like($begun->reply, qr/^421 4\.3\.2/, 'and so is one in the middle of an envelope');
my $late = Exg::Lmtp->new($lmtpd->address, silent => 1);
like($last->reply, qr/^250 2\.0\.0/, 'a delivery under way is finished');
$lmtpd->stop(signalled => 1);
is(eval { $late->reply } // '', '', 'and who comes meanwhile is not greeted');
$sim->stop;

done_testing;
