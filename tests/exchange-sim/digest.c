#include "tests/exchange-sim/digest.h"

#include <string.h>

#define OPAQUE "a \"quoted\" one"

struct ExgSimDigest {
    const ExgSimAccounts *accounts;
    ExgSimDigestOptions options;
    char *nonce;
    guint64 count; /* of its last request */
};

ExgSimDigest *
exg_sim_digest_new(const ExgSimAccounts *accounts, const ExgSimDigestOptions *options)
{
    ExgSimDigest *digest = g_new0(ExgSimDigest, 1);
    digest->accounts = accounts;
    digest->options = *options;
    return digest;
}

void
exg_sim_digest_free(ExgSimDigest *digest)
{
    if (digest == NULL)
        return;
    g_free(digest->nonce);
    g_free(digest);
}

static const char *
algorithm(const ExgSimDigest *digest, bool sha256)
{
    if (digest->options.session)
        return sha256 ? "SHA-256-sess" : "MD5-sess";
    return sha256 ? "SHA-256" : "MD5";
}

void
exg_sim_digest_offer(ExgSimDigest *digest, bool stale, ExgSimAnswer *answer)
{
    g_free(digest->nonce);
    digest->nonce = g_uuid_string_random();
    digest->count = 0;
    for (int sha256 = digest->options.sha256; sha256 >= 0; sha256--) {
        g_autofree char *challenge = g_strdup_printf(
            "Digest realm=\"local, host\", qop=\"auth,auth-int\", algorithm=%s, nonce=\"%s\", "
            "opaque=\"a \\\"quoted\\\" one\"%s",
            algorithm(digest, sha256), digest->nonce, stale ? ", stale=true" : "");
        exg_sim_answer_add_header(answer, "WWW-Authenticate", challenge);
    }
}

/* The parameters, unquoted. NULL: malformed. (transfer full) */
static GHashTable *
parse(const char *text)
{
    g_autoptr(GHashTable) found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    while (*(text += strspn(text, ", ")) != '\0') {
        gsize name = strcspn(text, "=,\" ");
        if (name == 0 || text[name] != '=')
            return NULL;
        g_autofree char *key = g_ascii_strdown(text, (gssize)name);
        g_autoptr(GString) value = g_string_new(NULL);
        text += name + 1;
        if (*text == '"') {
            for (text++; *text != '"'; text++) {
                if (*text == '\\')
                    text++;
                if (*text == '\0')
                    return NULL;
                g_string_append_c(value, *text);
            }
            text++;
        } else {
            gsize length = strcspn(text, ", ");
            g_string_append_len(value, text, (gssize)length);
            text += length;
        }
        g_hash_table_replace(found, g_steal_pointer(&key), g_strdup(value->str));
    }
    return g_steal_pointer(&found);
}

static char *hash(bool sha256, const char *format, ...) G_GNUC_PRINTF(2, 3);

static char *
hash(bool sha256, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return g_compute_checksum_for_string(sha256 ? G_CHECKSUM_SHA256 : G_CHECKSUM_MD5, text, -1);
}

static bool
is_proof(const ExgSimDigest *digest, GHashTable *given, const ExgSimAccount *account,
         const char *method)
{
#define GIVEN(name) ((const char *)g_hash_table_lookup(given, name))
    bool sha256 = g_str_has_prefix(GIVEN("algorithm"), "SHA-256");
    g_autofree char *secret = hash(sha256, "%s:%s:%s", GIVEN("username"), GIVEN("realm"),
                                   account->password);
    g_autofree char *session = hash(sha256, "%s:%s:%s", secret, GIVEN("nonce"), GIVEN("cnonce"));
    g_autofree char *request = hash(sha256, "%s:%s", method, GIVEN("uri"));
    g_autofree char *proof = hash(sha256, "%s:%s:%s:%s:auth:%s",
                                  digest->options.session ? session : secret, GIVEN("nonce"),
                                  GIVEN("nc"), GIVEN("cnonce"), request);
    return g_str_equal(proof, GIVEN("response"));
}

const ExgSimAccount *
exg_sim_digest_judge(ExgSimDigest *digest, const char *method, const char *target,
                     const char *credentials, bool *ret_stale)
{
    static const char *const needed[] = {"username", "realm", "nonce",    "uri", "algorithm",
                                         "cnonce",   "nc",    "response", "qop", "opaque"};
    g_autoptr(GHashTable) given = parse(credentials);
    for (guint i = 0; i < G_N_ELEMENTS(needed); i++)
        if (given == NULL || GIVEN(needed[i]) == NULL)
            return NULL;
    const ExgSimAccount *account = exg_sim_accounts_get(digest->accounts, GIVEN("username"));
    bool sha256 = digest->options.sha256;
    if (account == NULL || !g_str_equal(GIVEN("uri"), target) ||
        !g_str_equal(GIVEN("realm"), "local, host") || !g_str_equal(GIVEN("opaque"), OPAQUE) ||
        !g_str_equal(GIVEN("qop"), "auth") ||
        !g_str_equal(GIVEN("algorithm"), algorithm(digest, sha256)) ||
        !is_proof(digest, given, account, method))
        return NULL;
    guint64 count = g_ascii_strtoull(GIVEN("nc"), NULL, 16);
    bool fresh = g_strcmp0(digest->nonce, GIVEN("nonce")) == 0 && count == digest->count + 1 &&
                 (digest->options.uses == 0 || count <= digest->options.uses);
    *ret_stale = !fresh;
    digest->count = count;
    return fresh ? account : NULL;
}
