/* expand-dl.h - ExpandDL: who is in a distribution list?
 *
 * One level is what the server answers. All levels are asked for one list after the other; each
 * list is asked for once, whoever contains whom, and each member is reported once.
 *
 * Errors:   NO_MAILBOX if there is no such list. A list below the first that cannot be expanded is
 *           a failure beside the members of the others.
 * Limits:   EXG_EWS_EXPAND_MAX_LISTS lists, and as many members as asked for.
 * Source:   MS-OXWSEDISTL.
 */
#ifndef EXG_EWS_PEOPLE_EXPAND_DL_H
#define EXG_EWS_PEOPLE_EXPAND_DL_H

#include "common/ews/mailbox.h"
#include "common/ews/service.h"

#define EXG_EWS_EXPAND_MAX_LISTS 1000

typedef struct {
    ExgEwsMailbox *list;
    GError *error;
} ExgEwsExpandFailure;

typedef struct {
    GPtrArray *members;  /* of ExgEwsMailbox */
    GPtrArray *failures; /* of ExgEwsExpandFailure: lists in it whose members are not known */
    bool complete;       /* false: there are more members than these, or failures */
} ExgEwsExpansion;

void exg_ews_expansion_free(ExgEwsExpansion *expansion);

/* `list`: usually exg_ews_mailbox_new(address, "PublicDL"); copied. A list of one's own
 * (PrivateDL) is found by its item id only. */
void exg_ews_expand_dl_async(ExgEwsService *service, const ExgEwsMailbox *list, gint64 deadline_us,
                             GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer data);
/* `*ret_expansion`: (transfer full); lists in the list are members. */
bool exg_ews_expand_dl_finish(ExgEwsService *service, GAsyncResult *result,
                              ExgEwsExpansion **ret_expansion, GError **error);

/* All levels: the lists in the list are no members, but theirs are. */
void exg_ews_expand_dl_recursive_async(ExgEwsService *service, const ExgEwsMailbox *list,
                                       guint max_members, gint64 deadline_us,
                                       GCancellable *cancellable, GAsyncReadyCallback callback,
                                       gpointer data);
bool exg_ews_expand_dl_recursive_finish(ExgEwsService *service, GAsyncResult *result,
                                        ExgEwsExpansion **ret_expansion, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsExpansion, exg_ews_expansion_free)

#endif
