#include "common/autodiscover/discovery.h"

#include "common/autodiscover/answer-private.h"
#include "common/autodiscover/pox.h"
#include "common/autodiscover/soap.h"
#include "common/autodiscover/visit-private.h"
#include "common/base/clock.h"
#include "common/base/error.h"

#include <netinet/in.h>
#include <string.h>

#define MAX_SRV_TARGETS 4
#define MAX_ADDRESS     320

typedef struct Discovery Discovery;

/* A place that may know. */
typedef struct {
    Discovery *discovery;
    ExgDiscoveryStep step;
    char *url;    /* "https://HOST[:PORT]", or an address that a redirection named; NULL: SRV */
    bool vouched; /* may see credentials, and its word counts */
    bool started, done;
    ExgHttpClient *plain, *authenticated; /* a client is for one host; NULL: not needed so far */
    ExgTimer start;
    guint lookup;                   /* of its host's address, for those who watch; 0: done */
    char address[INET6_ADDRSTRLEN]; /* "": not known */
    char *failure;                  /* what was wrong, for the last sentence */
} Candidate;

struct Discovery {
    GTask *task;
    ExgEngine *engine;
    ExgDiscoveryOptions options;
    char **approved; /* copies */
    char **settings;
    char *user_agent, *ca_file, *client_certificate, *client_key;
    char *address, *domain;
    GPtrArray *candidates; /* of Candidate, in the order to try */
    GHashTable *visited;   /* "ADDRESS URL" */
    GHashTable *addresses; /* those asked for so far */
    guint hops, requests, running;
    gint64 began_us, deadline_us;
    ExgTimer deadline;
    GCancellable *stop; /* ends what is under way for the address */
    GSource *cancelled; /* the caller's cancellable */
    bool refused;       /* somebody answered 401 */
    int status;         /* the last that anybody answered; 0: nobody did */
    bool finished;
    ExgLater release;
};

static void start(gpointer data);
static void check_end(Discovery *self);

const char *
exg_discovery_step_name(ExgDiscoveryStep step)
{
    static const char *const names[] = {"domain", "host", "http", "srv", "redirect", "cache"};
    return names[step];
}

void
exg_discovery_result_free(ExgDiscoveryResult *result)
{
    if (result == NULL)
        return;
    exg_autodiscover_answer_free(result->answer);
    g_free(result->endpoint);
    g_free(result->address);
    g_free(result->source);
    g_free(result);
}

/* --- addresses and hosts ---------------------------------------------------------------------- */

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

/* Microsoft's own, which hybrid organisations lead to. */
static const char *const well_known[] = {
    "autodiscover-s.outlook.com", "outlook.office365.com", "autodiscover-s.office365.us",
    "outlook.office365.us",       "partner.outlook.cn",    NULL,
};

static bool
is_listed(const char *const *list, const char *host)
{
    for (gsize i = 0; list != NULL && list[i] != NULL; i++)
        if (g_ascii_strcasecmp(list[i], host) == 0)
            return true;
    return false;
}

static bool
is_own_host(const Discovery *self, const char *host)
{
    g_autofree char *own = g_strconcat("autodiscover.", self->domain, NULL);
    return g_ascii_strcasecmp(host, own) == 0;
}

static bool
is_in_domain(const Discovery *self, const char *host)
{
    gsize length = strlen(host), domain = strlen(self->domain);
    return length > domain + 1 && host[length - domain - 1] == '.' &&
           g_ascii_strcasecmp(host + length - domain, self->domain) == 0;
}

/* Whether a host may see credentials; the user is asked last. */
static bool
is_vouched(const Discovery *self, const char *host)
{
    return is_own_host(self, host) || is_listed((const char *const *)self->approved, host) ||
           is_listed(well_known, host) ||
           (self->options.approve != NULL &&
            self->options.approve(host, self->options.approve_data));
}

