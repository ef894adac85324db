# Exg::Secrets - searches all that exgate-lmtpd leaves behind, and its memory, for the secrets that it was given.
#   my $secrets = Exg::Secrets->new;
#   $secrets->search('Basic', $secrets->basic);
package Exg::Secrets;

use strict;
use warnings;
use Exg::Kdc;
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use File::Find;
use MIME::Base64;
use Test::More;

# Options: leaks => whether all is there to be found: by names that hold the password, and in memory by a fail point.
sub new
{
    my ($class, %options) = @_;
    my $self = bless { keys => temporary_directory(), kdc => Exg::Kdc->start, %options }, $class;
    # long, since what is freed loses its beginning at once, and the rest may stay
    $self->{password} = 'xq7-hush-' . join '', map { chr(97 + rand 26) } 1 .. 39;
    $self->{user} = $options{leaks} ? "svc-$self->{password}" : 'EXAMPLE\svc';
    $self->{kdc}->add_service('HTTP/localhost', "$self->{keys}/http.keytab");
    $self->{kdc}->add_user('svc', keytab => "$self->{keys}/svc.keytab");
    return $self;
}

sub has_ntlm { return scalar(() = glob '/usr/lib/*/gssntlmssp/gssntlmssp.so') }
sub can_dump { return $> == 0 && !$ENV{EXG_SANITIZE} && !system 'command -v gcore >/dev/null 2>&1' }

# --- what there is to be found ------------------------------------------------------------------------

