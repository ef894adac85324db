# Exg::Lmtp - an LMTP (or SMTP) client that keeps the dialogue.
#   my $lmtp = Exg::Lmtp->new('unix:/path');    # or inet:127.0.0.1:2424
#   $lmtp->deliver(from => …, to => […], message => …)    # replies, one per recipient
package Exg::Lmtp;

use strict;
use warnings;
use IO::Select;
use IO::Socket::IP;
use IO::Socket::UNIX;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

sub new
{
    my ($class, $address, %options) = @_;
    my $socket;
    if ($address =~ /^unix:(.+)/) {
        $socket = IO::Socket::UNIX->new(Peer => $1);
    } elsif ($address =~ /^inet:(.+):(\d+)$/) {
        $socket = IO::Socket::IP->new(PeerHost => $1, PeerPort => $2, $options{from} ? (LocalHost => $options{from}) : ());
        setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1 if $socket;
    }
    $socket or die "$address: $!\n";
    my $self = bless { socket => $socket, buffer => '', dialogue => [], seconds => $options{seconds} // 60 }, $class;
    $self->{greeting} = $self->reply if !$options{silent};
    return $self;
}

# Bytes as they are, without a log of them.
sub raw
{
    my ($self, $bytes) = @_;
    my $sent = 0;
    while ($sent < length $bytes) {
        my $count = syswrite $self->{socket}, $bytes, 65536, $sent;
        defined $count or die "write: $!\n";
        $sent += $count;
    }
}

sub send_line
{
    my ($self, $line) = @_;
    push @{ $self->{dialogue} }, "C: $line";
    $self->raw("$line\r\n");
}

# One whole reply: "250 2.1.0 text", a multi-line one joined by newlines. "" if the server has closed.
sub reply
{
    my ($self) = @_;
    my @lines;
    my $deadline = time + $self->{seconds};
    for (;;) {
        while ($self->{buffer} =~ s/^([^\n]*)\r\n//) {
            push @lines, $1;
            push @{ $self->{dialogue} }, "S: $1";
            return join "\n", @lines if $1 =~ /^\d\d\d(?: |$)/;
        }
        my $left = $deadline - time;
        die "no reply in time after: $self->{dialogue}[-1]\n" if $left <= 0 || !IO::Select->new($self->{socket})->can_read($left);
        my $count = sysread $self->{socket}, $self->{buffer}, 65536, length $self->{buffer};
        return '' if !$count;
    }
}

sub command
{
    my ($self, $line) = @_;
    $self->send_line($line);
    return $self->reply;
}

# Content as it goes over the wire: stuffed, with the final dot.
sub stuffed
{
    my ($message) = @_;
    $message =~ s/^\./../mg;
    $message .= "\r\n" if length $message && $message !~ /\r\n\z/;
    return "$message.\r\n";
}

# One transaction: from, to => [], message, mail => 'SMTPUTF8 …'. Returns a reply per recipient, be it of RCPT or of the end of data.
# If MAIL or DATA is refused, all have that reply. `smtp`: one reply after the dot goes for all.
sub deliver
{
    my ($self, %order) = @_;
    my @to = @{ $order{to} };
    my $mail = $self->command("MAIL FROM:<$order{from}>" . ($order{mail} ? " $order{mail}" : ''));
    return ($mail) x @to if $mail !~ /^2/;
    my @replies = map { $self->command("RCPT TO:<$_>") } @to;
    my @accepted = grep { $replies[$_] =~ /^2/ } 0 .. $#to;
    return @replies if !@accepted && $self->command('RSET');
    my $data = $self->command('DATA');
    if ($data !~ /^354/) {
        @replies[@accepted] = ($data) x @accepted;
        return @replies;
    }
    push @{ $self->{dialogue} }, 'C: (' . length($order{message}) . ' bytes)', 'C: .';
    $self->raw(stuffed($order{message}));
    if ($order{smtp}) {
        @replies[@accepted] = ($self->reply) x @accepted;
    } else {
        $replies[$_] = $self->reply for @accepted;
    }
    return @replies;
}

sub dialogue
{
    my ($self) = @_;
    return join '', map { "$_\n" } @{ $self->{dialogue} };
}

sub is_closed
{
    my ($self) = @_;
    return 0 if !IO::Select->new($self->{socket})->can_read(0);
    my $count = sysread $self->{socket}, my $bytes, 65536;
    return !$count;
}

sub quit
{
    my ($self) = @_;
    my $reply = $self->command('QUIT');
    close $self->{socket};
    return $reply;
}

1;
