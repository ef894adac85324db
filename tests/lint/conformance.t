#!/usr/bin/perl
# Each numbered behaviour has tests in CONFORMANCE.md, and each of these is a test that exists and asserts something.
use strict;
use warnings;
use File::Find ();
use Test::More;
use lib "$ENV{EXG_TOP}/tests/lib";
use Exg::Conformance;

chdir $ENV{EXG_TOP} or die "$ENV{EXG_TOP}: $!";

sub slurp
{
    my ($path) = @_;
    open my $file, '<', $path or return '';
    local $/;
    return scalar <$file>;
}

# The rows of a document: { number => [rule, text, cell] }.
sub rows
{
    my ($path) = @_;
    return { map { /^\| ([A-Z][0-9.]+) \| (\S) \| (.*) \| (.*) \|$/ ? ($1 => [$2, $3, $4]) : () } split /\n/, slurp($path) };
}

# What is wrong with a test that a document names, or undef. A C test's function has to assert.
sub fault
{
    my ($file, $name) = @_;
    if (-e "tests/$file.t" || $file =~ m{^(?:system|lint)/}) {
        my ($word) = $name =~ /([ABCF]\d+(?:\.\d+)?[^\$\@"'`]*)/;
        my ($head) = $name =~ /^([ABCF][0-9.,\s]*)/;
        return index(slurp("tests/$file.t"), $head // $word) >= 0 ? undef : 'no such test';
    }
    my $source = slurp("tests/$file.c") or return 'no such file';
    my ($last) = $name =~ m{([^/]*)$};
    my ($call) = $source =~ /"[^"]*\Q$last\E"([^;]*);/ or return 'no such test';
    my @functions = grep { $source =~ /^\Q$_\E\(/m } $call =~ /\b([a-z_]\w*)\b/g or return 'no function';
    for my $function (@functions) {
        my ($body) = $source =~ /^\Q$function\E\([^;{]*\)\n\{\n(.*?)^\}/ms;
        return undef if ($body // '') =~ /assert|_expect|_validate|_check|_cut/;
        # One step further: helpers of the same file.
        for my $helper (($body // '') =~ /\b([a-z_]\w*)\(/g) {
            my ($inner) = $source =~ /^\Q$helper\E\([^;{]*\)\n\{\n(.*?)^\}/ms;
            return undef if ($inner // '') =~ /assert/;
        }
    }
    return 'it asserts nothing';
}

for my $section (Exg::Conformance::sections()) {
    my $path = "$section->{directory}/CONFORMANCE.md";
    my $rows = rows($path);
    my @faults;
    for my $behaviour (@{$section->{behaviours}}) {
        my ($number, $rule, $text) = @{$behaviour}{qw(number rule text)};
        my $row = delete $rows->{$number};
        if (!$row || $row->[0] ne $rule || $row->[1] ne $text) {
            push @faults, "$number is missing or out of date";
            next;
        }
        next if $rule eq '-';
        my $tests = 0;
        for my $cell (split /; (?=\S+: `)/, $row->[2]) {
            my ($file, $names) = $cell =~ /^(\S+): (.*)$/ or next;
            for my $name ($names =~ /`([^`]*)`/g) {
                my $fault = fault($file, $name);
                push @faults, "$number: $file: $name: $fault" if $fault;
                $tests++;
            }
        }
        push @faults, "$number has no test" if !$tests;
    }
    push @faults, "$_ is no behaviour" for sort keys %$rows;
    is(join("\n", @faults), '', "$path is whole and true (otherwise: make conformance)");
}
done_testing();
