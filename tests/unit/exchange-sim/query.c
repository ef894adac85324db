/* The questions of common/ews, over HTTP, answered by the simulated Exchange; each answer is also
 * held against the schema. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/ews/items/convert-id.h"
#include "common/ews/people/expand-dl.h"
#include "common/ews/people/get-mail-tips.h"
#include "common/ews/people/get-rooms.h"
#include "common/ews/people/get-searchable-mailboxes.h"
#include "common/ews/calendar/get-server-time-zones.h"
#include "common/ews/calendar/get-user-availability.h"
#include "common/ews/people/get-user-oof-settings.h"
#include "common/ews/people/resolve-candidates.h"
#include "tests/exchange-sim/call.h"
#include "tests/lib/ews-fixture.h"
#include "tests/lib/http-fixture.h"

#include <string.h>

#define ACCOUNT "svc@example.com"

typedef struct {
    HttpFixture http;
    ExgEwsService *service;
    ExgSimDirectory *directory;
    GMutex lock; /* of the directory and what follows */
    GPtrArray *answers;
    GPtrArray *refusals;
    /* of the call under way */
    GAsyncResult *result;
} Fixture;

static char *
carry_out(Fixture *fixture, const char *body, guint *ret_status, gsize *ret_length)
{
    ExgSimCaller caller = {.account = g_strdup(ACCOUNT), .may_impersonate = true};
    g_autoptr(ExgSimCall) call = exg_sim_call_new(fixture->directory, &caller, body, strlen(body));
    char *answer = exg_sim_call_execute(call, ret_status, ret_length);
    if (call->refusal.invalid || call->invalid != NULL)
        g_ptr_array_add(fixture->refusals,
                        g_strdup(call->invalid != NULL ? call->invalid : call->refusal.text));
    g_ptr_array_add(fixture->answers, g_strdup(answer));
    return answer;
}

/* A connection, from a thread of its own. */
static void
serve(TestPeer *peer, gpointer data)
{
    Fixture *fixture = data;
    for (;;) {
        g_autofree char *body = NULL;
        if (!test_peer_read(peer, NULL, &body))
            return;
        guint status;
        gsize length;
        g_mutex_lock(&fixture->lock);
        g_autofree char *answer = carry_out(fixture, body, &status, &length);
        g_mutex_unlock(&fixture->lock);
        g_autofree char *head = g_strdup_printf(
            "HTTP/1.1 %u x\r\nContent-Type: text/xml; charset=utf-8\r\n"
            "Content-Length: %zu\r\n\r\n",
            status, length);
        if (!test_peer_send(peer, head, strlen(head)) || !test_peer_send(peer, answer, length))
            return;
    }
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
    g_mutex_init(&fixture->lock);
    fixture->answers = g_ptr_array_new_with_free_func(g_free);
    fixture->refusals = g_ptr_array_new_with_free_func(g_free);
    fixture->directory = exg_sim_directory_new(NULL);
    g_auto(GStrv) lines = g_strsplit(data, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        g_autoptr(GError) error = NULL;
        exg_sim_directory_add(fixture->directory, lines[i], &error);
        g_assert_no_error(error);
    }
    http_fixture_init(&fixture->http, NULL);
    test_server_script(fixture->http.server, CALL(serve, fixture));
    test_server_repeat(fixture->http.server);
    fixture->http.client = exg_http_client_new(fixture->http.engine, &fixture->http.options);
    fixture->service = exg_ews_service_new(
        fixture->http.client, test_server_url(fixture->http.server, NULL, "/EWS/Exchange.asmx"),
        EWS_TEST_VERSION);
}

/* The published schema lacks three of the operations. */
static bool
is_in_schema(const char *answer)
{
    return strstr(answer, "<m:GetMailTips") == NULL && strstr(answer, "<m:GetUserOof") == NULL &&
           strstr(answer, "<m:GetUserAvailability") == NULL;
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    g_clear_object(&fixture->result);
    exg_ews_service_unref(fixture->service);
    http_fixture_clear(&fixture->http);
    g_assert_cmpuint(fixture->refusals->len, ==, 0);
    g_assert_cmpuint(fixture->answers->len, >, 0);
    for (guint i = 0; i < fixture->answers->len; i++)
        if (is_in_schema(g_ptr_array_index(fixture->answers, i)))
            ews_test_validate(g_ptr_array_index(fixture->answers, i));
    g_ptr_array_unref(fixture->answers);
    g_ptr_array_unref(fixture->refusals);
    exg_sim_directory_free(fixture->directory);
    g_mutex_clear(&fixture->lock);
}