/* By what a place is known: the protocols of one host are one place. (transfer full) */
static char *
place_of(const Discovery *self, const char *url)
{
    static const char *const paths[] = {EXG_AUTODISCOVER_SOAP_PATH, EXG_AUTODISCOVER_POX_PATH,
                                        "/autodiscover/autodiscover.json"};
    g_autofree char *place = g_ascii_strdown(url, -1);
    for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
        char *at = strstr(place + MIN(strlen(place), strlen("https://")), "/");
        if (at != NULL && g_str_has_prefix(at, paths[i]))
            *at = '\0';
    }
    return g_strconcat(self->address, " ", place, NULL);
}

/* --- telling ---------------------------------------------------------------------------------- */

static void
take_address(const char *const *addresses, const GError *error, gpointer data)
{
    Candidate *candidate = data;
    candidate->lookup = 0;
    if (addresses != NULL)
        g_strlcpy(candidate->address, addresses[0], sizeof candidate->address);
}

/* The connection asks for the same name, and shares the look-up. */
static void
find_address(Candidate *candidate)
{
    const Discovery *self = candidate->discovery;
    g_autoptr(GUri) uri = g_uri_parse(candidate->url, G_URI_FLAGS_NONE, NULL);
    if (self->options.trace != NULL && uri != NULL && g_uri_get_host(uri) != NULL)
        candidate->lookup = exg_resolver_lookup(self->options.http.resolver, g_uri_get_host(uri),
                                                self->deadline_us, take_address, candidate);
}

static void
tell(const Discovery *self, ExgDiscoveryEvent event)
{
    if (self->options.trace == NULL || self->finished)
        return;
    event.elapsed_ms = (exg_clock_monotonic_us() - self->began_us) / 1000;
    self->options.trace(&event, self->options.trace_data);
}

static void
trace(const Discovery *self, ExgDiscoveryStep step, const char *url, const char *sentence)
{
    tell(self, (ExgDiscoveryEvent){.step = step, .url = url, .sentence = sentence});
}

/* "no such user: InvalidUser (there is no such user)". (transfer full) */
static char *
describe(const ExgAutodiscoverAnswer *answer)
{
    static const char *const words[] = {
        [EXG_AUTODISCOVER_SETTINGS] = "settings",
        [EXG_AUTODISCOVER_REDIRECT_ADDRESS] = "another address",
        [EXG_AUTODISCOVER_REDIRECT_URL] = "another server",
        [EXG_AUTODISCOVER_NO_USER] = "no such user",
        [EXG_AUTODISCOVER_NOT_HERE] = "refused",
        [EXG_AUTODISCOVER_BUSY] = "busy",
    };
    const char *meaning = answer->code != NULL ? exg_autodiscover_code_meaning(answer->code) : "";
    GString *text = g_string_new(words[answer->kind]);
    if (answer->target != NULL)
        g_string_append_printf(text, ": %s", answer->target);
    else if (answer->code != NULL)
        g_string_append_printf(text, ": %s", answer->code);
    if (meaning[0] != '\0' && answer->target == NULL)
        g_string_append_printf(text, " (%s)", meaning);
    return g_string_free(text, FALSE);
}

static void
on_note(const char *url, bool credentials, int status, const ExgAutodiscoverAnswer *answer,
        const GError *error, gpointer data)
{
    const Candidate *candidate = data;
    Discovery *self = candidate->discovery;
    self->requests++;
    if (status != 0)
        self->status = status;
    if (candidate->done)
        return;
    g_autofree char *sentence = error != NULL ? g_strdup(error->message) : describe(answer);
    tell(self, (ExgDiscoveryEvent){
                   .step = candidate->step,
                   .url = url,
                   .address = candidate->address[0] != '\0' ? candidate->address : NULL,
                   .status = status,
                   .credentials = credentials,
                   .sentence = sentence,
               });
}

/* --- the end ---------------------------------------------------------------------------------- */

