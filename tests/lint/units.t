#!/usr/bin/perl
# The systemd units are understood by systemd, and the service gives up what it does not need.
use strict;
use warnings;
use File::Temp ();
use Test::More;

my $root = $ENV{EXG_TOP} // '.';
plan skip_all => 'systemd-analyze is not here' if !grep { -x "$_/systemd-analyze" } split /:/, $ENV{PATH};

# The program need not be installed: the copies that are looked at name one that is.
my $scratch = File::Temp->newdir;
for my $unit (qw(exgate-lmtpd.service exgate-lmtpd.socket exgate-milter.service)) {
    open my $in, '<', "$root/packaging/common/$unit" or die "$unit: $!";
    my $text = do { local $/; <$in> };
    if ($unit =~ /service$/) {
        unlike($text, qr/^PrivateUsers=yes/m, "$unit: socket_group may be any group of the user's");
        like($text, qr/^SetCredential=exchange-password:/m, "$unit: starts without a password, for those who need none");
    }
    $text =~ s{/usr/sbin/exgate-(?:lmtpd|milter)}{/bin/true}g;
    open my $out, '>', "$scratch/$unit" or die "$unit: $!";
    print $out $text;
    close $out or die "$unit: $!";
}
my @said = split /\n/, `systemd-analyze verify --man=no $scratch/exgate-lmtpd.service $scratch/exgate-lmtpd.socket $scratch/exgate-milter.service 2>&1`;
is(scalar @said, 0, 'systemd understands the units') or diag(join "\n", @said);

for my $service (qw(exgate-lmtpd exgate-milter)) {
    SKIP: {
        my $judgement = `systemd-analyze security --offline=yes --no-pager $scratch/$service.service 2>/dev/null`;
        my ($exposure) = $judgement =~ /Overall exposure level.*?(\d+\.\d+)/;
        skip 'this systemd does not judge units offline', 1 if !defined $exposure;
        cmp_ok($exposure, '<=', 2.0, "$service is exposed to little") or diag($judgement);
    }
}

done_testing;