static void
on_result(GObject *source, GAsyncResult *result, gpointer data)
{
    Fixture *fixture = data;
    g_assert_null(fixture->result);
    fixture->result = g_object_ref(result);
}

/* Runs a call that has been started, on the engine. */
#define RUN(fixture, start)                                                                        \
    do {                                                                                           \
        g_clear_object(&(fixture)->result);                                                        \
        g_main_context_push_thread_default(exg_engine_context((fixture)->http.engine));            \
        start;                                                                                     \
        g_main_context_pop_thread_default(exg_engine_context((fixture)->http.engine));             \
        http_fixture_until(&(fixture)->http, (fixture)->result != NULL);                           \
    } while (0)
#define DEADLINE exg_clock_deadline_ms(10000)
/* A whole call: what its finish function returns where, and what its start function is given. */
#define ASK(fixture, call, ret, error, ...)                                                        \
    do {                                                                                           \
        RUN(fixture, exg_ews_##call##_async((fixture)->service, ##__VA_ARGS__, DEADLINE, NULL,     \
                                            on_result, fixture));                                  \
        exg_ews_##call##_finish((fixture)->service, (fixture)->result, ret, error);                \
    } while (0)

/* --- ExpandDL --------------------------------------------------------------------------------- */

static const char lists[] =
    "ann@example.com name=\"Ann A.\"\n"
    "bob@example.com\n"
    "svc@example.com\n"
    "one@example.com name=One type=PublicDL members=ann@example.com,two@example.com\n"
    "two@example.com type=PublicDL members=bob@example.com,THREE@example.com,ann@example.com\n"
    "three@example.com type=PublicDL members=one@example.com,far@example.net\n"
    "broken@example.com type=PublicDL members=secret@example.com,bob@example.com\n"
    "secret@example.com type=PublicDL hidden members=ann@example.com\n"
    "empty@example.com type=PublicDL\n";

static ExgEwsExpansion *
expand(Fixture *fixture, const char *address, GError **error)
{
    g_autoptr(ExgEwsMailbox) list = exg_ews_mailbox_new(address, "PublicDL");
    ExgEwsExpansion *expansion = NULL;
    ASK(fixture, expand_dl, &expansion, error, list);
    return expansion;
}

static ExgEwsExpansion *
expand_all(Fixture *fixture, const char *address, guint max_members, GError **error)
{
    g_autoptr(ExgEwsMailbox) list = exg_ews_mailbox_new(address, "PublicDL");
    ExgEwsExpansion *expansion = NULL;
    ASK(fixture, expand_dl_recursive, &expansion, error, list, max_members);
    return expansion;
}

/* The addresses of mailboxes, in their order. */
static char *
addresses(const GPtrArray *mailboxes)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < mailboxes->len; i++) {
        const ExgEwsMailbox *mailbox = g_ptr_array_index(mailboxes, i);
        g_string_append_printf(text, "%s%s", i > 0 ? " " : "", mailbox->address);
    }
    return g_string_free(text, FALSE);
}

static void
assert_members(const ExgEwsExpansion *expansion, const char *wanted)
{
    g_autofree char *got = addresses(expansion->members);
    g_assert_cmpstr(got, ==, wanted);
}

static void
test_expand_dl(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgEwsExpansion) expansion = expand(fixture, "ONE@example.com", &error);
    g_assert_no_error(error);
    assert_members(expansion, "ann@example.com two@example.com");
    g_assert_true(expansion->complete);
    const ExgEwsMailbox *ann = g_ptr_array_index(expansion->members, 0);
    g_assert_cmpstr(ann->name, ==, "Ann A.");
    g_assert_cmpstr(ann->type, ==, "Mailbox");
    g_assert_true(exg_ews_mailbox_is_list(g_ptr_array_index(expansion->members, 1)));
    g_autoptr(ExgEwsExpansion) empty = expand(fixture, "empty@example.com", &error);
    assert_members(empty, "");
}

static void
test_expand_dl_unknown(Fixture *fixture, gconstpointer data)
{
    static const char *const unknown[] = {"nobody@example.com", "secret@example.com",
                                          "ann@example.com"};
    for (guint i = 0; i < G_N_ELEMENTS(unknown); i++) {
        g_autoptr(GError) error = NULL, again = NULL;
        g_assert_null(expand(fixture, unknown[i], &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_NO_MAILBOX);
        g_assert_cmpstr(exg_error_facts(error)->service_code, ==, "ErrorNameResolutionNoResults");
        g_assert_null(expand_all(fixture, unknown[i], 10, &again));
        g_assert_error(again, EXG_ERROR, EXG_ERROR_NO_MAILBOX);
    }
}

/* one contains two contains three contains one */
static void
test_expand_dl_loop(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgEwsExpansion) expansion = expand_all(fixture, "one@example.com", 100, &error);
    g_assert_no_error(error);
    assert_members(expansion, "ann@example.com bob@example.com far@example.net");
    g_assert_true(expansion->complete);
    g_assert_cmpuint(expansion->failures->len, ==, 0);
    g_assert_cmpuint(fixture->answers->len, ==, 3);
}

