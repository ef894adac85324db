#include "common/ews/service-private.h"

#include "common/base/clock.h"

#include <string.h>

static ExgEwsService *
service_new(ExgHttpClient *client, const char *version)
{
    ExgEwsService *service = g_new0(ExgEwsService, 1);
    service->references = 1;
    service->client = exg_http_client_ref(client);
    service->cookies = exg_ews_cookies_new();
    exg_ews_versions_init(&service->versions, version);
    return service;
}

ExgEwsService *
exg_ews_service_new_many(ExgHttpClient *client, const char *const *urls, const char *version)
{
    g_return_val_if_fail(urls[0] != NULL, NULL);
    ExgEwsService *service = service_new(client, version);
    service->urls = g_strdupv((char **)urls);
    service->n_urls = g_strv_length(service->urls);
    return service;
}

ExgEwsService *
exg_ews_service_new_located(ExgHttpClient *client, const ExgEwsLocator *locator, gpointer data,
                            const char *version)
{
    ExgEwsService *service = service_new(client, version);
    service->locator = locator;
    service->locator_data = data;
    return service;
}

ExgEwsService *
exg_ews_service_new(ExgHttpClient *client, const char *url, const char *version)
{
    const char *urls[] = {url, NULL};
    return exg_ews_service_new_many(client, urls, version);
}

ExgEwsService *
exg_ews_service_ref(ExgEwsService *service)
{
    g_atomic_int_inc(&service->references);
    return service;
}

void
exg_ews_service_unref(ExgEwsService *service)
{
    if (service == NULL || !g_atomic_int_dec_and_test(&service->references))
        return;
    exg_http_client_unref(service->client);
    if (service->locator != NULL)
        service->locator->free(service->locator_data);
    g_free(service->last_url);
    g_strfreev(service->urls);
    exg_ews_versions_clear(&service->versions);
    exg_ews_cookies_free(service->cookies);
    exg_throttle_unref(service->throttle);
    g_free(service->account);
    g_free(service);
}

void
exg_ews_service_set_throttle(ExgEwsService *service, ExgThrottle *throttle, const char *account)
{
    ExgThrottle *old = service->throttle;
    service->throttle = throttle != NULL ? exg_throttle_ref(throttle) : NULL;
    exg_throttle_unref(old);
    g_free(service->account);
    service->account = g_strdup(account);
}

void
exg_ews_service_set_retry(ExgEwsService *service, const ExgEwsRetryPolicy *policy)
{
    service->retry = *policy;
}

void
exg_ews_service_set_again(ExgEwsService *service, ExgEwsAgainFunc function, gpointer data)
{
    service->again = function;
    service->again_data = data;
}

void
exg_ews_service_locate_async(ExgEwsService *service, gint64 deadline_us, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer data)
{
    service->locator->find(service->locator_data, deadline_us, cancellable, callback, data);
}

char *
exg_ews_service_locate_finish(ExgEwsService *service, GAsyncResult *result, GError **error)
{
    return service->locator->find_finish(result, error);
}

static void
copy_server(const char *url, char *server, gsize size)
{
    const char *begin = strstr(url, "://");
    begin = begin != NULL ? begin + strlen("://") : url;
    g_autofree char *name = g_ascii_strdown(begin, (gssize)strcspn(begin, "/?#"));
    g_strlcpy(server, name, size);
}

void
exg_ews_service_server_version(ExgEwsService *service, ExgEwsServerVersion *ret_version)
{
    const ExgEwsServerInfo *info = &service->versions.info;
    const guint *part = info->build.part;
    guint endpoint = 0;
    if (service->throttle != NULL && service->urls != NULL)
        endpoint = exg_throttle_first_usable(service->throttle, (const char *const *)service->urls,
                                             service->n_urls);
    *ret_version = (ExgEwsServerVersion){
        .endpoint = service->urls != NULL ? service->urls[endpoint] : service->last_url,
        .speaks = exg_ews_versions_choose(&service->versions, NULL, false),
        .product = exg_ews_build_product(&info->build),
    };
    if (ret_version->endpoint != NULL)
        copy_server(ret_version->endpoint, ret_version->server, sizeof ret_version->server);
    g_strlcpy(ret_version->version, info->version, sizeof ret_version->version);
    if (part[0] != 0)
        g_snprintf(ret_version->build, sizeof ret_version->build, "%u.%u.%u.%u", part[0], part[1],
                   part[2], part[3]);
}

const char *const *
exg_ews_service_endpoints(const ExgEwsService *service)
{
    static const char *const none[] = {NULL};
    return service->urls != NULL ? (const char *const *)service->urls : none;
}

void
exg_ews_service_set_tap(ExgEwsService *service, ExgEwsTap tap, gpointer data)
{
    service->tap = tap;
    service->tap_data = data;
}

bool
exg_ews_service_take_location(ExgEwsService *service, const char *url)
{
    if (url != NULL && g_strcmp0(url, service->last_url) != 0) {
        g_free(service->last_url);
        service->last_url = g_strdup(url);
    }
    if (service->last_url == NULL)
        return false;
    const char *urls[] = {service->last_url, NULL};
    g_strfreev(service->urls);
    service->urls = g_strdupv((char **)urls);
    service->n_urls = 1;
    return true;
}

void
exg_ews_service_lose_location(ExgEwsService *service, const char *url)
{
    gint64 now_us = exg_clock_monotonic_us();
    bool recent = service->lost_us != 0 && now_us < service->lost_us + EXG_EWS_RELOCATE_US;
    if (service->urls == NULL || recent || g_strcmp0(service->urls[0], url) != 0)
        return;
    service->lost_us = now_us;
    g_clear_pointer(&service->urls, g_strfreev);
    service->n_urls = 0;
    service->locator->forget(service->locator_data);
}
