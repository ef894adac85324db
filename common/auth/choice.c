#include "common/auth/choice.h"

#include "common/auth/challenge-private.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"

#include <string.h>

typedef struct {
    ExgAuthCandidate facts;
    ExgHttpAuthenticator *authenticator; /* NULL: `reason` says why not */
    char *reason;
    gint64 rests_until_us; /* passed over until then, as `failure` says */
    char *failure;
} Candidate;

typedef struct {
    ExgHttpAuthenticator authenticator;
    GArray *candidates; /* of Candidate */
    char *description;
    ExgHttpAuthenticator *chosen; /* the last one; not a reference */
    bool has_second;              /* another could have been chosen in its place */
} Choice;

typedef struct {
    ExgHttpHandshake handshake;
    ExgHttpHandshake *inner; /* NULL: nothing could be chosen */
    GError *error;
} ChoiceHandshake;

/* Kept in step with what is chosen: whether each request has a handshake of its own. */
static const ExgHttpScheme choice_scheme, choice_each_scheme;

static void
candidate_clear(gpointer data)
{
    Candidate *candidate = data;
    exg_http_authenticator_unref(candidate->authenticator);
    g_free(candidate->reason);
    g_free(candidate->failure);
}

/* --- choosing --------------------------------------------------------------------------------- */

/* Why a candidate is passed over, or NULL. (transfer full) */
static char *
objection(const Candidate *candidate, const ExgHttpPeer *peer)
{
    g_autoptr(GError) error = NULL;
    const ExgAuthCandidate *facts = &candidate->facts;
    if (!exg_auth_challenge_find(peer->challenges, facts->offered, 0, NULL))
        return g_strdup("not offered");
    if (candidate->authenticator == NULL)
        return g_strdup(candidate->reason);
    if (facts->needs_tls && peer->peer_certificate == NULL)
        return g_strdup("not without TLS");
    if (exg_clock_monotonic_us() < candidate->rests_until_us)
        return g_strdup(candidate->failure);
    if (facts->is_available != NULL && !facts->is_available(candidate->authenticator, &error))
        return g_strdup(error->message);
    return NULL;
}

static bool
has_second(const Choice *self, const ExgHttpPeer *peer, guint after)
{
    for (guint i = after + 1; i < self->candidates->len; i++) {
        g_autofree char *reason = objection(&g_array_index(self->candidates, Candidate, i), peer);
        if (reason == NULL)
            return true;
    }
    return false;
}

static const Candidate *
choose(Choice *self, const ExgHttpPeer *peer, GString *description)
{
    g_autofree char *offered = exg_auth_challenge_names(peer->challenges);
    g_string_append_printf(description, "offered: %s", offered);
    for (guint i = 0; i < self->candidates->len; i++) {
        const Candidate *candidate = &g_array_index(self->candidates, Candidate, i);
        g_autofree char *reason = objection(candidate, peer);
        g_string_append_printf(description, "\n%s: %s", candidate->facts.name,
                               reason != NULL ? reason : "chosen");
        if (reason != NULL)
            continue;
        self->has_second = !candidate->facts.has_last_word && has_second(self, peer, i);
        return candidate;
    }
    return NULL;
}

static char *
to_line(const char *description)
{
    g_auto(GStrv) lines = g_strsplit(description, "\n", -1);
    return g_strjoinv("; ", lines);
}

static void
keep_description(Choice *self, GString *description)
{
    if (g_strcmp0(self->description, description->str) != 0) {
        g_autofree char *line = to_line(description->str);
        exg_log(EXG_LOG_INFO, NULL, "Authentication %s", line);
    }
    g_free(self->description);
    self->description = g_strdup(description->str);
}

/* --- the scheme ------------------------------------------------------------------------------- */

static void
follow(Choice *self)
{
    bool each = self->chosen != NULL && self->chosen->scheme->per_request;
    self->authenticator.scheme = each ? &choice_each_scheme : &choice_scheme;
}

