#!/usr/bin/perl
# Passwords stay where they are: after deliveries, failures and logging at debug, neither the password nor what is made of it is found
# in a log, an answer, a file, the process's arguments and environment, or a core.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Secrets;
use Test::More;

my $secrets = Exg::Secrets->new;
$secrets->search('Basic', $secrets->basic);
$secrets->search('Digest', $secrets->scheme('digest'));
$secrets->search('NTLM', $secrets->scheme('ntlm')) if Exg::Secrets::has_ntlm();
is($secrets->{found}, 0, 'F21: no password is found anywhere');
cmp_ok($secrets->{searched}, '>', 15, 'and many places were searched');
$secrets->stop;

done_testing();
