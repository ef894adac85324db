#!/usr/bin/perl
# The commands of exgate that ask Exchange something: what they print for people and for programs, and how they fail.
use strict;
use warnings;
use utf8;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Encode qw(decode encode);
use Exg::Sim;
use Exg::Test;
use JSON::PP;
use Test::More;

binmode $_, ':utf8' for Test::More->builder->output, Test::More->builder->failure_output;
delete @ENV{qw(COLUMNS NO_COLOR)};
$ENV{LC_ALL} = 'C.UTF-8';
$ENV{TZ} = 'UTC';

my $exgate = program('exgate');
my $sim = Exg::Sim->start(
    account   => 'svc@example.test:pass word',
    mailboxes => [
        map { encode('UTF-8', $_) }
        'svc@example.test name="Service"',
        'ann@example.test name="Ann Müller" busy=2026-11-23T09:00:00Z/2026-11-23T10:30:00Z/Busy/Budget '
          . 'busy=2026-11-23T13:00:00Z/2026-11-23T14:00:00Z/Tentative/Lunch',
        'bob@example.test name="田中" busy=2026-11-23T00:00:00Z/2026-11-23T12:00:00Z/OOF',
        'staff@example.test type=PublicDL members=ann@example.test,bob@example.test,inner@example.test',
        'inner@example.test type=PublicDL members=ann@example.test,x@elsewhere.test',
        'vienna@example.test name="Rooms in Vienna" type=PublicDL roomlist members=blue@example.test',
        'blue@example.test name="Blue Room"',
    ],
);
my $directory = temporary_directory();

sub configuration
{
    my ($name, %changes) = @_;
    my %exchange = (
        endpoint => $sim->url, username => $sim->user, password_file => spew("$directory/password", $sim->password, 0600),
        ca_file => $sim->ca_file, throttle_file => "$directory/$name.throttle", %changes,
    );
    return spew("$directory/$name.conf", join '', "[exchange]\n", (map { "$_ = $exchange{$_}\n" } sort keys %exchange),
        "[lmtp]\nspool_directory = $directory\n[delivery]\njournal = $directory/journal.db\n");
}
my $conf = configuration('good');

sub tool { my ($command, @words) = @_; return run_program($exgate, $command, '--config', $conf, map { encode('UTF-8', $_) } @words) }

# What a command prints, pinned.
sub prints
{
    my ($status, $expected, $command, @words) = @_;
    my $result = tool($command, @words);
    my $out = decode('UTF-8', $result->{out});
    is($result->{status}, $status, "$command @words: exit status $status") or diag($result->{err});
    is($out, $expected, "$command @words: what it prints");
    is(scalar(grep { length > 80 } split /\n/, $out), 0, 'no line is wider than a terminal');
    return $result;
}

# The same for programs: has exactly these keys, and answers the first object.
sub json
{
    my ($status, $keys, $command, @words) = @_;
    my $result = tool($command, '--json', @words);
    is($result->{status}, $status, "$command --json @words: exit status $status") or diag($result->{err});
    my $value = eval { decode_json($result->{out}) };
    ok(defined $value, 'is JSON') or diag($@, $result->{out});
    my $first = ref $value eq 'ARRAY' ? $value->[0] : $value;
    is(join(' ', sort keys %$first), join(' ', sort split ' ', $keys), 'with the keys promised');
    return $value;
}

# --- people and groups ------------------------------------------------------------------------

prints(0, <<'END', 'resolve', 'ann');
NAME        ADDRESS           TYPE
Ann Müller  ann@example.test  Mailbox
END
my $result = prints(67, <<'END', 'resolve', 'ann', 'bob', 'zzz');
ASKED  NAME        ADDRESS           TYPE
ann    Ann Müller  ann@example.test  Mailbox
bob    田中        bob@example.test  Mailbox
END
is($result->{err}, "exgate: nobody is found for 'zzz'\n", 'who is not found is told');
my $value = json(67, 'asked candidates complete error', 'resolve', 'ann', 'zzz');
is($value->[0]{candidates}[0]{address}, 'ann@example.test', 'the candidate');
is($value->[0]{candidates}[0]{name}, 'Ann Müller', 'with his name');
is($value->[1]{error}{kind}, 'no-mailbox', 'and nobody');

