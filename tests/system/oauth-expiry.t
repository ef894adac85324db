#!/usr/bin/perl
# The moment at which tokens expire, by a clock that the test moves: however many deliveries wait for the next one, it is asked for
# once; and a refresh token that is good for one use survives what happens between its coming and its use, or its loss is told.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use Test::More;

use constant { RECIPIENTS => 1000, LIFE => 3600 };

my $keys = temporary_directory();
my $clock = move_clock("$keys/clock", 0);
my ($now, $serial) = (0, 0);
my @people = map { "u$_\@example.test" } 1 .. RECIPIENTS;
my $sim = Exg::Sim->start(mailboxes => \@people, options => ['--memory', '--oauth-client', 'app:secret', '--oauth-client', 'user:']);
my $platform = $sim->url =~ s{/EWS/.*}{/common/oauth2/v2.0/token}r;
local $ENV{EXGATE_CLOCK} = $clock;

my %common = (auth => 'oauth2', username => undef, password_file => undef, oauth_ca_file => $sim->ca_file, oauth_token_url => $platform);
my %app = (%common, oauth_client_id => 'app', oauth_client_secret_file => spew("$keys/secret", "secret\n", 0600));
my %user = (%common, oauth_client_id => 'user', oauth_grant => 'refresh-token', oauth_token_file => "$keys/tokens");

sub expire { $now += LIFE; move_clock($clock, $now); return }

sub token_requests { return $sim->control('stats') =~ /token_requests=(\d+)/ ? $1 : die 'no count' }

sub start
{
    my ($exchange, %options) = @_;
    return Exg::Lmtpd->start(sim => $sim, conf => { exchange => $exchange, directory => { check_recipients => 'no' } }, %options);
}

sub post
{
    my ($lmtpd, @to) = @_;
    $serial++;
    return $lmtpd->client->deliver(
        from => 'a@sender.test', to => @to ? \@to : [$people[0]],
        message => "Subject: $serial\r\nMessage-ID: <$serial.$$\@sender.test>\r\n\r\nhello\r\n",
    );
}

# --- all at once ------------------------------------------------------------------------------------

{
    my $lmtpd = start({ %app, max_connections => 200 });
    like((post($lmtpd))[0], qr/^250 /, 'a first token');
    my $before = token_requests();
    expire();
    my @replies = post($lmtpd, @people);
    is(scalar(grep { /^250 / } @replies), RECIPIENTS, 'A7.13: a thousand deliveries at the moment of expiry')
      or diag(last_lines($lmtpd->log));
    is(token_requests() - $before, 1, 'A7.13: make one token request');

    $sim->control('on Token do status 503');
    expire();
    @replies = post($lmtpd, @people);
    is(scalar(grep { /^451 / } @replies), RECIPIENTS, 'F27: while the platform is away all of them wait in the queue');
    cmp_ok(token_requests() - $before, '<', 20, 'A7.13: and few ask');
    $sim->control('clear');
    wait_until('mail flows', sub { $now += 60; move_clock($clock, $now); (post($lmtpd))[0] =~ /^250 / });
    like((post($lmtpd))[0], qr{^250 }, 'F27: it goes on by itself');
    $lmtpd->stop;
}

# --- a refresh token that is good for one use -----------------------------------------------------------

sub log_in
{
    my $directory = temporary_directory();
    my $conf = Exg::Lmtpd::write_conf($directory, $sim, { exchange => \%user });
    my $log = spew("$directory/log", '');
    my $login = Exg::Process->start(command => [program('exgate'), 'login', '--device', '--config', $conf], log => $log);
    $sim->control('approve', wait_until('there is a code', sub { slurp($log) =~ /\b(SIM-\d+)/ ? $1 : '' }));
    is($login->wait_for_end, 0, 'exgate login') or diag(slurp($log));
    return;
}

# A delivery whose daemon dies at that point; then a new daemon, and how often it has asked when it has answered.
sub die_and_restart
{
    my ($point) = @_;
    my $lmtpd = start(\%user, failpoints => "$point=kill");
    expire();
    eval { post($lmtpd) };
    is($lmtpd->{process}->wait_for_end, -9, "a daemon that dies at $point");
    my $before = token_requests();
    delete $lmtpd->{failpoints};
    $lmtpd->launch;
    my ($reply) = post($lmtpd);
    my $asked = token_requests() - $before;
    $lmtpd->stop;
    return ($reply, $asked, $lmtpd->log);
}

log_in();
my ($reply, $asked, $log) = die_and_restart('token-saved');
like($reply, qr/^250 /, 'A7.9: what it had saved is there') or diag(last_lines($log));
is($asked, 0, 'A7.9: and is used');

($reply, $asked, $log) = die_and_restart('token-received');
like($reply, qr/^451 4\.7\.0 /, 'A7.9: what it had not is lost, and the mail waits');
like($log, qr/invalid_grant.*exgate login/, 'A7.9: the log says what to do');
is(join(' ', map { s{.*/}{}r } grep { /tokens/ } files_in($keys)), 'tokens tokens.lock', 'nothing else is left behind');

log_in();
{
    my $lmtpd = start(\%user, failpoints => 'token-write=error,times=1');
    expire();
    my $before = token_requests();
    like((post($lmtpd))[0], qr/^45\d /, 'A7.9: one that cannot be written is not used yet');
    like($lmtpd->log, qr/Cannot write the token file \Q$keys\E\/tokens/, 'the log says why');
    $now += 60;
    move_clock($clock, $now);
    like((post($lmtpd))[0], qr/^250 /, 'A7.9: it is kept, and used once it can be') or diag(last_lines($lmtpd->log));
    is(token_requests() - $before, 1, 'A7.9: without another');
    $lmtpd->stop;
}
$sim->stop;

done_testing();
