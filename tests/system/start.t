#!/usr/bin/perl
# What it costs to start a program, beside what another client has spent before its first request.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Test;
use Test::More;

use constant RUNS => 5;
use constant TIMES_LESS => $ENV{EXG_SANITIZE} ? 1 : 4;    # instruments cost

my ($python) = grep { -x && run_program($_, '-c', 'import exchangelib')->{status} == 0 } '/usr/bin/python3', '/usr/local/bin/python3';
plan skip_all => 'python3-exchangelib is not here' if !$python;

# The CPU time of the cheapest of several runs: a busy machine makes it wait, but not work.
sub cpu_seconds
{
    my (@command) = @_;
    my $least;
    for (1 .. RUNS) {
        my ($user, $system) = (times)[2, 3];
        my $result = run_program(@command);
        is($result->{status}, 0, "$command[0] runs") or diag($result->{err});
        my $spent = (times)[2] - $user + (times)[3] - $system;
        $least = $spent if !defined $least || $spent < $least;
    }
    return $least;
}

my $theirs = cpu_seconds($python, '-c', 'import exchangelib');
for my $program (qw(exgate exgate-lmtpd exgate-milter)) {
    my $ours = cpu_seconds(program($program), '--version');
    note(sprintf '%s: %.3f s, python3-exchangelib: %.3f s', $program, $ours, $theirs);
    cmp_ok($ours, '<', $theirs / TIMES_LESS, "F8: $program starts in a fraction of the time");
}
done_testing;
