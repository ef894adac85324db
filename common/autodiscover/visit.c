#include "common/autodiscover/visit-private.h"

#include "common/autodiscover/answer-private.h"
#include "common/autodiscover/json.h"
#include "common/autodiscover/pox.h"
#include "common/autodiscover/soap.h"
#include "common/base/clock.h"
#include "common/base/error.h"

#include <string.h>

typedef enum { JSON, SOAP, POX, N_PROTOCOLS } Protocol;

typedef struct {
    ExgVisit visit;
    char *named; /* the URL to visit */
    char *base;  /* its "https://HOST[:PORT]" */
    char *address;
    bool plain_http;
    Protocol named_protocol; /* which `named` is for; N_PROTOCOLS: none of them */
    Protocol protocol;       /* being asked */
    bool asked[N_PROTOCOLS];
    char *url; /* of the request under way */
    gint64 deadline_us;
    GError *failure; /* the first that says something */
} Visit;

static void ask(GTask *task);

static void
visit_free(gpointer data)
{
    Visit *self = data;
    g_free(self->named);
    g_free(self->base);
    g_free(self->address);
    g_free(self->url);
    g_clear_error(&self->failure);
    g_free(self);
}

static Protocol
protocol_of(const char *url)
{
    g_autofree char *lower = g_ascii_strdown(url, -1);
    if (strstr(lower, "autodiscover.json") != NULL)
        return JSON;
    if (strstr(lower, "autodiscover.svc") != NULL)
        return SOAP;
    return strstr(lower, "autodiscover.xml") != NULL ? POX : N_PROTOCOLS;
}

static bool
takes_credentials(const Visit *self)
{
    return self->protocol != JSON && !self->plain_http;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Where a redirection leads, as an absolute address. NULL: nowhere. (transfer full) */
static char *
location_of(const char *url, const ExgHttpResponse *response)
{
    const char *location = exg_http_response_header(response, "Location");
    if (location == NULL || location[0] == '\0')
        return NULL;
    char *target = g_uri_resolve_relative(url, location, G_URI_FLAGS_NONE, NULL);
    if (target != NULL && g_str_equal(target, url))
        g_clear_pointer(&target, g_free);
    return target;
}

static bool
is_below(const char *url, const char *base)
{
    gsize length = strlen(base);
    return g_ascii_strncasecmp(url, base, length) == 0 && url[length] == '/';
}

/* A server that does not know the JSON form leads to a web page more often than to another server: only
 * an address that looks like autodiscover's, elsewhere, is taken for one. */
static ExgAutodiscoverAnswer *
redirection(const Visit *self, const ExgHttpResponse *response, GError **error)
{
    g_autofree char *target = location_of(self->url, response);
    bool guess = self->protocol == JSON && !self->plain_http;
    bool leads_away = target != NULL && guess &&
                      (protocol_of(target) == N_PROTOCOLS || is_below(target, self->base));
    g_autoptr(ExgAutodiscoverAnswer)
        answer = exg_autodiscover_answer_new(EXG_AUTODISCOVER_NOT_HERE);
    if (!leads_away &&
        exg_autodiscover_answer_redirect(answer, EXG_AUTODISCOVER_REDIRECT_URL, target))
        return g_steal_pointer(&answer);
    exg_error_set(error, EXG_ERROR_PROTOCOL, "a redirection (HTTP %d) that leads nowhere",
                  exg_http_response_status(response));
    return NULL;
}

static ExgAutodiscoverAnswer *
read_response(const Visit *self, const ExgHttpResponse *response, GError **error)
{
    int status = exg_http_response_status(response);
    gsize length;
    const char *body = g_bytes_get_data(exg_http_response_body(response), &length);
    if (body == NULL)
        body = "";
    if (status / 100 == 3)
        return redirection(self, response, error);
    if (self->plain_http) {
        exg_error_set(error, EXG_ERROR_PROTOCOL, "HTTP %d where a redirection was looked for",
                      status);
        return NULL;
    }
    /* SOAP faults come with 500, and errors of the JSON form with 400 and 404. */
    ExgAutodiscoverAnswer *answer = NULL;
    g_autoptr(GError) reason = NULL;
    if (self->protocol == JSON)
        answer = exg_autodiscover_json_read(body, length, &reason);
    else if (self->protocol == SOAP && (status == 200 || status == 500))
        answer = exg_autodiscover_soap_read(body, length, &reason);
    else if (self->protocol == POX && status == 200)
        answer = exg_autodiscover_pox_read(body, length, &reason);
    if (answer != NULL)
        return answer;
    if (status == 200)
        exg_error_set(error, EXG_ERROR_PROTOCOL, "%s",
                      reason != NULL ? reason->message : "not an answer to this");
    else
        exg_error_set(error, EXG_ERROR_PROTOCOL, "HTTP %d", status);
    return NULL;
}

/* --- one after the other ---------------------------------------------------------------------- */

/* What ends the visit: whatever the server knows of the user. */
static bool
is_final(const ExgAutodiscoverAnswer *answer)
{
    return answer->kind != EXG_AUTODISCOVER_NOT_HERE;
}

static void
keep_failure(Visit *self, const ExgAutodiscoverAnswer *answer, GError *error)
{
    if (answer != NULL && error == NULL)
        error = exg_error_new(
            EXG_ERROR_PROTOCOL, "%s%s%s", answer->code != NULL ? answer->code : "refused",
            answer->message != NULL ? ": " : "", answer->message != NULL ? answer->message : "");
    /* What a later protocol says is more to the point than that there is no JSON. */
    g_clear_error(&self->failure);
    self->failure = error;
}

/* Chooses the next protocol: the one that the URL names comes first, and JSON before the others. */
static bool
choose(Visit *self)
{
    const Protocol order[] = {self->named_protocol, JSON, SOAP, POX};
    for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
        Protocol protocol = order[i];
        bool may = protocol == JSON || self->visit.authenticated != NULL;
        if (protocol == N_PROTOCOLS || self->asked[protocol] || !may)
            continue;
        self->protocol = protocol;
        self->asked[protocol] = true;
        return true;
    }
    return false;
}