prints(0, <<'END', 'expand', 'staff@example.test');
NAME        ADDRESS             TYPE
Ann Müller  ann@example.test    Mailbox
田中        bob@example.test    Mailbox
inner       inner@example.test  PublicDL
END
prints(0, <<'END', 'expand', '--recursive', 'staff@example.test');
NAME        ADDRESS           TYPE
Ann Müller  ann@example.test  Mailbox
田中        bob@example.test  Mailbox
x           x@elsewhere.test  Contact
END
$value = json(0, 'group members failures complete', 'expand', '-r', 'staff@example.test');
is(scalar @{ $value->{members} }, 3, 'all members');
is(tool('expand', 'nobody@example.test')->{status}, 67, 'no such group');

prints(0, <<'END', 'roomlists');
NAME             ADDRESS
Rooms in Vienna  vienna@example.test
END
prints(0, <<'END', 'rooms', 'vienna@example.test');
NAME       ADDRESS
Blue Room  blue@example.test
END
is(json(0, 'room_lists', 'roomlists')->{room_lists}[0]{address}, 'vienna@example.test', 'the list');
is(json(0, 'list rooms', 'rooms', 'vienna@example.test')->{rooms}[0]{address}, 'blue@example.test', 'the room');
$result = tool('rooms', 'ann@example.test');
is($result->{status}, 67, 'no such list');
is($result->{err}, "exgate: there is no list 'ann\@example.test'; exgate roomlists tells which there are\n", 'which is told');

prints(67, <<'END', 'mailtips', 'ann@example.test', 'no@example.test');
ADDRESS           TIPS
ann@example.test  messages up to 36.0 MiB
no@example.test   no such recipient
END
$value = json(67, 'address invalid_recipient mailbox_full delivery_restricted moderated max_message_bytes members '
      . 'external_members out_of_office custom_tip pending error', 'mailtips', 'ann@example.test', 'no@example.test');
ok($value->[1]{invalid_recipient}, 'no such recipient');

# --- calendars --------------------------------------------------------------------------------

my @day = ('--from', '2026-11-23', '--zone', 'Europe/Vienna');
prints(0, <<'END', 'freebusy', @day, 'ann@example.test', 'bob@example.test');
Monday, 23 November 2026, UTC+01:00
                  00  02  04  06  08  10  12  14  16  18  20  22
ann@example.test  ····················███·····░░··················
bob@example.test  ··▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓······················

· free   ░ tentative   █ busy   ▓ out of office   ▒ elsewhere   ? not known
END
prints(0, <<'END', 'freebusy', '--details', '--from', '2026-11-23 08:00', '--to', '16:00', 'ann@example.test');
Monday, 23 November 2026, UTC+00:00
                  08  10  12  14
ann@example.test  ··███·····░░····

· free   ░ tentative   █ busy   ▓ out of office   ▒ elsewhere   ? not known

WHO               FROM         TO           TYPE       SUBJECT  WHERE
ann@example.test  11-23 09:00  11-23 10:30  busy       Budget
ann@example.test  11-23 13:00  11-23 14:00  tentative  Lunch
END
{
    local $ENV{LC_ALL} = 'C';
    prints(0, <<'END', 'freebusy', '--interval', '60', @day, 'ann@example.test');
Monday, 23 November 2026, UTC+01:00
                  00 03 06 09 12 15 18 21
ann@example.test  ..........BB..t.........

. free   t tentative   B busy   O out of office   e elsewhere   ? not known
END
    local $ENV{COLUMNS} = 50;
    $result = tool('freebusy', @day, 'ann@example.test');
    is(scalar(grep { length > 50 } split /\n/, $result->{out}), 0, 'the width of the terminal is respected');
}
$value = json(0, 'from to interval_min attendees', 'freebusy', @day, 'ann@example.test');
is($value->{from}, '2026-11-22T23:00:00.000Z', 'the beginning');
like($value->{attendees}[0]{merged}, qr/^0{20}2{3}0{5}11/, 'the digits');
is($value->{attendees}[0]{events}[0]{subject}, 'Budget', 'an appointment');
$result = tool('freebusy', @day, 'ann@example.test', 'no@example.test');
cmp_ok($result->{status}, '>', 0, 'somebody is not there');
like($result->{out}, qr/^no\@example\.test   Exchange answered ErrorMailRecipientNotFound/m, 'which is told in his line');

