#include "common/ews/service-cache.h"

#include "common/base/clock.h"
#include "common/ews/service-private.h"

#include <string.h>
#include <sys/random.h>

struct ExgEwsServiceCache {
    guint8 digest_key[32];
    GHashTable *entries; /* digest of the key -> Entry */
};

/* Either a service or why there is none. */
typedef struct {
    ExgEwsService *service;
    GError *failure;
    gint64 until_us; /* of the failure */
} Entry;

static void
entry_free(gpointer data)
{
    Entry *entry = data;
    exg_ews_service_unref(entry->service);
    g_clear_error(&entry->failure);
    g_free(entry);
}

ExgEwsServiceCache *
exg_ews_service_cache_new(void)
{
    ExgEwsServiceCache *self = g_new0(ExgEwsServiceCache, 1);
    if (getrandom(self->digest_key, sizeof self->digest_key, 0) != sizeof self->digest_key)
        g_error("no random bytes");
    self->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
    return self;
}

void
exg_ews_service_cache_free(ExgEwsServiceCache *self)
{
    if (self == NULL)
        return;
    g_hash_table_unref(self->entries);
    g_free(self);
}

/* Each part with its length, so that no two keys run into each other. */
static void
add(GHmac *hmac, const char *part, gsize length)
{
    const guint64 prefix = part != NULL ? length : G_MAXUINT64;
    g_hmac_update(hmac, (const guchar *)&prefix, sizeof prefix);
    if (part != NULL)
        g_hmac_update(hmac, (const guchar *)part, (gssize)length);
}

static char *
digest_of(const ExgEwsServiceCache *self, const ExgEwsServiceKey *key)
{
    GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, self->digest_key, sizeof self->digest_key);
    const char *const words[] = {key->scheme, key->user, key->tenant};
    for (guint i = 0; i < G_N_ELEMENTS(words); i++)
        add(hmac, words[i], words[i] != NULL ? strlen(words[i]) : 0);
    add(hmac, key->secret != NULL ? exg_secret_bytes(key->secret) : NULL,
        key->secret != NULL ? exg_secret_length(key->secret) : 0);
    for (guint i = 0; key->endpoints[i] != NULL; i++)
        add(hmac, key->endpoints[i], strlen(key->endpoints[i]));
    char *digest = g_strdup(g_hmac_get_string(hmac));
    g_hmac_unref(hmac);
    return digest;
}

ExgEwsService *
exg_ews_service_cache_get(ExgEwsServiceCache *self, const ExgEwsServiceKey *key,
                          ExgEwsServiceMake make, gpointer data, GError **error)
{
    g_autofree char *digest = digest_of(self, key);
    Entry *entry = g_hash_table_lookup(self->entries, digest);
    if (entry == NULL || (entry->failure != NULL && exg_clock_monotonic_us() >= entry->until_us)) {
        if (entry == NULL && g_hash_table_size(self->entries) >= EXG_EWS_MAX_SERVICES)
            exg_ews_service_cache_clear(self);
        entry = g_new0(Entry, 1);
        entry->service = make(data, &entry->failure);
        entry->until_us = exg_clock_monotonic_us() + EXG_EWS_FAILURE_LIFE_US;
        g_hash_table_replace(self->entries, g_steal_pointer(&digest), entry);
    }
    if (entry->service != NULL)
        return exg_ews_service_ref(entry->service);
    g_propagate_error(error, g_error_copy(entry->failure));
    return NULL;
}

void
exg_ews_service_cache_forget(ExgEwsServiceCache *self, const ExgEwsServiceKey *key)
{
    g_autofree char *digest = digest_of(self, key);
    g_hash_table_remove(self->entries, digest);
}

void
exg_ews_service_cache_clear(ExgEwsServiceCache *self)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, self->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Entry *entry = value;
        if (entry->service != NULL)
            exg_http_client_close_idle(entry->service->client);
    }
    g_hash_table_remove_all(self->entries);
}
