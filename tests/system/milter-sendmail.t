#!/usr/bin/perl
# A real Sendmail with exgate-milter, and one that asks its socket map instead: what their clients are told, dialogue by
# dialogue, and what arrives.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Milter;
use Exg::Sendmail;
use Exg::Sim;
use Exg::Test;
use Test::More;

Exg::Sendmail->need;
my $sim = Exg::Sim->start(mailboxes => [
    'ann@example.test alias=anna@example.test', 'bob@example.test', 'away@example.test',
    'full@example.test quota=10', 'small@example.test max-size=2000000', 'vip@example.test restricted', 'club@example.test moderated',
    'oof@example.test oof="Away."', 'all@example.test type=PublicDL members=ann@example.test,bob@example.test',
    'partner@example.test type=Contact',
]);
my $delimiter = { recipient_delimiter => '+' };
my $milter = Exg::Milter->start(
    sim  => $sim,
    user => 'nobody',
    conf => {
        delivery  => $delimiter,
        directory => { tips_sender => 'ann@example.test' },
        milter    => { domains => 'example.test', restricted => 'reject', moderated => 'tempfail' },
        maps      => { socketmap_listen => 'inet:127.0.0.1:0' },
    },
);
my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => { delivery => $delimiter, directory => { check_recipients => 'no' } });
my %lmtp  = (lmtp => $lmtpd->address);

my $filtered = Exg::Sendmail->new;
$filtered->start(%lmtp, milters => { exgate => 'S=unix:' . $milter->socket . ', F=T, T=C:30s;S:10s;R:10s;E:5m' });

