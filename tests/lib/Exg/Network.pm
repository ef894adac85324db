# Exg::Network - a network of the test's own, with the ports below 1024, the files by which names are found, and a real name
# server.
#   Exg::Network::enter();                       # the test begins anew in there, or skips
#   my $dns = Exg::Network::start_dns('--host-record=a.test,127.0.0.1');
package Exg::Network;

use strict;
use warnings;
use Exg::Test;
use IO::Socket::INET;
use Test::More;

my $name_server = '127.0.0.53';
my $directory; # lives as long as the test
my $trusting;

sub enter
{
    my ($hosts) = @_;
    if (!$ENV{EXG_OWN_NETWORK}) {
        plan skip_all => 'no namespaces here' if run_program('unshare', '-Urnm', 'true')->{status} != 0;
        local $ENV{EXG_OWN_NETWORK} = 1;
        exec 'unshare', '-Urnm', $^X, $0 or die "unshare: $!";
    }
    $directory = temporary_directory();
    set_hosts($hosts // '');
    spew("$directory/resolv.conf", "nameserver $name_server\noptions timeout:1 attempts:2\n", 0644);
    spew("$directory/nsswitch.conf", "hosts: files dns\npasswd: files\ngroup: files\n", 0644);
    # glibc finds no address for those who ask with AI_ADDRCONFIG (GLib's programs) on a host that has but 127.0.0.1 and ::1
    for my $command (['ip', 'link', 'set', 'lo', 'up'],
        (map { ['ip', 'address', 'add', $_, 'dev', 'lo'] } '192.0.2.1/32', '2001:db8::1/128'),
        map { ['mount', '--bind', "$directory/$_", "/etc/$_"] } qw(hosts resolv.conf nsswitch.conf)) {
        my $done = run_program(@$command);
        plan skip_all => "@$command: $done->{err}" if $done->{status} != 0;
    }
}

# The text of /etc/hosts, beside localhost, from now on.
sub set_hosts
{
    my ($hosts) = @_;
    return spew("$directory/hosts", "127.0.0.1 localhost\n$hosts", 0644);
}

# The system's trust store holds this one CA from now on.
sub trust
{
    my ($ca_file) = @_;
    my $store = '/etc/ssl/certs';
    spew("$directory/certs/ca-certificates.crt", slurp($ca_file), 0644) if -d "$directory/certs" || mkdir "$directory/certs";
    return if $trusting++;
    my $done = run_program('mount', '--bind', "$directory/certs", $store);
    plan skip_all => "mount $store: $done->{err}" if $done->{status} != 0;
    return;
}

# A name server that knows the names of .test that the options give, and what it was asked.
sub start_dns
{
    my (@options) = @_;
    need_program('dnsmasq');
    local $ENV{PATH} = "$ENV{PATH}:/usr/sbin:/sbin";
    my $self = bless { log => spew("$directory/dns.log", '') }, __PACKAGE__;
    $self->{process} = Exg::Process->start(
        command => [
            'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--local=/test/', '--cache-size=0',
            '--bind-interfaces', "--listen-address=$name_server", '--log-queries', '--log-facility=-', @options,
        ],
        log => $self->{log},
    );
    wait_until('the name server answers', sub {
        die slurp($self->{log}) if !$self->{process}->is_running;
        return IO::Socket::INET->new(PeerAddr => $name_server, PeerPort => 53, Proto => 'tcp');
    });
    return $self;
}

# What it was asked since the last time: "A name", sorted, each once.
sub questions
{
    my ($self) = @_;
    my @lines = split /^/, slurp($self->{log});
    my %asked = map { /query\[(\S+)\] (\S+) / ? ("$1 $2" => 1) : () } @lines[($self->{seen} // 0) .. $#lines];
    $self->{seen} = @lines;
    return sort keys %asked;
}

sub stop { my ($self) = @_; return $self->{process}->stop }

# The address of a host that swallows what it gets.
sub black_hole
{
    my $done = run_program('ip', 'route', 'add', '10.9.9.0/24', 'dev', 'lo');
    die $done->{err} if $done->{status} != 0;
    return '10.9.9.9';
}

my $redirector = <<'END';
my ($address, $location) = @ARGV;
my $listener = IO::Socket::INET->new(LocalAddr => $address, LocalPort => 80, Listen => 16) or die "$address: $!";
$| = 1;
print "ready\n";
while (my $client = $listener->accept) {
    my $head = '';
    while ($head !~ /\r\n\r\n/ && sysread $client, $head, 4096, length $head) { }
    my ($path) = $head =~ /^\S+ (\S+)/;
    print $head;
    print {$client} "HTTP/1.1 302 Found\r\nLocation: $location$path\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    close $client;
}
END

# A web server without TLS that leads all who come to another, with the path they came with.
sub start_redirector
{
    my ($address, $location) = @_;
    my $log = spew("$directory/redirector-$address.log", '');
    my $process = Exg::Process->start(
        command => [$^X, '-MIO::Socket::INET', '-e', $redirector, $address, $location],
        log     => $log,
    );
    wait_until('the redirector listens', sub { slurp($log) =~ /^ready/ || !$process->is_running && die slurp($log) });
    return $process;
}

1;
