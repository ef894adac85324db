# Exg::Discovery - what a client that others have written and exgate discover side by side: one simulated Exchange, in a network with
# real names and the ports 443 and 80.
#   my $world = Exg::Discovery->enter;    # the test begins anew in there, or skips
#   my $run   = $world->exgate('ann@host.test');
#   $world->stop;
package Exg::Discovery;

use strict;
use warnings;
use Exg::Lmtpd;
use Exg::Network;
use Exg::Sim;
use Exg::Test;

my $server = '127.0.0.1'; # where the simulated Exchange is
my $nobody = '127.0.0.9'; # where nobody listens
my $web    = '127.0.0.3'; # a web server that only redirects
my @dns    = (
    "--host-record=host.test,$nobody", "--host-record=autodiscover.host.test,$server",
    "--host-record=domain.test,$server",
    '--cname=autodiscover.alias.test,front.hoster.test', "--host-record=front.hoster.test,$server",
    '--srv-host=_autodiscover._tcp.srv.test,mail.srv.test,443,5,0', "--host-record=mail.srv.test,$server",
    "--host-record=autodiscover.plain.test,$web", "--host-record=mail.plain.test,$server",
    '--host-record=autodiscover.six.test,::1',
    '--srv-host=_autodiscover._tcp.two.test,dead.two.test,443,0,0', '--srv-host=_autodiscover._tcp.two.test,mail.two.test,443,10,0',
    "--host-record=dead.two.test,$nobody", "--host-record=mail.two.test,$server",
);
my @domains = map { "$_.test" } qw(host domain alias srv plain six two file);
my @names   = qw(domain.test autodiscover.alias.test autodiscover.host.test mail.srv.test mail.plain.test autodiscover.six.test
    mail.two.test autodiscover.file.test);

# The places where an Exchange may be found: domain, host of the endpoint, name of exgate's step, options for exgate. Beside these there
# are file.test in the hosts file, two.test whose first SRV record is dead, and six.test (serve_ipv6()).
sub places
{
    return (
        ['host.test',   'autodiscover.host.test',  'host'],
        ['domain.test', 'domain.test',             'domain', '--approve', 'domain.test'],
        ['alias.test',  'autodiscover.alias.test', 'host'],
        ['srv.test',    'mail.srv.test',           'srv'],
        ['plain.test',  'mail.plain.test',         'redirect'],
    );
}

sub endpoint { my ($host) = @_; return "https://$host/EWS/Exchange.asmx" }

sub enter
{
    my ($class) = @_;
    need_program('dnsmasq');
    Exg::Network::enter("127.0.0.1 autodiscover.file.test\n");
    my $self = bless { work => temporary_directory(), dns => Exg::Network::start_dns(@dns) }, $class;
    $self->{redirector} = Exg::Network::start_redirector($web, 'https://mail.plain.test');
    $self->serve("$server:443");
    return $self;
}

sub serve
{
    my ($self, $listen) = @_;
    $self->{sim} = Exg::Sim->start(
        mailboxes => [map { "ann\@$_" } @domains],
        account   => 'svc@host.test:secret',
        options   => ['--listen', $listen, map { ('--name', $_) } @names],
    );
    $self->{conf} = Exg::Lmtpd::write_conf("$self->{work}", $self->{sim},
        { exchange => { endpoint => 'auto', discovery_cache => "$self->{work}/discovery.db" } });
    return;
}

# From now on there is only the host of six.test, which has no IPv4 address.
sub serve_ipv6
{
    my ($self) = @_;
    $self->{sim}->stop;
    return $self->serve('[::1]:443');
}

sub sim { my ($self) = @_; return $self->{sim} }
sub dns { my ($self) = @_; return $self->{dns} }

# exgate's result, with what it found, "ENDPOINT ADDRESS", and the step that found it.
sub exgate
{
    my ($self, $address, @more) = @_;
    my $run = run_program(program('exgate'), 'discover', '--config', $self->{conf}, @more, $address);
    my ($endpoint) = $run->{out} =~ /^endpoint +(\S+)/m;
    my ($primary)  = $run->{out} =~ /^address +(\S+)/m;
    my ($step)     = $run->{out} =~ /\(step "(\w+)"/;
    return { %$run, found => join(q{ }, grep { defined } $endpoint, $primary), step => $step };
}

# How many came to the web server without TLS.
sub redirected { my ($self) = @_; return scalar(() = slurp($self->{redirector}{log}) =~ m{^\S+ \S+ HTTP/}mg) }

# How many requests for discovery came with the account's password.
sub credentials
{
    my ($self) = @_;
    my $user = $self->{sim}->user;
    return scalar grep { / account=\Q$user\E operation=Autodiscover / } split /\n/, slurp($self->{sim}->directory . '/log');
}

sub stop
{
    my ($self) = @_;
    $self->{sim}->stop;
    $self->{redirector}->stop('KILL');
    $self->{dns}->stop;
    return;
}

1;
