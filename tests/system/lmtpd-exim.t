#!/usr/bin/perl
# A real Exim in front of exgate-lmtpd, configured as the manual page says: over TCP with callouts, and over a unix socket.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Exim;
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Sink;
use Exg::Test;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Test::More;

Exg::Exim->need;
my $sim = Exg::Sim->start(mailboxes => [map { "$_\@example.com" } qw(ann bob away grüße)]);
my $run = temporary_directory();
mkdir "$run/exgate" or die "$run: $!";
# what is made in there belongs to the group that Exg::Exim calls exgate
chown 0, (getpwnam 'nobody')[3], "$run/exgate" or die "$run: $!";
chmod 02777, "$run/exgate" or die "$run: $!";
# before there is a socket that its process would inherit
my $listening = IO::Socket::UNIX->new(Local => "$run/sink", Listen => 128) // die "$run/sink: $!";
chmod 0777, "$run/sink" or die "$run/sink: $!";
my $sink = Exg::Sink->start(socket => $listening);

my $tcp   = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 128) // die "socket: $!";
my $lmtpd = Exg::Lmtpd->start(
    sim      => $sim,
    user     => 'nobody',
    activate => $tcp,
    conf     => {
        lmtp      => { listen => "systemd unix:$run/exgate/lmtp.sock" },
        delivery  => { recipient_delimiter => '+', settle_time => '1s' },
        directory => { when_unsure => 'defer' },
    },
);