static void
test_expand_dl_cap(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgEwsExpansion) expansion = expand_all(fixture, "one@example.com", 2, &error);
    g_assert_no_error(error);
    assert_members(expansion, "ann@example.com bob@example.com");
    g_assert_false(expansion->complete);
    g_autoptr(ExgEwsExpansion) exact = expand_all(fixture, "one@example.com", 3, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(exact->members->len, ==, 3);
    g_assert_true(exact->complete);
}

static void
test_expand_dl_failure(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgEwsExpansion) expansion = expand_all(fixture, "broken@example.com", 100, &error);
    g_assert_no_error(error);
    assert_members(expansion, "bob@example.com");
    g_assert_false(expansion->complete);
    g_assert_cmpuint(expansion->failures->len, ==, 1);
    const ExgEwsExpandFailure *failure = g_ptr_array_index(expansion->failures, 0);
    g_assert_cmpstr(failure->list->address, ==, "secret@example.com");
    g_assert_error(failure->error, EXG_ERROR, EXG_ERROR_NO_MAILBOX);
}

/* --- ResolveNames ----------------------------------------------------------------------------- */

static const ExgEwsTarget self = {.access = EXG_EWS_SELF};

static const char people[] = "svc@example.com\n"
                             "ann@example.com name=\"Ann Able\" alias=a@example.com\n"
                             "anna@example.com name=\"Anna Baker\"\n"
                             "bob@example.com name=\"Bob Able\"\n";

static GPtrArray *
resolve(Fixture *fixture, const char *const *names, const ExgEwsResolveOptions *options)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *candidates = NULL;
    ASK(fixture, resolve_candidates, &candidates, &error, &self, names, options);
    g_assert_no_error(error);
    return candidates;
}

static void
assert_candidates(const ExgEwsCandidates *candidates, const char *wanted)
{
    g_autoptr(GString) got = g_string_new(NULL);
    g_assert_no_error(candidates->error);
    g_assert_true(candidates->complete);
    for (guint i = 0; i < candidates->candidates->len; i++) {
        const ExgEwsCandidate *candidate = g_ptr_array_index(candidates->candidates, i);
        g_string_append_printf(got, "%s%s", i > 0 ? " " : "", candidate->mailbox->address);
    }
    g_assert_cmpstr(got->str, ==, wanted);
}

/* Nobody, one and several, each in the place of its name. */
static void
test_resolve(Fixture *fixture, gconstpointer data)
{
    static const char *const names[] = {"able",  "nobody", "smtp:bob@example.com", "ann", "nobody2",
                                        "baker", NULL};
    static const ExgEwsResolveOptions usual = {0};
    g_autoptr(GPtrArray) results = resolve(fixture, names, &usual);
    g_assert_cmpuint(results->len, ==, 6);
    g_assert_cmpuint(fixture->answers->len, ==, 6);
    assert_candidates(results->pdata[0], "ann@example.com bob@example.com");
    assert_candidates(results->pdata[2], "bob@example.com");
    assert_candidates(results->pdata[3], "ann@example.com anna@example.com");
    assert_candidates(results->pdata[5], "anna@example.com");
    for (guint i = 1; i <= 4; i += 3) {
        const ExgEwsCandidates *none = results->pdata[i];
        g_assert_null(none->candidates);
        g_assert_cmpstr(exg_error_facts(none->error)->service_code, ==,
                        "ErrorNameResolutionNoResults");
    }
}

static void
test_resolve_contact(Fixture *fixture, gconstpointer data)
{
    static const char *const names[] = {"ann@example.com", NULL};
    static const ExgEwsResolveOptions full = {.scope = EXG_EWS_SEARCH_DIRECTORY_THEN_CONTACTS,
                                              .contact = EXG_EWS_CONTACT_ALL};
    g_autoptr(GPtrArray) results = resolve(fixture, names, &full);
    const ExgEwsCandidates *found = results->pdata[0];
    assert_candidates(found, "ann@example.com");
    const ExgEwsCandidate *ann = g_ptr_array_index(found->candidates, 0);
    g_assert_cmpstr(ann->contact->display_name, ==, "Ann Able");
    g_assert_cmpstr(ann->contact->source, ==, "ActiveDirectory");
    g_assert_cmpuint(ann->contact->addresses->len, ==, 2);
    const ExgEwsContactEntry *alias = g_ptr_array_index(ann->contact->addresses, 1);
    g_assert_cmpstr(alias->key, ==, "EmailAddress2");
    g_assert_cmpstr(alias->value, ==, "smtp:a@example.com");
}

