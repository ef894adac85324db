/* gss-private.h - GSSAPI as exgate uses it: one initiator of one mechanism, token by token.
 *
 * Kerberos goes inside SPNEGO ("Negotiate"); NTLM goes inside SPNEGO or alone (the scheme "NTLM"). A
 * credential is looked for at each handshake, so that a ticket that somebody has renewed is used,
 * and one from a keytab is renewed by libkrb5 itself.
 *
 * Threads:  any, one at a time; exg_gss_step() may block on a KDC for as long as krb5.conf says.
 * Errors:   AUTH (no ticket, an expired one, a password that the KDC or NTLM does not take), CONFIG
 *           (no mechanism, no keytab, an unknown service), UNREACHABLE (no KDC). One sentence that
 *           names the mechanism, with GSSAPI's own reason. Stage "ticket" where none was there to
 *           begin with, so that nobody was asked.
 * Source:   RFC 2743, RFC 4178, RFC 4559, MS-NLMP.
 */
#ifndef EXG_AUTH_GSS_PRIVATE_H
#define EXG_AUTH_GSS_PRIVATE_H

#include "common/base/secret.h"

#include <stdbool.h>

typedef enum {
    EXG_GSS_KERBEROS,    /* inside SPNEGO */
    EXG_GSS_SPNEGO_NTLM, /* inside SPNEGO */
    EXG_GSS_NTLM
} ExgGssMechanism;

/* Where the credential comes from; strings may be NULL. */
typedef struct {
    const char *keytab;    /* Kerberos: a key of our own; NULL: tickets that are there */
    const char *ccache;    /* Kerberos: a ticket cache; NULL: libkrb5's default, or one in memory for a keytab */
    const char *principal; /* Kerberos: NULL: whoever the keytab or the cache is for */
    const char *user;      /* NTLM: "DOMAIN\user" or "user@domain" */
    ExgSecret *password;   /* NTLM */
} ExgGssSource;

typedef struct ExgGss ExgGss;

/* What the source holds is copied or referenced. `binding`: or NULL. */
ExgGss *exg_gss_new(ExgGssMechanism mechanism, const ExgGssSource *source, const char *host,
                    GBytes *binding);
/* NULL-safe. */
void exg_gss_free(ExgGss *gss);
/* `token`: the server's, NULL at first. *ret_token is NULL if there is nothing more to say. */
bool exg_gss_step(ExgGss *gss, GBytes *token, GBytes **ret_token, GError **error);

/* Whether a handshake could begin at all, as far as can be told without asking anybody: the
 * mechanism is there, and a key, a ticket that has not expired, or a password. Errors: as above,
 * which say why not. */
bool exg_gss_is_available(ExgGssMechanism mechanism, const ExgGssSource *source, GError **error);
/* Whether gss-ntlmssp is installed. */
bool exg_gss_has_ntlm(void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgGss, exg_gss_free)

#endif
