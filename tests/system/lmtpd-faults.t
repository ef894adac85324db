#!/usr/bin/perl
# What can go wrong with Exchange, one by one: the reply that each fault gives, and that after it the message is there once.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use POSIX qw(strftime);
use Test::More;

# What CreateItem meets once, the reply, and whether Exchange has stored the message nevertheless.
my @faults = (
    ['code ErrorServerBusy',                qr/^451 4\.3\.2/],
    ['code ErrorServerBusy backoff=5000',   qr/^451 4\.3\.2/],
    ['code ErrorServerBusy fault',          qr/^451 4\.3\.2/],
    ['code ErrorExceededConnectionCount',   qr/^451 4\.3\.2/],
    ['code ErrorMailboxStoreUnavailable',   qr/^451 4\.3\.2/],
    ['code ErrorQuotaExceeded',             qr/^452 4\.2\.2/],
    ['code ErrorMessageSizeExceeded',       qr/^552 5\.3\.4/],
    ['code ErrorMimeContentInvalid',        qr/^250 /, 1], # delivered as an attachment
    ['code ErrorVirusDetected',             qr/^554 5\.7\.1/],
    ['code ErrorAccessDenied',              qr/^451 4\.7\.0/],
    ['code ErrorImpersonateUserDenied fault', qr/^451 4\.7\.0/],
    ['code ErrorSchemaValidation fault',    qr/^451 4\.3\.[05]/],
    ['code ErrorNobodyHasHeardOf',          qr/^451 4\.\d\.\d/],
    ['code ErrorInternalServerError',       qr/^451 4\.4\.2/],
    ['code ErrorInternalServerError inner=ErrorServerBusy', qr/^451 4\.(3|4)\.2/],
    ['code ErrorTimeoutExpired',            qr/^451 4\.4\.2/],
    ['code ErrorNonExistentMailbox',        qr/^450 4\.2\.1/], # the directory knows the address
    ['status 503',                          qr/^451 4\.\d\.2/],
    ['status 503 retry-after=7',            qr/^451 4\.\d\.2/],
    ['status 500 html',                     qr/^451 4\.4\.2/],
    ['status 302',                          qr/^451 4\.\d\.\d/],
    ['status 403',                          qr/^451 4\.7\.0/],
    ['unauthorized',                        qr/^451 4\.7\.0/],
    ['html404',                             qr/^451 4\.\d\.\d/],
    ['garbage',                             qr/^451 4\.4\.2/],
    ['stored garbage',                      qr/^451 4\.4\.2/, 1],
    ['stored status 503',                   qr/^451 4\.\d\.2/, 1],
    ['stored reset',                        qr/^451 4\.4\.2/, 1],
    ['truncate 300',                        qr/^451 4\.4\.2/, 1],
    ['no-itemid',                           qr/^451 4\.4\.2/, 1],
    ['illegal-char-ref',                    qr/^250 /,        1],
    ['reset',                               qr/^451 4\.4\.2/],
    ['close-without-answer',                qr/^451 4\.4\.2/],
    ['stored-unanswered',                   qr/^451 4\.4\.2/, 1],
    ['reset-after-request-bytes 2000',      qr/^451 4\.4\.\d/],
    ['xml-flood 100000000',                 qr/^451 4\.\d\.\d/],
    ['delay 300',                           qr/^250 /, 1],
    ['slow 20000',                          qr/^250 /, 1],
    ['stall',                               qr/^451 4\.4\.2/],
);
my @mailboxes = map { "f$_\@example.test" } 0 .. $#faults;
my $sim = Exg::Sim->start(mailboxes => [@mailboxes, 'ann@example.test', 'bob@example.test']);
# No answer is waited for so long only where none comes: a busy machine may take its time.
my %conf = (delivery => { timeout => '60s', settle_time => '1s' }, log => { level => 'info' });
my %hasty = (%conf, delivery => { timeout => '4s', settle_time => '1s' });
my $serial = 0;

sub message
{
    $serial++;
    # received just now: an older message would be asked for before its first delivery
    my $now = strftime('%a, %d %b %Y %H:%M:%S +0000', gmtime);
    return "Received: from client.test by mta.test; $now\r\nSubject: $serial\r\n"
      . "Message-ID: <$serial.$$\@sender.test>\r\n\r\n" . "All work and no play.\r\n" x 500;
}

sub stored { my ($address) = @_; return scalar(my @all = $sim->messages($address)) }

# Delivers until the reply is 250; returns the replies before it.
sub deliver_until_done
{
    my ($lmtpd, $address, $message) = @_;
    my @before;
    wait_until("a retry for $address succeeds", sub {
        my ($reply) = $lmtpd->client->deliver(from => 'a@sender.test', to => [$address], message => $message);
        return 1 if $reply =~ /^250 /;
        push @before, $reply;
        select undef, undef, undef, 0.1;
        return 0;
    });
    return @before;
}

