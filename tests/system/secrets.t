#!/usr/bin/perl
# Secrets stay where they are: after deliveries, failures and logging at debug, neither a password, key or token nor what is made of it
# is found in a log, an answer, a file, the process's arguments and environment, or a core.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Secrets;
use Test::More;

my $secrets = Exg::Secrets->new;
$secrets->search('Basic', $secrets->basic);
$secrets->search('Digest', $secrets->scheme('digest'));
$secrets->search('NTLM', $secrets->scheme('ntlm')) if Exg::Secrets::has_ntlm();
$secrets->search('Kerberos', $secrets->kerberos);
$secrets->search('OAuth2', $secrets->oauth);
$secrets->search('OAuth2 for a user', $secrets->oauth_user);
is($secrets->{found}, 0, 'F21: no password, key or token is found anywhere');
cmp_ok($secrets->{searched}, '>', 30, 'and many places were searched');
$secrets->stop;

done_testing();
