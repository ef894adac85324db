/* item-private.h - items and folders in requests and answers.
 *
 * Source:   MS-OXWSCORE, MS-OXWSFOLD.
 */
#ifndef EXG_EWS_ITEM_PRIVATE_H
#define EXG_EWS_ITEM_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/item.h"

/* --- requests --------------------------------------------------------------------------------- */

/* t:FolderId, which tells the mailbox, too; or t:DistinguishedFolderId in the target's mailbox. Where
 * both are set, the id counts. */
void exg_ews_write_any_folder(ExgXmlWriter *writer, const ExgEwsTarget *target,
                              const ExgEwsFolderId *folder);
/* m:IndexedPageItemView or m:IndexedPageFolderView, as `name` says. */
void exg_ews_write_page(ExgXmlWriter *writer, const char *name, guint offset, guint max_entries);
void exg_ews_write_item_id(ExgXmlWriter *writer, const ExgEwsItemId *id);
/* m:ItemShape with all that ExgEwsItem has, or the id alone. */
void exg_ews_write_item_shape(ExgXmlWriter *writer, bool id_only);
/* m:FolderShape with all that ExgEwsFolderInfo has. */
void exg_ews_write_folder_shape(ExgXmlWriter *writer);
/* t:ExtendedFieldURI of a tag whose value is a whole number. */
void exg_ews_write_tag_uri(ExgXmlWriter *writer, const char *tag);

/* --- answers ---------------------------------------------------------------------------------- */

/* NULL if the item has no id. */
ExgEwsItem *exg_ews_item_read(const ExgXmlNode *node);
ExgEwsFolderInfo *exg_ews_folder_info_read(const ExgXmlNode *node);

/* --- what is given, copied -------------------------------------------------------------------- */

/* Owns its strings; may stand where an ExgEwsFolderId or ExgEwsItemId is asked for. */
ExgEwsFolderId exg_ews_folder_id_copy(const ExgEwsFolderId *folder);
void exg_ews_folder_id_clear(ExgEwsFolderId *folder);
ExgEwsItemId exg_ews_item_id_copy(const ExgEwsItemId *id);
void exg_ews_item_id_clear(ExgEwsItemId *id);

/* "HardDelete" */
const char *exg_ews_disposal_name(ExgEwsDisposal disposal);

#endif
