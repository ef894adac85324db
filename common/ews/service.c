#include "common/ews/service-private.h"

ExgEwsService *
exg_ews_service_new(ExgHttpClient *client, const char *url, const char *version)
{
    ExgEwsService *service = g_new0(ExgEwsService, 1);
    service->references = 1;
    service->client = exg_http_client_ref(client);
    service->url = g_strdup(url);
    service->version = g_strdup(version);
    return service;
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
    g_free(service->url);
    g_free(service->version);
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
exg_ews_service_set_tap(ExgEwsService *service, ExgEwsTap tap, gpointer data)
{
    service->tap = tap;
    service->tap_data = data;
}
