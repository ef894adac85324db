/* sniff.h - what a request is about, told by the first bytes of its body.
 *
 * For faults that act before the body is complete.
 *
 * Limits:   looks at the first 8 KiB.
 */
#ifndef EXG_SIM_SNIFF_H
#define EXG_SIM_SNIFF_H

#include <glib.h>
#include <stdbool.h>

/* Whether the element after s:Body has come; its name, and whose mailbox the header names or NULL.
 * (transfer full) */
bool exg_sim_sniff(const GByteArray *body, char **ret_operation, char **ret_mailbox);

#endif
