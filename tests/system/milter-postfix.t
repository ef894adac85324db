#!/usr/bin/perl
# A real Postfix with exgate-milter: what its clients are told, dialogue by dialogue, and what arrives.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Milter;
use Exg::Postfix;
use Exg::Sim;
use Exg::Test;
use Test::More;

my $postfix = Exg::Postfix->new;
my $sim     = Exg::Sim->start(mailboxes => [
    'ann@example.test alias=anna@example.test', 'bob@example.test', 'away@example.test',
    'full@example.test quota=10', 'small@example.test max-size=100000', 'vip@example.test restricted', 'club@example.test moderated',
    'oof@example.test oof="Away."', 'all@example.test type=PublicDL members=ann@example.test,bob@example.test',
    'partner@example.test type=Contact',
]);
my %conf = (
    delivery  => { recipient_delimiter => '+' },
    directory => { tips_sender => 'ann@example.test' },
    milter    => { domains => 'example.test', skip_networks => '192.0.2.0/24', restricted => 'reject', moderated => 'tempfail' },
);
my $milter = Exg::Milter->start(sim => $sim, user => 'nobody', conf => \%conf);
my $lmtpd  = Exg::Lmtpd->start(
    sim      => $sim,
    activate => $postfix->private_socket('exgate'),
    user     => 'nobody',
    conf     => { lmtp => { listen => 'systemd' }, delivery => $conf{delivery}, directory => { check_recipients => 'no' } },
);
$postfix->start(
    main => {
        relay_domains                  => 'example.test other.test',
        relay_transport                => 'lmtp:unix:private/exgate',
        smtpd_authorized_xclient_hosts => '127.0.0.0/8',
        smtpd_milters                  => 'unix:' . $milter->socket,
        milter_default_action          => 'tempfail',
        inet_protocols                 => 'all',
        recipient_delimiter            => '+',
        smtpd_error_sleep_time         => 0,
        smtpd_hard_error_limit         => 100,
    }
);

# Says each line of the client's and compares what the server answers.
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

my $message = "From: writer\@sink.test\r\nSubject: x\r\n\r\nHello.\r\n";
my $ok      = '250 2.1.5 Ok';

# --- one after the other ----------------------------------------------------------------------

my $smtp = $postfix->client;
dialogue('everybody', $smtp,
    'MAIL FROM:<writer@sink.test> SIZE=1000' => '250 2.1.0 Ok',
    'RCPT TO:<ann@example.test>'             => $ok,
    'RCPT TO:<anna@example.test>'            => $ok,
    'RCPT TO:<ann+lists@example.test>'       => $ok,
    'RCPT TO:<ghost@example.test>'           => '550 5.1.1 <ghost@example.test> no such mailbox',
    'RCPT TO:<ghost+x@example.test>'         => '550 5.1.1 <ghost+x@example.test> no such mailbox',
    'RCPT TO:<all@example.test>'             => '550 5.1.1 <all@example.test> is a distribution group',
    'RCPT TO:<partner@example.test>'         => '550 5.1.1 <partner@example.test> is not a mailbox',
    'RCPT TO:<full@example.test>'            => '452 4.2.2 <full@example.test> the mailbox is full',
    'RCPT TO:<small@example.test>'           => $ok,
    'RCPT TO:<vip@example.test>'             => '550 5.7.1 <vip@example.test> does not take mail from everybody',
    'RCPT TO:<club@example.test>'            => '450 4.7.1 <club@example.test> is moderated',
    'RCPT TO:<oof@example.test>'             => $ok,
    'RCPT TO:<x@other.test>'                 => $ok,
    'RSET'                                   => '250 2.0.0 Ok',
);
dialogue('too large', $smtp,
    'MAIL FROM:<writer@sink.test> SIZE=200000' => '250 2.1.0 Ok',
    'RCPT TO:<small@example.test>' => '552 5.3.4 <small@example.test> takes messages of 100000 bytes at most',
    'RCPT TO:<ann@example.test>'   => $ok,
    'RSET'                         => '250 2.0.0 Ok',
);

