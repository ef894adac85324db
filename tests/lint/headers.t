#!/usr/bin/perl
# Each header compiles alone, and its guard is named after its path. A header that a source of its directory includes before
# anything else is proved by the build itself; the others are compiled here.
use strict;
use warnings;
use File::Find ();
use File::Temp ();
use Test::More;

my $root = $ENV{EXG_TOP} // '.';
chdir $root or die "$root: $!";

my @headers;
File::Find::find({
    no_chdir => 1,
    wanted   => sub { push @headers, $File::Find::name if /\.h$/ },
}, grep { -d } qw(common lmtp milter cli tests));
@headers = sort @headers;
cmp_ok(scalar @headers, '>', 10, 'there are headers to look at');

my @packages = qw(glib-2.0 gio-2.0 gio-unix-2.0 gnutls libcurl libxml-2.0 sqlite3);
my @cflags = split ' ', `pkg-config --cflags @packages`;
my $compiler = $ENV{CC} // 'cc';
my @command = (split(' ', $compiler), qw(-std=gnu11 -fsyntax-only -Wall -Wextra -Wno-unused-parameter -Werror -Wundef
    -D_GNU_SOURCE -DEXG_TEST_SEAMS=1 -I.), '-DEXG_VERSION="0"', '-DG_LOG_DOMAIN="exgate"', @cflags);

my %proved;
for my $source (map { glob "$_/*.c" } do { my %seen; grep { !$seen{$_}++ } map { s{/[^/]+$}{}r } @headers }) {
    open my $in, '<', $source or die "$source: $!";
    my ($first) = join('', <$in>) =~ /^#include (\S+)/m;
    $proved{$1} = 1 if ($first // '') =~ /^"(.+)"$/;
}

# One compiler run per header, a few at a time.
my $scratch = File::Temp->newdir;
my %running;
my %failed;

sub reap
{
    my $process = waitpid -1, 0;
    my $header = delete $running{$process} // return;
    $failed{$header} = 1 if $? != 0;
}

for my $header (grep { !$proved{$_} } @headers) {
    my $name = $header =~ s{/}{_}gr;
    open my $source, '>', "$scratch/$name.c" or die "$scratch/$name.c: $!";
    print $source qq{#include "$header"\n#include "$header"\n};
    close $source or die "$scratch/$name.c: $!";
    reap() while keys %running >= 4;
    defined(my $process = fork) or die "fork: $!";
    if ($process == 0) {
        open STDERR, '>', "$scratch/$name.log" or die "$scratch/$name.log: $!";
        exec @command, "$scratch/$name.c" or die "$compiler: $!";
    }
    $running{$process} = $header;
}
reap() while %running;

for my $header (@headers) {
    if ($proved{$header}) {
        pass("$header comes first in a source of its own");
        next;
    }
    my $name = $header =~ s{/}{_}gr;
    open my $log, '<', "$scratch/$name.log" or die "$scratch/$name.log: $!";
    ok(!$failed{$header}, "$header compiles alone") or diag(<$log>);
}

my @wrong;
for my $header (grep { !m{^tests/} } @headers) {
    my $guard = uc('exg_' . $header =~ s{^common/}{}r);
    $guard =~ s/[^A-Z0-9]/_/g;
    open my $in, '<', $header or die "$header: $!";
    my ($found) = join('', <$in>) =~ /^#ifndef (\S+)\n#define \1$/m;
    push @wrong, "$header: expected $guard" if ($found // '') ne $guard;
}
is(scalar @wrong, 0, 'guards are named after their paths') or diag(join "\n", @wrong);

done_testing;
