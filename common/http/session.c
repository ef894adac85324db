#include "common/http/session-private.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/http/authenticator-private.h"
#include "common/http/connection-private.h"

/* NTLM takes two legs after the probe, Negotiate one to three. */
#define MAX_LEGS 8

typedef enum {
    STEP_PROBE, /* an empty request without credentials, to see what the server offers */
    STEP_LEG,   /* an empty request with a leg that others will follow */
    STEP_FINAL  /* the request itself */
} Step;

struct ExgHttpSession {
    ExgHttpSettings *settings;
    ExgHttpOrigin origin;
    ExgHttpConnection *connection; /* NULL: none yet, or lost */
    bool counted;                  /* the connection, in the settings' statistics */
    /* Of the connection: */
    bool authenticated;
    GStrv offers;        /* the probe's challenges; NULL: not probed */
    GBytes *certificate; /* the server's, seen by the probe; or NULL */
    ExgHttpHandshake *handshake;
    ExgHttpLeg *leg; /* asked, not answered yet */
    guint legs;

    ExgTimer timer; /* of connecting, or of resting */
    guint lookup;
    void (*resting)(ExgHttpSession *, gpointer);
    gpointer resting_data;

    /* The request under way. */
    ExgHttpRequest *request; /* NULL: none */
    gint64 connect_until_us;
    gint64 leg_asked_us;
    ExgHttpSessionFunc function;
    gpointer data;
    Step step;
    bool retried; /* sent again after a lost connection */
    bool renewed; /* sent again after a 401 */
};

static void attempt(ExgHttpSession *self);
static void authenticate(ExgHttpSession *self);
static void begin_handshake(ExgHttpSession *self);
static void run(ExgHttpSession *self, Step step, const char *authorization);

/* --- ends ------------------------------------------------------------------------------------- */

static void
end_handshake(ExgHttpSession *self)
{
    if (self->leg != NULL)
        exg_http_leg_abandon(g_steal_pointer(&self->leg));
    else
        exg_http_handshake_end(self->handshake);
    self->handshake = NULL;
    self->legs = 0;
}

static void
count_connection(ExgHttpSession *self)
{
    if (self->connection == NULL || self->counted ||
        !exg_http_connection_is_established(self->connection))
        return;
    self->counted = true;
    self->settings->connections++;
}

static void
drop_connection(ExgHttpSession *self)
{
    count_connection(self);
    end_handshake(self);
    exg_timer_cancel(&self->timer);
    if (self->lookup != 0)
        exg_resolver_cancel(self->settings->resolver, self->lookup);
    self->lookup = 0;
    g_clear_pointer(&self->connection, exg_http_connection_free);
    g_clear_pointer(&self->offers, g_strfreev);
    g_clear_pointer(&self->certificate, g_bytes_unref);
    self->authenticated = false;
    self->counted = false;
}

static void
finish(ExgHttpSession *self, ExgHttpResponse *response, GError *error)
{
    end_handshake(self);
    if (error != NULL || self->connection == NULL || !exg_http_connection_is_open(self->connection))
        drop_connection(self);
    if (error != NULL)
        exg_log(EXG_LOG_DEBUG, NULL, "%s %s: %s", self->request->method, self->origin.host,
                error->message);
    else
        exg_log(EXG_LOG_DEBUG, NULL, "%s %s: %d", self->request->method, self->origin.host,
                exg_http_response_status(response));
    g_clear_pointer(&self->request, exg_http_request_unref);
    self->function(self, response, error, self->data);
}

static bool
is_ambiguous(const ExgHttpSession *self)
{
    return self->request->once && self->request->body_sent;
}

/* Ends the request with an error that takes into account how far it got. Takes the error. */
static void
fail(ExgHttpSession *self, GError *error)
{
    if (is_ambiguous(self)) {
        g_autoptr(GError) cause = error;
        const ExgErrorFacts *facts = exg_error_facts(cause);
        error = exg_error_new(EXG_ERROR_AMBIGUOUS, "%s, after the whole request had been sent",
                              cause->message);
        exg_error_set_stage(error, "answer");
        if (facts != NULL)
            exg_error_set_http_status(error, facts->http_status);
    }
    finish(self, NULL, error);
}

