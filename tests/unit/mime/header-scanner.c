#include "common/mime/header-scanner-private.h"

#include "common/mime/message.h"

#include <string.h>

#define BYTES(text) text, sizeof(text) - 1
#define SAME        NULL, 0 /* as the input */
#define WHOLE       G_MAXSIZE

typedef struct {
    GString *carried, *hashed, *all;
    ExgHeaderFacts facts;
} Result;

static void
result_clear(Result *result)
{
    g_string_free(result->carried, TRUE);
    g_string_free(result->hashed, TRUE);
    g_string_free(result->all, TRUE);
    exg_header_facts_clear(&result->facts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Result, result_clear)

static void
take(const char *piece, gsize length, guint use, gpointer data)
{
    Result *result = data;
    g_string_append_len(result->all, piece, (gssize)length);
    if (use & EXG_HEADER_CARRY)
        g_string_append_len(result->carried, piece, (gssize)length);
    if (use & EXG_HEADER_HASH)
        g_string_append_len(result->hashed, piece, (gssize)length);
}

/* In pieces of `piece` bytes after a first one of `first`; each a copy, so that a sanitizer sees
 * any look past it. */
static void
scan(const char *input, gsize length, gsize first, gsize piece, Result *ret_result)
{
    *ret_result = (Result){g_string_new(NULL), g_string_new(NULL), g_string_new(NULL), {0}};
    g_autoptr(ExgHeaderMarks) marks = exg_header_marks_new("X-Spam-Flag: YES, X-Spam", NULL);
    g_autoptr(ExgHeaderScanner) scanner = exg_header_scanner_new(marks, take, ret_result);
    gsize wanted = first;
    for (gsize used = 0; used < length; wanted = piece) {
        gsize n = MIN(wanted, length - used);
        g_autofree char *copy = g_memdup2(input + used, n);
        exg_header_scanner_feed(scanner, copy, n);
        used += n;
    }
    exg_header_scanner_finish(scanner, &ret_result->facts);
    g_assert_cmpmem(ret_result->all->str, ret_result->all->len, input, length);
}

typedef struct {
    const char *input;
    gsize length;
    const char *carried;
    gsize carried_length;
    const char *hashed;
    gsize hashed_length;
    guint hops;
    bool has_date;
    gint64 received_time;
    const char *message_id;
    const char *delivered_to; /* the addresses, each followed by a space */
} Row;

#define TIME  1795252272
#define DATE  "Sat, 21 Nov 2026 10:11:12 +0100"
#define OLDER "Sat, 21 Nov 2026 09:00:00 +0100"
#define X100                                                                                       \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
    "xxxxxxxx"
#define X1000  X100 X100 X100 X100 X100 X100 X100 X100 X100 X100
#define SPACES "                                                                                "

static const Row rows[] = {
    /* nothing, no header, header only, a header that does not end */
    {BYTES(""), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES("\r\n"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES("\r\nDate: x\r\n"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES("\n\nDate: x\r\n"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES("just text\r\nDate: x\r\n"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES("word"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES(" continues nothing\r\nDate: x\r\n"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES("Date: x\r\n"), SAME, SAME, 0, true, -1, NULL, ""},
    {BYTES("Date: x"), SAME, SAME, 0, true, -1, NULL, ""},
    {BYTES("Date:"), SAME, SAME, 0, true, -1, NULL, ""},
    {BYTES("Date"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES("Message-ID: <a@b>"), SAME, SAME, 0, false, -1, "<a@b>", ""},
    {BYTES("\0\r\nDate: x\r\n"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES(": x\r\nDate: x\r\n"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES("\rDate: x\r\n"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES("\r"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES("A: b\r\n\rReturn-Path: <c@d>\r\n"), SAME, SAME, 0, false, -1, NULL, ""},

    /* Return-Path goes, with its continuations and in any spelling */
    {BYTES("Return-Path: <a@b>\r\nA: b\r\n\r\nReturn-Path: <a@b>\r\n"),
     BYTES("A: b\r\n\r\nReturn-Path: <a@b>\r\n"), BYTES("A: b\r\n\r\nReturn-Path: <a@b>\r\n"), 0,
     false, -1, NULL, ""},
    {BYTES("A: b\r\nreturn-PATH :\r\n\t<a@b>\r\n (x)\r\nC: d\r\n\r\n"),
     BYTES("A: b\r\nC: d\r\n\r\n"), BYTES("A: b\r\nC: d\r\n\r\n"), 0, false, -1, NULL, ""},
    {BYTES("Return-Path: a\r\nReturn-Path: b\r\n"), BYTES(""), BYTES(""), 0, false, -1, NULL, ""},
    {BYTES("Return-Path: a"), BYTES(""), BYTES(""), 0, false, -1, NULL, ""},
    {BYTES("Return-Path: a\r\n\r\n"), BYTES("\r\n"), BYTES("\r\n"), 0, false, -1, NULL, ""},
    {BYTES("Return-Path: a\r\nno field\r\n"), BYTES("no field\r\n"), BYTES("no field\r\n"), 0,
     false, -1, NULL, ""},
    {BYTES("Return-Path: a\nA: b\n\nReturn-Path: c\n"), BYTES("A: b\n\nReturn-Path: c\n"),
     BYTES("A: b\n\nReturn-Path: c\n"), 0, false, -1, NULL, ""},
    {BYTES("Return-Path\r\nA: b\r\n"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES("Return-Pat: x\r\nReturn-Paths: y\r\nX-Return-Path: z\r\n\r\n"), SAME, SAME, 0, false,
     -1, NULL, ""},
    {BYTES("Return-Path x: y\r\n"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES("Return-Path: \0\xff\r\n \0\r\nA: \0\xff\r\n\r\n\0\xff"),
     BYTES("A: \0\xff\r\n\r\n\0\xff"), BYTES("A: \0\xff\r\n\r\n\0\xff"), 0, false, -1, NULL, ""},
    {BYTES("Return-Path: " X1000 "\r\n " X1000 "\r\nA: " X1000 "\r\n"), BYTES("A: " X1000 "\r\n"),
     BYTES("A: " X1000 "\r\n"), 0, false, -1, NULL, ""},

    /* what an MTA adds anew at each attempt is no part of the digest */
    {BYTES("Delivered-To: a@b\r\nX-Original-To: c@d\r\n e\r\nEnvelope-To: f\r\nDelivery-Date: "
           "g\r\nA: b\r\n\r\nEnvelope-To: h"),
     SAME, BYTES("A: b\r\n\r\nEnvelope-To: h"), 0, false, -1, NULL, "a@b "},

    /* Received */
    {BYTES("Received: from a by b; " DATE "\r\n\r\n"), SAME, SAME, 1, false, TIME, NULL, ""},
    {BYTES("Received: from a (TLS; 256 bits)\r\n by b; id 1\r\n ;\r\n Sat, 21 Nov\r\n\t2026 "
           "10:11:12 +0100 (CET)\r\n\r\n"),
     SAME, SAME, 1, false, TIME, NULL, ""},
    {BYTES("received:x;" DATE "\r\nRECEIVED : y;" OLDER "\r\nReceived:\r\n\r\nReceived: z\r\n"),
     SAME, SAME, 3, false, TIME, NULL, ""},
    {BYTES("Received: x\r\nReceived: y;" DATE "\r\n\r\n"), SAME, SAME, 2, false, -1, NULL, ""},
    {BYTES("Received: " DATE "\r\n\r\n"), SAME, SAME, 1, false, -1, NULL, ""},
    {BYTES("Received: x; " DATE "; y\r\n\r\n"), SAME, SAME, 1, false, -1, NULL, ""},
    {BYTES("Received: x; " X1000 X1000 ";" DATE), SAME, SAME, 1, false, TIME, NULL, ""},
    {BYTES("Received: x; " DATE "(" X1000 X1000 ")"), SAME, SAME, 1, false, -1, NULL, ""},
    {BYTES("Received: x; Wed, 31 Dec 1969 10:00:00 +0000\r\n"), SAME, SAME, 1, false, -1, NULL, ""},
    {BYTES("X-Received: x; " DATE "\r\n\r\n"), SAME, SAME, 0, false, -1, NULL, ""},

    /* Message-ID */
    {BYTES("Message-ID: <a@b>\r\nMessage-Id: <c@d>\r\n\r\n"), SAME, SAME, 0, false, -1, "<a@b>",
     ""},
    {BYTES("Message-ID:\r\n <a@b>\r\n\r\n"), SAME, SAME, 0, false, -1, "<a@b>", ""},
    {BYTES("Message-ID: (x) <a@b> (y)\r\n"), SAME, SAME, 0, false, -1, "<a@b>", ""},
    {BYTES("Message-ID: bare@id\r\nMessage-ID: <a@b>\r\n"), SAME, SAME, 0, false, -1, "<a@b>", ""},
    {BYTES("Message-ID: <a@b\r\n\r\n"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES("Message-ID: <>\r\n\r\n"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES("Message-ID: <a\0b>\r\n\r\n"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES("Message-ID: <a\tb>\r\n\r\n"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES("Message-ID: <\xff>\r\n\r\n"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES("Message-ID: <" X100 X100 X100 X100 X100 X100 X100 X100 X100 X100 ">\r\n"), SAME, SAME,
     0, false, -1, NULL, ""},
    {BYTES("Message-ID: <" X1000 X1000 ">\r\n"), SAME, SAME, 0, false, -1, NULL, ""},

    /* Delivered-To */
    {BYTES("Delivered-To: A@B.example\r\nDelivered-To:\r\n <c@d.example.>\r\nDelivered-To: \"e "
           "f\"@g \r\n\r\n"),
     SAME, BYTES("\r\n"), 0, false, -1, NULL, "a@b.example c@d.example \"e f\"@g "},
    {BYTES("Delivered-To: mailing list x@y\r\nDelivered-To:\r\nDelivered-To: <>\r\nDelivered-To: "
           "a@b c\r\n\r\n"),
     SAME, BYTES("\r\n"), 0, false, -1, NULL, ""},
    {BYTES("Delivered-To: " X1000 X1000 "\r\n\r\n"), SAME, BYTES("\r\n"), 0, false, -1, NULL, ""},

    /* mbox: the line is content, the fields after it are read */
    {BYTES("From a@b Sat Nov 21 10:11:12 2026\r\nReturn-Path: x\r\nDate: x\r\n\r\n"),
     BYTES("From a@b Sat Nov 21 10:11:12 2026\r\nDate: x\r\n\r\n"),
     BYTES("From a@b Sat Nov 21 10:11:12 2026\r\nDate: x\r\n\r\n"), 0, true, -1, NULL, ""},
    {BYTES("A: b\r\nFrom a@b Sat\r\nReturn-Path: x\r\n"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES("From: a@b\r\nReturn-Path: x\r\n"), BYTES("From: a@b\r\n"), BYTES("From: a@b\r\n"), 0,
     false, -1, NULL, ""},
    {BYTES("From : a@b\r\nReturn-Path: x\r\n"), BYTES("From : a@b\r\n"), BYTES("From : a@b\r\n"), 0,
     false, -1, NULL, ""},

    /* a name that does not end: body */
    {BYTES(X1000 ":\r\nReturn-Path: x\r\n"), SAME, SAME, 0, false, -1, NULL, ""},
    {BYTES("Return-Path" SPACES SPACES ": x\r\nDate: x\r\n"), BYTES("Date: x\r\n"),
     BYTES("Date: x\r\n"), 0, true, -1, NULL, ""},
    {BYTES("Return-Path" SPACES SPACES SPACES SPACES ": x\r\nDate: x\r\n"), SAME, SAME, 0, false,
     -1, NULL, ""},
    {BYTES("A: b\r\nf\xc3\xbc: x\r\nDate: x\r\n"), SAME, SAME, 0, false, -1, NULL, ""},
    /* a lone CR is part of its line */
    {BYTES("A: b\rReturn-Path: x\r\nDate: x\r\n\r\n"), SAME, SAME, 0, true, -1, NULL, ""},
};

static void
check(const Row *row, gsize first, gsize piece)
{
    g_auto(Result) result;
    scan(row->input, row->length, first, piece, &result);
    const ExgHeaderFacts *facts = &result.facts;
    const char *carried = row->carried != NULL ? row->carried : row->input;
    const char *hashed = row->hashed != NULL ? row->hashed : row->input;
    g_assert_cmpmem(result.carried->str, result.carried->len, carried,
                    row->carried != NULL ? row->carried_length : row->length);
    g_assert_cmpmem(result.hashed->str, result.hashed->len, hashed,
                    row->hashed != NULL ? row->hashed_length : row->length);
    g_assert_cmpuint(facts->hops, ==, row->hops);
    g_assert_true(facts->has_date == row->has_date);
    g_assert_cmpint(facts->received_time, ==, row->received_time);
    g_assert_cmpstr(facts->message_id, ==, row->message_id);
    g_autoptr(GString) addresses = g_string_new(NULL);
    for (guint i = 0; facts->delivered_to != NULL && i < facts->delivered_to->len; i++)
        g_string_append_printf(addresses, "%s ", (char *)g_ptr_array_index(facts->delivered_to, i));
    g_assert_cmpstr(addresses->str, ==, row->delivered_to);
}

static void
test_rows(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("row %" G_GSIZE_FORMAT, i);
        for (gsize cut = 1; cut <= MAX(rows[i].length, 1); cut++)
            check(&rows[i], cut, WHOLE);
        check(&rows[i], 1, 1);
        check(&rows[i], 3, 3);
    }
}

/* A second field in front of one that cannot be read would be one too many. */
static void
test_unreadable_message_id(void)
{
    static const char *const with[] = {"Message-Id: N77056c\r\n\r\n", "MESSAGE-ID:\r\n\r\n"};
    static const char *const without[] = {"Subject: x\r\n\r\n", "X-Message-ID: <a@b>\r\n\r\n",
                                          "Subject: x\r\n\r\nMessage-ID: <a@b>\r\n"};
    for (guint i = 0; i < G_N_ELEMENTS(with); i++) {
        g_auto(Result) result;
        scan(with[i], strlen(with[i]), 0, 1, &result);
        g_assert_true(result.facts.has_message_id);
        g_assert_null(result.facts.message_id);
    }
    for (guint i = 0; i < G_N_ELEMENTS(without); i++) {
        g_auto(Result) result;
        scan(without[i], strlen(without[i]), 0, 1, &result);
        g_assert_false(result.facts.has_message_id);
    }
}

static void
test_longest_message_id(void)
{
    for (guint length = 998; length <= 999; length++) {
        g_autoptr(GString) input = g_string_new("Message-ID: <");
        for (guint i = 0; i < length - 2; i++)
            g_string_append_c(input, 'x');
        g_string_append(input, ">\r\n\r\n");
        g_auto(Result) result;
        scan(input->str, input->len, WHOLE, WHOLE, &result);
        g_assert_true((result.facts.message_id != NULL) == (length == 998));
        if (length == 998)
            g_assert_cmpuint(strlen(result.facts.message_id), ==, 998);
    }
}

static void
test_delivered_to_limit(void)
{
    g_autoptr(GString) input = g_string_new(NULL);
    for (guint i = 0; i < EXG_MESSAGE_MAX_DELIVERED_TO + 50; i++)
        g_string_append_printf(input, "Delivered-To: user%u@example.com\r\n", i);
    g_auto(Result) result;
    scan(input->str, input->len, WHOLE, WHOLE, &result);
    g_assert_cmpuint(result.facts.delivered_to->len, ==, EXG_MESSAGE_MAX_DELIVERED_TO);
    g_assert_cmpuint(result.hashed->len, ==, 0);
}

/* The limit counts bytes, so where it falls does not depend on how they arrived. */
static void
test_header_limit(void)
{
    g_autoptr(GString) input = g_string_new(NULL);
    while (input->len < EXG_MESSAGE_MAX_HEADER_BYTES - 10)
        g_string_append(input, "A: b\r\n");
    g_string_append(input, "Received: still seen\r\n");
    gsize end = input->len;
    while (input->len < EXG_MESSAGE_MAX_HEADER_BYTES)
        g_string_append(input, " folded\r\n"); /* belongs to a field that had begun */
    g_string_append(input, "Return-Path: not any more\r\nReceived: nor this\r\n");
    g_assert_cmpuint(end, <, input->len);
    static const gsize pieces[] = {WHOLE, 65536, 1000, 7};
    for (gsize i = 0; i < G_N_ELEMENTS(pieces); i++) {
        g_auto(Result) result;
        scan(input->str, input->len, pieces[i], pieces[i], &result);
        g_assert_cmpmem(result.carried->str, result.carried->len, input->str, input->len);
        g_assert_cmpmem(result.hashed->str, result.hashed->len, input->str, input->len);
        g_assert_cmpuint(result.facts.hops, ==, 1);
    }
}

/* Wherever the input is cut, and whatever stands around the field. */
static void
test_marks(void)
{
    static const struct {
        const char *input;
        bool marked;
    } cases[] = {
        {"X-Spam-Flag: YES\r\n\r\n", true},
        {"A: b\r\nx-spam-flag :\r\n yes\r\nC: d\r\n\r\n", true},
        {"X-Spam-Flag: NO\r\nX-Spam-Flag: YES\r\n\r\n", true},
        {"X-Spam-Flag: YES\r\nX-Spam-Flag: NO\r\n\r\n", true},
        {"X-Spam: " X1000 X1000 "\r\n\r\n", true},
        {"X-Spam:", true},
        {"X-Spam-Flag: NO\r\n\r\n", false},
        {"X-Spam-Flag: YE", false},
        {"X-Spam-Flags: YES\r\n\r\n", false},
        {"A: b\r\n\r\nX-Spam-Flag: YES\r\n", false},
        {"A: X-Spam-Flag: YES\r\n X-Spam-Flag: YES\r\n\r\n", false},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        gsize length = strlen(cases[i].input);
        for (gsize piece = 1; piece <= length; piece += piece < 40 ? 1 : length) {
            g_auto(Result) result;
            scan(cases[i].input, length, piece, piece, &result);
            g_assert_true(result.facts.is_marked == cases[i].marked);
            g_assert_cmpmem(result.hashed->str, result.hashed->len, cases[i].input, length);
        }
    }
}

static void
test_free_early(void)
{
    Result result = {g_string_new(NULL), g_string_new(NULL), g_string_new(NULL), {0}};
    ExgHeaderScanner *scanner = exg_header_scanner_new(NULL, take, &result);
    exg_header_scanner_feed(scanner,
                            BYTES("Message-ID: <a@b>\r\nDelivered-To: a@b\r\nDelivered-To: c"));
    exg_header_scanner_free(scanner);
    exg_header_scanner_free(NULL);
    g_assert_cmpuint(result.all->len, >, 0);
    result_clear(&result);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mime/header-scanner/rows", test_rows);
    g_test_add_func("/mime/header-scanner/unreadable-message-id", test_unreadable_message_id);
    g_test_add_func("/mime/header-scanner/longest-message-id", test_longest_message_id);
    g_test_add_func("/mime/header-scanner/delivered-to-limit", test_delivered_to_limit);
    g_test_add_func("/mime/header-scanner/header-limit", test_header_limit);
    g_test_add_func("/mime/header-scanner/marks", test_marks);
    g_test_add_func("/mime/header-scanner/free-early", test_free_early);
    return g_test_run();
}
