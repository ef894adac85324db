#include "common/directory/directory-private.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/directory/look-up-private.h"
#include "common/mime/address.h"

struct ExgDirectory {
    gint references; /* the owner's, and one of each look-up */
    ExgEngine *engine;
    ExgDirectorySource *source;
    ExgDirectoryCache *cache;
    gint64 positive_life_us, negative_life_us, failure_life_us, timeout_us;
    GHashTable *under_way; /* folded address → LookUp */
    guint renewals;        /* of those */
    bool is_silent;        /* the last look-up found nobody to ask */
    GCancellable *cancellable;
};

/* One address being asked for, on behalf of all who want to know. */
typedef struct {
    ExgDirectory *directory;
    char *key;
    char *address;
    gint64 deadline_us;
    bool is_renewal; /* nobody waited for it at its beginning */
    GQueue waiters;
} LookUp;

/* Shared with the cancellable's handler, which may run in any thread; all else is the engine's. */
typedef struct {
    gint references;
    ExgDirectory *directory;
    LookUp *look_up; /* NULL: answered */
    GList link;
    ExgTimer timer;
    GCancellable *cancellable;
    gulong handler;
    ExgDirectoryFunc function;
    gpointer data;
} Waiter;

/* --- life ------------------------------------------------------------------------------------- */

ExgDirectory *
exg_directory_new(ExgEngine *engine, const ExgDirectoryOptions *options)
{
    ExgDirectory *directory = g_new0(ExgDirectory, 1);
    directory->references = 1;
    directory->engine = exg_engine_ref(engine);
    directory->source = options->source;
    directory->cache = exg_directory_cache_ref(options->cache);
    directory->positive_life_us = MIN(options->positive_life_ms * 1000, EXG_DIRECTORY_STALE_US);
    directory->negative_life_us = options->negative_life_ms * 1000;
    directory->failure_life_us = options->failure_life_ms * 1000;
    directory->timeout_us = options->timeout_ms * 1000;
    directory->under_way = g_hash_table_new(g_str_hash, g_str_equal);
    directory->cancellable = g_cancellable_new();
    return directory;
}

ExgEngine *
exg_directory_engine(const ExgDirectory *directory)
{
    return directory->engine;
}

ExgDirectory *
exg_directory_ref(ExgDirectory *directory)
{
    g_atomic_int_inc(&directory->references);
    return directory;
}

void
exg_directory_unref(ExgDirectory *directory)
{
    if (!g_atomic_int_dec_and_test(&directory->references))
        return;
    exg_directory_source_free(directory->source);
    exg_directory_cache_unref(directory->cache);
    g_hash_table_unref(directory->under_way);
    g_object_unref(directory->cancellable);
    exg_engine_unref(directory->engine);
    g_free(directory);
}

void
exg_directory_free(ExgDirectory *directory)
{
    if (directory == NULL)
        return;
    g_cancellable_cancel(directory->cancellable);
    exg_directory_unref(directory);
}

static void
free_now(gpointer data)
{
    exg_directory_free(data);
}

void
exg_directory_post_free(ExgDirectory *directory)
{
    if (directory != NULL)
        exg_engine_post(directory->engine, free_now, directory);
}

/* --- what an entry is worth ------------------------------------------------------------------- */

typedef enum {
    NOTHING, /* nobody knows */
    FRESH,
    AGING,   /* good, and to be renewed */
    EXPIRED, /* a mailbox that has to be looked up, or is STALE if that fails */
    STALE,   /* the same, and it has failed just now */
    FAILED   /* nothing known, and it has failed just now */
} Worth;

/* An entry from the future, after the clock was set back, is not known to be young. */
static bool
is_younger(gint64 then_us, gint64 life_us)
{
    gint64 age_us = exg_clock_real_us() - then_us;
    return age_us >= 0 && age_us < life_us;
}

