/* service-private.h - what the calls see of a service. */
#ifndef EXG_EWS_SERVICE_PRIVATE_H
#define EXG_EWS_SERVICE_PRIVATE_H

#include "common/ews/cookies-private.h"
#include "common/ews/service.h"
#include "common/ews/version.h"

struct ExgEwsService {
    gint references;
    ExgHttpClient *client;
    GStrv urls; /* one at least */
    guint n_urls;
    ExgEwsVersions versions;
    ExgEwsCookies *cookies;
    ExgEwsRetryPolicy retry;
    bool proven;           /* Exchange accepted the credentials before */
    ExgThrottle *throttle; /* NULL: none */
    char *account;         /* as the throttle knows it */
    ExgEwsTap tap;
    gpointer tap_data;
};

#endif