/* --- after an exchange -------------------------------------------------------------------------- */

static void
try_again(ExgHttpSession *self, GError *reason)
{
    exg_log(EXG_LOG_DEBUG, NULL, "%s %s: once more on a new connection: %s", self->request->method,
            self->origin.host, reason != NULL ? reason->message : "not authenticated");
    drop_connection(self);
    attempt(self);
}

/* The rules are in session-private.h. */
static bool
may_try_again(ExgHttpSession *self)
{
    const ExgHttpConnection *connection = self->connection;
    if (self->retried || !exg_http_connection_is_established(connection) ||
        exg_http_connection_answer_begun(connection))
        return false;
    if (self->step != STEP_FINAL && exg_http_request_body_length(self->request) > 0)
        return true;
    return exg_http_connection_answers(connection) > 0 && !is_ambiguous(self);
}

static void
exchange_failed(ExgHttpSession *self, GError *error)
{
    const ExgErrorFacts *facts = exg_error_facts(error);
    bool lost = facts != NULL && error->code == EXG_ERROR_UNREACHABLE;
    if (lost && !exg_http_connection_is_established(self->connection))
        exg_resolver_forget(self->settings->resolver, self->origin.host);
    if (lost && may_try_again(self)) {
        g_autoptr(GError) reason = error;
        self->retried = true;
        try_again(self, reason);
        return;
    }
    fail(self, error);
}

static void
refused(ExgHttpSession *self, const char *const *challenges)
{
    ExgHttpAuthenticator *authenticator = self->settings->authenticator;
    const ExgHttpScheme *scheme = authenticator->scheme;
    /* The server says that it did nothing. */
    self->request->body_sent = false;
    bool again = scheme->rejected != NULL &&
                 scheme->rejected(authenticator, challenges, self->handshake == NULL);
    if (again && !self->renewed) {
        self->renewed = true;
        try_again(self, NULL);
        return;
    }
    GError *error = exg_error_new(EXG_ERROR_AUTH, "%s refused the credentials (%s)",
                                  self->origin.host, scheme->name);
    exg_error_set_http_status(error, 401);
    exg_error_set_stage(error, "auth");
    finish(self, NULL, error);
}

/* --- the handshake ------------------------------------------------------------------------------ */

static void
leg_failed(ExgHttpSession *self, GError *error)
{
    ExgHttpAuthenticator *authenticator = self->settings->authenticator;
    const ExgHttpScheme *scheme = authenticator->scheme;
    if (scheme->failed != NULL && scheme->failed(authenticator, error)) {
        g_error_free(error);
        begin_handshake(self);
        return;
    }
    if (exg_error_facts(error) != NULL && exg_error_facts(error)->stage == NULL)
        exg_error_set_stage(error, "auth");
    finish(self, NULL, error);
}

static void
leg_answered(const char *authorization, bool more, GError *error, gpointer data)
{
    ExgHttpSession *self = data;
    self->leg = NULL;
    self->connect_until_us += exg_clock_monotonic_us() - self->leg_asked_us;
    if (error != NULL) {
        leg_failed(self, error);
        return;
    }
    run(self, more ? STEP_LEG : STEP_FINAL, authorization);
}

static void
ask_leg(ExgHttpSession *self, const char *const *challenges)
{
    if (++self->legs > MAX_LEGS) {
        GError *error = exg_error_new(
            EXG_ERROR_AUTH, "The authentication at %s does not come to an end (%s)",
            self->origin.host, self->settings->authenticator->scheme->name);
        exg_error_set_stage(error, "auth");
        finish(self, NULL, error);
        return;
    }
    /* A KDC or a token endpoint may take its time before there is a connection: that is not connecting. */
    exg_timer_cancel(&self->timer);
    self->leg_asked_us = exg_clock_monotonic_us();
    self->leg = exg_http_leg_new(self->handshake, leg_answered, self);
    exg_http_leg_ask(self->leg, challenges);
}

static void
begin_handshake(ExgHttpSession *self)
{
    end_handshake(self);
    g_autofree char *target = exg_http_request_dup_target(self->request);
    ExgHttpPeer peer = {
        .host = self->origin.host,
        .method = self->request->method,
        .target = target,
        .peer_certificate = self->certificate,
        .challenges = (const char *const *)self->offers,
    };
    self->handshake = exg_http_handshake_begin(self->settings->authenticator, &peer);
    self->settings->handshakes++;
    ask_leg(self, NULL);
}

