#!/usr/bin/perl
# Secrets stay where they are: after deliveries, failures and logging at debug, neither the password nor what is made of it is found in
# a log, an answer, a file, the process's arguments and environment, or a core.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Kdc;
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use File::Find;
use MIME::Base64;
use Test::More;

my $password = 'Xq7-hush-' . join '', map { chr(97 + rand 26) } 1 .. 16;
my $account = "EXAMPLE\\svc:$password";
my $have_ntlm = () = glob '/usr/lib/*/gssntlmssp/gssntlmssp.so';
my $can_dump = $> == 0 && !$ENV{EXG_SANITIZE} && !system 'command -v gcore >/dev/null 2>&1';
my $kdc = Exg::Kdc->start;
my $keys = temporary_directory();
$kdc->add_service('HTTP/localhost', "$keys/http.keytab");
$kdc->add_user('svc', keytab => "$keys/svc.keytab");
local %ENV = (%ENV, $kdc->environment, KRB5CCNAME => "FILE:$keys/none");

# The long-term keys in a keytab, as bytes: those of the usual two AES types.
sub keys_of
{
    my ($keytab) = @_;
    my @keys = map { pack 'H*', $_ } $kdc->run('klist', '-e', '-K', '-k', '-t', $keytab) =~ /\(0x([0-9a-f]{32,})\)/g;
    die "no key in $keytab" if !@keys;
    return @keys;
}

sub encoded_pair { my $pair = encode_base64($account, ''); $pair =~ s/=+$//; return substr $pair, 0, -1 }
sub wide         { my ($text) = @_; return join '', map { "$_\0" } split //, $text }

sub found_in
{
    my ($what, $bytes, %secrets) = @_;
    my @found = grep { index($bytes, $secrets{$_}) >= 0 } sort keys %secrets;
    my $names = join ', ', sort keys %secrets;
    is("@found", '', "F21: $what has none of: $names");
    return;
}

sub files_below
{
    my ($directory) = @_;
    my @files;
    find({ no_chdir => 1, wanted => sub { push @files, $_ if -f && !/\/password$/ } }, $directory);
    return @files;
}

sub search
{
    my ($name, $offered, $exchange, %secrets) = @_;
    my $sim = Exg::Sim->start(
        mailboxes => ['ann@example.test'], account => $account,
        options   => ['--keytab', "$keys/http.keytab", '--auth', $offered, '--memory'],
    );
    my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => { exchange => $exchange });
    my $lmtp = $lmtpd->client;
    my @replies;
    for my $number (1 .. 6) {
        $sim->control('on CreateItem times=1 do unauthorized')  if $number == 3;
        $sim->control('on CreateItem times=1 do reset')         if $number == 4;
        $sim->control('on CreateItem times=1 do status 503')    if $number == 5;
        $sim->control('close-idle')                             if $number == 6;
        push @replies, $lmtp->deliver(
            from    => 'a@sender.test',
            to      => ['ann@example.test'],
            message => "Subject: $number\r\nMessage-ID: <$name.$number.$$\@sender.test>\r\n\r\nhello\r\n",
        );
    }
    like($replies[0], qr/^250 /, "$name: mail is delivered") or diag(last_lines($lmtpd->log));
    like(join("\n", @replies), qr/^4/m, 'and some of it refused');
    my $pid = $lmtpd->pid;
    found_in("$name: the replies", join("\n", @replies), %secrets);
    found_in("$name: /proc/PID/$_", slurp("/proc/$pid/$_"), %secrets) for qw(cmdline environ);
  SKIP: {
        skip 'no core without root and gdb, or with sanitizers', 1 if !$can_dump;
        my $core = "$lmtpd->{directory}/core";
        run_program('gcore', '-o', $core, $pid);
        my $memory = slurp("$core.$pid");
        unlink "$core.$pid";
        cmp_ok(index($memory, $sim->url), '>=', 0, "$name: a core has been written, with what is no secret in it");
        found_in("$name: the core", $memory, %secrets);
    }
    $lmtpd->stop;
    $sim->stop;
    my @files = files_below("$lmtpd->{directory}");
    cmp_ok(scalar @files, '>=', 4, "$name: log, journal, cache and throttle files are there");
    found_in("$name: $_", slurp($_), %secrets) for @files;
    return;
}

my %password = ('the password' => $password, 'the password in UTF-16' => wide($password));
search('Basic', 'basic', { auth => 'basic' }, %password, 'the encoded pair' => encoded_pair());
search('Digest', 'digest', { auth => 'digest' }, %password);
search('NTLM', 'ntlm', { auth => 'ntlm' }, %password) if $have_ntlm;
my $number = 0;
search('Kerberos', 'negotiate', { auth => 'negotiate', kerberos_keytab => "$keys/svc.keytab", password_file => undef },
    map { ('key ' . ++$number => $_) } keys_of("$keys/svc.keytab"));
$kdc->stop;

done_testing();
