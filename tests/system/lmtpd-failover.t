#!/usr/bin/perl
# Two endpoints: which of them gets a message, with both there, with the outcome at one unknown, and with one gone.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use POSIX qw(strftime);
use Test::More;

my $address = 'ann@example.test';
# They do not share their mailboxes, so that it shows where a message went.
my ($first, $second) = map { Exg::Sim->start(mailboxes => [$address]) } 1 .. 2;
my $directory = temporary_directory();
spew("$directory/ca.pem", slurp($first->ca_file) . slurp($second->ca_file), 0644);
my $lmtpd = Exg::Lmtpd->start(
    sim  => $first,
    conf => {
        exchange => { endpoint => $first->url . ' ' . $second->url, ca_file => "$directory/ca.pem" },
        delivery => { timeout => '20s', settle_time => '1s' },
    },
);
my $serial = 0;

sub message
{
    $serial++;
    my $now = strftime('%a, %d %b %Y %H:%M:%S +0000', gmtime);
    return "Received: from client.test by mta.test; $now\r\nSubject: $serial\r\n"
      . "Message-ID: <$serial.$$\@sender.test>\r\n\r\nAll work and no play.\r\n";
}

sub deliver
{
    my ($message) = @_;
    my ($reply) = $lmtpd->client->deliver(from => 'a@sender.test', to => [$address], message => $message);
    return $reply;
}

sub places { return join ' ', map { $_->count($address) } $first, $second }

like(deliver(message()), qr/^250 /, 'A12.2: a message is delivered with both there');
is(places(), '1 0', 'to the one that is named first');

# The message may be there: nobody but the one that may have it is asked, and the other one does not get it.
$first->control('on CreateItem times=1 do stored-unanswered');
my $message = message();
like(deliver($message), qr/^451 4\.4\.2/, 'F2: the outcome is unknown');
is(places(), '2 0', 'F2: the other one has not got it');
wait_until('a retry succeeds', sub { deliver($message) =~ /^250 / || do { select undef, undef, undef, 0.1; 0 } });
is(places(), '2 0', 'F2: and it is stored once after the retry');

$first->{process}->signal('KILL');
$first->{process}->wait_for_end;
for my $n (1 .. 3) {
    like(deliver(message()), qr/^250 /, "A12.2: message $n is delivered with the first one gone");
    is(places(), "2 $n", 'to the other one');
}

$lmtpd->stop;
$second->stop;
done_testing;
