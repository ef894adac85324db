# Exg::Apache - an Apache of its own for one test, which authenticates and passes on what it lets through to the simulated Exchange.
#   my $apache = Exg::Apache->start(sim => $sim, keytab => "$keys/http.keytab");
#   $apache->add_user('svc', 'password');
#   my $url = $apache->url('digest');    # of basic, digest, kerberos, ntlm, and relay, which asks nobody; or certificate_url
package Exg::Apache;

use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use Exg::Test;
use IO::Socket::INET;
use Test::More;

use constant MODULES => qw(mpm_event authn_core authz_core authz_user authn_file auth_basic auth_digest setenvif ssl proxy proxy_http
  headers);
use constant REALM => 'exgate test';

# What is missing for it on this host, or nothing.
sub missing
{
    return 'apache2 is not installed' if !grep { -x } qw(/usr/sbin/apache2 /usr/sbin/httpd);
    return 'openssl is not installed' if !grep { -x "$_/openssl" } split /:/, $ENV{PATH};
    return 'mod_proxy is not installed' if !-e directory_of_modules() . '/mod_proxy_http.so';
    return;
}

sub directory_of_modules { return (grep { -d } qw(/usr/lib/apache2/modules /usr/lib64/httpd/modules))[0] // '/nonexistent' }
sub has_gssapi           { return -e directory_of_modules() . '/mod_auth_gssapi.so' }

# Options: sim, keytab => for Kerberos, ntlm_users => gss-ntlmssp's user file, tls => the version, as in 'TLSv1.2'.
sub start
{
    my ($class, %options) = @_;
    my $self = bless { directory => temporary_directory(), %options }, $class;
    my $directory = "$self->{directory}";
    chmod 0755, $directory;
    $self->{$_} = free_port() for qw(port certificate_port);
    spew("$directory/$_", '', 0644) for qw(basic digest);
    $self->make_authority;
    $self->make_certificate('server', '/CN=localhost', 'subjectAltName=DNS:localhost,IP:127.0.0.1');
    $self->write_configuration;
    $self->launch;
    return $self;
}

sub free_port
{
    my $probe = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "socket: $@";
    return $probe->sockport;
}

# --- certificates ---------------------------------------------------------------------------------

sub openssl
{
    my (@words) = @_;
    my $result = run_program('openssl', @words);
    die "openssl @words: $result->{err}\n" if $result->{status} != 0;
    return;
}

sub make_authority
{
    my ($self, $name) = @_;
    $name //= 'ca';
    my $directory = "$self->{directory}";
    openssl(qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2), '-subj', "/CN=$name",
        '-keyout', "$directory/$name.key", '-out', "$directory/$name.pem");
    return "$directory/$name.pem";
}

# Returns the paths of the certificate and the key. Options: ca, days.
sub make_certificate
{
    my ($self, $name, $subject, $extension, %options) = @_;
    my $directory = "$self->{directory}";
    my $ca = $options{ca} // 'ca';
    spew("$directory/$name.ext", "$extension\n");
    openssl(qw(req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes), '-subj', $subject,
        '-keyout', "$directory/$name.key", '-out', "$directory/$name.csr");
    openssl(qw(x509 -req -sha256), '-days', $options{days} // 2, '-in', "$directory/$name.csr", '-CA', "$directory/$ca.pem",
        '-CAkey', "$directory/$ca.key", '-CAcreateserial', '-extfile', "$directory/$name.ext", '-out', "$directory/$name.pem");
    chmod 0644, "$directory/$name.key";
    return ("$directory/$name.pem", "$directory/$name.key");
}

sub make_client
{
    my ($self, $name, %options) = @_;
    return $self->make_certificate($name, "/CN=$name", 'extendedKeyUsage=clientAuth', %options);
}

# --- the server -----------------------------------------------------------------------------------

sub location
{
    my ($self, $name, @lines) = @_;
    my $body = join '', map { "  $_\n" } @lines;
    return <<"END";
<Location /$name/>
  ProxyPass $self->{backend}
  RequestHeader unset Authorization
  AuthName "@{[REALM]}"
  Require valid-user
$body</Location>
END
}