/* --- GetMailTips and GetUserOofSettings ------------------------------------------------------- */

static const char tipped[] =
    "svc@example.com\n"
    "away@example.com oof=\"I am <b>away</b>\" tip=\"Rarely reads mail\" max-size=1000\n"
    "board@example.com type=PublicDL restricted moderated members=away@example.com,x@example.net\n"
    "here@example.com quota=1000000\n";

static GPtrArray *
mail_tips(Fixture *fixture, const char *const *recipients)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *tips = NULL;
    ASK(fixture, get_mail_tips, &tips, &error, ACCOUNT, recipients);
    g_assert_no_error(error);
    return tips;
}

static void
test_mail_tips(Fixture *fixture, gconstpointer data)
{
    static const char *const recipients[] = {"away@example.com", "nobody@example.com",
                                             "board@example.com", "here@example.com", NULL};
    g_autoptr(GPtrArray) results = mail_tips(fixture, recipients);
    g_assert_cmpuint(results->len, ==, 4);
    const ExgEwsMailTips *away = results->pdata[0], *nobody = results->pdata[1];
    const ExgEwsMailTips *board = results->pdata[2], *here = results->pdata[3];
    g_assert_cmpstr(away->out_of_office, ==, "I am <b>away</b>");
    g_assert_cmpstr(away->custom_tip, ==, "Rarely reads mail");
    g_assert_cmpint(away->max_message_bytes, ==, 1000);
    g_assert_cmpint(away->invalid_recipient, ==, EXG_EWS_NO);
    g_assert_cmpint(nobody->invalid_recipient, ==, EXG_EWS_YES);
    g_assert_cmpint(nobody->mailbox_full, ==, EXG_EWS_UNKNOWN);
    g_assert_cmpint(nobody->max_message_bytes, ==, -1);
    g_assert_null(nobody->out_of_office);
    g_assert_cmpint(board->delivery_restricted, ==, EXG_EWS_YES);
    g_assert_cmpint(board->total_member_count, ==, 2);
    g_assert_cmpint(board->external_member_count, ==, 1);
    g_assert_cmpstr(here->out_of_office, ==, "");
    g_assert_cmpint(here->mailbox_full, ==, EXG_EWS_NO);
    g_assert_cmpint(here->total_member_count, ==, -1);
    for (guint i = 0; i < results->len; i++) {
        const ExgEwsMailTips *tips = results->pdata[i];
        g_assert_no_error(tips->error);
        g_assert_false(tips->is_pending);
    }
}

/* More than a call takes, in their order. */
static void
test_mail_tips_many(Fixture *fixture, gconstpointer data)
{
    const char *recipients[172] = {NULL};
    for (guint i = 0; i < 171; i++)
        recipients[i] = i % 7 == 0 ? "here@example.com" : "nobody@example.com";
    g_autoptr(GPtrArray) results = mail_tips(fixture, recipients);
    g_assert_cmpuint(results->len, ==, 171);
    g_assert_cmpuint(fixture->answers->len, ==, 4);
    for (guint i = 0; i < results->len; i++) {
        const ExgEwsMailTips *tips = results->pdata[i];
        g_assert_cmpint(tips->invalid_recipient, ==, i % 7 == 0 ? EXG_EWS_NO : EXG_EWS_YES);
    }
}

static ExgEwsOofSettings *
oof_settings(Fixture *fixture, const char *mailbox, ExgEwsAccess access, GError **error)
{
    const ExgEwsTarget target = {mailbox, access};
    ExgEwsOofSettings *settings = NULL;
    ASK(fixture, get_user_oof_settings, &settings, error, &target);
    return settings;
}

static void
test_oof_settings(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL, refused = NULL;
    g_autoptr(ExgEwsOofSettings)
        away = oof_settings(fixture, "away@example.com", EXG_EWS_IMPERSONATION, &error);
    g_assert_no_error(error);
    g_assert_cmpint(away->state, ==, EXG_EWS_OOF_ENABLED);
    g_assert_cmpint(away->audience, ==, EXG_EWS_OOF_ALL);
    g_assert_cmpstr(away->internal_reply, ==, "I am <b>away</b>");
    g_assert_cmpint(away->end - away->start, ==, 24 * 3600);
    g_autoptr(ExgEwsOofSettings)
        here = oof_settings(fixture, "here@example.com", EXG_EWS_IMPERSONATION, &error);
    g_assert_no_error(error);
    g_assert_cmpint(here->state, ==, EXG_EWS_OOF_DISABLED);
    g_assert_cmpstr(here->internal_reply, ==, "");
    /* nobody but the owner */
    g_assert_null(oof_settings(fixture, "away@example.com", EXG_EWS_DELEGATE, &refused));
    g_assert_error(refused, EXG_ERROR, EXG_ERROR_DENIED);
}

