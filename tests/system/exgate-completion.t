#!/usr/bin/perl
# The completion for bash offers the commands and options that exgate has, all of them and no others.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
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

my @commands = commands_of();
cmp_ok(scalar @commands, '>', 10, 'there are commands');
is(completed(''), join(' ', sort @commands, 'help', '--version', '--help'), 'all commands');
is(completed('fr'), 'freebusy', 'the beginning of one');
is(completed('help', ''), join(' ', sort @commands, 'help'), 'help explains them');
my @journal = commands_of('journal');
is(completed('journal', ''), join(' ', sort @journal), 'the commands of journal');
for my $words ((map { [$_] } grep { $_ ne 'journal' } @commands), map { ['journal', $_] } @journal) {
    is(completed(@$words, '-'), unique(options_of(@$words)), "the options of @$words");
}
is(completed('convert-id', '--to', 'Ew'), 'EwsId EwsLegacyId', 'formats');
is(completed('freebusy', '--from', ''), 'today tomorrow', 'times');
is(completed('resolve', ''), '', 'nothing where nobody can know');
done_testing;
