/* A service whose endpoint has to be found out, and found anew. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/ews/folders/get-folder.h"
#include "common/ews/service.h"
#include "tests/lib/ews-fixture.h"
#include "tests/lib/http-fixture.h"

#include <string.h>

#define FOLDER                                                                                     \
    EWS_TEST_SOAP("<m:GetFolderResponse><m:ResponseMessages><m:GetFolderResponseMessage "          \
                  "ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:Folders>"  \
                  "<t:Folder><t:FolderId Id=\"F\"/><t:DisplayName>Inbox</t:DisplayName>"           \
                  "</t:Folder></m:Folders></m:GetFolderResponseMessage></m:ResponseMessages>"      \
                  "</m:GetFolderResponse>")
#define MOVED                                                                                      \
    EWS_TEST_SOAP("<m:GetFolderResponse><m:ResponseMessages><m:GetFolderResponseMessage "          \
                  "ResponseClass=\"Error\"><m:MessageText>x</m:MessageText><m:ResponseCode>"       \
                  "ErrorMailboxMoveInProgress</m:ResponseCode></m:GetFolderResponseMessage>"       \
                  "</m:ResponseMessages></m:GetFolderResponse>")
#define OLD "/old.asmx"
#define NEW "/new.asmx"

typedef struct {
    HttpFixture http;
    ExgEwsService *service;
    GPtrArray *texts;
    /* the locator */
    const char *path; /* of what it finds; NULL: nothing */
    guint finds, forgets;
    bool freed;
    /* the calls */
    guint done, good;
    GError *error;
} Fixture;

static void
locator_find(gpointer data, gint64 deadline_us, GCancellable *cancellable,
             GAsyncReadyCallback callback, gpointer user_data)
{
    Fixture *f = data;
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    f->finds++;
    if (f->path != NULL)
        g_task_return_pointer(task, g_strdup(test_server_url(f->http.server, NULL, f->path)),
                              g_free);
    else
        g_task_return_error(task, exg_error_new(EXG_ERROR_UNREACHABLE, "not found"));
}

static char *
locator_find_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

static void
locator_forget(gpointer data)
{
    ((Fixture *)data)->forgets++;
}

static void
locator_free(gpointer data)
{
    ((Fixture *)data)->freed = true;
}

static const ExgEwsLocator locator = {locator_find, locator_find_finish, locator_forget,
                                      locator_free};

static void
set_up(Fixture *f, gconstpointer data)
{
    http_fixture_init(&f->http, NULL);
    f->http.client = exg_http_client_new(f->http.engine, &f->http.options);
    f->service = exg_ews_service_new_located(f->http.client, &locator, f, EWS_TEST_VERSION);
    f->texts = g_ptr_array_new_with_free_func(g_free);
    f->path = OLD;
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    exg_ews_service_unref(f->service);
    g_assert_true(f->freed);
    http_fixture_clear(&f->http);
    g_ptr_array_unref(f->texts);
    g_clear_error(&f->error);
}

static const char *
answer(Fixture *f, const char *status, const char *body)
{
    char *text = g_strdup_printf("HTTP/1.1 %s\r\nContent-Type: text/xml; charset=utf-8\r\n"
                                 "Connection: close\r\nContent-Length: %zu\r\n\r\n%s",
                                 status, strlen(body), body);
    g_ptr_array_add(f->texts, text);
    return text;
}

/* Answers the next request. */
static void
script(Fixture *f, const char *status, const char *body)
{
    test_server_script(f->http.server, READ, SEND(answer(f, status, body)));
}

static void
on_folder(GObject *source, GAsyncResult *result, gpointer data)
{
    Fixture *f = data;
    ExgEwsFolder *folder = NULL;
    f->done++;
    g_clear_error(&f->error);
    f->good += exg_ews_get_folder_finish(f->service, result, &folder, &f->error);
    exg_ews_folder_free(folder);
}

static void
start(Fixture *f)
{
    const ExgEwsTarget target = {"ann@example.com", EXG_EWS_IMPERSONATION};
    GMainContext *context = exg_engine_context(f->http.engine);
    g_main_context_push_thread_default(context);
    exg_ews_get_folder_async(f->service, &target, "inbox", exg_clock_deadline_ms(3600000), NULL,
                             on_folder, f);
    g_main_context_pop_thread_default(context);
}

static bool
call(Fixture *f)
{
    guint done = f->done, good = f->good;
    start(f);
    http_fixture_until(&f->http, f->done > done);
    return f->good > good;
}

static void
assert_asked(Fixture *f, guint index, const char *path)
{
    g_autofree char *head = test_server_head(f->http.server, index);
    g_autofree char *line = g_strdup_printf("POST %s HTTP/1.1\r\n", path);
    g_assert_true(g_str_has_prefix(head, line));
}

