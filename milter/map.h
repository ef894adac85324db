/* map.h - what a look-up asks and what it is told, whatever protocol carries it.
 *
 * Three kinds of tables answer the same question in different words. RECIPIENTS says who exists, for
 * relay_recipient_maps; ACCESS says what Postfix shall do, in the language of access(5); SENDMAIL
 * says it in the language of Sendmail's access map. A key that is no address (Postfix asks for bare
 * domains, too) is in none of them.
 *
 * Threads:  pure functions.
 * Memory:   an answer's strings belong to whoever gives it; they are valid during the call.
 * Limits:   a text is cut at EXG_MAP_TEXT_MAX_BYTES, and what could end a line becomes "?".
 * Source:   Postfix's access(5), SMTPD_POLICY_README; Sendmail's cf/README, "access database".
 */
#ifndef EXG_MILTER_MAP_H
#define EXG_MILTER_MAP_H

#include <glib.h>
#include <stdbool.h>

#define EXG_MAP_TEXT_MAX_BYTES 512

/* How far the bytes at hand go. */
typedef enum {
    EXG_MAP_MORE,    /* no complete request yet */
    EXG_MAP_REQUEST, /* one is complete */
    EXG_MAP_BROKEN /* this is another protocol, or too much: nothing that follows can be understood */
} ExgMapProgress;

typedef enum { EXG_MAP_RECIPIENTS, EXG_MAP_ACCESS, EXG_MAP_SENDMAIL, EXG_N_MAPS } ExgMapKind;

typedef struct {
    const char *recipient;
    const char *sender;         /* "": the null sender; NULL: not told */
    const char *client_address; /* NULL: not told */
    bool authenticated;
    guint64 size_bytes; /* of the message; 0: not told */
} ExgMapQuestion;

typedef enum {
    EXG_MAP_NOT_OURS, /* not for us to say */
    EXG_MAP_GOOD,     /* may receive this message */
    EXG_MAP_UNKNOWN,  /* there is no such recipient */
    EXG_MAP_REFUSED,  /* there is one, but this message is not for it */
    EXG_MAP_DEFERRED, /* there is one, but not now */
    EXG_MAP_UNSURE    /* nobody can tell now */
} ExgMapOutcome;

typedef struct {
    ExgMapOutcome outcome;
    /* But for NOT_OURS and GOOD: the reply that an SMTP client would get. */
    int code;
    const char *enhanced;
    const char *text;
} ExgMapAnswer;

typedef enum { EXG_MAP_FOUND, EXG_MAP_NOT_FOUND, EXG_MAP_TEMPORARY } ExgMapStatus;

/* "recipients", "access", "sendmail"; false for another name. */
bool exg_map_kind_find(const char *name, gsize length, ExgMapKind *ret_kind);

/* Whether a key can be asked about: "local@domain". */
bool exg_map_is_address(const char *key);

/* What the table of that kind holds for it. The value, or the reason of TEMPORARY, replaces what is
 * in `text`. */
ExgMapStatus exg_map_look_up(ExgMapKind kind, const ExgMapAnswer *answer, GString *text);

/* What Postfix shall do, in the language of access(5): "DUNNO", "550 5.1.1 …", "DEFER_IF_PERMIT
 * 4.4.1 …". Replaces what is in `text`. */
void exg_map_action(const ExgMapAnswer *answer, GString *text);

#endif
