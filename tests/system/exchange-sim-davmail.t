#!/usr/bin/perl
# DavMail, an IMAP and SMTP server that talks to Exchange by its own code, works with the simulated Exchange: a second
# client that others have written (exchange-sim-exchangelib.t is the first). Its ports are numbers in a file, so the test
# has a network of its own.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Sim;
use Exg::Test;
use IO::Socket::INET;
use MIME::Base64 qw(encode_base64);
use Test::More;

my $jar = '/usr/share/davmail/davmail.jar';
plan skip_all => "$jar is not here" if !-r $jar;
need_program('java');
need_program('keytool');

# Once more from the beginning, in the namespace.
if (!$ENV{EXG_OWN_NETWORK}) {
    plan skip_all => 'no namespaces here' if run_program('unshare', '-Urn', 'true')->{status} != 0;
    local $ENV{EXG_OWN_NETWORK} = 1;
    exec 'unshare', '-Urn', $^X, $0 or die "unshare: $!";
}
my $up = run_program('ip', 'link', 'set', 'lo', 'up');
plan skip_all => "no loopback interface: $up->{err}" if $up->{status} != 0;

my ($imap_port, $smtp_port) = (1143, 1025);
my $work = temporary_directory();
my $sim = Exg::Sim->start(
    mailboxes => ['ann@example.com name="Ann Other"', 'bob@example.com'],
    account   => 'ann@example.com:secret',
    options   => ['--keep-requests'],
);

# --- DavMail ------------------------------------------------------------------------------------

my $trusted = run_program(
    'keytool', '-importcert', '-noprompt', '-alias', 'sim', '-file', $sim->ca_file,
    '-keystore', "$work/trusted", '-storetype', 'PKCS12', '-storepass', 'changeit'
);
is($trusted->{status}, 0, 'Java trusts the CA of the simulated Exchange') or diag($trusted->{out});
spew("$work/davmail.properties", <<"END");
davmail.server=true
davmail.mode=EWS
davmail.url=${\$sim->url}
davmail.imapPort=$imap_port
davmail.smtpPort=$smtp_port
davmail.popPort=
davmail.ldapPort=
davmail.caldavPort=
davmail.bindAddress=127.0.0.1
davmail.disableUpdateCheck=true
davmail.enableKeepAlive=false
davmail.logFilePath=$work/davmail.log
log4j.logger.davmail=INFO
log4j.rootLogger=WARN
END
my $davmail = Exg::Process->start(
    command => [
        'java', qw(-Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData), "-Duser.home=$work", "-Djava.io.tmpdir=$work",
        "-Djavax.net.ssl.trustStore=$work/trusted", '-Djavax.net.ssl.trustStoreType=PKCS12', '-Djavax.net.ssl.trustStorePassword=changeit',
        '-jar', $jar, '-notray', "$work/davmail.properties",
    ],
    log => "$work/output",
);

sub connect_to
{
    my ($port) = @_;
    return wait_until("DavMail listens at port $port", sub {
        die slurp("$work/output") if !$davmail->is_running;
        return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp');
    });
}

# --- IMAP ---------------------------------------------------------------------------------------

# A client that knows as much of IMAP as is needed here: a command, then everything up to its tagged answer, with the
# texts that come as literals in place.
my $tags = 0;

sub read_line
{
    my ($socket) = @_;
    my $line = <$socket> // die "DavMail has closed the connection\n" . last_lines(slurp("$work/output"));
    while ($line =~ /\{(\d+)\}\r\n\z/) {
        my $length = $1;
        read($socket, my $literal, $length) == $length or die 'a literal is cut';
        $line .= $literal . <$socket>;
    }
    return $line;
}

sub ask
{
    my ($socket, $command, $literal) = @_;
    my $tag = 'T' . ++$tags;
    print $socket "$tag $command", defined $literal ? ' {' . length($literal) . "}\r\n" : "\r\n";
    my @lines = (read_line($socket));
    if (defined $literal && $lines[0] =~ /^\+/) {
        print $socket "$literal\r\n";
        @lines = (read_line($socket));
    }
    push @lines, read_line($socket) while $lines[-1] !~ /^$tag /;
    my ($verdict) = pop(@lines) =~ /^$tag (.*)\r\n/s;
    return { verdict => $verdict, text => join '', @lines };
}

# The answer to a command that has to succeed; what it says as one text.
sub done
{
    my ($what, $socket, @command) = @_;
    my $answer = ask($socket, @command);
    like($answer->{verdict}, qr/^OK/, $what);
    return $answer->{text};
}

sub log_in
{
    my $socket = connect_to($imap_port);
    like(read_line($socket), qr/^\* OK /, 'DavMail greets');
    done('F28: logged in', $socket, 'LOGIN ann@example.com secret');
    return $socket;
}

sub message
{
    my ($number) = @_;
    return "From: carl\@example.org\r\nTo: ann\@example.com\r\nSubject: letter $number\r\nMessage-ID: <$number\@example.org>\r\n"
        . "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n\r\nAll work and no play, $number.\r\n";
}

