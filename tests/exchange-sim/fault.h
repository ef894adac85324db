/* fault.h - what shall go wrong, when: the scenario language.
 *
 *     on OPERATION [mailbox=ADDRESS] [after=N] [times=N] [conn=new|reused] [stored] do ACTION
 *     clear
 *
 * OPERATION is CreateItem, FindItem …, `*` (any request), `connect` (a new connection) or `handshake`
 * (a 401, which can be reset or closed). Rules are tried in the order given; the first that acts decides, except that delay, late and slow, and a
 * capacity that is not exhausted, let later rules act as well. `after` lets that many matching requests pass, `times` ends the rule after it
 * has acted so often. With `stored` the request is carried out before an action that would
 * otherwise prevent it. The actions are in the table of fault.c and in README.md.
 *
 * Threads:  the engine's.
 * Memory:   a rule that acts is referenced by whoever carries it out, so `clear` does not pull it
 *           away.
 * Errors:   EXG_ERROR_CONFIG, one sentence that quotes the word.
 * Limits:   EXG_SIM_FAULTS_MAX rules.
 */
#ifndef EXG_SIM_FAULT_H
#define EXG_SIM_FAULT_H

#include <glib.h>
#include <stdbool.h>

#define EXG_SIM_FAULTS_MAX 1000

typedef enum {
    EXG_SIM_DELAY,         /* answer later; the request is carried out at once */
    EXG_SIM_LATE,          /* carry the request out later, even if the client has gone */
    EXG_SIM_SLOW,          /* answer at so many bytes per second */
    EXG_SIM_RESET_EARLY,   /* TCP reset once so many bytes of the request have come */
    EXG_SIM_RESET,         /* TCP reset instead of an answer */
    EXG_SIM_CLOSE,         /* orderly end of the connection instead of an answer */
    EXG_SIM_STALL,         /* no answer, for ever */
    EXG_SIM_STATUS,        /* an HTTP status without SOAP */
    EXG_SIM_UNAUTHORIZED,  /* 401 */
    EXG_SIM_GARBAGE,       /* 200 with something that is not XML */
    EXG_SIM_FLOOD,         /* 200 with endless well-formed XML */
    EXG_SIM_CODE,          /* an error of Exchange's */
    EXG_SIM_CAPACITY,      /* so many at a time, each for a time; ErrorServerBusy to all above */
    EXG_SIM_TRUNCATE,      /* the answer ends too early */
    EXG_SIM_NO_ITEM_ID,    /* success that does not say what was stored */
    EXG_SIM_ILLEGAL_CHAR,  /* a character reference that XML forbids, in the answer */
    EXG_SIM_LIE,           /* FindItem finds nothing, as if the index lagged behind */
    EXG_SIM_REDIRECT,      /* Autodiscover: another address or another server */
    EXG_SIM_STREAM_STALL,  /* after so many envelopes a stream says no more */
    EXG_SIM_STREAM_DROP,   /* … or is reset */
    EXG_SIM_TLS_ALERT      /* the handshake fails */
} ExgSimAction;

typedef enum { EXG_SIM_AT_CONNECT, EXG_SIM_AT_BYTES, EXG_SIM_AT_REQUEST } ExgSimFaultPhase;

typedef struct {
    /* when */
    char *operation; /* "*": any */
    char *mailbox;   /* NULL: any */
    guint64 after, times; /* times 0: without end */
    int reused;           /* 1: only on a used connection, 0: only on a new one, -1: either */
    /* what */
    ExgSimAction action;
    const char *name;      /* of the action */
    bool stored;           /* carry the request out first */
    guint64 amount;        /* milliseconds, bytes, bytes per second, HTTP status */
    gint64 service_ms;     /* EXG_SIM_CAPACITY: how long each takes */
    char *code, *inner;    /* EXG_SIM_CODE, EXG_SIM_CAPACITY; EXG_SIM_REDIRECT: where to */
    bool by_http;          /* EXG_SIM_REDIRECT: with HTTP's 302 in every protocol */
    gint64 backoff_ms;     /* -1: none */
    bool as_fault;
    char *retry_after; /* a number, "date" or NULL */
    bool html;
    /* what has happened */
    guint64 matched, acted;
    guint64 last_request;
    guint64 in_service; /* EXG_SIM_CAPACITY: requests now; whoever takes a place gives it back */
} ExgSimFault;

typedef struct ExgSimFaults ExgSimFaults;

ExgSimFaults *exg_sim_faults_new(void);
void exg_sim_faults_free(ExgSimFaults *faults);
void exg_sim_fault_unref(ExgSimFault *fault);

/* One line: a rule, "clear", or nothing (empty, or a comment that begins with '#'). */
bool exg_sim_faults_add(ExgSimFaults *faults, const char *line, GError **error);
bool exg_sim_faults_add_file(ExgSimFaults *faults, const char *path, GError **error);
guint exg_sim_faults_count(const ExgSimFaults *faults);

typedef struct {
    ExgSimFaultPhase phase;
    guint64 request;       /* a number of its own for each request; a rule looks at a request once per phase */
    const char *operation; /* ignored at connect */
    const char *mailbox;   /* NULL: not known */
    bool reused;
    guint64 bytes; /* how much of the request has come, at EXG_SIM_AT_BYTES */
} ExgSimFaultSubject;

/* The next rule from `*cursor` on (0 at first) that acts now, or NULL. The reference is the
 * caller's. */
ExgSimFault *exg_sim_faults_take(ExgSimFaults *faults, const ExgSimFaultSubject *subject,
                                 guint *cursor);
/* Whether rules after this one may act on the same request. */
bool exg_sim_fault_goes_on(const ExgSimFault *fault);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgSimFaults, exg_sim_faults_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgSimFault, exg_sim_fault_unref)

#endif
