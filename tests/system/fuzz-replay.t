#!/usr/bin/perl
# Each fuzz target takes its seed corpus, and a second's worth of damaged inputs.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Test;
use File::Basename qw(basename);
use Test::More;

my $fuzz    = ($ENV{EXG_TOP} // '.') . '/tests/fuzz';
my @targets = map { basename($_) =~ /^(fuzz_\w+)\.c$/ ? $1 : () } files_in($fuzz);
cmp_ok(scalar @targets, '>=', 10, 'there are targets');

for my $target (@targets) {
    my $name  = $target =~ s/^fuzz_//r;
    my @seeds = files_in("$fuzz/corpus/$name");
    ok(scalar @seeds, "$name has a corpus");
    my @dictionary = map { "dict=$_" } grep { -e } "$fuzz/$name.dict";
    my $result = run_program(program("tests/fuzz/$target"), @dictionary, @seeds, 'seed=1');
    is($result->{status}, 0, "$name takes them all") or diag(last_lines($result->{err}));
    is($result->{err}, '', "$name is silent");
    my ($inputs) = $result->{out} =~ /^(\d+) inputs$/m;
    cmp_ok($inputs // 0, '>', @seeds, "$name was tried");
    note("$name: ", $inputs // 0, ' inputs');
}

my %known = map { s/^fuzz_//r => 1 } @targets;
my @stray = grep { !$known{ basename($_, '.dict') } } glob("$fuzz/corpus/* $fuzz/*.dict");
is("@stray", '', 'each corpus and dictionary belongs to a target');

done_testing;
