/* product.h - which Exchange is simulated: its build, and what its schema has.
 *
 * A request is held against the older of two schemas, the server's newest and the one that the
 * request names.
 *
 * Threads:  pure functions.
 * Source:   Microsoft's pages "EWS schema versions in Exchange" and "Exchange Server build numbers";
 *           MS-OXWSCDATA (the versions named with each element).
 */
#ifndef EXG_SIM_PRODUCT_H
#define EXG_SIM_PRODUCT_H

#include "common/xml/tree.h"
#include "common/xml/writer.h"
#include "tests/exchange-sim/refusal.h"

typedef struct {
    const char *name;
    guint build[4];
    const char *schema;     /* what its answers are in */
    const char *newest;     /* RequestServerVersion that it takes */
} ExgSimProduct;

/* "Exchange2007_SP1" … "ExchangeSE", in any case; NULL: the newest. NULL if there is none like it. Static. */
const ExgSimProduct *exg_sim_product_find(const char *name);

/* t:ServerVersionInfo */
void exg_sim_product_write(const ExgSimProduct *product, ExgXmlWriter *writer);

/* Whether the product takes the version of a request; NULL: it named none. */
bool exg_sim_product_takes(const ExgSimProduct *product, const char *version,
                           ExgSimRefusal *refusal);
/* Whether it has the operation, and all that is said in it, in that version. */
bool exg_sim_product_check(const ExgSimProduct *product, const char *version,
                           const ExgXmlNode *operation, ExgSimRefusal *refusal);

#endif
