#include "common/auth/oauth/token-source.h"

#include "common/base/clock.h"
#include "common/base/error.h"

#define FETCH_TIMEOUT_MS 30000
#define FIRST_PAUSE_MS   1000 /* it could not be reached, or is busy */
#define MAX_PAUSE_MS     60000
#define FIRST_REFUSED_MS                                                                           \
    10000 /* it refused us: asking again soon would not help, and may lock us out */
#define MAX_REFUSED_MS (15 * 60 * 1000)

struct ExgTokenSource {
    gint references;
    ExgEngine *engine;
    const ExgTokenSourceClass *class;
    gpointer self;
    ExgToken *token; /* the newest, perhaps expired; NULL: none yet */
    bool rejected;   /* a server did not take it */
    bool fetching;
    GQueue waiting;   /* of Waiter */
    GError *failure;  /* of the last fetch; NULL: it went well */
    gint64 pause_ms;  /* the last one */
    gint64 closed_us; /* nothing is fetched before */
    guint64 fetches;
};

typedef struct {
    ExgTokenSource *source;
    GTask *task;
    ExgTimer deadline;
    GList link;
} Waiter;

ExgTokenSource *
exg_token_source_new(ExgEngine *engine, const ExgTokenSourceClass *class, gpointer self)
{
    ExgTokenSource *source = g_new0(ExgTokenSource, 1);
    source->references = 1;
    source->engine = exg_engine_ref(engine);
    source->class = class;
    source->self = self;
    return source;
}

ExgTokenSource *
exg_token_source_ref(ExgTokenSource *source)
{
    g_atomic_int_inc(&source->references);
    return source;
}

void
exg_token_source_unref(ExgTokenSource *source)
{
    if (source == NULL || !g_atomic_int_dec_and_test(&source->references))
        return;
    source->class->free(source->self);
    exg_token_unref(source->token);
    g_clear_error(&source->failure);
    exg_engine_unref(source->engine);
    g_free(source);
}

/* --- waiting ---------------------------------------------------------------------------------- */

/* Answers with the token, or with a copy of the error. */
static void
waiter_answer(Waiter *waiter, ExgToken *token, const GError *error)
{
    g_queue_unlink(&waiter->source->waiting, &waiter->link);
    exg_timer_cancel(&waiter->deadline);
    if (token != NULL)
        g_task_return_pointer(waiter->task, exg_token_ref(token), (GDestroyNotify)exg_token_unref);
    else
        g_task_return_error(waiter->task, g_error_copy(error));
    g_object_unref(waiter->task);
    exg_token_source_unref(waiter->source);
    g_free(waiter);
}

static void
on_deadline(gpointer data)
{
    g_autoptr(GError) error = exg_error_new(EXG_ERROR_BUSY, "No access token came in time");
    exg_error_set_reply(error, 451, "4.7.0");
    exg_error_set_stage(error, "token");
    waiter_answer(data, NULL, error);
}

/* --- fetching --------------------------------------------------------------------------------- */

static void
close_for_a_while(ExgTokenSource *source)
{
    bool refused = g_error_matches(source->failure, EXG_ERROR, EXG_ERROR_AUTH) ||
                   g_error_matches(source->failure, EXG_ERROR, EXG_ERROR_CONFIG);
    gint64 first = refused ? FIRST_REFUSED_MS : FIRST_PAUSE_MS;
    gint64 most = refused ? MAX_REFUSED_MS : MAX_PAUSE_MS;
    source->pause_ms = CLAMP(source->pause_ms * 2, first, most);
    const ExgErrorFacts *facts = exg_error_facts(source->failure);
    gint64 asked = facts != NULL ? facts->retry_after_ms : -1;
    source->closed_us = exg_clock_deadline_ms(CLAMP(asked, source->pause_ms, MAX_REFUSED_MS));
}

/* The last failure, with what is left to wait. */
static GError *
closed_error(const ExgTokenSource *source)
{
    GError *error = g_error_copy(source->failure);
    gint64 left = source->closed_us - exg_clock_monotonic_us();
    exg_error_set_retry_after(error, MAX(left, 0) / 1000);
    return error;
}

static void
on_fetched(GObject *object, GAsyncResult *result, gpointer data)
{
    ExgTokenSource *source = data;
    source->fetching = false;
    g_clear_error(&source->failure);
    ExgToken *token = g_task_propagate_pointer(G_TASK(result), &source->failure);
    if (token != NULL) {
        exg_token_unref(source->token);
        source->token = token;
        source->rejected = false;
        source->pause_ms = 0;
        source->closed_us = 0;
    } else {
        if (exg_error_facts(source->failure) != NULL)
            exg_error_set_stage(source->failure, "token");
        close_for_a_while(source);
    }
    /* Who asks from within an answer starts a new line. */
    GQueue waiting = source->waiting;
    g_queue_init(&source->waiting);
    g_autoptr(GError) error = token == NULL ? closed_error(source) : NULL;
    while (waiting.head != NULL) {
        Waiter *waiter = waiting.head->data;
        g_queue_unlink(&waiting, &waiter->link);
        g_queue_push_tail_link(&source->waiting, &waiter->link);
        waiter_answer(waiter, token, error);
    }
    exg_token_source_unref(source);
}

static void
fetch(ExgTokenSource *source)
{
    source->fetching = true;
    source->fetches++;
    source->class->fetch(source->self, source->token, exg_clock_deadline_ms(FETCH_TIMEOUT_MS),
                         on_fetched, exg_token_source_ref(source));
}

/* --- asking ----------------------------------------------------------------------------------- */

void
exg_token_source_get_async(ExgTokenSource *source, gint64 deadline_us, GAsyncReadyCallback callback,
                           gpointer data)
{
    g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, data);
    g_task_set_source_tag(task, exg_token_source_get_async);
    bool good = !source->rejected && exg_token_is_good(source->token);
    bool open = exg_clock_monotonic_us() >= source->closed_us;
    bool due = !good || exg_clock_monotonic_us() >= source->token->renew_us;
    if (due && open && !source->fetching)
        fetch(source);
    if (good) {
        g_task_return_pointer(task, exg_token_ref(source->token), (GDestroyNotify)exg_token_unref);
        return;
    }
    if (!source->fetching) {
        g_task_return_error(task, closed_error(source));
        return;
    }
    Waiter *waiter = g_new0(Waiter, 1);
    waiter->source = exg_token_source_ref(source);
    waiter->task = g_steal_pointer(&task);
    waiter->link.data = waiter;
    g_queue_push_tail_link(&source->waiting, &waiter->link);
    exg_timer_init(&waiter->deadline, source->engine, on_deadline, waiter);
    exg_timer_set(&waiter->deadline, deadline_us);
}

ExgToken *
exg_token_source_get_finish(ExgTokenSource *source, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, NULL), NULL);
    return g_task_propagate_pointer(G_TASK(result), error);
}

void
exg_token_source_reject(ExgTokenSource *source, const ExgToken *token)
{
    if (source->token == token)
        source->rejected = true;
}

guint64
exg_token_source_fetches(const ExgTokenSource *source)
{
    return source->fetches;
}