# What exgate-maps(7) has for sendmail.mc, with the port that the system chose.
my ($port)   = $milter->map('socketmap_listen') =~ /^inet:127\.0\.0\.1:(\d+)$/;
my ($recipe) = slurp(($ENV{EXG_TOP} // '.') . '/milter/exgate-maps.7') =~ /^\.Bd -literal\n(LOCAL_CONFIG\n.*?)^\.Ed\n/ms;
cmp_ok($recipe =~ s/inet:10032\@/inet:$port\@/, '==', 1, 'the manual has a recipe');
my $mapped = Exg::Sendmail->new;
$mapped->start(%lmtp, rules => [$recipe]);

sub dialogue
{
    my ($name, $smtp, @lines) = @_;
    while (my ($said, $expected) = splice @lines, 0, 2) {
        my $reply = $smtp->command($said);
        if (ref $expected) {
            like($reply, $expected, "$name: $said");
        } else {
            is($reply, $expected, "$name: $said");
        }
    }
}
sub taken { my ($address) = @_; return "250 2.1.5 <$address>... Recipient ok" }
sub stops { my ($mta) = @_; $mta->stop; unlike($mta->traffic, qr/Milter.*(error|timeout|to error state)/i, 'and had no fault with its milter') }

my $message = "From: writer\@sink.test\r\nSubject: x\r\n\r\nHello.\r\n";
my $sender  = '250 2.1.0 <writer@sink.test>... Sender ok';

# --- the milter -------------------------------------------------------------------------------

my $smtp = $filtered->client;
dialogue('milter', $smtp,
    'MAIL FROM:<writer@sink.test> SIZE=1000' => $sender,
    (map { ("RCPT TO:<$_>" => taken($_)) } map { "$_\@example.test" } qw(ann anna ann+lists small oof)),
    'RCPT TO:<ghost@example.test>'   => '550 5.1.1 <ghost@example.test>... <ghost@example.test> no such mailbox',
    'RCPT TO:<ghost+x@example.test>' => '550 5.1.1 <ghost+x@example.test>... <ghost+x@example.test> no such mailbox',
    'RCPT TO:<all@example.test>'     => '550 5.1.1 <all@example.test>... <all@example.test> is a distribution group',
    'RCPT TO:<partner@example.test>' => '550 5.1.1 <partner@example.test>... <partner@example.test> is not a mailbox',
    'RCPT TO:<full@example.test>'    => '452 4.2.2 <full@example.test> the mailbox is full',
    'RCPT TO:<vip@example.test>'     => '550 5.7.1 <vip@example.test>... <vip@example.test> does not take mail from everybody',
    'RCPT TO:<club@example.test>'    => '450 4.7.1 <club@example.test>... <club@example.test> is moderated',
    'RCPT TO:<x@other.test>'         => taken('x@other.test'),
    'RSET'                           => '250 2.0.0 Reset state',
    'MAIL FROM:<writer@sink.test> SIZE=4000000' => $sender,
    'RCPT TO:<small@example.test>'   => '552 5.3.4 <small@example.test> takes messages of 2000000 bytes at most',
    'RCPT TO:<ann@example.test>'     => taken('ann@example.test'),
    'RSET'                           => '250 2.0.0 Reset state',
);
for my $n (1 .. 3) {
    my @replies = $smtp->deliver(
        smtp => 1, from => 'writer@sink.test', message => $message,
        to => ['bob@example.test', "nobody$n\@example.test", 'full@example.test', 'ann@example.test', 'vip@example.test'],
    );
    like($replies[$_], qr/^250 2\.0\.0 \w+ Message accepted for delivery$/, "message $n: for $_") for 0, 3;
    is($replies[1], "550 5.1.1 <nobody$n\@example.test>... <nobody$n\@example.test> no such mailbox", "message $n: not for nobody");
    is($replies[2], '452 4.2.2 <full@example.test> the mailbox is full', "message $n: not yet for a full mailbox");
    is($replies[4], '550 5.7.1 <vip@example.test>... <vip@example.test> does not take mail from everybody', "message $n: not for the restricted");
}
like($smtp->quit, qr/^221 2\.0\.0 /, 'QUIT');
wait_until('all has been delivered', sub { $sim->count('ann@example.test') == 3 && $sim->count('bob@example.test') == 3 });
wait_until('the queue is empty', sub { $filtered->queued == 0 });

$sim->control('on GetFolder mailbox=away@example.test do code ErrorServerBusy');
my $unsure = $filtered->client;
dialogue('nobody can tell', $unsure,
    'MAIL FROM:<writer@sink.test>' => $sender,
    'RCPT TO:<away@example.test>'  => '451 4.4.3 <away@example.test> cannot be looked up now',
    'RCPT TO:<ann@example.test>'   => taken('ann@example.test'),
);
$unsure->quit;

# --- the socket map ---------------------------------------------------------------------------

my $asks = $mapped->client;
dialogue('socket map', $asks,
    'MAIL FROM:<writer@sink.test>' => $sender,
    (map { ("RCPT TO:<$_>" => taken($_)) } map { "$_\@example.test" } qw(ann anna ann+lists small oof)),
    'RCPT TO:<ghost@example.test>' => '550 5.1.1 <ghost@example.test>... no such mailbox',
    'RCPT TO:<all@example.test>'   => '550 5.1.1 <all@example.test>... is a distribution group',
    'RCPT TO:<full@example.test>'  => '452 4.2.2 the mailbox is full',
    'RCPT TO:<vip@example.test>'   => '550 5.7.1 <vip@example.test>... does not take mail from everybody',
    'RCPT TO:<away@example.test>'  => '451 4.4.3 cannot be looked up now',
    'RCPT TO:<x@other.test>'       => taken('x@other.test'),
    'RSET'                         => '250 2.0.0 Reset state',
);
my @replies = $asks->deliver(smtp => 1, from => 'writer@sink.test', message => $message, to => ['bob@example.test', 'ghost@example.test']);
like($replies[0], qr/^250 2\.0\.0 \w+ Message accepted for delivery$/, 'socket map: a message for one of two');
$asks->quit;
wait_until('it has been delivered', sub { $sim->count('bob@example.test') == 4 });

$milter->stop;
my $without = $mapped->client;
dialogue('nobody answers', $without,
    'MAIL FROM:<writer@sink.test>' => $sender,
    'RCPT TO:<ann@example.test>'   => qr/^451 4\./,
);
$without->quit;

stops($filtered);
stops($mapped);
$lmtpd->stop;
$sim->stop;
done_testing;
