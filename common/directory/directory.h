/* directory.h - does the directory know this recipient? The second witness before mail is bounced.
 *
 * Threads:  the engine's.
 */
#ifndef EXG_DIRECTORY_DIRECTORY_H
#define EXG_DIRECTORY_DIRECTORY_H

#include "common/account/account.h"

typedef struct ExgDirectory ExgDirectory;

typedef enum {
    EXG_DIRECTORY_KNOWN,      /* somebody has this address */
    EXG_DIRECTORY_UNKNOWN,    /* nobody has it */
    EXG_DIRECTORY_CANNOT_TELL /* the directory did not answer: never a reason to bounce */
} ExgDirectoryAnswer;

ExgDirectory *exg_directory_new(ExgAccount *account);
void exg_directory_free(ExgDirectory *directory);

/* Calls back exactly once, from the engine. `why`: for CANNOT_TELL, else NULL. */
typedef void (*ExgDirectoryFunc)(ExgDirectoryAnswer answer, const GError *why, gpointer data);
void exg_directory_ask(ExgDirectory *directory, const char *address, gint64 deadline_us, GCancellable *cancellable,
                       ExgDirectoryFunc function, gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgDirectory, exg_directory_free)

#endif
