#!/usr/bin/perl
# Manual pages are clean mdoc, and every program and file that gets installed has one.
use strict;
use warnings;
use Test::More;

my $root = $ENV{EXG_TOP} // '.';
chdir $root or die "$root: $!";

my @pages = sort glob '{common,lmtp,milter,plugin,cli}/*.[1-9]';
cmp_ok(scalar @pages, '>=', 2, 'there are manual pages');
for my $name (qw(exgate.1 exgate-lmtpd.8 exgate-milter.8 exgate.conf.5)) {
    ok((grep { m{/\Q$name\E$} } @pages), "$name exists");
}

SKIP: {
    skip 'mandoc is not here', scalar @pages if !grep { -x "$_/mandoc" } split /:/, $ENV{PATH};
    for my $page (@pages) {
        # a reference to a page of a package that is not installed is no fault of ours
        my @said = grep { !/referenced manual not found|mandoc\.db/ } split /\n/, `mandoc -T lint $page 2>&1`;
        is(scalar @said, 0, "$page is clean") or diag(join "\n", @said);
    }
}

done_testing;
