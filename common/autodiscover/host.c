#include "common/autodiscover/host-private.h"

#include "common/autodiscover/discovery.h"
#include "common/base/error.h"

#include <string.h>

#define MAX_ADDRESS 320

char *
exg_discovery_domain(const char *address, GError **error)
{
    const char *at = strrchr(address, '@');
    g_autofree char *ascii = at != NULL && at != address && strlen(address) <= MAX_ADDRESS &&
                                     g_utf8_validate(address, -1, NULL)
                                 ? g_hostname_to_ascii(at + 1)
                                 : NULL;
    bool good = ascii != NULL && strchr(ascii, '.') != NULL && ascii[0] != '.' &&
                !g_str_has_suffix(ascii, ".") && strstr(ascii, "..") == NULL &&
                !g_hostname_is_ip_address(ascii);
    for (const char *c = ascii; good && *c != '\0'; c++)
        good = g_ascii_isalnum(*c) || *c == '.' || *c == '-';
    for (const char *c = address; good && *c != '\0'; c++)
        good = (guchar)*c > ' ' && *c != 0x7f;
    if (!good) {
        exg_error_set(error, EXG_ERROR_CONFIG,
                      "\"%s\" is no address whose server could be discovered: name@domain.example "
                      "is expected",
                      address);
        return NULL;
    }
    return g_ascii_strdown(ascii, -1);
}

/* Letters, digits, dashes, dots, and the underscore of many a Windows host. */
static bool
is_plain_name(const char *host)
{
    for (const char *c = host; *c != '\0'; c++)
        if (!g_ascii_isalnum(*c) && strchr("-._", *c) == NULL)
            return false;
    return !g_hostname_is_ip_address(host);
}

char *
exg_autodiscover_https_host(const char *url, const char **ret_fault)
{
    static const char scheme[] = "https://";
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
    const char *host = uri != NULL ? g_uri_get_host(uri) : NULL;
    *ret_fault = NULL;
    if (host == NULL || host[0] == '\0')
        *ret_fault = "no address";
    else if (!g_str_equal(g_uri_get_scheme(uri), "https"))
        *ret_fault = "not https";
    else if (!is_plain_name(host) ||
             g_ascii_strncasecmp(url + strlen(scheme), host, strlen(host)) != 0 ||
             strchr(":/?#", url[strlen(scheme) + strlen(host)]) == NULL)
        *ret_fault = "not a plain host name";
    return *ret_fault == NULL ? g_ascii_strdown(host, -1) : NULL;
}
