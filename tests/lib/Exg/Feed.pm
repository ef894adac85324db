# Exg::Feed - many LMTP sessions that send their messages in lock step: none begins a piece before all have sent the one before, and
# none ends its message before all have sent all of theirs. So all messages are really in hand at the same time.
#   my $feed = Exg::Feed->new(address => 'unix:/path', sessions => 100, recipients => ['a@example.test'], watch => sub { … });
#   my $accepted = $feed->deliver(25 * 1024 * 1024);    # so many replies of 250 after the final dots
# `watch` is called every few milliseconds, and whenever all have sent a piece.
package Exg::Feed;

use strict;
use warnings;
use Errno qw(EAGAIN EINTR);
use IO::Select;
use IO::Socket::IP;
use IO::Socket::UNIX;
use Time::HiRes qw(time);

use constant { PIECE_BYTES => 64 * 1024, WATCH_SECONDS => 0.01 };

sub connect_to
{
    my ($address) = @_;
    my $socket = $address =~ /^unix:(.+)/ ? IO::Socket::UNIX->new(Peer => $1)
        : $address =~ /^inet:(.+):(\d+)$/ ? IO::Socket::IP->new(PeerHost => $1, PeerPort => $2)
        :                                   undef;
    $socket or die "$address: $!\n";
    $socket->blocking(0);
    return $socket;
}

# Options: address, sessions, recipients => [addresses], watch, seconds => how long nothing may happen.
sub new
{
    my ($class, %options) = @_;
    my $self = bless { watch => sub { }, seconds => 60, watched => 0, runs => 0, %options }, $class;
    $self->{all} = [map { { number => $_, socket => connect_to($self->{address}), in => '', out => '' } } 1 .. $self->{sessions}];
    $self->{by_descriptor} = { map { fileno $_->{socket} => $_ } @{ $self->{all} } };
    $self->expect('220');
    $self->command('LHLO client.test', '250');
    return $self;
}

sub watch
{
    my ($self) = @_;
    $self->{watch}->();
    $self->{watched} = time;
}

# Calls `work` with each session that is ready, until it has answered true for all.
sub each_ready
{
    my ($self, $method, $work) = @_;
    my $waiting = IO::Select->new(map { $_->{socket} } @{ $self->{all} });
    my $progress = time;
    while ($waiting->count) {
        my @ready = $waiting->$method(WATCH_SECONDS);
        $progress = time if @ready;
        die "the server stands still\n" if time - $progress > $self->{seconds};
        for my $socket (@ready) {
            $waiting->remove($socket) if $work->($self->{by_descriptor}{ fileno $socket });
        }
        $self->watch if time - $self->{watched} > WATCH_SECONDS;
    }
}

# Sends to each session what `text` makes for it.
sub send_all
{
    my ($self, $text) = @_;
    $_->{out} = $text->($_) for @{ $self->{all} };
    $self->each_ready('can_write', sub {
        my ($session) = @_;
        my $count = syswrite $session->{socket}, $session->{out};
        die "session $session->{number}: $!\n" if !defined $count && $! != EAGAIN && $! != EINTR;
        substr $session->{out}, 0, $count // 0, '';
        return $session->{out} eq '';
    });
    $self->watch;
}

# Reads as many replies as there are codes from each session; returns how many were as expected, and dies if `strict` of one that
# is not.
sub read_all
{
    my ($self, $strict, @codes) = @_;
    my $good = 0;
    $_->{expected} = [@codes] for @{ $self->{all} };
    $self->each_ready('can_read', sub {
        my ($session) = @_;
        my $count = sysread $session->{socket}, $session->{in}, 65536, length $session->{in};
        return 0 if !defined $count && ($! == EAGAIN || $! == EINTR);
        die "session $session->{number} is closed\n" if !$count;
        while ($session->{in} =~ s/^(\d{3})([- ])([^\n]*)\n//) {
            next if $2 eq '-';
            my $code = shift @{ $session->{expected} } // 'nothing';
            $good++ if $1 eq $code;
            die "session $session->{number}: $1 $3\n" if $strict && $1 ne $code;
        }
        return @{ $session->{expected} } == 0;
    });
    return $good;
}

sub expect { my ($self, @codes) = @_; return $self->read_all(1, @codes) }

sub command
{
    my ($self, $line, @codes) = @_;
    $self->send_all(sub { "$line\r\n" });
    return $self->expect(@codes);
}

# Every session sends a message of that length; returns how many recipients were answered 250.
sub deliver
{
    my ($self, $bytes) = @_;
    my @recipients = @{ $self->{recipients} };
    my $run        = ++$self->{runs};
    $self->command(join("\r\n", 'MAIL FROM:<a@sender.test>', (map { "RCPT TO:<$_>" } @recipients), 'DATA'), '250', ('250') x @recipients, '354');
    # No two messages are alike, as those would be one message that is sent twice.
    $self->send_all(sub { "Message-ID: <$run.$_[0]{number}.$bytes\@sender.test>\r\n\r\n" });
    my $line = 'The quick brown fox jumps over the lazy dog, and so on.' . ' ' x 7 . "\r\n"; # 64 bytes
    my $piece = $line x (PIECE_BYTES / length $line);
    for (my $left = $bytes; $left > 0; $left -= length $piece) {
        $self->send_all(sub { $left < length $piece ? substr($piece, 0, $left) : $piece });
    }
    $self->send_all(sub { "\r\n.\r\n" });
    return $self->read_all(0, ('250') x @recipients);
}

sub quit
{
    my ($self) = @_;
    $self->command('QUIT', '221');
    close $_->{socket} for @{ $self->{all} };
}

1;
