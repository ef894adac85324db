#include "common/directory/directory-private.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/directory/budget-private.h"
#include "common/directory/look-up-private.h"
#include "common/mime/address.h"

struct ExgDirectory {
    gint references; /* the owner's, and one of each look-up */
    ExgEngine *engine;
    ExgLookUpPlan plan;
    ExgDirectoryCache *cache;
    ExgDirectoryBudget *budget;
    bool is_gate;
    guint max_per_second;
    gint64 positive_life_us, negative_life_us, failure_life_us, tips_life_us, timeout_us;
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
    char *client; /* who has spent a token on it, or NULL */
    gint64 deadline_us;
    bool is_renewal; /* nobody waited for it at its beginning */
    GQueue waiters;
} LookUp;

/* Shared with the cancellable's handler, which may run in any thread; all else is the engine's. */
typedef struct {
    gint references;
    ExgDirectory *directory;
    LookUp *look_up; /* NULL: answered */
    char *client;
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
    directory->plan = (ExgLookUpPlan){
        .source = options->source,
        .map = options->map,
        .order = options->order.steps[0] != EXG_STEP_NONE ? options->order
                                                          : exg_directory_usual_order,
    };
    directory->plan.wants_tips = options->is_gate && options->source->class->tell_tips != NULL &&
                                 exg_directory_order_has(&directory->plan.order, EXG_STEP_TIPS);
    directory->cache = exg_directory_cache_ref(options->cache);
    directory->budget = exg_directory_budget_new(options->max_per_second,
                                                 options->max_guesses_per_minute, 0);
    directory->is_gate = options->is_gate;
    directory->max_per_second = options->max_per_second;
    directory->positive_life_us = MIN(options->positive_life_ms * 1000, EXG_DIRECTORY_STALE_US);
    directory->negative_life_us = options->negative_life_ms * 1000;
    directory->failure_life_us = options->failure_life_ms * 1000;
    directory->tips_life_us = options->tips_life_ms * 1000;
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
    exg_directory_source_free(directory->plan.source);
    exg_recipient_map_free(directory->plan.map);
    exg_directory_budget_free(directory->budget);
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
    EXPIRED, /* a recipient that has to be looked up, or is STALE if that fails */
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

/* Whether mail for it gets somewhere: into a mailbox; past a gate to a group or a contact as well. */
static bool
is_recipient(const ExgDirectory *directory, const ExgDirectoryEntry *entry)
{
    return entry->verdict == EXG_DIRECTORY_DELIVERABLE ||
           (directory->is_gate && entry->verdict == EXG_DIRECTORY_NOT_A_MAILBOX);
}

static Worth
judge(const ExgDirectory *directory, const ExgDirectoryEntry *entry)
{
    if (entry == NULL)
        return NOTHING;
    bool failed = is_younger(entry->failed_us, directory->failure_life_us);
    if (is_recipient(directory, entry)) {
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

/* One that was there not long ago, for when nobody can be asked. */
static bool
was_there_of_late(const ExgDirectory *directory, const ExgDirectoryEntry *entry)
{
    return entry != NULL && is_recipient(directory, entry) &&
           is_younger(entry->found_us, EXG_DIRECTORY_STALE_US);
}

static ExgDirectoryTips
tips_of(const ExgDirectory *directory, const ExgDirectoryEntry *entry)
{
    return is_younger(entry->tips.told_us, directory->tips_life_us) ? entry->tips
                                                                    : (ExgDirectoryTips){0};
}

static ExgDirectoryFinding
stale_recipient(const ExgDirectory *directory, const ExgDirectoryEntry *entry, const GError *why)
{
    return (ExgDirectoryFinding){.verdict = entry->verdict,
                                 .kind = entry->kind,
                                 .origin = EXG_DIRECTORY_STALE,
                                 .why = why,
                                 .tips = tips_of(directory, entry),
                                 .found_us = entry->found_us};
}

/* What is to be done after what the cache's memory has to say. */
typedef enum {
    ENOUGH,
    RENEW,      /* that is an answer, and is to be looked up before it expires */
    RENEW_TIPS, /* the same of its tips */
    WANT_TIPS,  /* an answer without tips, which are to be waited for */
    WANT_ALL    /* no answer */
} Need;

static Need
need_of_tips(const ExgDirectory *directory, const ExgDirectoryEntry *entry)
{
    bool failed = is_younger(entry->tips_failed_us, directory->failure_life_us);
    if (failed || is_younger(entry->tips.told_us, directory->tips_life_us / 2))
        return ENOUGH;
    /* While nobody answers, nobody waits for what can be done without. */
    if (directory->is_silent || is_younger(entry->tips.told_us, directory->tips_life_us))
        return RENEW_TIPS;
    return WANT_TIPS;
}

/* `*ret_finding` is set unless all is wanted; `*ret_why` owns its error. */
static Need
recall(ExgDirectory *directory, const char *key, ExgDirectoryFinding *ret_finding, GError **ret_why)
{
    const ExgDirectoryEntry *entry = exg_directory_cache_find(directory->cache, key);
    Worth worth = judge(directory, entry);
    if (worth == NOTHING || worth == EXPIRED)
        return WANT_ALL;
    if ((worth == STALE || worth == FAILED) && entry->why != NULL)
        *ret_why = g_error_copy(entry->why);
    if (worth == STALE) {
        *ret_finding = stale_recipient(directory, entry, *ret_why);
        return ENOUGH;
    }
    *ret_finding = (ExgDirectoryFinding){.verdict = entry->verdict,
                                         .kind = entry->kind,
                                         .origin = EXG_DIRECTORY_CACHED,
                                         .why = *ret_why,
                                         .tips = tips_of(directory, entry),
                                         .found_us = entry->found_us};
    if (worth == FAILED && entry->verdict != EXG_DIRECTORY_CANNOT_TELL) { /* it once was a group */
        ret_finding->verdict = EXG_DIRECTORY_CANNOT_TELL;
        ret_finding->kind = EXG_RECIPIENT_UNKNOWN;
    }
    Need need = worth == AGING ? RENEW : ENOUGH;
    if (!directory->plan.wants_tips || worth == FAILED || !is_recipient(directory, entry))
        return need;
    Need of_tips = need_of_tips(directory, entry);
    return need == RENEW && of_tips == RENEW_TIPS ? RENEW : MAX(need, of_tips);
}

/* --- waiters ---------------------------------------------------------------------------------- */

static void
waiter_unref(Waiter *waiter)
{
    if (!g_atomic_int_dec_and_test(&waiter->references))
        return;
    g_clear_object(&waiter->cancellable);
    g_free(waiter->client);
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
    ExgDirectory *directory = waiter->directory;
    g_autoptr(GError) reason = why;
    g_autoptr(GError) known_why = NULL;
    ExgDirectoryFinding finding = {
        .verdict = EXG_DIRECTORY_CANNOT_TELL, .origin = EXG_DIRECTORY_ASKED, .why = reason};
    const ExgDirectoryEntry *entry = exg_directory_cache_find(directory->cache,
                                                              waiter->look_up->key);
    if (was_there_of_late(directory, entry) &&
        recall(directory, waiter->look_up->key, &finding, &known_why) == WANT_ALL)
        finding = stale_recipient(directory, entry, reason);
    answer(waiter, &finding);
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
add_waiter(LookUp *look_up, const char *client, gint64 deadline_us, GCancellable *cancellable,
           ExgDirectoryFunc function, gpointer data)
{
    Waiter *waiter = g_new0(Waiter, 1);
    waiter->references = 1;
    waiter->directory = look_up->directory;
    waiter->look_up = look_up;
    waiter->client = g_strdup(client);
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
    g_free(look_up->client);
    g_free(look_up);
    exg_directory_unref(directory);
}

static void
finish(LookUp *look_up, const ExgDirectoryFinding *finding)
{
    close_look_up(look_up);
    answer_all(look_up, finding);
    look_up_free(look_up);
}

static void
remember(LookUp *look_up, const ExgDirectoryFinding *finding)
{
    ExgDirectory *directory = look_up->directory;
    ExgDirectoryCache *cache = directory->cache;
    directory->is_silent = g_error_matches(finding->why, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    if (finding->verdict != EXG_DIRECTORY_CANNOT_TELL) {
        exg_directory_cache_put(cache, look_up->key, finding->verdict, finding->kind);
        if (finding->tips.known)
            exg_directory_cache_put_tips(cache, look_up->key, &finding->tips);
        else if (directory->plan.wants_tips)
            exg_directory_cache_fail_tips(cache, look_up->key);
        return;
    }
    if (finding->kind == EXG_RECIPIENT_MAILBOX) /* the store has answered: it is not there now */
        exg_directory_cache_forget(cache, look_up->key);
    exg_directory_cache_fail(cache, look_up->key, finding->kind, finding->why);
}

static void
looked_up(const ExgDirectoryFinding *found, gpointer data)
{
    LookUp *look_up = data;
    ExgDirectory *directory = look_up->directory;
    ExgDirectoryFinding finding = *found;
    if (found->verdict != EXG_DIRECTORY_NO_SUCH)
        exg_directory_budget_give_back(directory->budget, look_up->client,
                                       exg_clock_monotonic_us());
    if (found->verdict != EXG_DIRECTORY_CANNOT_TELL)
        finding.found_us = exg_clock_real_us();
    if (found->tips.known)
        finding.tips.told_us = exg_clock_real_us();
    /* Cancelled by us, it says nothing about Exchange; and the map is asked each time. */
    if (found->origin != EXG_DIRECTORY_LISTED &&
        !g_error_matches(found->why, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        remember(look_up, found);
    const ExgDirectoryEntry *entry = exg_directory_cache_find(directory->cache, look_up->key);
    if (found->verdict == EXG_DIRECTORY_CANNOT_TELL && was_there_of_late(directory, entry)) {
        exg_directory_cache_tally(directory->cache)->stale += look_up->waiters.length;
        finding = stale_recipient(directory, entry, found->why);
    }
    finish(look_up, &finding);
}

/* --- the budget ------------------------------------------------------------------------------- */

static GError *
refusal(const ExgDirectory *directory, ExgBudgetAnswer answer, const char *client)
{
    if (answer == EXG_BUDGET_CLIENT_SPENT)
        return exg_error_new(EXG_ERROR_BUSY,
                             "Exchange was not asked: %s has asked for too many recipients that "
                             "do not exist",
                             client);
    return exg_error_new(EXG_ERROR_BUSY,
                         "Exchange was not asked: more recipients are to be looked up than the %u "
                         "a second that it may be asked for",
                         directory->max_per_second);
}

/* What can be said without asking. */
static ExgDirectoryFinding
unasked(ExgDirectory *directory, const char *key, const GError *why)
{
    const ExgDirectoryEntry *entry = exg_directory_cache_find(directory->cache, key);
    if (was_there_of_late(directory, entry)) {
        exg_directory_cache_tally(directory->cache)->stale++;
        return stale_recipient(directory, entry, why);
    }
    return (ExgDirectoryFinding){
        .verdict = EXG_DIRECTORY_CANNOT_TELL, .origin = EXG_DIRECTORY_ASKED, .why = why};
}

/* For a look-up it is enough that one of those who wait may have it made. */
static ExgBudgetAnswer
spend(LookUp *look_up)
{
    ExgDirectory *directory = look_up->directory;
    gint64 now_us = exg_clock_monotonic_us();
    if (look_up->waiters.length == 0)
        return exg_directory_budget_take(directory->budget, NULL, now_us);
    ExgBudgetAnswer granted = EXG_BUDGET_CLIENT_SPENT;
    for (GList *at = look_up->waiters.head; at != NULL && granted == EXG_BUDGET_CLIENT_SPENT;
         at = at->next) {
        const Waiter *waiter = at->data;
        granted = exg_directory_budget_take(directory->budget, waiter->client, now_us);
        if (granted == EXG_BUDGET_GRANTED)
            look_up->client = g_strdup(waiter->client);
    }
    return granted;
}

/* Whether the look-up may be made; otherwise it has ended. */
static bool
is_granted(LookUp *look_up)
{
    ExgDirectory *directory = look_up->directory;
    ExgDirectoryCacheStatistics *tally = exg_directory_cache_tally(directory->cache);
    ExgBudgetAnswer answer = spend(look_up);
    if (answer == EXG_BUDGET_GRANTED) {
        tally->asked++;
        return true;
    }
    tally->refused += answer == EXG_BUDGET_ALL_SPENT;
    tally->refused_client += answer == EXG_BUDGET_CLIENT_SPENT;
    const Waiter *first = look_up->waiters.length > 0 ? look_up->waiters.head->data : NULL;
    g_autoptr(GError) why = refusal(directory, answer, first != NULL ? first->client : NULL);
    ExgDirectoryFinding finding = unasked(directory, look_up->key, why);
    finish(look_up, &finding);
    return false;
}

/* --- asking ----------------------------------------------------------------------------------- */

static void
ask_all(LookUp *look_up)
{
    ExgDirectory *directory = look_up->directory;
    if (is_granted(look_up))
        exg_directory_look_up(&directory->plan, look_up->address, look_up->deadline_us,
                              directory->cancellable, looked_up, look_up);
}

static void
told(ExgSourceWord word, const ExgDirectoryTips *tips, const GError *error, gpointer data)
{
    LookUp *look_up = data;
    ExgDirectory *directory = look_up->directory;
    if (error == NULL && tips->known)
        exg_directory_cache_put_tips(directory->cache, look_up->key, tips);
    else if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        exg_directory_cache_fail_tips(directory->cache, look_up->key);
    if (error == NULL)
        directory->is_silent = false;
    else if (g_error_matches(error, EXG_ERROR, EXG_ERROR_UNREACHABLE))
        directory->is_silent = true;
    g_autoptr(GError) why = NULL;
    ExgDirectoryFinding known;
    if (recall(directory, look_up->key, &known, &why) != WANT_ALL)
        finish(look_up, &known);
    else /* the recipient has been forgotten, or has expired, meanwhile */
        ask_all(look_up);
}

/* Tips alone, for somebody who is known. `known`: the answer if they cannot be asked for. */
static void
ask_tips(LookUp *look_up, const ExgDirectoryFinding *known)
{
    ExgDirectory *directory = look_up->directory;
    if (exg_directory_budget_take(directory->budget, NULL, exg_clock_monotonic_us()) !=
        EXG_BUDGET_GRANTED) {
        finish(look_up, known);
        return;
    }
    exg_directory_cache_tally(directory->cache)->asked++;
    ExgDirectorySource *source = directory->plan.source;
    source->class->tell_tips(source, look_up->address, look_up->deadline_us, directory->cancellable,
                             told, look_up);
}

/* The file has been looked into as well. */
static void
fetched(gpointer data)
{
    LookUp *look_up = data;
    g_autoptr(GError) why = NULL;
    ExgDirectoryFinding known;
    Need need = recall(look_up->directory, look_up->key, &known, &why);
    if (need == RENEW || need == RENEW_TIPS)
        answer_all(look_up, &known);
    if (need == ENOUGH)
        finish(look_up, &known);
    else if (need == RENEW_TIPS || need == WANT_TIPS)
        ask_tips(look_up, &known);
    else
        ask_all(look_up);
}

static LookUp *
look_up_new(ExgDirectory *directory, const char *key, const char *address, bool is_renewal)
{
    LookUp *look_up = g_new0(LookUp, 1);
    look_up->directory = exg_directory_ref(directory);
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

/* The map's word, where that is to be heard before the cache's. */
static bool
is_listed(const ExgDirectory *directory, const char *address, ExgDirectoryFinding *ret_finding)
{
    if (directory->plan.map == NULL || directory->plan.order.steps[0] != EXG_STEP_MAP)
        return false;
    ExgRecipientKind kind = exg_recipient_map_find(directory->plan.map, address);
    if (kind == EXG_RECIPIENT_UNKNOWN)
        return false;
    *ret_finding = (ExgDirectoryFinding){.verdict = kind == EXG_RECIPIENT_MAILBOX
                                                        ? EXG_DIRECTORY_DELIVERABLE
                                                        : EXG_DIRECTORY_NOT_A_MAILBOX,
                                         .kind = kind,
                                         .origin = EXG_DIRECTORY_LISTED};
    return true;
}

/* There is no room for one more. */
static void
refuse(ExgDirectory *directory, const char *key, ExgDirectoryFunc function, gpointer data)
{
    g_autoptr(GError) why = exg_error_new(
        EXG_ERROR_BUSY, "Exchange was not asked: %u recipients are being looked up already",
        exg_directory_under_way(directory));
    exg_directory_cache_tally(directory->cache)->refused++;
    ExgDirectoryFinding finding = unasked(directory, key, why);
    function(&finding, data);
}

void
exg_directory_check_for(ExgDirectory *directory, const char *client, const char *address,
                        gint64 deadline_us, GCancellable *cancellable, ExgDirectoryFunc function,
                        gpointer data)
{
    g_autofree char *key = exg_address_fold(address);
    g_autoptr(GError) why = NULL;
    ExgDirectoryFinding known;
    if (is_listed(directory, address, &known)) {
        function(&known, data);
        return;
    }
    Need need = recall(directory, key, &known, &why);
    bool is_known = need != WANT_ALL && need != WANT_TIPS;
    ExgDirectoryCacheStatistics *tally = exg_directory_cache_tally(directory->cache);
    tally->hits += is_known;
    tally->misses += !is_known;
    tally->stale += is_known && known.origin == EXG_DIRECTORY_STALE;
    LookUp *look_up = g_hash_table_lookup(directory->under_way, key);
    bool is_renewal = (need == RENEW || need == RENEW_TIPS) &&
                      directory->renewals < EXG_DIRECTORY_MAX_RENEWALS;
    bool is_new = look_up == NULL && (!is_known || is_renewal);
    if (is_new && exg_directory_under_way(directory) >= EXG_DIRECTORY_MAX_UNDER_WAY) {
        if (is_known)
            function(&known, data);
        else
            refuse(directory, key, function, data);
        return;
    }
    if (is_new)
        look_up = look_up_new(directory, key, address, is_renewal);
    if (!is_known)
        add_waiter(look_up, client, deadline_us, cancellable, function, data);
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
    exg_directory_hear_second(directory->plan.source, address, first_witness, deadline_us,
                              cancellable, second_heard, question);
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
    directory->plan.source->class->expand(directory->plan.source, address, deadline_us, cancellable,
                                          expanded, expansion);
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