static Worth
judge(const ExgDirectory *directory, const ExgDirectoryEntry *entry)
{
    if (entry == NULL)
        return NOTHING;
    bool failed = is_younger(entry->failed_us, directory->failure_life_us);
    if (entry->verdict == EXG_DIRECTORY_DELIVERABLE) {
        if (is_younger(entry->found_us, directory->positive_life_us / 2))
            return FRESH;
        if (is_younger(entry->found_us, directory->positive_life_us))
            return failed ? FRESH : AGING;
        if (is_younger(entry->found_us, EXG_DIRECTORY_STALE_US))
            return failed ? STALE : EXPIRED;
    } else if (entry->verdict != EXG_DIRECTORY_CANNOT_TELL &&
               is_younger(entry->found_us, directory->negative_life_us)) {
        return FRESH;
    }
    return failed ? FAILED : NOTHING;
}

/* A mailbox that was there not long ago, for when nobody can be asked. */
static bool
was_mailbox_of_late(const ExgDirectoryEntry *entry)
{
    return entry != NULL && entry->verdict == EXG_DIRECTORY_DELIVERABLE &&
           is_younger(entry->found_us, EXG_DIRECTORY_STALE_US);
}

static ExgDirectoryFinding
stale_mailbox(const GError *why)
{
    return (ExgDirectoryFinding){.verdict = EXG_DIRECTORY_DELIVERABLE,
                                 .kind = EXG_RECIPIENT_MAILBOX,
                                 .origin = EXG_DIRECTORY_STALE,
                                 .why = why};
}

/* What the cache's memory has to say, if that is an answer. `*ret_why`: owns the finding's error. */
static bool
answer_from_memory(ExgDirectory *directory, const char *key, Worth *ret_worth,
                   ExgDirectoryFinding *ret_finding, GError **ret_why)
{
    const ExgDirectoryEntry *entry = exg_directory_cache_find(directory->cache, key);
    *ret_worth = judge(directory, entry);
    if (*ret_worth == NOTHING || *ret_worth == EXPIRED)
        return false;
    if (*ret_worth == STALE || *ret_worth == FAILED)
        *ret_why = entry->why != NULL ? g_error_copy(entry->why) : NULL;
    if (*ret_worth == STALE)
        *ret_finding = stale_mailbox(*ret_why);
    else
        *ret_finding = (ExgDirectoryFinding){.verdict = entry->verdict,
                                             .kind = entry->kind,
                                             .origin = EXG_DIRECTORY_CACHED,
                                             .why = *ret_why};
    return true;
}

/* --- waiters ---------------------------------------------------------------------------------- */

static void
waiter_unref(Waiter *waiter)
{
    if (!g_atomic_int_dec_and_test(&waiter->references))
        return;
    g_clear_object(&waiter->cancellable);
    g_free(waiter);
}

static void
answer(Waiter *waiter, const ExgDirectoryFinding *finding)
{
    g_queue_unlink(&waiter->look_up->waiters, &waiter->link);
    waiter->look_up = NULL;
    exg_timer_cancel(&waiter->timer);
    if (waiter->handler != 0)
        g_cancellable_disconnect(waiter->cancellable, waiter->handler);
    waiter->function(finding, waiter->data);
    waiter_unref(waiter);
}

static void
answer_all(LookUp *look_up, const ExgDirectoryFinding *finding)
{
    while (look_up->waiters.length > 0)
        answer(look_up->waiters.head->data, finding);
}

/* For one who cannot wait any longer: what there is. */
static void
give_up(Waiter *waiter, GError *why)
{
    const ExgDirectoryEntry *entry = exg_directory_cache_find(waiter->directory->cache,
                                                              waiter->look_up->key);
    ExgDirectoryFinding finding = {
        .verdict = EXG_DIRECTORY_CANNOT_TELL, .origin = EXG_DIRECTORY_ASKED, .why = why};
    if (was_mailbox_of_late(entry))
        finding = stale_mailbox(why);
    answer(waiter, &finding);
    g_error_free(why);
}

static void
deadline_passed(gpointer data)
{
    give_up(data,
            exg_error_new(EXG_ERROR_UNREACHABLE, "The recipient could not be looked up in time"));
}