# --- several messages in one connection, with recipients of all kinds in each -----------------

for my $n (1 .. 3) {
    my @replies = $smtp->deliver(
        smtp => 1, from => 'writer@sink.test', message => $message,
        to => ['bob@example.test', "nobody$n\@example.test", 'full@example.test', 'ann@example.test', 'vip@example.test'],
    );
    like($replies[$_], qr/^250 2\.0\.0 Ok: queued/, "message $n: for $_") for 0, 3;
    is($replies[1], "550 5.1.1 <nobody$n\@example.test> no such mailbox", "message $n: not for nobody");
    is($replies[2], '452 4.2.2 <full@example.test> the mailbox is full', "message $n: not yet for a full mailbox");
    is($replies[4], '550 5.7.1 <vip@example.test> does not take mail from everybody', "message $n: not for the restricted");
}
my @none = $smtp->deliver(smtp => 1, from => 'writer@sink.test', to => ['ghost@example.test'], message => $message);
like($none[0], qr/^550 5\.1\.1 /, 'a message for nobody alone is none');
is($smtp->quit, '221 2.0.0 Bye', 'QUIT');
wait_until('the queue is empty', sub { $postfix->queued == 0 });
is($sim->count("$_\@example.test"), 3, "$_ has all three messages") for qw(ann bob);

# --- commands all at once ---------------------------------------------------------------------

my $pipelined = $postfix->client;
$pipelined->raw(join '', map { "$_\r\n" } 'MAIL FROM:<writer@sink.test>', (map { "RCPT TO:<$_\@example.test>" } qw(ann ghost bob full)), 'RSET');
is_deeply(
    [map { $pipelined->reply } 1 .. 6],
    ['250 2.1.0 Ok', $ok, '550 5.1.1 <ghost@example.test> no such mailbox', $ok, '452 4.2.2 <full@example.test> the mailbox is full', '250 2.0.0 Ok'],
    'pipelined: each reply in its place'
);
$pipelined->quit;

# --- XCLIENT ----------------------------------------------------------------------------------

for my $case (['192.0.2.7', $ok], ['198.51.100.7', '550 5.1.1 <ghost@example.test> no such mailbox'],
    ['IPV6:2001:db8::7', '550 5.1.1 <ghost@example.test> no such mailbox']) {
    my ($address, $expected) = @$case;
    my $client = $postfix->client;
    dialogue("a client at $address", $client,
        "XCLIENT ADDR=$address NAME=client.test" => qr/^220 /,
        'EHLO client.test'                       => qr/^250/,
        'MAIL FROM:<writer@sink.test>'           => '250 2.1.0 Ok',
        'RCPT TO:<ghost@example.test>'           => $expected,
        'RCPT TO:<ann@example.test>'             => $ok,
    );
    $client->quit;
}

# --- nobody can tell --------------------------------------------------------------------------

$sim->control('on GetFolder mailbox=away@example.test do code ErrorServerBusy');
my $unsure = $postfix->client;
dialogue('nobody can tell', $unsure,
    'MAIL FROM:<writer@sink.test>' => '250 2.1.0 Ok',
    'RCPT TO:<away@example.test>'  => '451 4.4.3 <away@example.test> cannot be looked up now',
    'RCPT TO:<ann@example.test>'   => $ok,
);
$unsure->quit;

# --- gone -------------------------------------------------------------------------------------

$milter->stop;
my $without = $postfix->client;
is($without->command('MAIL FROM:<writer@sink.test>'), '451 4.7.1 Service unavailable - try again later', 'without its milter Postfix defers');
$without->quit;
$milter->launch;
my $again = $postfix->client;
dialogue('started again', $again,
    'MAIL FROM:<writer@sink.test>' => '250 2.1.0 Ok',
    'RCPT TO:<ghost@example.test>' => '550 5.1.1 <ghost@example.test> no such mailbox',
    'RCPT TO:<ann@example.test>'   => $ok,
);
$again->quit;

$postfix->stop;
$milter->stop;
$lmtpd->stop;
$sim->stop;
done_testing;
