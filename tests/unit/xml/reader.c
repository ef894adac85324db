#include "common/xml/reader.h"

#include "common/base/error.h"
#include "tests/lib/valgrind.h"

#include <libxml/xmlerror.h>
#include <string.h>

#define FFFD "\xef\xbf\xbd"

/* Events become one line of text: "(name[attribute=value]…" "text" ")". */
typedef struct {
    GString *events;
    guint stop_after; /* events; 0: never */
    guint count;
    gsize text_bytes;
    guint text_pieces;
} Log;

static const ExgXmlLimits wide = {.total_bytes = 64 * 1024 * 1024, .depth = 100, .attributes = 100};

static bool
counted(Log *log, GError **error)
{
    if (++log->count == log->stop_after)
        return exg_error_set(error, EXG_ERROR_QUOTA, "enough");
    return true;
}

static void
append_name(Log *log, const char *space, const char *name)
{
    if (space != NULL)
        g_string_append_printf(log->events, "{%s}", space);
    g_string_append(log->events, name);
}

static bool
on_start(gpointer user, const char *space, const char *name, const ExgXmlAttribute *attributes,
         guint count, GError **error)
{
    Log *log = user;
    g_string_append_c(log->events, '(');
    append_name(log, space, name);
    for (guint i = 0; i < count; i++) {
        g_string_append_c(log->events, '[');
        append_name(log, attributes[i].space, attributes[i].name);
        g_string_append_printf(log->events, "=%s]", attributes[i].value);
    }
    g_string_append_c(log->events, ' ');
    return counted(log, error);
}

static bool
on_text(gpointer user, const char *text, gsize length, GError **error)
{
    Log *log = user;
    log->text_bytes += length;
    log->text_pieces++;
    if (log->text_bytes < 100000)
        g_string_append_len(log->events, text, (gssize)length);
    return counted(log, error);
}

static bool
on_end(gpointer user, const char *space, const char *name, GError **error)
{
    Log *log = user;
    g_string_append_c(log->events, ')');
    return counted(log, error);
}

static const ExgXmlHandler handler = {on_start, on_text, on_end};

/* Reads in portions of `step` bytes (0: at once). The events, or NULL with an error. */
static char *
read_all(const char *text, gsize length, gsize step, const ExgXmlLimits *limits, GError **error)
{
    Log log = {.events = g_string_new(NULL)};
    g_autoptr(ExgXmlReader) reader = exg_xml_reader_new(limits, &handler, &log);
    bool good = true;
    for (gsize at = 0; good && at < length;) {
        gsize portion = step == 0 ? length : MIN(step, length - at);
        /* of its own, so that a sanitizer sees every byte read too far */
        g_autofree char *copy = g_memdup2(text + at, portion);
        good = exg_xml_reader_feed(reader, copy, portion, error);
        at += portion;
    }
    good = good && exg_xml_reader_finish(reader, error);
    return g_string_free(log.events, !good);
}

