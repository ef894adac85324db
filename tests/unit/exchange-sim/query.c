/* The questions of common/ews, over HTTP, answered by the simulated Exchange; each answer is also
 * held against the schema. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/ews/expand-dl.h"
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

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    g_clear_object(&fixture->result);
    exg_ews_service_unref(fixture->service);
    http_fixture_clear(&fixture->http);
    g_assert_cmpuint(fixture->refusals->len, ==, 0);
    g_assert_cmpuint(fixture->answers->len, >, 0);
    for (guint i = 0; i < fixture->answers->len; i++)
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
    RUN(fixture,
        exg_ews_expand_dl_async(fixture->service, list, DEADLINE, NULL, on_result, fixture));
    g_assert_true(exg_ews_expand_dl_finish(fixture->service, fixture->result, &expansion, error) ==
                  (expansion != NULL));
    return expansion;
}

static ExgEwsExpansion *
expand_all(Fixture *fixture, const char *address, guint max_members, GError **error)
{
    g_autoptr(ExgEwsMailbox) list = exg_ews_mailbox_new(address, "PublicDL");
    ExgEwsExpansion *expansion = NULL;
    RUN(fixture, exg_ews_expand_dl_recursive_async(fixture->service, list, max_members, DEADLINE,
                                                   NULL, on_result, fixture));
    g_assert_true(exg_ews_expand_dl_recursive_finish(fixture->service, fixture->result, &expansion,
                                                     error) == (expansion != NULL));
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
    g_assert_no_error(error);
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
    return g_test_run();
}
