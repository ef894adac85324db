/* http.h - reads one HTTP/1.1 request, in whatever pieces it comes.
 *
 * Strict, as a front end facing the network is: no folded header lines, no body with two lengths,
 * no control characters.
 *
 * Memory:   embedded; the body is one buffer.
 * Limits:   EXG_SIM_HTTP_HEAD_MAX for the head, `body_max` for the body; a chunk's or a trailer's
 *           line EXG_SIM_HTTP_LINE_MAX.
 * Source:   RFC 9110, RFC 9112.
 */
#ifndef EXG_SIM_HTTP_H
#define EXG_SIM_HTTP_H

#include <glib.h>
#include <stdbool.h>

#define EXG_SIM_HTTP_HEAD_MAX (64 * 1024)
#define EXG_SIM_HTTP_LINE_MAX 4096

typedef enum {
    EXG_SIM_HTTP_HEAD, /* reading the head */
    EXG_SIM_HTTP_BODY, /* the head is there, the body not yet */
    EXG_SIM_HTTP_DONE,
    EXG_SIM_HTTP_BAD /* `bad_status` says what to answer; no more is read */
} ExgSimHttpState;

typedef struct {
    ExgSimHttpState state;
    guint bad_status;
    guint64 bytes; /* taken so far */
    /* The head */
    char *method, *target;
    GPtrArray *headers; /* name, value, name, value … */
    bool keep_alive;
    bool expects_continue;
    bool has_length, chunked;
    guint64 content_length;
    /* The body */
    GByteArray *body;
    gsize body_max;
    bool discard; /* the body is read but not kept */
    /* Inside */
    GByteArray *line; /* the head, or a line of the chunked form, as far as it has come */
    guint64 left;     /* of the body or chunk */
    int chunk_state;
} ExgSimHttpRequest;

void exg_sim_http_request_init(ExgSimHttpRequest *request, gsize body_max);
void exg_sim_http_request_clear(ExgSimHttpRequest *request);

/* Takes what belongs to this request and answers how much that was. Stops once after the head, so
 * that it can be looked at before the body is read. */
gsize exg_sim_http_request_feed(ExgSimHttpRequest *request, const guint8 *data, gsize length);
/* The value of a header field, or NULL. */
const char *exg_sim_http_request_header(const ExgSimHttpRequest *request, const char *name);

/* Whether a target is that path, in any case, perhaps with a query. */
bool exg_sim_http_is_path(const char *target, const char *path);

/* "Not Found" */
const char *exg_sim_http_reason(guint status);
/* "Sat, 21 Nov 2026 20:04:05 GMT" */
char *exg_sim_http_date(gint64 seconds);

#endif
