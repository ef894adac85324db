#!/usr/bin/perl
# Enforces common/LAYERS: which directory may include from which, and which outside headers it may see.
use strict;
use warnings;
use File::Basename qw(dirname);
use File::Find ();
use File::Path qw(make_path);
use File::Temp ();
use Test::More;

# Which outside header belongs to which word of the table's last column.
my %library = (
    glib    => qr{^glib(\.h|-unix\.h|/|-object\.h)},
    gio     => qr{^gio/},
    gnutls  => qr{^gnutls/},
    gssapi  => qr{^gssapi/},
    'json-glib' => qr{^json-glib/},
    curl    => qr{^curl/},
    libxml2 => qr{^libxml/},
    sqlite  => qr{^sqlite3\.h$},
    libmilter => qr{^libmilter/},
);
# What C, POSIX and Linux bring is open to all.
my $system = qr{^(
    assert|ctype|dlfcn|errno|fcntl|float|grp|inttypes|limits|locale|malloc|math|netdb|poll|pthread|pwd|sched|signal|stdarg|
    stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|sysexits|syslog|termios|threads|time|unistd|
    (arpa|linux|net|netinet|sys)/[a-z0-9_]+ )\.h$}x;
# Tests look at everything, bar what the simulated Exchange must not share with the product. Private headers are for the
# layer's own unit tests, for tests/lib, and for a fuzz target of that layer: one target has those of one layer.
my $free = qr{^tests/(unit|lib|bench|fuzz)\b};

sub slurp
{
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!";
    local $/;
    return scalar <$file>;
}

