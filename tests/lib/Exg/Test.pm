# Exg::Test - what every system test needs: a directory, files, waiting, programs that do not outlive the test.
package Exg::Test;

use strict;
use warnings;
use Exporter qw(import);
use File::Temp ();
use IO::Select;
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(program temporary_directory slurp spew last_lines files_in wait_until run_program processes need_root need_program);

# A timeout or an interrupt ends a test through its END blocks, so that what it started is stopped.
$SIG{$_} = sub { exit 1 } for qw(TERM INT HUP);
$SIG{PIPE} = 'IGNORE';
umask 022;

# The path of one of our programs, as built for tests.
sub program
{
    my ($name) = @_;
    my $path = ($ENV{EXG_BUILD} // 'build/check') . "/$name";
    -x $path or plan(skip_all => "$path is not built");
    return $path;
}

# Removed at the end. Other users (Postfix's) can look into it.
sub temporary_directory
{
    my $directory = File::Temp->newdir('exgate-XXXXXX', TMPDIR => 1);
    chmod 0755, "$directory" or die "$directory: $!";
    return $directory;
}

sub slurp
{
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!";
    local $/;
    return scalar(<$file>) // '';
}

sub spew
{
    my ($path, $content, $mode) = @_;
    open my $file, '>:raw', $path or die "$path: $!";
    print $file $content;
    close $file or die "$path: $!";
    chmod $mode, $path or die "$path: $!" if defined $mode;
    return $path;
}

# The end of a log, for a person.
sub last_lines
{
    my ($text) = @_;
    my @lines = split /^/, $text;
    return join '', @lines > 30 ? @lines[-30 .. -1] : @lines;
}

# Paths of a directory's files, sorted; none if it is not there.
sub files_in
{
    my ($directory) = @_;
    opendir my $handle, $directory or return;
    my @names = sort grep { -f "$directory/$_" } readdir $handle;
    return map { "$directory/$_" } @names;
}

# Waits until the condition is true and returns its value. Past the deadline the test dies with `what`.
sub wait_until
{
    my ($what, $condition, $seconds) = @_;
    my $deadline = time + ($seconds // 60);
    for (;;) {
        my $value = $condition->();
        return $value if $value;
        die "gave up waiting until $what\n" if time > $deadline;
        sleep 0.01;
    }
}

# Runs a command to its end: { status, out, err }. A number instead of a status names the signal, as -N.
sub run_program
{
    my (@command) = @_;
    my ($out, $err) = map { File::Temp->new } 1 .. 2;
    defined(my $process = fork) or die "fork: $!";
    if ($process == 0) {
        open STDIN,  '<', '/dev/null' or die;
        open STDOUT, '>&', $out       or die;
        open STDERR, '>&', $err       or die;
        exec @command or POSIX::_exit(127);
    }
    waitpid $process, 0;
    my $status = $? & 127 ? -($? & 127) : $? >> 8;
    return { status => $status, out => slurp("$out"), err => slurp("$err") };
}

# What runs on this machine: { pid, name, state, parent, group } each.
sub processes
{
    my @found;
    for my $path (glob '/proc/[0-9]*/stat') {
        my $line = eval { slurp($path) } // next;
        push @found, { pid => $1, name => $2, state => $3, parent => $4, group => $5 }
            if $line =~ /^(\d+) \((.*)\) (\S) (\d+) (\d+) /s;
    }
    return @found;
}

sub need_root
{
    plan(skip_all => 'only root can do this') if $> != 0;
}

sub need_program
{
    my ($name) = @_;
    plan(skip_all => "$name is not here") if !grep { -x "$_/$name" } split(/:/, $ENV{PATH}), '/usr/sbin', '/sbin';
}

package Exg::Process;

# A program in the background. It dies with the test, whatever happens to the test.
#   Exg::Process->start(command => [...], log => PATH, notify => '--notify-fd', ready_seconds => N, user => NAME,
#                       in_child => sub {…})
# With `notify` the program gets that option and a descriptor, and start() returns when it has written a line to it.
use Fcntl qw(F_DUPFD);
use POSIX qw(WNOHANG);
use Test::More;

my %alive;
my $test = $$;

sub start
{
    my ($class, %arguments) = @_;
    my @user = $arguments{user} ? ('--reuid', $arguments{user}, '--clear-groups') : ();
    my @command = ('setpriv', @user, '--pdeathsig', 'KILL', '--', @{ $arguments{command} });
    pipe(my $ready, my $notify) or die "pipe: $!";
    # out of the way of descriptors that have to have a certain number
    my $passed = fcntl $notify, F_DUPFD, 100 or die "fcntl: $!";
    push @command, $arguments{notify}, $passed if $arguments{notify};
    defined(my $process = fork) or die "fork: $!";
    if ($process == 0) {
        open STDIN,  '<',  '/dev/null'     or die;
        open STDOUT, '>>', $arguments{log} or die "$arguments{log}: $!";
        open STDERR, '>&', \*STDOUT        or die;
        POSIX::setsid(); # a group of its own, which can be killed as a whole
        $arguments{in_child}->() if $arguments{in_child};
        exec @command or POSIX::_exit(127);
    }
    close $notify;
    POSIX::close($passed);
    my $self = bless { pid => $process, name => $arguments{command}[0] =~ s{.*/}{}r, log => $arguments{log} }, $class;
    $alive{$process} = $self;
    $self->await_ready($ready, $arguments{ready_seconds} // 120) if $arguments{notify};
    return $self;
}

sub await_ready
{
    my ($self, $ready, $seconds) = @_;
    my $line = '';
    if (IO::Select->new($ready)->can_read($seconds)) {
        sysread $ready, $line, 1;
    }
    return if $line eq "\n";
    diag(Exg::Test::slurp($self->{log}));
    # its end closes the descriptor too
    my $ended = eval { $self->wait_for_end(1); 1 };
    die "$self->{name} ", $ended ? "ended with $self->{status} before it was ready\n" : "was not ready after $seconds s\n";
}

sub signal
{
    my ($self, $name) = @_;
    kill $name, $self->{pid};
}

sub is_running
{
    my ($self) = @_;
    $self->reap(WNOHANG) if !defined $self->{status};
    return !defined $self->{status};
}

sub reap
{
    my ($self, $flags) = @_;
    return if waitpid($self->{pid}, $flags) != $self->{pid};
    $self->{status} = $? & 127 ? -($? & 127) : $? >> 8;
    delete $alive{ $self->{pid} };
}

# Waits for the end; returns the exit status, or -N for a signal.
sub wait_for_end
{
    my ($self, $seconds) = @_;
    Exg::Test::wait_until("$self->{name} ends", sub { !$self->is_running }, $seconds);
    return $self->{status};
}

sub stop
{
    my ($self, $signal) = @_;
    $self->signal($signal // 'TERM');
    return $self->wait_for_end(20);
}

END {
    if ($$ == $test) {
        my $status = $?;
        for my $process (values %alive) {
            kill 'KILL', -$process->{pid};
            waitpid $process->{pid}, 0;
        }
        $? = $status;
    }
}

1;
