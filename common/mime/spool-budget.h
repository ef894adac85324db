/* spool-budget.h - how much content may be held at a time, by all messages of a server together.
 *
 * Every byte of a message counts from its arrival until the last delivery has let go of it, whether
 * it lies in memory or in a file. So neither a disk nor memory fills up with mail that Exchange
 * takes slowly.
 *
 * Threads:  any.
 * Memory:   reference counted; messages hold one.
 */
#ifndef EXG_MIME_SPOOL_BUDGET_H
#define EXG_MIME_SPOOL_BUDGET_H

#include <glib.h>
#include <stdbool.h>

typedef struct ExgSpoolBudget ExgSpoolBudget;

ExgSpoolBudget *exg_spool_budget_new(guint64 max_bytes);
ExgSpoolBudget *exg_spool_budget_ref(ExgSpoolBudget *budget);
void exg_spool_budget_unref(ExgSpoolBudget *budget);

/* Takes all of it or nothing. */
bool exg_spool_budget_take(ExgSpoolBudget *budget, guint64 bytes);
void exg_spool_budget_give_back(ExgSpoolBudget *budget, guint64 bytes);
/* Whether that much could be taken now. */
bool exg_spool_budget_has(ExgSpoolBudget *budget, guint64 bytes);
guint64 exg_spool_budget_used(ExgSpoolBudget *budget);
/* From now on; what is held already stays. */
void exg_spool_budget_set_max(ExgSpoolBudget *budget, guint64 max_bytes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgSpoolBudget, exg_spool_budget_unref)

#endif