static void
answered(ExgHttpSession *self, ExgHttpResponse *response)
{
    bool is_401 = self->settings->authenticator != NULL &&
                  exg_http_response_status(response) == 401;
    bool is_request = self->step == STEP_FINAL || exg_http_request_body_length(self->request) == 0;
    g_auto(GStrv) challenges = is_401 ? exg_http_response_headers(response, "WWW-Authenticate")
                                      : g_new0(char *, 1);
    if (!is_401 && self->step != STEP_PROBE)
        self->authenticated = true;

    if (!is_401 && is_request) {
        finish(self, response, NULL);
    } else if (self->step == STEP_FINAL) {
        refused(self, (const char *const *)challenges);
    } else if (self->step == STEP_PROBE) {
        self->request->body_sent = false;
        self->offers = g_steal_pointer(&challenges);
        self->certificate = exg_http_connection_dup_certificate(self->connection);
        begin_handshake(self);
    } else if (is_401) {
        self->request->body_sent = false;
        ask_leg(self, (const char *const *)challenges);
    } else {
        end_handshake(self);
        run(self, STEP_FINAL, NULL);
    }
}

static void
exchange_done(ExgHttpConnection *connection, ExgHttpResponse *response, GError *error,
              gpointer data)
{
    ExgHttpSession *self = data;
    exg_timer_cancel(&self->timer);
    count_connection(self);
    if (error != NULL)
        exchange_failed(self, error);
    else
        answered(self, response);
}

static void
run(ExgHttpSession *self, Step step, const char *authorization)
{
    /* A server that closes after a leg has ended the handshake. */
    if (exg_http_connection_is_established(self->connection) &&
        !exg_http_connection_is_open(self->connection)) {
        GError *error = exg_error_new(EXG_ERROR_UNREACHABLE,
                                      "%s closed the connection during the authentication",
                                      self->origin.host);
        exg_error_set_stage(error, "auth");
        if (self->retried) {
            finish(self, NULL, error);
            return;
        }
        self->retried = true;
        g_autoptr(GError) reason = error;
        try_again(self, reason);
        return;
    }
    if (!exg_http_connection_is_established(self->connection))
        exg_timer_set(&self->timer, self->connect_until_us);
    self->step = step;
    ExgHttpExchange exchange = {
        .request = self->request,
        .authorization = authorization,
        .with_body = step == STEP_FINAL || exg_http_request_body_length(self->request) == 0,
        .may_be_401 = self->settings->authenticator != NULL,
    };
    if (self->request->body != NULL)
        self->request->body->class->rewind(self->request->body);
    exg_http_connection_run(self->connection, &exchange, exchange_done, self);
}

static void
authenticate(ExgHttpSession *self)
{
    const ExgHttpAuthenticator *authenticator = self->settings->authenticator;
    if (authenticator == NULL || (self->authenticated && !authenticator->scheme->per_request))
        run(self, STEP_FINAL, NULL);
    else if (authenticator->scheme->needs_peer && self->offers == NULL)
        run(self, STEP_PROBE, NULL);
    else
        begin_handshake(self);
}

/* --- connecting --------------------------------------------------------------------------------- */

static void
timer_due(gpointer data)
{
    ExgHttpSession *self = data;
    if (self->request == NULL) {
        self->resting(self, self->resting_data);
        return;
    }
    /* Established, but the answer to the first request takes longer: that is the deadline's matter. */
    if (self->connection != NULL && exg_http_connection_is_established(self->connection))
        return;
    GError *error = exg_error_new(
        EXG_ERROR_UNREACHABLE, "No connection to %s port %u within %" G_GINT64_FORMAT " ms",
        self->origin.host, self->origin.port, self->settings->connect_timeout_ms);
    exg_error_set_stage(
        error, self->connection != NULL ? exg_http_connection_stage(self->connection) : "resolve");
    exg_resolver_forget(self->settings->resolver, self->origin.host);
    finish(self, NULL, error);
}

