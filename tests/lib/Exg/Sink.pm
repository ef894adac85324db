# Exg::Sink - an LMTP server that takes everything and keeps it: what an MTA hands over, byte for byte.
#   my $sink = Exg::Sink->start(socket => $listening_socket);
#   $sink->messages    # ({ from => …, to => […], content => … }, …)
package Exg::Sink;

use strict;
use warnings;
use Exg::Test;
use Time::HiRes qw(time);

# The extensions are those of exgate-lmtpd: Postfix encodes according to what is offered.
my $extensions = join '', map { "250-$_\r\n" } qw(PIPELINING 8BITMIME SMTPUTF8 ENHANCEDSTATUSCODES), 'SIZE 50328576';

sub start
{
    my ($class, %options) = @_;
    my $directory = temporary_directory();
    my $self = bless { directory => $directory, socket => $options{socket} }, $class;
    my $test = $$;
    defined($self->{pid} = fork) or die "fork: $!";
    if ($self->{pid} == 0) {
        $SIG{$_} = 'DEFAULT' for qw(TERM INT HUP);
        $SIG{CHLD} = 'IGNORE';
        while (getppid == $test) {
            my $connection = accept_one($options{socket}) // next;
            my $child = fork // die "fork: $!";
            eval { serve($connection, "$directory") } if $child == 0;
            POSIX::_exit(0) if $child == 0;
        }
        POSIX::_exit(0);
    }
    return $self;
}

# Looks up now and then, to notice that the test is gone.
sub accept_one
{
    my ($socket) = @_;
    return if !IO::Select->new($socket)->can_read(1);
    return $socket->accept;
}

sub serve
{
    my ($connection, $directory) = @_;
    binmode $connection;
    local $/ = "\r\n";
    my $serial = 0;
    my (%envelope, @to);
    my $say = sub { syswrite $connection, join('', map { "$_\r\n" } @_) };
    $say->('220 sink.test LMTP');
    while (defined(my $line = <$connection>)) {
        chomp $line;
        if ($line =~ /^LHLO/i) {
            $say->("250-sink.test\r\n${extensions}250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE");
        } elsif ($line =~ /^MAIL FROM:<(.*?)>(.*)/i) {
            %envelope = (from => $1, parameters => $2);
            @to = ();
            $say->('250 2.1.0 ok');
        } elsif ($line =~ /^RCPT TO:<(.*?)>/i) {
            push @to, $1;
            $say->('250 2.1.5 ok');
        } elsif ($line =~ /^DATA/i) {
            $say->('354 go on');
            my ($content, $whole) = ('', 0);
            while (!$whole && defined(my $piece = <$connection>)) {
                $whole = $piece eq ".\r\n";
                $content .= $piece =~ s/^\.//r if !$whole;
            }
            return if !$whole;    # the client died in the middle
            # in the order of arrival; a process number comes again in a long test
            my $name = "$directory/" . sprintf '%.6f-%d-%04d', time, $$, $serial++;
            # complete under its final name, or not there
            spew("$name.part", join("\n", $envelope{from}, "@to", $envelope{parameters}) . "\n\n" . $content);
            rename "$name.part", "$name.eml" or die "$name: $!";
            $say->(map { "250 2.0.0 <$_> kept" } @to);
        } elsif ($line =~ /^QUIT/i) {
            $say->('221 2.0.0 bye');
            return;
        } else {
            $say->('250 2.0.0 ok');
        }
    }
}

sub messages
{
    my ($self) = @_;
    return map {
        my ($from, $to, $parameters, $content) = slurp($_) =~ /\A(.*?)\n(.*?)\n(.*?)\n\n(.*)\z/s or die "$_ is odd";
        { from => $from, to => [split ' ', $to], parameters => $parameters, content => $content };
    } grep { /\.eml$/ } files_in("$self->{directory}");
}

sub count
{
    my ($self) = @_;
    return scalar grep { /\.eml$/ } files_in("$self->{directory}");
}

sub stop
{
    my ($self) = @_;
    kill 'TERM', $self->{pid};
    waitpid $self->{pid}, 0;
}

1;
