# Exg::Postfix - a private Postfix: own configuration, queue and port; nothing of the system's is touched. Needs root.
#   my $postfix = Exg::Postfix->new;
#   my $socket  = $postfix->private_socket('exgate');    # hand it to a server, then:
#   $postfix->start(main => { virtual_transport => 'lmtp:unix:private/exgate', … },
#                   listeners => { other => { smtpd_milters => '' } });    # $postfix->client('other') speaks to that one
# The lmtp client runs in its chroot, as Debian sets it up; so a socket has to lie in the queue directory's private/.
package Exg::Postfix;

use strict;
use warnings;
use Exg::Lmtp;
use Exg::Test;
use Fcntl qw(S_ISDIR);
use IO::Socket::INET;
use IO::Socket::UNIX;
use Test::More;

my @services = (
    # service type private unpriv chroot wakeup maxproc command
    'pickup     unix       n - n 60    1 pickup',
    'cleanup    unix       n - n -     0 cleanup',
    'qmgr       unix       n - n 300   1 qmgr',
    'rewrite    unix       - - n -     - trivial-rewrite',
    'bounce     unix       - - n -     0 bounce',
    'defer      unix       - - n -     0 bounce',
    'trace      unix       - - n -     0 bounce',
    'verify     unix       - - n -     1 verify',
    'flush      unix       n - n 1000? 0 flush',
    'proxymap   unix       - - n -     - proxymap',
    'showq      unix       n - n -     - showq',
    'error      unix       - - n -     - error',
    'retry      unix       - - n -     - error',
    'discard    unix       - - n -     - discard',
    'lmtp       unix       - - y -     - lmtp',
    'anvil      unix       - - n -     1 anvil',
    'scache     unix       - - n -     1 scache',
    'postlog    unix-dgram n - n -     1 postlogd',
);

# Skips the test where a private Postfix cannot be had.
sub need
{
    need_root();
    need_program('postconf');
}

sub new
{
    my ($class) = @_;
    need();
    my $directory = temporary_directory();
    my $self = bless { directory => $directory, spool => "$directory/spool" }, $class;
    my ($postfix, $postdrop) = ((getpwnam 'postfix')[2], (getgrnam 'postdrop')[2]);
    mkdir "$directory/$_" or die "$directory/$_: $!" for qw(etc spool data spool/pid);
    chown $postfix, 0, "$directory/data" or die "data: $!";
    # what `postfix start` would make, without its seconds of checks
    my %mode = map { $_ => [0700, $postfix, 0] }
        qw(active bounce corrupt defer deferred flush hold incoming private saved trace);
    $mode{maildrop} = [0730, $postfix, $postdrop];
    $mode{public}   = [0710, $postfix, $postdrop];
    for my $name (keys %mode) {
        my ($mode, @owner) = @{ $mode{$name} };
        mkdir "$self->{spool}/$name" or die "$name: $!";
        chown @owner, "$self->{spool}/$name" or die "$name: $!";
        chmod $mode, "$self->{spool}/$name"  or die "$name: $!";
    }
    return $self;
}

# A listening socket that only Postfix reaches, as exgate-lmtpd.socket makes it.
sub private_socket
{
    my ($self, $name) = @_;
    my $path = "$self->{spool}/private/$name";
    my $socket = IO::Socket::UNIX->new(Local => $path, Listen => 128) or die "$path: $!";
    chown((getpwnam 'postfix')[2], (getpwnam 'postfix')[3], $path) or die "$path: $!";
    chmod 0600, $path or die "$path: $!";
    return $socket;
}

sub free_port
{
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "a port: $!";
    return $socket->sockport;
}

