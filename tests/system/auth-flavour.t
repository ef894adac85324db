#!/usr/bin/perl
# What proves who we are works with both flavours of libcurl: exgate-lmtpd is linked once more, with the one that it was not built with,
# and the tests of the schemes run with that.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Test;
use Test::More;

use constant TESTS => qw(auth-digest auth-negotiate auth-apache auth-pkcs11);

my $top = $ENV{EXG_TOP} // q{.};
my $build = $ENV{EXG_BUILD} // "$top/build/check";
my $version = run_program(program('exgate-lmtpd'), '--version')->{out};
my ($library, $other) = $version =~ /GnuTLS/ ? ('libcurl.so.4', 'OpenSSL') : ('libcurl-gnutls.so.4', 'GnuTLS');
plan skip_all => 'objects with sanitizers are linked in another way' if $ENV{EXG_SANITIZE};
plan skip_all => "$library is not installed" if !(() = glob "/usr/lib/*/$library /usr/lib64/$library");

my ($packages) = slurp("$top/Makefile") =~ /^PACKAGES := (.+)$/m or die 'no packages';
my @libraries = map { /^-lcurl/ ? "-l:$library" : $_ } split ' ', run_program('pkg-config', '--libs', split ' ', $packages)->{out};
my $directory = temporary_directory();
symlink "$build/$_", "$directory/$_" for qw(exgate exchange-sim tests);
my $linked = run_program('cc', '-pie', '-o', "$directory/exgate-lmtpd", (grep { /\.o$/ } files_in("$build/lmtp")), "$build/libexgate.a",
    @libraries);
is($linked->{status}, 0, "exgate-lmtpd with $library") or diag($linked->{err});
like(run_program("$directory/exgate-lmtpd", '--version')->{out}, qr/^libcurl \S+ \Q$other\E/m, "is one with $other");

local $ENV{EXG_BUILD} = $directory;
for my $test (TESTS) {
    my $result = run_program("$top/tests/system/$test.t");
    my @failed = grep { /^not ok/ } split /\n/, $result->{out};
    is("$result->{status} @failed", '0 ', "$test.t with $other") or diag(last_lines($result->{err}));
    like($result->{out}, qr/^ok 2\b/m, 'which had something to test, or said why not') if $result->{out} !~ /^1\.\.0 # SKIP/m;
}

done_testing();