static void
candidate_free(gpointer data)
{
    Candidate *candidate = data;
    exg_timer_cancel(&candidate->start);
    exg_resolver_cancel(candidate->discovery->options.http.resolver, candidate->lookup);
    exg_http_client_unref(candidate->plain);
    exg_http_client_unref(candidate->authenticated);
    g_free(candidate->url);
    g_free(candidate->failure);
    g_free(candidate);
}

/* Once nothing is under way any more. */
static void
release(gpointer data)
{
    Discovery *self = data;
    g_ptr_array_unref(self->candidates);
    g_hash_table_unref(self->visited);
    g_hash_table_unref(self->addresses);
    if (self->options.http.authenticator != NULL)
        exg_http_authenticator_unref(self->options.http.authenticator);
    exg_resolver_unref(self->options.http.resolver);
    g_free(self->user_agent);
    g_free(self->ca_file);
    g_free(self->client_certificate);
    g_free(self->client_key);
    g_strfreev(self->approved);
    g_strfreev(self->settings);
    g_free(self->address);
    g_free(self->domain);
    g_object_unref(self->stop);
    exg_engine_unref(self->engine);
    g_free(self);
}

static void
release_if_idle(Discovery *self)
{
    if (self->finished && self->running == 0)
        exg_later_set(&self->release);
}

/* What is under way, or waits for its turn, is of no interest any more. */
static void
drop_candidates(Discovery *self)
{
    for (guint i = 0; i < self->candidates->len; i++) {
        Candidate *candidate = g_ptr_array_index(self->candidates, i);
        exg_timer_cancel(&candidate->start);
        if (candidate->started && !candidate->done)
            trace(self, candidate->step, candidate->url != NULL ? candidate->url : self->domain,
                  "not waited for any longer");
        candidate->done = true;
    }
    g_cancellable_cancel(self->stop);
}

static void
finish(Discovery *self, ExgDiscoveryResult *result, GError *error)
{
    if (self->finished) {
        exg_discovery_result_free(result);
        g_clear_error(&error);
        return;
    }
    drop_candidates(self);
    self->finished = true;
    g_autoptr(GTask) task = g_steal_pointer(&self->task);
    if (self->cancelled != NULL) {
        g_source_destroy(self->cancelled);
        g_clear_pointer(&self->cancelled, g_source_unref);
    }
    exg_timer_cancel(&self->deadline);
    if (result != NULL)
        g_task_return_pointer(task, result, (GDestroyNotify)exg_discovery_result_free);
    else
        g_task_return_error(task, error);
    release_if_idle(self);
}

/* One sentence about all that was tried. */
static GError *
summary(const Discovery *self, bool late)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < self->candidates->len; i++) {
        const Candidate *candidate = g_ptr_array_index(self->candidates, i);
        const char *name = candidate->url != NULL ? candidate->url : "SRV record";
        const char *failure = candidate->failure != NULL ? candidate->failure : "no answer yet";
        if (candidate->started)
            g_string_append_printf(text, "%s%s: %s", text->len > 0 ? "; " : "", name, failure);
    }
    GError *error = exg_error_new(self->refused ? EXG_ERROR_AUTH : EXG_ERROR_UNREACHABLE,
                                  "%s for %s%s (%s)",
                                  self->refused ? "The credentials were refused, and no other "
                                                  "Exchange was found"
                                                : "No Exchange was found",
                                  self->address, late ? " in time" : "", text->str);
    exg_error_set_stage(error, "discover");
    exg_error_set_http_status(error, self->status);
    return error;
}

static void
on_deadline(gpointer data)
{
    Discovery *self = data;
    finish(self, NULL, summary(self, true));
}

static void
check_end(Discovery *self)
{
    for (guint i = 0; i < self->candidates->len; i++)
        if (!((Candidate *)g_ptr_array_index(self->candidates, i))->done)
            return;
    finish(self, NULL, summary(self, false));
}

/* --- candidates ------------------------------------------------------------------------------- */

