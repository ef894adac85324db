#!/usr/bin/perl
# The completion for bash offers the commands and options that exgate has, all of them and no others.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Encode qw(decode);
use Exg::Test;
use Test::More;

need_program('bash');
my $exgate = program('exgate');
my $script = ($ENV{EXG_TOP} // '.') . '/cli/exgate.bash-completion';

sub completed
{
    my (@words) = @_;
    my $result = run_program('bash', '-c', 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _exgate; printf "%s\n" "${COMPREPLY[@]}"',
        $script, 'exgate', @words);
    is($result->{err}, '', "bash has nothing to say about: exgate @words");
    return join ' ', sort grep { length } split /\n/, $result->{out};
}

sub commands_of
{
    my (@words) = @_;
    return run_program($exgate, 'help', @words)->{out} =~ /^  ([a-z][a-z-]*) +\S/mg;
}

sub options_of
{
    my (@words) = @_;
    my $help = run_program($exgate, 'help', @words)->{out};
    my %options = map { ($_ => 1) } $help =~ /^  (?:-\w, )?(--[a-z-]+)/mg;
    return join ' ', sort keys %options, '--help';
}

sub unique { my %seen; return join ' ', grep { !$seen{$_}++ } split / /, shift }

# Also for who reads it on a terminal of 80 columns.
sub fits
{
    my (@words) = @_;
    my @wide = grep { length > 80 } split /\n/, decode('UTF-8', run_program($exgate, 'help', @words)->{out});
    is("@wide", '', "help @words fits into 80 columns");
    return;
}

my @commands = commands_of();
fits(@$_) for [], map { [$_] } @commands;
cmp_ok(scalar @commands, '>', 10, 'there are commands');
is(completed(''), join(' ', sort @commands, 'help', '--version', '--help'), 'all commands');
is(completed('fr'), 'freebusy', 'the beginning of one');
is(completed('help', ''), join(' ', sort @commands, 'help'), 'help explains them');
my @tables = qw(directory journal);
my @nested;
for my $table (@tables) {
    my @inner = commands_of($table);
    is(completed($table, ''), join(' ', sort @inner), "the commands of $table");
    fits($table, $_) for @inner;
    push @nested, map { [$table, $_] } @inner;
}
for my $words ((map { [$_] } grep { my $name = $_; !grep { $_ eq $name } @tables } @commands), @nested) {
    is(completed(@$words, '-'), unique(options_of(@$words)), "the options of @$words");
}
is(completed('convert-id', '--to', 'Ew'), 'EwsId EwsLegacyId', 'formats');
is(completed('directory', 'list', '--kind', 'p'), 'public-folder', 'kinds of recipients');
is(completed('freebusy', '--from', ''), 'today tomorrow', 'times');
is(completed('resolve', ''), '', 'nothing where nobody can know');
done_testing;
