/* item-private.h - items and folders in requests and answers.
 *
 * Source:   MS-OXWSCORE, MS-OXWSFOLD; XML Schema 3.2 for booleans and times.
 */
#ifndef EXG_EWS_ITEM_PRIVATE_H
#define EXG_EWS_ITEM_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/item.h"

/* --- requests --------------------------------------------------------------------------------- */

/* t:FolderId, or t:DistinguishedFolderId in the target's mailbox. */
void exg_ews_write_any_folder(ExgXmlWriter *writer, const ExgEwsTarget *target,
                             const ExgEwsFolderId *folder);
void exg_ews_write_item_id(ExgXmlWriter *writer, const ExgEwsItemId *id);
/* m:ItemShape with all that ExgEwsItem has, or the id alone. */
void exg_ews_write_item_shape(ExgXmlWriter *writer, bool id_only);
/* m:FolderShape with all that ExgEwsFolderInfo has. */
void exg_ews_write_folder_shape(ExgXmlWriter *writer);
/* t:ExtendedFieldURI of a tag whose value is a whole number. */
void exg_ews_write_tag_uri(ExgXmlWriter *writer, const char *tag);

/* --- answers ---------------------------------------------------------------------------------- */

/* The text of a child in the types namespace, or NULL. */
const char *exg_ews_item_text(const ExgXmlNode *node, const char *name);
/* true, 1 and on are true; anything else is not. NULL-safe. */
bool exg_ews_is_true(const char *text);
/* A whole number of at most 2^53; -1 if it is none, or missing. */
gint64 exg_ews_item_number(const ExgXmlNode *node, const char *name);
/* Seconds since 1970; what has no zone is UTC. -1 if it is none. NULL-safe. */
gint64 exg_ews_time_of(const char *text);

/* NULL if the item has no id. */
ExgEwsItem *exg_ews_item_read(const ExgXmlNode *node);
ExgEwsFolderInfo *exg_ews_folder_info_read(const ExgXmlNode *node);

/* --- what is given, copied -------------------------------------------------------------------- */

/* Owns its strings; may stand where an ExgEwsFolderId or ExgEwsItemId is asked for. */
ExgEwsFolderId exg_ews_folder_id_copy(const ExgEwsFolderId *folder);
void exg_ews_folder_id_clear(ExgEwsFolderId *folder);
ExgEwsItemId exg_ews_item_id_copy(const ExgEwsItemId *id);
void exg_ews_item_id_clear(ExgEwsItemId *id);

#endif