static void
assert_reads_length(const char *text, gsize length, const char *expected)
{
    for (gsize step = 0; step < 9; step++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *events = read_all(text, length, step, &wide, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(events, ==, expected);
    }
}

static void
assert_reads(const char *text, const char *expected)
{
    assert_reads_length(text, strlen(text), expected);
}

static void
assert_refused_limits(const char *text, gsize length, const char *reason,
                      const ExgXmlLimits *limits)
{
    for (gsize step = 0; step < 3; step++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *events = read_all(text, length, step, limits, &error);
        g_assert_null(events);
        g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
        if (strstr(error->message, reason) == NULL)
            g_error("'%s' is not in '%s'", reason, error->message);
        g_assert_nonnull(strstr(error->message, "line "));
        g_assert_null(strchr(error->message, '\n'));
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
    }
}

static void
assert_refused(const char *text, const char *reason)
{
    assert_refused_limits(text, strlen(text), reason, &wide);
}

static void
test_events(void)
{
    assert_reads("<a/>", "(a )");
    assert_reads("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<a><b>x</b>y</a>\n", "(a (b x)y)");
    assert_reads("<a xmlns='u:1' xmlns:p='u:2' p:x='1' y='2'><p:b/></a>",
                 "({u:1}a[{u:2}x=1][y=2] ({u:2}b ))");
    assert_reads("<a>1<!-- - & &#x3; < -->2<?p ? & ?>3</a>", "(a 123)");
    assert_reads("<a><![CDATA[<b>&amp;&#x3;]] ]>]]]]></a>", "(a <b>&amp;&#x3;]] ]>]])");
    assert_reads("<a>&lt;&gt;&amp;&quot;&apos;</a>", "(a <>&\"')");
    assert_reads("<a x='&lt;&gt;&amp;&quot;&apos;&#38;&#x26;amp;'/>", "(a[x=<>&\"'&&amp;] )");
    assert_reads("<a>\r\n1\r2</a>", "(a \n1\n2)");
    assert_reads("<a x='\">'>&#13;&#x1F600;&#9;</a>", "(a[x=\">] \r\xf0\x9f\x98\x80\t)");
    assert_reads("\xef\xbb\xbf<a/>", "(a )");
    assert_reads("<?xml version='1.0' encoding='us-ascii'?><a/>", "(a )");
    assert_reads("<?xml version='1.0' standalone='yes'?><a/>", "(a )");
}

static void
test_illegal_characters(void)
{
    assert_reads("<a>&#x3;|&#11;|&#0;|&#xFFFE;|&#xffff;|&#xD800;|&#x110000;</a>",
                 "(a " FFFD "|" FFFD "|" FFFD "|" FFFD "|" FFFD "|" FFFD "|" FFFD ")");
    assert_reads("<a x='&#x3;&#11;' y=\"&#0;\"/>", "(a[x=" FFFD FFFD "][y=" FFFD "] )");
    /* of any length, past any integer */
    assert_reads("<a>&#x000000000000000000000000000003;&#99999999999999999999999;&#x100000041;</a>",
                 "(a " FFFD FFFD FFFD ")");
    assert_reads("<a>&#x00000000000000000000000000041;&#0000000000000000000000000000066;</a>",
                 "(a AB)");
    assert_reads("<a>\x01\x02\x1f|\x7f\xc2\x80</a>", "(a " FFFD FFFD FFFD "|\x7f\xc2\x80)");
    assert_reads("<a x='\x01'>\xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd\xef\xbf\xbc</a>",
                 "(a[x=" FFFD "] " FFFD FFFD FFFD "\xef\xbf\xbc)");
    assert_reads("<a><![CDATA[\x01\xef\xbf\xbf]]></a>", "(a " FFFD FFFD ")");
    static const char zero[] = "<a x='\0'>1\0\0"
                               "2<!--\0--><![CDATA[\0]]></a>";
    assert_reads_length(zero, sizeof zero - 1, "(a[x=" FFFD "] 1" FFFD FFFD "2" FFFD ")");
    /* what only looks like one stays: it is text */
    assert_reads("<a>&amp;#x3;</a>", "(a &#x3;)");
}

static void
test_bad_form(void)
{
    assert_refused("", "");
    assert_refused("   ", "");
    assert_refused("<a>", "");
    assert_refused("<a></b>", "");
    assert_refused("<a/><b/>", "");
    assert_refused("<a/>text", "");
    assert_refused("text", "");
    assert_refused("<a/>&", "not complete");
    assert_refused("<a/>&#1", "not complete");
    assert_refused("<a/><", "");
    assert_refused("<a x=1/>", "");
    assert_refused("<a x='1' x='2'/>", "");
    assert_refused("<a x='<'/>", "");
    assert_refused("<p:a/>", "p");
    assert_refused("<a p:x='1'/>", "p");
    assert_refused("<a>&nbsp;</a>", "nbsp");
    assert_refused("<a>& </a>", "");
    assert_refused("<a>&&amp;</a>", "");
    assert_refused("<a>&#;</a>", "character reference");
    assert_refused("<a>&#x;</a>", "character reference");
    assert_refused("<a>&#X41;</a>", "character reference");
    assert_refused("<a>&#12x41;</a>", "character reference");
    assert_refused("<a>&#x4g;</a>", "character reference");
    assert_refused("<a>&#65</a>", "character reference");
    assert_refused("<a>&#-1;</a>", "character reference");
    assert_refused("<a>]]></a>", "");
    assert_refused("<a><!-- -- --></a>", "");
    assert_refused("<a><![cdata[]]></a>", "CDATA");
    assert_refused("<a\x01/>", "control character");
    assert_refused("<\x01"
                   "a/>",
                   "control character");
    assert_refused("<a \xef\xbf\xbf/>", "forbidden");
    assert_refused("<!-x--><a/>", "comment");
    static const char zero[] = "<a\0/>";
    assert_refused_limits(zero, sizeof zero - 1, "control character", &wide);
    /* what an error quotes can neither break the line nor turn it around */
    assert_refused("<a xmlns:m='http://x\x7f\xc2\x85\xe2\x80\xae/'/>", "http://x   /");
    g_autoptr(GError) error = NULL;
    g_autofree char *events = read_all("<a>\n\n<b>\n</a>", 13, 0, &wide, &error);
    g_assert_null(events);
    g_assert_nonnull(strstr(error->message, "line 4"));
}

static void
test_document_types(void)
{
    assert_refused("<!DOCTYPE a><a/>", "document type");
    assert_refused("<!doctype html><html/>", "document type");
    assert_refused("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "document type");
    assert_refused("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "document type");
    assert_refused("<a><!ENTITY b 'c'></a>", "document type");
    GString *laughs = g_string_new("<?xml version='1.0'?><!DOCTYPE l [<!ENTITY l0 'ha'>");
    for (guint i = 1; i < 30; i++)
        g_string_append_printf(laughs, "<!ENTITY l%u '&l%u;&l%u;'>", i, i - 1, i - 1);
    g_string_append(laughs, "]><l>&l29;</l>");
    assert_refused(laughs->str, "document type");
    g_string_free(laughs, TRUE);
}

static void
test_encodings(void)
{
    static const char le[] = "\xff\xfe<\0a\0/\0>\0";
    static const char be[] = "\xfe\xff\0<\0a\0/\0>";
    static const char bare_le[] = "<\0a\0/\0>\0";
    static const char bare_be[] = "\0<\0a\0/\0>";
    static const char utf32[] = "\xff\xfe\0\0<\0\0\0a\0\0\0/\0\0\0>\0\0\0";
    static const char ebcdic[] = "\x4c\x6f\xa7\x94\x93";
    assert_refused_limits(le, sizeof le - 1, "UTF-16", &wide);
    assert_refused_limits(be, sizeof be - 1, "UTF-16", &wide);
    assert_refused_limits(bare_le, sizeof bare_le - 1, "UTF-16", &wide);
    assert_refused_limits(bare_be, sizeof bare_be - 1, "UTF-16", &wide);
    assert_refused_limits(utf32, sizeof utf32 - 1, "UTF-16", &wide);
    assert_refused_limits(ebcdic, sizeof ebcdic - 1, "", &wide);
    assert_refused("<?xml version='1.0' encoding='iso-8859-1'?><a>\xe4</a>", "encoding");
    assert_refused("<?xml version='1.0' encoding='utf-16'?><a/>", "encoding");
    assert_refused("<?xml version='1.0' encoding='utf-7'?><a>+ADw-</a>", "encoding");
    assert_refused("<?xml version='1.0' encoding='x-no-such'?><a/>", "encoding");
    assert_refused("<?xml version='1.0' encoding='utf-7'?><a>J\xc3\xbcrgen</a>", "encoding");
    assert_refused("<?xml version = '1.0'\r\n\tencoding = \"UTF-32\" ?><a/>", "encoding");
    assert_refused("\xef\xbb\xbf<?xml version='1.0' encoding='iso-2022-jp'?><a/>", "encoding");
    assert_refused("<?xml version='1.0' encoding=''?><a/>", "encoding");
    assert_refused("<?xml version='1.0'                                                          "
                   "                                             encoding='utf-7'?><a/>",
                   "too long");
    assert_reads("<?xml version='1.0'\tencoding = \"Utf-8\" ?><a>J\xc3\xbcrgen</a>",
                 "(a J\xc3\xbcrgen)");
    assert_reads("<?xml-style encoding='utf-7'?><a/>", "(a )");
    assert_refused("<a>\xe4</a>", "");
    assert_refused("<a>\xc0\xbc</a>", "");
    assert_refused("<a>\xed\xa0\x80</a>", "");
    assert_refused("<a x='\xff'/>", "");
    assert_refused("<a><![CDATA[\xff\xff]]></a>", "");
    assert_refused("\xef\xbb<a/>", "begin");
}

static void
test_limits(void)
{
    static const ExgXmlLimits narrow = {.total_bytes = 200, .depth = 3, .attributes = 2};
    const char *good = "<a x='1' y='2'><b><c/></b></a>";
    g_autofree char *events = read_all(good, strlen(good), 0, &narrow, NULL);
    g_assert_nonnull(events);
    const char *deep = "<a><b><c><d/></c></b></a>";
    assert_refused_limits(deep, strlen(deep), "nested more than 3", &narrow);
    const char *many = "<a x='1' y='2' z='3'/>";
    assert_refused_limits(many, strlen(many), "more than 2 attributes", &narrow);
    g_autofree char *blanks = g_strnfill(200, ' ');
    g_autofree char *large = g_strdup_printf("<a>%s</a>", blanks);
    assert_refused_limits(large, strlen(large), "larger than 200 bytes", &narrow);
}

static void
test_bombs(void)
{
    /* depth */
    GString *deep = g_string_new(NULL);
    for (guint i = 0; i < 200000; i++)
        g_string_append(deep, "<a>");
    assert_refused_limits(deep->str, deep->len, "nested more than 100", &wide);
    g_string_free(deep, TRUE);
    /* attributes: libxml2 would compare each with each */
    GString *many = g_string_new("<a");
    for (guint i = 0; i < 200000; i++)
        g_string_append_printf(many, " a%u=''", i);
    g_string_append(many, "/>");
    assert_refused_limits(many->str, many->len, "more than 100 attributes", &wide);
    g_string_free(many, TRUE);
    /* a tag without end */
    g_autofree char *filling = g_strnfill(1000000, 'x');
    g_autofree char *huge = g_strdup_printf("<a x='%s'/>", filling);
    assert_refused_limits(huge, strlen(huge), "a tag is longer", &wide);
    g_autofree char *name = g_strdup_printf("<%s/>", filling);
    assert_refused_limits(name, strlen(name), "a tag is longer", &wide);
    g_autofree char *largest = g_strdup_printf("<a x='%.60000s'/>", filling);
    g_autofree char *events = read_all(largest, strlen(largest), 1, &wide, NULL);
    g_assert_nonnull(events);
}

static void
test_cut_everywhere(void)
{
    static const char text[] =
        "<?xml version='1.0' encoding='utf-8'?><s:a xmlns:s='u' x=\"&#x3;&amp;\"><!-- c -->"
        "<b>J\xc3\xbcrgen &#x1F600; \x01</b><![CDATA[x]]><?p q?><c d='e'/></s:a>";
    gsize length = sizeof text - 1;
    assert_reads_length(
        text, length, "({u}a[x=" FFFD "&] (b J\xc3\xbcrgen \xf0\x9f\x98\x80 " FFFD ")x(c[d=e] ))");
    g_autofree char *whole = read_all(text, length, 0, &wide, NULL);
    for (gsize cut = 0; cut < length; cut++) {
        for (gsize step = 0; step < 2; step++) {
            g_autoptr(GError) error = NULL;
            g_autofree char *events = read_all(text, cut, step, &wide, &error);
            g_assert_null(events);
            g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
        }
        /* … and continued, it is the same document */
        Log log = {.events = g_string_new(NULL)};
        g_autoptr(ExgXmlReader) reader = exg_xml_reader_new(&wide, &handler, &log);
        g_autoptr(GError) error = NULL;
        g_assert_true(exg_xml_reader_feed(reader, text, cut, &error));
        g_assert_true(exg_xml_reader_feed(reader, text + cut, length - cut, &error));
        g_assert_true(exg_xml_reader_finish(reader, &error));
        g_assert_cmpstr(log.events->str, ==, whole);
        g_string_free(log.events, TRUE);
    }
}

/* Multi-byte characters cut by portions, in a text longer than what libxml2 waits for. */
static void
test_cut_characters(void)
{
    GString *text = g_string_new("<a>");
    for (guint i = 0; i < 400; i++)
        g_string_append(text, "\xe4\xb8\xad\xf0\x9f\x98\x80\xc3\xbc");
    g_autofree char *expected = g_strdup_printf("(a %s)", text->str + 3);
    g_string_append(text, "</a>");
    for (gsize step = 1; step < 1000; step += 7) {
        g_autoptr(GError) error = NULL;
        g_autofree char *events = read_all(text->str, text->len, step, &wide, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(events, ==, expected);
    }
    g_string_free(text, TRUE);
}

static void
test_events_come_at_once(void)
{
    Log log = {.events = g_string_new(NULL)};
    g_autoptr(ExgXmlReader) reader = exg_xml_reader_new(&wide, &handler, &log);
    const char *first = "<a><b>1</b><c>2</c>";
    g_assert_true(exg_xml_reader_feed(reader, first, strlen(first), NULL));
    g_assert_cmpstr(log.events->str, ==, "(a (b 1)(c 2)");
    g_string_free(log.events, TRUE);
}

static void
test_error_stays(void)
{
    Log log = {.events = g_string_new(NULL)};
    g_autoptr(ExgXmlReader) reader = exg_xml_reader_new(&wide, &handler, &log);
    g_autoptr(GError) first = NULL, second = NULL, third = NULL;
    g_assert_false(exg_xml_reader_feed(reader, "<a></b>", 7, &first));
    g_assert_false(exg_xml_reader_feed(reader, "<a/>", 4, &second));
    g_assert_false(exg_xml_reader_finish(reader, &third));
    g_assert_cmpstr(first->message, ==, second->message);
    g_assert_cmpstr(first->message, ==, third->message);
    g_assert_false(exg_xml_reader_feed(reader, "<a/>", 4, NULL));
    g_string_free(log.events, TRUE);

    log = (Log){.events = g_string_new(NULL)};
    g_autoptr(ExgXmlReader) done = exg_xml_reader_new(&wide, &handler, &log);
    g_assert_true(exg_xml_reader_feed(done, "<a/>", 4, NULL));
    g_assert_true(exg_xml_reader_finish(done, NULL));
    g_assert_true(exg_xml_reader_finish(done, NULL));
    g_autoptr(GError) late = NULL;
    g_assert_false(exg_xml_reader_feed(done, " ", 1, &late));
    g_assert_error(late, EXG_ERROR, EXG_ERROR_PROTOCOL);
    g_string_free(log.events, TRUE);
}

static void
test_handler_stops(void)
{
    const char *text = "<a x='1'>t<b/><c/></a>";
    for (guint stop = 1; stop <= 7; stop++) {
        Log log = {.events = g_string_new(NULL), .stop_after = stop};
        g_autoptr(ExgXmlReader) reader = exg_xml_reader_new(&wide, &handler, &log);
        g_autoptr(GError) error = NULL;
        g_assert_false(exg_xml_reader_feed(reader, text, strlen(text), &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_QUOTA);
        g_assert_cmpstr(error->message, ==, "enough");
        g_assert_cmpuint(log.count, ==, stop);
        g_string_free(log.events, TRUE);
    }
}

static void
test_no_handlers(void)
{
    static const ExgXmlHandler none = {NULL, NULL, NULL};
    g_autoptr(ExgXmlReader) reader = exg_xml_reader_new(&wide, &none, NULL);
    g_assert_true(exg_xml_reader_feed(reader, "<a>x<b/></a>", 12, NULL));
    g_assert_true(exg_xml_reader_finish(reader, NULL));
}

/* The MimeContent of a ten-megabyte message, in portions as they come from a socket. */
static void
test_large_text(void)
{
    enum { SIZE = 14 * 1000 * 1000, PORTION = 16384 };
    g_autofree char *text = g_strnfill(SIZE, 'Q');
    memcpy(text, "<m>", 3);
    memcpy(text + SIZE - 4, "</m>", 4);
    Log log = {.events = g_string_new(NULL)};
    g_autoptr(ExgXmlReader) reader = exg_xml_reader_new(&wide, &handler, &log);
    g_autoptr(GError) error = NULL;
    gint64 began = g_get_monotonic_time();
    for (gsize at = 0; at < SIZE; at += PORTION)
        g_assert_true(
            exg_xml_reader_feed(reader, text + at, MIN((gsize)PORTION, SIZE - at), &error));
    g_assert_true(exg_xml_reader_finish(reader, &error));
    gint64 took_us = g_get_monotonic_time() - began;
    g_assert_cmpuint(log.text_bytes, ==, SIZE - 7);
    g_assert_cmpuint(log.text_pieces, >, 100);
    g_test_message("14 MB of text in %.1f ms, %u pieces", (double)took_us / 1000, log.text_pieces);
    if (!test_under_valgrind())
        g_assert_cmpint(took_us, <, 5 * G_USEC_PER_SEC);
    g_string_free(log.events, TRUE);
}

/* What libxml2 has to say goes into an error of the reader, never to standard error. */
static void
spoken(void *user, const char *format, ...)
{
    g_error("libxml2 speaks past the reader: %s", format);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    xmlSetGenericErrorFunc(NULL, spoken);
    g_test_add_func("/xml/reader/events", test_events);
    g_test_add_func("/xml/reader/illegal-characters", test_illegal_characters);
    g_test_add_func("/xml/reader/bad-form", test_bad_form);
    g_test_add_func("/xml/reader/document-types", test_document_types);
    g_test_add_func("/xml/reader/encodings", test_encodings);
    g_test_add_func("/xml/reader/limits", test_limits);
    g_test_add_func("/xml/reader/bombs", test_bombs);
    g_test_add_func("/xml/reader/cut-everywhere", test_cut_everywhere);
    g_test_add_func("/xml/reader/cut-characters", test_cut_characters);
    g_test_add_func("/xml/reader/events-come-at-once", test_events_come_at_once);
    g_test_add_func("/xml/reader/error-stays", test_error_stays);
    g_test_add_func("/xml/reader/handler-stops", test_handler_stops);
    g_test_add_func("/xml/reader/no-handlers", test_no_handlers);
    g_test_add_func("/xml/reader/large-text", test_large_text);
    return g_test_run();
}
