/* choice.h - takes the strongest scheme that the server offers and that can be used here.
 *
 * Each connection begins with an empty request, whose 401 says what is offered. The candidates are
 * gone through in the order in which they were added; one that is not offered, or lacks something
 * here (a ticket, a password, a mechanism, the permission), is passed over with a reason. If
 * nothing is left, the error names all the reasons.
 *
 * One that fails after it was chosen (no KDC, a ticket that the server refuses) is passed over for
 * EXG_AUTH_CHOICE_REST_MS, and the next is taken at once, unless it `has_last_word`: a password that
 * was refused is not tried again in another way, as five such attempts lock an account.
 *
 * Threads:  the engine's.
 * Memory:   owns its candidates.
 * Errors:   CONFIG when nothing is left; those of the chosen scheme.
 */
#ifndef EXG_AUTH_CHOICE_H
#define EXG_AUTH_CHOICE_H

#include "common/http/authenticator.h"

typedef struct {
    const char *name;    /* "kerberos", for people; static */
    const char *offered; /* as the server calls it: "Negotiate"; static */
    /* NULL: can always be used. */
    bool (*is_available)(ExgHttpAuthenticator *authenticator, GError **error);
    bool needs_tls;
    bool has_last_word;
} ExgAuthCandidate;

#define EXG_AUTH_CHOICE_REST_MS ((gint64)60 * 1000)

ExgHttpAuthenticator *exg_auth_choice_new(void);
/* Takes the authenticator; NULL: it cannot be used, because of `reason` (copied). */
void exg_auth_choice_add(ExgHttpAuthenticator *choice, const ExgAuthCandidate *candidate,
                         ExgHttpAuthenticator *authenticator, const char *reason);
/* What the last choice was made from, a line each: "offered: Negotiate, NTLM", "kerberos: no ticket …",
 * "ntlm: chosen". NULL before the first. (transfer full) */
char *exg_auth_choice_describe(ExgHttpAuthenticator *choice);

#endif
