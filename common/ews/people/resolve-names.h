/* resolve-names.h - ResolveNames: who has this address in the directory?
 *
 * The server matches by prefix and by every proxy address; the result is compared afterwards, so
 * only a recipient that really has the address (primary or proxy, in any case) is reported.
 * "Nobody" is reported only if the answer proves it: an entry whose addresses are not shown in full
 * might be the one, and gives EXG_ERROR_PROTOCOL, as does a list that was cut off.
 *
 * Errors:   never NO_MAILBOX: what mailbox an error may speak of is the service account's.
 * Source:   MS-OXWSRSLNM.
 */
#ifndef EXG_EWS_PEOPLE_RESOLVE_NAMES_H
#define EXG_EWS_PEOPLE_RESOLVE_NAMES_H

#include "common/ews/service.h"

typedef struct {
    char *name;
    char *primary_address;
    char *mailbox_type; /* "Mailbox", "PublicDL", "Contact", "PublicFolder", "GroupMailbox" … */
} ExgEwsResolution;

void exg_ews_resolution_free(ExgEwsResolution *resolution);

void exg_ews_resolve_names_async(ExgEwsService *service, const char *address, gint64 deadline_us,
                                 GCancellable *cancellable, GAsyncReadyCallback callback,
                                 gpointer data);
/* True with `*ret_resolution` (transfer full), or with NULL there if nobody has the address. */
bool exg_ews_resolve_names_finish(ExgEwsService *service, GAsyncResult *result,
                                  ExgEwsResolution **ret_resolution, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsResolution, exg_ews_resolution_free)

#endif