/* The next protocol that may be asked, or the end. A host that cannot be reached, is not who it should
 * be or refuses the credentials does so in every protocol; more refusals might lock the account. */
static void
go_on(GTask *task)
{
    Visit *self = g_task_get_task_data(task);
    const GError *failure = self->failure;
    bool lost = g_error_matches(failure, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
                g_error_matches(failure, EXG_ERROR, EXG_ERROR_UNREACHABLE) ||
                g_error_matches(failure, EXG_ERROR, EXG_ERROR_CONFIG) ||
                g_error_matches(failure, EXG_ERROR, EXG_ERROR_AUTH);
    if (!self->plain_http && !lost && exg_clock_monotonic_us() < self->deadline_us &&
        !g_cancellable_is_cancelled(g_task_get_cancellable(task)) && choose(self)) {
        ask(task);
        return;
    }
    g_task_return_error(task, g_steal_pointer(&self->failure));
    g_object_unref(task);
}

static void
on_response(GObject *source, GAsyncResult *result, gpointer data)
{
    GTask *task = data;
    Visit *self = g_task_get_task_data(task);
    bool with_credentials = takes_credentials(self);
    ExgHttpClient *client = with_credentials ? self->visit.authenticated : self->visit.plain;
    GError *error = NULL;
    g_autoptr(ExgHttpResponse) response = exg_http_client_send_finish(client, result, &error);
    if (g_error_matches(error, EXG_ERROR, EXG_ERROR_AMBIGUOUS))
        error->code = EXG_ERROR_UNREACHABLE; /* asking again does no harm */
    g_autoptr(ExgAutodiscoverAnswer)
        answer = response != NULL ? read_response(self, response, &error) : NULL;
    if (self->visit.note != NULL)
        self->visit.note(self->url, with_credentials,
                         response != NULL ? exg_http_response_status(response) : 0, answer, error,
                         self->visit.note_data);
    if (answer != NULL && is_final(answer)) {
        g_task_return_pointer(task, g_steal_pointer(&answer),
                              (GDestroyNotify)exg_autodiscover_answer_free);
        g_object_unref(task);
        return;
    }
    keep_failure(self, answer, error);
    go_on(task);
}

static ExgHttpBody *
body_of(char *text, gsize length)
{
    g_autoptr(GBytes) bytes = g_bytes_new_take(text, length);
    return exg_http_body_new_bytes(bytes);
}

/* Exchange routes by it; the address is no news to a server that is asked for it. */
static void
add_anchor(const Visit *self, ExgHttpRequest *request)
{
    if (g_str_is_ascii(self->address))
        exg_http_request_add_header(request, "X-AnchorMailbox", self->address);
}

/* The request of the protocol at hand. */
static ExgHttpRequest *
request_new(Visit *self)
{
    static const char *const paths[] = {
        [SOAP] = EXG_AUTODISCOVER_SOAP_PATH, [POX] = EXG_AUTODISCOVER_POX_PATH};
    g_free(self->url);
    if (self->plain_http || self->protocol == self->named_protocol)
        self->url = g_strdup(self->named);
    else if (self->protocol == JSON)
        self->url = exg_autodiscover_json_url(self->base + strlen("https://"), self->address, 0);
    else
        self->url = g_strconcat(self->base, paths[self->protocol], NULL);
    if (!takes_credentials(self)) {
        ExgHttpRequest *request = exg_http_request_new("GET", self->url, NULL,
                                                       EXG_AUTODISCOVER_MAX_ANSWER_BYTES);
        exg_http_request_add_header(request, "Accept", "application/json");
        if (!self->plain_http)
            add_anchor(self, request);
        return request;
    }
    gsize length;
    char *text = self->protocol == SOAP
                     ? exg_autodiscover_soap_request(self->url, self->address, self->visit.settings,
                                                     &length)
                     : exg_autodiscover_pox_request(self->address, EXG_AUTODISCOVER_OUTLOOK,
                                                    &length);
    ExgHttpRequest *request = exg_http_request_new("POST", self->url, body_of(text, length),
                                                   EXG_AUTODISCOVER_MAX_ANSWER_BYTES);
    exg_http_request_add_header(request, "Content-Type", "text/xml; charset=utf-8");
    exg_http_request_add_header(request, "Accept", "text/xml");
    add_anchor(self, request);
    return request;
}

static void
ask(GTask *task)
{
    Visit *self = g_task_get_task_data(task);
    g_autoptr(ExgHttpRequest) request = request_new(self);
    gint64 deadline_us = MIN(self->deadline_us, exg_clock_deadline_ms(EXG_VISIT_TIMEOUT_MS));
    exg_http_client_send_async(
        takes_credentials(self) ? self->visit.authenticated : self->visit.plain, request,
        deadline_us, g_task_get_cancellable(task), on_response, task);
}

/* --- the beginning ---------------------------------------------------------------------------- */

static GTask *
visit_new(const ExgVisit *visit, gint64 deadline_us, GCancellable *cancellable,
          GAsyncReadyCallback callback, gpointer data)
{
    Visit *self = g_new0(Visit, 1);
    self->visit = *visit;
    self->named = g_strdup(visit->url);
    self->base = g_strndup(visit->url,
                           strlen("https://") + strcspn(visit->url + strlen("https://"), "/?#"));
    self->address = g_strdup(visit->address);
    self->deadline_us = deadline_us;
    GTask *task = g_task_new(NULL, cancellable, callback, data);
    g_task_set_task_data(task, self, visit_free);
    g_task_set_check_cancellable(task, FALSE);
    return task;
}

void
exg_visit_async(const ExgVisit *visit, gint64 deadline_us, GCancellable *cancellable,
                GAsyncReadyCallback callback, gpointer data)
{
    GTask *task = visit_new(visit, deadline_us, cancellable, callback, data);
    Visit *self = g_task_get_task_data(task);
    self->named_protocol = protocol_of(visit->url);
    (void)choose(self); /* JSON, if nothing else */
    ask(task);
}

void
exg_visit_plain_http_async(const ExgVisit *visit, gint64 deadline_us, GCancellable *cancellable,
                           GAsyncReadyCallback callback, gpointer data)
{
    GTask *task = visit_new(visit, deadline_us, cancellable, callback, data);
    ((Visit *)g_task_get_task_data(task))->plain_http = true;
    ask(task);
}

ExgAutodiscoverAnswer *
exg_visit_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}
