/* budget-private.h - how many look-ups Exchange may be asked, so that guessed addresses do not
 * become its load.
 *
 * Two kinds of token buckets. One for all look-ups: a token each, so many a second. One for each
 * client: a token is taken for a look-up and given back if it found somebody, so that a client
 * which knows whom it writes to is never short of them, and one that guesses soon is.
 *
 * Threads:  a plain object of its owner's.
 * Limits:   EXG_DIRECTORY_MAX_CLIENTS; the one not seen for longest is forgotten.
 */
#ifndef EXG_DIRECTORY_BUDGET_PRIVATE_H
#define EXG_DIRECTORY_BUDGET_PRIVATE_H

#include <glib.h>
#include <stdbool.h>

#define EXG_DIRECTORY_MAX_CLIENTS 10000
/* Of the rate for all, this much can be saved for a rush. */
#define EXG_DIRECTORY_BURST_S 10

typedef enum { EXG_BUDGET_GRANTED, EXG_BUDGET_ALL_SPENT, EXG_BUDGET_CLIENT_SPENT } ExgBudgetAnswer;

typedef struct ExgDirectoryBudget ExgDirectoryBudget;

/* 0: no limit. `max_clients` 0: EXG_DIRECTORY_MAX_CLIENTS. */
ExgDirectoryBudget *exg_directory_budget_new(guint per_second, guint per_client_minute,
                                             guint max_clients);
void exg_directory_budget_free(ExgDirectoryBudget *budget);

/* Asks for a look-up; `client` NULL: on nobody's behalf. Takes a token of each, or none. */
ExgBudgetAnswer exg_directory_budget_take(ExgDirectoryBudget *budget, const char *client,
                                          gint64 now_us);
/* The look-up did not find that there is nobody. */
void exg_directory_budget_give_back(ExgDirectoryBudget *budget, const char *client, gint64 now_us);
guint exg_directory_budget_clients(const ExgDirectoryBudget *budget);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgDirectoryBudget, exg_directory_budget_free)

#endif
