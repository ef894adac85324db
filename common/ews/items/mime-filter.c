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

static int
digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
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

static bool
take_content(ExgEwsMimeFilter *filter, const char *data, gsize length, GError **error)
{
    for (gsize i = 0; i < length; i++) {
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
        filter->output[filter->n_output++] = (guint8)(filter->bits >> 16);
        filter->output[filter->n_output++] = (guint8)(filter->bits >> 8);
        filter->output[filter->n_output++] = (guint8)filter->bits;
        if (filter->n_output > OUTPUT_BYTES - 3 && !flush(filter, error))
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
