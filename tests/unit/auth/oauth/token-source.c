#include "common/auth/oauth/token-source.h"

#include "common/base/clock.h"
#include "common/base/error.h"

/* A source whose fetches the test answers. */
typedef struct {
    ExgEngine *engine;
    ExgTokenSource *source;
    GTask *fetch; /* under way, or NULL */
    bool had_spent;
    guint answers, errors;
    ExgToken *last;
    GError *last_error;
} Fixture;

static void
fake_fetch(gpointer self, const ExgToken *spent, gint64 deadline_us, GAsyncReadyCallback callback,
           gpointer data)
{
    Fixture *fixture = self;
    g_assert_null(fixture->fetch);
    g_assert_cmpint(deadline_us, >, exg_clock_monotonic_us());
    fixture->had_spent = spent != NULL;
    fixture->fetch = g_task_new(NULL, NULL, callback, data);
}

static void
fake_free(gpointer self)
{
}

static const ExgTokenSourceClass fake_class = {fake_fetch, fake_free};

static void
setup(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    fixture->engine = exg_engine_new(&error);
    g_assert_no_error(error);
    fixture->source = exg_token_source_new(fixture->engine, &fake_class, fixture);
    g_main_context_push_thread_default(exg_engine_context(fixture->engine));
}

static void
teardown(Fixture *fixture, gconstpointer data)
{
    g_main_context_pop_thread_default(exg_engine_context(fixture->engine));
    g_assert_null(fixture->fetch);
    exg_token_source_unref(fixture->source);
    exg_token_unref(fixture->last);
    g_clear_error(&fixture->last_error);
    exg_engine_unref(fixture->engine);
}

static void
on_token(GObject *object, GAsyncResult *result, gpointer data)
{
    Fixture *fixture = data;
    g_clear_error(&fixture->last_error);
    ExgToken *token = exg_token_source_get_finish(fixture->source, result, &fixture->last_error);
    if (token != NULL) {
        exg_token_unref(fixture->last);
        fixture->last = token;
        fixture->answers++;
    } else {
        fixture->errors++;
    }
}

static void
ask(Fixture *fixture, gint64 deadline_us)
{
    exg_token_source_get_async(fixture->source, deadline_us, on_token, fixture);
}

static void
settle(Fixture *fixture)
{
    while (exg_engine_iterate(fixture->engine, false))
        continue;
}

static void
give(Fixture *fixture, const char *text, gint64 lifetime_s)
{
    g_autoptr(GTask) task = g_steal_pointer(&fixture->fetch);
    g_assert_nonnull(task);
    g_autoptr(ExgSecret) secret = exg_secret_new(text, -1);
    g_task_return_pointer(task, exg_token_new(secret, NULL, lifetime_s, 0),
                          (GDestroyNotify)exg_token_unref);
    settle(fixture);
}

static void
refuse(Fixture *fixture, ExgErrorCode code)
{
    g_autoptr(GTask) task = g_steal_pointer(&fixture->fetch);
    g_assert_nonnull(task);
    g_task_return_error(task, exg_error_new(code, "The token endpoint says no"));
    settle(fixture);
}

/* A thousand callers, one request; then none while the token is good. */
static void
test_single_flight(Fixture *fixture, gconstpointer data)
{
    for (guint i = 0; i < 1000; i++)
        ask(fixture, EXG_NO_DEADLINE);
    settle(fixture);
    g_assert_cmpuint(fixture->answers, ==, 0);
    give(fixture, "one", 3600);
    g_assert_cmpuint(fixture->answers, ==, 1000);
    ask(fixture, EXG_NO_DEADLINE);
    settle(fixture);
    g_assert_cmpuint(fixture->answers, ==, 1001);
    g_assert_cmpuint(exg_token_source_fetches(fixture->source), ==, 1);
}

/* At the moment of expiry a thousand callers make one request and see no error. */
static void
test_expiry(Fixture *fixture, gconstpointer data)
{
    ask(fixture, EXG_NO_DEADLINE);
    give(fixture, "one", 60);
    exg_clock_advance(61 * G_TIME_SPAN_SECOND);
    for (guint i = 0; i < 1000; i++)
        ask(fixture, EXG_NO_DEADLINE);
    g_assert_true(fixture->had_spent);
    give(fixture, "two", 60);
    g_assert_cmpuint(fixture->answers, ==, 1001);
    g_assert_cmpuint(fixture->errors, ==, 0);
    g_assert_cmpstr(exg_secret_bytes(fixture->last->access), ==, "two");
    g_assert_cmpuint(exg_token_source_fetches(fixture->source), ==, 2);
}

/* Ahead of its end a token is renewed behind the callers' backs; they go on with the old one, also
 * when that fails. */
