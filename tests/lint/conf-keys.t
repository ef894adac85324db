#!/usr/bin/perl
# The schema of exgate.conf, its manual page and the sample name the same keys, in the same groups and with the same defaults.
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

# Each reader returns { "[group] key" => default }, undef where there is none.
sub from_schema
{
    my %found;
    my $text = slurp('common/base/conf-schema.c');
    while ($text =~ /\{(\.group\b.*?\.doc = .*?)\},/gs) {
        my $row = $1;
        my ($group)    = $row =~ /\.group = "([^"]*)"/    or die "no group in: $row";
        my ($key)      = $row =~ /\.key = "([^"]*)"/      or die "no key in: $row";
        my ($fallback) = $row =~ /\.fallback = "([^"]*)"/;
        $found{"[$group] $key"} = $fallback;
    }
    return \%found;
}

sub from_manual
{
    my (%found, $group, $key);
    for (split /\n/, slurp('common/exgate.conf.5')) {
        ($group) = /^\.Ss Group (\S+)/ if /^\.Ss/;
        if (/^\.It Ic (\S+) Li =/ && defined $group) {
            $key = "[$group] $1";
            $found{$key} = undef;
        }
        $found{$key} = $1 if defined $key && /^\.Pq default : Cm (\S+)/;
    }
    return \%found;
}

sub from_sample
{
    my (%found, $group);
    for (split /\n/, slurp('packaging/common/exgate.conf')) {
        $group = $1 if /^\[(\w+)\]/;
        next if !/^(#?)(\w+) =(?: (.*))?$/;
        my ($commented, $key, $value) = ($1, $2, $3);
        # a key that is set shows no default
        $found{"[$group] $key"} = $commented ? $value : 'set';
    }
    return \%found;
}

my ($schema, $manual, $sample) = (from_schema(), from_manual(), from_sample());
cmp_ok(scalar keys %$schema, '>', 15, 'the schema was found');
is_deeply($manual, $schema, 'exgate.conf(5) has the keys and defaults of the schema');
is_deeply([sort keys %$sample], [sort keys %$schema], 'the sample has the keys of the schema');
for my $key (sort keys %$sample) {
    next if ($sample->{$key} // '') eq 'set';
    is($sample->{$key}, $schema->{$key}, "the sample's default of $key");
}

done_testing;
