#!/usr/bin/perl
# Exchange away, slow, busy, beside itself, or with another password: what recipients are told meanwhile, and afterwards.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Milter;
use Exg::Sim;
use Exg::Test;
use Test::More;

my @names = map { my $kind = $_; map { "$kind$_" } 1 .. 8 } qw(known new later);
my $sim = Exg::Sim->start(mailboxes => [map { "$_\@example.com" } @names]);
my %usual = (
    directory => { positive_life => '1s', negative_life => '1s', failure_life => '0s' },
    milter    => { timeout => '2s' },
);
my $milter = Exg::Milter->start(sim => $sim, conf => \%usual);
my $case = 0;

sub told
{
    my ($name) = @_;
    my $client = $milter->client;
    $client->mail('<writer@sink.test>');
    my $reply = $client->rcpt("<$name\@example.com>");
    $client->quit;
    return $reply;
}

# What is said once it can be told: back-offs take their time.
sub finally
{
    my ($name) = @_;
    my $reply;
    wait_until("$name is looked up", sub { ($reply = told($name)) !~ /^451/ });
    return $reply;
}

my $later = qr/^451 4\.4\.3 <\S+> cannot be looked up now$/;

# Makes something happen, sees to what is said about one that was there, one that is new, and nobody; and to the end of it.
sub outage
{
    my ($what, $begin, $end, $new) = @_;
    $case++;
    is(told("known$case"), 'continue', "$what: before");
    $begin->();
    $milter->reload; # what was found a moment ago counts no more
    is(told("known$case"), 'continue', 'one that was there is still there');
    like(told("new$case"), $new // $later, 'one that nobody knows yet is deferred');
    like(told("ghost$case"), $new // $later, 'nobody is refused either');
    is(told("known$case"), 'continue', 'and that makes no difference to the other');
    $end->();
    is(finally("later$case"), 'continue', "$what: afterwards everybody can be looked up");
    is(finally("new$case"), 'continue', 'also the new one');
    is(finally("ghost$case"), "550 5.1.1 <ghost$case\@example.com> no such mailbox", 'and nobody is refused');
}

sub control { my (@rules) = @_; return sub { $sim->control($_) for @rules } }
my $clear = control('clear');

outage('stopped', sub { $sim->{process}->stop }, sub { $sim->launch });
outage('slow', control('on GetFolder do delay 5000'), $clear);
outage('busy', control('on * do code ErrorServerBusy backoff=1000'), $clear);
outage('overloaded', control('on * do status 503 retry-after=1'), $clear);
outage('garbage', control('on * do garbage'), $clear);
outage('dropping connections', control('on * do close-without-answer'), $clear);
outage('half witnessing', control('on ResolveNames do code ErrorInternalServerError'), $clear, qr/^continue$|$later/);

# A password that has expired, and is renewed.
outage('refusing the account',
    sub { $milter->configure({ %usual, exchange => { username => 'EXAMPLE\expired' } }) },
    sub { $milter->configure(\%usual); $milter->reload });
$milter->wait_for_log(qr/error: recipients cannot be looked up until this is mended: Exchange refused the service account/);
my $told = () = $milter->log =~ /until this is mended/g;
cmp_ok($told, '<=', 2, 'which is said, but not for each recipient');

# By another policy.
$milter->configure({ %usual, milter => { timeout => '2s', cannot_tell => 'accept' } });
$milter->reload;
$sim->{process}->stop;
is(told('ghost-unseen'), 'continue', 'cannot_tell = accept');
$milter->configure({ %usual, milter => { timeout => '2s', cannot_tell => 'reject 550 5.4.3 {recipient}?' } });
$milter->reload;
is(told('ghost-unseen'), '550 5.4.3 ghost-unseen@example.com?', 'cannot_tell = reject');
$sim->launch;

my $secret = $sim->password;
unlike($milter->log, qr/\Q$secret\E/, 'the log has no password');
my @passed = $milter->log =~ /rejected: 550 5\.1\.1 <((?:known|new|later)\d+)\@/g;
is("@passed", '', 'nobody who exists was ever refused');

$milter->stop;
$sim->stop;
done_testing;
