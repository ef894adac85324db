#include "common/http/request-private.h"

#include "common/base/clock.h"

#include <curl/curl.h>
#include <string.h>

#define RETRY_AFTER_MAX_MS (24 * 60 * 60 * G_GINT64_CONSTANT(1000))

struct ExgHttpResponse {
    gint references;
    int status;
    GPtrArray *headers;   /* of ExgHttpField */
    GByteArray *gathered; /* NULL once complete */
    GBytes *body;         /* made of it */
};

ExgHttpResponse *
exg_http_response_new(void)
{
    ExgHttpResponse *response = g_new0(ExgHttpResponse, 1);
    response->references = 1;
    response->headers = g_ptr_array_new_with_free_func(g_free);
    response->gathered = g_byte_array_new();
    return response;
}

ExgHttpResponse *
exg_http_response_ref(ExgHttpResponse *response)
{
    g_atomic_int_inc(&response->references);
    return response;
}

void
exg_http_response_unref(ExgHttpResponse *response)
{
    if (response == NULL || !g_atomic_int_dec_and_test(&response->references))
        return;
    g_ptr_array_unref(response->headers);
    g_clear_pointer(&response->gathered, g_byte_array_unref);
    g_clear_pointer(&response->body, g_bytes_unref);
    g_free(response);
}

/* "HTTP/1.1 200 OK", RFC 9112 section 4: the reason may be missing. */
static bool
take_status_line(ExgHttpResponse *response, const char *line, gsize length)
{
    const char *space = memchr(line, ' ', length);
    if (space == NULL || line + length - space < 4)
        return false;
    for (int i = 1; i <= 3; i++)
        if (!g_ascii_isdigit(space[i]))
            return false;
    if (line + length - space > 4 && space[4] != ' ')
        return false;
    response->status = (space[1] - '0') * 100 + (space[2] - '0') * 10 + (space[3] - '0');
    g_ptr_array_set_size(response->headers, 0);
    return true;
}

static bool
blank(char c)
{
    return c == ' ' || c == '\t';
}

static void
trim(const char **text, gsize *length)
{
    while (*length > 0 && blank((*text)[0])) {
        (*text)++;
        (*length)--;
    }
    while (*length > 0 && blank((*text)[*length - 1]))
        (*length)--;
}

/* An obsolete line folding continues the field before it (RFC 9112 5.2). */
static bool
take_continuation(ExgHttpResponse *response, const char *line, gsize length)
{
    if (response->headers->len == 0)
        return false;
    gpointer *last = &g_ptr_array_index(response->headers, response->headers->len - 1);
    g_autofree ExgHttpField *before = *last;
    trim(&line, &length);
    g_autofree char *value = g_strdup_printf("%s %.*s", before->value, (int)length, line);
    *last = exg_http_field_new(before->name, strlen(before->name), value, strlen(value));
    return true;
}

/* Carriage returns and zeros inside a line become blanks (RFC 9110 5.5), so that none is written into a log or sent back in a
 * header of ours. libcurl lets the former through. (transfer full) */
static char *
blank_controls(const char *line, gsize length)
{
    char *clean = g_memdup2(line, length);
    for (gsize i = 0; i < length; i++)
        if (clean[i] == '\r' || clean[i] == '\0')
            clean[i] = ' ';
    return clean;
}

bool
exg_http_response_take_line(ExgHttpResponse *response, const char *line, gsize length)
{
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
        length--;
    if (length == 0)
        return true;
    g_autofree char *clean = NULL;
    if (memchr(line, '\r', length) != NULL || memchr(line, '\0', length) != NULL)
        line = clean = blank_controls(line, length);
    if (length > 5 && memcmp(line, "HTTP/", 5) == 0)
        return take_status_line(response, line, length);
    if (response->status == 0)
        return false;
    if (blank(line[0]))
        return take_continuation(response, line, length);
    const char *colon = memchr(line, ':', length);
    if (colon == NULL || colon == line)
        return false;
    const char *value = colon + 1;
    gsize value_length = (gsize)(line + length - value);
    trim(&value, &value_length);
    g_ptr_array_add(response->headers,
                    exg_http_field_new(line, (gsize)(colon - line), value, value_length));
    return true;
}

void
exg_http_response_append(ExgHttpResponse *response, const char *data, gsize length)
{
    g_byte_array_append(response->gathered, (const guint8 *)data, (guint)length);
}

void
exg_http_response_complete(ExgHttpResponse *response)
{
    response->body = g_byte_array_free_to_bytes(g_steal_pointer(&response->gathered));
}

int
exg_http_response_status(const ExgHttpResponse *response)
{
    return response->status;
}

const char *
exg_http_response_header(const ExgHttpResponse *response, const char *name)
{
    for (guint i = 0; i < response->headers->len; i++) {
        const ExgHttpField *field = g_ptr_array_index(response->headers, i);
        if (g_ascii_strcasecmp(field->name, name) == 0)
            return field->value;
    }
    return NULL;
}

GStrv
exg_http_response_headers(const ExgHttpResponse *response, const char *name)
{
    GPtrArray *values = g_ptr_array_new();
    for (guint i = 0; i < response->headers->len; i++) {
        const ExgHttpField *field = g_ptr_array_index(response->headers, i);
        if (g_ascii_strcasecmp(field->name, name) == 0)
            g_ptr_array_add(values, g_strdup(field->value));
    }
    g_ptr_array_add(values, NULL);
    return (GStrv)g_ptr_array_free(values, FALSE);
}

GBytes *
exg_http_response_body(const ExgHttpResponse *response)
{
    return response->body;
}

gint64
exg_http_response_retry_after_ms(const ExgHttpResponse *response)
{
    const char *value = exg_http_response_header(response, "Retry-After");
    if (value == NULL)
        return -1;
    gsize digits = strspn(value, "0123456789");
    if (digits > 0 && value[digits] == '\0') {
        guint64 seconds = g_ascii_strtoull(value, NULL, 10); /* saturates */
        return (gint64)MIN(seconds, (guint64)RETRY_AFTER_MAX_MS / 1000) * 1000;
    }
    time_t date = curl_getdate(value, NULL);
    if (date == (time_t)-1)
        return -1;
    gint64 wait_ms = (gint64)date * 1000 - exg_clock_real_us() / 1000;
    return CLAMP(wait_ms, 0, RETRY_AFTER_MAX_MS);
}
