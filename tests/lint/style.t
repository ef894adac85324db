#!/usr/bin/perl
# The habits of style that a machine can check: sizes, banned functions, layout, spelling.
use strict;
use warnings;
use File::Find ();
use Test::More;

my $root = $ENV{EXG_TOP} // '.';
chdir $root or die "$root: $!";

my $FILE_MAX_LINES     = 800;
my $FUNCTION_MAX_LINES = 80;
# Functions that may be longer, and how long they are. This list may only shrink: a number larger than
# the function has lines, or a function that is gone or short enough, fails too.
my %long_function = ();

# No bounds, no thread safety, or a wait where a condition belongs.
my %banned = map { $_ => 1 } qw(strcpy strcat sprintf vsprintf gets strtok system popen mktemp tmpnam tempnam usleep sleep
    atoi atol atof alloca);
# A test may wait for time itself to pass, and knows the numbers that it reads.
my %allowed_in_tests = map { $_ => 1 } qw(usleep sleep atoi atol atof);

my (@c, @text);
File::Find::find({
    no_chdir => 1,
    wanted   => sub {
        my $path = $File::Find::name =~ s{^\./}{}r;
        $File::Find::prune = 1, return if $path =~ m{^(build|\.git)$};
        return if !-f $path || -B _;
        return if $path eq 'LICENSE' || $path =~ m{^config\.mak$|/data/|/corpus/|\.(eml|xml|xsd|patch)$};
        push @text, $path if -s _;
        push @c,    $path if $path =~ /\.[ch]$/;
    },
}, '.');
@c    = sort @c;
@text = sort @text;
cmp_ok(scalar @c, '>', 20, 'there are sources to look at');

# Blanks out comments, strings and characters, keeping the lines.
sub code_only
{
    my ($text) = @_;
    $text =~ s{(/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')}{ $1 =~ s/[^\n]/ /gr }gse;
    return $text;
}

# Returns { name => lines } of the functions defined in a source written in this tree's layout.
sub functions
{
    my ($code) = @_;
    my (%length, $name, $start);
    my @line = split /\n/, $code;
    for my $i (0 .. $#line) {
        # the definition's name begins a line of its own; its arguments may go on below
        $name = $1 if $line[$i] =~ /^(\w+)\(/;
        $start = $i if $line[$i] eq '{';
        if ($line[$i] eq '}' && defined $start) {
            $length{$name // '?'} = $i - $start - 1;
            undef $start;
        }
    }
    return \%length;
}

sub slurp
{
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!";
    local $/;
    return scalar <$file>;
}

# The checkers first.
my $sample = qq{static int\nlong_one(int a,\n         int b)\n{\n} /* strcpy(a) */\n};
is_deeply(functions("int\nf(void)\n{\n    a;\n    b;\n}\n\nint\ng(int a,\n  int b)\n{\n    c;\n}\n"), { f => 2, g => 1 },
    'functions are found and measured');
unlike(code_only($sample), qr/strcpy/, 'comments are not code');
unlike(code_only(q{puts("a \" strcpy(x)");}), qr/strcpy/, 'strings are not code');

my (@too_long, @banned, %measured);
for my $path (@c) {
    my $code  = code_only(slurp($path));
    my $lines = () = $code =~ /\n/g;
    push @too_long, "$path: $lines lines, at most $FILE_MAX_LINES" if $lines > $FILE_MAX_LINES;
    my $functions = functions($code);
    for my $name (sort keys %$functions) {
        my $limit = $long_function{"$path $name"} // $FUNCTION_MAX_LINES;
        my $count = $measured{"$path $name"} = $functions->{$name};
        push @too_long, "$path: $name() has $count lines, at most $limit" if $count > $limit;
    }
    my $number = 0;
    for my $line (split /\n/, $code) {
        $number++;
        while ($line =~ /(?<![\w.])(?<!->)(\w+)\s*\(/g) {
            my $name = $1;
            next if !$banned{$name} || ($path =~ m{^tests/} && $allowed_in_tests{$name});
            push @banned, "$path:$number: $name()";
        }
    }
}
for my $entry (sort keys %long_function) {
    my $count = $measured{$entry} // 0;
    push @too_long, "$entry: its exception says $long_function{$entry}, but it has $count lines: lower or remove it"
        if $count < $long_function{$entry} || $count <= $FUNCTION_MAX_LINES;
}
is(scalar @too_long, 0, 'files and functions are short enough') or diag(join "\n", @too_long);
is(scalar @banned,   0, 'no banned function is called')         or diag(join "\n", @banned);
cmp_ok(scalar keys %measured, '>', 20, 'functions were found');

my @untidy;
for my $path (@text) {
    my $number = 0;
    my $text = slurp($path);
    for my $line (split /\n/, $text, -1) {
        $number++;
        push @untidy, "$path:$number: white space at the end" if $line =~ /[ \t\r]$/;
        push @untidy, "$path:$number: a tab in a source"      if $path =~ /\.[ch]$/ && $line =~ /\t/;
        push @untidy, "$path:$number: unfinished business"    if $path =~ /\.[ch]$/ && $line =~ /\b(TODO|FIXME|XXX)\b/;
    }
    push @untidy, "$path: no newline at the end"      if $text !~ /\n\z/;
    push @untidy, "$path: an empty line at the end"   if $text =~ /\n\n\z/;
}
is(scalar @untidy, 0, 'no white space at line ends, no tabs, no leftovers') or diag(join "\n", @untidy);

SKIP: {
    my ($formatter) = grep { `$_ --version 2>/dev/null` =~ /version 14\./ } qw(clang-format-14 clang-format);
    skip 'clang-format 14 is not here, and others lay out differently', 1 if !$formatter;
    # tables of comments in headers are laid out by hand
    my @sources = grep { /\.c$/ } @c;
    my @said = split /\n/, `$formatter --dry-run -Werror @sources 2>&1`;
    my %unformatted = map { /^([^:]+\.c):\d+/ ? ($1 => 1) : () } @said;
    ok(!@said, 'sources are laid out as .clang-format says')
        or diag('run clang-format -i on: ', join ' ', %unformatted ? sort keys %unformatted : @said);
}

SKIP: {
    skip 'codespell is not here', 1 if !`codespell --version 2>/dev/null`;
    # .Nd begins a manual page; a test misspells two keys on purpose; FLE is a time zone of Windows
    my @said = split /\n/, `codespell -L nd,endpiont,exchnage,fle @text 2>&1`;
    is(scalar @said, 0, 'no well-known misspellings') or diag(join "\n", @said);
}

done_testing;
