#include "common/auth/digest-response-private.h"

#include <gnutls/crypto.h>
#include <string.h>

#define MAX_HASH_BYTES 32
#define MAX_HEX        (2 * MAX_HASH_BYTES + 1)

/* The hash of the pieces with colons between them; `hex` may be one of them. The text may hold the password, or what
 * is as good as that, so it is wiped. */
static bool
hash(bool sha256, const char *const *pieces, char hex[MAX_HEX])
{
    gsize length = 0;
    for (guint i = 0; pieces[i] != NULL; i++)
        length += strlen(pieces[i]) + 1;
    char *text = g_malloc(length), *end = text;
    for (guint i = 0; pieces[i] != NULL; i++) {
        end = stpcpy(end, pieces[i]);
        *end++ = ':';
    }
    guint8 result[MAX_HASH_BYTES];
    gsize size = sha256 ? 32 : 16;
    bool done = gnutls_hash_fast(sha256 ? GNUTLS_DIG_SHA256 : GNUTLS_DIG_MD5, text, length - 1,
                                 result) >= 0;
    for (gsize i = 0; done && i < size; i++)
        g_snprintf(hex + 2 * i, 3, "%02x", result[i]);
    exg_secret_wipe(result, sizeof result);
    exg_secret_wipe_and_free(text);
    return done;
}

char *
exg_auth_digest_response(const ExgAuthDigest *digest)
{
    bool sha256 = digest->sha256;
    char who[MAX_HEX], what[MAX_HEX], count[9];
    g_snprintf(count, sizeof count, "%08x", digest->count);
    const char *const secret[] = {digest->user, digest->realm, exg_secret_bytes(digest->password),
                                  NULL};
    const char *const session[] = {who, digest->nonce, digest->client_nonce, NULL};
    const char *const request[] = {digest->method, digest->target, NULL};
    const char *const proof[] = {who,    digest->nonce, count, digest->client_nonce,
                                 "auth", what,          NULL};
    bool done = hash(sha256, secret, who) && (!digest->session || hash(sha256, session, who)) &&
                hash(sha256, request, what) && hash(sha256, proof, what);
    exg_secret_wipe(who, sizeof who);
    return done ? g_strdup(what) : NULL;
}
