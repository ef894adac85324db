/* look-up-private.h - the witnesses heard, afresh: in the order that is configured, until one knows
 * the recipient or all have denied him (order.h); then the tips, where they are wanted.
 *
 * Threads:  the engine's.
 * Memory:   the source and the map have to outlive the look-up.
 */
#ifndef EXG_DIRECTORY_LOOK_UP_PRIVATE_H
#define EXG_DIRECTORY_LOOK_UP_PRIVATE_H

#include "common/directory/order.h"
#include "common/directory/recipient-map.h"
#include "common/directory/source.h"

typedef struct {
    ExgDirectorySource *source;
    ExgRecipientMap *map; /* or NULL */
    ExgDirectoryOrder order;
    bool wants_tips;
} ExgLookUpPlan;

typedef void (*ExgLookUpFunc)(const ExgDirectoryFinding *finding, gpointer data);

/* All witnesses. Calls back exactly once, perhaps inside the call. The plan is copied. */
void exg_directory_look_up(const ExgLookUpPlan *plan, const char *address, gint64 deadline_us,
                           GCancellable *cancellable, ExgLookUpFunc function, gpointer data);
/* The directory alone, `first_witness` being the store's word that there is no such mailbox. */
void exg_directory_hear_second(ExgDirectorySource *source, const char *address,
                               const GError *first_witness, gint64 deadline_us,
                               GCancellable *cancellable, ExgLookUpFunc function, gpointer data);

#endif
