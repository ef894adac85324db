/* service-private.h - what the calls see of a service. */
#ifndef EXG_EWS_SERVICE_PRIVATE_H
#define EXG_EWS_SERVICE_PRIVATE_H

#include "common/ews/service.h"

struct ExgEwsService {
    gint references;
    ExgHttpClient *client;
    char *url;
    char *version;
    ExgThrottle *throttle; /* NULL: none */
    char *account;         /* as the throttle knows it */
    ExgEwsTap tap;
    gpointer tap_data;
};

#endif
