/* convert-id.h - ConvertId: the same item under the names that other protocols have for it.
 *
 * Limits:   any number of ids, 100 in a call.
 * Source:   MS-OXWSCVTID. Ids of public folders come as AlternateId with an xsi:type.
 */
#ifndef EXG_EWS_ITEMS_CONVERT_ID_H
#define EXG_EWS_ITEMS_CONVERT_ID_H

#include "common/ews/service.h"

typedef enum {
    EXG_EWS_ENTRY_ID,
    EXG_EWS_EWS_ID,
    EXG_EWS_EWS_LEGACY_ID,
    EXG_EWS_HEX_ENTRY_ID,
    EXG_EWS_OWA_ID,
    EXG_EWS_STORE_ID,
    EXG_EWS_N_ID_FORMATS
} ExgEwsIdFormat;

/* "EntryId", "EwsId" … */
const char *exg_ews_id_format_name(ExgEwsIdFormat format);
bool exg_ews_id_format_find(const char *name, ExgEwsIdFormat *ret_format);

typedef enum {
    EXG_EWS_ID_IN_MAILBOX,
    EXG_EWS_ID_OF_PUBLIC_FOLDER,
    EXG_EWS_ID_OF_PUBLIC_ITEM
} ExgEwsIdKind;

/* In an array of its own kind: results begin with their error. */
typedef struct {
    GError *error; /* why it could not be converted; the rest is then empty */
    ExgEwsIdKind kind;
    ExgEwsIdFormat format;
    char *id;        /* of the item, or of the folder; NULL with a public folder */
    char *mailbox;   /* SMTP address; in a mailbox only */
    bool is_archive; /* in a mailbox only */
    char *folder_id; /* in public folders only */
} ExgEwsAlternateId;

/* Of an item in a mailbox. The others are made by setting what they have. */
ExgEwsAlternateId *exg_ews_alternate_id_new(const char *id, ExgEwsIdFormat format,
                                            const char *mailbox);
void exg_ews_alternate_id_free(ExgEwsAlternateId *id);

/* `ids`: of ExgEwsAlternateId, which are copied. */
void exg_ews_convert_id_async(ExgEwsService *service, const ExgEwsTarget *target,
                              const GPtrArray *ids, ExgEwsIdFormat destination, gint64 deadline_us,
                              GCancellable *cancellable, GAsyncReadyCallback callback,
                              gpointer data);
/* `*ret_ids`: of ExgEwsAlternateId, as many and in the same order. */
bool exg_ews_convert_id_finish(ExgEwsService *service, GAsyncResult *result, GPtrArray **ret_ids,
                               GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsAlternateId, exg_ews_alternate_id_free)

#endif
