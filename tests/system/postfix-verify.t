#!/usr/bin/perl
# Postfix asks exgate about recipients while its client waits: reject_unverified_recipient, without a recipient map.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Postfix;
use Exg::Sim;
use Exg::Test;
use Test::More;

my $postfix = Exg::Postfix->new;
my $sim     = Exg::Sim->start(mailboxes => ['ann@example.test', 'away@example.test', 'hidden@example.test hidden', 'all@example.test type=PublicDL']);
my $lmtpd   = Exg::Lmtpd->start(
    sim      => $sim,
    activate => $postfix->private_socket('exgate'),
    user     => 'nobody',
    conf     => { lmtp => { listen => 'systemd' }, directory => { when_unsure => 'defer' } },
);
$postfix->start(
    main => {
        virtual_mailbox_domains           => 'example.test',
        virtual_transport                 => 'lmtp:unix:private/exgate',
        smtpd_recipient_restrictions      => 'reject_unauth_destination, reject_unverified_recipient',
        unverified_recipient_reject_code  => 550,
        address_verify_poll_delay         => '1s',
    }
);

$sim->control('on GetFolder mailbox=away@example.test do code ErrorServerBusy');
my $smtp = $postfix->client;
$smtp->command('MAIL FROM:<writer@example.test>');
like($smtp->command('RCPT TO:<ghost@example.test>'), qr/^550 5\.1\.1 .*no such mailbox/, 'nobody: refused while the client waits');
like($smtp->command('RCPT TO:<all@example.test>'), qr/^550 5\.1\.1 .*is a distribution group/, 'a group: likewise, in the words of exgate');
like($smtp->command('RCPT TO:<away@example.test>'), qr/^450 4\.[12]\.1 /, 'one about whom nobody can tell: later');
like($smtp->command("RCPT TO:<$_\@example.test>"), qr/^250 2\.1\.5 /, "$_ has a mailbox: accepted") for qw(ann hidden);
is($sim->requests('CreateItem'), 0, 'a probe delivers nothing');
$smtp->command('RSET');

$postfix->submit(client => $smtp, from => 'writer@example.test', to => ['ann@example.test', 'hidden@example.test'], message => "Subject: x\r\n\r\nHello.\r\n");
wait_until('the queue is empty', sub { $postfix->queued == 0 });
is($sim->count("$_\@example.test"), 1, "and $_ has the message") for qw(ann hidden);
is($sim->requests('GetFolder', 'ann@example.test'), 1, 'with one question to Exchange');

$postfix->stop;
$lmtpd->stop;
$sim->stop;
done_testing;
