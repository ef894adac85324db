#include "common/http/client.h"
#include "common/http/library-private.h"

#include <curl/curl.h>
#include <string.h>

static char *version;

/* There is no counterpart: other users of libcurl in this process (a plugin's host) may still need it. */
static gpointer
initialize(gpointer unused)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        g_error("libcurl cannot be initialized");
    const char *text = curl_version();
    g_return_val_if_fail(g_str_has_prefix(text, "libcurl/"), NULL);
    version = g_strdup(text);
    version[strlen("libcurl")] = ' ';
    return version;
}

void
exg_http_library_init(void)
{
    static GOnce once = G_ONCE_INIT;
    (void)g_once(&once, initialize, NULL);
}

const char *
exg_http_library_version(void)
{
    exg_http_library_init();
    return version;
}
