#include "milter/look-up.h"

#include "common/base/clock.h"
#include "common/mime/address.h"
#include "milter/counts.h"
#include "milter/threads.h"

/* A mailbox that was found so lately is not asked for again by way of the engine. */
#define RECENT_US  (10 * G_USEC_PER_SEC)
#define RECENT_MAX 10000

typedef struct {
    ExgDirectoryFinding *finding;
    gint64 until_us;
} Recent;

struct ExgLookUps {
    gint max;       /* atomic */
    gint under_way; /* atomic */
    GMutex lock;
    const ExgMilterSettings *settings; /* whose findings those are; only compared */
    GHashTable *recent;                /* folded address → Recent */
};

/* --- what was found a moment ago -------------------------------------------------------------- */

static void
recent_free(gpointer data)
{
    Recent *recent = data;
    exg_directory_finding_free(recent->finding);
    g_free(recent);
}

/* After a reload another Exchange may be asked. */
static void
renew_recent(ExgLookUps *look_ups, const ExgMilterSettings *settings)
{
    if (look_ups->settings == settings)
        return;
    g_hash_table_remove_all(look_ups->recent);
    look_ups->settings = settings;
}

static ExgDirectoryFinding *
find_recent(ExgLookUps *look_ups, const ExgMilterSettings *settings, const char *key)
{
    g_mutex_lock(&look_ups->lock);
    renew_recent(look_ups, settings);
    const Recent *recent = g_hash_table_lookup(look_ups->recent, key);
    bool is_good = recent != NULL && exg_clock_monotonic_us() < recent->until_us;
    ExgDirectoryFinding *finding = is_good ? exg_directory_finding_copy(recent->finding) : NULL;
    g_mutex_unlock(&look_ups->lock);
    return finding;
}

/* Only what keeps no mail away: a mailbox, seen by somebody just now or good in the cache. */
static bool
is_worth_keeping(const ExgDirectoryFinding *finding)
{
    return finding->verdict == EXG_DIRECTORY_DELIVERABLE && finding->origin != EXG_DIRECTORY_STALE;
}

static void
keep_recent(ExgLookUps *look_ups, const ExgMilterSettings *settings, const char *key,
            const ExgDirectoryFinding *finding)
{
    if (!is_worth_keeping(finding))
        return;
    Recent *recent = g_new(Recent, 1);
    *recent = (Recent){exg_directory_finding_copy(finding), exg_clock_monotonic_us() + RECENT_US};
    recent->finding->origin = EXG_DIRECTORY_CACHED;
    g_mutex_lock(&look_ups->lock);
    renew_recent(look_ups, settings);
    if (g_hash_table_size(look_ups->recent) >= RECENT_MAX)
        g_hash_table_remove_all(look_ups->recent); /* the engine's cache has them */
    g_hash_table_replace(look_ups->recent, g_strdup(key), recent);
    g_mutex_unlock(&look_ups->lock);
}

/* --- looking up ------------------------------------------------------------------------------- */

ExgLookUps *
exg_look_ups_new(guint max)
{
    ExgLookUps *look_ups = g_new0(ExgLookUps, 1);
    look_ups->max = (gint)max;
    look_ups->recent = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, recent_free);
    g_mutex_init(&look_ups->lock);
    return look_ups;
}

void
exg_look_ups_free(ExgLookUps *look_ups)
{
    if (look_ups == NULL)
        return;
    g_hash_table_unref(look_ups->recent);
    g_mutex_clear(&look_ups->lock);
    g_free(look_ups);
}

void
exg_look_ups_set_max(ExgLookUps *look_ups, guint max)
{
    g_atomic_int_set(&look_ups->max, (gint)max);
}

guint
exg_look_ups_count(ExgLookUps *look_ups)
{
    return (guint)g_atomic_int_get(&look_ups->under_way);
}

static ExgDirectoryFinding *
ask(const ExgMilterSettings *settings, const char *client, const char *mailbox)
{
    exg_count(EXG_COUNT_ASKED);
    exg_threads_begin_wait();
    ExgDirectoryFinding *finding = exg_directory_check_blocking(
        exg_milter_settings_directory(settings), client, mailbox,
        exg_clock_deadline_ms(exg_milter_settings_timeout_ms(settings)));
    exg_threads_end_wait();
    return finding;
}

/* Only what is known, for as many threads as may wait do. What is not is looked up all the same, for
 * when the MTA comes again. */
static ExgDirectoryFinding *
glance(const ExgMilterSettings *settings, const char *client, const char *mailbox)
{
    ExgDirectoryFinding *finding = exg_directory_check_blocking(
        exg_milter_settings_directory(settings), client, mailbox, exg_clock_monotonic_us());
    if (finding->verdict == EXG_DIRECTORY_CANNOT_TELL)
        exg_count(EXG_COUNT_NO_ROOM);
    return finding;
}

ExgDirectoryFinding *
exg_look_up(ExgLookUps *look_ups, const ExgMilterSettings *settings, const char *client,
            const char *mailbox)
{
    g_autofree char *key = exg_address_fold(mailbox);
    ExgDirectoryFinding *finding = find_recent(look_ups, settings, key);
    if (finding != NULL) {
        exg_count(EXG_COUNT_RECENT);
        return finding;
    }
    bool may = g_atomic_int_add(&look_ups->under_way, 1) < g_atomic_int_get(&look_ups->max);
    finding = may ? ask(settings, client, mailbox) : glance(settings, client, mailbox);
    g_atomic_int_add(&look_ups->under_way, -1);
    keep_recent(look_ups, settings, key, finding);
    return finding;
}
