#include "common/ews/items/mime-body-private.h"

#include "common/base/error.h"
#include "common/base/failpoint.h"

#include <string.h>

#define RAW_BYTES   12288 /* content read at a time: whole groups of three */
#define GROUP_BYTES 4     /* what a group of three becomes */

typedef struct {
    ExgHttpBody base;
    GBytes *prefix;
    GBytes *trace; /* NULL: none */
    ExgMessage *message;
    GBytes *suffix;
    guint64 content_length; /* trace and message */
    guint64 encoded_length;

    guint64 position;         /* in what is handed out */
    guint64 content_position; /* in what has been read into `raw` */
    guint8 *raw;              /* NULL when nothing is being encoded */
    gsize raw_begin, raw_end;
    char group[GROUP_BYTES]; /* one that did not fit as a whole */
    guint group_begin;       /* GROUP_BYTES: it is used up */
} MimeBody;

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* What 12 bits become: two look-ups for a group instead of four, and no more bytes to put together. */
static char pairs[1 << 12][2];

static void
fill_pairs(void)
{
    static gsize filled;
    if (!g_once_init_enter(&filled))
        return;
    for (guint bits = 0; bits < G_N_ELEMENTS(pairs); bits++) {
        pairs[bits][0] = alphabet[bits >> 6];
        pairs[bits][1] = alphabet[bits & 63];
    }
    g_once_init_leave(&filled, 1);
}

static void
encode(const guint8 *content, gsize groups, char *text)
{
    /* two groups at once, while that many bytes may be read */
    for (; groups > 2; groups -= 2, content += 6, text += 2 * GROUP_BYTES) {
        guint64 bits;
        memcpy(&bits, content, sizeof bits);
        bits = GUINT64_FROM_BE(bits);
        memcpy(text, pairs[bits >> 52], 2);
        memcpy(text + 2, pairs[bits >> 40 & 0xfff], 2);
        memcpy(text + 4, pairs[bits >> 28 & 0xfff], 2);
        memcpy(text + 6, pairs[bits >> 16 & 0xfff], 2);
    }
    for (; groups > 0; groups--, content += 3, text += GROUP_BYTES) {
        guint32 bits = (guint32)content[0] << 16 | (guint32)content[1] << 8 | content[2];
        memcpy(text, pairs[bits >> 12], 2);
        memcpy(text + 2, pairs[bits & 0xfff], 2);
    }
}

static void
encode_last(const guint8 *content, gsize length, char *text)
{
    guint8 filled[3] = {0, 0, 0};
    memcpy(filled, content, length);
    encode(filled, 1, text);
    if (length < 3)
        text[3] = '=';
    if (length < 2)
        text[2] = '=';
}

/* Takes the next content into `raw`, after what is left there. */
static bool
fill(MimeBody *body, GError **error)
{
    if (body->raw == NULL)
        body->raw = g_malloc(RAW_BYTES);
    gsize left = body->raw_end - body->raw_begin;
    memmove(body->raw, body->raw + body->raw_begin, left);
    body->raw_begin = 0;
    body->raw_end = left;
    gsize trace_length = body->trace != NULL ? g_bytes_get_size(body->trace) : 0;
    while (body->raw_end < RAW_BYTES && body->content_position < body->content_length) {
        guint8 *into = body->raw + body->raw_end;
        gsize room = RAW_BYTES - body->raw_end;
        gsize got;
        if (body->content_position < trace_length) {
            const guint8 *trace = g_bytes_get_data(body->trace, NULL);
            got = MIN(room, trace_length - (gsize)body->content_position);
            memcpy(into, trace + body->content_position, got);
        } else {
            gssize count = exg_message_read(body->message, body->content_position - trace_length,
                                            (char *)into, room, error);
            if (count < 0)
                return false;
            if (count == 0)
                return exg_error_set(error, EXG_ERROR_RESOURCES,
                                     "The spooled message has become shorter");
            got = (gsize)count;
        }
        body->raw_end += got;
        body->content_position += got;
    }
    return true;
}