my $imap = log_in();
my $stranger = connect_to($imap_port);
read_line($stranger);
like(ask($stranger, 'LOGIN ann@example.com wrong')->{verdict}, qr/^NO/, 'a wrong password is refused');

my $folders = done('F28: folders are listed', $imap, 'LIST "" *');
is(
    join(', ', sort $folders =~ /^\* LIST \(.*?\) "\/" "(.*)"/mg),
    'Drafts, INBOX, INBOX/Projects, INBOX/Projects/Old, Junk, Mailing Lists, Sent, Trash, Unsent Messages', 'those for mail'
);
like($folders, qr/^\* LIST \(\\HasChildren\) "\/" "INBOX"/m, 'and what is below them');

done('the inbox is opened', $imap, 'SELECT INBOX');
done("F28: message $_ is created", $imap, 'APPEND INBOX (\Seen) "21-Nov-2026 10:00:00 +0000"', message($_)) for 1 .. 3;
is(join('', $sim->messages('ann@example.com')), join('', map { message($_) } 1 .. 3), 'and lies in the simulated Exchange');
like(done('opened again', $imap, 'SELECT INBOX'), qr/^\* 3 EXISTS/m, 'F28: the inbox has three');
like(done('found by its subject', $imap, 'UID SEARCH SUBJECT "letter 2"'), qr/^\* SEARCH 2\r$/m, 'there is one');
like(done('F28: read back', $imap, 'UID FETCH 2 (BODY.PEEK[])'), qr/\Q${\message(2)}\E/, 'byte for byte');
like(
    done('flags are read', $imap, 'UID FETCH 1:3 (FLAGS INTERNALDATE)'),
    qr/UID 3 FLAGS \(\\Seen\) INTERNALDATE "21-Nov-2026 10:00:00 \+0000"/, 'as they were set'
);

# Another session sees what this one does.
my $other = log_in();
like(done('opened there', $other, 'SELECT INBOX'), qr/^\* 3 EXISTS/m, 'F28: the other session sees three');
done('flags are changed', $imap, 'UID STORE 2 FLAGS (\Flagged)');
done('F28: a message is deleted', $imap, 'UID STORE 3 +FLAGS (\Deleted)');
done('for good', $imap, 'EXPUNGE');
like(done('F28: synchronised', $other, 'SELECT INBOX'), qr/^\* 2 EXISTS/m, 'the other session sees it gone');
my $flags = done('flags are read there', $other, 'UID FETCH 1:* (FLAGS)');
like($flags, qr/UID 2 FLAGS \(\\Flagged\)/, 'it sees the new flags');
unlike($flags, qr/UID 3/, 'and nothing of the one that has gone');

done('F28: a folder is created', $imap, 'CREATE Own');
done('a message is copied', $imap, 'UID COPY 1 Own');
done('a message is moved', $imap, 'UID MOVE 2 Own');
done('the folder is renamed', $imap, 'RENAME Own Renamed');
like(done('the other session opens it', $other, 'SELECT Renamed'), qr/^\* 2 EXISTS/m, 'F28: with both in it');
my $moved = done('and reads them', $other, 'UID FETCH 1:* (BODY.PEEK[])');
like($moved, qr/\Q${\message($_)}\E/, "message $_, byte for byte") for 1, 2;
like(done('the inbox is opened', $other, 'SELECT INBOX'), qr/^\* 1 EXISTS/m, 'it has one less');
done('F28: the folder is deleted', $imap, 'DELETE Renamed');
unlike(done('folders are listed again', $other, 'LIST "" *'), qr/"(?:Own|Renamed)"/, 'it is gone');

# --- SMTP ---------------------------------------------------------------------------------------

sub say_smtp
{
    my ($socket, $line, $wanted) = @_;
    print $socket "$line\r\n" if defined $line;
    my $answer;
    do { $answer = <$socket> // '' } while $answer =~ /^\d{3}-/;
    like($answer, qr/^$wanted/, defined $line ? substr($line, 0, 4) : 'DavMail greets');
}

my $smtp = connect_to($smtp_port);
say_smtp($smtp, undef, 220);
say_smtp($smtp, 'EHLO localhost', 250);
say_smtp($smtp, 'AUTH PLAIN ' . encode_base64("\0ann\@example.com\0secret", ''), 235);
say_smtp($smtp, 'MAIL FROM:<ann@example.com>', 250);
say_smtp($smtp, 'RCPT TO:<bob@example.com>', 250);
say_smtp($smtp, 'DATA', 354);
say_smtp($smtp, "From: ann\@example.com\r\nTo: bob\@example.com\r\nSubject: by SMTP\r\n\r\nHello, Bob.\r\n.", 250);
is($sim->count('bob@example.com'), 1, 'F28: what is sent arrives');
like(done('the folder of what was sent', $imap, 'STATUS Sent (MESSAGES)'), qr/MESSAGES 1\)/, 'has a copy');

done('logged out', $_, 'LOGOUT') for $imap, $other;
$davmail->stop;
$sim->check_answers;
$sim->stop;
done_testing;
