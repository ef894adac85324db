/* finding.h - what is known about a recipient: the verdict, what kind of recipient it is, and where
 * that comes from.
 *
 * Two witnesses are heard: the *store*, which opens the mailbox as a delivery would, and the
 * *directory*, which knows who has an address. Only if both agree is a recipient refused. Exchange's
 * mail tips are a third, which may stand in for one of them (order.h).
 *
 * Threads:  pure functions.
 * Memory:   a finding given to a callback is valid while that runs; a copy until it is freed.
 */
#ifndef EXG_DIRECTORY_FINDING_H
#define EXG_DIRECTORY_FINDING_H

#include <glib.h>
#include <stdbool.h>

typedef enum {
    EXG_RECIPIENT_UNKNOWN, /* the directory was not asked, or has not answered */
    EXG_RECIPIENT_NOBODY,
    EXG_RECIPIENT_MAILBOX, /* a user's, shared, a room's; or what may be one */
    EXG_RECIPIENT_GROUP,
    EXG_RECIPIENT_CONTACT,
    EXG_RECIPIENT_PUBLIC_FOLDER,
    EXG_N_RECIPIENT_KINDS
} ExgRecipientKind;

typedef enum {
    EXG_DIRECTORY_DELIVERABLE, /* the store has opened the mailbox */
    EXG_DIRECTORY_NO_SUCH,     /* the store knows no such mailbox, and the directory finds nobody */
    EXG_DIRECTORY_NOT_A_MAILBOX, /* the store knows no such mailbox, and the directory says what it is instead */
    EXG_DIRECTORY_CANNOT_TELL /* a witness is silent, or they contradict each other: never a reason to bounce */
} ExgDirectoryVerdict;

typedef enum {
    EXG_DIRECTORY_ASKED, /* just now */
    EXG_DIRECTORY_CACHED,
    EXG_DIRECTORY_STALE, /* deliverable some time ago; whoever would know better does not answer */
    EXG_DIRECTORY_LISTED /* the administrator's map says so */
} ExgDirectoryOrigin;

/* What else to know before writing there. A tip that nobody has told is false or 0, so that it
 * keeps no mail away. */
typedef struct {
    bool known; /* told, and lately; otherwise all else is false and 0 */
    bool full;
    bool restricted; /* not everybody may write there; the account that asked may not */
    bool moderated;  /* a moderator sees it first */
    bool out_of_office;
    gint64 max_message_bytes;
    gint64 n_members; /* of a group, those of groups in it included */
    gint64 told_us;   /* when, on the real clock */
} ExgDirectoryTips;

typedef struct {
    ExgDirectoryVerdict verdict;
    ExgRecipientKind kind; /* CANNOT_TELL: MAILBOX if the directory knows one that the store does not, else UNKNOWN */
    ExgDirectoryOrigin origin;
    const GError *why; /* of the silent witness, or the store's word that the directory contradicts; else NULL.
                        * BUSY: perhaps that nobody was asked, for too much is being asked already */
    ExgDirectoryTips tips;
    gint64 found_us; /* when the verdict was reached, on the real clock; 0: none has been */
} ExgDirectoryFinding;

/* NULL-safe. */
ExgDirectoryFinding *exg_directory_finding_copy(const ExgDirectoryFinding *finding);
void exg_directory_finding_free(ExgDirectoryFinding *finding);

/* "mailbox", "group" … for the log and the cache's file; the kind of such a name, UNKNOWN for
 * another. */
const char *exg_recipient_kind_name(ExgRecipientKind kind);
ExgRecipientKind exg_recipient_kind_find(const char *name);
/* "a distribution group" … for a sentence. */
const char *exg_recipient_kind_words(ExgRecipientKind kind);
/* "deliverable", "no-such", "not-a-mailbox", "cannot-tell" */
const char *exg_directory_verdict_name(ExgDirectoryVerdict verdict);
/* "asked", "cached", "stale", "listed" */
const char *exg_directory_origin_name(ExgDirectoryOrigin origin);

/* The verdict once the store has said that there is no such mailbox and the directory that it is of
 * that kind. */
ExgDirectoryVerdict exg_directory_verdict_without_mailbox(ExgRecipientKind kind);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgDirectoryFinding, exg_directory_finding_free)

#endif
