/* ews-store.h - the store for Exchange Server: CreateItem into the inbox or the junk
 * folder, FindItem by delivery key.
 *
 * A message that Exchange refuses for its content (5.6.x) is delivered once more, as an attachment
 * (wrapping.h).
 *
 * A recipient "user+folder@example.com" means the mail folder of that name, at the top of the
 * user's mailbox or below his inbox, if there is one; what is wrong with a folder never keeps a
 * message out of the inbox. Ids of folders are remembered (folder-cache.h).
 *
 * Threads:  the engine's.
 */
#ifndef EXG_STORE_EWS_STORE_H
#define EXG_STORE_EWS_STORE_H

#include "common/account/account.h"
#include "common/store/store.h"

/* References the account. `delimiters`: the characters of which one stands between user and folder;
 * NULL: recipients name no folders. */
ExgStore *exg_ews_store_new(ExgAccount *account, const char *delimiters);

#endif
