#!/usr/bin/perl
# The kill test in half a minute; `make torture` is the long one. Whatever dies, and whenever: nothing is lost, and nothing is
# there twice.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Torture;
use Test::More;

my $torture = Exg::Torture->start(seed => $ENV{TORTURE_SEED} || 1 + int rand 1e6);
my @faults  = grep { /^on CreateItem/ } @Exg::Torture::FAULTS;

$torture->run(
    name     => 'every fault in turn, and deaths at random moments',
    faults   => [(map { s/ do / times=1 do /r } @faults), $Exg::Torture::UNCONVERTIBLE[0]],
    messages => 8,
    acted    => scalar @faults,
    strikes  => ['random:exgate'],
    kills    => 3,
);
$torture->run(
    name    => 'every fail point once',
    strikes => ['random:sim', @Exg::Torture::POINTS],
    kills   => 1 + @Exg::Torture::POINTS,
    # on a machine that is busy with something else
    enough  => 6,
    within  => 10,
);
$torture->run(
    name    => 'power cuts: what the journal did not sync is lost, or torn',
    always  => { exgate => 'power-cut-torn=error' },
    strikes => ['exgate:power-cut-flush=kill,after=#', 'random:exgate', 'exgate:journal-intent-committed=kill,after=#'],
    kills   => 3,
    enough  => 2,
    within  => 3,
);
$torture->run(
    name       => 'index lag: at most one duplicate for each lie',
    faults     => ['on FindItem do lie', 'on CreateItem times=6 do stored-unanswered'],
    strikes    => ['exgate:store-answered=kill,after=#'],
    kills      => 2,
    duplicates => 'lies',
);
$torture->run(
    name       => 'the journal is off: there have to be duplicates',
    always     => { exgate => 'journal-off=error' },
    faults     => ['on CreateItem times=6 do stored-unanswered'],
    strikes    => ['exgate:store-answered=kill,after=#', 'exgate:lmtp-before-reply=kill,after=#'],
    kills      => 2,
    duplicates => 'some',
);
$torture->finish;
done_testing;