/* --- rooms and mailboxes to search ------------------------------------------------------------ */

static const char rooms[] =
    "svc@example.com discovery\n"
    "house@example.com name=House type=PublicDL roomlist members=r1@example.com,r2@example.com\n"
    "barn@example.com name=Barn type=PublicDL roomlist\n"
    "r1@example.com name=\"Room 1\"\n"
    "r2@example.com name=\"Room 2\"\n"
    "list@example.com type=PublicDL members=r1@example.com\n";

static void
test_rooms(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL, unknown = NULL;
    g_autoptr(GPtrArray) room_lists = NULL, found = NULL;
    ASK(fixture, get_room_lists, &room_lists, &error);
    g_assert_no_error(error);
    g_autofree char *names = addresses(room_lists);
    g_assert_cmpstr(names, ==, "house@example.com barn@example.com");

    ASK(fixture, get_rooms, &found, &error, "house@example.com");
    g_assert_no_error(error);
    g_autofree char *in_house = addresses(found);
    g_assert_cmpstr(in_house, ==, "r1@example.com r2@example.com");

    GPtrArray *none = NULL;
    ASK(fixture, get_rooms, &none, &unknown, "list@example.com");
    g_assert_null(none);
    g_assert_error(unknown, EXG_ERROR, EXG_ERROR_NO_MAILBOX);
}

static ExgEwsSearchable *
searchable(Fixture *fixture, const char *filter, GError **error)
{
    ExgEwsSearchable *found = NULL;
    ASK(fixture, get_searchable_mailboxes, &found, error, filter, false);
    return found;
}

