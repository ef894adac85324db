/* restriction.h - the search expressions of FindItem and FindFolder.
 *
 * Source:   MS-OXWSSRCH.
 */
#ifndef EXG_SIM_RESTRICTION_H
#define EXG_SIM_RESTRICTION_H

#include "tests/exchange-sim/property.h"

/* `expression`: the child of m:Restriction, of t:And … Refuses a property that the simulator cannot
 * search by. `any`: one of the things that are searched. */
bool exg_sim_restriction_check(const ExgXmlNode *expression, ExgSimValueOf value_of,
                               gconstpointer any, ExgSimRefusal *refusal);
/* For an expression that has been checked. */
bool exg_sim_restriction_matches(const ExgXmlNode *expression, ExgSimValueOf value_of,
                                 gconstpointer thing);

#endif
