#!/usr/bin/perl
# Digest and client certificates against the simulated Exchange.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use Test::More;

my $files = temporary_directory();
my $serial = 0;

# Delivers so many messages with these keys of [exchange]; returns the last reply and the daemon's log.
sub deliver
{
    my ($sim, $messages, %exchange) = @_;
    my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => { exchange => \%exchange, directory => { check_recipients => 'no' } });
    my $lmtp = $lmtpd->client;
    my @replies;
    for (1 .. $messages) {
        $serial++;
        push @replies, $lmtp->deliver(
            from    => 'a@sender.test',
            to      => ['ann@example.test'],
            message => "Subject: $serial\r\nMessage-ID: <$serial.$$\@sender.test>\r\n\r\nhello\r\n",
        );
    }
    $lmtpd->stop;
    my ($bad) = grep { !/^250 / } @replies;
    return ($bad // $replies[-1], $lmtpd->log);
}

sub start_sim { return Exg::Sim->start(mailboxes => ['ann@example.test'], options => [@_]) }

my %algorithm = (digest => 'SHA-256', 'digest-md5' => 'MD5', 'digest-sess' => 'MD5-sess');
for my $offered (sort keys %algorithm) {
    my $sim = start_sim('--auth', $offered);
    my ($reply, $log) = deliver($sim, 3, auth => 'digest');
    like($reply, qr/^250 /, "A5.2: Digest with $algorithm{$offered}") or diag(last_lines($log));
    my ($wrong, $wrong_log) = deliver($sim, 1, auth => 'digest', password_file => spew("$files/wrong", "wrong\n"));
    like($wrong, qr/^451 4\.7\.0 /, "F14: $offered: a wrong password");
    like($wrong_log, qr/refused the credentials \(digest\)/, 'and the log says so');
    $sim->stop;
}

my $stale = start_sim('--auth', 'digest', '--digest-uses', '2');
my ($reply, $log) = deliver($stale, 7, auth => 'digest');
like($reply, qr/^250 /, 'a nonce that is stale is replaced') or diag(last_lines($log));
cmp_ok((() = $log =~ /once more on a new connection: not authenticated/g), '>=', 2, 'as often as needed');
$stale->stop;

my $choice = start_sim('--auth', 'digest,basic');
my ($chosen, $chosen_log) = deliver($choice, 1, auth => 'auto', allow_basic => 'yes');
like($chosen, qr/^250 /, 'A6.7: Digest before Basic');
like($chosen_log, qr/digest: chosen/, 'is chosen');
my ($refused, $refused_log) = deliver($choice, 1, auth => 'auto', allow_basic => 'yes', password_file => "$files/wrong");
like($refused, qr/^451 4\.7\.0 /, 'A6.7,F14: a wrong password');
unlike($refused_log, qr/basic: chosen/, 'is not tried again as Basic');
$choice->stop;

done_testing();