static void
test_searchable(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgEwsSearchable) found = searchable(fixture, "room", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(found->mailboxes->len, ==, 2);
    const ExgEwsSearchableMailbox *first = g_ptr_array_index(found->mailboxes, 0);
    g_assert_cmpstr(first->primary_address, ==, "r1@example.com");
    g_assert_cmpstr(first->display_name, ==, "Room 1");
    g_autoptr(ExgEwsSearchable) all = searchable(fixture, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(all->mailboxes->len, ==, 6);
}

static void
test_searchable_denied(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(searchable(fixture, NULL, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_DENIED);
    g_assert_cmpstr(exg_error_facts(error)->service_code, ==, "ErrorAccessDenied");
}

/* --- time zones and calendars ----------------------------------------------------------------- */

static GPtrArray *
time_zones(Fixture *fixture, const char *const *ids, bool full)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *zones = NULL;
    ASK(fixture, get_server_time_zones, &zones, &error, ids, full);
    g_assert_no_error(error);
    return zones;
}

static void
test_time_zones(Fixture *fixture, gconstpointer data)
{
    static const char *const vienna[] = {"W. Europe Standard Time", "No Such Time", NULL};
    g_autoptr(GPtrArray) all = time_zones(fixture, NULL, false);
    g_assert_cmpuint(all->len, ==, 5);
    g_autoptr(GPtrArray) one = time_zones(fixture, vienna, true);
    g_assert_cmpuint(one->len, ==, 1);
    const ExgEwsTimeZone *zone = g_ptr_array_index(one, 0);
    g_assert_true(g_str_has_prefix(zone->name, "(UTC+01:00)"));
    /* the server and this host agree */
    ExgEwsZoneRule rule, local;
    g_autoptr(GError) error = NULL;
    g_autoptr(GTimeZone) here = g_time_zone_new_identifier("Europe/Vienna");
    g_assert_true(exg_ews_time_zone_rule(zone, 2026, &rule, &error));
    g_assert_no_error(error);
    if (here == NULL) {
        g_test_skip("this host has no time zones (tzdata)");
        return;
    }
    exg_ews_zone_rule_init(&local, here, 1795291445);
    g_assert_cmpmem(&rule, sizeof rule, &local, sizeof local);
}

/* A group for each year: as text, "10" comes before "2". */
static void
test_time_zone_groups(Fixture *fixture, gconstpointer data)
{
    static const char *const morocco[] = {"Morocco Standard Time", NULL};
    g_autoptr(GPtrArray) zones = time_zones(fixture, morocco, true);
    for (int year = 2000; year < 2040; year++) {
        ExgEwsZoneRule rule;
        int group = CLAMP(year - 2006, 0, 20);
        g_assert_true(exg_ews_time_zone_rule(g_ptr_array_index(zones, 0), year, &rule, NULL));
        g_assert_cmpint(rule.daylight.order, ==, group % 4 + 1);
        g_assert_cmpint(rule.standard.order, ==, 5);
    }
}

static const char calendars[] =
    "svc@example.com\n"
    "ann@example.com busy=2026-11-23T09:00:00Z/2026-11-23T10:30:00Z/Busy/Talk "
    "busy=2026-11-23T10:00:00Z/2026-11-23T11:00:00Z/OOF "
    "busy=2026-12-24T00:00:00Z/2026-12-25T00:00:00Z\n"
    "closed@example.com private\n"
    "summer@example.com busy=2026-07-01T09:00:00Z/2026-07-01T10:00:00Z/Tentative\n";

#define MONDAY_9_UTC G_GINT64_CONSTANT(1795424400) /* 2026-11-23 */
#define JULY_9_UTC   G_GINT64_CONSTANT(1782896400) /* 2026-07-01 */

static GPtrArray *
availability(Fixture *fixture, const ExgEwsAttendee *attendees, guint count,
             const ExgEwsAvailabilityQuestion *question, GError **error)
{
    GPtrArray *results = NULL;
    ASK(fixture, get_user_availability, &results, error, &self, attendees, count, question);
    return results;
}

static void
test_availability(Fixture *fixture, gconstpointer data)
{
    static const ExgEwsAttendee attendees[] = {
        {"ann@example.com", EXG_EWS_REQUIRED, false},
        {"nobody@example.com", EXG_EWS_OPTIONAL, false},
        {"closed@example.com", EXG_EWS_ROOM, true},
        {"summer@example.com", EXG_EWS_ORGANIZER, false},
    };
    static const char *const zones[] = {NULL, "Europe/Vienna", "America/Los_Angeles"};
    for (guint i = 0; i < G_N_ELEMENTS(zones); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GTimeZone) zone = zones[i] != NULL ? g_time_zone_new_identifier(zones[i]) : NULL;
        const ExgEwsAvailabilityQuestion question = {.start = MONDAY_9_UTC,
                                                     .end = MONDAY_9_UTC + 4 * 3600,
                                                     .zone = zone,
                                                     .interval_min = 30,
                                                     .view = EXG_EWS_VIEW_DETAILED_MERGED};
        g_autoptr(GPtrArray) results = availability(fixture, attendees, 4, &question, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(results->len, ==, 4);
        const ExgEwsAvailability *ann = results->pdata[0], *nobody = results->pdata[1];
        const ExgEwsAvailability *closed = results->pdata[2], *summer = results->pdata[3];
        g_assert_no_error(ann->error);
        g_assert_cmpstr(ann->merged, ==, "22330000");
        g_assert_cmpint(ann->view, ==, EXG_EWS_VIEW_DETAILED_MERGED);
        g_assert_cmpuint(ann->events->len, ==, 2);
        const ExgEwsCalendarEvent *talk = g_ptr_array_index(ann->events, 0);
        g_assert_cmpint(talk->start, ==, MONDAY_9_UTC);
        g_assert_cmpint(talk->end, ==, MONDAY_9_UTC + 5400);
        g_assert_cmpstr(talk->subject, ==, "Talk");
        g_assert_cmpint(talk->type, ==, EXG_EWS_BUSY);
        const ExgEwsWorkingPeriod *hours = g_ptr_array_index(ann->working_periods, 0);
        g_assert_cmpuint(hours->days, ==, 0x1f);
        g_assert_cmpint(hours->start_min, ==, 480);
        g_assert_cmpstr(exg_error_facts(nobody->error)->service_code, ==,
                        "ErrorMailRecipientNotFound");
        g_assert_null(nobody->events);
        g_assert_cmpstr(exg_error_facts(closed->error)->service_code, ==, "ErrorNoFreeBusyAccess");
        g_assert_no_error(summer->error);
        g_assert_cmpstr(summer->merged, ==, "00000000");
    }
}

/* In daylight time, and in windows over its begin and its end. */
static void
test_availability_daylight(Fixture *fixture, gconstpointer data)
{
    static const ExgEwsAttendee summer = {"summer@example.com", EXG_EWS_REQUIRED, false};
    static const char *const zones[] = {"Europe/Vienna", "America/Los_Angeles", "Australia/Sydney",
                                        "Asia/Kolkata"};
    for (guint i = 0; i < G_N_ELEMENTS(zones); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(zones[i]);
        const ExgEwsAvailabilityQuestion question = {.start = JULY_9_UTC - 3600,
                                                     .end = JULY_9_UTC + 7200,
                                                     .zone = zone,
                                                     .interval_min = 60,
                                                     .view = EXG_EWS_VIEW_FREE_BUSY_MERGED};
        g_autoptr(GPtrArray) results = availability(fixture, &summer, 1, &question, &error);
        g_assert_no_error(error);
        const ExgEwsAvailability *result = results->pdata[0];
        g_assert_cmpstr(result->merged, ==, "010");
        const ExgEwsCalendarEvent *event = g_ptr_array_index(result->events, 0);
        g_assert_cmpint(event->start, ==, JULY_9_UTC);
    }
}

static void
test_availability_many(Fixture *fixture, gconstpointer data)
{
    ExgEwsAttendee attendees[230];
    for (guint i = 0; i < G_N_ELEMENTS(attendees); i++)
        attendees[i] = (ExgEwsAttendee){i % 3 == 0 ? "ann@example.com" : "nobody@example.com",
                                        EXG_EWS_REQUIRED, false};
    const ExgEwsAvailabilityQuestion question = {.start = MONDAY_9_UTC,
                                                 .end = MONDAY_9_UTC + 3600,
                                                 .interval_min = 60,
                                                 .view = EXG_EWS_VIEW_MERGED_ONLY};
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) results = availability(fixture, attendees, 230, &question, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(results->len, ==, 230);
    g_assert_cmpuint(fixture->answers->len, ==, 3);
    for (guint i = 0; i < results->len; i++) {
        const ExgEwsAvailability *result = results->pdata[i];
        g_assert_true((result->error == NULL) == (i % 3 == 0));
    }
}

static void
test_availability_limits(Fixture *fixture, gconstpointer data)
{
    static const ExgEwsAttendee ann = {"ann@example.com", EXG_EWS_REQUIRED, false};
    static const ExgEwsAvailabilityQuestion bad[] = {
        {.start = 10, .end = 10, .interval_min = 30, .view = EXG_EWS_VIEW_DETAILED},
        {.start = 10, .end = 9, .interval_min = 30, .view = EXG_EWS_VIEW_DETAILED},
        {.start = 10, .end = 20, .interval_min = 4, .view = EXG_EWS_VIEW_DETAILED},
        {.start = 10, .end = 20, .interval_min = 1441, .view = EXG_EWS_VIEW_DETAILED},
        {.start = 10, .end = 20, .interval_min = 30, .view = EXG_EWS_VIEW_NONE},
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(availability(fixture, &ann, 1, &bad[i], &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
    }
    g_assert_cmpuint(fixture->answers->len, ==, 0);
    const ExgEwsAvailabilityQuestion long_time = {.start = MONDAY_9_UTC,
                                                  .end = MONDAY_9_UTC + 43 * 24 * 3600,
                                                  .interval_min = 60,
                                                  .view = EXG_EWS_VIEW_MERGED_ONLY};
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) results = availability(fixture, &ann, 1, &long_time, &error);
    g_assert_no_error(error);
    const ExgEwsAvailability *late = results->pdata[0];
    g_assert_cmpstr(exg_error_facts(late->error)->service_code, ==, "ErrorTimeIntervalTooBig");
}

/* --- ConvertId -------------------------------------------------------------------------------- */

static GPtrArray *
convert(Fixture *fixture, const GPtrArray *ids, ExgEwsIdFormat format)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *converted = NULL;
    ASK(fixture, convert_id, &converted, &error, &self, ids, format);
    g_assert_no_error(error);
    g_assert_cmpuint(converted->len, ==, ids->len);
    return converted;
}

/* Each format into each other one and back, of each kind. */
static void
test_convert_id(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GPtrArray)
        ids = g_ptr_array_new_with_free_func((GDestroyNotify)exg_ews_alternate_id_free);
    g_ptr_array_add(ids, exg_ews_alternate_id_new("QUFNa0E+", EXG_EWS_EWS_ID, "a@example.com"));
    ExgEwsAlternateId *folder = exg_ews_alternate_id_new(NULL, EXG_EWS_EWS_ID, NULL);
    folder->kind = EXG_EWS_ID_OF_PUBLIC_FOLDER;
    folder->folder_id = g_strdup("Rk9MREVS");
    g_ptr_array_add(ids, folder);
    ExgEwsAlternateId *item = exg_ews_alternate_id_new("SVRFTQ==", EXG_EWS_EWS_ID, NULL);
    item->kind = EXG_EWS_ID_OF_PUBLIC_ITEM;
    item->folder_id = g_strdup("Rk9MREVS");
    g_ptr_array_add(ids, item);
    for (ExgEwsIdFormat format = 0; format < EXG_EWS_N_ID_FORMATS; format++) {
        g_autoptr(GPtrArray) there = convert(fixture, ids, format);
        g_autoptr(GPtrArray) back = convert(fixture, there, EXG_EWS_EWS_ID);
        for (guint i = 0; i < ids->len; i++) {
            const ExgEwsAlternateId *wanted = ids->pdata[i], *got = back->pdata[i];
            const ExgEwsAlternateId *other = there->pdata[i];
            g_assert_no_error(other->error);
            g_assert_cmpint(other->format, ==, format);
            if (format != EXG_EWS_EWS_ID && wanted->id != NULL)
                g_assert_cmpstr(other->id, !=, wanted->id);
            g_assert_cmpint(got->kind, ==, wanted->kind);
            g_assert_cmpstr(got->id, ==, wanted->id);
            g_assert_cmpstr(got->folder_id, ==, wanted->folder_id);
            g_assert_cmpstr(got->mailbox, ==, wanted->mailbox);
        }
    }
}