static void
resolved(const char *const *addresses, const GError *error, gpointer data)
{
    ExgHttpSession *self = data;
    self->lookup = 0;
    if (error != NULL) {
        finish(self, NULL, g_error_copy(error));
        return;
    }
    const ExgHttpSettings *settings = self->settings;
    ExgHttpConnectionOptions options = {
        .origin = &self->origin,
        .addresses = addresses,
        .user_agent = settings->user_agent,
        .ca_file = settings->ca_file,
        .client_certificate = settings->client_certificate,
        .client_key = settings->client_key,
        .tls_verify = settings->tls_verify,
        .connect_timeout_ms = settings->connect_timeout_ms,
        .idle_timeout_ms = settings->idle_timeout_ms,
    };
    GError *failure = NULL;
    self->connection = exg_http_connection_new(settings->engine, &options, &failure);
    if (self->connection == NULL)
        finish(self, NULL, failure);
    else
        authenticate(self);
}

/* From the beginning, or from the connection that is there. */
static void
attempt(ExgHttpSession *self)
{
    self->request->body_sent = false;
    if (self->connection != NULL) {
        authenticate(self);
        return;
    }
    self->connect_until_us = exg_clock_deadline_ms(self->settings->connect_timeout_ms);
    exg_timer_set(&self->timer, self->connect_until_us);
    /* 0: resolved() has run, and the session may be gone. */
    guint lookup = exg_resolver_lookup(self->settings->resolver, self->origin.host,
                                       self->connect_until_us, resolved, self);
    if (lookup != 0)
        self->lookup = lookup;
}

void
exg_http_session_send(ExgHttpSession *self, ExgHttpRequest *request, ExgHttpSessionFunc function,
                      gpointer data)
{
    g_return_if_fail(self->request == NULL);
    exg_timer_cancel(&self->timer);
    self->request = exg_http_request_ref(request);
    self->function = function;
    self->data = data;
    self->retried = self->renewed = false;
    ExgHttpOrigin origin;
    GError *error = NULL;
    if (!exg_http_origin_parse(request->url, &origin, &error)) {
        finish(self, NULL, error);
        return;
    }
    if (self->connection != NULL && (!exg_http_connection_is_open(self->connection) ||
                                     !exg_http_origin_equal(&origin, &self->origin)))
        drop_connection(self);
    exg_http_origin_clear(&self->origin);
    self->origin = origin;
    attempt(self);
}

void
exg_http_session_cancel(ExgHttpSession *self)
{
    if (self->request == NULL || is_ambiguous(self))
        return;
    finish(self, NULL,
           g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CANCELLED, "The request was cancelled"));
}

void
exg_http_session_expire(ExgHttpSession *self)
{
    const char *stage = "resolve";
    if (self->leg != NULL)
        stage = "auth";
    else if (self->connection != NULL)
        stage = exg_http_connection_stage(self->connection);
    GError *error = exg_error_new(EXG_ERROR_UNREACHABLE, "%s did not answer in time (%s)",
                                  self->origin.host, stage);
    exg_error_set_stage(error, stage);
    fail(self, error);
}

/* --- life ------------------------------------------------------------------------------------- */

ExgHttpSession *
exg_http_session_new(ExgHttpSettings *settings)
{
    ExgHttpSession *self = g_new0(ExgHttpSession, 1);
    self->settings = settings;
    exg_timer_init(&self->timer, settings->engine, timer_due, self);
    return self;
}

void
exg_http_session_free(ExgHttpSession *self)
{
    if (self == NULL)
        return;
    drop_connection(self);
    g_clear_pointer(&self->request, exg_http_request_unref);
    exg_http_origin_clear(&self->origin);
    g_free(self);
}

bool
exg_http_session_is_open(const ExgHttpSession *self)
{
    return self->connection != NULL;
}

static void
idle_connection_ready(gpointer data)
{
    ExgHttpSession *self = data;
    self->resting(self, self->resting_data);
}

void
exg_http_session_rest(ExgHttpSession *self, gint64 until_us,
                      void (*function)(ExgHttpSession *, gpointer), gpointer data)
{
    self->resting = function;
    self->resting_data = data;
    exg_timer_set(&self->timer, until_us);
    exg_http_connection_watch_idle(self->connection, idle_connection_ready, self);
}
