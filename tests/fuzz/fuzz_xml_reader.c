/* XML: the same events or an error, however the input is cut, and never more than the limits
 * allow. */
#include "common/base/error.h"
#include "common/xml/reader.h"

#include <libxml/xmlerror.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* Between the parts of an event: characters that no document can carry. */
#define START "\x01"
#define END   "\x02"
#define FIELD "\x03"

typedef struct {
    const ExgXmlLimits *limits;
    GString *events;
    guint depth, roots;
    bool good;
} Run;

static void
check_text(const char *text, gsize length)
{
    for (gsize i = 0; i < length; i++)
        g_assert_true((guchar)text[i] >= 0x20 || strchr("\t\r\n", text[i]) != NULL);
}

static void
check_name(const char *space, const char *name)
{
    g_assert_true(name != NULL && name[0] != '\0');
    check_text(name, strlen(name));
    g_assert_true(space == NULL || g_utf8_validate(space, -1, NULL));
}

static bool
on_start(gpointer user, const char *space, const char *name, const ExgXmlAttribute *attributes,
         guint count, GError **error)
{
    Run *run = user;
    check_name(space, name);
    run->roots += run->depth == 0;
    g_assert_cmpuint(++run->depth, <=, run->limits->depth);
    g_assert_cmpuint(count, <=, run->limits->attributes);
    g_string_append_printf(run->events, START "%s" FIELD "%s", space != NULL ? space : "", name);
    for (guint i = 0; i < count; i++) {
        const ExgXmlAttribute *attribute = &attributes[i];
        check_name(attribute->space, attribute->name);
        check_text(attribute->value, strlen(attribute->value));
        g_string_append_printf(run->events, FIELD "%s" FIELD "%s" FIELD "%s",
                               attribute->space != NULL ? attribute->space : "", attribute->name,
                               attribute->value);
    }
    g_string_append(run->events, START);
    return true;
}

static bool
on_text(gpointer user, const char *text, gsize length, GError **error)
{
    Run *run = user;
    g_assert_cmpuint(length, >, 0);
    g_assert_cmpuint(run->depth, >, 0);
    check_text(text, length);
    g_string_append_len(run->events, text, (gssize)length);
    return true;
}

static bool
on_end(gpointer user, const char *space, const char *name, GError **error)
{
    Run *run = user;
    check_name(space, name);
    g_assert_cmpuint(run->depth--, >, 0);
    g_string_append_printf(run->events, END "%s" FIELD "%s" END, space != NULL ? space : "", name);
    return true;
}

static void
check_error(const GError *error)
{
    g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
    g_assert_cmpuint(strlen(error->message), <, 400);
    for (const char *at = error->message; *at != '\0'; at = g_utf8_next_char(at))
        g_assert_false(g_unichar_iscntrl(g_utf8_get_char(at)));
}

/* What libxml2 has to say goes into an error of the reader, never to standard error. */
static void
spoken(void *user, const char *format, ...)
{
    g_error("libxml2 speaks past the reader: %s", format);
}

static void
run_init(Run *run, const ExgXmlLimits *limits, const char *input, gsize length, gsize piece)
{
    static const ExgXmlHandler handler = {.start = on_start, .text = on_text, .end = on_end};
    *run = (Run){.limits = limits, .events = g_string_new(NULL), .good = true};
    g_autoptr(ExgXmlReader) reader = exg_xml_reader_new(limits, &handler, run);
    g_autoptr(GError) error = NULL;
    for (gsize used = 0; used < length && run->good; used += MIN(piece, length - used))
        run->good = exg_xml_reader_feed(reader, input + used, MIN(piece, length - used), &error);
    run->good = run->good && exg_xml_reader_finish(reader, &error);
    if (run->good) {
        g_assert_no_error(error);
        g_assert_cmpuint(run->depth, ==, 0);
        g_assert_cmpuint(run->roots, ==, 1);
        g_assert_cmpuint(length, <=, limits->total_bytes);
        g_assert_true(g_utf8_validate(run->events->str, (gssize)run->events->len, NULL));
        return;
    }
    /* An error is the end of it, and stays the same. */
    check_error(error);
    gsize before = run->events->len;
    g_autoptr(GError) again = NULL;
    g_assert_false(exg_xml_reader_feed(reader, "<a/>", 4, &again));
    g_assert_cmpstr(again->message, ==, error->message);
    g_assert_false(exg_xml_reader_finish(reader, NULL));
    g_assert_cmpuint(run->events->len, ==, before);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    if (size < 3)
        return 0;
    ExgXmlLimits limits = {.total_bytes = data[0] >= 0x40 ? 1 << 20 : data[0] * 16u,
                           .depth = 1 + data[1] % 32u,
                           .attributes = data[1] / 32u};
    xmlSetGenericErrorFunc(NULL, spoken);
    const char *input = (const char *)data + 3;
    gsize length = size - 3;
    Run whole, bytes, pieces;
    run_init(&whole, &limits, input, length, length);
    run_init(&bytes, &limits, input, length, 1);
    run_init(&pieces, &limits, input, length, data[2] + 1u);
    g_assert_true(whole.good == bytes.good && whole.good == pieces.good);
    if (whole.good) {
        g_assert_cmpstr(bytes.events->str, ==, whole.events->str);
        g_assert_cmpstr(pieces.events->str, ==, whole.events->str);
    }
    g_string_free(whole.events, TRUE);
    g_string_free(bytes.events, TRUE);
    g_string_free(pieces.events, TRUE);
    return 0;
}
