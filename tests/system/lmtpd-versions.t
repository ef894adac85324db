#!/usr/bin/perl
# Every Exchange that is still met, from 2010 to SE: what exgate-lmtpd says is in the words that the server knows.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use Test::More;

my $address = 'ann@example.test';

for my $server (qw(Exchange2010 Exchange2010_SP1 Exchange2010_SP2 Exchange2013 Exchange2013_SP1 Exchange2016 Exchange2019 ExchangeSE)) {
    my $sim   = Exg::Sim->start(mailboxes => [$address], options => ['--exchange', $server]);
    my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => { delivery => { recipient_delimiter => '+', duplicate_check => 'always', settle_time => '1s' } });
    my $client = $lmtpd->client;
    for my $to ($address, 'ann+projects@example.test', 'ghost@example.test') {
        my $message = "Subject: $to at $server\r\nMessage-ID: <$to.$server>\r\n\r\nHello.\r\n";
        my ($reply) = $client->deliver(from => 'a@sender.test', to => [$to], message => $message);
        like($reply, $to =~ /^ghost/ ? qr/^550 5\.1\.1 / : qr/^250 2\.0\.0 /, "A9.2: $server: the right answer for $to");
    }
    my $stored = join ' ', map { scalar grep { /\.eml$/ } files_in($sim->directory . "/mailboxes/$address/$_") } qw(inbox projects);
    is($stored, '1 1', "$server: each lies where it belongs");
    # A version that is too new is tried at most once; nothing else is ever refused.
    my @refused = split /\n/, $sim->refusals;
    my @senseless = grep { !/ErrorInvalidServerVersion/ } @refused;
    is(scalar @senseless, 0, "$server: nothing is said that it does not know") or diag(join "\n", @senseless);
    cmp_ok(scalar @refused, '<=', 8, "$server: its version is found soon");
    $lmtpd->stop;
    is($sim->{process}->stop, 0, "$server: the simulated Exchange ends well");
}

done_testing;
