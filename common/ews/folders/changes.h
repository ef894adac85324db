/* changes.h - what has changed since the last time: a page of the answer of SyncFolderItems or
 * SyncFolderHierarchy.
 *
 * Ask again with the new state until `is_last`; keep a state only after its changes are stored. A
 * state that the server does not know any more is an error that exg_ews_sync_is_lost() tells: begin
 * anew with none.
 *
 * Source:   MS-OXWSSYNC.
 */
#ifndef EXG_EWS_FOLDERS_CHANGES_H
#define EXG_EWS_FOLDERS_CHANGES_H

#include "common/ews/item.h"

typedef enum {
    EXG_EWS_CREATED,
    EXG_EWS_CHANGED,
    EXG_EWS_READ_CHANGED,
    EXG_EWS_DELETED
} ExgEwsChangeKind;

typedef struct {
    char *state;
    bool is_last;
    GPtrArray *changes; /* of ExgEwsItemChange or ExgEwsFolderChange */
} ExgEwsChanges;

void exg_ews_changes_free(ExgEwsChanges *changes);

/* Whether an error means that the state is of no use any more. */
bool exg_ews_sync_is_lost(const GError *error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsChanges, exg_ews_changes_free)

#endif
