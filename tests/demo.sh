#!/bin/bash
# demo.sh - one message for two recipients, of whom one does not exist: through exgate-lmtpd into a simulated Exchange. Needs no
# configuration, touches nothing outside a temporary directory and leaves nothing running. `make demo` builds and runs it.
set -euo pipefail
cd "$(dirname "$0")/.."
programs=${EXG_RELEASE:-build/release}

if [[ -t 1 ]]; then
    bold=$'\e[1m' dim=$'\e[2m' blue=$'\e[34m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
    bold='' dim='' blue='' green='' red='' plain=''
fi
step() { printf '\n%s%s%s\n\n' "$bold" "$1" "$plain"; }
note() { printf '  %s\n' "$1"; }
fail()
{
    printf '\n%sThe demonstration failed: %s%s\n' "$red" "$1" "$plain" >&2
    [[ ! -s $work/log ]] || sed 's/^/  exgate-lmtpd: /' "$work/log" >&2
    exit 1
}

work=$(mktemp -d "${TMPDIR:-/tmp}/exgate-demo.XXXXXX")
lmtpd=
finish()
{
    trap - EXIT
    [[ -z $lmtpd ]] || kill "$lmtpd" 2>/dev/null || true
    [[ ! -s $work/sim/pid ]] || "$programs/exchange-sim" control "$work/sim" quit >/dev/null 2>&1 || true
    wait || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

step '1. A simulated Exchange with one mailbox'
mkdir "$work/sim" "$work/spool"
url=$("$programs/exchange-sim" --state "$work/sim" --mailbox ann@example.com --account 'EXAMPLE\exgate:secret' --background)
note "ann@example.com at $url"

step '2. exgate-lmtpd in front of it'
printf 'secret\n' > "$work/password"
cat > "$work/exgate.conf" <<CONF
[exchange]
endpoint = $url
username = EXAMPLE\\exgate
password_file = $work/password
ca_file = $work/sim/ca.pem
throttle_file = $work/throttle.db

[lmtp]
listen = unix:$work/lmtp.sock
hostname = mx.example.com
spool_directory = $work/spool

[delivery]
journal = $work/journal.db

[directory]
cache = $work/directory.db
CONF
sed "s/^/  $dim| $plain/" "$work/exgate.conf"
mkfifo "$work/ready"
"$programs/exgate-lmtpd" --config "$work/exgate.conf" --notify-fd 3 3>"$work/ready" 2>"$work/log" &
lmtpd=$!
read -r -t 20 < "$work/ready" || fail 'exgate-lmtpd does not start'

step '3. One message for Ann, who has a mailbox, and for Ghost, who has none'
perl -Itests/lib -MExg::Lmtp - "unix:$work/lmtp.sock" tests/data/demo.eml "$blue" "$green" "$red" "$plain" <<'PERL' || fail 'the replies are not what they should be'
use strict;
use warnings;
my ($address, $path, $blue, $green, $red, $plain) = @ARGV;
open my $file, '<:raw', $path or die "$path: $!\n";
my $message = do { local $/; <$file> =~ s/\n/\r\n/gr };
my $lmtp = Exg::Lmtp->new($address);
$lmtp->command('LHLO mta.example.com');
my @replies = $lmtp->deliver(from => 'joerg@example.net', to => [qw(ann@example.com ghost@example.com)], message => $message);
$lmtp->quit;
for (split /\n/, $lmtp->dialogue) {
    my $colour = /^C:/ ? $blue : /^S: [45]/ ? $red : $green;
    print "  $colour$_$plain\n";
}
exit !($replies[0] =~ /^250 2\.0\.0/ && $replies[1] =~ /^550 5\.1\.1/);
PERL

step "4. What lies in Ann's inbox now"
inbox=("$work"/sim/mailboxes/ann@example.com/inbox/*.eml)
[[ ${#inbox[@]} -eq 1 && -s ${inbox[0]} ]] || fail 'the mailbox does not hold exactly one message'
tr -d '\r' < "${inbox[0]}" | sed "s/^/  $dim| $plain/"
perl -e 'local $/; open my $a, "<:raw", shift; open my $b, "<:raw", shift; my ($stored, $sent) = (<$a>, <$b>); $sent =~ s/\n/\r\n/g;
    exit !(length $stored > length $sent && substr($stored, -length $sent) eq $sent)' "${inbox[0]}" tests/data/demo.eml ||
    fail 'the message has changed on its way'
note ''
note "Below the three fields that exgate added it is the message as sent, byte for byte."

step '5. What exgate logged'
sed "s/^/  $dim| $plain/" "$work/log" | cut -c1-400

[[ ! -s $work/sim/refusals ]] || fail "Exchange would have refused: $(cat "$work/sim/refusals")"
kill "$lmtpd"
wait "$lmtpd" || fail 'exgate-lmtpd did not end well'
lmtpd=
step "${green}Delivered, refused, stopped; nothing is left running."
