/* changes-private.h - what SyncFolderItems and SyncFolderHierarchy have in common. */
#ifndef EXG_EWS_FOLDERS_CHANGES_PRIVATE_H
#define EXG_EWS_FOLDERS_CHANGES_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/folders/changes.h"

/* m:SyncFolderId, and m:SyncState unless `state` is NULL. */
void exg_ews_changes_write_start(ExgXmlWriter *writer, const ExgEwsTarget *target,
                                 const ExgEwsFolderId *folder, const char *state);

/* Makes a change of a child of m:Changes; NULL: it makes no sense. */
typedef gpointer (*ExgEwsChangeReader)(const ExgXmlNode *node);

/* For `decode`: the page. `last`: the name of the element that tells whether it is the last one. */
bool exg_ews_changes_decode(const ExgEwsOperation *operation, const ExgXmlNode *message,
                            const char *last, ExgEwsChangeReader read_change,
                            GDestroyNotify free_change, gpointer *ret_result, GError **error);
/* For `free_result`. */
void exg_ews_changes_free_result(gpointer changes);

#endif
