/* sync-state.h - how far a client has come with a folder: opaque to it, base64 of what it was about.
 *
 * A state is lost when the mailbox was loaded anew, as after a restart.
 */
#ifndef EXG_SIM_SYNC_STATE_H
#define EXG_SIM_SYNC_STATE_H

#include "tests/exchange-sim/call.h"

char *exg_sim_sync_state_new(const ExgSimMailbox *mailbox, const ExgSimFolder *folder,
                             guint64 serial);
/* `node`: m:SyncState, or NULL for the beginning. Refuses what is not a state of this folder. */
bool exg_sim_sync_state_parse(const ExgXmlNode *node, const ExgSimMailbox *mailbox,
                              const ExgSimFolder *folder, guint64 *ret_serial,
                              ExgSimRefusal *refusal);

#endif
