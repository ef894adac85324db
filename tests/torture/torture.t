#!/usr/bin/perl
# The kill test, minutes long: every fault by itself, every fail point many times, every process at random moments, and at the end all
# of it together. Run by `make torture`.
#   TORTURE_SEED      the same again; else it is chosen, and printed
#   TORTURE_MESSAGES  how many at least, over all
#   TORTURE_KILLS     at each fail point
#   TORTURE_SECONDS   how long all goes on together
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Torture;
use Test::More;
use Time::HiRes qw(time);

my $KILLS    = $ENV{TORTURE_KILLS}    || 10;
my $MESSAGES = $ENV{TORTURE_MESSAGES} || 5000;
my $SECONDS  = $ENV{TORTURE_SECONDS} // 60;

my @faults  = @Exg::Torture::FAULTS;
my @points  = @Exg::Torture::POINTS;
my @random  = map { "random:$_" } qw(exgate sim lmtp postfix);
my @races   = (
    # the request is carried out after whoever sent it has died
    ['sent and not stored, exgate dies', ['on CreateItem do late 300'], 'exgate:http-request-sent=kill,after=#'],
    ['sent and not stored, the server dies', ['on CreateItem do late 300'], 'random:sim'],
    ['stored and not answered, exgate dies', ['on CreateItem do delay 300'], 'exgate:http-request-sent=kill,after=#'],
    ['stored and not answered, the server dies', ['on CreateItem do delay 300'], 'random:sim'],
    ['the key is asked for in vain, exgate dies',
        ['on CreateItem after=2 times=4 do stored-unanswered', 'on FindItem times=3 do garbage', 'on FindItem times=3 do reset'],
        'exgate:store-answered=kill,after=#'],
);
my @cuts    = map { my $cut = $_; map { [$cut, $_] } @Exg::Torture::POWER_CUT_POINTS } @Exg::Torture::POWER_CUTS;
my $rows    = @faults + @points + @random + @races + @cuts + 2;
my $each    = 1 + int $MESSAGES / $rows;
my $torture = Exg::Torture->start(seed => $ENV{TORTURE_SEED} || 1 + int rand 1e6, progress => 1);

# A strike without what leads to it.
sub place_of
{
    my ($strike) = @_;
    return $strike =~ s/=kill.*//r =~ s/:.*;/:/r;
}

$torture->run(name => 'nothing', messages => $each);
for my $fault (@faults) {
    # after each refusal of the account, and for a server that cannot be reached, exgate waits longer
    my $times = $fault =~ /unauthorized|^on connect/ ? 2 : 5;
    $torture->run(
        name       => $fault,
        faults     => [$fault =~ s/ do / times=$times do /r],
        messages   => $each,
        strikes    => [qw(random:exgate random:sim)],
        kills      => 2,
        acted      => $fault =~ /^on CreateItem/ ? $times : 2,
    );
}
$torture->run(
    name     => 'the converter refuses: wrapped',
    faults   => \@Exg::Torture::UNCONVERTIBLE,
    messages => $each,
    strikes  => ['exgate:store-answered=kill,after=#', 'exgate:http-request-sent=kill,after=#', 'random:exgate'],
    kills    => $KILLS,
    acted    => scalar @Exg::Torture::UNCONVERTIBLE,
    wrapped  => 3,    # each kill may take several refusals with it, and what they would have led to
);
for my $point (@points) {
    $torture->run(name => place_of($point), strikes => [$point], kills => $KILLS, messages => $each);
}
for my $victim (@random) {
    $torture->run(name => $victim, faults => ['on CreateItem do delay 20'], strikes => [$victim], kills => $KILLS, messages => $each);
}
for my $race (@races) {
    my ($name, $faults, $strike) = @$race;
    $torture->run(name => $name, faults => $faults, strikes => [$strike], kills => $KILLS, messages => $each);
}
for my $cut (@cuts) {
    my ($kind, $strike) = @$cut;
    $torture->run(
        name     => "$kind, " . place_of($strike),
        always   => { exgate => "$kind=error" },
        strikes  => [$strike],
        kills    => int(($KILLS + 1) / @Exg::Torture::POWER_CUTS),
        messages => $each,
    );
}
for (my ($round, $end) = (1, time + $SECONDS); time < $end; $round++) {
    my $dice = $torture->dice('round', $round);
    my @some = map { my $fault = $faults[$dice->(scalar @faults)]; $fault =~ s/ do / times=2 do /r } 1 .. 6;
    my @ways = map { (@points, @random)[$dice->(@points + @random)] } 1 .. 6;
    $torture->run(name => "all together, round $round", faults => \@some, strikes => \@ways, kills => 6, messages => 5);
}
$torture->run(
    name       => 'index lag: at most one duplicate for each lie',
    faults     => ['on FindItem do lie', 'on CreateItem times=20 do stored-unanswered'],
    strikes    => ['exgate:store-answered=kill,after=#', 'exgate:http-request-sent=kill,after=#'],
    kills      => $KILLS,
    duplicates => 'lies',
);
$torture->run(
    name       => 'the journal is off: there have to be duplicates',
    always     => { exgate => 'journal-off=error' },
    faults     => ['on CreateItem times=6 do stored-unanswered'],
    strikes    => ['exgate:store-answered=kill,after=#', 'exgate:lmtp-before-reply=kill,after=#', 'sim:sim-stored=kill,after=#'],
    kills      => $KILLS,
    duplicates => 'some',
);
$torture->run(
    name       => 'power cuts without syncs: there have to be duplicates',
    always     => { exgate => 'power-cut=error;journal-unsynced=error' },
    strikes    => ['exgate:store-answered=kill,after=#', 'exgate:lmtp-before-reply=kill,after=#', 'random:exgate'],
    kills      => $KILLS,
    duplicates => 'some',
);
$torture->finish;
done_testing;