static gssize
read_encoded(MimeBody *body, char *buffer, gsize room, GError **error)
{
    if (body->group_begin == GROUP_BYTES) {
        if (body->raw_end - body->raw_begin < 3 && body->content_position < body->content_length &&
            !fill(body, error))
            return -1;
        gsize available = body->raw_end - body->raw_begin;
        gsize groups = MIN(available / 3, room / GROUP_BYTES);
        if (groups > 0) {
            encode(body->raw + body->raw_begin, groups, buffer);
            body->raw_begin += groups * 3;
            return (gssize)(groups * GROUP_BYTES);
        }
        gsize last = MIN(available, 3);
        encode_last(body->raw + body->raw_begin, last, body->group);
        body->raw_begin += last;
        body->group_begin = 0;
    }
    gsize count = MIN(room, GROUP_BYTES - body->group_begin);
    memcpy(buffer, body->group + body->group_begin, count);
    body->group_begin += (guint)count;
    return (gssize)count;
}

static gsize
copy_from(GBytes *bytes, guint64 position, char *buffer, gsize room)
{
    gsize length = 0;
    const char *data = g_bytes_get_data(bytes, &length);
    gsize count = MIN(room, length - (gsize)position);
    memcpy(buffer, data + position, count);
    return count;
}

static void
drop_raw(MimeBody *body)
{
    g_clear_pointer(&body->raw, g_free);
    body->raw_begin = body->raw_end = 0;
    body->group_begin = GROUP_BYTES;
}

static gssize
mime_body_read(ExgHttpBody *self, char *buffer, gsize room, GError **error)
{
    MimeBody *body = (MimeBody *)self;
    guint64 text_begin = g_bytes_get_size(body->prefix);
    guint64 text_end = text_begin + body->encoded_length;
    gsize done = 0;
    if (body->position > 0)
        EXG_FAIL_POINT("body-partly-sent");
    while (done < room && body->position < body->base.length) {
        gssize count;
        if (body->position < text_begin) {
            count = (gssize)copy_from(body->prefix, body->position, buffer + done, room - done);
        } else if (body->position < text_end) {
            count = read_encoded(body, buffer + done, room - done, error);
            if (count < 0)
                return -1;
        } else {
            drop_raw(body);
            count = (gssize)copy_from(body->suffix, body->position - text_end, buffer + done,
                                      room - done);
        }
        done += (gsize)count;
        body->position += (guint64)count;
    }
    return (gssize)done;
}

static void
mime_body_rewind(ExgHttpBody *self)
{
    MimeBody *body = (MimeBody *)self;
    drop_raw(body);
    body->position = 0;
    body->content_position = 0;
}

static void
mime_body_free(ExgHttpBody *self)
{
    MimeBody *body = (MimeBody *)self;
    g_bytes_unref(body->prefix);
    g_bytes_unref(body->suffix);
    g_clear_pointer(&body->trace, g_bytes_unref);
    exg_message_unref(body->message);
    g_free(body->raw);
    g_free(body);
}

ExgHttpBody *
exg_ews_mime_body_new(GBytes *prefix, GBytes *trace, ExgMessage *message, GBytes *suffix)
{
    static const ExgHttpBodyClass class = {
        .read = mime_body_read, .rewind = mime_body_rewind, .free = mime_body_free};
    fill_pairs();
    MimeBody *body = g_new0(MimeBody, 1);
    body->base.class = &class;
    body->prefix = g_bytes_ref(prefix);
    body->suffix = g_bytes_ref(suffix);
    body->trace = trace != NULL ? g_bytes_ref(trace) : NULL;
    body->message = exg_message_ref(message);
    body->content_length = exg_message_length(message) +
                           (trace != NULL ? g_bytes_get_size(trace) : 0);
    body->encoded_length = (body->content_length + 2) / 3 * GROUP_BYTES;
    body->base.length = g_bytes_get_size(prefix) + body->encoded_length + g_bytes_get_size(suffix);
    body->group_begin = GROUP_BYTES;
    return &body->base;
}
