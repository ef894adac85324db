/* journal-owner-private.h - the name under which a process has deliveries under way, and whether
 * that process still lives.
 *
 * The name is its number and its start time, so that a recycled number is not taken for its
 * predecessor.
 *
 * Threads:  any.
 * Bugs:     a process of another PID namespace looks dead: those who share a journal have to see
 *           each other.
 */
#ifndef EXG_STORE_JOURNAL_OWNER_PRIVATE_H
#define EXG_STORE_JOURNAL_OWNER_PRIVATE_H

#include <glib.h>
#include <stdbool.h>

/* This process. (transfer full) */
char *exg_journal_owner_new(void);
bool exg_journal_owner_is_alive(const char *owner);
/* Its process number; 0 if that is no owner's name. */
gint64 exg_journal_owner_process(const char *owner);

#endif
