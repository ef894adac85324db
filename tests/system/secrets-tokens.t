#!/usr/bin/perl
# Kerberos keys and OAuth2 secrets and tokens stay where they are, as passwords do (secrets.t).
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Secrets;
use Test::More;

my $secrets = Exg::Secrets->new;
$secrets->search('Kerberos', $secrets->kerberos);
$secrets->search('OAuth2', $secrets->oauth);
$secrets->search('OAuth2 for a user', $secrets->oauth_user);
is($secrets->{found}, 0, 'F21: no key or token is found anywhere');
cmp_ok($secrets->{searched}, '>', 15, 'and many places were searched');
$secrets->stop;

done_testing();