static void
cancel_now(gpointer data)
{
    Waiter *waiter = data;
    if (waiter->look_up != NULL)
        give_up(waiter,
                g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CANCELLED, "The look-up was cancelled"));
    waiter_unref(waiter);
}

static void
cancelled(GCancellable *cancellable, gpointer data)
{
    Waiter *waiter = data;
    g_atomic_int_inc(&waiter->references);
    exg_engine_post(waiter->directory->engine, cancel_now, waiter);
}

static void
add_waiter(LookUp *look_up, gint64 deadline_us, GCancellable *cancellable,
           ExgDirectoryFunc function, gpointer data)
{
    Waiter *waiter = g_new0(Waiter, 1);
    waiter->references = 1;
    waiter->directory = look_up->directory;
    waiter->look_up = look_up;
    waiter->link.data = waiter;
    waiter->function = function;
    waiter->data = data;
    g_queue_push_tail_link(&look_up->waiters, &waiter->link);
    exg_timer_init(&waiter->timer, look_up->directory->engine, deadline_passed, waiter);
    gint64 patience_us = look_up->directory->is_silent
                             ? exg_clock_deadline_ms(EXG_DIRECTORY_PATIENCE_MS)
                             : EXG_NO_DEADLINE;
    exg_timer_set(&waiter->timer, MIN(deadline_us, patience_us));
    if (cancellable == NULL)
        return;
    waiter->cancellable = g_object_ref(cancellable);
    waiter->handler = g_cancellable_connect(cancellable, G_CALLBACK(cancelled), waiter, NULL);
}

/* --- looking up ------------------------------------------------------------------------------- */

/* Nobody joins it from here on. */
static void
close_look_up(LookUp *look_up)
{
    ExgDirectory *directory = look_up->directory;
    g_hash_table_remove(directory->under_way, look_up->key);
    directory->renewals -= look_up->is_renewal;
}

static void
look_up_free(LookUp *look_up)
{
    ExgDirectory *directory = look_up->directory;
    g_free(look_up->key);
    g_free(look_up->address);
    g_free(look_up);
    exg_directory_unref(directory);
}

