#include "tests/exchange-sim/http.h"

#include "tests/exchange-sim/text.h"

#include <string.h>

/* Where in the chunked form the reader is. */
enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER };

void
exg_sim_http_request_init(ExgSimHttpRequest *request, gsize body_max)
{
    *request = (ExgSimHttpRequest){.body_max = body_max};
    request->headers = g_ptr_array_new_with_free_func(g_free);
    request->line = g_byte_array_new();
}

void
exg_sim_http_request_clear(ExgSimHttpRequest *request)
{
    g_free(request->method);
    g_free(request->target);
    g_clear_pointer(&request->headers, g_ptr_array_unref);
    g_clear_pointer(&request->line, g_byte_array_unref);
    g_clear_pointer(&request->body, g_byte_array_unref);
    *request = (ExgSimHttpRequest){0};
}

const char *
exg_sim_http_request_header(const ExgSimHttpRequest *request, const char *name)
{
    for (guint i = 0; i + 1 < request->headers->len; i += 2)
        if (g_ascii_strcasecmp(g_ptr_array_index(request->headers, i), name) == 0)
            return g_ptr_array_index(request->headers, i + 1);
    return NULL;
}

static void
fail(ExgSimHttpRequest *request, guint status)
{
    request->state = EXG_SIM_HTTP_BAD;
    request->bad_status = status;
}

/* --- the head --------------------------------------------------------------------------------- */

static bool
is_token(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (!g_ascii_isalnum(*at) && strchr("!#$%&'*+-.^_`|~", *at) == NULL)
            return false;
    return text[0] != '\0';
}

static bool
has_controls(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (g_ascii_iscntrl(*at) && *at != '\t')
            return true;
    return false;
}

/* Whether a comma-separated list has this word. */
static bool
list_has(const char *list, const char *word)
{
    g_auto(GStrv) words = g_strsplit(list != NULL ? list : "", ",", -1);
    for (guint i = 0; words[i] != NULL; i++)
        if (g_ascii_strcasecmp(g_strstrip(words[i]), word) == 0)
            return true;
    return false;
}

static bool
read_request_line(ExgSimHttpRequest *request, const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", 4);
    if (g_strv_length(words) != 3 || !is_token(words[0]) || has_controls(words[1]) ||
        words[1][0] == '\0')
        return false;
    if (!g_str_equal(words[2], "HTTP/1.1") && !g_str_equal(words[2], "HTTP/1.0"))
        return false;
    request->keep_alive = g_str_equal(words[2], "HTTP/1.1");
    request->method = g_strdup(words[0]);
    request->target = g_strdup(words[1]);
    return true;
}

static bool
read_header_line(ExgSimHttpRequest *request, char *line)
{
    char *colon = strchr(line, ':');
    if (colon == NULL)
        return false;
    *colon = '\0';
    if (!is_token(line) || has_controls(colon + 1))
        return false;
    bool single = g_ascii_strcasecmp(line, "Content-Length") == 0 ||
                  g_ascii_strcasecmp(line, "Host") == 0;
    if (single && exg_sim_http_request_header(request, line) != NULL)
        return false;
    g_ptr_array_add(request->headers, g_strdup(line));
    g_ptr_array_add(request->headers, g_strdup(g_strstrip(colon + 1)));
    return true;
}

static bool
read_framing(ExgSimHttpRequest *request)
{
    const char *length = exg_sim_http_request_header(request, "Content-Length");
    const char *encoding = exg_sim_http_request_header(request, "Transfer-Encoding");
    const char *connection = exg_sim_http_request_header(request, "Connection");
    if (request->keep_alive && exg_sim_http_request_header(request, "Host") == NULL)
        return false;
    if (encoding != NULL && (length != NULL || g_ascii_strcasecmp(encoding, "chunked") != 0))
        return false;
    if (length != NULL && !exg_sim_number(length, G_MAXINT64, &request->content_length))
        return false;
    request->has_length = length != NULL;
    request->chunked = encoding != NULL;
    request->keep_alive = !list_has(connection, "close") &&
                          (request->keep_alive || list_has(connection, "keep-alive"));
    request->expects_continue = list_has(exg_sim_http_request_header(request, "Expect"),
                                         "100-continue");
    return true;
}

static bool
read_head(ExgSimHttpRequest *request, const char *head)
{
    g_auto(GStrv) lines = g_strsplit(head, "\r\n", -1);
    if (!read_request_line(request, lines[0]))
        return false;
    for (guint i = 1; lines[i] != NULL && lines[i][0] != '\0'; i++)
        if (!read_header_line(request, lines[i]))
            return false;
    return read_framing(request);
}

static void
begin_body(ExgSimHttpRequest *request)
{
    g_byte_array_set_size(request->line, 0);
    if (!request->chunked && request->content_length == 0) {
        request->state = EXG_SIM_HTTP_DONE;
        return;
    }
    request->state = EXG_SIM_HTTP_BODY;
    request->left = request->chunked ? 0 : request->content_length;
}

/* How much of the data belongs to the head; sets `*ret_complete` if it ends there. */
static gsize
head_end(const ExgSimHttpRequest *request, const guint8 *data, gsize length, bool *ret_complete)
{
    static const char end[] = "\r\n\r\n";
    const GByteArray *before = request->line;
    *ret_complete = false;
    for (const guint8 *at = memchr(data, '\n', length); at != NULL;
         at = memchr(at + 1, '\n', length - (gsize)(at + 1 - data))) {
        gsize here = (gsize)(at - data) + 1;
        guint8 last[4] = {0};
        for (gsize i = 1; i <= sizeof last; i++) {
            if (i <= here)
                last[4 - i] = data[here - i];
            else if (i - here <= before->len)
                last[4 - i] = before->data[before->len - (i - here)];
        }
        if (memcmp(last, end, sizeof last) == 0) {
            *ret_complete = true;
            return here;
        }
    }
    return length;
}

