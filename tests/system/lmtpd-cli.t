#!/usr/bin/perl
# exgate-lmtpd's options, and what it says of a configuration that is wrong: one sentence, with file, line, key and what is allowed.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Test;
use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM);
use Test::More;

my $lmtpd     = program('exgate-lmtpd');
my $directory = temporary_directory();
my $secret    = spew("$directory/password", "secret\n", 0644);
my $ca        = spew("$directory/ca.pem", "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n", 0644);
mkdir "$directory/spool" or die;
chmod 0777, "$directory/spool", "$directory" or die;

my $good = <<"EOF_CONF";
# line 1
[exchange]
endpoint = https://127.0.0.1:9/EWS/Exchange.asmx
username = EXAMPLE\\svc
password_file = $secret
[lmtp]
listen = unix:$directory/lmtp.sock
spool_directory = $directory/spool
[delivery]
journal = $directory/journal.db
[directory]
cache = $directory/directory.db
EOF_CONF

sub conf { return spew("$directory/exgate.conf", $_[0], 0644) }

# --- options ----------------------------------------------------------------------------------

my $result = run_program($lmtpd, '--version');
is($result->{status}, 0, '--version succeeds');
like($result->{out}, qr/\Aexgate-lmtpd \d+\.\d+\.\d+\n/, 'and begins with our version');
like($result->{out}, qr/^GLib \d/m,        'and names GLib');
like($result->{out}, qr/^libcurl.*\d/m,    'and names libcurl');
like($result->{out}, qr/^authentication: /m, 'and the methods of authentication');

$result = run_program($lmtpd, '--help');
is($result->{status}, 0, '--help succeeds');
like($result->{out}, qr/--$_\b/, "and names --$_") for qw(config check-config show-config notify-fd version);

for my $wrong (['--no-such-option'], ['surplus'], ['--notify-fd', 'x']) {
    $result = run_program($lmtpd, @$wrong);
    is($result->{status}, 64, "@$wrong is wrong usage");
    like($result->{err}, qr/\Aexgate-lmtpd: [^\n]+\n\z/, 'told in one line');
}

# --- a good configuration ---------------------------------------------------------------------

my $conf = conf($good);
$result = run_program($lmtpd, '--config', $conf, '--check-config');
is($result->{status}, 0, 'a good configuration passes') or diag($result->{err});
is($result->{err},    '', 'with nothing to say about it');
ok(!-e "$directory/lmtp.sock", 'and no socket was made');