/* The locator is asked once. */
static void
test_once(Fixture *f, gconstpointer data)
{
    ExgEwsServerVersion version;
    exg_ews_service_server_version(f->service, &version);
    g_assert_null(version.endpoint);
    g_assert_cmpstr(version.server, ==, "");
    for (guint i = 0; i < 3; i++) {
        script(f, "200 OK", FOLDER);
        g_assert_true(call(f));
        assert_asked(f, i, OLD);
    }
    g_assert_cmpuint(f->finds, ==, 1);
    g_assert_cmpuint(f->forgets, ==, 0);
    exg_ews_service_server_version(f->service, &version);
    g_assert_true(g_str_has_suffix(version.endpoint, OLD));
}

static void
test_not_found(Fixture *f, gconstpointer data)
{
    f->path = NULL;
    g_assert_false(call(f));
    g_assert_error(f->error, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    g_assert_cmpuint(test_server_connections(f->http.server), ==, 0);
    f->path = NEW; /* nothing of the failure is left */
    script(f, "200 OK", FOLDER);
    g_assert_true(call(f));
}

/* What an answer says that calls for a discovery: the call is made again, at the new endpoint. */
static void
test_again(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *status, *body;
    } answers[] = {{"404 Not Found", ""}, {"200 OK", MOVED}};
    for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
        f->path = NEW;
        script(f, answers[i].status, answers[i].body);
        script(f, "200 OK", FOLDER);
        if (i == 0) {
            f->path = OLD; /* as the cache had it; the locator finds the new one when it is lost */
            start(f);
            http_fixture_until(&f->http, f->finds == 1);
            f->path = NEW;
            http_fixture_until(&f->http, f->done == 1);
        } else {
            g_assert_true(call(f));
        }
        g_assert_no_error(f->error);
        g_assert_cmpuint(f->forgets, ==, i + 1);
        g_assert_cmpuint(f->finds, ==, i + 2);
        assert_asked(f, 2 * i + 1, NEW);
        exg_clock_advance(61 * G_TIME_SPAN_SECOND);
    }
    assert_asked(f, 0, OLD);
}

/* An endpoint that is right, and answers wrongly, is not looked for again and again. */
static void
test_seldom(Fixture *f, gconstpointer data)
{
    for (guint i = 0; i < 6; i++)
        script(f, "404 Not Found", "");
    g_assert_false(call(f)); /* twice: the same was found again */
    g_assert_cmpuint(f->forgets, ==, 1);
    g_assert_cmpuint(f->finds, ==, 2);
    g_assert_false(call(f));
    g_assert_cmpuint(f->finds, ==, 2);
    exg_clock_advance(61 * G_TIME_SPAN_SECOND);
    f->path = NULL; /* nothing is found: the last one has to do */
    g_assert_false(call(f));
    g_assert_cmpuint(f->forgets, ==, 2);
    g_assert_cmpuint(f->finds, ==, 3);
    g_assert_cmpuint(test_server_requests(f->http.server), ==, 5);
    assert_asked(f, 4, OLD);
}

/* Many that were under way to the old endpoint go on at the new one, which is looked for once. */
static void
test_many(Fixture *f, gconstpointer data)
{
    enum { MANY = 4 };
    const char *gone = answer(f, "404 Not Found", "");
    for (guint i = 0; i < MANY; i++)
        test_server_script(f->http.server, READ, HOLD, SEND(gone));
    test_server_script(f->http.server, READ, SEND(answer(f, "200 OK", FOLDER)));
    test_server_repeat(f->http.server);
    for (guint i = 0; i < MANY; i++)
        start(f);
    http_fixture_until(&f->http, test_server_holding(f->http.server) == MANY);
    f->path = NEW;
    for (guint i = 0; i < MANY; i++) { /* one after the other: the last ones come late */
        test_server_release(f->http.server);
        http_fixture_until(&f->http, f->done > i);
        g_assert_no_error(f->error);
    }
    g_assert_cmpuint(f->good, ==, MANY);
    g_assert_cmpuint(f->forgets, ==, 1);
}

static const ExgEwsRetryPolicy tolerant = {.tolerant = true};

/* The policy holds for what was found as for what is configured. */
static void
test_policy(Fixture *f, gconstpointer data)
{
    exg_ews_service_set_retry(f->service, &tolerant);
    script(f, "503 Service Unavailable", "");
    script(f, "200 OK", FOLDER);
    start(f);
    http_fixture_until(&f->http, test_server_requests(f->http.server) == 1);
    for (guint i = 0; i < 1000 && test_server_connections(f->http.server) == 1; i++) {
        http_fixture_round(&f->http);
        exg_clock_advance(G_TIME_SPAN_SECOND);
    }
    http_fixture_until(&f->http, f->done == 1);
    g_assert_no_error(f->error);
    g_assert_cmpuint(f->finds, ==, 1);
    assert_asked(f, 1, OLD);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function)                                                                        \
    g_test_add("/ews/located/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("once", test_once);
    ADD("C1.2-not-found", test_not_found);
    ADD("C7.1,F23-again", test_again);
    ADD("F23-seldom", test_seldom);
    ADD("C7.1-many", test_many);
    ADD("C1.4-policy", test_policy);
    return g_test_run();
}
