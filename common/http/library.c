#include "common/http/client.h"
#include "common/http/library-private.h"

#include "common/base/secret.h"
#include "common/io/tls-memory.h"

#include <curl/curl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static char *version;

/* --- memory that is wiped before it goes back ------------------------------------------------- */

/* The request that libcurl builds has the Authorization in it, and out of reach. */
static void *
wipe_and_move(void *memory, size_t size)
{
    if (memory == NULL)
        return malloc(size);
    void *moved = malloc(size);
    if (moved == NULL)
        return NULL;
    memcpy(moved, memory, MIN(malloc_usable_size(memory), size));
    exg_secret_wipe_and_free(memory);
    return moved;
}

/* --- the library ------------------------------------------------------------------------------ */

/* There is no counterpart: other users of libcurl in this process (a plugin's host) may still need it. If they were
 * first, libcurl keeps their allocator. */
static gpointer
initialize(gpointer unused)
{
    exg_tls_wipe_memory();
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, exg_secret_wipe_and_free, wipe_and_move,
                             strdup, calloc) != CURLE_OK)
        g_error("libcurl cannot be initialized");
    /* Not curl_version(): it sets up OpenLDAP, which looks up the host's own name, and waits for it. */
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    bool has_zlib = info->libz_version != NULL;
    version = g_strdup_printf("libcurl %s %s%s%s", info->version,
                              info->ssl_version != NULL ? info->ssl_version : "without TLS",
                              has_zlib ? " zlib/" : "", has_zlib ? info->libz_version : "");
    return version;
}

void
exg_http_library_init(void)
{
    static GOnce once = G_ONCE_INIT;
    (void)g_once(&once, initialize, NULL);
}

bool
exg_http_library_has_pkcs11(void)
{
    exg_http_library_init();
    return strstr(version, "GnuTLS/") != NULL;
}

const char *
exg_http_library_version(void)
{
    exg_http_library_init();
    return version;
}