# Each fault has a mailbox and an exgate-lmtpd of its own: a fault of the server makes the one that met it keep away
# from the server for a while.
my @lmtpds = map { Exg::Lmtpd->start(sim => $sim, conf => $_->[0] eq 'stall' ? \%hasty : \%conf) } @faults;
my %message = map { $_ => message() } @mailboxes;
for my $i (0 .. $#faults) {
    my ($stored, $action) = $faults[$i][0] =~ /^(stored )?(.*)/;
    $sim->control("on CreateItem mailbox=$mailboxes[$i] times=1 " . ($stored // '') . "do $action");
}
my @clients = map { $_->client } @lmtpds;
for my $i (0 .. $#faults) {
    my $client = $clients[$i];
    $client->command('MAIL FROM:<a@sender.test>');
    $client->command("RCPT TO:<$mailboxes[$i]>");
    $client->command('DATA');
    $client->raw(Exg::Lmtp::stuffed($message{ $mailboxes[$i] }));
}
for my $i (0 .. $#faults) {
    my ($fault, $expected, $stored) = @{ $faults[$i] };
    my $reply = $clients[$i]->reply;
    like($reply, $expected, "$fault: the reply");
    is(stored($mailboxes[$i]), $stored // 0, $stored ? 'Exchange has it' : 'Exchange has nothing') if $fault ne 'stall';
    $clients[$i]->quit;
}
for my $i (0 .. $#faults) {
    my @before = deliver_until_done($lmtpds[$i], $mailboxes[$i], $message{ $mailboxes[$i] });
    is(stored($mailboxes[$i]), 1, "$faults[$i][0]: after a retry the message is there once");
    is(scalar(grep { !/^451 4\.(?:3\.2|4\.[12]|7\.0)/ } @before), 0, 'and until then the client was told to wait') or diag(@before);
}
$_->stop for @lmtpds;
$sim->control('clear');

# --- back-off ---------------------------------------------------------------------------------

# Exchange asks for a time without requests, and gets it: for the mailbox whose budget is used up, or for all.
my $polite = Exg::Lmtpd->start(sim => $sim, conf => \%conf);
deliver_until_done($polite, 'bob@example.test', message());
for my $fault ('code ErrorServerBusy backoff=3000', 'status 503 retry-after=3') {
    my $is_mailboxes = $fault =~ /ErrorServerBusy/ ? 1 : 0;
    $sim->control("on CreateItem mailbox=ann\@example.test times=1 do $fault");
    my $asking = message();
    my $before = stored('bob@example.test');
    my ($told) = $polite->client->deliver(from => 'a@sender.test', to => ['ann@example.test'], message => $asking);
    like($told, qr/^451 4\.3\.2/, "$fault: come back later");
    ($told) = $polite->client->deliver(from => 'a@sender.test', to => ['bob@example.test'], message => message());
    like($told, $is_mailboxes ? qr/^250 / : qr/^451 4\.3\.2 .*asked to wait at \d\d:\d\d:\d\d; \d s are left/,
        $is_mailboxes ? 'A13.6: others have their mail' : 'A13.6: nothing else is sent in that time');
    is(stored('bob@example.test'), $before + $is_mailboxes, $is_mailboxes ? 'it arrives' : 'and nothing arrives');
    ($told) = $polite->client->deliver(from => 'a@sender.test', to => ['ann@example.test'], message => $asking) if $is_mailboxes;
    like($told, qr/^451 4\.3\.2 .*asked to wait/, 'who was told to wait does');
    deliver_until_done($polite, 'ann@example.test', $asking);
}
$polite->stop;
$sim->control('clear');

# --- connections ------------------------------------------------------------------------------

# A connection that was used before and closes under a request: the body must not go out twice.
my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => \%conf);
my $message = message();
deliver_until_done($lmtpd, 'ann@example.test', message());
my $before = stored('ann@example.test');
$sim->control('on CreateItem mailbox=ann@example.test conn=reused times=1 do stored-unanswered');
my ($reply) = $lmtpd->client->deliver(from => 'a@sender.test', to => ['ann@example.test'], message => $message);
like($reply, qr/^451 4\.4\.2/, 'a used connection closes after the request: unknown');
is(stored('ann@example.test'), $before + 1, 'and it was stored once');
deliver_until_done($lmtpd, 'ann@example.test', $message);
is(stored('ann@example.test'), $before + 1, 'and a retry does not store it again');

# No connection at all.
$lmtpd->configure({ exchange => { endpoint => $sim->url =~ s/:(\d+)/:1/r }, delivery => $conf{delivery} });
$lmtpd->reload;
$message = message();
($reply) = $lmtpd->client->deliver(from => 'a@sender.test', to => ['ann@example.test'], message => $message);
like($reply, qr/^451 4\.4\.1/, 'nobody listens at the endpoint: 451 4.4.1');
unlike($reply, qr/127\.0\.0\.1|password/, 'and the reply names no host');

# The wrong CA: the server cannot be trusted, so it gets nothing.
my $stranger = Exg::Sim->start(mailboxes => ['ann@example.test']);
$lmtpd->configure({ exchange => { ca_file => $stranger->ca_file }, delivery => $conf{delivery} });
$lmtpd->reload;
($reply) = $lmtpd->client->deliver(from => 'a@sender.test', to => ['ann@example.test'], message => $message);
like($reply, qr/^451 4\.7\.5/, 'a certificate of another CA: 451 4.7.5');
$stranger->stop;

# The wrong password.
$lmtpd->configure({ exchange => { username => 'somebody' }, delivery => $conf{delivery} });
$lmtpd->reload;
($reply) = $lmtpd->client->deliver(from => 'a@sender.test', to => ['ann@example.test'], message => $message);
like($reply, qr/^451 4\.7\.0/, 'a refused password never bounces');
$lmtpd->wait_for_log(qr/error: mail waits in the queue until this is mended/);
pass('and the administrator is told');

$lmtpd->configure({ delivery => $conf{delivery} });
$lmtpd->reload;
deliver_until_done($lmtpd, 'ann@example.test', $message);
is(stored('ann@example.test'), $before + 2, 'mended, the message is delivered, once');

$lmtpd->stop;
$sim->stop;

done_testing;
