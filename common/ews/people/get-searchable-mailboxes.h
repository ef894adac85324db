/* get-searchable-mailboxes.h - GetSearchableMailboxes: in which mailboxes may we search for
 * evidence?
 *
 * Errors:   DENIED without the Discovery Management role.
 * Source:   MS-OXWSEDISC; Exchange 2013 and newer, not Exchange Online.
 */
#ifndef EXG_EWS_PEOPLE_GET_SEARCHABLE_MAILBOXES_H
#define EXG_EWS_PEOPLE_GET_SEARCHABLE_MAILBOXES_H

#include "common/ews/service.h"

/* "" where there is none. */
typedef struct {
    char *guid;
    char *primary_address;
    char *external_address;
    char *display_name;
    char *reference_id;
    bool is_external;
    bool is_group;
} ExgEwsSearchableMailbox;

typedef struct {
    char *mailbox;
    gint64 error_code;
    char *message;
    bool is_archive;
} ExgEwsUnsearchableMailbox;

typedef struct {
    GPtrArray *mailboxes; /* of ExgEwsSearchableMailbox */
    GPtrArray *failures;  /* of ExgEwsUnsearchableMailbox */
} ExgEwsSearchable;

void exg_ews_searchable_free(ExgEwsSearchable *searchable);

/* `filter`: part of a name or an address; NULL: all. */
void exg_ews_get_searchable_mailboxes_async(ExgEwsService *service, const char *filter,
                                            bool expand_groups, gint64 deadline_us,
                                            GCancellable *cancellable,
                                            GAsyncReadyCallback callback, gpointer data);
/* `*ret_searchable`: (transfer full). */
bool exg_ews_get_searchable_mailboxes_finish(ExgEwsService *service, GAsyncResult *result,
                                             ExgEwsSearchable **ret_searchable, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsSearchable, exg_ews_searchable_free)

#endif
