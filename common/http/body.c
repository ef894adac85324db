#include "common/http/body.h"

#include <string.h>

typedef struct {
    ExgHttpBody body;
    GBytes *bytes;
    gsize position;
} BytesBody;

static gssize
bytes_read(ExgHttpBody *body, char *buffer, gsize room, GError **error)
{
    BytesBody *self = (BytesBody *)body;
    gsize size;
    const char *data = g_bytes_get_data(self->bytes, &size);
    gsize count = MIN(room, size - self->position);
    if (count > 0)
        memcpy(buffer, data + self->position, count);
    self->position += count;
    return (gssize)count;
}

static void
bytes_rewind(ExgHttpBody *body)
{
    ((BytesBody *)body)->position = 0;
}

static void
bytes_free(ExgHttpBody *body)
{
    g_bytes_unref(((BytesBody *)body)->bytes);
    g_free(body);
}

static const ExgHttpBodyClass bytes_class = {bytes_read, bytes_rewind, bytes_free};

ExgHttpBody *
exg_http_body_new_bytes(GBytes *bytes)
{
    BytesBody *self = g_new0(BytesBody, 1);
    self->body.class = &bytes_class;
    self->body.length = g_bytes_get_size(bytes);
    self->bytes = g_bytes_ref(bytes);
    return &self->body;
}

void
exg_http_body_free(ExgHttpBody *body)
{
    if (body != NULL)
        body->class->free(body);
}
