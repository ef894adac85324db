#!/usr/bin/perl
# Each numbered behaviour has tests in CONFORMANCE.md, and each of these is in its source and asserts something.
use strict;
use warnings;
use Test::More;
use lib "$ENV{EXG_TOP}/tests/lib";
use Exg::Conformance;

chdir $ENV{EXG_TOP} or die "$ENV{EXG_TOP}: $!";

# --- that it is not easily fooled ---------------------------------------------------------------------

is_deeply([Exg::Conformance::numbers('/ews/version/A9.2,A9.3-build-table')], ['A9.2', 'A9.3'], 'numbers of a C test');
is_deeply([Exg::Conformance::numbers('A9.2,F1: a table')], ['A9.2', 'F1'], 'numbers of a Perl test');
is_deeply([map { Exg::Conformance::numbers($_) } '/mime/SHA256', '/a/UTF8-B64', 'of A9.2', '/x/A9.2.1-y', 'A999: x', 'A1x: y'],
    [], 'what looks like a number');
is_deeply(
    Exg::Conformance::c_tests('lint/none-1.c', <<'END'), { 'A1.1-good' => 1, 'A1.2-helped' => 1, 'A1.3-comment' => 0, 'A1.4-empty' => 0, 'A1.5-word' => 0 }, 'C');
static void
helper(int x)
{
    g_assert_true(x);
}
static void
test_good(void)
{
    g_assert_true(1);
}
static void
test_helped(void)
{
    helper(1);
}
static void
test_comment(void)
{
    /* g_assert_true(1); */
    // helper(1);
}
static void
test_empty(void)
{
}
static void
test_word(void)
{
    puts("g_assert_true(1)");
}
int
main(void)
{
    g_test_add_func("/a/A1.1-good", test_good);
    ADD("A1.2-helped", test_helped);
    g_test_add_func("/a/A1.3-comment", test_comment);
    g_test_add_func("/a/A1.4-empty", test_empty);
    g_test_add_func("/a/A1.5-word", test_word);
    /* g_test_add_func("/a/A1.6-away", test_good); */
}
END
is_deeply(
    Exg::Conformance::perl_tests(<<'END'), { 'A1.1: … of … is it' => 1, q(A1.2: it's so) => 1, 'A1.3: said only' => '' }, 'Perl');
is($a, $b, "A1.1: $name of $hash{x}[0] is it");
ok($a, 'A1.2: it\'s so');
note('A1.3: said only');
# ok($a, 'A1.4: away');
END

# --- the documents ------------------------------------------------------------------------------------

# The rows of a document: { number => [rule, text, cell] }.
sub rows
{
    my ($path) = @_;
    my $document = Exg::Conformance::slurp($path);
    return { map { /^\| ([A-Z][0-9.]+) \| `(\S)` \| (.*?) \| (.*?) ?\|$/ ? ($1 => [$2, $3, $4]) : () } split /\n/, $document };
}

my %tests_of;

# What is wrong with the tests that a row names.
sub faults_in
{
    my ($number, $cell) = @_;
    my ($count, @faults) = (0);
    for my $line (split /<br>/, $cell) {
        my ($file, $names) = $line =~ /^\[(\S+)\]\(\S+\): (`.*`)$/ or next;
        my $tests = $tests_of{$file} //= Exg::Conformance::tests_of($file);
        for my $name (split /`, `/, substr $names, 1, -1) {
            $count++;
            push @faults, "$number: $file has no test $name" if !exists $tests->{$name};
            push @faults, "$number: $file: $name asserts nothing" if exists $tests->{$name} && !$tests->{$name};
            push @faults, "$number: $file: $name is about something else" if !grep { $_ eq $number } Exg::Conformance::numbers($name);
        }
    }
    return $count ? @faults : "$number has no test";
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
        } elsif ($rule !~ /[-?]/) {
            push @faults, faults_in($number, $row->[2]);
        }
    }
    push @faults, "$_ is no behaviour" for sort keys %$rows;
    is(join("\n", @faults), '', "$path is whole and true (otherwise: make conformance)");
}
done_testing();
