#!/usr/bin/perl
# The simulated Exchange refuses what the published schema refuses, and nothing else: requests are damaged in every way
# that comes to mind, and its verdict on each is compared with xmllint's. What it answers is right by the same schema.
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

# --- answers ------------------------------------------------------------------------------------

# Every operation, as it goes well and as it fails: what the simulator answers is what the schema wants, where that has
# the operation.
$sim = Exg::Sim->start(
    mailboxes => [
        'rcpt@example.com name="A Recipient" discovery oof="Away." busy=2026-11-23T09:00:00Z/2026-11-23T10:00:00Z',
        'svc@example.com',
        'list@example.com type=PublicDL members=rcpt@example.com,other@example.net',
        'rooms@example.com type=PublicDL roomlist members=room@example.com',
        'room@example.com',
    ],
    account => 'rcpt@example.com:secret',
    options => ['--stream-minute', 10, '--heartbeat', 100],
);
my %lacks = map { ("get$_" => 1) } qw(mailtips useroofsettings useravailability);
my %elsewhere = map { ($_ => 1) } qw(exportitems findpeople-gal getdelegate getserviceconfiguration-mailtips getuserconfiguration getuserphoto
    markallitemsasread uploaditems);
my ($answers, @answers) = (0);

sub post
{
    my ($name, $text) = @_;
    my $file = spew(sprintf('%s/%05d-%s.xml', $work, $serial++, $name), $text);
    my $sent = run_program('curl', '-sS', '--cacert', $sim->ca_file, '-u', 'rcpt@example.com:secret', '-H', 'Content-Type: text/xml',
        '--data-binary', "\@$file", '-o', "$file.answer", $sim->url);
    die "curl: $sent->{err}" if $sent->{status} != 0;
    my $answer = slurp("$file.answer");
    # A stream is one envelope after another. In them Exchange writes m:Notification where its schema has t:Notification.
    my @envelopes = map { s{(</?)m:Notification>}{$1t:Notification>}gr } split /(?=<\?xml)/, $answer;
    push @answers, map { spew("$file.$_.answer", $envelopes[$_]) } 0 .. $#envelopes if !$lacks{$name};
    return $answer;
}

# A template of a request, with ids that are there instead of those in it.
sub request
{
    my ($name, %ids) = @_;
    my $text = slurp("$schema/templates/request/$name.xml");
    $text =~ s/ItemId Id="AAMkAD="(?: ChangeKey="[^"]*")?/ItemId $ids{item}/g   if $ids{item};
    $text =~ s/AlternateId Format="EwsId" Id="AAMkAD="/AlternateId Format="EwsId" Id="$ids{folder}"/g if $ids{folder};
    $text =~ s/Id="AAMkAF="/Id="$ids{folder}"/g                if $ids{folder};
    $text =~ s/(SubscriptionId>)[^<]+/$1$ids{subscription}/g   if $ids{subscription};
    $text =~ s{<m:SyncState>[^<]*</m:SyncState>}{$ids{state}}g if defined $ids{state};
    return $text;
}

sub new_item
{
    my ($id) = post('createitem-draft', request('createitem-draft')) =~ m{<t:ItemId (Id="[^"]+" ChangeKey="[^"]+")};
    return $id;
}

sub succeeds
{
    my ($name, %ids) = @_;
    my $answer = post($name, request($name, %ids));
    my ($code) = grep { $_ ne 'NoError' } $answer =~ m{ResponseCode[^>]*>(\w+)<}g;
    is($code, undef, $name);
    return $answer;
}

my @names = map { m{([^/]+)\.xml\z} && !$elsewhere{$1} ? $1 : () } files_in("$schema/templates/request");
cmp_ok(scalar @names, '>', 30, 'there are requests of each kind');
post($_, request($_)) for @names, sort keys %elsewhere;    # with ids that are not there, or operations that are not
my ($folder) = succeeds('getfolder') =~ /<t:FolderId Id="([^"]+)"/;
my ($subscription) = succeeds('subscribe-streaming-all') =~ m{SubscriptionId>([^<]+)<};
my ($items)   = succeeds('syncfolderitems',     folder => $folder, state => '') =~ m{(<m:SyncState>[^<]+</m:SyncState>)};
my ($folders) = succeeds('syncfolderhierarchy', state => '') =~ m{(<m:SyncState>[^<]+</m:SyncState>)};
for my $name (grep { !/^(?:createfolder|getfolder|subscribe|unsubscribe|sync|getstreamingevents)/ } @names) {
    succeeds($name, item => new_item(), folder => $folder, subscription => $subscription);
}
my ($arrived) = succeeds('finditem-by-messageid') =~ m{<t:ItemId (Id="[^"]+" ChangeKey="[^"]+")};
succeeds($_, item => $arrived) for 'updateitem-isread', 'deleteitem-harddelete';
# by now there are changes of every kind
succeeds('syncfolderitems',     folder => $folder, state => $items);
succeeds('syncfolderhierarchy', state => $folders);
like(succeeds('getstreamingevents', subscription => $subscription), qr/NewMailEvent.*ConnectionStatus>Closed</s, 'with events');
succeeds('unsubscribe', subscription => $subscription);

$lint = run_program('xmllint', '--nonet', '--noout', '--schema', "$schema/oracle/ews.xsd", @answers);
my $valid = () = $lint->{err} =~ /^\S+ validates$/mg;
cmp_ok($valid, '>', 100, "$valid answers are as the schema wants them");
is(join("\n", grep { !/ validates$/ } split /\n/, $lint->{err}), '', 'and there is none that is not');
is($sim->{process}->stop, 0, 'the simulated Exchange ends well');

done_testing;
