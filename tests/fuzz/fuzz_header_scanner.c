/* The header block: nothing is lost or changed on the way, cuts change nothing, and the fields
 * are those that a second, simple reading finds. */
#include "common/mime/header-scanner-private.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

#define NAME_MAX_BYTES 256

/* --- what the scanner says -------------------------------------------------------------------- */

typedef struct {
    ExgHeaderFacts facts;
    GString *content;
    GByteArray *uses; /* of each byte of the content */
} Scan;

static void
take_piece(const char *piece, gsize length, guint use, gpointer data)
{
    Scan *scan = data;
    g_assert_cmpuint(length, >, 0);
    g_assert_cmpuint(use & ~(guint)(EXG_HEADER_CARRY | EXG_HEADER_HASH), ==, 0);
    g_string_append_len(scan->content, piece, (gssize)length);
    guint before = scan->uses->len;
    g_byte_array_set_size(scan->uses, before + (guint)length);
    memset(scan->uses->data + before, (int)use, length);
}

static void
scan_init(Scan *scan, const char *content, gsize length, gsize piece)
{
    *scan = (Scan){.content = g_string_new(NULL), .uses = g_byte_array_new()};
    g_autoptr(ExgHeaderMarks) marks = exg_header_marks_new("X-Spam-Flag: YES, Subject", NULL);
    g_autoptr(ExgHeaderScanner) scanner = exg_header_scanner_new(marks, take_piece, scan);
    for (gsize used = 0; used < length; used += MIN(piece, length - used)) {
        exg_header_scanner_feed(scanner, content + used, MIN(piece, length - used));
        /* Only the beginning of a line is ever held back. */
        g_assert_cmpuint(scan->content->len + NAME_MAX_BYTES, >=, used + MIN(piece, length - used));
    }
    exg_header_scanner_finish(scanner, &scan->facts);
}

static void
scan_clear(Scan *scan)
{
    exg_header_facts_clear(&scan->facts);
    g_string_free(scan->content, TRUE);
    g_byte_array_unref(scan->uses);
}

static void
check_same(const Scan *a, const Scan *b)
{
    g_assert_cmpmem(a->uses->data, a->uses->len, b->uses->data, b->uses->len);
    g_assert_cmpuint(a->facts.hops, ==, b->facts.hops);
    g_assert_cmpint(a->facts.received_time, ==, b->facts.received_time);
    g_assert_cmpstr(a->facts.message_id, ==, b->facts.message_id);
    g_assert_true(a->facts.has_message_id == b->facts.has_message_id);
    g_assert_true(a->facts.has_date == b->facts.has_date);
    const GPtrArray *to_a = a->facts.delivered_to, *to_b = b->facts.delivered_to;
    g_assert_cmpuint(to_a != NULL ? to_a->len : 0, ==, to_b != NULL ? to_b->len : 0);
    for (guint i = 0; to_a != NULL && i < to_a->len; i++)
        g_assert_cmpstr(g_ptr_array_index(to_a, i), ==, g_ptr_array_index(to_b, i));
}

/* --- what a simple reading says --------------------------------------------------------------- */

typedef struct {
    guint received, message_id, date, return_path;
} Count;

/* The length of a field's name and the blanks after it, or 0 if the line is no field. */
static gsize
field_name(const char *line, gsize length, gsize *ret_name)
{
    gsize name = 0;
    while (name < length && line[name] > ' ' && line[name] < 0x7f && line[name] != ':')
        name++;
    gsize end = name;
    while (end < length && (line[end] == ' ' || line[end] == '\t'))
        end++;
    *ret_name = name;
    return name > 0 && end < length && end <= NAME_MAX_BYTES && line[end] == ':' ? end : 0;
}

static bool
is_named(const char *line, gsize name, const char *wanted)
{
    return name == strlen(wanted) && g_ascii_strncasecmp(line, wanted, name) == 0;
}

static Count
count_fields(const char *content, gsize length)
{
    Count count = {0};
    const char *end = content + length;
    bool in_field = false;
    for (const char *line = content; line < end;) {
        const char *lf = memchr(line, '\n', (gsize)(end - line));
        gsize left = (gsize)((lf != NULL ? lf + 1 : end) - line), name;
        if (!in_field || (line[0] != ' ' && line[0] != '\t')) {
            bool is_field = field_name(line, left, &name) > 0;
            bool is_mbox = line == content && left > 5 && memcmp(line, "From ", 5) == 0;
            if (!is_field && !is_mbox)
                break;
            if (is_field) {
                count.received += is_named(line, name, "Received");
                count.message_id += is_named(line, name, "Message-ID");
                count.date += is_named(line, name, "Date");
                count.return_path += is_named(line, name, "Return-Path");
            }
            in_field = true;
        }
        line += left;
    }
    return count;
}

static void
check_facts(const Scan *scan, const char *content, gsize length)
{
    const ExgHeaderFacts *facts = &scan->facts;
    Count count = count_fields(content, length);
    g_assert_cmpuint(facts->hops, ==, count.received);
    g_assert_true(facts->has_message_id == (count.message_id > 0));
    g_assert_true(facts->has_date == (count.date > 0));
    g_assert_true((count.return_path > 0) ==
                  (length > 0 && memchr(scan->uses->data, 0, scan->uses->len) != NULL));
    g_assert_cmpint(facts->received_time, >=, -1);
    g_assert_true(facts->hops > 0 || facts->received_time == -1);
    g_assert_true(facts->has_message_id || facts->message_id == NULL);
    if (facts->message_id != NULL) {
        g_assert_cmpuint(strlen(facts->message_id), <=, 998);
        g_assert_true(g_str_has_prefix(facts->message_id, "<"));
        g_assert_true(g_str_has_suffix(facts->message_id, ">"));
        g_assert_null(strpbrk(facts->message_id, "\r\n"));
    }
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    if (size == 0)
        return 0;
    const char *content = (const char *)data + 1;
    gsize length = size - 1;
    Scan whole, bytes, pieces;
    scan_init(&whole, content, length, length);
    scan_init(&bytes, content, length, 1);
    scan_init(&pieces, content, length, data[0] + 1u);
    g_assert_cmpmem(whole.content->str, whole.content->len, content, length);
    g_assert_cmpmem(bytes.content->str, bytes.content->len, content, length);
    g_assert_cmpmem(pieces.content->str, pieces.content->len, content, length);
    check_same(&whole, &bytes);
    check_same(&whole, &pieces);
    check_facts(&whole, content, length);
    scan_clear(&whole);
    scan_clear(&bytes);
    scan_clear(&pieces);
    return 0;
}
