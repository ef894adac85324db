/* folder-property.h - what folders are searched by, and their properties that have no element.
 *
 * Threads:  pure functions.
 * Source:   MS-OXPROPS for the tags.
 */
#ifndef EXG_SIM_FOLDER_PROPERTY_H
#define EXG_SIM_FOLDER_PROPERTY_H

#include "tests/exchange-sim/mailbox.h"
#include "tests/exchange-sim/property.h"

/* A folder, in a mailbox. */
typedef struct {
    const ExgSimMailbox *mailbox;
    const ExgSimFolder *folder;
} ExgSimPlace;

guint exg_sim_folder_count_children(const ExgSimPlace *place);
/* ExgSimValueOf of an ExgSimPlace. */
bool exg_sim_folder_value(gconstpointer place, const ExgXmlNode *path, ExgSimValue *ret_value);

#endif
