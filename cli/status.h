/* status.h - what `exgate status` tells of this host.
 *
 * Threads:  the main thread.
 */
#ifndef EXG_CLI_STATUS_H
#define EXG_CLI_STATUS_H

#include "cli/tool.h"

/* Adds the journal, the throttle and exgate-lmtpd's statistics, as far as they can be read. */
void exg_status_add_local(const ExgTool *tool, ExgTable *table);
void exg_status_append_local(const ExgTool *tool, GString *json);

#endif