$result = run_program($lmtpd, '--config', $conf, '--show-config');
is($result->{status}, 0, '--show-config succeeds');
like($result->{out}, qr/^#\s*max_sessions = 1000$/m,              'it shows a default');
like($result->{out}, qr/^username = EXAMPLE\\svc$/m,              'and what is set');
unlike($result->{out}, qr/secret$/m,                              'but no secret');
my $shown = $result->{out};
conf($shown);
is(run_program($lmtpd, '--config', $conf, '--check-config')->{status}, 0, 'what it shows is a configuration');
is(run_program($lmtpd, '--config', $conf, '--show-config')->{out}, $shown, 'the same one');

conf("$good\n[exchange]\ntls_verify = no\n");
$result = run_program($lmtpd, '--config', $conf, '--check-config');
is($result->{status}, 0, 'certificates need not be verified');
like($result->{err}, qr/tls_verify = no: .*NOT verified.*127\.0\.0\.1/, 'but that is told loudly');

# --- a full disk ------------------------------------------------------------------------------

# The service manager tries 71 again, but not 78. Nothing can be written but to a pipe.
conf($good);
$result = run_program('sh', '-c', '{ (trap "" XFSZ; ulimit -f 0; exec "$@" 2>&1); echo "status $?"; } | cat', '-', $lmtpd, '--config', $conf);
like($result->{out}, qr/\Aexgate-lmtpd: $directory\S+ \[delivery\] journal: Cannot open the delivery journal [^\n]+\nstatus 71\n\z/,
    'without room for the journal it does not start, but may be tried again')
    or diag($result->{out});

# --- wrong ones -------------------------------------------------------------------------------

# name, configuration, what the sentence holds besides the program's name
my $here = quotemeta "$directory/exgate.conf";
my @wrong = (
    ['an unknown key', $good =~ s/^listen/listne/mr, qr/$here:7: \[lmtp\] listne .*listen/],
    ['an unknown group', $good =~ s/\[lmtp\]/[lmpt]/r, qr/$here:6: .*lmpt.*exchange.*lmtp.*log/],
    ['a repeated key', "$good\n[lmtp]\nmax_sessions = 5\nmax_sessions = 6\n", qr/$here:16: \[lmtp\] max_sessions .*15/],
    ['a line that is none', "$good\nhello\n", qr/$here:14: .*hello/],
    ['a key before any group', "username = x\n$good", qr/$here:1: username/],
    ['a number out of range', "$good\n[lmtp]\nmax_sessions = 0\n", qr/$here:15: \[lmtp\] max_sessions = 0: .*from 1 to 100000/],
    ['a number that is none', "$good\n[lmtp]\nmax_hops = many\n", qr/$here:15: \[lmtp\] max_hops = many: .*number/],
    ['a wrong duration', "$good\n[delivery]\ntimeout = 5 fortnights\n", qr/$here:15: \[delivery\] timeout .*duration/],
    ['a wrong size', "$good\n[lmtp]\nmax_message_size = 48Q\n", qr/$here:15: \[lmtp\] max_message_size .*size/],
    ['a wrong choice', "$good\n[log]\nlevel = chatty\n", qr/$here:15: \[log\] level = chatty: .*error, warning, info, debug/],
    ['a wrong mode', "$good\n[lmtp]\nsocket_mode = 0999\n", qr/$here:15: \[lmtp\] socket_mode .*octal/],
    ['a wrong boolean', "$good\n[exchange]\ntls_verify = perhaps\n", qr/$here:15: \[exchange\] tls_verify .*yes or no/],
    ['an endpoint that is none', $good =~ s/https:\S+/mail.example.com/r, qr/$here:3: \[exchange\] endpoint .*https/],
    ['no endpoint', $good =~ s/^endpoint.*\n//mr, qr/$here: \[exchange\] endpoint is not set/],
    ['no secret', $good =~ s/^password_file.*\n//mr, qr/$here: \[exchange\] password_file is not set/],
    ['a missing secret', $good =~ s/\Q$secret\E/$directory\/none/r, qr/$here:5: \[exchange\] password_file: .*none: No such file/],
    ['a secret that is a directory', $good =~ s/\Q$secret\E/$directory\/spool/r, qr/$here:5: .*Is a directory/],
    ['a credential without systemd', $good =~ s/\Q$secret\E/credential:pw/r, qr/$here:5: .*LoadCredential/],
    ['a relative path', $good =~ s/\Q$secret\E/password/r, qr/$here:5: \[exchange\] password_file .*absolute path/],
    ['an address that is none', $good =~ s/^listen =.*/listen = tcp:25/mr, qr/$here:7: \[lmtp\] listen: .*tcp:25/],
    ['a port that is none', $good =~ s/^listen =.*/listen = inet:127.0.0.1:99999/mr, qr/$here:7: \[lmtp\] listen: .*99999/],
    ['a path that no socket takes', $good =~ s/^(listen = unix:).*/$1 . '\/x' x 60/mer, qr/$here:7: \[lmtp\] listen: /],
    ['a user who is not there', "$good\n[lmtp]\nsocket_owner = nobody-at-all\n", qr/$here:15: \[lmtp\] socket_owner.*nobody-at-all/],
    ['a spool that is not there', $good =~ s/(spool_directory = ).*/$1\/nonexistent/r, qr/$here:8: \[lmtp\] spool_directory: .*No such file/],
    ['a journal that cannot be', $good =~ s/(journal = ).*/$1\/nonexistent\/j.db/r, qr/$here:10: \[delivery\] journal: .*No such file/],
    ['a cache that cannot be', $good =~ s/(cache = ).*/$1\/nonexistent\/d.db/r, qr/$here:12: \[directory\] cache: .*No such file/],
    ['a cache that is the journal', $good =~ s/(cache = ).*/$1$directory\/journal.db/r, qr/$here:12: \[directory\] cache: .*is the delivery journal/],
    ['a missing CA', "$good\n[exchange]\nca_file = $directory/none.pem\n", qr/$here:15: \[exchange\] ca_file: .*No such file/],
    ['a CA that is none', "$good\n[exchange]\nca_file = $secret\n", qr/$here:15: \[exchange\] ca_file: .*PEM/],
    ['a host name that is none', "$good\n[lmtp]\nhostname = two words\n", qr/$here:15: \[lmtp\] hostname .*host name/],
    ['a domain that is none', "$good\n[lmtp]\nrecipient_domain = \@example.com\n", qr/$here:15: \[lmtp\] recipient_domain .*mail domain/],
    ['a rule that is none', "$good\n[delivery]\njunk_header = X-Spam-Flag: YES, two words: no\n", qr/$here:15: \[delivery\] junk_header: 'two words: no'/],
    ['a delimiter that is none', "$good\n[delivery]\nrecipient_delimiter = x\n", qr/$here:15: \[delivery\] recipient_delimiter = x: /],
    ['bytes that are no text', "$good\n\xff\xfe\n", qr/$here is not .*UTF-8/],
);
for my $case (@wrong) {
    my ($name, $text, $sentence) = @$case;
    conf($text);
    $result = run_program($lmtpd, '--config', $conf, '--check-config');
    is($result->{status}, 78, "$name: exit status 78");
    like($result->{err}, qr/\Aexgate-lmtpd: $sentence[^\n]*\n\z/, 'told in one sentence');
    unlike($result->{err}, qr/\bsecret\b(?! file)/, 'that keeps the secret') if $name =~ /secret/;
}

$result = run_program($lmtpd, '--config', "$directory/none.conf", '--check-config');
is($result->{status}, 78, 'no configuration at all: exit status 78');
like($result->{err}, qr/\Aexgate-lmtpd: [^\n]*none\.conf[^\n]*No such file[^\n]*\n\z/, 'told in one sentence');

SKIP: {
    skip 'only root can make a file that a program of another user cannot read', 2 if $> != 0;
    conf($good);
    chmod 0600, $secret or die;
    my $spool = "$directory/spool";
    $result = run_program('setpriv', '--reuid', 'nobody', '--clear-groups', '--', $lmtpd, '--config', $conf, '--check-config');
    chmod 0644, $secret or die;
    is($result->{status}, 78, 'a secret that exgate may not read: exit status 78');
    like($result->{err}, qr/\Aexgate-lmtpd: $here:5: \[exchange\] password_file: [^\n]*Permission denied[^\n]*\n\z/, 'told in one sentence');
}

# --- starting ---------------------------------------------------------------------------------

conf($good =~ s/^(listen = unix:).*/$1$directory\/none\/lmtp.sock/mr);
$result = run_program($lmtpd, '--config', $conf);
is($result->{status}, 78, 'a socket in a directory that is not there: exit status 78');
like($result->{err}, qr/$here:7: \[lmtp\] listen: [^\n]*none\/lmtp\.sock: its directory does not exist\n\z/, 'told in one sentence');

conf($good =~ s/^listen =.*/listen = systemd/mr);
$result = run_program($lmtpd, '--config', $conf);
is($result->{status}, 78, 'systemd passed no socket: exit status 78');
like($result->{err}, qr/$here:7: \[lmtp\] listen: systemd passed no socket; /, 'told in one sentence');

conf($good);
my $notices = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$directory/notify") or die "notify: $!";
my $process = do {
    local $ENV{NOTIFY_SOCKET} = "$directory/notify";
    Exg::Process->start(command => [$lmtpd, '--config', $conf], log => "$directory/log", notify => '--notify-fd');
};
ok(-S "$directory/lmtp.sock", 'when it says that it is ready, its socket is there');
is((stat "$directory/lmtp.sock")[2] & 07777, 0660, 'with the configured mode');
sub notice { $notices->recv(my $text, 1000) // die "recv: $!"; return $text }
is(notice(), 'READY=1', 'the service manager is told that it is ready');

$result = run_program($lmtpd, '--config', $conf);
is($result->{status}, 78, 'a second one on the same socket: exit status 78');
like($result->{err}, qr/lmtp\.sock: another process listens there\n\z/, 'told in one sentence');
ok(-S "$directory/lmtp.sock", 'and the first one keeps its socket');

is($process->stop, 0, 'SIGTERM ends it');
is(notice(), 'STOPPING=1', 'the service manager is told that it stops');
ok(!-e "$directory/lmtp.sock", 'its socket is gone');

done_testing;