# What exgate-lmtpd(8) has for Exim, with the sockets that are here.
my ($section) = slurp(($ENV{EXG_TOP} // '.') . '/lmtp/exgate-lmtpd.8') =~ /^\.Ss Exim\n(.*?)^\.S[hs] /ms;
my @recipes   = $section =~ /^\.Bd -literal -offset indent\n(.*?)^\.Ed\n/msg;
my %here      = (port => $tcp->sockport, socket => "$run/exgate/lmtp.sock");
s/^  (port|socket) = \K\S+$/$here{$1}/m for @recipes;
my ($router, $over_tcp, $acl, $over_unix) = @recipes;
is(join(', ', map { /^# (\w+)/ } @recipes), 'routers, transports, acl_check_rcpt, transports', 'the manual has recipes');

my $big     = join '', map { sprintf "%06d %s\r\n", $_, 'x' x 70 } 1 .. 60_000;
my $awkward = ".\r\n..\r\n.x\r\n\r\nFrom here\r\ntrailing \t\r\n\xe4\xf6\xfc \xff\r\n" . 'long' x 220 . "\r\n\r\n";
my $serial  = 0;
sub message { my ($body) = @_; $serial++; return "From: writer\@sink.test\r\nSubject: number $serial\r\n\r\n" . ($body // "Hello.\r\n") }

# The copies of a message, by the number in its subject, in one folder.
sub stored
{
    my ($name, $folder) = @_;
    my @all = map { slurp($_) } grep { /\.eml\z/ } files_in($sim->directory . "/mailboxes/$name\@example.com/" . ($folder // 'inbox'));
    return grep { /^Subject: number $serial\r$/m } @all;
}

sub is_stored
{
    my ($name, $what, $message) = @_;
    my @copies = stored($name);
    is(scalar @copies, 1, "$what: $name has it once");
    my $part = Exg::Lmtpd::split_stored($copies[0] // '');
    my ($received, $content) = ($part->{content} // '') =~ /\A(Received: .*?\r\n)(?![ \t])(.*)\z/s ? ($1, $2) : ('', '');
    like($received, qr/\AReceived: from .*\sby mta\.test with esmtp \(Exim /s, "$what: with Exim's Received");
    ok($content eq $message, "$what: and else as it was") or diag(substr $content, 0, 500);
    is($part->{return_path}, 'writer@sink.test', "$what: with its sender");
}

sub empties { my ($exim) = @_; wait_until('the queue is empty', sub { $exim->queued == 0 }) }

# The one message that has come to the sink meanwhile, on one line.
sub bounce
{
    my ($name, $before) = @_;
    my @new = wait_until("$name: a bounce has arrived", sub { my @all = $sink->messages; @all > $before && \@all })->@*;
    splice @new, 0, $before;
    is(scalar @new, 1, "$name: there is one bounce");
    is("$new[0]{from}, @{ $new[0]{to} }", ', writer@sink.test', "$name: from nobody to the sender");
    return $new[0]{content} =~ s/\s+/ /gr;
}

for my $case (['unix socket', $over_unix], ['TCP', $over_tcp, $acl]) {
    my ($name, $transport, $check) = @$case;
    my $exim   = Exg::Exim->start(routers => [$router], transports => [$transport], acl => [$check // ()], sink => "$run/sink");
    my %letter = (from => 'writer@sink.test', to => [qw(ann@example.com bob@example.com)]);

    # --- what is delivered --------------------------------------------------------------------

    for my $body ($awkward, $big) {
        my $what    = "$name, " . length($body) . ' bytes';
        my $message = message($body);
        $exim->submit(%letter, message => $message);
        empties($exim);
        is_stored($_, $what, $message) for qw(ann bob);
    }
    my @transactions = map { /: delivered .* transaction=(\S+) / } split /^/, $lmtpd->log;
    is($transactions[-1], $transactions[-2], "$name: both recipients in one transaction");

    $exim->submit(from => 'writer@sink.test', to => ['Ann+Projects@example.com'], message => message());
    empties($exim);
    is(scalar stored('ann', 'projects'), 1, "$name: user+folder arrives in that folder");

    # --- what has to wait ---------------------------------------------------------------------

    # after the second, a retry that was not recognised as one would be stored again
    for my $fault ('code ErrorMailboxStoreUnavailable', 'stored-unanswered') {
        my $message = message($fault);
        $sim->control("on CreateItem mailbox=bob\@example.com times=1 do $fault");
        my $id = $exim->submit(%letter, message => "$message\r\n");
        wait_until('it is deferred', sub { $exim->log =~ /$id == bob.* defer .*: 451 4\.\d\.2 / });
        is($exim->queued, 1, "$name, $fault: it stays in the queue");
        is(scalar stored('ann'), 1, "$name, $fault: the other recipient has it meanwhile");
        wait_until('the queue is empty', sub { $exim->run_queue; $exim->queued == 0 });
        is_stored($_, "$name, $fault", "$message\r\n") for qw(ann bob);
    }

    # --- what nobody takes --------------------------------------------------------------------

    my $before = $sink->count;
    $sim->control('on CreateItem mailbox=bob@example.com times=1 do code ErrorVirusDetected');
    $exim->submit(%letter, message => message());
    empties($exim);
    is(scalar stored('ann'), 1, "$name: one of two has it");
    like(bounce($name, $before), qr/failed: bob\@example\.com .*: 554 5\.7\.1 <bob\@example\.com> /, "$name: the other bounces in our words");

    my $smtp = $exim->client;
    $before = $sink->count;
    if ($check) {
        $smtp->command('MAIL FROM:<writer@sink.test>');
        like($smtp->command('RCPT TO:<ghost@example.com>'), qr/^550 550 5\.1\.1 <ghost\@example\.com> no such mailbox$/m,
            "$name: who is nobody is refused while the client waits");
        like($smtp->command('RCPT TO:<ann+lists@example.com>'), qr/^250 /, "$name: who is somebody is not");
        like($smtp->command('RCPT TO:<x@sink.test>'), qr/^250 /, "$name: nor is another domain's");
        $sim->control('on GetFolder mailbox=away@example.com do code ErrorServerBusy');
        like($smtp->command('RCPT TO:<away@example.com>'), qr/^451 /, "$name: who cannot be looked up is told to come back");
        $sim->control('clear');
        $smtp->command('RSET');
    } else {
        $exim->submit(from => 'writer@sink.test', to => [qw(ann@example.com ghost@example.com)], message => message());
        empties($exim);
        is(scalar stored('ann'), 1, "$name: one of two has it");
        like(bounce($name, $before), qr/failed: ghost\@example\.com .*: 550 5\.1\.1 <ghost\@example\.com> no such mailbox /,
            "$name: the other, who is nobody, bounces in our words");
    }

    # --- beyond ASCII -------------------------------------------------------------------------

    $before = $sink->count;
    my @replies = $smtp->deliver(smtp => 1, from => 'writer@sink.test', to => ['grüße@example.com'], mail => 'SMTPUTF8', message => message());
    like($replies[0], qr/^250 /, "$name: an address beyond ASCII is accepted");
    empties($exim);
    is(scalar stored('grüße'), $check ? 1 : 0, "$name: " . ($check ? 'and delivered' : 'but not delivered'));
    like(bounce($name, $before), qr/: 553 5\.6\.7 /, "$name: but returned") if !$check;
    $smtp->quit;

    # --- nobody answers -----------------------------------------------------------------------

    if ($check) {
        $lmtpd->stop;
        close $tcp;
        my $waits = $exim->client;
        $waits->command('MAIL FROM:<writer@sink.test>');
        like($waits->command('RCPT TO:<ann@example.com>'), qr/^451 /, "$name: while exgate is away all are told to come back");
        $waits->quit;
    }
    $exim->stop;
}

$sink->stop;
$sim->stop;
done_testing;