static void
test_convert_id_many(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GPtrArray)
        ids = g_ptr_array_new_with_free_func((GDestroyNotify)exg_ews_alternate_id_free);
    for (guint i = 0; i < 450; i++) {
        g_autofree char *name = g_strdup_printf("id %u", i);
        g_autofree char *id = g_base64_encode((const guchar *)name, strlen(name));
        g_ptr_array_add(
            ids, exg_ews_alternate_id_new(i % 10 == 3 ? "!" : id, EXG_EWS_EWS_ID, "a@example.com"));
    }
    g_autoptr(GPtrArray) there = convert(fixture, ids, EXG_EWS_EWS_ID);
    g_assert_cmpuint(fixture->answers->len, ==, 5);
    for (guint i = 0; i < ids->len; i++) {
        const ExgEwsAlternateId *wanted = ids->pdata[i], *got = there->pdata[i];
        if (i % 10 == 3)
            g_assert_cmpstr(exg_error_facts(got->error)->service_code, ==,
                            "ErrorInvalidIdMalformed");
        else
            g_assert_cmpstr(got->id, ==, wanted->id);
    }
    g_ptr_array_set_size(ids, 0);
    g_autoptr(GPtrArray) nothing = convert(fixture, ids, EXG_EWS_EWS_ID);
}