# Returns the table as { directory => { inside => {}, outside => {}, row => n } } and what is wrong with it.
sub read_table
{
    my ($root) = @_;
    my (%table, @faults);
    my $row = 0;
    for my $line (split /\n/, slurp("$root/common/LAYERS")) {
        next if $line =~ /^\s*(#|$)/;
        my ($directory, $inside, $outside) = $line =~ /^(\S+)\s{2,}(\S.*?)\s{2,}(\S.*?)\s*$/
            or push(@faults, "LAYERS: not a row of three columns: $line"), next;
        my @inside = grep { $_ ne '-' } split ' ', $inside;
        for my $layer (@inside) {
            push @faults, "LAYERS: $directory points down or aside, to $layer" if !$table{"common/$layer"};
        }
        for my $word (split ' ', $outside) {
            push @faults, "LAYERS: $directory names the unknown library $word" if !$library{$word};
        }
        push @faults, "LAYERS: $directory appears twice" if $table{$directory};
        $table{$directory} = {
            inside  => { map { ("common/$_" => 1) } @inside },
            outside => { map { ($_ => 1) } split ' ', $outside },
            row     => $row++,
        };
    }
    return (\%table, @faults);
}

# `$fuzzed` is where a fuzz target's private headers are from, as far as it has been read.
sub inside_fault
{
    my ($root, $table, $directory, $header, $fuzzed) = @_;
    return 'there is no such file under the root' if !-e "$root/$header";
    my $target = dirname($header);
    return if $target eq $directory;
    # What lies in a directory sees all of it, but the directory does not see what lies in it.
    return if index($directory, "$target/") == 0 && $table->{$directory};
    if ($header =~ /-private\.h$/) {
        return if $directory eq 'tests/lib';
        my $layer = $target =~ s{^(common/[^/]+)/.*}{$1}r;
        return if $directory eq 'tests/fuzz' && ($$fuzzed //= $layer) eq $layer;
        my ($unit) = $directory =~ m{^tests/unit/([^/]+)};
        return if defined $unit && ($layer eq "common/$unit" || $layer eq $unit || $layer eq "tests/$unit");
        return "private to $target";
    }
    return if $directory =~ $free;
    return if $table->{$directory}{inside}{$target};
    # Who sees a directory from outside sees what lies in it.
    my ($layer) = $target =~ m{^(common/[^/]+)/};
    return if defined $layer && $table->{$directory}{inside}{$layer} && index($directory, "$layer/") != 0;
    return "the table does not let $directory see $target";
}

sub outside_fault
{
    my ($table, $directory, $header) = @_;
    return if $directory =~ $free || $header =~ $system;
    for my $word (keys %library) {
        next if $header !~ $library{$word};
        return $table->{$directory}{outside}{$word} ? undef : "the table does not let $directory see $word";
    }
    return 'the header of no library that the table knows';
}

# All faults of the tree under `root`, each "path:line: …", and the number of include lines looked at.
sub check_tree
{
    my ($root) = @_;
    my ($table, @faults) = read_table($root);
    my $looked_at = 0;
    my @paths;
    File::Find::find({
        no_chdir => 1,
        wanted   => sub {
            return if $File::Find::name eq $root;
            my $path = substr $File::Find::name, length("$root/");
            $File::Find::prune = 1 if $path =~ m{^(build|\.git)$};
            push @paths, $path if $path =~ /\.[ch]$/;
        },
    }, $root);
    for my $path (sort @paths) {
        my $directory = dirname($path);
        if (!$table->{$directory} && $directory !~ $free) {
            push @faults, "$path:1: $directory is not in the table";
            next;
        }
        my $number = 0;
        my $fuzzed;
        for my $line (split /\n/, slurp("$root/$path")) {
            $number++;
            next if $line !~ /^\s*#\s*include\b/;
            $looked_at++;
            my $fault =
                $line =~ /#\s*include\s*"([^"]+)"/ ? inside_fault($root, $table, $directory, $1, \$fuzzed)
              : $line =~ /#\s*include\s*<([^>]+)>/ ? outside_fault($table, $directory, $1)
              :                                      'neither "…" nor <…>';
            push @faults, "$path:$number: $line: $fault" if defined $fault;
        }
    }
    return ($looked_at, @faults);
}

# First the checker itself: each wrong file of a little tree is caught, and nothing else is.
my $little = File::Temp->newdir;
my %file = (
    'common/LAYERS'               => "common/base  -     glib\ncommon/http  base  glib curl\ncommon/http/part  base http  glib\n"
      . "common/http/side  base http  glib\nlmtp         http  glib\n",
    'common/base/good.h'          => "#include <glib.h>\n#include <string.h>\n",
    'common/base/thing-private.h' => "",
    'common/base/up.c'            => "#include \"common/http/client.h\"\n",
    'common/base/alien.c'         => "#include <curl/curl.h>\n",
    'common/base/strange.c'       => "#include <openssl/ssl.h>\n",
    'common/base/near.c'          => "#include \"good.h\"\n",
    'common/http/client.h'        => "#include \"common/base/good.h\"\n#include <curl/curl.h>\n",
    'common/http/peep.c'          => "\n\n#include \"common/base/thing-private.h\"\n",
    'lmtp/skip.c'                 => "#include \"common/base/good.h\"\n",
    'common/http/inward.c'        => "#include \"common/http/part/part.h\"\n",
    'common/http/part/part.h'     => "#include \"common/http/wire-private.h\"\n",
    'common/http/part/part-private.h' => "",
    'common/http/side/aside.c'    => "#include \"common/http/part/part.h\"\n#include \"common/http/part/part-private.h\"\n",
    'lmtp/outside.c'              => "#include \"common/http/part/part.h\"\n#include \"common/http/part/part-private.h\"\n",
    'tests/unit/http/part/part.c' => "#include \"common/http/part/part-private.h\"\n#include \"common/http/wire-private.h\"\n",
    'common/new/lonely.c'         => "#include <glib.h>\n",
    'tests/unit/base/thing.c'     => "#include \"common/base/thing-private.h\"\n#include <curl/curl.h>\n",
    'tests/lib/thing.c'           => "#include \"common/base/thing-private.h\"\n",
    'tests/unit/http/peep.c'      => "#include \"common/base/thing-private.h\"\n",
    'common/http/wire-private.h'  => "",
    'tests/fuzz/fuzz_thing.c'     => "#include \"common/base/thing-private.h\"\n#include \"common/http/client.h\"\n",
    'tests/fuzz/fuzz_both.c'      => "#include \"common/base/thing-private.h\"\n#include \"common/http/wire-private.h\"\n",
);
for my $path (keys %file) {
    make_path(dirname("$little/$path"));
    open my $out, '>', "$little/$path" or die "$path: $!";
    print $out $file{$path};
    close $out or die "$path: $!";
}
my ($proved, @caught) = check_tree("$little");
is_deeply([sort map { /^([^:]+:\d+)/ } @caught],
    [sort qw(common/base/alien.c:1 common/base/near.c:1 common/base/strange.c:1 common/base/up.c:1
        common/http/inward.c:1 common/http/peep.c:3 common/http/side/aside.c:1 common/http/side/aside.c:2 common/new/lonely.c:1 lmtp/outside.c:2 lmtp/skip.c:1
        tests/fuzz/fuzz_both.c:2 tests/unit/http/peep.c:1)],
    'the checker catches each wrong include of a sample tree, and only those') or diag(@caught);

my ($table, @table_faults) = read_table("$little");
is(scalar @table_faults, 0, 'a table whose arrows point up is accepted');
open my $out, '>', "$little/common/LAYERS" or die;
print $out "common/base  http  glib\ncommon/http  -  curl wine\n";
close $out or die;
(undef, @table_faults) = read_table("$little");
is(scalar @table_faults, 2, 'an arrow that points down and an unknown library are caught') or diag(@table_faults);

# Then the tree.
my $root = $ENV{EXG_TOP} // '.';
my ($looked_at, @faults) = check_tree($root);
is(scalar @faults, 0, "$looked_at include lines keep to common/LAYERS") or diag(join "\n", @faults);
cmp_ok($looked_at, '>', 50, 'there was something to look at');

done_testing;
