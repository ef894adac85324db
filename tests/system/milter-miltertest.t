#!/usr/bin/perl
# exgate-milter as miltertest(8) sees it: scripts in Lua, by libmilter's other half.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Milter;
use Exg::Sim;
use Exg::Test;
use Test::More;

need_program('miltertest');

my $sim = Exg::Sim->start(mailboxes => [
    'ann@example.com', 'full@example.com quota=10', 'all@example.com type=PublicDL members=ann@example.com', 'vip@example.com restricted',
    'small@example.com max-size=100000',
]);
my $scratch = temporary_directory();

# What each script begins with: a connection, and words for what is said and expected.
my $prelude = <<'LUA';
function check(good, name)
    mt.echo((good and "ok " or "not ok ") .. name)
end
function open()
    local conn = mt.connect("unix:" .. SOCKET, 40, 0.25)
    if conn == nil then error("no connection") end
    return conn
end
function mail(conn, from, ...)
    if mt.mailfrom(conn, from, ...) ~= nil then error("MAIL failed") end
    return mt.getreply(conn)
end
function rcpt(conn, to)
    if mt.rcptto(conn, to) ~= nil then error("RCPT failed") end
    return mt.getreply(conn)
end
LUA

# Runs a script against exgate-milter with this configuration; each "ok" and "not ok" that it prints is a test.
sub script
{
    my ($name, $conf, $lua) = @_;
    my $milter = Exg::Milter->start(sim => $sim, conf => { directory => { tips_sender => 'ann@example.com' }, milter => $conf });
    my $file = spew("$scratch/script.lua", $prelude . $lua);
    my $result = run_program('miltertest', '-D', 'SOCKET=' . $milter->socket, '-s', $file);
    is($result->{status}, 0, "$name: the script runs to its end") or diag($result->{out}, $result->{err});
    my @lines = $result->{out} =~ /^((?:not )?ok .*)$/mg;
    cmp_ok(scalar @lines, '>', 0, "$name: it has checked something");
    ok(!/^not/, "$name: " . s/^(?:not )?ok //r) for @lines;
    $milter->stop;
}

script('recipients', {}, <<'LUA');
conn = open()
if mt.negotiate(conn, nil, nil, nil) ~= nil then error("negotiation failed") end
check(mt.test_option(conn, SMFIP_NOBODY), "no body is wanted")
check(mt.test_option(conn, SMFIP_NOHDRS), "nor a header")
check(mt.test_option(conn, SMFIP_NOHELO), "nor HELO")
check(not mt.test_option(conn, SMFIP_NORCPT), "RCPT is")
check(not mt.test_option(conn, SMFIP_NODATA), "and DATA")
check(not mt.test_action(conn, SMFIF_ADDHDRS), "no header will be added")
check(mail(conn, "<writer@sink.test>", "SIZE=200000") == SMFIR_CONTINUE, "MAIL")
check(rcpt(conn, "<ann@example.com>") == SMFIR_CONTINUE, "a mailbox")
check(rcpt(conn, "<ghost@example.com>") == SMFIR_REPLYCODE, "nobody")
check(rcpt(conn, "<full@example.com>") == SMFIR_REPLYCODE, "a full mailbox")
check(rcpt(conn, "<small@example.com>") == SMFIR_REPLYCODE, "too large for this one")
check(rcpt(conn, "<all@example.com>") == SMFIR_REPLYCODE, "a group")
check(rcpt(conn, "<vip@example.com>") == SMFIR_CONTINUE, "a restricted one")
mt.data(conn)
check(mt.getreply(conn) == SMFIR_ACCEPT, "the message is accepted at DATA")
mt.disconnect(conn)
LUA

script('policy', { unknown => 'tempfail', restricted => 'reject', group => 'accept', skip_recipients => 'ghost2@example.com' }, <<'LUA');
conn = open()
mt.negotiate(conn, nil, nil, nil)
mail(conn, "<writer@sink.test>")
check(rcpt(conn, "<ghost@example.com>") == SMFIR_REPLYCODE, "nobody, for now")
check(rcpt(conn, "<ghost2@example.com>") == SMFIR_CONTINUE, "nobody who is skipped")
check(rcpt(conn, "<vip@example.com>") == SMFIR_REPLYCODE, "restricted = reject")
check(rcpt(conn, "<all@example.com>") == SMFIR_CONTINUE, "group = accept")
mt.disconnect(conn)
LUA

script('learning', { mode => 'learn', internal_domains => 'example.com' }, <<'LUA');
conn = open()
mt.negotiate(conn, nil, nil, nil)
check(mail(conn, "<ann@example.com>") == SMFIR_CONTINUE, "a sender of ours")
check(rcpt(conn, "<ghost@example.com>") == SMFIR_CONTINUE, "nobody")
check(rcpt(conn, "<full@example.com>") == SMFIR_CONTINUE, "a full mailbox")
mt.disconnect(conn)
LUA

script('clients', { skip_networks => '192.0.2.0/24', skip_authenticated => 'yes', internal_domains => 'example.com' }, <<'LUA');
conn = open()
mt.negotiate(conn, nil, nil, nil)
mt.macro(conn, SMFIC_MAIL, "{client_addr}", "192.0.2.1")
check(mail(conn, "<ann@example.com>") == SMFIR_ACCEPT, "a network that is skipped")
mt.disconnect(conn)
conn = open()
mt.negotiate(conn, nil, nil, nil)
mt.macro(conn, SMFIC_MAIL, "{client_addr}", "198.51.100.1", "{auth_authen}", "ann")
check(mail(conn, "<ann@example.com>") == SMFIR_ACCEPT, "one who has authenticated")
mt.disconnect(conn)
conn = open()
mt.negotiate(conn, nil, nil, nil)
mt.macro(conn, SMFIC_MAIL, "{client_addr}", "198.51.100.1")
check(mail(conn, "<ann@example.com>") == SMFIR_REPLYCODE, "one who uses our address")
mt.disconnect(conn)
LUA

script('headers', { add_header => 'yes', mark_auto_submitted => 'yes' }, <<'LUA');
conn = open()
mt.negotiate(conn, nil, nil, nil)
check(mt.test_action(conn, SMFIF_ADDHDRS), "a header will be added")
check(mt.test_action(conn, SMFIF_CHGHDRS), "and others removed")
check(not mt.test_option(conn, SMFIP_NOHDRS), "the header is wanted")
mail(conn, "<>")
rcpt(conn, "<ann@example.com>")
mt.header(conn, "X-Exgate-Recipient", "forged")
mt.header(conn, "Subject", "x")
mt.eoh(conn)
mt.eom(conn)
check(mt.getreply(conn) == SMFIR_ACCEPT, "the message is accepted")
check(mt.eom_check(conn, MT_HDRDELETE, "X-Exgate-Recipient"), "the forged one is gone")
check(mt.eom_check(conn, MT_HDRINSERT, "X-Exgate-Recipient", "ann@example.com; mailbox; good"), "ours is there")
check(mt.eom_check(conn, MT_HDRINSERT, "X-Auto-Response-Suppress", "OOF, AutoReply"), "the bounce is marked")
mt.disconnect(conn)
LUA

script('connections', {}, <<'LUA');
for i = 1, 20 do
    conn = open()
    mt.disconnect(conn, false)
end
conn = open()
mt.negotiate(conn, nil, nil, nil)
for i = 1, 3 do
    mail(conn, "<writer@sink.test>")
    check(rcpt(conn, "<ann@example.com>") == SMFIR_CONTINUE, "message " .. i)
    check(rcpt(conn, "<ghost@example.com>") == SMFIR_REPLYCODE, "its bad recipient")
    mt.abort(conn)
end
mt.disconnect(conn)
LUA

$sim->stop;
done_testing;
