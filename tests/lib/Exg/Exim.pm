# Exg::Exim - a private Exim: own configuration, queue and port. It is not installed (it conflicts with Postfix), but unpacked by
# packaging/install-deps. Needs root.
#   my $exim = Exg::Exim->start(acl => [lines of acl_check_rcpt], routers => [lines], transports => [lines], sink => $path);
# Mail that no router of the test's takes goes by LMTP to the unix socket `sink`.
# The name of its user and the path of its configuration are built in, and it delivers only as a setuid program. So it lives in
# name spaces of its own, with an /etc that has both and a copy of the program that nobody else sees; what it starts ends with it.
package Exg::Exim;

use strict;
use warnings;
use Exg::Lmtp;
use Exg::Postfix;
use Exg::Test;
use File::Copy qw(copy);
use IO::Socket::INET;
use Test::More;

my $binary = '/var/cache/exgate-tests/exim/usr/sbin/exim4';
my $id     = 64998;

sub need
{
    need_root();
    need_program($_) for qw(unshare nsenter mount);
    plan(skip_all => "Exim is not unpacked: no $binary (packaging/install-deps)") if !-x $binary;
    my $libraries = run_program('ldd', $binary)->{out};
    plan(skip_all => "Exim lacks $1") if $libraries =~ /^\s*(\S+) => not found/m;
}

sub start
{
    my ($class, %options) = @_;
    need();
    my $directory = temporary_directory();
    my $self      = bless { directory => $directory }, $class;
    mkdir "$directory/$_" or die "$directory/$_: $!" for qw(bin etc etc/exim4 log spool);
    chown $id, $id, "$directory/$_" or die "$directory/$_: $!" for qw(log spool);
    copy("/etc/$_", "$directory/etc/$_") or die "/etc/$_: $!" for qw(ld.so.cache nsswitch.conf hosts);
    # the group of exgate is that of `nobody`, whom the tests have exgate-lmtpd run as
    my $nogroup = (getpwnam 'nobody')[3];
    spew("$directory/etc/passwd", "root:x:0:0::/root:/bin/sh\nDebian-exim:x:$id:$id\::/nonexistent:/bin/false\n", 0644);
    spew("$directory/etc/group", "root:x:0:\nDebian-exim:x:$id:\nexgate:x:$nogroup:\n", 0644);
    # somebody else may have taken the free port meanwhile
    for my $attempt (1 .. 5) {
        $self->{port} = Exg::Postfix::free_port();
        $self->configure(%options);
        # the shell is the first process of its name space, and all others die with it
        my $script = 'mount --bind "$1/etc" /etc && mount -t tmpfs -o mode=755 exim "$1/bin" && cp "$2" "$1/bin/exim4" '
            . '&& chmod 4755 "$1/bin/exim4" && { "$1/bin/exim4" -bdf & wait; }';
        $self->{process} = Exg::Process->start(
            command => ['unshare', qw(--mount --pid --fork --kill-child), 'sh', '-c', $script, 'sh', "$directory", $binary],
            log     => "$directory/output",
        );
        my $up = wait_until('Exim is up or has failed', sub {
            return 'no' if !$self->{process}->is_running;
            return 'yes' if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
        });
        return $self if $up eq 'yes';
    }
    diag(slurp("$directory/output"), $self->log);
    die "Exim does not start\n";
}

sub configure
{
    my ($self, %options) = @_;
    my $directory = "$self->{directory}";
    my @lines = (
        # nobody out there is asked
        'primary_hostname = mta.test', "spool_directory = $directory/spool", "log_file_path = $directory/log/%s",
        "exim_path = $directory/bin/exim4", "pid_file_path = $directory/spool/exim.pid", 'local_interfaces = 127.0.0.1',
        "daemon_smtp_ports = $self->{port}", 'disable_ipv6 = true', 'tls_advertise_hosts =', 'rfc1413_hosts =',
        'host_lookup =', 'message_size_limit = 60M', 'check_spool_space = 0', 'keep_environment =',
        'log_selector = +smtp_confirmation', 'acl_smtp_rcpt = acl_check_rcpt',
        'begin acl', 'acl_check_rcpt:', @{ $options{acl} // [] }, '  accept',
        'begin routers', @{ $options{routers} }, 'sink:', '  driver = accept', '  transport = sink',
        'begin transports', @{ $options{transports} },
        'sink:', '  driver = lmtp', "  socket = $options{sink}", '  user = Debian-exim',
        'begin retry', '* * F,1h,1m',
    );
    spew("$directory/etc/exim4/exim4.conf", join('', map { "$_\n" } @lines), 0644);
}

# An SMTP connection that has said EHLO.
sub client
{
    my ($self) = @_;
    my $smtp = Exg::Lmtp->new("inet:127.0.0.1:$self->{port}");
    $smtp->command('EHLO client.test');
    return $smtp;
}

# Hands one message in; dies if Exim does not take it for all. Returns its id.
sub submit
{
    my ($self, %order) = @_;
    my $smtp    = $self->client;
    my @replies = $smtp->deliver(%order, smtp => 1);
    for my $reply (@replies) {
        die "Exim refused: $reply\n" . $smtp->dialogue if $reply !~ /^250/;
    }
    $smtp->quit;
    return $replies[0] =~ / id=(\S+)/ ? $1 : die "no id in: $replies[0]\n";
}

# The first process of its name space.
sub first
{
    my ($self) = @_;
    my ($first) = map { $_->{pid} } grep { $_->{parent} == $self->{process}{pid} } processes();
    return $first // die "Exim has ended\n";
}

# Tries everything in the queue again, and returns when that is done. Who is being delivered at this moment is passed over.
sub run_queue
{
    my ($self) = @_;
    my $result = run_program('nsenter', '--target', $self->first, qw(--mount --pid), "$self->{directory}/bin/exim4", '-qf');
    die "exim -qf: $result->{err}\n" if $result->{status} != 0;
}

sub queued
{
    my ($self) = @_;
    return scalar grep { /-H\z/ } files_in("$self->{directory}/spool/input");
}

sub log
{
    my ($self) = @_;
    return join '', map { slurp($_) } files_in("$self->{directory}/log");
}

sub stop
{
    my ($self) = @_;
    ok($self->{process}->is_running, 'Exim has run to the end') or diag(slurp("$self->{directory}/output"));
    my $panic = -e "$self->{directory}/log/panic" ? slurp("$self->{directory}/log/panic") : '';
    is($panic, '', 'and had no fault of its own');
    # it ends when all that it has started is gone
    kill 'KILL', $self->first;
    $self->{process}->wait_for_end;
}

1;
