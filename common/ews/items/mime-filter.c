#include "common/ews/items/mime-filter-private.h"

#include "common/base/error.h"
#include "common/ews/service.h"
#include "common/ews/tag-scanner-private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define OUTPUT_BYTES    16384
#define REFERENCE_BYTES 12 /* "&#x0000000a;" */

typedef enum { BEFORE, INSIDE, AFTER } Place;

struct ExgEwsMimeFilter {
    int fd;
    Place place; /* of what comes, seen from the content */
    ExgEwsTagScanner scanner;
    GByteArray *rest;
    /* the decoder */
    guint32 bits;
    guint n_digits; /* of a group of four */
    guint n_padding;
    guint reference; /* bytes of a character reference; 0: in none */
    guint8 *output;
    gsize n_output;
    guint64 written;
};

ExgEwsMimeFilter *
exg_ews_mime_filter_new(int fd)
{
    ExgEwsMimeFilter *filter = g_new0(ExgEwsMimeFilter, 1);
    filter->fd = fd;
    filter->output = g_malloc(OUTPUT_BYTES);
    exg_ews_mime_filter_begin(filter);
    return filter;
}

void
exg_ews_mime_filter_free(ExgEwsMimeFilter *filter)
{
    if (filter == NULL)
        return;
    exg_ews_tag_scanner_clear(&filter->scanner);
    g_clear_pointer(&filter->rest, g_byte_array_unref);
    g_free(filter->output);
    g_free(filter);
}

void
exg_ews_mime_filter_begin(ExgEwsMimeFilter *filter)
{
    exg_ews_tag_scanner_clear(&filter->scanner);
    exg_ews_tag_scanner_init(&filter->scanner);
    g_clear_pointer(&filter->rest, g_byte_array_unref);
    filter->rest = g_byte_array_new();
    filter->place = BEFORE;
    filter->bits = filter->n_digits = filter->n_padding = filter->reference = 0;
    filter->n_output = 0;
    filter->written = 0;
}

static bool
keep(ExgEwsMimeFilter *filter, const char *data, gsize length, GError **error)
{
    if (filter->rest->len + length > EXG_EWS_MAX_ANSWER_BYTES)
        return exg_error_set(error, EXG_ERROR_PROTOCOL,
                             "The answer is larger than %d bytes without the message",
                             EXG_EWS_MAX_ANSWER_BYTES);
    g_byte_array_append(filter->rest, (const guint8 *)data, (guint)length);
    return true;
}

/* --- the content ------------------------------------------------------------------------------ */

static bool
flush(ExgEwsMimeFilter *filter, GError **error)
{
    for (gsize done = 0; done < filter->n_output;) {
        gssize count = pwrite(filter->fd, filter->output + done, filter->n_output - done,
                              (off_t)filter->written);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return exg_error_set(error, EXG_ERROR_RESOURCES, "Cannot write the message: %s",
                                 g_strerror(count < 0 ? errno : ENOSPC));
        done += (gsize)count;
        filter->written += (guint64)count;
    }
    filter->n_output = 0;
    return true;
}

