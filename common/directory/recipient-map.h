/* recipient-map.h - the administrator's file of addresses: recipients that are known whatever
 * Exchange says, or does not.
 *
 * The file is a recipient-list.h: a mailbox, unless `group` stands behind the address. It is read
 * again when it has changed, which is noticed within EXG_RECIPIENT_MAP_LOOK_MS of being asked for;
 * one that cannot be read, or is wrong, leaves what was read before in force.
 *
 * Threads:  the engine's; the file is read in a thread of the map's own.
 * Errors:   EXG_ERROR_CONFIG, with the file and the line.
 * Limits:   those of recipient-list.h.
 */
#ifndef EXG_DIRECTORY_RECIPIENT_MAP_H
#define EXG_DIRECTORY_RECIPIENT_MAP_H

#include "common/directory/finding.h"
#include "common/io/engine.h"

#define EXG_RECIPIENT_MAP_LOOK_MS 1000

typedef struct ExgRecipientMap ExgRecipientMap;

/* Reads it, which may block. */
ExgRecipientMap *exg_recipient_map_new(ExgEngine *engine, const char *path, GError **error);
/* NULL-safe. */
void exg_recipient_map_free(ExgRecipientMap *map);

/* MAILBOX or GROUP; UNKNOWN: it is not in there, or `map` is NULL. */
ExgRecipientKind exg_recipient_map_find(ExgRecipientMap *map, const char *address);
guint exg_recipient_map_count(const ExgRecipientMap *map);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgRecipientMap, exg_recipient_map_free)

#endif
