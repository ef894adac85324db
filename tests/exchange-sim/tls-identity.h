/* tls-identity.h - a certification authority of the simulator's own, and a server certificate by
 * it.
 *
 * The authority is made once per state directory (ca.pem, ca-key.pem), so that a client keeps
 * trusting a simulator that was restarted; the server's certificate is made anew at each start, for
 * localhost, the loopback addresses and this machine's name.
 *
 * Errors:   EXG_ERROR_CONFIG, one sentence with the file.
 */
#ifndef EXG_SIM_TLS_IDENTITY_H
#define EXG_SIM_TLS_IDENTITY_H

#include "common/io/stream.h"

#define EXG_SIM_VALID_DAYS 3650

/* `names`: more names for the certificate, NULL-terminated, or NULL. `days`: how long it holds; a
 * negative number: it has ended so long ago. `*ret_certificate`: the server's, in DER
 * (transfer full). */
ExgTlsServer *exg_sim_tls_identity_new(const char *directory, const char *const *names, int days,
                                       GBytes **ret_certificate, GError **error);

#endif
