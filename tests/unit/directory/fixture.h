/* fixture.h - a source that answers when the test says so, and checks of recipients whose findings
 * are kept.
 */
#ifndef EXG_TESTS_UNIT_DIRECTORY_FIXTURE_H
#define EXG_TESTS_UNIT_DIRECTORY_FIXTURE_H

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/directory/directory.h"
#include "tests/lib/scratch.h"

#include <string.h>

/* One call into the source, waiting for its answer. */
typedef struct {
    char *address;
    gint64 deadline_us;
    GCancellable *cancellable;
    ExgSourceMailboxFunc mailbox_function;
    ExgSourceKindFunc kind_function;
    ExgSourceTipsFunc tips_function;
    gpointer data;
} Call;

typedef struct {
    ExgDirectorySource source;
    GQueue *opening, *identifying, *telling; /* Calls: the test's */
    guint *opened, *identified, *told;       /* counts: the test's */
} FakeSource;

typedef struct {
    ExgEngine *engine;
    char *scratch, *path;
    GQueue opening, identifying, telling;
    guint opened, identified, told;
} Fixture;

/* What a check has led to. */
typedef struct {
    guint answers;
    ExgDirectoryVerdict verdict;
    ExgRecipientKind kind;
    ExgDirectoryOrigin origin;
    int error; /* ExgErrorCode; -1: none, -2: cancelled */
    ExgDirectoryTips tips;
    gint64 found_us;
} Outcome;

#define SECOND_US ((gint64)G_USEC_PER_SEC)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US   (60 * MINUTE_US)
#define DAY_US    (24 * HOUR_US)

/* --- the source ------------------------------------------------------------------------------- */

static inline Call *
call_new(const char *address, gint64 deadline_us, GCancellable *cancellable, gpointer data)
{
    Call *call = g_new0(Call, 1);
    call->address = g_strdup(address);
    call->deadline_us = deadline_us;
    call->cancellable = cancellable != NULL ? g_object_ref(cancellable) : NULL;
    call->data = data;
    return call;
}

static inline void
call_free(Call *call)
{
    g_clear_object(&call->cancellable);
    g_free(call->address);
    g_free(call);
}

static inline void
fake_open(ExgDirectorySource *source, const char *address, gint64 deadline_us,
          GCancellable *cancellable, ExgSourceMailboxFunc function, gpointer data)
{
    FakeSource *fake = (FakeSource *)source;
    Call *call = call_new(address, deadline_us, cancellable, data);
    call->mailbox_function = function;
    (*fake->opened)++;
    g_queue_push_tail(fake->opening, call);
}

static inline void
fake_identify(ExgDirectorySource *source, const char *address, gint64 deadline_us,
              GCancellable *cancellable, ExgSourceKindFunc function, gpointer data)
{
    FakeSource *fake = (FakeSource *)source;
    Call *call = call_new(address, deadline_us, cancellable, data);
    call->kind_function = function;
    (*fake->identified)++;
    g_queue_push_tail(fake->identifying, call);
}

static inline void
fake_tell(ExgDirectorySource *source, const char *address, gint64 deadline_us,
          GCancellable *cancellable, ExgSourceTipsFunc function, gpointer data)
{
    FakeSource *fake = (FakeSource *)source;
    Call *call = call_new(address, deadline_us, cancellable, data);
    call->tips_function = function;
    (*fake->told)++;
    g_queue_push_tail(fake->telling, call);
}

static inline void
fake_free(ExgDirectorySource *source)
{
    g_free(source);
}

static inline ExgDirectorySource *
fake_source_of(Fixture *fixture, const ExgDirectorySourceClass *class)
{
    FakeSource *fake = g_new0(FakeSource, 1);
    *fake = (FakeSource){{class},
                         &fixture->opening,
                         &fixture->identifying,
                         &fixture->telling,
                         &fixture->opened,
                         &fixture->identified,
                         &fixture->told};
    return &fake->source;
}

static inline ExgDirectorySource *
fake_source(Fixture *fixture)
{
    static const ExgDirectorySourceClass class = {
        .open_mailbox = fake_open, .identify = fake_identify, .free = fake_free};
    return fake_source_of(fixture, &class);
}

static inline ExgDirectorySource *
fake_source_with_tips(Fixture *fixture)
{
    static const ExgDirectorySourceClass class = {.open_mailbox = fake_open,
                                                  .identify = fake_identify,
                                                  .tell_tips = fake_tell,
                                                  .free = fake_free};
    return fake_source_of(fixture, &class);
}

/* Rounds of the engine until all that was begun beside it has come back. */
static inline void
wait_for_call(Fixture *fixture, const GQueue *calls)
{
    while (calls->length == 0)
        exg_engine_iterate(fixture->engine, true);
}