static void
test_cancelled(Fixture *fixture, gconstpointer data)
{
    static const char *const recipients[] = {"ann@example.com", NULL};
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    GPtrArray *tips = NULL;
    g_cancellable_cancel(cancellable);
    RUN(fixture, exg_ews_get_mail_tips_async(fixture->service, ACCOUNT, recipients, DEADLINE,
                                             cancellable, on_result, fixture));
    g_assert_false(exg_ews_get_mail_tips_finish(fixture->service, fixture->result, &tips, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_assert_null(tips);
    g_autoptr(GPtrArray) later = mail_tips(fixture, recipients);
    g_assert_cmpuint(later->len, ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(path, entries, function)                                                              \
    g_test_add("/exchange-sim/query/" path, Fixture, entries, set_up, function, tear_down)
    TEST("B6-expand-dl", lists, test_expand_dl);
    TEST("B6-expand-dl-unknown", lists, test_expand_dl_unknown);
    TEST("B6-expand-dl-loop", lists, test_expand_dl_loop);
    TEST("B6-expand-dl-cap", lists, test_expand_dl_cap);
    TEST("B6-expand-dl-failure", lists, test_expand_dl_failure);
    TEST("B5,A16.8-resolve", people, test_resolve);
    TEST("B5-resolve-contact", people, test_resolve_contact);
    TEST("mail-tips", tipped, test_mail_tips);
    TEST("A17.1-mail-tips-many", tipped, test_mail_tips_many);
    TEST("oof-settings", tipped, test_oof_settings);
    TEST("B3,B4-rooms", rooms, test_rooms);
    TEST("B7-searchable", rooms, test_searchable);
    TEST("B7-searchable-denied", people, test_searchable_denied);
    TEST("B1,B1.1-time-zones", people, test_time_zones);
    TEST("B1.2-time-zone-groups", people, test_time_zone_groups);
    TEST("B2,B2.1-availability", calendars, test_availability);
    TEST("B2,B1.3-availability-daylight", calendars, test_availability_daylight);
    TEST("B2,A17.1-availability-many", calendars, test_availability_many);
    TEST("B2-availability-limits", calendars, test_availability_limits);
    TEST("B8-convert-id", people, test_convert_id);
    TEST("A2,B8,A17.1,A16.8-convert-id-many", people, test_convert_id_many);
    TEST("cancelled", people, test_cancelled);
    return g_test_run();
}
