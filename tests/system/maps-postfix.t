#!/usr/bin/perl
# The answers of exgate-milter without a milter: a real Postfix asks its policy service, its socketmap and its tcp: tables.
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
    'ann@example.test alias=anna@example.test', 'bob@example.test', 'hidden@example.test hidden', 'away@example.test',
    'all@example.test type=PublicDL members=ann@example.test,bob@example.test',
    'full@example.test quota=10', 'small@example.test max-size=2000000', 'vip@example.test restricted',
]);
my $milter = Exg::Milter->start(
    sim  => $sim,
    user => 'nobody',
    conf => {
        delivery => { recipient_delimiter => '+' },
        directory => { tips_sender => 'ann@example.test' },
        milter   => {
            domains => 'example.test', skip_networks => '192.0.2.0/24', restricted => 'reject', internal_domains => 'example.test',
        },
        maps     => {
            policy_listen     => 'inet:127.0.0.1:0',
            socketmap_listen  => 'inet:127.0.0.1:0',
            access_listen     => 'inet:127.0.0.1:0',
            recipients_listen => 'inet:127.0.0.1:0',
        },
    },
);
my $lmtpd = Exg::Lmtpd->start(
    sim      => $sim,
    activate => $postfix->private_socket('exgate'),
    user     => 'nobody',
    conf     => { lmtp => { listen => 'systemd' }, delivery => { recipient_delimiter => '+' }, directory => { check_recipients => 'no' } },
);

