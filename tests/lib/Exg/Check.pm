# Exg::Check - runs `exgate check`, and takes apart what it says.
#   my $steps = check($status, $conf, @addresses);   # { step => { outcome, sentence, mend => [commands] } }
package Exg::Check;

use strict;
use warnings;
use Exg::Test;
use Exporter qw(import);
use JSON::PP;
use Test::More;

our @EXPORT = qw(check step_is mends);

# Both forms, which have to agree; of a step that comes several times the last one counts.
sub check
{
    my ($status, $conf, @words) = @_;
    my $people  = run_program(program('exgate'), 'check', '--config', $conf, @words);
    my $machine = run_program(program('exgate'), 'check', '--json', '--config', $conf, @words);
    is($people->{status}, $status, "check: exit status $status") or diag($people->{out}, $people->{err});
    is($machine->{status}, $status, 'and with --json');
    my $list = eval { decode_json($machine->{out}) } // [];
    cmp_ok(scalar @$list, '>', 0, 'which is JSON') or diag($machine->{out});
    my %steps = map { ($_->{step} => $_) } @$list;
    $steps{text} = $people->{out};
    my @wide = grep { length > 80 } split /\n/, $people->{out};
    is("@wide", '', 'no line is wider than a terminal');
    is($people->{err}, '', 'all is on standard output');
    unlike($people->{out} . $machine->{out}, qr/pass word|pass wrong/, 'without the secret');
    for my $step (grep { $_->{outcome} eq 'wrong' } @$list) {
        cmp_ok(scalar @{ $step->{mend} }, '>', 0, "$step->{step} is wrong, and there are commands for that");
        for my $line (map { split /\n/, $_->{command} } @{ $step->{mend} }) {
            ok(index($people->{out}, " $line\n") > 0, "one is: $line");
        }
    }
    return \%steps;
}

sub step_is
{
    my ($steps, $step, $outcome, $sentence) = @_;
    is($steps->{$step}{outcome}, $outcome, "$step: $outcome") or diag($steps->{text});
    like($steps->{$step}{sentence} // '', $sentence, 'and that is said');
}

# That a command which mends the step is among those that are told.
sub mends
{
    my ($steps, $step, $expression) = @_;
    my $commands = join "\n", map { $_->{command} } @{ $steps->{$step}{mend} };
    like($commands, $expression, "$step: what mends it");
}

1;
