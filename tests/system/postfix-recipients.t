#!/usr/bin/perl
# Recipients with different fates, behind a real Postfix: an unknown one among three, a full mailbox, addresses beyond ASCII.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Postfix;
use Exg::Sim;
use Exg::Sink;
use Exg::Test;
use Test::More;

my $postfix = Exg::Postfix->new;
my $sim     = Exg::Sim->start(mailboxes => [map { "$_\@example.test" } qw(ann bob full grüße)]);
my $sink    = Exg::Sink->start(socket => $postfix->private_socket('sink'));
my $lmtpd   = Exg::Lmtpd->start(
    sim      => $sim,
    activate => $postfix->private_socket('exgate'),
    user     => 'nobody',
    conf     => { lmtp => { listen => 'systemd' } },
);
my $maps = spew("$postfix->{directory}/recipients", join '', map { "$_\@example.test ok\n" } qw(ann bob full ghost grüße));
chmod 0644, $maps or die;
$postfix->start(
    main => {
        virtual_mailbox_domains    => 'example.test',
        virtual_transport          => 'lmtp:unix:private/exgate',
        virtual_mailbox_maps       => "texthash:$maps",
        relay_domains              => 'sink.test',
        relay_transport            => 'lmtp:unix:private/sink',
        lmtp_send_xforward_command => 'yes',
    }
);
sub stored { my ($name) = @_; return scalar(my @all = $sim->messages("$name\@example.test")) }
sub message { return "From: writer\@sink.test\r\nSubject: $_[0]\r\n\r\nHello.\r\n" }

# --- one unknown among three ------------------------------------------------------------------

my $refused = $postfix->client;
$refused->command('MAIL FROM:<writer@sink.test>');
like($refused->command('RCPT TO:<nobody@example.test>'), qr/^550 5\.1\.1/, 'whom the map does not know Postfix refuses at once');

my $id = $postfix->submit(
    from    => 'writer@sink.test',
    to      => [qw(ann@example.test ghost@example.test bob@example.test)],
    message => message('three'),
);
wait_until('the queue is empty', sub { $postfix->queued == 0 });
is(stored('ann'), 1, 'the first has it');
is(stored('bob'), 1, 'the third has it');
like($postfix->log, qr/$id: to=<ghost\@example\.test>,.* dsn=5\.1\.1, status=bounced/, 'the second bounced');
like($postfix->log, qr/$id: to=<$_\@example\.test>,.* dsn=2\.0\.0, status=sent/, "$_: sent") for qw(ann bob);
my @bounces = wait_until('the bounce has arrived', sub { my @all = $sink->messages; @all ? \@all : 0 })->@*;
is(scalar @bounces, 1, 'there is one bounce');
is($bounces[0]{from}, '', 'from <>');
is("@{ $bounces[0]{to} }", 'writer@sink.test', 'to the sender');
like($bounces[0]{content}, qr/^Final-Recipient: rfc822; *ghost\@example\.test\r$/m, 'for the unknown recipient');
unlike($bounces[0]{content}, qr/^Final-Recipient:.*(ann|bob)\@/m, 'and for nobody else');
like($bounces[0]{content}, qr/^Diagnostic-Code: smtp; 550 5\.1\.1 <ghost\@example\.test>/m, 'in the words of exgate');

# --- a full mailbox is for later --------------------------------------------------------------

$sim->control('on CreateItem mailbox=full@example.test times=1 do code ErrorQuotaExceeded');
$id = $postfix->submit(from => 'writer@sink.test', to => [qw(ann@example.test full@example.test)], message => message('full'));
wait_until('the message is deferred', sub { $postfix->queued('deferred') == 1 && $postfix->queued == 1 });
like($postfix->log, qr/$id: to=<full\@example\.test>,.* dsn=4\.2\.2, status=deferred/, 'a full mailbox defers');
is(stored('ann'), 2, 'the other recipient has it meanwhile');
$postfix->flush;
wait_until('the queue is empty', sub { $postfix->queued == 0 });
is(stored('full'), 1, 'and when there is room again, so has this one');
is(stored('ann'), 2, 'and the other not a second time');

# --- beyond ASCII -----------------------------------------------------------------------------

my $smtp = $postfix->client;
$id = $postfix->submit(
    client  => $smtp,
    from    => 'schröder@sink.test',
    to      => [qw(grüße@example.test ann@example.test)],
    mail    => 'SMTPUTF8 BODY=8BITMIME',
    message => "From: schröder\@sink.test\r\nTo: grüße\@example.test\r\nSubject: Grüße aus Köln\r\n\r\nÄÖÜ\r\n",
);
wait_until('the queue is empty', sub { $postfix->queued == 0 });
like($postfix->log, qr/$id: to=<grüße\@example\.test>,.* status=sent/, 'an address beyond ASCII is delivered');
my $part = Exg::Lmtpd::split_stored(($sim->messages('grüße@example.test'))[0]);
is($part->{return_path}, 'schröder@sink.test', 'with its sender');
is($part->{delivered_to}, 'grüße@example.test', 'and its recipient');
like($part->{content}, qr/^Subject: Grüße aus Köln\r\n.*\r\n\r\nÄÖÜ\r\n\z/ms, 'and its text as they were');

$postfix->stop;
$lmtpd->stop;
$sink->stop;
$sim->stop;
done_testing;