/* The value of a digit, plus one: 0 is none. */
static const guint8 digits[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

static int
digit_of(char c)
{
    return digits[(guchar)c] - 1;
}

static bool
not_base64(GError **error)
{
    return exg_error_set(error, EXG_ERROR_PROTOCOL, "The content of the message is not base64");
}

/* Any other character than a digit. */
static bool
take_other(ExgEwsMimeFilter *filter, char c, GError **error)
{
    if (filter->reference > 0) {
        filter->reference = c == ';' ? 0 : filter->reference + 1;
        return filter->reference <= REFERENCE_BYTES || not_base64(error);
    }
    if (c == '&') {
        filter->reference = 1;
        return true;
    }
    if (c == '=') {
        filter->n_padding++;
        return filter->n_padding <= 2 || not_base64(error);
    }
    return g_ascii_isspace(c) || not_base64(error);
}

static void
put(ExgEwsMimeFilter *filter, guint32 bits)
{
    guint8 *at = filter->output + filter->n_output;
    at[0] = (guint8)(bits >> 16);
    at[1] = (guint8)(bits >> 8);
    at[2] = (guint8)bits;
    filter->n_output += 3;
}

/* Most content is long lines of nothing but digits: takes whole groups of them as far as the output has room, and answers how many
 * bytes that were. */
static gsize
take_groups(ExgEwsMimeFilter *filter, const char *data, gsize length)
{
    gsize taken = 0;
    if (filter->n_digits > 0 || filter->n_padding > 0 || filter->reference > 0)
        return 0;
    while (taken + 4 <= length && filter->n_output <= OUTPUT_BYTES - 3) {
        int a = digit_of(data[taken]), b = digit_of(data[taken + 1]);
        int c = digit_of(data[taken + 2]), d = digit_of(data[taken + 3]);
        if ((a | b | c | d) < 0)
            break;
        put(filter, (guint32)(a << 18 | b << 12 | c << 6 | d));
        taken += 4;
    }
    return taken;
}

static bool
make_room(ExgEwsMimeFilter *filter, GError **error)
{
    return filter->n_output <= OUTPUT_BYTES - 3 || flush(filter, error);
}

static bool
take_content(ExgEwsMimeFilter *filter, const char *data, gsize length, GError **error)
{
    for (gsize i = 0; i < length; i++) {
        i += take_groups(filter, data + i, length - i);
        if (!make_room(filter, error))
            return false;
        if (i == length)
            break;
        int digit = digit_of(data[i]);
        if (digit < 0 || filter->reference > 0) {
            if (!take_other(filter, data[i], error))
                return false;
            continue;
        }
        if (filter->n_padding > 0)
            return not_base64(error);
        filter->bits = filter->bits << 6 | (guint32)digit;
        if (++filter->n_digits < 4)
            continue;
        filter->n_digits = 0;
        put(filter, filter->bits);
        if (!make_room(filter, error))
            return false;
    }
    return true;
}

/* What is left of the last group, with padding or without. */
static bool
end_content(ExgEwsMimeFilter *filter, GError **error)
{
    if (filter->n_digits == 1 || filter->reference > 0 ||
        (filter->n_padding > 0 && filter->n_digits + filter->n_padding != 4))
        return not_base64(error);
    if (filter->n_digits >= 2) {
        guint32 bits = filter->bits << 6 * (4 - filter->n_digits);
        filter->output[filter->n_output++] = (guint8)(bits >> 16);
        if (filter->n_digits == 3)
            filter->output[filter->n_output++] = (guint8)(bits >> 8);
    }
    return flush(filter, error);
}

/* --- the answer ------------------------------------------------------------------------------- */

static bool
pass(ExgEwsMimeFilter *filter, ExgEwsToken token, GError **error)
{
    bool is_content = (token == EXG_EWS_TOKEN_START || token == EXG_EWS_TOKEN_END) &&
                      exg_ews_tag_scanner_is(&filter->scanner, "MimeContent");
    if (filter->place == INSIDE) {
        if (token != EXG_EWS_TOKEN_END || !is_content)
            return not_base64(error);
        filter->place = AFTER;
        if (!end_content(filter, error))
            return false;
    } else if (token == EXG_EWS_TOKEN_START && is_content) {
        if (filter->place == AFTER)
            return exg_error_set(error, EXG_ERROR_PROTOCOL, "The answer has two messages");
        filter->place = INSIDE;
    }
    const GString *markup = exg_ews_tag_scanner_markup(&filter->scanner);
    return keep(filter, markup->str, markup->len, error);
}

bool
exg_ews_mime_filter_take(ExgEwsMimeFilter *filter, const char *data, gsize length, GError **error)
{
    while (length > 0) {
        ExgEwsToken token;
        gsize count = exg_ews_tag_scanner_run(&filter->scanner, data, length, &token, error);
        bool done = count > 0;
        if (done && token == EXG_EWS_TOKEN_TEXT)
            done = filter->place == INSIDE ? take_content(filter, data, count, error)
                                           : keep(filter, data, count, error);
        else if (done && token != EXG_EWS_TOKEN_PART)
            done = pass(filter, token, error);
        if (!done)
            return false;
        data += count;
        length -= count;
    }
    return true;
}

GBytes *
exg_ews_mime_filter_end(ExgEwsMimeFilter *filter)
{
    /* A tag that was cut off must not be forgotten: the parser is to refuse it. */
    if (!filter->scanner.complete)
        g_byte_array_append(filter->rest, (const guint8 *)"<", 1);
    return g_byte_array_free_to_bytes(g_steal_pointer(&filter->rest));
}

bool
exg_ews_mime_filter_close(ExgEwsMimeFilter *filter, guint64 *ret_length, GError **error)
{
    if (filter->place != AFTER)
        return exg_error_set(error, EXG_ERROR_PROTOCOL, "The answer has no message");
    if (ftruncate(filter->fd, (off_t)filter->written) < 0)
        return exg_error_set(error, EXG_ERROR_RESOURCES, "Cannot write the message: %s",
                             g_strerror(errno));
    *ret_length = filter->written;
    return true;
}
