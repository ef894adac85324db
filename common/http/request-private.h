/* request-private.h - what the session and the connection see of a request and its response.
 *
 * Threads:  the engine's.
 */
#ifndef EXG_HTTP_REQUEST_PRIVATE_H
#define EXG_HTTP_REQUEST_PRIVATE_H

#include "common/http/request.h"

struct ExgHttpRequest {
    gint references;
    const char *method; /* static */
    char *url;
    GPtrArray *headers; /* of ExgHttpField */
    ExgHttpBody *body;  /* or NULL */
    gsize response_max;
    bool once;
    ExgHttpSink sink;
    gpointer sink_data;
    bool body_sent;
};

/* Freed with g_free(). */
typedef struct {
    char *name;
    char *value;
} ExgHttpField;

ExgHttpField *exg_http_field_new(const char *name, gsize name_length, const char *value,
                                 gsize value_length);

/* The body's length; 0 without one. */
guint64 exg_http_request_body_length(const ExgHttpRequest *request);
/* The target of the request line: the path and the query. (transfer full) */
char *exg_http_request_dup_target(const ExgHttpRequest *request);
bool exg_http_request_has_header(const ExgHttpRequest *request, const char *name);

/* --- a response while it is being received ---------------------------------------------------------- */

ExgHttpResponse *exg_http_response_new(void);
/* Takes one line of the header, with or without its line end. A status line begins the header anew,
 * so that only the final one remains (RFC 9110 15.2: any number of 1xx may come before). Carriage
 * returns and zeros inside a line count as blanks. False if the line is neither. */
bool exg_http_response_take_line(ExgHttpResponse *response, const char *line, gsize length);
void exg_http_response_append(ExgHttpResponse *response, const char *data, gsize length);
/* All has come: from here on the response does not change. */
void exg_http_response_complete(ExgHttpResponse *response);

#endif