static Candidate *
add(Discovery *self, ExgDiscoveryStep step, const char *url, bool vouched, gint64 delay_ms)
{
    Candidate *candidate = g_new0(Candidate, 1);
    candidate->discovery = self;
    candidate->step = step;
    candidate->url = g_strdup(url);
    candidate->vouched = vouched;
    if (url != NULL)
        g_hash_table_add(self->visited, place_of(self, url));
    exg_timer_init(&candidate->start, self->engine, start, candidate);
    g_ptr_array_add(self->candidates, candidate);
    exg_timer_set(&candidate->start, exg_clock_deadline_ms(delay_ms));
    return candidate;
}

/* It is of no use: the next one need not wait for its turn. */
static void
give_up(Candidate *candidate, const char *failure)
{
    Discovery *self = candidate->discovery;
    candidate->done = true;
    g_free(candidate->failure);
    candidate->failure = g_strdup(failure);
    for (guint i = 0; i < self->candidates->len && !self->finished; i++) {
        Candidate *next = g_ptr_array_index(self->candidates, i);
        if (!next->started && !next->done) {
            exg_timer_set(&next->start, exg_clock_monotonic_us());
            break;
        }
    }
    if (!self->finished)
        check_end(self);
}

/* A redirection of `candidate`: another candidate, if it may be. */
static void
redirect(Candidate *candidate, const char *target)
{
    Discovery *self = candidate->discovery;
    const char *fault;
    g_autofree char *host = exg_autodiscover_https_host(target, &fault);
    if (fault == NULL && ++self->hops > EXG_DISCOVERY_MAX_HOPS)
        fault = "too many redirections";
    if (fault == NULL && !g_hash_table_add(self->visited, place_of(self, target)))
        fault = "that was asked already";
    /* A vouched host may send us to another of its domain. */
    bool vouched = fault == NULL &&
                   ((candidate->vouched && is_in_domain(self, host)) || is_vouched(self, host));
    if (fault == NULL && !vouched && !is_in_domain(self, host))
        fault = "a host that nobody has approved";
    if (fault != NULL) {
        g_autofree char *sentence = g_strdup_printf("it leads to %s: %s", target, fault);
        trace(self, candidate->step, candidate->url, sentence);
        give_up(candidate, sentence);
        return;
    }
    candidate->done = true;
    candidate->failure = g_strdup_printf("it leads to %s", target);
    add(self, EXG_DISCOVERY_REDIRECT, target, vouched, 0);
}

static void begin(Discovery *self);

/* The user has another address; the whole begins anew. */
static void
redirect_address(Candidate *candidate, const char *target)
{
    Discovery *self = candidate->discovery;
    g_autoptr(GError) error = NULL;
    g_autofree char *domain = exg_discovery_domain(target, &error);
    const char *fault = NULL;
    if (!candidate->vouched)
        fault = "and nobody has approved the host";
    else if (domain == NULL)
        fault = "that is no address";
    else if (++self->hops > EXG_DISCOVERY_MAX_HOPS)
        fault = "too many redirections";
    g_autofree char *lower = g_utf8_strdown(target, -1);
    if (fault == NULL && !g_hash_table_add(self->addresses, g_steal_pointer(&lower)))
        fault = "the addresses lead in a circle";
    if (fault != NULL) {
        g_autofree char *sentence = g_strdup_printf("it knows the user as %s: %s", target, fault);
        trace(self, candidate->step, candidate->url, sentence);
        give_up(candidate, sentence);
        return;
    }
    candidate->done = true;
    candidate->failure = g_strdup_printf("it knows the user as %s", target);
    drop_candidates(self);
    g_object_unref(self->stop);
    self->stop = g_cancellable_new();
    g_free(self->address);
    g_free(self->domain);
    self->address = g_strdup(target);
    self->domain = g_steal_pointer(&domain);
    begin(self);
}

