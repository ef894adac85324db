#!/usr/bin/perl
# python3-exchangelib, a client that others have written, and exgate discover the same simulated Exchange in the same network: real
# names from a real name server, the ports 443 and 80. It keeps the simulator honest, and shows where exgate finds more.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Discovery;
use Exg::Test;
use Test::More;

my ($python) = grep { -x && run_program($_, '-c', 'import exchangelib')->{status} == 0 } '/usr/bin/python3', '/usr/local/bin/python3';
plan skip_all => 'python3-exchangelib is not here' if !$python;
my $world = Exg::Discovery->enter;

my $work = temporary_directory();
my $script = spew("$work/discover.py", <<'END_OF_SCRIPT');
import sys
from exchangelib import Credentials
from exchangelib.autodiscover import clear_cache
from exchangelib.autodiscover.discovery.pox import PoxAutodiscovery
from exchangelib.autodiscover.discovery.soap import SoapAutodiscovery
protocols, user, password, *addresses = sys.argv[1:]
for address in addresses:
    for name, how in ('POX', PoxAutodiscovery), ('SOAP', SoapAutodiscovery):
        if name not in protocols:
            continue
        clear_cache()
        try:
            found, endpoint = how(email=address, credentials=Credentials(user, password)).discover()
            print(name, address, endpoint.service_endpoint, found.autodiscover_smtp_address)
        except Exception as error:
            print(name, address, 'nothing:', error)
END_OF_SCRIPT

# What it finds: { 'POX ann@host.test' => 'ENDPOINT ADDRESS' }.
sub exchangelib
{
    my ($protocols, @addresses) = @_;
    my $scratch = temporary_directory(); # for its cache
    my $sim = $world->sim;
    local @ENV{qw(TMPDIR REQUESTS_CA_BUNDLE)} = ("$scratch", $sim->ca_file);
    my $run = run_program($python, $script, $protocols, $sim->user, $sim->password, @addresses);
    diag(last_lines($run->{err})) if $run->{status} != 0;
    return { map { /^(\S+ \S+) (.*)/ ? ($1 => $2) : () } split /\n/, $run->{out} };
}

# exchangelib gives the password to whatever the web server of the domain is; exgate wants to be told that it may.
my $refused = $world->exgate('ann@domain.test');
is($refused->{found}, '', 'C7.4: the web server of the domain is not taken for an Exchange');
like($refused->{err}, qr/domain\.test/, 'C7.4: and that is said');

my @places = Exg::Discovery::places();
my $others = exchangelib('POX SOAP', map { "ann\@$_->[0]" } @places, ['file.test'], ['two.test']);
for my $place (@places) {
    my ($domain, $host, $step, @more) = @$place;
    my $wanted = Exg::Discovery::endpoint($host) . " ann\@$domain";
    is($others->{"$_ ann\@$domain"}, $wanted, "F28: exchangelib finds $domain by $_") for qw(POX SOAP);
    $world->dns->questions;
    my $ours = $world->exgate("ann\@$domain", @more);
    is($ours->{found}, $wanted, "C3: exgate finds $domain") or diag("$ours->{out}$ours->{err}");
    is($ours->{step}, $step, "C3: in the same place: $step");
    my @asked = grep { !/^(?:A|AAAA) (?:autodiscover\.)?\Q$domain\E$/ && !/^SRV _autodiscover\._tcp\.\Q$domain\E$/ } $world->dns->questions;
    my @needed = map { ("A $host", "AAAA $host") } grep { $step =~ /srv|redirect/ } 1;
    is("@asked", "@needed", "C6.2: no name of $domain but those that are connected to is looked up");
}

# --- another address ----------------------------------------------------------------------------

my $moved = Exg::Discovery::endpoint('autodiscover.alias.test') . ' ann@alias.test';
$world->sim->control("on Autodiscover $_ times=1 do redirect ann\@alias.test") for q{}, 'after=1';    # each protocol's first answer
$others = { %$others, %{ exchangelib('POX SOAP', 'ann@host.test') } };
is($others->{"$_ ann\@host.test"}, $moved, "F28: exchangelib goes on with another address by $_") for qw(POX SOAP);
$world->sim->control('clear');
$world->sim->control('on Autodiscover times=2 do redirect ann@alias.test');    # the protocol that is asked first has no word for it
is($world->exgate('ann@host.test')->{found}, $moved, 'C5: exgate goes on with another address');
$world->sim->control('clear');

# --- where exgate finds more --------------------------------------------------------------------

is($world->exgate('ann@file.test')->{step}, 'host', 'C6.3: a name from the hosts file');
like($others->{'POX ann@file.test'}, qr/^nothing: /, 'where exchangelib sees none');
like($others->{'POX ann@two.test'}, qr/mail\.two/, 'of two SRV records exchangelib takes the greatest number');
my $two = $world->exgate('ann@two.test', '--explain');
is($two->{found}, Exg::Discovery::endpoint('mail.two.test') . ' ann@two.test', 'C4.2: the second SRV record when the first is dead');
cmp_ok(index($two->{out}, 'dead.two.test'), '<', index($two->{out}, 'mail.two.test'), 'C4.2: the lower number first');

$world->serve_ipv6;
is($world->exgate('ann@six.test')->{found}, Exg::Discovery::endpoint('autodiscover.six.test') . ' ann@six.test',
    'C6.3: a host that has IPv6 only');
like(exchangelib('POX', 'ann@six.test')->{'POX ann@six.test'}, qr/^nothing: /, 'where exchangelib sees none');
$world->stop;
done_testing;
