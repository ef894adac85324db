/* service-private.h - what the calls see of a service. */
#ifndef EXG_EWS_SERVICE_PRIVATE_H
#define EXG_EWS_SERVICE_PRIVATE_H

#include "common/ews/cookies-private.h"
#include "common/ews/service.h"
#include "common/ews/version.h"

struct ExgEwsService {
    gint references;
    ExgHttpClient *client;
    GStrv urls; /* one at least; NULL: to be found out */
    guint n_urls;
    const ExgEwsLocator *locator; /* or NULL */
    gpointer locator_data;
    char *last_url; /* the one that it found last */
    gint64 lost_us; /* when it was given up last; 0: never */
    ExgEwsVersions versions;
    ExgEwsCookies *cookies;
    ExgEwsRetryPolicy retry;
    bool proven;           /* Exchange accepted the credentials before */
    ExgThrottle *throttle; /* NULL: none */
    char *account;         /* as the throttle knows it */
    ExgEwsTap tap;
    gpointer tap_data;
    ExgEwsAgainFunc again;
    gpointer again_data;
};

#define EXG_EWS_RELOCATE_US G_TIME_SPAN_MINUTE

/* The locator has found it; NULL: it has not, and the last one has to do. False: there is none. */
bool exg_ews_service_take_location(ExgEwsService *service, const char *url);
/* An error that calls for a discovery has come from `url`. */
void exg_ews_service_lose_location(ExgEwsService *service, const char *url);

#endif