static gsize
feed_head(ExgSimHttpRequest *request, const guint8 *data, gsize length)
{
    bool complete;
    gsize taken = head_end(request, data, length, &complete);
    if (request->line->len + taken > EXG_SIM_HTTP_HEAD_MAX) {
        fail(request, 400);
        return taken;
    }
    g_byte_array_append(request->line, data, (guint)taken);
    if (!complete)
        return taken;
    bool has_zero = memchr(request->line->data, '\0', request->line->len) != NULL;
    g_byte_array_append(request->line, (const guint8 *)"", 1);
    if (has_zero || !read_head(request, (const char *)request->line->data))
        fail(request, 400);
    else
        begin_body(request);
    return taken;
}

/* --- the body --------------------------------------------------------------------------------- */

static bool
append_body(ExgSimHttpRequest *request, const guint8 *data, gsize length)
{
    if (request->discard)
        return true;
    if (request->body == NULL)
        request->body = g_byte_array_sized_new(
            (guint)MIN(request->content_length, request->body_max));
    if (length > request->body_max - request->body->len) {
        fail(request, 413);
        return false;
    }
    g_byte_array_append(request->body, data, (guint)length);
    return true;
}

static gsize
feed_data(ExgSimHttpRequest *request, const guint8 *data, gsize length)
{
    gsize taken = (gsize)MIN(length, request->left);
    if (append_body(request, data, taken))
        request->left -= taken;
    return taken;
}

/* A complete line of the chunked form, without its end. */
static void
take_line(ExgSimHttpRequest *request, const char *line)
{
    switch (request->chunk_state) {
    case CHUNK_SIZE: {
        gsize digits = strspn(line, "0123456789abcdefABCDEF");
        if (digits == 0 || digits > 8 ||
            (line[digits] != '\0' && strchr("; \t", line[digits]) == NULL)) {
            fail(request, 400);
            return;
        }
        request->left = g_ascii_strtoull(line, NULL, 16);
        request->chunk_state = request->left > 0 ? CHUNK_DATA : TRAILER;
        break;
    }
    case CHUNK_END:
        if (line[0] != '\0')
            fail(request, 400);
        else
            request->chunk_state = CHUNK_SIZE;
        break;
    default: /* TRAILER */
        if (line[0] == '\0')
            request->state = EXG_SIM_HTTP_DONE;
        break;
    }
}

static gsize
feed_line(ExgSimHttpRequest *request, const guint8 *data, gsize length)
{
    const guint8 *newline = memchr(data, '\n', length);
    gsize taken = newline != NULL ? (gsize)(newline - data) + 1 : length;
    if (request->line->len + taken > EXG_SIM_HTTP_LINE_MAX) {
        fail(request, 400);
        return taken;
    }
    g_byte_array_append(request->line, data, (guint)taken);
    if (newline == NULL)
        return taken;
    GByteArray *line = request->line;
    if (line->len < 2 || line->data[line->len - 2] != '\r' ||
        memchr(line->data, '\0', line->len) != NULL) {
        fail(request, 400);
        return taken;
    }
    line->data[line->len - 2] = '\0';
    take_line(request, (const char *)line->data);
    g_byte_array_set_size(line, 0);
    return taken;
}

static gsize
feed_body(ExgSimHttpRequest *request, const guint8 *data, gsize length)
{
    gsize taken = 0;
    while (taken < length && request->state == EXG_SIM_HTTP_BODY) {
        bool lines = request->chunked && request->chunk_state != CHUNK_DATA;
        taken += lines ? feed_line(request, data + taken, length - taken)
                       : feed_data(request, data + taken, length - taken);
        if (lines || request->left > 0 || request->state != EXG_SIM_HTTP_BODY)
            continue;
        if (request->chunked)
            request->chunk_state = CHUNK_END;
        else
            request->state = EXG_SIM_HTTP_DONE;
    }
    return taken;
}

gsize
exg_sim_http_request_feed(ExgSimHttpRequest *request, const guint8 *data, gsize length)
{
    gsize taken = 0;
    if (request->state == EXG_SIM_HTTP_HEAD)
        taken = feed_head(request, data, length);
    else if (request->state == EXG_SIM_HTTP_BODY)
        taken = feed_body(request, data, length);
    request->bytes += taken;
    return taken;
}

/* --- answers ---------------------------------------------------------------------------------- */

bool
exg_sim_http_is_path(const char *target, const char *path)
{
    gsize length = strcspn(target, "?");
    return length == strlen(path) && g_ascii_strncasecmp(target, path, length) == 0;
}

const char *
exg_sim_http_reason(guint status)
{
    static const struct {
        guint status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {302, "Found"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {413, "Request Entity Too Large"},
        {415, "Unsupported Media Type"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Status";
}

char *
exg_sim_http_date(gint64 seconds)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);
    g_autofree char *rest = g_date_time_format(time, "%Y %H:%M:%S GMT");
    return g_strdup_printf("%s, %02d %s %s", days[g_date_time_get_day_of_week(time) - 1],
                           g_date_time_get_day_of_month(time),
                           months[g_date_time_get_month(time) - 1], rest);
}