sub wide { my ($text) = @_; return join '', map { "$_\0" } split //, $text }

sub password
{
    my ($self) = @_;
    return ('the password' => $self->{password}, 'the password in UTF-16' => wide($self->{password}));
}

sub encoded_pair
{
    my ($self) = @_;
    my $pair = encode_base64("$self->{user}:$self->{password}", '') =~ s/=+$//r;
    return substr $pair, 0, -1;
}

# The long-term keys in a keytab, as bytes: those of the usual two AES types.
sub keys_of
{
    my ($self, $keytab) = @_;
    my @keys = map { pack 'H*', $_ } $self->{kdc}->run('klist', '-e', '-K', '-k', '-t', $keytab) =~ /\(0x([0-9a-f]{32,})\)/g;
    die "no key in $keytab" if !@keys;
    return @keys;
}

sub with_ends
{
    my (%secrets) = @_;
    return (%secrets, map { ("the end of $_" => substr $secrets{$_}, 16) } grep { length $secrets{$_} >= 32 } keys %secrets);
}

# --- the ways of proving who we are: what the server takes, keys of [exchange], the secrets -----------

sub scheme
{
    my ($self, $auth) = @_;
    return (server => ['--auth', $auth], exchange => { auth => $auth }, secrets => { $self->password });
}

sub basic
{
    my ($self) = @_;
    my %basic = $self->scheme('basic');
    $basic{secrets}{'the encoded pair'} = $self->encoded_pair;
    return %basic;
}

sub kerberos
{
    my ($self) = @_;
    my $number = 0;
    my $keytab = "$self->{keys}/svc.keytab";
    return (
        server   => ['--auth', 'negotiate'],
        account  => 'svc:none',
        exchange => { auth => 'negotiate', kerberos_keytab => $keytab, password_file => undef, username => $self->{user} },
        secrets  => { map { ('key ' . ++$number => $_) } $self->keys_of($keytab) },
    );
}

sub oauth
{
    my ($self) = @_;
    return (
        server   => ['--oauth-client', "app:$self->{password}"],
        secrets  => { 'the secret' => $self->{password} },
        exchange => {
            auth => 'oauth2', oauth_client_id => 'app', oauth_client_secret_file => spew("$self->{keys}/secret", "$self->{password}\n"),
            password_file => undef, username => $self->{user},
        },
    );
}

# With tokens of a user's, as `exgate login` gets them.
sub oauth_user
{
    my ($self) = @_;
    return (
        server   => ['--oauth-client', 'app:'],
        login    => 1,
        secrets  => {},
        exchange => {
            auth => 'oauth2', oauth_client_id => 'app', oauth_grant => 'refresh-token', oauth_token_file => "$self->{keys}/tokens",
            password_file => undef, username => $self->{user},
        },
    );
}

sub log_in
{
    my ($sim, $exchange) = @_;
    my $directory = temporary_directory();
    my $conf = Exg::Lmtpd::write_conf($directory, $sim, { exchange => $exchange });
    my $log = spew("$directory/log", '');
    my $login = Exg::Process->start(command => [program('exgate'), 'login', '--device', '--config', $conf], log => $log);
    $sim->control('approve', wait_until('there is a code', sub { slurp($log) =~ /\b(SIM-\d+)/ ? $1 : '' }));
    is($login->wait_for_end, 0, 'exgate login') or diag(slurp($log));
    return;
}

# --- the search ---------------------------------------------------------------------------------------

# Nothing of it is there; or all of it, if it leaks.
sub found_in
{
    my ($self, $what, $bytes, %secrets) = @_;
    my $names = join ', ', sort keys %secrets;
    my @found = grep { index($bytes, $secrets{$_}) >= 0 } sort keys %secrets;
    $self->{found} += @found;
    $self->{searched}++;
    my $found = join ', ', @found;
    return is($found, $names, "a leak into $what is found: $names") if $self->{leaks};
    return is($found, '', "$what has none of: $names");
}

sub files_below
{
    my ($directory) = @_;
    my @files;
    find({ no_chdir => 1, wanted => sub { push @files, $_ if -f && !/\/password$/ } }, $directory);
    return @files;
}

# Deliveries, well and badly; at the end the account is refused and left alone.
sub deliver
{
    my ($sim, $lmtpd, $recipient) = @_;
    my %before = (
        3 => 'on CreateItem times=1 do unauthorized',
        4 => 'on CreateItem times=1 do reset',
        5 => 'on CreateItem times=1 do status 503',
        6 => 'close-idle',
        7 => 'on CreateItem do unauthorized',
    );
    my $lmtp = $lmtpd->client;
    my @replies;
    for my $number (1 .. 8) {
        $sim->control($before{$number}) if $before{$number};
        push @replies, $lmtp->deliver(
            from    => 'a@sender.test',
            to      => [$recipient],
            message => "Subject: $number\r\nMessage-ID: <$number.$$.@{[rand]}\@sender.test>\r\n\r\nhello\r\n",
        );
    }
    return @replies;
}

sub search_memory
{
    my ($self, $name, $lmtpd, $harmless, %secrets) = @_;
    my $pid = $lmtpd->pid;
    my $core = "$self->{keys}/core";
    run_program('gcore', '-o', $core, $pid);
    my $memory = slurp("$core.$pid");
    unlink "$core.$pid";
    cmp_ok(index($memory, $harmless), '>=', 0, "$name: a core has been written, with what is no secret in it");
    $self->found_in("$name: the core", $memory, with_ends(%secrets));
    return;
}

# Delivers with one of the ways above, and searches everywhere.
sub search
{
    my ($self, $name, %way) = @_;
    local %ENV = (%ENV, $self->{kdc}->environment, KRB5CCNAME => "FILE:$self->{keys}/none");
    my $recipient = $self->{leaks} ? "$self->{password}\@example.test" : 'ann@example.test';
    my $sim = Exg::Sim->start(
        mailboxes => [$recipient], account => $way{account} // "$self->{user}:$self->{password}",
        options   => ['--keytab', "$self->{keys}/http.keytab", '--memory', @{ $way{server} }],
    );
    my %exchange = %{ $way{exchange} };
    @exchange{qw(oauth_token_url oauth_ca_file)} = ($sim->url =~ s{/EWS/.*}{/common/oauth2/v2.0/token}r, $sim->ca_file)
      if $exchange{auth} eq 'oauth2';
    log_in($sim, \%exchange) if $way{login};
    my $lmtpd = Exg::Lmtpd->start(
        sim => $sim, conf => { exchange => \%exchange }, failpoints => $self->{leaks} ? 'secret-leak=error' : undef,
    );
    my @replies = deliver($sim, $lmtpd, $recipient);
    like($replies[0], qr/^250 /, "$name: mail is delivered") or diag(last_lines($lmtpd->log));
    like(join("\n", @replies), qr/^4/m, 'and some of it refused');

    my $number = 0;
    my %secrets = (%{ $way{secrets} }, map { ('token ' . ++$number => $_) } $sim->control('tokens') =~ /(\S{20,})/g);
    cmp_ok(scalar keys %secrets, '>=', 2, "$name: there are secrets");
    my %written = $self->{leaks} ? ('the password' => $self->{password}) : %secrets;
    my $pid = $lmtpd->pid;
    $self->found_in("$name: the replies", join("\n", @replies), %written);
    $self->found_in("$name: /proc/PID/$_", slurp("/proc/$pid/$_"), %written) for qw(cmdline environ);
  SKIP: {
        skip 'no core without root and gdb, or with sanitizers', 1 if !can_dump();
        $self->search_memory($name, $lmtpd, $sim->url, %secrets);
    }
    $lmtpd->stop;
    $sim->stop;
    my @files = files_below("$lmtpd->{directory}");
    cmp_ok(scalar @files, '>=', 4, "$name: log, journal, cache and throttle files are there");
    $self->found_in("$name: " . s{.*/}{}r, slurp($_), %written) for @files;
    return;
}

sub stop { my ($self) = @_; $self->{kdc}->stop; return }

1;
