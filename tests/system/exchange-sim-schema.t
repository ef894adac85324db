#!/usr/bin/perl
# The simulated Exchange refuses what the published schema refuses, and nothing else: requests are damaged in every way
# that comes to mind, and its verdict on each is compared with xmllint's.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Sim;
use Exg::Test;
use Test::More;

my $schema = $ENV{EXG_SCHEMA} // '';
plan skip_all => 'the schema collection is not here' if !-r "$schema/oracle/ews.xsd";
need_program('xmllint');
need_program('curl');

my $work = temporary_directory();
my $sim  = Exg::Sim->start(mailboxes => ['rcpt@example.com'], account => 'svc:secret', options => ['--memory']);

# What is not the schema's: rights and ids that are not there, and what Exchange checks besides.
my @samples = qw(createitem-deliver-impersonation createitem-deliver-mdn createitem-draft createitem-send-and-save finditem-by-deliverykey
    finditem-by-deliverykey-bounded getfolder getitem-mime resolvenames);

# Every damaged form of a request, as [what, text].
sub damaged
{
    my ($text) = @_;
    my @tokens = $text =~ /(<[^>]+>|[^<]+)/g;
    my @damaged;
    my $add = sub { my ($what, @changed) = @_; push @damaged, [$what, join('', @changed)] };
    for my $i (0 .. $#tokens) {
        my $token = $tokens[$i];
        next if $token =~ m{^<(?:\?|/)} || $token !~ /\S/ || $token =~ m{s:Envelope|s:Body};
        my ($before, $after) = ([@tokens[0 .. $i - 1]], [@tokens[$i + 1 .. $#tokens]]);
        if ($token !~ /^</) {
            $add->("no text '$token'", @$before, @$after);
            $add->("other text '$token'", @$before, 'x y', @$after);
            next;
        }
        # the whole element, up to its end
        my ($name) = $token =~ /^<([\w:]+)/;
        my $end = $i;
        if ($token !~ m{/>$}) {
            my $depth = 1;
            while ($depth > 0) {
                $end++;
                $depth++ if $tokens[$end] =~ m{^<\Q$name\E\b} && $tokens[$end] !~ m{/>$};
                $depth-- if $tokens[$end] =~ m{^</\Q$name\E>};
            }
        }
        my @element = @tokens[$i .. $end];
        my @rest    = @tokens[$end + 1 .. $#tokens];
        $add->("without $name", @$before, @rest);
        $add->("$name twice", @$before, @element, @element, @rest);
        $add->("$name renamed", @$before, map({ s/^(<\/?)\Q$name\E\b/$1${name}x/r } @element), @rest);
        $add->("$name in the other namespace", @$before, map({ s/^(<\/?)([tm]):(\w+)/$1 . ($2 eq 't' ? 'm' : 't') . ":$3"/er } @element), @rest);
        $add->("$name with text", @$before, $element[0] =~ s{/>$}{>text</$name>}r, @element[1 .. $#element], @rest) if $token =~ m{/>$};
        $add->("$name with a child", @$before, $token =~ s{/>$}{><t:Value/></$name>}r, @$after) if $token =~ m{/>$};
        # after the element that follows it
        my ($next) = grep { $rest[$_] =~ /\S/ } 0 .. $#rest;
        if (defined $next && $rest[$next] =~ m{^<([\w:]+)[^>]*/>$}) {
            $add->("$name after $1", @$before, @rest[0 .. $next], @element, @rest[$next + 1 .. $#rest]);
        } elsif (defined $next && $rest[$next] =~ m{^<(\w[\w:]*)}) {
            my ($other, $stop) = ($1, $next);
            $stop++ while $rest[$stop] ne "</$other>";
            $add->("$name after $other", @$before, @rest[0 .. $stop], @element, @rest[$stop + 1 .. $#rest]);
        }
        for my $attribute ($token =~ /(\w+)="/g) {
            $add->("$name without $attribute", @$before, $token =~ s/ $attribute="[^"]*"//r, @$after);
            $add->("$name with another $attribute", @$before, $token =~ s/ $attribute="[^"]*"/ $attribute="?"/r, @$after);
            $add->("$name with an empty $attribute", @$before, $token =~ s/ $attribute="[^"]*"/ $attribute=""/r, @$after);
            $add->("$name with ${attribute}X", @$before, $token =~ s/ $attribute="/ ${attribute}X="/r, @$after);
        }
    }
    return @damaged;
}

my @cases;
for my $sample (@samples) {
    my $text = slurp("$schema/templates/request/$sample.xml");
    push @cases, map { ["$sample: $_->[0]", $_->[1]] } ['as it is', $text], damaged($text);
}
my $serial = 0;
$_->[2] = spew(sprintf('%s/%05d.xml', $work, $serial++), $_->[1]) for @cases;
cmp_ok(scalar @cases, '>', 1000, 'there are requests to compare');

# One xmllint and one curl for all of them.
my $lint = run_program('xmllint', '--nonet', '--noout', '--schema', "$schema/oracle/ews.xsd", map { $_->[2] } @cases);
my %valid = map { $_ => 1 } $lint->{err} =~ /^(\S+) validates$/mg;
my $right = () = keys %valid;
cmp_ok($right, '>', 100, 'some are right');
cmp_ok(@cases - $right, '>', 500, 'some are wrong');
my $config = spew("$work/config", join "next\n", map {
    join '', map { "$_\n" } 'silent', 'url = "' . $sim->url . '"', 'cacert = "' . $sim->ca_file . '"', 'user = "svc:secret"',
        'header = "Content-Type: text/xml"', "data-binary = \"\@$_->[2]\"", "output = \"$_->[2].answer\""
} @cases);
is(run_program('curl', '-K', $config)->{status}, 0, 'all are sent');

my ($agreed, @differ) = (0);
for my $case (@cases) {
    my ($what, undef, $file) = @$case;
    my ($code) = slurp("$file.answer") =~ m{<(?:m|e):ResponseCode[^>]*>(\w+)<};
    my $refused = $code =~ /^Error(?:SchemaValidation|InvalidServerVersion)$/;
    # the body's element decides which operation it is, before the schema does
    $refused = 1 if $code eq 'ErrorInvalidRequest';
    if ($refused == !$valid{$file}) {
        $agreed++;
    } else {
        push @differ, sprintf('%s: xmllint says %s, the simulator %s', $what, $valid{$file} ? 'right' : 'wrong', $code);
    }
}
is(scalar @differ, 0, "the same verdict on $agreed of " . @cases . ' requests') or diag(join "\n", @differ);
is($sim->{process}->stop, 0, 'the simulated Exchange ends well');

done_testing;
