/* directory.h - who there is: the mailboxes, lists and contacts of the simulated organisation.
 *
 * An entry is one line: its address and what it has, as README.md says; '#' begins a comment.
 *
 * Threads:  the engine's.
 * Errors:   EXG_ERROR_CONFIG, one sentence with the file and line.
 * Limits:   EXG_SIM_DIRECTORY_MAX entries.
 */
#ifndef EXG_SIM_DIRECTORY_H
#define EXG_SIM_DIRECTORY_H

#include "tests/exchange-sim/mailbox.h"
#include "tests/exchange-sim/product.h"
#include "tests/exchange-sim/subscription.h"

#define EXG_SIM_DIRECTORY_MAX 1000000

typedef struct ExgSimDirectory ExgSimDirectory;

/* `path`: where mailboxes are kept on disk; NULL: in memory only. */
ExgSimDirectory *exg_sim_directory_new(const char *path);
void exg_sim_directory_free(ExgSimDirectory *directory);

/* Adds an entry and loads its items. An address that is taken is an error. */
bool exg_sim_directory_add(ExgSimDirectory *directory, const char *line, GError **error);
bool exg_sim_directory_add_file(ExgSimDirectory *directory, const char *path, GError **error);
/* Adds the mailboxes that are on disk. */
bool exg_sim_directory_add_stored(ExgSimDirectory *directory, GError **error);
/* Forgets an entry; its files stay. False if there is none. */
bool exg_sim_directory_remove(ExgSimDirectory *directory, const char *address);

/* What its servers are; until then the newest. */
void exg_sim_directory_set_product(ExgSimDirectory *directory, const ExgSimProduct *product);
const ExgSimProduct *exg_sim_directory_product(const ExgSimDirectory *directory);

/* What happens in the mailboxes is told there. */
ExgSimSubscriptions *exg_sim_directory_subscriptions(ExgSimDirectory *directory);

guint exg_sim_directory_count(const ExgSimDirectory *directory);
ExgSimMailbox *exg_sim_directory_get(const ExgSimDirectory *directory, guint index);
/* By primary or proxy address, in any case. */
ExgSimMailbox *exg_sim_directory_find(const ExgSimDirectory *directory, const char *address);
ExgSimMailbox *exg_sim_directory_find_sid(const ExgSimDirectory *directory, const char *sid);
/* Ambiguous name resolution as ResolveNames does it: a prefix of a name, a word of it or an
 * address; with "smtp:" of an address only. Hidden entries are not found. Free the array, not what
 * is in it. */
GPtrArray *exg_sim_directory_resolve(const ExgSimDirectory *directory, const char *entry);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgSimDirectory, exg_sim_directory_free)

#endif
