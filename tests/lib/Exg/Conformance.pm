package Exg::Conformance;
# The numbered behaviours (tests/conformance/behaviours), and which of them the name of a test carries.
use strict;
use warnings;

# The numbers in a test's name: "/ews/version/A9.2,A9.3-build-table" has two.
sub numbers
{
    my ($name) = @_;
    return $name =~ /(?<![A-Za-z0-9.])([ABCF][0-9]{1,2}(?:\.[0-9]{1,2})?)(?![A-Za-z0-9])/g;
}

# A list of { directory, behaviours => [{ number, rule, text }, …] }. Dies of a line that is neither.
sub sections
{
    my @sections;
    my $path = "$ENV{EXG_TOP}/tests/conformance/behaviours";
    open my $file, '<', $path or die "$path: $!\n";
    while (my $line = <$file>) {
        next if $line =~ /^\s*(?:#|$)/;
        if ($line =~ /^\[(\S+)\]$/) {
            push @sections, { directory => $1, behaviours => [] };
        } elsif ($line =~ /^(\S+)\s+([-=+!])\s+(.*\S)/) {
            push @{$sections[-1]{behaviours}}, { number => $1, rule => $2, text => $3 };
        } else {
            die "$path:$.: not understood\n";
        }
    }
    return grep { -d "$ENV{EXG_TOP}/$_->{directory}" } @sections;
}

sub heading
{
    return <<'END';
# What is expected of us, and the tests that show it

Written by `make conformance` from the results of a run; not edited by hand. The rules: `=` as the best known client
library does it, `+` more than it does, `!` a defect of it that we have not, `-` does not apply to us.

| number | rule | behaviour | tests that passed |
| --- | --- | --- | --- |
END
}

1;
