/* policy.h - what the administrator wants: which recipients are looked at, and what happens to them.
 *
 * Threads:  immutable once made; any.
 * Errors:   EXG_ERROR_CONFIG, one sentence that names the key.
 */
#ifndef EXG_MILTER_POLICY_H
#define EXG_MILTER_POLICY_H

#include "common/base/conf.h"
#include "milter/decision.h"

typedef struct ExgPolicy ExgPolicy;

ExgPolicy *exg_policy_new(const ExgConf *conf, GError **error);
void exg_policy_free(ExgPolicy *policy);

const ExgRules *exg_policy_rules(const ExgPolicy *policy);
/* Nothing is refused; what would have been is logged. */
bool exg_policy_only_learns(const ExgPolicy *policy);
bool exg_policy_adds_header(const ExgPolicy *policy);
bool exg_policy_marks_auto_submitted(const ExgPolicy *policy);

/* Why nobody looks at what this client sends: "network", "authenticated"; NULL: somebody does.
 * `address`: as the MTA tells it, or NULL. */
const char *exg_policy_skips_client(const ExgPolicy *policy, const char *address,
                                    bool authenticated);
/* Why this recipient is let pass unseen: "recipient", "domain"; NULL: it is not. */
const char *exg_policy_skips_recipient(const ExgPolicy *policy, const char *recipient);
/* Whether a sender's address is one that only our own people may use. */
bool exg_policy_is_internal(const ExgPolicy *policy, const char *sender);
/* Whom the directory knows: the recipient without what stands behind a delimiter. (transfer full) */
char *exg_policy_mailbox_of(const ExgPolicy *policy, const char *recipient);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgPolicy, exg_policy_free)

#endif