static ExgHttpHandshake *
choice_begin(ExgHttpAuthenticator *authenticator, const ExgHttpPeer *peer)
{
    Choice *self = (Choice *)authenticator;
    g_autoptr(GString) description = g_string_new(NULL);
    ChoiceHandshake *handshake = g_new0(ChoiceHandshake, 1);
    const Candidate *candidate = choose(self, peer, description);
    keep_description(self, description);
    self->chosen = candidate != NULL ? candidate->authenticator : NULL;
    follow(self);
    if (candidate == NULL) {
        g_autofree char *line = to_line(description->str);
        handshake->error = exg_error_new(EXG_ERROR_CONFIG,
                                         "%s and exgate have no way to authenticate in common (%s)",
                                         peer->host, line);
        return &handshake->handshake;
    }
    handshake->inner = self->chosen->scheme->begin(self->chosen, peer);
    handshake->inner->authenticator = exg_http_authenticator_ref(self->chosen);
    return &handshake->handshake;
}

static void
choice_next(ExgHttpHandshake *handshake, const char *const *challenges, ExgHttpLeg *leg)
{
    ChoiceHandshake *self = (ChoiceHandshake *)handshake;
    if (self->inner == NULL)
        exg_http_leg_fail(leg, g_steal_pointer(&self->error));
    else
        self->inner->authenticator->scheme->next(self->inner, challenges, leg);
}

static void
choice_end(ExgHttpHandshake *handshake)
{
    ChoiceHandshake *self = (ChoiceHandshake *)handshake;
    if (self->inner != NULL) {
        g_autoptr(ExgHttpAuthenticator) authenticator = self->inner->authenticator;
        authenticator->scheme->end(self->inner);
    }
    g_clear_error(&self->error);
    g_free(self);
}

/* Passes over the one that was chosen for a while, if another may be tried in its place. */
static bool
pass_over(Choice *self, const char *why)
{
    for (guint i = 0; self->has_second && i < self->candidates->len; i++) {
        Candidate *candidate = &g_array_index(self->candidates, Candidate, i);
        if (candidate->authenticator != self->chosen)
            continue;
        candidate->rests_until_us = exg_clock_deadline_ms(EXG_AUTH_CHOICE_REST_MS);
        g_free(candidate->failure);
        candidate->failure = g_strdup(why);
        return true;
    }
    return false;
}

static bool
choice_failed(ExgHttpAuthenticator *authenticator, const GError *error)
{
    return pass_over((Choice *)authenticator, error->message);
}

static bool
choice_rejected(ExgHttpAuthenticator *authenticator, const char *const *challenges, bool forgotten)
{
    Choice *self = (Choice *)authenticator;
    const ExgHttpScheme *scheme = self->chosen != NULL ? self->chosen->scheme : NULL;
    bool again = scheme != NULL && scheme->rejected != NULL &&
                 scheme->rejected(self->chosen, challenges, forgotten);
    if (!again && !forgotten)
        again = pass_over(self, "refused by the server");
    follow(self);
    return again;
}

static void
choice_free(ExgHttpAuthenticator *authenticator)
{
    Choice *self = (Choice *)authenticator;
    g_array_unref(self->candidates);
    g_free(self->description);
    g_free(self);
}

#define SCHEME(each)                                                                               \
    {                                                                                              \
        .name = "auto", .needs_peer = true, .per_request = (each), .begin = choice_begin,          \
        .next = choice_next, .end = choice_end, .rejected = choice_rejected,                       \
        .failed = choice_failed, .free = choice_free                                               \
    }
static const ExgHttpScheme choice_scheme = SCHEME(false);
static const ExgHttpScheme choice_each_scheme = SCHEME(true);

ExgHttpAuthenticator *
exg_auth_choice_new(void)
{
    Choice *self = g_new0(Choice, 1);
    self->authenticator = (ExgHttpAuthenticator){&choice_scheme, 1};
    self->candidates = g_array_new(FALSE, FALSE, sizeof(Candidate));
    g_array_set_clear_func(self->candidates, candidate_clear);
    return &self->authenticator;
}

void
exg_auth_choice_add(ExgHttpAuthenticator *choice, const ExgAuthCandidate *candidate,
                    ExgHttpAuthenticator *authenticator, const char *reason)
{
    Choice *self = (Choice *)choice;
    Candidate entry = {
        .facts = *candidate, .authenticator = authenticator, .reason = g_strdup(reason)};
    g_array_append_val(self->candidates, entry);
}

char *
exg_auth_choice_describe(ExgHttpAuthenticator *choice)
{
    return g_strdup(((const Choice *)choice)->description);
}
