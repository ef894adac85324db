#!/usr/bin/perl
# Kerberos and NTLM by exgate itself, against a real KDC, MIT's GSSAPI and gss-ntlmssp: what is right is accepted, and what is
# wrong, missing, expired or changed is told plainly, with and without Extended Protection.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Kdc;
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use Test::More;

my $have_ntlm = () = glob '/usr/lib/*/gssntlmssp/gssntlmssp.so';
my $kdc = Exg::Kdc->start;
my $keys = temporary_directory();
$kdc->add_service('HTTP/localhost', "$keys/http.keytab");
$kdc->add_user('svc', keytab => "$keys/svc.keytab");
$kdc->add_user('old', keytab => "$keys/old.keytab");
local %ENV = (%ENV, $kdc->environment, KRB5CCNAME => "FILE:$keys/none");
my $serial = 0;

sub start_sim
{
    my (@options) = @_;
    return Exg::Sim->start(
        mailboxes => ['ann@example.test'],
        options   => ['--keytab', "$keys/http.keytab", @options],
    );
}

# Delivers one message with these keys of [exchange]; returns the reply and the daemon's log.
sub deliver
{
    my ($sim, %exchange) = @_;
    my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => { exchange => \%exchange, directory => { check_recipients => 'no' } });
    my @replies = map {
        $serial++;
        my ($reply) = $lmtpd->client->deliver(
            from    => 'a@sender.test',
            to      => ['ann@example.test'],
            message => "Subject: $serial\r\nMessage-ID: <$serial.$$\@sender.test>\r\n\r\nhello\r\n",
        );
        $reply;
    } 1 .. 2;
    $lmtpd->stop;
    return ($replies[0], $lmtpd->log, $replies[1]);
}

my %kerberos = (auth => 'negotiate', kerberos_keytab => "$keys/svc.keytab", password_file => undef);

for my $protection (qw(none allow require)) {
    my $sim = start_sim('--auth', 'negotiate,ntlm', '--extended-protection', $protection);
    my ($reply, $log, $second) = deliver($sim, %kerberos);
    like($reply, qr/^250 /, "A5.2: Kerberos with a keytab, Extended Protection $protection") or diag(last_lines($log));
    like($second, qr/^250 /, 'and a second message');
  SKIP: {
        skip 'gss-ntlmssp is not installed', 4 if !$have_ntlm;
        for my $auth (qw(ntlm negotiate)) {
            my ($ntlm, $ntlm_log) = deliver($sim, auth => $auth);
            like($ntlm, qr/^250 /, "A5.2,A5.6: NTLM as auth = $auth, Extended Protection $protection")
              or diag(last_lines($ntlm_log));
            my ($wrong) = deliver($sim, auth => $auth, password_file => spew("$keys/wrong", "wrong\n"));
            like($wrong, qr/^451 4\.7\.0 /, "F14: a wrong password with auth = $auth");
        }
    }
    $sim->stop;
}

unlike(slurp($kdc->log), qr/EXAMPLE/, 'F14: NTLM\'s password was not tried at the KDC, which was asked for tickets only');
like(slurp($kdc->log), qr/svc\@/, 'as it notes');

# Somebody else's client, which sends no bindings: what Extended Protection is there to turn away.
$kdc->run('kinit', '-c', "FILE:$keys/curl", '-k', '-t', "$keys/svc.keytab", 'svc');
for my $case (['none', 200], ['allow', 200], ['require', 401]) {
    my ($protection, $expected) = @$case;
    my $sim = start_sim('--auth', 'negotiate', '--extended-protection', $protection);
    local $ENV{KRB5CCNAME} = "FILE:$keys/curl";
    my $curl = run_program('curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--cacert', $sim->ca_file, '--negotiate', '-u', ':',
        $sim->url);
    is($curl->{out}, $expected, "A5.2: Kerberos without bindings, Extended Protection $protection");
    $sim->stop;
}

# An address goes as the user, whole and without a domain.
SKIP: {
    skip 'gss-ntlmssp is not installed', 1 if !$have_ntlm;
    my $sim = Exg::Sim->start(
        mailboxes => ['ann@example.test'], account => 'svc@example.test:pass word',
        options   => ['--auth', 'negotiate,ntlm', '--extended-protection', 'require'],
    );
    for my $auth (qw(ntlm negotiate)) {
        my ($reply, $log) = deliver($sim, auth => $auth);
        like($reply, qr/^250 /, "A5.4,A5.5: NTLM as user\@domain, auth = $auth") or diag(last_lines($log));
    }
    $sim->stop;
}

# --- what is missing, expired or changed ------------------------------------------------------------

my $sim = start_sim('--auth', 'negotiate', '--extended-protection', 'require');

my ($none, $none_log) = deliver($sim, %kerberos, kerberos_keytab => undef, kerberos_ccache => "FILE:$keys/none");
like($none, qr/^451 4\.7\.0 /, 'A5.2: no ticket: the mail waits');
like($none_log, qr/Kerberos for localhost: /, 'and the log says why');

my ($no_key, $no_key_log) = deliver($sim, %kerberos, kerberos_keytab => "$keys/nothing");
like($no_key, qr/^451 4\.\d\.\d /, 'a keytab that is not there');
like($no_key_log, qr/Kerberos.*\Q$keys\E\/nothing/, 'is named in the log');

