/* item-shape.h - which properties of an item an answer shows.
 *
 * Source:   MS-OXWSCORE: ItemResponseShapeType; the order of t:Message.
 */
#ifndef EXG_SIM_ITEM_SHAPE_H
#define EXG_SIM_ITEM_SHAPE_H

#include "tests/exchange-sim/call.h"

/* Whether a shape names this property besides those of its BaseShape. */
bool exg_sim_shape_asks_for(const ExgXmlNode *shape, const char *field_uri);
/* Writes t:ExtendedProperty, with the path as the request had it. */
void exg_sim_extended_property_write(ExgXmlWriter *writer, const ExgXmlNode *uri,
                                     const char *value);
/* Refuses an m:ItemShape that names an impossible property. */
bool exg_sim_item_shape_check(const ExgXmlNode *shape, ExgSimRefusal *refusal);
/* Writes the item as t:Message. `searching`: FindItem, which never shows content. */
void exg_sim_item_shape_write(const ExgXmlNode *shape, ExgXmlWriter *writer,
                              const ExgSimMailbox *mailbox, const ExgSimItem *item, bool searching);

#endif
