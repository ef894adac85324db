#include "common/account/discovery-private.h"

#include "common/account/account.h"
#include "common/autodiscover/finder.h"
#include "common/base/error.h"

typedef struct {
    ExgConf *conf;
    const char *address;
    ExgDiscoveryFinder *finder;
} Locator;

bool
exg_account_discovers(const ExgConf *conf)
{
    return g_str_equal(exg_conf_string(conf, "exchange", "endpoint"), "auto");
}

static const char *
address_of(const ExgConf *conf)
{
    const char *address = exg_conf_string(conf, "exchange", "discover_address");
    return address != NULL ? address : exg_conf_string(conf, "exchange", "username");
}

const char *
exg_account_discovery_address(const ExgConf *conf)
{
    return exg_account_discovers(conf) ? address_of(conf) : NULL;
}

bool
exg_account_check_discovery(const ExgConf *conf, GError **error)
{
    if (!exg_account_discovers(conf))
        return true;
    g_autoptr(GError) reason = NULL;
    const char *address = address_of(conf);
    g_autofree char *domain = address != NULL ? exg_discovery_domain(address, &reason) : NULL;
    if (domain != NULL)
        return true;
    g_autofree char *where = exg_conf_where(conf, "exchange", "discover_address");
    return exg_error_set(error, EXG_ERROR_CONFIG,
                         "%s: endpoint = auto needs the address of a mailbox, here or as username: "
                         "%s",
                         where, reason != NULL ? reason->message : "there is none");
}

gpointer
exg_account_locator_new(ExgEngine *engine, const ExgConf *conf, const ExgHttpClientOptions *http)
{
    const ExgDiscoveryOptions options = {
        .http = *http,
        .approved_hosts = exg_conf_list(conf, "exchange", "approved_hosts"),
    };
    g_autoptr(ExgDiscoveryCache)
        cache = exg_discovery_cache_new(exg_conf_string(conf, "exchange", "discovery_cache"));
    Locator *locator = g_new0(Locator, 1);
    locator->conf = exg_conf_ref((ExgConf *)conf);
    locator->address = address_of(conf);
    locator->finder = exg_discovery_finder_new(engine, &options, cache);
    return locator;
}

static void
locator_free(gpointer data)
{
    Locator *locator = data;
    exg_discovery_finder_unref(locator->finder);
    exg_conf_unref(locator->conf);
    g_free(locator);
}

static void
find(gpointer data, gint64 deadline_us, GCancellable *cancellable, GAsyncReadyCallback callback,
     gpointer user_data)
{
    const Locator *locator = data;
    exg_discovery_finder_find_async(locator->finder, locator->address, deadline_us, cancellable,
                                    callback, user_data);
}

static void
forget(gpointer data)
{
    const Locator *locator = data;
    exg_discovery_finder_forget(locator->finder, locator->address);
}

const ExgEwsLocator exg_account_locator = {
    .find = find,
    .find_finish = exg_discovery_finder_find_finish,
    .forget = forget,
    .free = locator_free,
};