static void
remember(LookUp *look_up, const ExgDirectoryFinding *finding)
{
    ExgDirectoryCache *cache = look_up->directory->cache;
    look_up->directory->is_silent = g_error_matches(finding->why, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    if (finding->verdict != EXG_DIRECTORY_CANNOT_TELL) {
        exg_directory_cache_put(cache, look_up->key, finding->verdict, finding->kind);
        return;
    }
    if (finding->kind == EXG_RECIPIENT_MAILBOX) /* the store has answered: it is not there now */
        exg_directory_cache_forget(cache, look_up->key);
    exg_directory_cache_fail(cache, look_up->key, finding->kind, finding->why);
}

static void
looked_up(const ExgDirectoryFinding *finding, gpointer data)
{
    LookUp *look_up = data;
    ExgDirectoryCache *cache = look_up->directory->cache;
    ExgDirectoryFinding stale = stale_mailbox(finding->why);
    close_look_up(look_up);
    /* Cancelled by us, it says nothing about Exchange. */
    if (!g_error_matches(finding->why, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        remember(look_up, finding);
    if (finding->verdict == EXG_DIRECTORY_CANNOT_TELL &&
        was_mailbox_of_late(exg_directory_cache_find(cache, look_up->key)))
        finding = &stale;
    answer_all(look_up, finding);
    look_up_free(look_up);
}

static void
fetched(gpointer data)
{
    LookUp *look_up = data;
    ExgDirectory *directory = look_up->directory;
    g_autoptr(GError) why = NULL;
    ExgDirectoryFinding known;
    Worth worth;
    bool is_known = answer_from_memory(directory, look_up->key, &worth, &known, &why);
    bool is_done = is_known && worth != AGING;
    if (is_done)
        close_look_up(look_up);
    if (is_known)
        answer_all(look_up, &known);
    if (is_done)
        look_up_free(look_up);
    else
        exg_directory_look_up(directory->source, look_up->address, look_up->deadline_us,
                              directory->cancellable, looked_up, look_up);
}

static LookUp *
look_up_new(ExgDirectory *directory, const char *key, const char *address, bool is_renewal)
{
    LookUp *look_up = g_new0(LookUp, 1);
    look_up->directory = directory;
    exg_directory_ref(directory);
    directory->renewals += is_renewal;
    look_up->key = g_strdup(key);
    look_up->address = g_strdup(address);
    look_up->is_renewal = is_renewal;
    look_up->deadline_us = exg_clock_monotonic_us() + directory->timeout_us;
    g_hash_table_insert(directory->under_way, look_up->key, look_up);
    return look_up;
}

/* --- the face --------------------------------------------------------------------------------- */

void
exg_directory_check(ExgDirectory *directory, const char *address, gint64 deadline_us,
                    GCancellable *cancellable, ExgDirectoryFunc function, gpointer data)
{
    exg_directory_check_for(directory, NULL, address, deadline_us, cancellable, function, data);
}

void
exg_directory_check_for(ExgDirectory *directory, const char *client, const char *address,
                        gint64 deadline_us, GCancellable *cancellable, ExgDirectoryFunc function,
                        gpointer data)
{
    g_autofree char *key = exg_address_fold(address);
    g_autoptr(GError) why = NULL;
    ExgDirectoryFinding known;
    Worth worth;
    bool is_known = answer_from_memory(directory, key, &worth, &known, &why);
    exg_directory_cache_count(directory->cache, is_known);
    LookUp *look_up = g_hash_table_lookup(directory->under_way, key);
    bool is_renewal = worth == AGING && directory->renewals < EXG_DIRECTORY_MAX_RENEWALS;
    bool is_new = look_up == NULL && (!is_known || is_renewal);
    if (is_new)
        look_up = look_up_new(directory, key, address, is_renewal);
    if (!is_known)
        add_waiter(look_up, deadline_us, cancellable, function, data);
    if (is_new) /* the file may know more: another process may have asked */
        exg_directory_cache_fetch(directory->cache, key, fetched, look_up);
    if (is_known)
        function(&known, data);
}

typedef struct {
    ExgDirectory *directory;
    ExgDirectoryFunc function;
    gpointer data;
} Question;

static void
second_heard(const ExgDirectoryFinding *finding, gpointer data)
{
    Question *question = data;
    question->function(finding, question->data);
    exg_directory_unref(question->directory);
    g_free(question);
}

void
exg_directory_ask(ExgDirectory *directory, const char *address, const GError *first_witness,
                  gint64 deadline_us, GCancellable *cancellable, ExgDirectoryFunc function,
                  gpointer data)
{
    Question *question = g_new(Question, 1);
    *question = (Question){directory, function, data};
    exg_directory_ref(directory);
    exg_directory_hear_second(directory->source, address, first_witness, deadline_us, cancellable,
                              second_heard, question);
}

typedef struct {
    ExgDirectory *directory;
    ExgSourceMembersFunc function;
    gpointer data;
} Expansion;

static void
expanded(const ExgDirectoryMembers *members, const GError *error, gpointer data)
{
    Expansion *expansion = data;
    expansion->function(members, error, expansion->data);
    exg_directory_unref(expansion->directory);
    g_free(expansion);
}

void
exg_directory_expand(ExgDirectory *directory, const char *address, gint64 deadline_us,
                     GCancellable *cancellable, ExgSourceMembersFunc function, gpointer data)
{
    Expansion *expansion = g_new(Expansion, 1);
    *expansion = (Expansion){directory, function, data};
    exg_directory_ref(directory);
    directory->source->class->expand(directory->source, address, deadline_us, cancellable, expanded,
                                     expansion);
}

void
exg_directory_forget(ExgDirectory *directory, const char *address)
{
    g_autofree char *key = exg_address_fold(address);
    exg_directory_cache_forget(directory->cache, key);
}

guint
exg_directory_under_way(const ExgDirectory *directory)
{
    return g_hash_table_size(directory->under_way);
}
