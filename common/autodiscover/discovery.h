/* discovery.h - from an address to the EWS endpoint of its mailbox.
 *
 * Four places may know: the mail domain's own host, the host autodiscover.DOMAIN, that host's plain
 * HTTP (which may only redirect), and what the domain's SRV record names. They are asked in this
 * order with a quarter of a second between them, sooner where one has failed; the first good answer
 * wins and ends the others.
 *
 * Who may see credentials, and whose word is taken: autodiscover.DOMAIN over TLS with a certificate in
 * order, hosts of the configuration, Microsoft's own, and those that `approve` says yes to. These may
 * name any host as that of EWS, and lead credentials to hosts of the mail domain. All other hosts are
 * asked without credentials, and what they say counts only where it leads to a host of the mail domain,
 * or an approved one. Only the exact domain is asked: never a parent.
 *
 * A redirection is followed once for each address; the server must have a certificate in order,
 * whatever the options say.
 *
 * Threads:  the engine's; `approve` and `trace` are called there and must not run it.
 * Errors:   NO_MAILBOX: a server that may say so knows no such user. UNREACHABLE: nobody gave an
 *           answer, or not by the deadline; the sentence names each place and what was wrong there.
 *           AUTH: the credentials were refused, and nobody else helped. CONFIG: no address that
 *           could be discovered. G_IO_ERROR_CANCELLED. The HTTP status is the last that came from
 *           anybody.
 * Limits:   EXG_DISCOVERY_TIMEOUT_MS in all unless the caller's deadline is sooner;
 *           EXG_DISCOVERY_MAX_HOPS redirections; the answers' own limits.
 * Source:   MS-OXDISCO; RFC 2782 for the order of SRV records.
 */
#ifndef EXG_AUTODISCOVER_DISCOVERY_H
#define EXG_AUTODISCOVER_DISCOVERY_H

#include "common/autodiscover/answer.h"
#include "common/http/client.h"

#define EXG_DISCOVERY_TIMEOUT_MS 20000
#define EXG_DISCOVERY_STAGGER_MS 250
#define EXG_DISCOVERY_MAX_HOPS   10

typedef enum {
    EXG_DISCOVERY_DOMAIN,   /* https://DOMAIN */
    EXG_DISCOVERY_HOST,     /* https://autodiscover.DOMAIN */
    EXG_DISCOVERY_HTTP,     /* http://autodiscover.DOMAIN, for a redirection */
    EXG_DISCOVERY_SRV,      /* _autodiscover._tcp.DOMAIN */
    EXG_DISCOVERY_REDIRECT, /* where one of them sent us */
    EXG_DISCOVERY_CACHE     /* what was found before */
} ExgDiscoveryStep;

/* "domain", "host", … Static. */
const char *exg_discovery_step_name(ExgDiscoveryStep step);

/* One thing that happened, for whoever wants to watch. Valid during the call. */
typedef struct {
    gint64 elapsed_ms;
    ExgDiscoveryStep step;
    const char *url;      /* or a name that was looked up */
    const char *address;  /* numeric, of the URL's host; NULL: not known */
    int status;           /* of HTTP; 0: none */
    bool credentials;     /* the request carried them */
    const char *sentence; /* what came of it */
} ExgDiscoveryEvent;

typedef void (*ExgDiscoveryTrace)(const ExgDiscoveryEvent *event, gpointer data);
/* Whether the user wants his credentials to go to that host. */
typedef bool (*ExgDiscoveryApprove)(const char *host, gpointer data);

typedef struct {
    /* Copied. `authenticator` and `client_certificate` are the credentials; neither: none for
     * anybody. */
    ExgHttpClientOptions http;
    const char *const *approved_hosts; /* NULL-terminated, or NULL */
    ExgDiscoveryApprove approve;       /* NULL: nobody can be asked */
    gpointer approve_data;
    const char *const *settings; /* NULL: the usual ones */
    bool prefer_internal;
    guint16 https_port, http_port; /* 0: 443 and 80 */
    ExgDiscoveryTrace trace;       /* NULL: nobody watches */
    gpointer trace_data;
} ExgDiscoveryOptions;

typedef struct {
    ExgAutodiscoverAnswer *answer;
    char *endpoint; /* the URL of EWS */
    char *address;  /* the mailbox's primary address as far as it was told, else the one asked for */
    char *source;   /* the URL that answered */
    ExgDiscoveryStep step;
    gint64 elapsed_ms;
    guint requests; /* HTTP requests made */
} ExgDiscoveryResult;

void exg_discovery_async(ExgEngine *engine, const ExgDiscoveryOptions *options, const char *address,
                         gint64 deadline_us, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer data);
/* (transfer full) */
ExgDiscoveryResult *exg_discovery_finish(GAsyncResult *result, GError **error);
void exg_discovery_result_free(ExgDiscoveryResult *result);

/* The domain to ask about, in lower case and ASCII; NULL and CONFIG for what is no address, an IP
 * literal, or a domain of one label. (transfer full) */
char *exg_discovery_domain(const char *address, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgDiscoveryResult, exg_discovery_result_free)

#endif
