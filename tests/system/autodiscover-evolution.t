#!/usr/bin/perl
# evolution-ews, a second client that others have written, and exgate discover the same simulated Exchange in the same network, as
# python3-exchangelib does in autodiscover-exchangelib.t. Its library is called without the desktop around it.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Discovery;
use Exg::Network;
use Exg::Test;
use Test::More;

my $name = 'usr/lib/evolution-ews/libevolution-ews.so';
my ($library) = grep { -r } "/$name", "/var/cache/exgate-tests/evolution-ews/$name";
plan skip_all => 'evolution-ews is neither installed nor unpacked (packaging/install-deps)' if !$library;
need_program('python3');
my $world  = Exg::Discovery->enter;
my $client = ($ENV{EXG_TOP} // q{.}) . '/tests/lib/evolution-ews.py';

# Nothing of a desktop: no settings, no proxy, no bus, no home.
my $home = temporary_directory();
$ENV{$_} = "$home" for qw(HOME XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_RUNTIME_DIR);
@ENV{qw(GSETTINGS_BACKEND GIO_USE_PROXY_RESOLVER GIO_USE_VFS DBUS_SESSION_BUS_ADDRESS)} = qw(memory dummy local disabled:);
my $usable = run_program('python3', $client, $library, 'nobody', 'none');
plan skip_all => "$library cannot be used: " . last_lines($usable->{err}) =~ s/.*\n(?=.)//sr if $usable->{status} != 0;

# What it finds: { 'ann@host.test' => 'ENDPOINT' }, and what it says beside.
sub evolution
{
    my (@addresses) = @_;
    my $sim = $world->sim;
    Exg::Network::trust($sim->ca_file);
    my $run = run_program('python3', $client, $library, $sim->user, $sim->password, @addresses);
    diag(last_lines($run->{err})) if $run->{status} != 0;
    return { said => $run->{err}, map { /^(\S+) (.*)/ ? ($1 => $2) : () } split /\n/, $run->{out} };
}

# --- both ---------------------------------------------------------------------------------------

my @both = grep { $_->[2] ne 'redirect' } Exg::Discovery::places();
my $theirs = evolution(map { "ann\@$_->[0]" } @both, ['file.test']);
for my $place (@both, ['file.test', 'autodiscover.file.test', 'host']) {
    my ($domain, $host, $step, @more) = @$place;
    my $wanted = Exg::Discovery::endpoint($host);
    is($theirs->{"ann\@$domain"}, $wanted, "F28: evolution-ews finds $domain");
    my $ours = $world->exgate("ann\@$domain", @more);
    is($ours->{found}, "$wanted ann\@$domain", "C3: exgate finds $domain") or diag("$ours->{out}$ours->{err}");
    is($ours->{step}, $step, "C3: in the same place: $step");
}

my $moved = Exg::Discovery::endpoint('autodiscover.alias.test');
$world->sim->control('on Autodiscover times=1 do redirect ann@alias.test');
is(evolution('ann@host.test')->{'ann@host.test'}, $moved, 'F28: evolution-ews goes on with another address');
$world->sim->control('clear');
$world->sim->control('on Autodiscover times=2 do redirect ann@alias.test');    # the protocol that is asked first has no word for it
is($world->exgate('ann@host.test')->{found}, "$moved ann\@alias.test", 'C5: exgate goes on with another address');
$world->sim->control('clear');

# --- where exgate is more careful ---------------------------------------------------------------

# Whatever answers there with a 401 gets it.
my $before = $world->credentials;
evolution('ann@domain.test');
is($world->credentials - $before, 1, 'evolution-ews gives the password to the web server of the domain, unasked');
is($world->exgate('ann@domain.test')->{found}, '', 'C7.4: exgate wants to be told that it may');
is($world->credentials - $before, 1, 'C7.4: before it gives the password');

# --- where exgate finds more --------------------------------------------------------------------

$theirs = evolution('ann@plain.test');
like($theirs->{'ann@plain.test'}, qr/^nothing: .*autodiscover\.plain\.test/, 'evolution-ews does not find plain.test');
is($world->redirected, 0, 'because it never asks without TLS where to go');
is($world->exgate('ann@plain.test')->{found}, Exg::Discovery::endpoint('mail.plain.test') . ' ann@plain.test', 'C3: exgate finds plain.test');
cmp_ok($world->redirected, '>', 0, 'C3: because it does');

$world->dns->questions;
like(evolution('ann@two.test')->{'ann@two.test'}, qr/^nothing: .*dead\.two\.test/, 'evolution-ews does not find two.test');
my @asked = grep { /^A \w+\.two/ } $world->dns->questions;
is("@asked", 'A autodiscover.two.test A dead.two.test', 'because of two SRV records it tries the first');
is($world->exgate('ann@two.test')->{found}, Exg::Discovery::endpoint('mail.two.test') . ' ann@two.test', 'C4.2: exgate tries the second, too');

# It sets the address aside when the answer names another server, and then complains that it has none.
$world->sim->control('on Autodiscover times=1 do redirect https://domain.test/autodiscover/autodiscover.xml');
$theirs = evolution('ann@host.test');
like($theirs->{'ann@host.test'}, qr/^nothing: /, 'evolution-ews does not go on with another server');
like($theirs->{said}, qr/e_ews_autodiscover_prepare_requests: assertion 'email_address/, 'because it has lost the address by then');
$world->sim->control('clear');
$world->sim->control('on Autodiscover times=1 do redirect https://domain.test/autodiscover/autodiscover.xml');
is($world->exgate('ann@host.test', '--approve', 'domain.test')->{found}, Exg::Discovery::endpoint('domain.test') . ' ann@host.test',
    'C5: exgate goes on with another server');
$world->sim->control('clear');

# --- IPv6 alone ---------------------------------------------------------------------------------

$world->serve_ipv6;
my $six = Exg::Discovery::endpoint('autodiscover.six.test');
is(evolution('ann@six.test')->{'ann@six.test'}, $six, 'F28: evolution-ews finds a host that has IPv6 only');
is($world->exgate('ann@six.test')->{found}, "$six ann\@six.test", 'C6.3: and so does exgate');
$world->stop;

opendir my $handle, "$home" or die "$home: $!";
is_deeply([grep { !/^\.\.?$/ } readdir $handle], [], 'evolution-ews has left nothing at home');
done_testing;