/* Settings: the endpoint in them has to be one that credentials may go to. */
static void
take_settings(Candidate *candidate, ExgAutodiscoverAnswer *answer, const char *source)
{
    Discovery *self = candidate->discovery;
    const char *endpoint = exg_autodiscover_answer_ews_url(answer, self->options.prefer_internal);
    g_autofree char *sentence = NULL;
    const char *fault;
    g_autofree char *host = endpoint != NULL ? exg_autodiscover_https_host(endpoint, &fault) : NULL;
    if (host == NULL)
        sentence = g_strdup("its settings name no EWS at an https address with a host name");
    else if (!candidate->vouched && !is_in_domain(self, host) && !is_vouched(self, host))
        sentence = g_strdup_printf("it names %s: a host that nobody has approved", endpoint);
    if (sentence != NULL) {
        trace(self, candidate->step, source, sentence);
        give_up(candidate, sentence);
        exg_autodiscover_answer_free(answer);
        return;
    }
    candidate->done = true;
    const char *address = exg_autodiscover_answer_get(answer, "AutoDiscoverSMTPAddress");
    ExgDiscoveryResult *result = g_new0(ExgDiscoveryResult, 1);
    result->answer = answer;
    result->endpoint = g_strdup(endpoint);
    result->address = g_strdup(address != NULL ? address : self->address);
    result->source = g_strdup(source);
    result->step = candidate->step;
    result->elapsed_ms = (exg_clock_monotonic_us() - self->began_us) / 1000;
    result->requests = self->requests;
    finish(self, result, NULL);
}

static void
take_answer(Candidate *candidate, ExgAutodiscoverAnswer *answer)
{
    Discovery *self = candidate->discovery;
    const char *source = candidate->url;
    switch (answer->kind) {
    case EXG_AUTODISCOVER_SETTINGS:
        take_settings(candidate, answer, source);
        return;
    case EXG_AUTODISCOVER_REDIRECT_URL:
        redirect(candidate, answer->target);
        break;
    case EXG_AUTODISCOVER_REDIRECT_ADDRESS:
        redirect_address(candidate, answer->target);
        break;
    case EXG_AUTODISCOVER_NO_USER:
        if (candidate->vouched)
            finish(
                self, NULL,
                exg_error_new(EXG_ERROR_NO_MAILBOX, "%s knows no user %s", source, self->address));
        else
            give_up(candidate, "it knows no such user, and is not approved to say so");
        break;
    case EXG_AUTODISCOVER_BUSY:
        give_up(candidate, "it is busy");
        break;
    case EXG_AUTODISCOVER_NOT_HERE:
        give_up(candidate, "it is not responsible");
        break;
    }
    exg_autodiscover_answer_free(answer);
}

