/* source-ews.h - recipients as Exchange Web Services know them: GetFolder on the inbox,
 * ResolveNames, GetMailTips, and ExpandDL for groups.
 *
 * Threads:  the engine's.
 */
#ifndef EXG_DIRECTORY_SOURCE_EWS_H
#define EXG_DIRECTORY_SOURCE_EWS_H

#include "common/account/account.h"
#include "common/directory/source.h"

/* `tips_sender`: the address for which mail tips are asked, the account's own; NULL: they are not. */
ExgDirectorySource *exg_directory_source_ews_new(ExgAccount *account, const char *tips_sender);

#endif
