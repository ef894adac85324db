/* error.h - what went wrong, said by what the caller can do about it.
 *
 * One GError domain for all of exgate. The code names the caller's options; the facts (what the
 * server said, how long to wait, where it happened) ride along in the error. Codes of EWS, HTTP and
 * curl are translated into this domain once, in the layer that speaks them. exg_disposition_of()
 * (disposition.h) turns an error into an LMTP reply, a sentence for a person and a metric label.
 *
 * Threads:  a GError belongs to whoever holds it.
 * Memory:   strings given to the setters are copied.
 * Source:   enhanced status codes: RFC 3463; reply codes: RFC 5321.
 */
#ifndef EXG_BASE_ERROR_H
#define EXG_BASE_ERROR_H

#include <glib.h>
#include <stdbool.h>

typedef enum {
    EXG_ERROR_UNREACHABLE, /* no answer, and nothing was or could have been stored: try again later */
    EXG_ERROR_BUSY,        /* the server or the mailbox asks to come back later */
    EXG_ERROR_AUTH,        /* our own credentials were refused; always temporary for mail */
    EXG_ERROR_DENIED,      /* authenticated, but our account lacks the right; always temporary */
    EXG_ERROR_NO_MAILBOX,  /* the store knows no such mailbox: one witness of the two a bounce needs */
    EXG_ERROR_QUOTA,       /* the mailbox is full */
    EXG_ERROR_TOO_LARGE,   /* this message is larger than the server takes */
    EXG_ERROR_REJECTED,    /* the server refuses this message for what it is */
    EXG_ERROR_PROTOCOL,    /* the peer said what makes no sense, or the request was wrong; nothing stored */
    EXG_ERROR_CONFIG,      /* the administrator has to act; always temporary for mail */
    EXG_ERROR_AMBIGUOUS,   /* all was sent and no answer proves that nothing was stored */
    EXG_ERROR_RESOURCES,   /* this host ran out of disk, memory or descriptors */
    EXG_N_ERRORS
} ExgErrorCode;

/* The facts. Read them; change them through the setters below. */
typedef struct {
    int smtp_code;          /* reply code that the layer below asks for; 0: the code's default */
    char enhanced[12];      /* its enhanced status code, "" : the code's default */
    gint64 retry_after_ms;  /* how long the server asked to wait; -1: it did not say */
    int http_status;        /* 0: none */
    char *service_code;     /* EWS ResponseCode, or NULL */
    char *request_id;       /* the server's id of the request, or NULL */
    const char *stage;      /* static string: "resolve", "connect", "tls", "send", "answer" …, or NULL */
} ExgErrorFacts;

#define EXG_ERROR (exg_error_quark())
GQuark exg_error_quark(void);

/* Creates an error. `format` makes one sentence for the log, without a trailing full stop or
 * newline. */
GError *exg_error_new(ExgErrorCode code, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The same into *error where the caller wants one. Returns false, for `return exg_error_set(…)`. */
bool exg_error_set(GError **error, ExgErrorCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* The facts of an error of this domain, or NULL for one of another domain. */
const ExgErrorFacts *exg_error_facts(const GError *error);

/* Each setter takes an error of this domain and is a no-op for NULL, so that it can follow a
 * propagation. */
void exg_error_set_reply(GError *error, int smtp_code, const char *enhanced);
void exg_error_set_retry_after(GError *error, gint64 retry_after_ms);
void exg_error_set_http_status(GError *error, int http_status);
void exg_error_set_service_code(GError *error, const char *service_code);
void exg_error_set_request_id(GError *error, const char *request_id);
void exg_error_set_stage(GError *error, const char *static_stage);

#endif
