# Exg::MilterClient - the MTA's side of a milter connection, packet by packet.
#   my $milter = Exg::MilterClient->new('unix:/path');
#   $milter->mail('<a@b.test>', 'SIZE=1000');           # 'continue', 'accept', 'reject', '550 5.1.1 …' …
#   $milter->rcpt('<ann@example.com>');
#   my ($last, @changes) = $milter->eom;
package Exg::MilterClient;

use strict;
use warnings;
use IO::Select;
use IO::Socket::IP;
use IO::Socket::UNIX;

# What a Postfix offers.
use constant { ACTIONS => 0x1ff, STEPS => 0x1fffff };

my %replies = (
    a => 'accept', c => 'continue', d => 'discard', r => 'reject', t => 'tempfail', s => 'skip',
    p => 'progress', f => 'fail', q => 'quarantine',
);

# Options: actions and steps that are offered, version, silent => nothing is negotiated, seconds to wait for a reply.
sub new
{
    my ($class, $address, %options) = @_;
    my $socket = $address =~ /^unix:(.+)/
        ? IO::Socket::UNIX->new(Peer => $1)
        : IO::Socket::IP->new(PeerHost => $address =~ /^inet6?:\d+\@(.+)/, PeerPort => $address =~ /:(\d+)\@/);
    $socket or die "$address: $!\n";
    my $self = bless { socket => $socket, buffer => '', seconds => $options{seconds} // 60 }, $class;
    $self->negotiate(%options) if !$options{silent};
    return $self;
}

sub negotiate
{
    my ($self, %options) = @_;
    $self->packet('O', pack 'NNN', $options{version} // 6, $options{actions} // ACTIONS, $options{steps} // STEPS);
    my ($letter, $data) = $self->read_packet;
    $letter eq 'O' or die "no negotiation but $letter\n";
    (@{$self}{qw(version actions steps)}, my $lists) = unpack 'NNN a*', $data;
    $self->{lists}{ unpack "N", $1 } = $2 while $lists =~ s/^(....)([^\0]*)\0//s;
}

# A raw packet; and one cut off somewhere.
sub raw { my ($self, $bytes) = @_; syswrite($self->{socket}, $bytes) // die "write: $!\n" }
sub packet { my ($self, $letter, $data) = @_; $self->raw(pack 'N a a*', 1 + length($data // ''), $letter, $data // '') }

# The next packet's letter and what it carries; ('', '') if the milter has closed.
sub read_packet
{
    my ($self) = @_;
    my $deadline = time + $self->{seconds};
    for (;;) {
        my $length = length $self->{buffer} >= 4 ? unpack 'N', $self->{buffer} : undef;
        if (defined $length && length $self->{buffer} >= 4 + $length) {
            my $packet = substr $self->{buffer}, 4, $length;
            substr($self->{buffer}, 0, 4 + $length) = '';
            return unpack 'a a*', $packet;
        }
        my $left = $deadline - time;
        die "no reply in time\n" if $left <= 0 || !IO::Select->new($self->{socket})->can_read($left);
        my $count = sysread $self->{socket}, $self->{buffer}, 65536, length $self->{buffer};
        return ('', '') if !$count;
    }
}

# A reply as a word, or as the text of the SMTP reply; '' if the milter has closed.
sub reply
{
    my ($self) = @_;
    my ($letter, $data) = $self->read_packet;
    return '' if $letter eq '';
    return $data =~ s/\0\z//r =~ s/%%/%/gr if $letter eq 'y';
    return $replies{$letter} // "packet $letter";
}

sub ask { my ($self, $letter, $data) = @_; $self->packet($letter, $data); return $self->reply }

# Macros go before the command that they belong to.
sub macros
{
    my ($self, $letter, %macros) = @_;
    $self->packet('D', $letter . join '', map { "$_\0$macros{$_}\0" } sort keys %macros) if %macros;
}

sub connect
{
    my ($self, $name, $address) = @_;
    my $family = !defined $address ? 'U' : $address =~ /:/ ? '6' : '4';
    return $self->ask('C', "$name\0$family" . (defined $address ? pack('n', 25) . "$address\0" : ''));
}

# A last argument that is a hash has macros.
sub mail { my ($self, @words) = @_; $self->macros('M', %{ pop @words }) if ref $words[-1]; return $self->ask('M', join('', map { "$_\0" } @words)) }
sub rcpt { my ($self, @words) = @_; $self->macros('R', %{ pop @words }) if ref $words[-1]; return $self->ask('R', join('', map { "$_\0" } @words)) }
sub data   { my ($self) = @_; return $self->ask('T') }
sub header { my ($self, $name, $value) = @_; return $self->ask('L', "$name\0$value\0") }
sub eoh    { my ($self) = @_; return $self->ask('N') }
sub abort  { my ($self) = @_; $self->packet('A') }
sub quit   { my ($self) = @_; $self->packet('Q') }
# The connection stays, for another client.
sub quit_nc { my ($self) = @_; $self->packet('K') }
sub close  { my ($self) = @_; close $self->{socket} }

# The end of a message: its reply, and the changes before that, "insert 0 Name: value", "change 1 Name: value" …
sub eom
{
    my ($self) = @_;
    my @changes;
    $self->packet('E');
    for (;;) {
        my ($letter, $data) = $self->read_packet;
        if ($letter =~ /^[im]$/) {
            my ($index, $name, $value) = unpack 'N Z* Z*', $data;
            push @changes, ($letter eq 'i' ? 'insert' : 'change') . " $index $name: $value";
        } elsif ($letter eq 'h') {
            my ($name, $value) = unpack 'Z* Z*', $data;
            push @changes, "add $name: $value";
        } else {
            return ($letter eq 'y' ? $data =~ s/\0\z//r : $replies{$letter} // $letter, @changes);
        }
    }
}

# Whether the milter has closed, or closes soon.
sub is_closed
{
    my ($self) = @_;
    return ($self->read_packet)[0] eq '';
}

1;
