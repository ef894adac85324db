#!/usr/bin/perl
# A real Sendmail that delivers to exgate-lmtpd by the recipe of exgate-lmtpd(8): what is stored, what bounces, what waits in
# its queue.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sendmail;
use Exg::Sim;
use Exg::Test;
use IO::Socket::INET;
use Test::More;

Exg::Sendmail->need;
my $domain = 'example.test';
my $sim    = Exg::Sim->start(mailboxes => [map { "$_\@$domain" } qw(ann bob writer)]);
# as systemd's RuntimeDirectory is: Sendmail looks at whose directory a socket is in, and who may write there
my $run = temporary_directory();
chown scalar getpwnam('nobody'), -1, "$run" or die "$run: $!";
my $tcp   = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 10) or die "socket: $!";
my $lmtpd = Exg::Lmtpd->start(
    sim      => $sim,
    activate => $tcp,
    user     => 'nobody',
    conf     => { lmtp => { listen => "unix:$run/lmtp.sock systemd" }, delivery => { recipient_delimiter => '+', settle_time => '1s' } },
);
my $sendmail = Exg::Sendmail->new;
$sendmail->start(lmtp => "unix:$run/lmtp.sock");
my $smtp = $sendmail->client;

# The messages of a mailbox's folder with this subject.
sub stored
{
    my ($name, $subject, $folder) = @_;
    my $directory = $sim->directory . "/mailboxes/$name\@$domain/" . ($folder // 'inbox');
    return grep { /^Subject: \Q$subject\E\r$/m } map { slurp($_) } grep { /\.eml$/ } files_in($directory);
}
sub count { my @all = stored(@_); return scalar @all }

# Sendmail takes a message when it has tried to deliver it: what it could not deliver is in the queue then.
sub submit
{
    my ($subject, $to, %order) = @_;
    my $message = ($order{top} // "From: writer\@$domain\r\nTo: $to->[0]\r\n") . "Subject: $subject\r\n\r\n" . ($order{body} // "Hello.\r\n");
    my @replies = $smtp->deliver(smtp => 1, from => "writer\@$domain", to => $to, message => $message, mail => $order{mail});
    is(scalar(grep { /^250 2\.0\.0 \w+ Message accepted for delivery$/ } @replies), scalar @$to, "$subject: Sendmail takes it");
    return $message;
}

# What Sendmail has said since this was last asked, and was told.
my $told = 0;
sub said
{
    my $traffic = $sendmail->traffic;
    my $new = substr $traffic, $told;
    $told = length $traffic;
    return $new;
}

# Runs the queue until nothing is left in it.
sub drain
{
    wait_until('the queue is empty', sub { $sendmail->flush; $sendmail->queued == 0 });
}

# --- who may send here ------------------------------------------------------------------------

# not the host itself, which may send to everybody
my $stranger = $sendmail->client(from => '127.0.0.2');
like($stranger->command('MAIL FROM:<x@other.test>'), qr/^250 /, 'a stranger');
like($stranger->command("RCPT TO:<ann\@$domain>"), qr/^250 /, 'may write to the domain');
like($stranger->command('RCPT TO:<x@other.test>'), qr/^550 5\.7\.1 .*Relaying denied/, 'and to no other one');
$stranger->quit;

# --- what is stored ---------------------------------------------------------------------------

my $odd = "From here it has\r\n.dots\r\n..\r\nGr\xc3\xbc\xc3\x9fe, \xff\r\ntrailing blanks  \t\r\n\r\n" . 'x' x 5000 . "\r\n=20\r\n\r\n";
my $header = "Date: Sat, 21 Nov 2026 20:04:05 +0000\r\nMessage-ID: <1.$$\@sender.test>\r\nFrom: \"W. Riter\" <writer\@$domain>\r\n"
  . "To: ann\@$domain, Bob\r\n\t<bob\@$domain>\r\nX-Long: " . 'y' x 900 . "\r\n";
said();
for my $mail (undef, 'BODY=8BITMIME') {
    my $name    = $mail ? 'odd, declared' : 'odd';
    my $message = submit($name, ["ann\@$domain", "bob\@$domain", "Ann+Projects\@$domain"], top => $header, body => $odd, mail => $mail);
    my $said    = said();
    is(scalar(() = $said =~ />>> DATA$/mg), 1, "$name: one transaction for all");
    like($said, qr/>>> RCPT To:<Ann\+Projects\@\Q$domain\E>$/m, "$name: an address goes over whole");
    for my $place (['ann'], ['bob'], ['ann', 'projects']) {
        my ($owner, $folder) = @$place;
        my @there = stored($owner, $name, $folder);
        is(scalar @there, 1, "$name: once in " . join ' ', @$place);
        my $part = Exg::Lmtpd::split_stored($there[0]);
        is($part->{return_path}, "writer\@$domain", 'its sender');
        my ($own, $rest) = $part->{content} =~ /\A(Received: [^\r]*\r\n(?:\t[^\r]*\r\n)+)(.*)\z/s;
        like($own, qr/by mta\.test .* with ESMTP id /, 'Sendmail adds its line');
        is($rest, $message, 'and nothing else is changed');
    }
}

my $large = submit('large', ["ann\@$domain", "bob\@$domain"], body => scalar(('0123456789' x 7 . "\r\n") x 80_000));
for my $name (qw(ann bob)) {
    my ($there, @more) = stored($name, 'large');
    ok(defined $there && !@more, "$name has the large one once");
    ok(substr($there, -length $large) eq $large, 'byte for byte');
}

submit('quoted', [qq{"ann b"\@$domain}]);
like(said(), qr/>>> RCPT To:<"ann b"\@\Q$domain\E>$/m, 'a quoted name keeps its quotes');

# --- reports ----------------------------------------------------------------------------------

# The newest message of the writer, who gets all reports.
my $reports = 1;    # on the quoted name
sub report
{
    my @all = $sim->messages("writer\@$domain");
    $reports++;
    is(scalar @all, $reports, 'there is one report');
    my $part = Exg::Lmtpd::split_stored($all[-1]);
    is($part->{return_path}, '', 'from <>');
    return $part->{content};
}

submit('unknown', ["ann\@$domain", "ghost\@$domain", "bob\@$domain"]);
my $bounce = report();
like($bounce, qr/^Final-Recipient: RFC822; ghost\@\Q$domain\E\r$/m, 'for the unknown recipient');
unlike($bounce, qr/^Final-Recipient: .*(?:ann|bob)\@/m, 'and for nobody else');
like($bounce, qr/^Diagnostic-Code: SMTP; 550 5\.1\.1 <ghost\@\Q$domain\E> no such mailbox\r$/m, 'in the words of exgate');
is(count($_, 'unknown'), 1, "$_ has it") for qw(ann bob);

$smtp->command("MAIL FROM:<writer\@$domain>");
$smtp->command("RCPT TO:<ann\@$domain> NOTIFY=SUCCESS");
$smtp->command('DATA');
$smtp->raw("From: writer\@$domain\r\nSubject: noted\r\n\r\nHello.\r\n.\r\n");
like($smtp->reply, qr/^250 /, 'a sender wants to know of success');
like(report(), qr/^Action: delivered /m, 'and is told that it is delivered, not relayed');

# --- what waits -------------------------------------------------------------------------------

for my $case (
    ['busy',                       qr/451 4\.3\.2/, 'code ErrorServerBusy',    'ann', 'bob'],
    ['full',                       qr/452 4\.2\.2/, 'code ErrorQuotaExceeded', 'ann', 'bob'],
    # stored, and nobody knows: only if the retry is the same message, Received field and all, can exgate tell
    ['unheard',                    qr/451 4\.4\.2/, 'stored-unanswered',       'ann', 'bob'],
    ['unheard, named in Received', qr/451 4\.4\.2/, 'stored-unanswered',       'bob'],
) {
    my ($subject, $reply, $fault, @names) = @$case;
    $sim->control("on CreateItem mailbox=bob\@$domain times=1 do $fault");
    said();
    submit($subject, [map { "$_\@$domain" } @names]);
    is($sendmail->queued, 1, "$subject: it waits in the queue");
    is(scalar(() = said() =~ /<<< $reply/g), 1, 'for what exgate said');
    is(count('bob', $subject), $fault =~ /^stored/ ? 1 : 0, 'who is to wait for it ' . ($fault =~ /^stored/ ? 'has it already' : 'has nothing yet'));
    is(count('ann', $subject), 1, 'and the other one has it') if @names > 1;
    drain();
    is(count($_, $subject), 1, "$subject: then $_ has it, once") for @names;
}

$lmtpd->{process}->stop('KILL');
submit('away', ["ann\@$domain", "bob\@$domain"]);
is($sendmail->queued, 1, 'without exgate it waits');
$lmtpd->launch;
drain();
is(count($_, 'away'), 1, "then $_ has it") for qw(ann bob);
is($sim->count("writer\@$domain"), $reports, 'nobody was told that anything failed');

# --- TCP --------------------------------------------------------------------------------------

my $unix = $sendmail;
$sendmail = Exg::Sendmail->new;
$sendmail->start(lmtp => 'inet:127.0.0.1:' . $tcp->sockport);
$smtp = $sendmail->client;
submit('by TCP', ["ann\@$domain", "ghost\@$domain", "bob+x\@$domain"]);
is(count($_, 'by TCP'), 1, "$_ has it once") for qw(ann bob);
like(report(), qr/^Diagnostic-Code: SMTP; 550 5\.1\.1 <ghost\@\Q$domain\E> no such mailbox\r$/m, 'on the unknown one');
is($_->queued, 0, 'nothing is left in the queue') for $unix, $sendmail;

$_->stop for $unix, $sendmail;
$lmtpd->stop;
$sim->stop;
done_testing;
