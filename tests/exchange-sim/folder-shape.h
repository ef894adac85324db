/* folder-shape.h - a folder as an answer shows it: the properties that the request's shape asks for.
 *
 * Source:   MS-OXWSFOLD.
 */
#ifndef EXG_SIM_FOLDER_SHAPE_H
#define EXG_SIM_FOLDER_SHAPE_H

#include "common/xml/tree.h"
#include "common/xml/writer.h"
#include "tests/exchange-sim/mailbox.h"

/* Writes t:Folder, t:CalendarFolder … */
void exg_sim_folder_shape_write(const ExgXmlNode *shape, ExgXmlWriter *writer,
                                const ExgSimMailbox *mailbox, const ExgSimFolder *folder);

#endif
