/* directory.h - is this recipient deliverable? Asked at RCPT, and as the second witness after a
 * failed delivery.
 *
 * exg_directory_check() answers from the administrator's map (order.h), from a cache where that is
 * good enough, and asks otherwise: once for all who want to know the same address at the same time.
 * What it promises:
 *
 *   - A recipient is refused (NO_SUCH, NOT_A_MAILBOX) only on the word of two witnesses; finding.h.
 *
 *   - A mailbox that was found stays good for `positive_life_ms`. In the second half of it, asking
 *     for it also renews it in the background, so that nobody waits and an outage is not noticed.
 *
 *   - While nobody can be asked, a mailbox that was found within the last 7 days is taken to be
 *     still there (STALE).
 *
 *   - A refusal is good for `negative_life_ms`, a failure for `failure_life_ms`.
 *
 *   - Tips are good for `tips_life_ms`, and renewed in the same way. Where they cannot be had, the
 *     answer comes without.
 *
 *   - Exchange is asked for no more than `max_per_second` recipients. A client that asks for many
 *     who do not exist is out of credit, by itself: what is known is still answered, all else is
 *     CANNOT_TELL with BUSY as the reason.
 *
 * Threads:  the engine's; exg_directory_check_blocking() and exg_directory_post_free() are for others.
 * Limits:   a look-up ends after `timeout_ms`; EXG_DIRECTORY_MAX_RENEWALS run in the background;
 *           those of the cache. While Exchange is unreachable nobody waits longer than
 *           EXG_DIRECTORY_PATIENCE_MS, or a message to many would take as many time-outs.
 */
#ifndef EXG_DIRECTORY_DIRECTORY_H
#define EXG_DIRECTORY_DIRECTORY_H

#include "common/directory/cache.h"
#include "common/directory/order.h"
#include "common/directory/recipient-map.h"
#include "common/directory/source.h"

#define EXG_DIRECTORY_MAX_RENEWALS  16
#define EXG_DIRECTORY_MAX_UNDER_WAY 10000
#define EXG_DIRECTORY_PATIENCE_MS   2000
#define EXG_DIRECTORY_GRACE_MS      250

typedef struct ExgDirectory ExgDirectory;

typedef struct {
    ExgDirectorySource *source; /* taken */
    ExgRecipientMap *map;       /* taken; NULL: there is none */
    ExgDirectoryOrder order;    /* all zero: the usual one */
    ExgDirectoryCache *cache;   /* referenced; directories of the same Exchange may share it */
    /* Who asks passes mail on to Exchange instead of delivering into mailboxes: the tips are wanted,
     * and what is no mailbox is as good a recipient and lives as long. */
    bool is_gate;
    gint64 positive_life_ms; /* at most 7 days */
    gint64 negative_life_ms;
    gint64 failure_life_ms;
    gint64 tips_life_ms;
    gint64 timeout_ms;
    guint max_per_second;         /* look-ups, over all; 0: no limit */
    guint max_guesses_per_minute; /* look-ups of nobody's address, for one client; 0: no limit */
} ExgDirectoryOptions;

ExgDirectory *exg_directory_new(ExgEngine *engine, const ExgDirectoryOptions *options);
/* Look-ups under way are cancelled; who waits for one is told before the engine comes to rest.
 * NULL-safe. */
void exg_directory_free(ExgDirectory *directory);
/* The same from any thread, while the engine runs. */
void exg_directory_post_free(ExgDirectory *directory);

/* Calls back exactly once, from the engine, perhaps inside the call. The finding is valid during
 * the callback. */
typedef void (*ExgDirectoryFunc)(const ExgDirectoryFinding *finding, gpointer data);

/* Past the deadline or after a cancellation the answer is CANNOT_TELL (or a stale mailbox); the
 * look-up goes on for others and for the cache. */
void exg_directory_check(ExgDirectory *directory, const char *address, gint64 deadline_us,
                         GCancellable *cancellable, ExgDirectoryFunc function, gpointer data);

/* The same on behalf of a client, whose name (its IP address, say) counts the look-ups that it
 * causes. NULL: nobody's. */
void exg_directory_check_for(ExgDirectory *directory, const char *client, const char *address,
                             gint64 deadline_us, GCancellable *cancellable,
                             ExgDirectoryFunc function, gpointer data);

/* The same for a thread that may wait, any but the engine's, which has to run meanwhile. The
 * directory is not to be freed before it returns. Returns by the deadline, or within EXG_DIRECTORY_GRACE_MS of it if the engine is overloaded; leaves nothing
 * in the thread. Never NULL; (transfer full). */
ExgDirectoryFinding *exg_directory_check_blocking(ExgDirectory *directory, const char *client,
                                                  const char *address, gint64 deadline_us);

/* The second witness, asked afresh: `first_witness` is the store's word that there is no such
 * mailbox. Never DELIVERABLE. */
void exg_directory_ask(ExgDirectory *directory, const char *address, const GError *first_witness,
                       gint64 deadline_us, GCancellable *cancellable, ExgDirectoryFunc function,
                       gpointer data);

/* Who is in a group, asked afresh; lists in it are expanded as well. */
void exg_directory_expand(ExgDirectory *directory, const char *address, gint64 deadline_us,
                          GCancellable *cancellable, ExgSourceMembersFunc function, gpointer data);

/* A delivery found no such mailbox: whatever the cache says about it is wrong. */
void exg_directory_forget(ExgDirectory *directory, const char *address);

/* Look-ups under way, those in the background included. */
guint exg_directory_under_way(const ExgDirectory *directory);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgDirectory, exg_directory_free)

#endif