static void
test_ahead(Fixture *fixture, gconstpointer data)
{
    ask(fixture, EXG_NO_DEADLINE);
    give(fixture, "one", 3600);
    exg_clock_advance(3400 * G_TIME_SPAN_SECOND);
    for (guint i = 0; i < 10; i++)
        ask(fixture, EXG_NO_DEADLINE);
    settle(fixture);
    g_assert_cmpuint(fixture->answers, ==, 11);
    refuse(fixture, EXG_ERROR_UNREACHABLE);
    ask(fixture, EXG_NO_DEADLINE); /* within the pause: no new request */
    settle(fixture);
    g_assert_cmpuint(fixture->answers, ==, 12);
    g_assert_null(fixture->fetch);
    exg_clock_advance(2 * G_TIME_SPAN_SECOND);
    ask(fixture, EXG_NO_DEADLINE);
    give(fixture, "two", 3600);
    ask(fixture, EXG_NO_DEADLINE);
    settle(fixture);
    g_assert_cmpstr(exg_secret_bytes(fixture->last->access), ==, "two");
    g_assert_cmpuint(fixture->errors, ==, 0);
}

/* A dead endpoint: one request per pause, everybody else gets the error at once; it recovers. */
static void
test_dead(Fixture *fixture, gconstpointer data)
{
    ask(fixture, EXG_NO_DEADLINE);
    refuse(fixture, EXG_ERROR_UNREACHABLE);
    g_assert_error(fixture->last_error, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    for (guint i = 0; i < 100; i++)
        ask(fixture, EXG_NO_DEADLINE);
    settle(fixture);
    g_assert_cmpuint(fixture->errors, ==, 101);
    g_assert_cmpuint(exg_token_source_fetches(fixture->source), ==, 1);
    gint64 left_ms = exg_error_facts(fixture->last_error)->retry_after_ms;
    g_assert_cmpint(left_ms, >, 0);
    g_assert_cmpint(left_ms, <=, 1000);
    exg_clock_advance(1100 * G_TIME_SPAN_MILLISECOND);
    ask(fixture, EXG_NO_DEADLINE);
    give(fixture, "back", 3600);
    g_assert_cmpuint(fixture->answers, ==, 1);
}

/* Where the endpoint refuses us, an hour of callers makes few requests. */
static void
test_refused(Fixture *fixture, gconstpointer data)
{
    for (guint second = 0; second < 3600; second++) {
        ask(fixture, EXG_NO_DEADLINE);
        if (fixture->fetch != NULL)
            refuse(fixture, EXG_ERROR_AUTH);
        settle(fixture);
        exg_clock_advance(G_TIME_SPAN_SECOND);
    }
    g_assert_cmpuint(fixture->errors, ==, 3600);
    g_assert_cmpuint(exg_token_source_fetches(fixture->source), <=, 10);
}

/* A token that a server refused is not handed out again; another one is left alone. */
static void
test_rejected(Fixture *fixture, gconstpointer data)
{
    ask(fixture, EXG_NO_DEADLINE);
    give(fixture, "one", 3600);
    g_autoptr(ExgToken) one = exg_token_ref(fixture->last);
    exg_token_source_reject(fixture->source, one);
    ask(fixture, EXG_NO_DEADLINE);
    settle(fixture);
    g_assert_cmpuint(fixture->answers, ==, 1);
    give(fixture, "two", 3600);
    g_assert_cmpuint(fixture->answers, ==, 2);
    exg_token_source_reject(fixture->source, one); /* a late word about the old one */
    ask(fixture, EXG_NO_DEADLINE);
    settle(fixture);
    g_assert_cmpuint(fixture->answers, ==, 3);
    g_assert_cmpuint(exg_token_source_fetches(fixture->source), ==, 2);
}

/* Who cannot wait any longer is told, and the request goes on for the others. */
static void
test_deadline(Fixture *fixture, gconstpointer data)
{
    ask(fixture, exg_clock_deadline_ms(1000));
    ask(fixture, EXG_NO_DEADLINE);
    exg_clock_advance(1100 * G_TIME_SPAN_MILLISECOND);
    gint64 until = g_get_monotonic_time() + 10 * G_TIME_SPAN_SECOND;
    while (fixture->errors == 0 && g_get_monotonic_time() < until)
        exg_engine_iterate(fixture->engine, false);
    g_assert_error(fixture->last_error, EXG_ERROR, EXG_ERROR_BUSY);
    g_assert_cmpuint(fixture->answers, ==, 0);
    give(fixture, "one", 3600);
    g_assert_cmpuint(fixture->answers, ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add(name, Fixture, NULL, setup, function, teardown)
    ADD("/auth/token-source/A7.13-thousand-callers", test_single_flight);
    ADD("/auth/token-source/A7.11,A7.10,F11-expiry", test_expiry);
    ADD("/auth/token-source/A7.13-ahead-of-expiry", test_ahead);
    ADD("/auth/token-source/dead-endpoint", test_dead);
    ADD("/auth/token-source/F14-refused", test_refused);
    ADD("/auth/token-source/A3.15,A7.12-rejected", test_rejected);
    ADD("/auth/token-source/F27-deadline", test_deadline);
    return g_test_run();
}