# What exgate-maps(7) has for main.cf, with the ports that the system chose.
my $manual = slurp(($ENV{EXG_TOP} // '.') . '/milter/exgate-maps.7');
my %number = (10031 => 'policy_listen', 10032 => 'socketmap_listen', 10033 => 'access_listen', 10034 => 'recipients_listen');
like($manual, qr/^$number{$_} = inet:127\.0\.0\.1:$_$/m, "the manual has a place for $number{$_}") for sort keys %number;
$manual =~ s/inet:127\.0\.0\.1:$_\b|(tcp:)127\.0\.0\.1:$_\b/($1 \/\/ '') . place($number{$_}, $1)/ge for keys %number;

# As Postfix writes it: "inet:127.0.0.1:4711", and without the beginning behind tcp:.
sub place { my ($key, $is_tcp) = @_; my $place = $milter->map($key); return $is_tcp ? $place =~ s/^inet://r : $place }

sub recipe
{
    my ($expression) = @_;
    my ($found) = $manual =~ $expression or die "the manual has no $expression\n";
    return $found =~ s/\s+/ /gr;
}
my $restrictions = qr/^smtpd_recipient_restrictions =\n/m;
my %ask = (
    policy     => { smtpd_recipient_restrictions => recipe(qr/$restrictions((?:    check_policy.*\n)    permit)$/m) },
    socketmap  => { smtpd_recipient_restrictions => recipe(qr/$restrictions((?:    check_recipient_access.*\n)    permit)$/m) },
    recipients => { relay_recipient_maps => recipe(qr/^relay_recipient_maps = (.*)$/m) },
    access     => { smtpd_recipient_restrictions => 'check_recipient_access ' . recipe(qr/^\.Ss Access table\n.*?^\.Ql (tcp:\S+) \.$/ms) . ', permit' },
    tcp        => { relay_recipient_maps => recipe(qr/^\.Ss Who exists\n.*?^\.Ql (tcp:\S+) \.$/ms) },
    lenient    => { smtpd_recipient_restrictions => recipe(qr/^(check_policy_service \{.*\})$/m) . ', permit' },
);
$postfix->start(
    main => {
        relay_domains                   => 'example.test other.test',
        relay_transport                 => 'lmtp:unix:private/exgate',
        smtpd_authorized_xclient_hosts  => '127.0.0.0/8',
        recipient_delimiter             => '+',
        smtpd_relay_restrictions        => 'permit_mynetworks, reject_unauth_destination',
        smtpd_error_sleep_time          => 0,
        smtpd_hard_error_limit          => 100,
    },
    listeners => \%ask,
);

# One that speaks access(5) says what the milter would say, behind Postfix's words; a table of recipients says that there is
# nobody, and leaves the rest to Postfix.
my @speaks_access = qw(policy access socketmap);
my @lists         = qw(recipients tcp);

for my $name (@speaks_access, @lists) {
    my $smtp = $postfix->client($name);
    my $is_list = grep { $_ eq $name } @lists;
    is($smtp->command('MAIL FROM:<writer@sink.test>'), '250 2.1.0 Ok', "$name: MAIL");
    is($smtp->command("RCPT TO:<$_\@example.test>"), '250 2.1.5 Ok', "$name: $_ is taken") for qw(ann anna ANN ann+lists hidden);
    is($smtp->command('RCPT TO:<ghost@example.test>'),
        '550 5.1.1 <ghost@example.test>: Recipient address rejected: ' .
            ($is_list ? 'User unknown in relay recipient table' : '<ghost@example.test> no such mailbox'),
        "$name: nobody is refused");
    is($smtp->command('RCPT TO:<all@example.test>'),
        '550 5.1.1 <all@example.test>: Recipient address rejected: ' .
            ($is_list ? 'User unknown in relay recipient table' : '<all@example.test> is a distribution group'),
        "$name: a group that is not expanded likewise");
    is($smtp->command('RCPT TO:<full@example.test>'),
        $is_list ? '250 2.1.5 Ok' : '452 4.2.2 <full@example.test>: Recipient address rejected: <full@example.test> the mailbox is full',
        "$name: a full mailbox is there, and has to wait");
    is($smtp->command('RCPT TO:<vip@example.test>'),
        $is_list ? '250 2.1.5 Ok'
            : '550 5.7.1 <vip@example.test>: Recipient address rejected: <vip@example.test> does not take mail from everybody',
        "$name: one that does not take mail from everybody is there");
    is($smtp->command('RCPT TO:<x@other.test>'),
        $is_list ? '550 5.1.1 <x@other.test>: Recipient address rejected: User unknown in relay recipient table' : '250 2.1.5 Ok',
        "$name: of another domain nothing is known");
    is($smtp->command('RSET'), '250 2.0.0 Ok', "$name: RSET");

    # a message to those who exist, and one to nobody
    my @replies = $smtp->deliver(smtp => 1, from => 'writer@sink.test', to => ['bob@example.test', 'ghost2@example.test', 'ann+x@example.test'],
        message => "From: writer\@sink.test\r\nSubject: $name\r\n\r\nHello.\r\n");
    like($replies[0], qr/^250 2\.0\.0 Ok: queued/, "$name: a message to two of three is taken");
    like($replies[1], qr/^550 5\.1\.1 /, "$name: and the third was refused");
    is($smtp->quit, '221 2.0.0 Bye', "$name: QUIT");
}
wait_until('the queue is empty', sub { $postfix->queued == 0 });
is($sim->count("$_\@example.test"), 5, "$_ has all five messages") for qw(ann bob);
is($sim->requests('GetFolder', 'bob@example.test'), 1, 'Exchange was asked once for all of them') or diag(slurp($sim->directory . '/log'));

# --- what the policy service alone knows ------------------------------------------------------

my $smtp = $postfix->client('policy');
$smtp->command('MAIL FROM:<writer@sink.test> SIZE=4000000');
is($smtp->command('RCPT TO:<small@example.test>'),
    '552 5.3.4 <small@example.test>: Recipient address rejected: <small@example.test> takes messages of 2000000 bytes at most',
    'a message that is too large for one recipient');
is($smtp->command('RCPT TO:<ann@example.test>'), '250 2.1.5 Ok', 'and not for another');
$smtp->command('RSET');
$smtp->command('MAIL FROM:<bob@example.test>');
is($smtp->command('RCPT TO:<ann@example.test>'),
    '550 5.7.1 <ann@example.test>: Recipient address rejected: <bob@example.test> may only be used with authentication',
    'a sender of our own without authentication');
$smtp->command('RSET');
like($smtp->command('XCLIENT ADDR=192.0.2.7 NAME=friend.test'), qr/^220 /, 'a client of a network that is not looked at');
$smtp->command('EHLO friend.test');
$smtp->command('MAIL FROM:<writer@sink.test>');
is($smtp->command('RCPT TO:<ghost@example.test>'), '250 2.1.5 Ok', 'may write to nobody');
$smtp->quit;

# --- nobody can tell --------------------------------------------------------------------------

$sim->control('on GetFolder mailbox=away@example.test do code ErrorServerBusy');
for my $name (@speaks_access, @lists) {
    my $client = $postfix->client($name);
    $client->command('MAIL FROM:<writer@sink.test>');
    my $reply = $client->command('RCPT TO:<away@example.test>');
    if (grep { $_ eq $name } @lists) {
        like($reply, qr/^451 4\.3\.0 <away\@example\.test>: Temporary lookup failure/, "$name: one about whom nobody can tell has to wait");
    } else {
        is($reply, '450 4.4.3 <away@example.test>: Recipient address rejected: <away@example.test> cannot be looked up now',
            "$name: one about whom nobody can tell has to wait");
    }
    $client->quit;
}

# --- reload -----------------------------------------------------------------------------------

my %learn = %{ $milter->{conf} };
$learn{milter} = { %{ $learn{milter} }, mode => 'learn' };
$learn{maps}   = { %{ $learn{maps} }, policy_listen => 'inet:127.0.0.1:10031' };
$milter->configure(\%learn);
$milter->reload;
$milter->wait_for_log(qr/a changed \[maps\] policy_listen takes effect at the next start/);
for my $name (keys %ask) {
    my $client = $postfix->client($name);
    $client->command('MAIL FROM:<writer@sink.test>');
    is($client->command('RCPT TO:<ghost@example.test>'), '250 2.1.5 Ok', "$name: who only learns refuses nobody");
    $client->quit;
}
$milter->wait_for_log(qr/would reject by map: 550 5\.1\.1 .*recipient=ghost\@example\.test/);

# --- gone -------------------------------------------------------------------------------------

$milter->stop;
for my $case (['policy', qr/^451 4\.3\.5 /], ['lenient', qr/^250 2\.1\.5 /]) {
    my ($name, $expected) = @$case;
    my $client = $postfix->client($name);
    $client->command('MAIL FROM:<writer@sink.test>');
    like($client->command('RCPT TO:<ann@example.test>'), $expected, "$name: what Postfix says when exgate does not answer");
    $client->quit;
}

$postfix->stop;
$lmtpd->stop;
$sim->stop;
done_testing;