sub start
{
    my ($self, %options) = @_;
    my $directory = "$self->{directory}";
    my %main = (
        compatibility_level    => '3.6',
        queue_directory        => $self->{spool},
        data_directory         => "$directory/data",
        maillog_file           => "$directory/maillog",
        maillog_file_prefixes  => $directory,
        myhostname             => 'mta.test',
        mydestination          => '',
        inet_interfaces        => '127.0.0.1',
        inet_protocols         => 'ipv4',
        mynetworks             => '127.0.0.0/8',
        disable_dns_lookups    => 'yes',
        lmtp_host_lookup       => 'native',
        alias_maps             => '',
        alias_database         => '',
        local_recipient_maps   => '',
        smtputf8_enable        => 'yes',
        message_size_limit     => 60_000_000,
        smtpd_peername_lookup  => 'no',
        # a retry when the test says so, not by the clock
        minimal_backoff_time   => '1000s',
        queue_run_delay        => '1000s',
        %{ $options{main} // {} },
    );
    spew("$directory/etc/main.cf", join '', map { "$_ = $main{$_}\n" } sort keys %main);
    $self->{listeners} = { '' => {}, %{ $options{listeners} // {} } };
    return $self->launch;
}

# Starts it as it is configured, or anew after its processes have ended.
sub launch
{
    my ($self) = @_;
    my $directory = "$self->{directory}";
    # somebody else may have taken the free port meanwhile
    for my $attempt (1 .. 5) {
        my @listeners;
        for my $name (sort keys %{ $self->{listeners} }) {
            my $own = $self->{listeners}{$name};
            $self->{ports}{$name} = free_port();
            push @listeners, "127.0.0.1:$self->{ports}{$name} inet n - n - - smtpd",
                map { "  -o { $_ = $own->{$_} }" } sort keys %$own;
        }
        $self->{port} = $self->{ports}{''};
        spew("$directory/etc/master.cf", join "\n", @listeners, @services, '');
        my $daemons = run_program('postconf', '-c', "$directory/etc", '-dh', 'daemon_directory')->{out} =~ s/\s+\z//r;
        $self->{process} = Exg::Process->start(
            command => ["$daemons/master", '-d', '-c', "$directory/etc"],
            log     => "$directory/output",
        );
        my $up = wait_until('Postfix is up or has failed', sub {
            return 'no' if !$self->{process}->is_running;
            return 'yes' if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
        });
        return $self if $up eq 'yes';
    }
    diag(last_lines($self->log), slurp("$directory/output"));
    die "Postfix does not start\n";
}

# Kills all of its processes at once.
sub kill_all
{
    my ($self) = @_;
    my $group = $self->{process}{pid};
    kill 'KILL', -$group;
    $self->{process}->wait_for_end;
    # a zombie holds nothing any more
    wait_until('Postfix is gone', sub { !grep { $_->{group} == $group && $_->{state} ne 'Z' } processes() });
}

# The processes of one of its programs, such as the lmtp client.
sub processes_of
{
    my ($self, $program) = @_;
    return map { $_->{pid} } grep { $_->{parent} == $self->{process}{pid} && $_->{name} eq $program } processes();
}

sub log
{
    my ($self) = @_;
    return -e "$self->{directory}/maillog" ? slurp("$self->{directory}/maillog") : '';
}

# An SMTP connection, to the listener of that name if one is given.
sub client
{
    my ($self, $name) = @_;
    my $smtp = Exg::Lmtp->new("inet:127.0.0.1:" . $self->{ports}{ $name // '' });
    $smtp->command('EHLO client.test');
    return $smtp;
}

# Hands one message in; dies if Postfix does not take it for all.
sub submit
{
    my ($self, %order) = @_;
    my $smtp = $order{client} // $self->client;
    my @replies = $smtp->deliver(%order, smtp => 1);
    for my $reply (@replies) {
        die "Postfix refused: $reply\n" . $smtp->dialogue if $reply !~ /^250/;
    }
    return $replies[0] =~ /queued as (\w+)/ ? $1 : die "no queue id in: $replies[0]\n";
}

# Queue files by where they wait: how many are in `deferred`, or in all queues. A file that is not executable is not complete: Postfix
# was killed while it wrote it, and takes it for nothing.
sub queued
{
    my ($self, @queues) = @_;
    return scalar $self->queue_files(@queues);
}

sub queue_files
{
    my ($self, @queues) = @_;
    @queues = qw(maildrop incoming active deferred hold corrupt) if !@queues;
    my @files;
    for my $queue (@queues) {
        my @directories = ("$self->{spool}/$queue");
        while (defined(my $directory = shift @directories)) {
            opendir my $handle, $directory or next;
            for my $path (map { "$directory/$_" } grep { !/^\./ } readdir $handle) {
                my $mode = (stat $path)[2] // next;
                if (S_ISDIR($mode)) {
                    push @directories, $path;
                } elsif ($mode & 0100) {
                    push @files, $path;
                }
            }
        }
    }
    return @files;
}

# Tries everything in the queue again.
sub flush
{
    my ($self) = @_;
    my $result = run_program('postqueue', '-c', "$self->{directory}/etc", '-f');
    die "postqueue: $result->{err}\n" if $result->{status} != 0;
}

sub stop
{
    my ($self) = @_;
    # master ends by the signal that it was stopped with
    is($self->{process}->stop, -15, 'Postfix ends well') or diag(last_lines($self->log));
    my @faults = grep { /\]: (fatal|panic|error): / } split /^/, $self->log;
    is(scalar @faults, 0, 'and had no fault of its own') or diag(@faults);
}

1;
