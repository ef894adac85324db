# Exg::Kdc - a Kerberos realm of its own, EXGATE.TEST, for one test: MIT's KDC on a free port of the loopback.
#   my $kdc = Exg::Kdc->start;
#   $kdc->add_service('HTTP/localhost', "$directory/http.keytab");
#   $kdc->add_user('svc', keytab => "$directory/svc.keytab");
#   local %ENV = (%ENV, $kdc->environment);
package Exg::Kdc;

use strict;
use warnings;
use Exg::Test;
use IO::Socket::INET;
use Test::More;

use constant REALM => 'EXGATE.TEST';

sub start
{
    my ($class) = @_;
    need_program($_) for qw(krb5kdc kdb5_util kadmin.local kinit);
    my $self = bless { directory => temporary_directory() }, $class;
    my $probe = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "socket: $@";
    $self->{port} = $probe->sockport;
    close $probe;
    $self->write_configuration;
    $self->run('kdb5_util', '-r', REALM, 'create', '-s', '-P', 'master');
    $self->launch;
    return $self;
}

sub write_configuration
{
    my ($self) = @_;
    my ($directory, $port, $realm) = ("$self->{directory}", $self->{port}, REALM);
    spew("$directory/krb5.conf", <<"END");
[libdefaults]
 default_realm = $realm
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
 kdc_timeout = 2
 max_retries = 1
[realms]
 $realm = {
  kdc = 127.0.0.1:$port
 }
[domain_realm]
 localhost = $realm
END
    spew("$directory/kdc.conf", <<"END");
[kdcdefaults]
 kdc_listen = 127.0.0.1:$port
 kdc_tcp_listen = 127.0.0.1:$port
[realms]
 $realm = {
  database_name = $directory/principal
  key_stash_file = $directory/stash
  acl_file = $directory/acl
  max_life = 1h
 }
[logging]
 kdc = FILE:$directory/kdc.log
END
    return;
}

# What programs need in order to know the realm, and to know no other.
sub environment
{
    my ($self) = @_;
    my $directory = "$self->{directory}";
    return (
        KRB5_CONFIG      => "$directory/krb5.conf",
        KRB5_KDC_PROFILE => "$directory/kdc.conf",
        KRB5CCNAME       => "FILE:$directory/cache",
        KRB5RCACHENAME   => 'none:',
    );
}

sub run
{
    my ($self, @command) = @_;
    local %ENV = (%ENV, $self->environment);
    $ENV{PATH} .= ':/usr/sbin:/sbin';
    my $result = run_program(@command);
    die "@command: $result->{err}\n" if $result->{status} != 0;
    return $result->{out};
}

sub admin
{
    my ($self, $query) = @_;
    return $self->run('kadmin.local', '-r', REALM, '-q', $query);
}

# A KDC may die of a port that somebody else was quicker to take: then the next one is tried.
sub launch
{
    my ($self) = @_;
    local %ENV = (%ENV, $self->environment);
    $ENV{PATH} .= ':/usr/sbin:/sbin';
    my $process = $self->{process} = Exg::Process->start(
        command => ['krb5kdc', '-n', '-r', REALM],
        log     => "$self->{directory}/output",
    );
    wait_until('the KDC listens', sub {
        die "the KDC ended: " . slurp("$self->{directory}/output") if !$process->is_running;
        return IO::Socket::INET->new(PeerAddr => "127.0.0.1:$self->{port}");
    });
    return;
}

sub add_service
{
    my ($self, $name, $keytab) = @_;
    $self->admin("addprinc -randkey $name");
    $self->admin("ktadd -k $keytab $name");
    chmod 0644, $keytab;
    return;
}

# Options: password, keytab => where to write the key, maxlife.
sub add_user
{
    my ($self, $name, %options) = @_;
    my $life = $options{maxlife} ? "-maxlife $options{maxlife}" : '';
    $self->admin("addprinc $life -pw " . ($options{password} // 'password') . " $name");
    $self->write_keytab($name, $options{keytab}) if $options{keytab};
    return;
}

sub write_keytab
{
    my ($self, $name, $keytab) = @_;
    $self->admin("ktadd -norandkey -k $keytab $name");
    chmod 0644, $keytab;
    return;
}

# In its place something that takes connections and says nothing. Returns it; it lasts as long as that.
sub black_hole
{
    my ($self) = @_;
    $self->stop;
    return IO::Socket::INET->new(LocalAddr => "127.0.0.1:$self->{port}", Listen => 128, ReuseAddr => 1) // die "listen: $@";
}

# The path of its log: a line for each request.
sub log { my ($self) = @_; return "$self->{directory}/kdc.log" }

sub stop
{
    my ($self) = @_;
    $self->{process}->stop;
    return;
}

1;
