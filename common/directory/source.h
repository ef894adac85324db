/* source.h - where knowledge of recipients comes from: an interface with the witnesses as its calls,
 * and the members of a group.
 *
 * Threads:  the engine's. All calls complete exactly once, from the engine, perhaps inside the
 *           call.
 * Memory:   a source outlives the calls under way in it.
 */
#ifndef EXG_DIRECTORY_SOURCE_H
#define EXG_DIRECTORY_SOURCE_H

#include "common/directory/finding.h"
#include <gio/gio.h>

typedef struct ExgDirectorySource ExgDirectorySource;

/* `error` NULL: there is such a mailbox; NO_MAILBOX: there is none; any other: nobody knows. */
typedef void (*ExgSourceMailboxFunc)(const GError *error, gpointer data);
/* `kind` counts if `error` is NULL. */
typedef void (*ExgSourceKindFunc)(ExgRecipientKind kind, const GError *error, gpointer data);

/* Whether there is such a recipient. */
typedef enum { EXG_SOURCE_SILENT, EXG_SOURCE_SAYS_NO, EXG_SOURCE_SAYS_YES } ExgSourceWord;
/* `word` and `tips` count if `error` is NULL; `tips->known` is false if there are none. */
typedef void (*ExgSourceTipsFunc)(ExgSourceWord word, const ExgDirectoryTips *tips,
                                  const GError *error, gpointer data);

#define EXG_DIRECTORY_MAX_MEMBERS 1000

/* Who is in a distribution group, through all the lists in it. */
typedef struct {
    GPtrArray *mailboxes; /* addresses */
    char *outsider;       /* a member that has no mailbox here, or NULL */
    bool complete;        /* false: there are more than EXG_DIRECTORY_MAX_MEMBERS */
} ExgDirectoryMembers;

/* `members` counts if `error` is NULL. */
typedef void (*ExgSourceMembersFunc)(const ExgDirectoryMembers *members, const GError *error,
                                     gpointer data);

typedef struct {
    /* The store: opens the mailbox with the identity and the right of a delivery. */
    void (*open_mailbox)(ExgDirectorySource *self, const char *address, gint64 deadline_us,
                         GCancellable *cancellable, ExgSourceMailboxFunc function, gpointer data);
    /* The directory: who has this address? */
    void (*identify)(ExgDirectorySource *self, const char *address, gint64 deadline_us,
                     GCancellable *cancellable, ExgSourceKindFunc function, gpointer data);
    /* What is there to know before writing to it? NULL: nobody can tell. */
    void (*tell_tips)(ExgDirectorySource *self, const char *address, gint64 deadline_us,
                      GCancellable *cancellable, ExgSourceTipsFunc function, gpointer data);
    /* The directory: who is in this group? */
    void (*expand)(ExgDirectorySource *self, const char *address, gint64 deadline_us,
                   GCancellable *cancellable, ExgSourceMembersFunc function, gpointer data);
    void (*free)(ExgDirectorySource *self);
} ExgDirectorySourceClass;

/* Implementations embed this first. */
struct ExgDirectorySource {
    const ExgDirectorySourceClass *class;
};

static inline void
exg_directory_source_free(ExgDirectorySource *source)
{
    if (source != NULL)
        source->class->free(source);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgDirectorySource, exg_directory_source_free)

#endif
