#include "common/mime/wrapped-message.h"

#include "common/mime/message-private.h"

#include <string.h>

#define LINE_CONTENT_BYTES 57 /* of the original, in a line of 76 characters */
#define LINE_BYTES         78 /* with CRLF */
#define LINES_AT_A_TIME    128

static guint64
encoded_length(guint64 content_length)
{
    guint64 lines = content_length / LINE_CONTENT_BYTES;
    guint64 rest = content_length % LINE_CONTENT_BYTES;
    return lines * LINE_BYTES + (rest > 0 ? (rest + 2) / 3 * 4 + 2 : 0);
}

guint64
exg_message_wrapping_length(const ExgMessageWrapping *wrapping)
{
    return g_bytes_get_size(wrapping->head) +
           encoded_length(exg_message_length(wrapping->original)) +
           g_bytes_get_size(wrapping->tail);
}

static gssize
read_bytes(GBytes *bytes, guint64 offset, char *buffer, gsize room)
{
    gsize length = 0;
    const char *data = g_bytes_get_data(bytes, &length);
    gsize count = MIN(room, length - (gsize)offset);
    memcpy(buffer, data + offset, count);
    return (gssize)count;
}

/* Encodes the lines from number `line` on and copies what lies behind `skip` characters of the first. */
static gssize
read_lines(const ExgMessage *original, guint64 line, gsize skip, char *buffer, gsize room,
           GError **error)
{
    guchar content[LINES_AT_A_TIME * LINE_CONTENT_BYTES];
    char text[LINES_AT_A_TIME * LINE_BYTES + 8];
    gsize wanted_lines = MIN((skip + room) / LINE_BYTES + 1, LINES_AT_A_TIME);
    gsize wanted = wanted_lines * LINE_CONTENT_BYTES, length = 0;
    gssize got;
    while (length < wanted &&
           (got = exg_message_read(original, line * LINE_CONTENT_BYTES + length,
                                   (char *)content + length, wanted - length, error)) != 0) {
        if (got < 0)
            return -1;
        length += (gsize)got;
    }
    gsize written = 0;
    for (gsize at = 0; at < length; at += LINE_CONTENT_BYTES) {
        gsize piece = MIN(length - at, LINE_CONTENT_BYTES);
        gint state = 0, save = 0;
        written += g_base64_encode_step(content + at, piece, FALSE, text + written, &state, &save);
        written += g_base64_encode_close(FALSE, text + written, &state, &save);
        memcpy(text + written, "\r\n", 2);
        written += 2;
    }
    gsize count = MIN(room, written - skip);
    memcpy(buffer, text + skip, count);
    return (gssize)count;
}

gssize
exg_message_wrapping_read(const ExgMessageWrapping *wrapping, guint64 offset, char *buffer,
                          gsize room, GError **error)
{
    guint64 head = g_bytes_get_size(wrapping->head);
    guint64 middle = encoded_length(exg_message_length(wrapping->original));
    if (offset < head)
        return read_bytes(wrapping->head, offset, buffer, room);
    if (offset < head + middle)
        return read_lines(wrapping->original, (offset - head) / LINE_BYTES,
                          (gsize)((offset - head) % LINE_BYTES), buffer, room, error);
    if (offset < head + middle + g_bytes_get_size(wrapping->tail))
        return read_bytes(wrapping->tail, offset - head - middle, buffer, room);
    return 0;
}

void
exg_message_wrapping_free(ExgMessageWrapping *wrapping)
{
    if (wrapping == NULL)
        return;
    exg_message_unref(wrapping->original);
    g_bytes_unref(wrapping->head);
    g_bytes_unref(wrapping->tail);
    g_free(wrapping);
}

ExgMessage *
exg_wrapped_message_new(ExgMessage *original, GBytes *head, GBytes *tail)
{
    ExgMessage *message = g_new0(ExgMessage, 1);
    message->references = 1;
    message->wrapping = g_new(ExgMessageWrapping, 1);
    *message->wrapping = (ExgMessageWrapping){exg_message_ref(original), g_bytes_ref(head),
                                              g_bytes_ref(tail)};
    return message;
}
