/* nt-hash-private.h - what NTLM makes of a password before anything else: MD4 of its UTF-16.
 *
 * gss-ntlmssp would compute it as well, but leaves the password behind in memory that it has freed.
 *
 * Threads:  any.
 * Errors:   CONFIG, if the password is no UTF-8.
 * Source:   RFC 1320, MS-NLMP section 3.3.1 (NTOWFv1).
 */
#ifndef EXG_AUTH_NT_HASH_PRIVATE_H
#define EXG_AUTH_NT_HASH_PRIVATE_H

#include "common/base/secret.h"

/* The hash in hexadecimal digits, as good as the password to who has it. (transfer full) */
ExgSecret *exg_nt_hash(const ExgSecret *password, GError **error);

#endif
