#!/usr/bin/perl
# A wrong password under incoming mail, for an hour of a clock that the test moves: the account, which five attempts would lock, sees
# fewer than that, mail waits with a plain message, and the right password ends it at once.
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
spew("$keys/clock", pack 'q', 0);
my $serial = 0;

# In place: the programs have it mapped.
sub move_clock
{
    my ($seconds) = @_;
    open my $clock, '+<', "$keys/clock" or die "$keys/clock: $!";
    syswrite $clock, pack 'q', $seconds * 1_000_000;
    close $clock;
    return "$keys/clock";
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

# One command of the administrator's, as a monitoring system would run it again and again.
sub check
{
    my ($lmtpd) = @_;
    return run_program(program('exgate'), 'check', '--config', "$lmtpd->{directory}/exgate.conf");
}

sub try_scheme
{
    my ($auth, $offered) = @_;
    local %ENV = (%ENV, EXGATE_CLOCK => move_clock(0), KRB5_CONFIG => "$keys/krb5.conf", KRB5CCNAME => "FILE:$keys/none");
    my $sim;
    {
        local $ENV{EXGATE_CLOCK};
        delete $ENV{EXGATE_CLOCK};
        $sim = Exg::Sim->start(
            mailboxes => ['ann@example.test'], account => 'EXAMPLE\svc:right', options => ['--auth', $offered],
        );
    }
    my $wrong = spew("$keys/wrong", "wrong\n");
    my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => { exchange => { auth => $auth, password_file => $wrong } });
    my (%replies, $checked);
    for (my $now = 0; $now < HOUR; $now += STEP) {
        move_clock($now);
        $replies{ substr post($lmtpd), 0, 9 }++;
        $checked = check($lmtpd) if $now % 300 == 0;
        if ($now % 900 == 0) {
        $lmtpd->reload;
        }
    }
    is(join(' ', sort keys %replies), '451 4.7.0', "F14: a wrong password, $auth: all mail waits") or diag(explain(\%replies));
    my $attempts = attempts($sim);
    cmp_ok($attempts, '>=', 3, 'which is found out, again and again');
    cmp_ok($attempts, '<', THRESHOLD, 'but not so often that the account would be locked');
    like($lmtpd->log, qr/refused the credentials/, 'the log says why');
    is($checked->{status} != 0, 1, 'exgate check fails');
    diag $checked->{out}, $checked->{err};
    diag last_lines($lmtpd->log);

    spew($wrong, "right\n");
    $lmtpd->reload;
    like(post($lmtpd), qr/^250 /, 'the right password is taken at once') or diag(last_lines($lmtpd->log));
    is(attempts($sim), $attempts, 'and none was refused any more');
    $lmtpd->stop;
    $sim->stop;
    return;
}

try_scheme('basic', 'basic');
try_scheme('digest', 'digest');
if ($have_ntlm) {
    try_scheme('ntlm',      'negotiate,ntlm');
    try_scheme('negotiate', 'negotiate');
    try_scheme('auto',      'negotiate,ntlm,basic');
}

done_testing();