$kdc->run('kinit', '-c', "FILE:$keys/cache", '-k', '-t', "$keys/svc.keytab", 'svc');
my ($ticket, $ticket_log) = deliver($sim, %kerberos, kerberos_keytab => undef, kerberos_ccache => "FILE:$keys/cache");
like($ticket, qr/^250 /, 'A5.2: a ticket cache') or diag(last_lines($ticket_log));

# a ticket for a few seconds, and then none
$kdc->run('kinit', '-c', "FILE:$keys/short", '-l', '1s', '-k', '-t', "$keys/svc.keytab", 'svc');
wait_until('the ticket has expired', sub {
    local %ENV = (%ENV, $kdc->environment);
    run_program('klist', '-s', '-c', "FILE:$keys/short")->{status} != 0;
});
my ($expired, $expired_log) = deliver($sim, %kerberos, kerberos_keytab => undef, kerberos_ccache => "FILE:$keys/short");
like($expired, qr/^451 4\.7\.0 /, 'an expired ticket: the mail waits');
like($expired_log, qr/Kerberos for localhost: .*expired/i, 'and the log says so');

# the account's password has been changed: the old key is no good, the new one is
$kdc->admin('cpw -pw another old');
my ($rotated, $rotated_log) = deliver($sim, %kerberos, kerberos_keytab => "$keys/old.keytab");
like($rotated, qr/^451 4\.7\.0 /, 'a key that is no longer the account\'s');
like($rotated_log, qr/Kerberos for localhost: /, 'and the log says whose it is to tell');
$kdc->write_keytab('svc', "$keys/svc-new.keytab");
my ($renewed) = deliver($sim, %kerberos, kerberos_keytab => "$keys/svc-new.keytab");
like($renewed, qr/^250 /, 'the new key');

# --- a connection that is forgotten -----------------------------------------------------------------

$sim->control('on CreateItem after=1 times=1 do unauthorized');
my ($first, $forgotten_log, $again) = deliver($sim, %kerberos);
like($first, qr/^250 /, 'A5.7: a first message');
like($again, qr/^250 /, 'A5.7: and a second, on a connection whose authentication the server forgot')
  or diag(last_lines($forgotten_log));

my $each = start_sim('--auth', 'negotiate', '--extended-protection', 'require', '--kerberos-each');
my ($each_first, $each_log, $each_second) = deliver($each, %kerberos);
like($each_first,  qr/^250 /, 'a server that wants Kerberos with each request') or diag(last_lines($each_log));
like($each_second, qr/^250 /, 'gets it');
$each->stop;

# --- the choice ---------------------------------------------------------------------------------------

my @choices = (
    ['negotiate,ntlm,basic', { kerberos_keytab => "$keys/svc.keytab" }, qr/kerberos: chosen/, qr/^250 /],
    ['basic', { kerberos_keytab => "$keys/svc.keytab" },
        qr/kerberos: not offered; ntlm: not offered; .*basic: allow_basic is no/, qr/^451 4\.3\.5 /],
    ['negotiate,basic', { allow_basic => 'yes', kerberos_ccache => "FILE:$keys/none", password_file => undef },
        qr/kerberos: .*; ntlm: not offered; .*basic: password_file is not set/, qr/^451 4\.3\.5 /],
    ['basic', { allow_basic => 'yes' }, qr/basic: chosen/, qr/^250 /],
);
push @choices, ['negotiate,ntlm,basic', {}, qr/kerberos: Kerberos for .*; ntlm: chosen/, qr/^250 /],
  ['negotiate,basic', {}, qr/ntlm inside negotiate: chosen/, qr/^250 /]
  if $have_ntlm;
for my $case (@choices) {
    my ($offered, $conf, $expected, $expected_reply) = @$case;
    my $server = start_sim('--auth', $offered, '--extended-protection', 'require');
    my ($reply, $log) = deliver($server, auth => 'auto', %$conf);
    like($log,   $expected,       "A6.7: with $offered offered");
    like($reply, $expected_reply, "A6.7: and so the reply is $reply");
    $server->stop;
}
$sim->stop;

# --- no KDC -------------------------------------------------------------------------------------------

# The unit test has a part that needs a KDC.
{
    local $ENV{EXG_TEST_KEYTAB} = "$keys/svc.keytab";
    local $ENV{KRB5_KTNAME} = "$keys/http.keytab";
    my $unit = run_program(program('tests/unit/auth/gss.t'), '-p', '/auth/gss/A5.2,A8.5-bindings-kerberos');
    is($unit->{status}, 0, 'A5.2,A8.5: Kerberos with right, wrong, all-zero and missing bindings') or diag($unit->{out});
    unlike($unit->{out}, qr/SKIP/, 'was tried');
}

$kdc->stop;
my $lonely = start_sim('--auth', 'negotiate');
my ($no_kdc, $no_kdc_log) = deliver($lonely, %kerberos);
like($no_kdc, qr/^451 4\.4\.\d /, 'without a KDC the mail waits');
like($no_kdc_log, qr/Kerberos for localhost: .*KDC/, 'and the log says why');
$lonely->stop;

SKIP: {
    skip 'gss-ntlmssp is not installed', 1 if !$have_ntlm;
    my $server = start_sim('--auth', 'negotiate,ntlm', '--extended-protection', 'require');
    my ($reply, $log) = deliver($server, auth => 'auto', kerberos_keytab => "$keys/svc.keytab");
    like($log,   qr/kerberos: chosen.*kerberos: Kerberos for .*KDC.*; ntlm: chosen/s, 'A6.7: a Kerberos that fails');
    like($reply, qr/^250 /, 'makes way for NTLM') or diag(last_lines($log));
    $server->stop;
}

done_testing();