like(tool('timezones')->{out}, qr/\AID +NAME\n.*^W\. Europe Standard Time +\(UTC\+01:00\)/ms, 'the time zones');
prints(0, <<'END', 'timezones', '--id', 'Europe/Vienna');
id             W. Europe Standard Time
name           (UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna
elsewhere      Europe/Berlin
standard time  UTC+01:00, from 03:00 on the last Sunday of October
daylight time  UTC+02:00, from 02:00 on the last Sunday of March
END
json(0, 'id name iana', 'timezones');

# --- ids and evidence -------------------------------------------------------------------------

spew("$directory/message", "Subject: x\n\nhi\n");
my $item = decode_json(tool('deliver', '--json', "$directory/message", '--to', 'ann@example.test')->{out})->[0]{item_id};
$result = tool('convert-id', '--to', 'HexEntryId', '--mailbox', 'ann@example.test', $item);
is($result->{status}, 0, 'an id is converted') or diag($result->{err});
like($result->{out}, qr/\A[0-9A-Fa-f]+\n\z/, 'into a form that is what was asked for');
chomp(my $hex = $result->{out});
is(tool('convert-id', '--from', 'hexentryid', '--to', 'EwsId', '--mailbox', 'ann@example.test', $hex)->{out}, "$item\n", 'and back');
$value = json(76, 'given id format mailbox error', 'convert-id', '--to', 'EwsId', '--from', 'HexEntryId', 'zz', $hex);
is($value->[0]{error}{code}, 'ErrorInvalidIdMalformed', 'what is none');
is($value->[1]{id}, $item, 'and what is one');
$result = tool('searchable');
is($result->{status}, 77, 'searching for evidence takes a role');
like(
    $result->{err}, qr/\Aexgate: [^\n]*ErrorAccessDenied[^\n]*\nexgate: [^\n]*Add-RoleGroupMember [^\n]*-Member '[^\n]*'\n\z/,
    'which is told, with the command that gives it'
);

# --- status -----------------------------------------------------------------------------------

$result = tool('status');
is($result->{status}, 0, 'status') or diag($result->{err});
my $url = $sim->url;
like($result->{out}, qr{\Aendpoint        \Q$url\E\nproduct         Exchange 2019 or SE\nbuild           15\.2\.\d+\.\d+
API version     Exchange2016; the server's own: V\w+\nanswered        in \d+ ms\naccount         svc\@example\.test, by impersonation
authentication  basic\njournal         0 open; 1 done; [\d.]+ KiB\nthrottle        open; up to 64 requests at a time; .*
exgate-lmtpd    not asked}s, 'tells all of it');
$value = json(0, 'server journal throttle lmtpd', 'status');
is($value->{server}{api_version}, 'Exchange2016', 'the version');
$value = json(0, 'journal lmtpd', 'status', '--local');
is($value->{journal}{done}, 1, 'the journal alone');

# --- wrong usage ------------------------------------------------------------------------------

my @commands = qw(check status resolve expand freebusy mailtips roomlists rooms timezones searchable convert-id deliver watch);
for my $command (@commands) {
    $result = run_program($exgate, 'help', $command);
    is($result->{status}, 0, "help $command");
    like($result->{out}, qr/exgate $command.*--json.*--timeout/s, 'explains the options');
    is(run_program($exgate, $command, '--no-such')->{status}, 64, "$command: an unknown option");
    is(run_program($exgate, $command, '--timeout', 'soon')->{status}, 64, "$command: a time that is none");
}
for my $wrong (
    ['resolve'], ['resolve', ''], ['expand'], ['expand', 'a', 'b'], ['freebusy'], ['mailtips'], ['rooms'], ['roomlists', 'x'],
    ['timezones', 'x'], ['searchable', 'a', 'b'], ['convert-id', 'x'], ['convert-id', '--to', 'Nothing', 'x'], ['convert-id', '--to', 'EwsId'], ['watch', 'ann@example.test', '--folder', 'in-tray'],
    ['deliver'], ['deliver', "$directory/message"], ['deliver', "$directory/message", '--to', 'ann'], ['watch'], ['status', 'x'],
    ['freebusy', '--from', 'soon', 'a'], ['freebusy', '--from', '2026-13-40', 'a'], ['freebusy', '--to', '2020-01-01', 'a'],
    ['freebusy', '--interval', '1', 'a'], ['freebusy', '--zone', 'No/Where', 'a'],
    ['freebusy', '--from', '2026-01-01', '--to', '2026-12-31', 'a'],
  ) {
    $result = tool(@$wrong);
    is($result->{status}, 64, "@$wrong: exit status 64") or diag($result->{out});
    like($result->{err}, qr/\Aexgate: [^\n]+\n\z/, 'told in one sentence');
    is($result->{out}, '', 'and on standard error only');
}
$result = run_program($exgate, '--config', $conf, 'resolve', 'ann');
is($result->{status}, 64, 'an option before the command');
is($result->{err}, "exgate: a command comes first, and --config after it; try exgate --help\n", 'is told to come after it');
is(run_program($exgate, 'resolve', '--config', $conf, "a\xff")->{status}, 64, 'what is not UTF-8');

# --- what goes wrong --------------------------------------------------------------------------

sub fails
{
    my ($status, $expression, $what, $file, @words) = @_;
    my ($command, @rest) = @words;
    my $failed = run_program($exgate, $command, '--config', $file, @rest);
    is($failed->{status}, $status, "$what, $command: exit status $status") or diag($failed->{out}, $failed->{err});
    like($failed->{err}, qr/\Aexgate: [^\n]*(?:$expression)[^\n]*\n\z/, 'told in one sentence');
    unlike($failed->{out} . $failed->{err}, qr/pass word/, 'without the secret');
}
my @asking = (['resolve', 'ann'], ['expand', 'staff@example.test'], ['freebusy', 'ann@example.test'], ['mailtips', 'ann@example.test'],
    ['roomlists'], ['rooms', 'vienna@example.test'], ['timezones'], ['searchable'], ['convert-id', '--to', 'OwaId', 'x'], ['status']);
my $wrong = configuration('wrong', password_file => spew("$directory/wrong", 'pass wrong', 0600));
my $down  = configuration('down', endpoint => 'https://localhost:1/EWS/Exchange.asmx');
my $untrusted = configuration('untrusted', ca_file => spew("$directory/empty.pem", slurp($sim->ca_file) =~ s/^[^-].*//msr));
for my $words (@asking) {
    fails(77, '', 'a wrong password', $wrong, @$words);
    fails(75, 'connect|reach', 'nobody there', $down, @$words, '--timeout', '200ms');
}
fails(78, 'nonexistent', 'no configuration', '/nonexistent/conf', 'resolve', 'ann');
fails(78, 'password_file', 'no password', configuration('none', password_file => "$directory/nonexistent"), 'resolve', 'ann');

for my $words (['resolve', 'ann'], ['check']) {
    my ($command, @rest) = @$words;
    my $full = run_program('sh', '-c', 'exec "$@" >/dev/full', 'sh', $exgate, $command, '--config', $conf, @rest);
    is($full->{status}, 74, "$command: an output that is full");
    like($full->{err}, qr/^exgate: (?:cannot write the output: No space left on device|the output could not be written in full)$/m, 'is told');
}

# What root finds out belongs to the services' user.
if ($> == 0) {
    my $theirs = temporary_directory();
    my $nobody = getpwnam 'nobody';
    chown $nobody, -1, $theirs or die "chown: $!";
    $result = run_program($exgate, 'discover', 'cache', 'list', '--config', configuration('theirs', discovery_cache => "$theirs/discovery.db"));
    is($result->{status}, 0, 'exgate discover as root') or diag($result->{err});
    my @owners = map { (stat)[4] } glob "$theirs/*";
    cmp_ok(scalar @owners, '>', 0, 'makes the file');
    is(scalar(grep { $_ != $nobody } @owners), 0, 'for the owner of its directory');
}

$sim->control('on ResolveNames times=1 do code ErrorServerBusy backoff=200 fault');
is(tool('resolve', 'ann')->{status}, 0, 'where Exchange asks to come back, it does');

$sim->stop;
done_testing;
