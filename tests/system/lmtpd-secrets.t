#!/usr/bin/perl
# What must not be read in the log, even where it tells everything: passwords in any coding, headers that carry them, and mail.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use MIME::Base64 qw(encode_base64);
use Test::More;

my $password = 'hush-hush-4711';
my $sim   = Exg::Sim->start(mailboxes => ['ann@example.test'], account => "svc:$password");
my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => { log => { level => 'debug' } });
my $text  = 'between ourselves';

sub deliver
{
    my ($subject) = @_;
    my ($reply) = $lmtpd->client->deliver(
        from    => 'a@sender.test',
        to      => ['ann@example.test'],
        message => "Subject: $subject\r\nMessage-ID: <$subject.$$\@sender.test>\r\n\r\n$text\r\n",
    );
    return $reply;
}

like(deliver('taken'), qr/^250 /, 'a message is delivered');
$sim->control('on CreateItem times=1 do code ErrorServerBusy');
like(deliver('busy'), qr/^451 /, 'one has to wait');
$sim->control('on CreateItem times=1 do truncate 100');
like(deliver('cut'), qr/^451 /, 'and one has an answer that is cut');
$lmtpd->stop;
$sim->control('clear');
my $log = $lmtpd->log;
cmp_ok(length $log, '>', 500, 'the log tells of it');

my %secrets = (
    'the password'             => $password,
    'the password for Basic'   => encode_base64("svc:$password", ''),
    'the password, coded'      => encode_base64($password, ''),
    'the header that has it'   => 'Authorization:',
    'what the mail says'       => $text,
    'what the mail says, coded' => substr(encode_base64("$text\r\n", ''), 0, 16),
);
for my $name (sort keys %secrets) {
    is(index($log, $secrets{$name}), -1, "A5.8,A21,F21: the log does not have $name");
}
$sim->stop;
done_testing;