sub write_configuration
{
    my ($self) = @_;
    my $directory = "$self->{directory}";
    my $modules = directory_of_modules();
    ($self->{backend}) = $self->{sim}->url =~ m{^(.*/)};
    my @modules = MODULES;
    my $locations = $self->location('basic', 'AuthType Basic', "AuthUserFile $directory/basic")
      . $self->location('digest', 'AuthType Digest', "AuthUserFile $directory/digest");
    if (has_gssapi() && $self->{keytab}) {
        push @modules, 'auth_gssapi';
        $locations .= $self->location('kerberos', 'AuthType GSSAPI', 'GssapiAllowedMech krb5', "GssapiCredStore keytab:$self->{keytab}");
        $locations .= $self->location('ntlm', 'AuthType GSSAPI', 'GssapiAllowedMech ntlmssp', 'GssapiConnectionBound On')
          if $self->{ntlm_users};
    }
    my $load = join '', map { "LoadModule ${_}_module $modules/mod_$_.so\n" } @modules;
    my $user = $> == 0 ? "User nobody\nGroup nogroup\n" : '';
    spew("$directory/httpd.conf", <<"END");
ServerName localhost
ServerRoot $directory
DefaultRuntimeDir $directory
PidFile $directory/httpd.pid
Mutex file:$directory
Listen 127.0.0.1:$self->{port}
Listen 127.0.0.1:$self->{certificate_port}
$load${user}StartServers 1
ServerLimit 1
ThreadsPerChild 8
MaxRequestWorkers 8
ErrorLog $directory/error.log
LogLevel info
LogFormat "%u %>s %I %r" short
SSLSessionCache none
SSLProtocol @{[$self->{tls} // 'all']}
SSLEngine on
SSLCertificateFile $directory/server.pem
SSLCertificateKeyFile $directory/server.key
SSLProxyEngine on
SSLProxyVerify none
SSLProxyCheckPeerName off
ProxyPass /relay/ $self->{backend}
$locations<VirtualHost 127.0.0.1:$self->{port}>
  SSLEngine on
</VirtualHost>
<VirtualHost 127.0.0.1:$self->{certificate_port}>
  SSLEngine on
  SSLCACertificateFile $directory/ca.pem
  SSLVerifyClient require
  ProxyPass /certificate/ $self->{backend}
</VirtualHost>
END
    return;
}

sub launch
{
    my ($self) = @_;
    my ($program) = grep { -x } qw(/usr/sbin/apache2 /usr/sbin/httpd);
    local %ENV = (%ENV, $self->{ntlm_users} ? (NTLM_USER_FILE => $self->{ntlm_users}) : ());
    my $process = $self->{process} = Exg::Process->start(
        command => [$program, '-f', "$self->{directory}/httpd.conf", '-D', 'FOREGROUND'],
        log     => "$self->{directory}/output",
    );
    wait_until('Apache listens', sub {
        die 'Apache ended: ' . slurp("$self->{directory}/output") if !$process->is_running;
        return IO::Socket::INET->new(PeerAddr => "127.0.0.1:$self->{port}");
    });
    return;
}

# Adds a user to Basic and Digest, or changes the password.
sub add_user
{
    my ($self, $name, $password) = @_;
    my $directory = "$self->{directory}";
    my $hash = crypt $password, '$5$exgatetest$';
    spew("$directory/basic", "$name:$hash\n", 0644);
    spew("$directory/digest", "$name:" . REALM . ':' . md5_hex("$name:" . REALM . ":$password") . "\n", 0644);
    return;
}

sub url             { my ($self, $name) = @_; return "https://localhost:$self->{port}/$name/Exchange.asmx" }
sub certificate_url { my ($self) = @_; return "https://localhost:$self->{certificate_port}/certificate/Exchange.asmx" }
sub ca_file         { my ($self) = @_; return "$self->{directory}/ca.pem" }
sub errors          { my ($self) = @_; return slurp("$self->{directory}/error.log") }

sub stop
{
    my ($self) = @_;
    $self->{process}->stop;
    return;
}

1;
