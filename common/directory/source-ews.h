/* source-ews.h - recipients as Exchange Web Services know them: GetFolder on the inbox, and
 * ResolveNames.
 *
 * Threads:  the engine's.
 */
#ifndef EXG_DIRECTORY_SOURCE_EWS_H
#define EXG_DIRECTORY_SOURCE_EWS_H

#include "common/account/account.h"
#include "common/directory/source.h"

ExgDirectorySource *exg_directory_source_ews_new(ExgAccount *account);

#endif
