# Exg::Sim - the simulated Exchange, for one test.
#   my $sim = Exg::Sim->start(mailboxes => ['ann@example.test'], account => 'svc:secret');
#   $sim->control('on CreateItem do code ErrorServerBusy');
package Exg::Sim;

use strict;
use warnings;
use Exg::Test;
use IO::Socket::INET;
use Test::More;

# Options: mailboxes => [addresses], account => 'USER:PASSWORD', options => [more of the program's], failpoints => what
# common/base/failpoint.h takes.
sub start
{
    my ($class, %options) = @_;
    my $self = bless { directory => temporary_directory(), account => 'EXAMPLE\svc:pass word', %options }, $class;
    $self->launch;
    return $self;
}

# Starts it, or starts it anew after its process has ended, with the mailboxes as they were.
sub launch
{
    my ($self) = @_;
    my $directory = "$self->{directory}";
    spew("$directory/entries", join '', map { "$_\n" } @{ $self->{mailboxes} });
    # Bound but not listening, it keeps the port for the program's next life: otherwise a connection of anybody's could be given the
    # port as its own while the program is down, even one that looks for the program there.
    $self->{reserved} //= IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp', ReuseAddr => 1) // die "socket: $!";
    my $port = $self->{reserved}->sockport;
    local $ENV{EXGATE_FAILPOINTS} = $self->{failpoints} // '';
    $self->{process} = Exg::Process->start(
        command => [
            program('exchange-sim'), '--state', $directory, '--account', $self->{account}, '--mailboxes', "$directory/entries",
            '--listen', "127.0.0.1:$port", @{ $self->{options} // [] },
        ],
        log    => "$directory/output",
        notify => '--notify-fd',
    );
}


sub url       { my ($self) = @_; return slurp("$self->{directory}/url") =~ s/\s+\z//r }
sub ca_file   { my ($self) = @_; return "$self->{directory}/ca.pem" }
sub user      { my ($self) = @_; return $self->{account} =~ s/:.*//sr }
sub password  { my ($self) = @_; return $self->{account} =~ s/^[^:]*://sr }
sub refusals  { my ($self) = @_; return -e "$self->{directory}/refusals" ? slurp("$self->{directory}/refusals") : '' }
sub directory { my ($self) = @_; return "$self->{directory}" }

sub control
{
    my ($self, @words) = @_;
    my $result = run_program(program('exchange-sim'), 'control', "$self->{directory}", @words);
    die "exchange-sim control @words: $result->{err}\n" if $result->{status} != 0;
    return $result->{out};
}

# What lies in a mailbox's inbox, in the order of arrival.
sub messages
{
    my ($self, $address) = @_;
    return map { slurp($_) } grep { /\.eml$/ } files_in("$self->{directory}/mailboxes/$address/inbox");
}

sub count
{
    my ($self, $address) = @_;
    return scalar grep { /\.eml$/ } files_in("$self->{directory}/mailboxes/$address/inbox");
}

# How many requests there were: of this operation, and concerning this mailbox if one is named.
sub requests
{
    my ($self, $operation, $mailbox) = @_;
    my $of = defined $mailbox ? qr/ mailbox=\Q$mailbox\E / : qr//;
    return scalar grep { / operation=$operation / && /$of/ } split /\n/, slurp("$self->{directory}/log");
}

# That all it has answered so far, kept with the option --keep-requests, is as the published schema wants it.
sub check_answers
{
    my ($self) = @_;
    my $schema = ($ENV{EXG_SCHEMA} // '') . '/oracle/ews.xsd';
  SKIP: {
        skip 'the schema collection is not here', 1 if !-r $schema;
        # of three operations that schema knows nothing
        my @answers = grep { /\.answer\.xml\z/ && slurp($_) !~ /<m:Get(?:MailTips|UserOofSettings|UserAvailability)Response\b/ }
            files_in("$self->{directory}/requests");
        my $lint = run_program('xmllint', '--nonet', '--noout', '--schema', $schema, @answers);
        my @wrong = grep { !/ validates$/ } split /\n/, $lint->{err};
        ok(@answers > 0 && $lint->{status} == 0, @answers . ' answers are as the schema wants them') or diag(join "\n", @wrong);
    }
}

sub stop
{
    my ($self) = @_;
    is($self->refusals, '', 'the simulated Exchange had no request to refuse');
    is($self->{process}->stop, 0, 'the simulated Exchange ends well');
}

1;
