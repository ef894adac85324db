# Exg::Lmtpd - exgate-lmtpd with a configuration of its own.
#   my $lmtpd = Exg::Lmtpd->start(sim => $sim, conf => { delivery => { timeout => '2s' } });
#   my $lmtp  = $lmtpd->client;
package Exg::Lmtpd;

use strict;
use warnings;
use Exg::Lmtp;
use Exg::Test;
use Test::More;

# Writes a configuration for the simulated Exchange, with `conf` over it; undef there removes a key. Returns its path.
sub write_conf
{
    my ($directory, $sim, $conf) = @_;
    spew("$directory/password", $sim->password . "\n", 0644);
    for my $name (qw(spool journal)) {
        mkdir "$directory/$name";
        chmod 0777, "$directory/$name";
    }
    my %all = (
        exchange => {
            endpoint      => $sim->url,
            username      => $sim->user,
            password_file => "$directory/password",
            ca_file       => $sim->ca_file,
            throttle_file => "$directory/journal/throttle.db",
        },
        lmtp     => { listen => "unix:$directory/lmtp.sock", spool_directory => "$directory/spool", hostname => 'mx.test' },
        delivery => { journal => "$directory/journal/journal.db" },
        directory => { cache => "$directory/journal/directory.db" },
        log      => { level => 'debug' },
    );
    for my $group (keys %{ $conf // {} }) {
        $all{$group}{$_} = $conf->{$group}{$_} for keys %{ $conf->{$group} };
    }
    my $text = '';
    for my $group (sort keys %all) {
        $text .= "[$group]\n";
        $text .= defined $all{$group}{$_} ? "$_ = $all{$group}{$_}\n" : '' for sort keys %{ $all{$group} };
    }
    return spew("$directory/exgate.conf", $text, 0644);
}

# Takes a stored message apart: what exgate put in front, and the rest.
sub split_stored
{
    my ($stored) = @_;
    my %part;
    @part{qw(return_path delivered_to received message_id content)} = $stored =~ m{
        \A Return-Path:\ <([^\r\n]*)>\r\n
        Delivered-To:\ ([^\r\n]+)\r\n
        Received:\ ((?:[^\r\n]|\r\n[\ \t])+)\r\n
        (?: (Message-ID:\ <[0-9a-f]{32}\@[^\r\n]+>)\r\n )?
        (.*) \z }xs;
    return \%part;
}

# A message as exgate passes it on: without the Return-Path fields of its header.
sub without_return_path
{
    my ($message) = @_;
    my ($header, $body) = $message =~ /\A(.*?\r\n)(\r\n.*)?\z/s;
    return $message if !defined $header || $message =~ /\A\r\n/;
    $header =~ s/^Return-Path[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*//gim;
    return $header . ($body // '');
}

sub has_message_id
{
    my ($message) = @_;
    my ($header) = $message =~ /\A(.*?)(?:^\r\n|\z)/ms;
    return $header =~ /^Message-ID[ \t]*:/mi;
}

# Options: sim, conf, activate => a listening socket passed as systemd does, user => whom to run as, failpoints => what
# common/base/failpoint.h takes.
sub start
{
    my ($class, %options) = @_;
    my $self = bless { directory => temporary_directory(), %options }, $class;
    $self->configure($options{conf});
    $self->launch;
    return $self;
}

# Starts it, or starts it anew after its process has ended.
sub launch
{
    my ($self) = @_;
    my $directory = "$self->{directory}";
    my @command = (split(' ', $ENV{EXG_VALGRIND} // ''), program('exgate-lmtpd'), '--config', "$directory/exgate.conf");
    my $in_child;
    local $ENV{EXGATE_FAILPOINTS} = $self->{failpoints} // '';
    if (my $socket = $self->{activate}) {
        # the number of the process that systemd names is known to the shell that becomes the program
        @command = ('/bin/sh', '-c', 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', 'sh', @command);
        $in_child = sub {
            # via another number, since only a real duplicate stays open in the program
            my $duplicate = POSIX::dup(fileno $socket);
            POSIX::dup2($duplicate, 3) // die "dup2: $!";
            POSIX::close($duplicate);
        };
    }
    $self->{process} = Exg::Process->start(
        command  => \@command,
        log      => "$directory/log",
        notify   => '--notify-fd',
        in_child => $in_child,
        user     => $self->{user},
    );
}

sub configure
{
    my ($self, $conf) = @_;
    $self->{conf} = $conf;
    write_conf("$self->{directory}", $self->{sim}, $conf);
}

sub address { my ($self) = @_; return "unix:$self->{directory}/lmtp.sock" }
sub log     { my ($self) = @_; return slurp("$self->{directory}/log") }
sub pid     { my ($self) = @_; return $self->{process}{pid} }

# A connection that has said LHLO.
sub client
{
    my ($self, %options) = @_;
    my $lmtp = Exg::Lmtp->new($self->address, %options);
    $lmtp->command('LHLO client.test');
    return $lmtp;
}

# Waits for a line of the log; returns what the expression captured.
sub wait_for_log
{
    my ($self, $expression, $seconds) = @_;
    return wait_until("the log says $expression", sub { $self->log =~ $expression ? $1 // 1 : 0 }, $seconds);
}

# Reloads, and waits until that is logged.
sub reload
{
    my ($self) = @_;
    my $before = () = $self->log =~ /reloaded/g;
    $self->{process}->signal('HUP');
    wait_until('the configuration is reloaded', sub { $before < (() = $self->log =~ /reloaded/g) });
}

# Stops it, or with `signalled` waits for the end of one that has been told to stop.
sub stop
{
    my ($self, %options) = @_;
    $self->{process}->signal('TERM') if !$options{signalled};
    my $status = $self->{process}->wait_for_end;
    is($status, 0, 'exgate-lmtpd ends well') or diag(last_lines($self->log));
    my @left = files_in("$self->{directory}/spool");
    is(scalar @left, 0, 'and leaves nothing in its spool') or diag("@left");
}

1;
