/* mailbox-list.h - a list of people, groups or rooms, as several commands print one.
 *
 * Threads:  the main thread.
 */
#ifndef EXG_CLI_MAILBOX_LIST_H
#define EXG_CLI_MAILBOX_LIST_H

#include "cli/tool.h"

/* `mailboxes`: of ExgEwsMailbox. `types`: with a column that tells what each is. */
void exg_mailbox_list_print(const GPtrArray *mailboxes, bool types);
/* Appends an array of objects under that name, or of its own if that is NULL. */
void exg_mailbox_list_append(GString *json, const char *name, const GPtrArray *mailboxes);

#endif
