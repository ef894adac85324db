package Exg::Conformance;
# The numbered behaviours (tests/conformance/behaviours), and the tests whose names carry the numbers.
use strict;
use warnings;

my $number = qr/[ABCF][0-9]{1,2}(?:\.[0-9]{1,2})?/;

# The numbers in a test's name: "/ews/version/A9.2,A9.3-build-table" and "A9.2,A9.3: a table" have two.
sub numbers
{
    my ($name) = @_;
    return map { /^($number(?:, ?$number)*)(?=[-:]|$)/ ? split(/, ?/, $1) : () } $name =~ m{^/} ? split m{/}, $name : $name;
}

# A list of { directory, behaviours => [{ number, rule, text }, …] } of the directories that are there. Dies of a line
# that is neither.
sub sections
{
    return grep { -d "$ENV{EXG_TOP}/$_->{directory}" } all_sections();
}

sub all_sections
{
    my @sections;
    my $path = "$ENV{EXG_TOP}/tests/conformance/behaviours";
    open my $file, '<', $path or die "$path: $!\n";
    while (my $line = <$file>) {
        next if $line =~ /^\s*(?:#|$)/;
        if ($line =~ /^\[(\S+)\]$/) {
            push @sections, { directory => $1, behaviours => [] };
        } elsif ($line =~ /^(\S+)\s+([-=+!?])\s+(.*\S)/) {
            push @{$sections[-1]{behaviours}}, { number => $1, rule => $2, text => $3 };
        } else {
            die "$path:$.: not understood\n";
        }
    }
    return @sections;
}

sub slurp
{
    my ($path) = @_;
    open my $file, '<', $path or return '';
    local $/;
    return scalar <$file>;
}

# --- what the source of a test file (unit/ews/version.c, system/start.t) has -----------------------------------------

# The tests with numbers: { name as the document shows it => whether it asserts something }.
sub tests_of
{
    my ($file) = @_;
    my $source = slurp("$ENV{EXG_TOP}/tests/$file");
    return $file =~ /\.c$/ ? c_tests($file, $source) : perl_tests($source);
}

# How the document shows a test of a run: the last part of a C test's path; of a Perl test the words of its source,
# with "…" for what differs from run to run. undef: the source does not have it.
sub shown_name
{
    my ($file, $name) = @_;
    my $tests = tests_of($file);
    if ($file =~ /\.c$/) {
        my ($last) = grep { numbers($_) } reverse split m{/}, $name;
        return exists $tests->{$last} ? $last : undef;
    }
    my ($found) = grep { my $pattern = join '.*', map { quotemeta } split /…/, $_, -1; $name =~ /^$pattern$/ } sort keys %$tests;
    return $found;
}

my $check = qr/\b(?:ok|is(?:nt)?|like|unlike|cmp_ok|is_deeply)\s*\(/;

sub perl_tests
{
    my ($source) = @_;
    my %tests;
    $source =~ s/^\s*#.*//mg;
    # Subs of the file that check something count like Test::More's own.
    my %body  = $source =~ /^sub (\w+)\n\{\n(.*?)^\}/gms;
    my $own   = join '|', grep { $body{$_} =~ $check } sort keys %body;
    my $calls = $own eq '' ? $check : qr/$check|\b(?:$own)\s*\(/;
    while ($source =~ /(["'])(?=$number)((?:(?!\1)[^\\\n]|\\.)*)\1/g) {
        my ($begin, $text) = ($-[0], $2);
        $text =~ s/\\(.)/$1/g;
        $text =~ s/\$\w+(?:->)?(?:\{[^}]*\}|\[[^\]]*\])*/…/g;
        next if !numbers($text);
        my $statement = (split /[;{}][ \t]*\n/, substr $source, 0, $begin)[-1];
        $tests{$text} ||= $statement =~ $calls;
    }
    return \%tests;
}

my %functions_of;    # file => { function => its body }

# The functions of a C file and of the headers beside it, without comments.
sub functions
{
    my ($file, $source) = @_;
    return $functions_of{$file} //= do {
        my ($directory) = $file =~ m{^(.*)/};
        my $all = join "\n", $source, map { slurp($_) } glob "$ENV{EXG_TOP}/tests/$directory/*.h";
        $all =~ s{("(?:[^"\\]|\\.)*")|/\*.*?\*/|//[^\n]*}{$1 // ''}gse;
        +{ $all =~ /^(\w+)\([^;{}]*\)\n\{\n(.*?)^\}/gms };
    };
}

# Whether a function asserts, by itself or in another one of its file. What the fixtures check in passing does not count.
sub asserts
{
    my ($functions, $function, %seen) = @_;
    my $body = $functions->{$function} // '';
    $body =~ s/"(?:[^"\\]|\\.)*"//g;
    return 1 if $body =~ /\b(?:\w*(?:assert|_expect)\w*|g_error|ews_test_\w+)\s*\(/;
    return grep { $functions->{$_} && !$seen{$_}++ && asserts($functions, $_, %seen, $function => 1) } $body =~ /\b(\w+)\(/g;
}

sub c_tests
{
    my ($file, $source) = @_;
    my $functions = functions($file, $source);
    my %tests;
    $source =~ s{("(?:[^"\\]|\\.)*")|/\*.*?\*/|//[^\n]*}{$1 // ''}gse;
    while ($source =~ m{"((?:/?[^"\n/]*/)*)($number[^"\n/]*)((?:/[^"\n]*)?)"\s*,([^;]*);}g) {
        my ($name, $arguments) = ($2, $4);
        next if !numbers($name);
        my @called = grep { $functions->{$_} } $arguments =~ /\b(\w+)\b/g;
        $tests{$name} ||= grep { asserts($functions, $_) } grep { !/^(?:set_up|tear_down)$/ } @called;
    }
    return \%tests;
}

1;
