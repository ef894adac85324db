#!/usr/bin/perl
# A wrong password under incoming mail, for an hour of a clock that the test moves: the account, which five attempts would lock, sees
# fewer than that, whoever reloads or looks meanwhile; mail waits with a plain message, and the right password ends it at once.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use Test::More;

use constant { HOUR => 3600, STEP => 30, THRESHOLD => 5 };

my $have_ntlm = () = glob '/usr/lib/*/gssntlmssp/gssntlmssp.so';
my $keys = temporary_directory();
spew("$keys/krb5.conf", "[libdefaults]\n default_realm = EXAMPLE.TEST\n dns_lookup_kdc = false\n");
spew("$keys/clock",     pack 'q', 0);
my $serial = 0;

# In place: the programs have it mapped.
sub move_clock
{
    my ($seconds) = @_;
    open my $clock, '+<', "$keys/clock" or die "$keys/clock: $!";
    syswrite $clock, pack 'q', $seconds * 1_000_000;
    close $clock;
    return;
}

sub post
{
    my ($lmtpd) = @_;
    $serial++;
    my ($reply) = $lmtpd->client->deliver(
        from    => 'a@sender.test',
        to      => ['ann@example.test'],
        message => "Subject: $serial\r\nMessage-ID: <$serial.$$\@sender.test>\r\n\r\nhello\r\n",
    );
    return $reply;
}

sub attempts { my ($sim) = @_; return $sim->control('stats') =~ /refused_sign_ins=(\d+)/ ? $1 : die 'no count' }

# The administrator's look at it, as a monitoring system has it again and again.
sub check
{
    my ($lmtpd) = @_;
    return run_program(program('exgate'), 'check', '--config', "$lmtpd->{directory}/exgate.conf");
}

# One who has nobody but himself: no daemon that would be refused first.
sub check_alone
{
    my ($sim) = @_;
    my $directory = temporary_directory();
    my $lmtpd = { directory => $directory };
    Exg::Lmtpd::write_conf($directory, $sim, { exchange => { password_file => "$keys/password" } });
    my $before = attempts($sim);
    my @results = map { check($lmtpd) } 1 .. THRESHOLD;
    is(scalar(grep { $_->{status} != 0 } @results), THRESHOLD, 'F14: exgate check fails each time');
    is(attempts($sim) - $before, 1, 'F14: but tries the password once');
    like($results[0]{out},  qr/^WRONG +login .*refused the credentials/m, 'says that it is wrong');
    like($results[-1]{out} =~ s/\s+/ /gr, qr/to keep it from being locked out, the next attempt is at/, 'and that it is left alone');
    return;
}

sub start_sim
{
    my ($offered) = @_;
    local %ENV = %ENV;
    delete $ENV{EXGATE_CLOCK};
    return Exg::Sim->start(mailboxes => ['ann@example.test'], account => 'EXAMPLE\svc:right', options => ['--auth', $offered]);
}

sub try_scheme
{
    my ($auth, $offered) = @_;
    my $sim = start_sim($offered);
    move_clock(0);
    spew("$keys/password", "wrong\n", 0600);
    my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => { exchange => { auth => $auth, password_file => "$keys/password" } });
    my %replies;
    for (my $now = 0; $now < HOUR; $now += STEP) {
        move_clock($now);
        $replies{ substr post($lmtpd), 0, 9 }++;
        $lmtpd->reload if $now == HOUR / 3;
        check($lmtpd)  if $now % (HOUR / 6) == STEP;
    }
    is(join(' ', keys %replies), '451 4.7.0', "F14: a wrong password, $auth: all mail waits") or diag(explain(\%replies));
    my $attempts = attempts($sim);
    cmp_ok($attempts, '>=', 3,         'it is tried again and again');
    cmp_ok($attempts, '<',  THRESHOLD, 'A11.6,F14: but not so often that the account would be locked');
    like($lmtpd->log, qr/refused the (?:credentials|service account)/, 'the log says why');

    spew("$keys/password", "right\n", 0600);
    utime time + HOUR - STEP, time + HOUR - STEP, "$keys/password"; # by that clock
    $lmtpd->reload;
    like(post($lmtpd), qr/^250 /, 'F14: the right password is taken at once') or diag(last_lines($lmtpd->log));
    is(attempts($sim), $attempts, 'and none was refused any more');
    $lmtpd->stop;
    check_alone($sim) if $auth eq 'basic' && spew("$keys/password", "wrong\n", 0600);
    $sim->stop;
    return;
}

local %ENV = (%ENV, EXGATE_CLOCK => "$keys/clock", KRB5_CONFIG => "$keys/krb5.conf", KRB5CCNAME => "FILE:$keys/none");
try_scheme('basic',  'basic');
try_scheme('digest', 'digest');
if ($have_ntlm) {
    try_scheme('ntlm',      'negotiate,ntlm');
    try_scheme('negotiate', 'negotiate');
    try_scheme('auto',      'negotiate,ntlm,basic');
}

done_testing();
