#!/usr/bin/perl
# python3-exchangelib, a client that others have written, and exgate discover the same simulated Exchange in the same network: real
# names from a real name server, the ports 443 and 80. It keeps the simulator honest, and shows where exgate finds more.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Network;
use Exg::Sim;
use Exg::Test;
use Test::More;

my ($python) = grep { -x && run_program($_, '-c', 'import exchangelib')->{status} == 0 } '/usr/bin/python3', '/usr/local/bin/python3';
plan skip_all => 'python3-exchangelib is not here' if !$python;
need_program('dnsmasq');
Exg::Network::enter("127.0.0.1 autodiscover.file.test\n");

# --- the network --------------------------------------------------------------------------------

my $server = '127.0.0.1'; # where the simulated Exchange is
my $nobody = '127.0.0.9'; # where nobody listens
my $web    = '127.0.0.3'; # a web server that only redirects
my @dns    = (
    "--host-record=host.test,$nobody", "--host-record=autodiscover.host.test,$server",
    "--host-record=domain.test,$server",
    '--cname=autodiscover.alias.test,front.hoster.test', "--host-record=front.hoster.test,$server",
    '--srv-host=_autodiscover._tcp.srv.test,mail.srv.test,443,5,0', "--host-record=mail.srv.test,$server",
    "--host-record=autodiscover.plain.test,$web", "--host-record=mail.plain.test,$server",
    # where exchangelib finds nothing
    '--host-record=autodiscover.six.test,::1',
    '--srv-host=_autodiscover._tcp.two.test,dead.two.test,443,0,0', '--srv-host=_autodiscover._tcp.two.test,mail.two.test,443,10,0',
    "--host-record=dead.two.test,$nobody", "--host-record=mail.two.test,$server",
);
my @domains = map { "$_.test" } qw(host domain alias srv plain six two file);
my @names   = qw(domain.test autodiscover.alias.test autodiscover.host.test mail.srv.test mail.plain.test autodiscover.six.test
    mail.two.test autodiscover.file.test);
my $dns = Exg::Network::start_dns(@dns);
my $redirector = Exg::Network::start_redirector($web, 'https://mail.plain.test');
my %options = (mailboxes => [map { "ann\@$_" } @domains], account => 'svc@host.test:secret');
my @named = map { ('--name', $_) } @names;
my $sim = Exg::Sim->start(%options, options => ['--listen', "$server:443", @named]);

# --- both ---------------------------------------------------------------------------------------

my $work = temporary_directory();
my $script = spew("$work/discover.py", <<'END');
import sys
from exchangelib import Credentials
from exchangelib.autodiscover.discovery.pox import PoxAutodiscovery
from exchangelib.autodiscover.discovery.soap import SoapAutodiscovery
protocol, address, user, password = sys.argv[1:]
how = {'pox': PoxAutodiscovery, 'soap': SoapAutodiscovery}[protocol]
found, endpoint = how(email=address, credentials=Credentials(user, password)).discover()
print(endpoint.service_endpoint, found.autodiscover_smtp_address)
END

sub exchangelib
{
    my ($protocol, $address) = @_;
    my $scratch = temporary_directory(); # for its cache
    local @ENV{qw(TMPDIR REQUESTS_CA_BUNDLE)} = ("$scratch", $sim->ca_file);
    my $run = run_program($python, $script, $protocol, $address, $sim->user, $sim->password);
    chomp $run->{out};
    return $run;
}

my $conf = Exg::Lmtpd::write_conf("$work", $sim, { exchange => { endpoint => 'auto', discovery_cache => "$work/discovery.db" } });

sub exgate
{
    my ($address, @more) = @_;
    my $run = run_program(program('exgate'), 'discover', '--config', $conf, @more, $address);
    my ($endpoint) = $run->{out} =~ /^endpoint +(\S+)/m;
    my ($primary)  = $run->{out} =~ /^address +(\S+)/m;
    my ($step)     = $run->{out} =~ /\(step "(\w+)"/;
    return { %$run, found => join(q{ }, grep { defined } $endpoint, $primary), step => $step };
}

# exchangelib gives the password to whatever the web server of the domain is; exgate wants to be told that it may.
my $refused = exgate('ann@domain.test');
is($refused->{found}, '', 'C7.4: the web server of the domain is not taken for an Exchange');
like($refused->{err}, qr/domain\.test/, 'C7.4: and that is said');

# domain, host of the endpoint, step, more for exgate
my @rows = (
    ['host.test',   'autodiscover.host.test',  'host'],
    ['domain.test', 'domain.test',             'domain', '--approve', 'domain.test'],
    ['alias.test',  'autodiscover.alias.test', 'host'],
    ['srv.test',    'mail.srv.test',           'srv'],
    ['plain.test',  'mail.plain.test',         'redirect'],
);
for my $row (@rows) {
    my ($domain, $host, $step, @more) = @$row;
    my $wanted = "https://$host/EWS/Exchange.asmx ann\@$domain";
    for my $protocol (qw(POX SOAP)) {
        my $other = exchangelib(lc $protocol, "ann\@$domain");
        is($other->{out}, $wanted, "F28: exchangelib finds $domain by $protocol") or diag(last_lines($other->{err}));
    }
    $dns->questions;
    my $ours = exgate("ann\@$domain", @more);
    is($ours->{found}, $wanted, "C3: exgate finds $domain") or diag("$ours->{out}$ours->{err}");
    is($ours->{step}, $step, "C3: in the same place: $step");
    my @asked = grep { !/^(?:A|AAAA) (?:autodiscover\.)?\Q$domain\E$/ && !/^SRV _autodiscover\._tcp\.\Q$domain\E$/ } $dns->questions;
    my @needed = map { ("A $host", "AAAA $host") } grep { $step =~ /srv|redirect/ } 1;
    is("@asked", "@needed", "C6.2: no name of $domain but those that are connected to is looked up");
}

# --- where exgate finds more --------------------------------------------------------------------

is(exgate('ann@file.test')->{step}, 'host', 'C6.3: a name from the hosts file');
ok(exchangelib('pox', 'ann@file.test')->{status} != 0, 'where exchangelib sees none');
my $two = exgate('ann@two.test', '--explain');
is($two->{found}, 'https://mail.two.test/EWS/Exchange.asmx ann@two.test', 'C4.2: the second SRV record when the first is dead');
cmp_ok(index($two->{out}, 'dead.two.test'), '<', index($two->{out}, 'mail.two.test'), 'C4.2: the lower number first');
$sim->stop;

my $six = Exg::Sim->start(%options, options => ['--listen', '[::1]:443', @named]);
$sim = $six;
Exg::Lmtpd::write_conf("$work", $sim, { exchange => { endpoint => 'auto', discovery_cache => "$work/discovery.db" } });
is(exgate('ann@six.test')->{found}, 'https://autodiscover.six.test/EWS/Exchange.asmx ann@six.test', 'C6.3: a host that has IPv6 only');
ok(exchangelib('pox', 'ann@six.test')->{status} != 0, 'where exchangelib sees none');
$six->stop;

$redirector->stop('KILL');
$dns->stop;
done_testing;
