/* ews-store.h - the store for Exchange Server: CreateItem into the inbox or the junk
 * folder, FindItem by delivery key.
 *
 * A message that Exchange refuses for its content (5.6.x) is delivered once more, as an attachment
 * (wrapping.h).
 *
 * Threads:  the engine's.
 */
#ifndef EXG_STORE_EWS_STORE_H
#define EXG_STORE_EWS_STORE_H

#include "common/account/account.h"
#include "common/store/store.h"

/* References the account. */
ExgStore *exg_ews_store_new(ExgAccount *account);

#endif
