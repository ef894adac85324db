/* look-up-private.h - the two witnesses heard, afresh: the store first, and the directory if the
 * store knows no such mailbox.
 *
 * Threads:  the engine's.
 * Memory:   the source has to outlive the look-up.
 */
#ifndef EXG_DIRECTORY_LOOK_UP_PRIVATE_H
#define EXG_DIRECTORY_LOOK_UP_PRIVATE_H

#include "common/directory/source.h"

typedef void (*ExgLookUpFunc)(const ExgDirectoryFinding *finding, gpointer data);

/* Both witnesses. Calls back exactly once, perhaps inside the call. */
void exg_directory_look_up(ExgDirectorySource *source, const char *address, gint64 deadline_us,
                           GCancellable *cancellable, ExgLookUpFunc function, gpointer data);
/* The directory alone, `first_witness` being the store's word that there is no such mailbox. */
void exg_directory_hear_second(ExgDirectorySource *source, const char *address,
                               const GError *first_witness, gint64 deadline_us,
                               GCancellable *cancellable, ExgLookUpFunc function, gpointer data);

#endif
