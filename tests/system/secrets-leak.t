#!/usr/bin/perl
# The search of secrets.t proves nothing unless it finds what is there: so here the password is part of names that get into each place,
# and a fail point keeps copies of all secrets in memory.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Secrets;
use Exg::Test;
use Test::More;

my $secrets = Exg::Secrets->new(leaks => 1);
my $above = temporary_directory();
mkdir "$above/$secrets->{password}" or die "$above: $!";
local $ENV{TMPDIR} = "$above/$secrets->{password}"; # in the environment, and in the path of the configuration
$secrets->search('Basic', $secrets->basic);
$secrets->search('Kerberos', $secrets->kerberos);
$secrets->search('OAuth2', $secrets->oauth);
$secrets->search('OAuth2 for a user', $secrets->oauth_user);
$secrets->stop;

done_testing();
