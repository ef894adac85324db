# Exg::Milter - exgate-milter with a configuration of its own.
#   my $milter = Exg::Milter->start(sim => $sim, conf => { milter => { mailbox_full => 'reject' } });
#   $milter->socket                                     # for smtpd_milters = unix:…
#   $milter->client                                     # a connection that has negotiated
#   $milter->map('policy_listen')                       # of a map whose listener the configuration has
package Exg::Milter;

use strict;
use warnings;
use Exg::Lmtpd;
use Exg::MilterClient;
use Exg::Test;
use Test::More;

# Options: sim, conf, user => whom to run as, failpoints => what common/base/failpoint.h takes, limits => options of prlimit(1). Sockets are for everybody unless
# `conf` says otherwise; a map's "unix:NAME" lies in the directory of the test.
sub start
{
    my ($class, %options) = @_;
    my $self = bless { directory => temporary_directory(), %options }, $class;
    # where it makes its sockets; Sendmail wants nobody else to be able to
    chown((getpwnam $self->{user})[2], -1, "$self->{directory}") or die "$self->{directory}: $!" if $self->{user};
    $self->configure($options{conf});
    $self->launch;
    return $self;
}

sub configure
{
    my ($self, $conf) = @_;
    $self->{conf} = $conf;
    my %conf = map { $_ => { %{ $conf->{$_} } } } keys %{ $conf // {} };
    $conf{milter} = { listen => 'unix:' . $self->socket, socket_mode => '0666', %{ $conf{milter} // {} } };
    $conf{maps}   = { socket_mode => '0666', %{ $conf{maps} // {} } };
    s{\bunix:(?!/)}{unix:$self->{directory}/}g for values %{ $conf{maps} };
    Exg::Lmtpd::write_conf("$self->{directory}", $self->{sim}, \%conf);
}

# Starts it, or starts it anew after its process has ended.
sub launch
{
    my ($self) = @_;
    my $directory = "$self->{directory}";
    local $ENV{EXGATE_FAILPOINTS} = $self->{failpoints} // '';
    $self->{process} = Exg::Process->start(
        command => [
            (map { ('prlimit', @$_, '--') } grep { $_ } $self->{limits}),
            split(' ', $ENV{EXG_VALGRIND} // ''),
            program('exgate-milter'), '--config', "$directory/exgate.conf",
        ],
        log     => "$directory/log",
        notify  => '--notify-fd',
        user    => $self->{user},
    );
}

sub socket { my ($self) = @_; return "$self->{directory}/milter.sock" }
sub log    { my ($self) = @_; return slurp("$self->{directory}/log") }
sub pid    { my ($self) = @_; return $self->{process}{pid} }

sub client { my ($self, %options) = @_; return Exg::MilterClient->new('unix:' . $self->socket, %options) }

# What a line of the process's status says: Threads, VmRSS …
sub status
{
    my ($self, $name) = @_;
    return slurp('/proc/' . $self->pid . '/status') =~ /^$name:\s+(\d+)/m ? $1 : die "no $name in the status";
}

# Seconds of CPU used so far.
sub cpu_seconds
{
    my ($self) = @_;
    my @fields = split ' ', slurp('/proc/' . $self->pid . '/stat') =~ s/^.*\) //sr;
    return ($fields[11] + $fields[12]) / 100;
}

# Where a map listens, "inet:127.0.0.1:4711" or "unix:/…"; the log tells ports that the system chose.
sub map
{
    my ($self, $key) = @_;
    my ($address) = $self->log =~ /listening on (\S+) as $key says/ or die "no $key in the log\n";
    return $address;
}

sub wait_for_log
{
    my ($self, $expression, $seconds) = @_;
    return wait_until("the log says $expression", sub { $self->log =~ $expression ? $1 // 1 : 0 }, $seconds);
}

# Reloads, and waits until that is logged.
sub reload
{
    my ($self, $signal) = @_;
    my $before = () = $self->log =~ /reloaded/g;
    $self->{process}->signal($signal // 'USR1');
    wait_until('the configuration is reloaded', sub { $before < (() = $self->log =~ /reloaded/g) });
}

sub stop
{
    my ($self) = @_;
    is($self->{process}->stop, 0, 'exgate-milter ends well') or diag(last_lines($self->log));
}

1;
