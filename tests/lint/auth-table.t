#!/usr/bin/perl
# The tables of common/auth/README.md are backed by tests: each row names one or more, and what it quotes of them is there. What is said
# to work with both flavours of libcurl is among the tests that run with both.
use strict;
use warnings;
use Test::More;

my $root = $ENV{EXG_TOP} // '.';
chdir $root or die "$root: $!";

sub slurp
{
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!";
    local $/;
    return scalar <$file>;
}

my ($both) = slurp('tests/system/auth-flavour.t') =~ /TESTS => qw\(([^)]*)\)/ or die 'auth-flavour.t has no list of tests';
my %with_both = map { ("$_.t" => 1) } split ' ', $both;

# Checks a cell: `file`, "quote", "quote"; `file` …
sub check_tests
{
    my ($what, $cell, $flavours) = @_;
    my @parts = $cell =~ /(`[^`]+`|"[^"]+")/g;
    my ($text, $name);
    for my $part (@parts) {
        my $words = substr $part, 1, -1;
        if ($part =~ /^`/) {
            my $path = $words =~ m{/} ? $words : "tests/system/$words";
            $name = $words;
            $text = -e $path ? slurp($path) : '';
            ok($text ne '', "$what: $name exists");
            ok($with_both{$name}, "$what: $name runs with both flavours") if $flavours && $name !~ m{/};
        } else {
            ok(defined $text && index($text, $words) >= 0, "$what: $name has \"$words\"");
        }
    }
    return defined $name;
}

my ($rows, @head) = (0);
for my $line (split /\n/, slurp('common/auth/README.md')) {
    my @cells = map { s/^\s+|\s+$//gr } $line =~ /^\|(.*)\|$/ ? split /\|/, $1 : ();
    if (!@cells || $cells[0] =~ /^-+$/) {
        @head = () if !@cells;
        next;
    }
    if (!@head) {
        @head = @cells;
        next;
    }
    next if $head[-1] ne 'test';
    $rows++;
    ok(check_tests($cells[0], $cells[-1], $head[-2] =~ /OpenSSL/), "'$cells[0]' has a test");
    is(scalar @cells, scalar @head, "and a cell for each column");
    is(scalar(grep { $_ eq '' } @cells[0 .. 3]), 0, 'none of which is empty') if $head[-2] =~ /OpenSSL/;
}
cmp_ok($rows, '>=', 30, 'there are tables');

done_testing();