/* The store's word on the oldest question: 0: there is such a mailbox; else an ExgErrorCode. */
static inline void
store_says(Fixture *fixture, int code)
{
    wait_for_call(fixture, &fixture->opening);
    Call *call = g_queue_pop_head(&fixture->opening);
    g_autoptr(GError) error = code >= 0 ? exg_error_new((ExgErrorCode)code, "The store says so")
                                        : NULL;
    call->mailbox_function(error, call->data);
    call_free(call);
}
#define STORE_HAS_IT (-1)

static inline void
directory_says(Fixture *fixture, ExgRecipientKind kind, int code)
{
    wait_for_call(fixture, &fixture->identifying);
    Call *call = g_queue_pop_head(&fixture->identifying);
    g_autoptr(GError) error = code >= 0 ? exg_error_new((ExgErrorCode)code, "The directory says so")
                                        : NULL;
    call->kind_function(kind, error, call->data);
    call_free(call);
}
#define NO_ERROR (-1)

static inline void
tips_say(Fixture *fixture, ExgSourceWord word, const ExgDirectoryTips *tips, int code)
{
    const ExgDirectoryTips none = {0};
    wait_for_call(fixture, &fixture->telling);
    Call *call = g_queue_pop_head(&fixture->telling);
    g_autoptr(GError) error = code >= 0 ? exg_error_new((ExgErrorCode)code, "The tips say so")
                                        : NULL;
    call->tips_function(word, tips != NULL ? tips : &none, error, call->data);
    call_free(call);
}

/* --- checks ----------------------------------------------------------------------------------- */

static inline void
keep_outcome(const ExgDirectoryFinding *finding, gpointer data)
{
    Outcome *outcome = data;
    outcome->answers++;
    outcome->verdict = finding->verdict;
    outcome->kind = finding->kind;
    outcome->origin = finding->origin;
    outcome->error = finding->why == NULL                ? -1
                     : finding->why->domain == EXG_ERROR ? finding->why->code
                                                         : -2;
    outcome->tips = finding->tips;
    outcome->found_us = finding->found_us;
}

static inline ExgDirectory *
directory_new(Fixture *fixture, ExgDirectoryCache *cache)
{
    const ExgDirectoryOptions options = {
        .source = fake_source(fixture),
        .cache = cache,
        .positive_life_ms = 6 * 3600 * 1000,
        .negative_life_ms = 300 * 1000,
        .failure_life_ms = 30 * 1000,
        .timeout_ms = 20 * 1000,
    };
    return exg_directory_new(fixture->engine, &options);
}

static inline void
check(ExgDirectory *directory, const char *address, Outcome *outcome)
{
    *outcome = (Outcome){0};
    exg_directory_check(directory, address, exg_clock_deadline_ms(20000), NULL, keep_outcome,
                        outcome);
}

static inline void
assert_outcome_at(const Outcome *outcome, ExgDirectoryVerdict verdict, ExgDirectoryOrigin origin,
                  const char *where)
{
    if (outcome->answers != 1 || outcome->verdict != verdict || outcome->origin != origin)
        g_error("%s: %u answers, verdict %d, origin %d", where, outcome->answers,
                (int)outcome->verdict, (int)outcome->origin);
}
#define assert_outcome(outcome, verdict, origin)                                                   \
    assert_outcome_at((outcome), EXG_DIRECTORY_##verdict, EXG_DIRECTORY_##origin, G_STRLOC)

static inline void
count_up(gpointer data)
{
    (*(guint *)data)++;
}

/* Waits until all that was put into the cache is in its file. */
static inline void
settle(Fixture *fixture, ExgDirectoryCache *cache)
{
    guint done = 0;
    exg_directory_cache_fetch(cache, "nobody asks for this", count_up, &done);
    while (done == 0)
        exg_engine_iterate(fixture->engine, true);
}

/* --- life ------------------------------------------------------------------------------------- */

static inline void
set_up(Fixture *fixture, gconstpointer data)
{
    fixture->engine = exg_engine_new(NULL);
    fixture->scratch = test_scratch_new();
    fixture->path = g_build_filename(fixture->scratch, "directory.db", NULL);
    g_queue_init(&fixture->opening);
    g_queue_init(&fixture->identifying);
    g_queue_init(&fixture->telling);
}

static inline void
tear_down(Fixture *fixture, gconstpointer data)
{
    g_assert_cmpuint(fixture->opening.length, ==, 0);
    g_assert_cmpuint(fixture->identifying.length, ==, 0);
    g_assert_cmpuint(fixture->telling.length, ==, 0);
    while (exg_engine_iterate(fixture->engine, false))
        ; /* what a map that was freed had begun to read */
    test_scratch_free(fixture->scratch);
    g_free(fixture->path);
    exg_engine_unref(fixture->engine);
}

#endif