static void
on_visited(GObject *object, GAsyncResult *result, gpointer data)
{
    Candidate *candidate = data;
    Discovery *self = candidate->discovery;
    g_autoptr(GError) error = NULL;
    ExgAutodiscoverAnswer *answer = exg_visit_finish(result, &error);
    self->running--;
    if (self->finished || candidate->done) {
        exg_autodiscover_answer_free(answer);
        release_if_idle(self);
        return;
    }
    if (answer != NULL) {
        take_answer(candidate, answer);
        return;
    }
    if (g_error_matches(error, EXG_ERROR, EXG_ERROR_AUTH))
        self->refused = true;
    bool mute = !candidate->vouched && candidate->step != EXG_DISCOVERY_HTTP &&
                g_error_matches(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
    g_autofree char *failure = g_strconcat(error->message, mute ? ", without credentials" : NULL,
                                           NULL);
    give_up(candidate, failure);
}

/* --- SRV -------------------------------------------------------------------------------------- */

static void
take_target(Candidate *candidate, GSrvTarget *target, guint rank)
{
    Discovery *self = candidate->discovery;
    const char *host = g_srv_target_get_hostname(target);
    guint16 port = g_srv_target_get_port(target);
    guint16 wanted = self->options.https_port != 0 ? self->options.https_port : 443;
    g_autofree char *name = g_strdup_printf("%s:%u", host, port);
    if (port != wanted || host[0] == '\0' || g_str_equal(host, ".")) {
        trace(self, EXG_DISCOVERY_SRV, name, "only port 443 is asked");
        return;
    }
    bool vouched = is_vouched(self, host);
    g_autofree char *url = port == 443 ? g_strconcat("https://", host, NULL)
                                       : g_strdup_printf("https://%s:%u", host, port);
    trace(self, EXG_DISCOVERY_SRV, name,
          vouched || is_in_domain(self, host) ? "found" : "not approved: no credentials");
    add(self, EXG_DISCOVERY_SRV, url, vouched, rank * EXG_DISCOVERY_STAGGER_MS);
}

/* In the order of RFC 2782: by priority, and by weight within it. */
static void
on_targets(GObject *object, GAsyncResult *result, gpointer data)
{
    Candidate *candidate = data;
    Discovery *self = candidate->discovery;
    g_autoptr(GError) error = NULL;
    GList *targets = g_resolver_lookup_service_finish(G_RESOLVER(object), result, &error);
    self->running--;
    if (self->finished || candidate->done) {
        g_resolver_free_targets(targets);
        release_if_idle(self);
        return;
    }
    targets = g_srv_target_list_sort(targets);
    if (targets == NULL) {
        bool none = error == NULL ||
                    g_error_matches(error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND);
        const char *sentence = none ? "there is none" : "the name server gave no answer";
        g_autofree char *name = g_strconcat("SRV record of ", self->domain, NULL);
        trace(self, EXG_DISCOVERY_SRV, name, sentence);
        give_up(candidate, sentence);
        return;
    }
    guint rank = 0;
    for (GList *at = targets; at != NULL && rank < MAX_SRV_TARGETS; at = at->next)
        take_target(candidate, at->data, rank++);
    g_resolver_free_targets(targets);
    give_up(candidate, "looked up");
}

/* --- the steps -------------------------------------------------------------------------------- */

static void
make_clients(Candidate *candidate)
{
    const Discovery *self = candidate->discovery;
    ExgHttpClientOptions options = self->options.http;
    if (!candidate->vouched) /* a certificate names its owner, and a token's key signs */
        options.client_certificate = options.client_key = NULL;
    else if (options.authenticator != NULL || options.client_certificate != NULL)
        candidate->authenticated = exg_http_client_new(self->engine, &options);
    options.authenticator = NULL;
    candidate->plain = exg_http_client_new(self->engine, &options);
}

static void
start(gpointer data)
{
    Candidate *candidate = data;
    Discovery *self = candidate->discovery;
    candidate->started = true;
    self->running++;
    if (candidate->url == NULL) {
        g_autoptr(GResolver) resolver = g_resolver_get_default();
        g_resolver_lookup_service_async(resolver, "autodiscover", "tcp", self->domain, self->stop,
                                        on_targets, candidate);
        return;
    }
    find_address(candidate);
    make_clients(candidate);
    const ExgVisit visit = {
        .plain = candidate->plain,
        .authenticated = candidate->authenticated,
        .url = candidate->url,
        .address = self->address,
        .settings = (const char *const *)self->settings,
        .note = on_note,
        .note_data = candidate,
    };
    if (candidate->step == EXG_DISCOVERY_HTTP)
        exg_visit_plain_http_async(&visit, self->deadline_us, self->stop, on_visited, candidate);
    else
        exg_visit_async(&visit, self->deadline_us, self->stop, on_visited, candidate);
}

/* (transfer full) */
static char *
base_url(const char *scheme, const char *prefix, const char *domain, guint16 port, const char *path)
{
    if (port == 0)
        return g_strdup_printf("%s://%s%s%s", scheme, prefix, domain, path);
    return g_strdup_printf("%s://%s%s:%u%s", scheme, prefix, domain, port, path);
}

static void
begin(Discovery *self)
{
    const ExgDiscoveryOptions *options = &self->options;
    g_autofree char *bare = base_url("https", "", self->domain, options->https_port, "");
    g_autofree char *host = base_url("https", "autodiscover.", self->domain, options->https_port,
                                     "");
    g_autofree char *plain = base_url("http", "autodiscover.", self->domain, options->http_port,
                                      "/autodiscover/autodiscover.xml");
    bool bare_vouched = is_listed((const char *const *)self->approved, self->domain);
    add(self, EXG_DISCOVERY_DOMAIN, bare, bare_vouched, 0);
    add(self, EXG_DISCOVERY_HOST, host, true, EXG_DISCOVERY_STAGGER_MS);
    add(self, EXG_DISCOVERY_HTTP, plain, false, 2 * EXG_DISCOVERY_STAGGER_MS);
    add(self, EXG_DISCOVERY_SRV, NULL, false, 2 * EXG_DISCOVERY_STAGGER_MS);
}

static gboolean
on_cancelled(GCancellable *cancellable, gpointer data)
{
    GError *error = NULL;
    (void)g_cancellable_set_error_if_cancelled(cancellable, &error);
    finish(data, NULL, error);
    return G_SOURCE_REMOVE;
}

static Discovery *
discovery_new(ExgEngine *engine, const ExgDiscoveryOptions *options, const char *address,
              char *domain)
{
    const char *const *settings = options->settings != NULL ? options->settings
                                                            : exg_autodiscover_usual_settings;
    Discovery *self = g_new0(Discovery, 1);
    self->engine = exg_engine_ref(engine);
    self->options = *options;
    self->user_agent = g_strdup(options->http.user_agent);
    self->ca_file = g_strdup(options->http.ca_file);
    self->client_certificate = g_strdup(options->http.client_certificate);
    self->client_key = g_strdup(options->http.client_key);
    self->options.http.user_agent = self->user_agent;
    self->options.http.ca_file = self->ca_file;
    self->options.http.client_certificate = self->client_certificate;
    self->options.http.client_key = self->client_key;
    self->options.http.tls_verify = true; /* who may see credentials is judged by the certificate */
    self->options.http.resolver = options->http.resolver != NULL
                                      ? exg_resolver_ref(options->http.resolver)
                                      : exg_resolver_new(engine);
    self->approved = g_strdupv((char **)options->approved_hosts);
    self->settings = g_strdupv((char **)settings);
    self->address = g_strdup(address);
    self->domain = domain;
    self->candidates = g_ptr_array_new_with_free_func(candidate_free);
    self->visited = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->addresses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_hash_table_add(self->addresses, g_utf8_strdown(address, -1));
    self->stop = g_cancellable_new();
    self->began_us = exg_clock_monotonic_us();
    exg_timer_init(&self->deadline, engine, on_deadline, self);
    exg_later_init(&self->release, engine, release, self);
    if (options->http.authenticator != NULL)
        exg_http_authenticator_ref(options->http.authenticator);
    return self;
}

void
exg_discovery_async(ExgEngine *engine, const ExgDiscoveryOptions *options, const char *address,
                    gint64 deadline_us, GCancellable *cancellable, GAsyncReadyCallback callback,
                    gpointer data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, data);
    g_task_set_source_tag(task, exg_discovery_async);
    GError *error = NULL;
    char *domain = exg_discovery_domain(address, &error);
    if (domain == NULL) {
        g_task_return_error(task, error);
        return;
    }
    Discovery *self = discovery_new(engine, options, address, domain);
    self->task = g_steal_pointer(&task);
    self->deadline_us = MIN(deadline_us, exg_clock_deadline_ms(EXG_DISCOVERY_TIMEOUT_MS));
    exg_timer_set(&self->deadline, self->deadline_us);
    if (cancellable != NULL) {
        self->cancelled = g_cancellable_source_new(cancellable);
        g_source_set_callback(self->cancelled, G_SOURCE_FUNC(on_cancelled), self, NULL);
        g_source_attach(self->cancelled, exg_engine_context(engine));
    }
    begin(self);
}

ExgDiscoveryResult *
exg_discovery_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, NULL), NULL);
    return g_task_propagate_pointer(G_TASK(result), error);
}
