#include "milter/policy.h"

#include "common/base/error.h"
#include "common/mime/address.h"
#include "milter/networks.h"

#include <string.h>

struct ExgPolicy {
    ExgRules rules;
    bool only_learns, adds_header, marks_auto_submitted, skips_authenticated;
    ExgNetworks *skipped_networks;
    /* Folded; a domain has its "@". */
    GHashTable *skipped_recipients; /* addresses and domains */
    GHashTable *domains;            /* empty: all */
    GHashTable *internal_domains;
    char *delimiters; /* or NULL */
};

static const struct {
    ExgSituation situation;
    const char *key;
} rule_keys[] = {
    {EXG_SITUATION_UNKNOWN, "unknown"},
    {EXG_SITUATION_NOT_A_MAILBOX, "not_a_mailbox"},
    {EXG_SITUATION_GROUP, "group"},
    {EXG_SITUATION_TOO_LARGE, "too_large"},
    {EXG_SITUATION_RESTRICTED, "restricted"},
    {EXG_SITUATION_FULL, "mailbox_full"},
    {EXG_SITUATION_MODERATED, "moderated"},
    {EXG_SITUATION_OUT_OF_OFFICE, "out_of_office"},
    {EXG_SITUATION_CANNOT_TELL, "cannot_tell"},
    {EXG_SITUATION_INTERNAL_SENDER, "internal_sender"},
};

/* --- reading ---------------------------------------------------------------------------------- */

/* What exgate-lmtpd will do with mail for a group is what is said about it here. */
static const char *
default_for_groups(const ExgConf *conf)
{
    return g_str_equal(exg_conf_string(conf, "directory", "groups"), "expand") ? "accept"
                                                                               : "reject";
}

static bool
read_rules(ExgPolicy *policy, const ExgConf *conf, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(rule_keys); i++) {
        const char *text = exg_conf_string(conf, "milter", rule_keys[i].key);
        if (text == NULL)
            text = default_for_groups(conf);
        ExgSituation situation = rule_keys[i].situation;
        if (!exg_rule_parse(text, situation, &policy->rules.rules[situation], error))
            return exg_conf_blame(conf, "milter", rule_keys[i].key, error);
    }
    return exg_rule_parse("accept", EXG_SITUATION_GOOD, &policy->rules.rules[EXG_SITUATION_GOOD],
                          error);
}

static bool
read_networks(ExgPolicy *policy, const ExgConf *conf, GError **error)
{
    policy->skipped_networks = exg_networks_new(exg_conf_list(conf, "milter", "skip_networks"),
                                                error);
    return policy->skipped_networks != NULL ||
           exg_conf_blame(conf, "milter", "skip_networks", error);
}

static bool
read_domains(GHashTable *domains, const ExgConf *conf, const char *key, GError **error)
{
    for (const char *const *at = exg_conf_list(conf, "milter", key); *at != NULL; at++) {
        if (!exg_address_is_domain(*at)) {
            exg_error_set(error, EXG_ERROR_CONFIG,
                          "%s: a mail domain such as example.com is expected", *at);
            return exg_conf_blame(conf, "milter", key, error);
        }
        g_autofree char *with_at = g_strconcat("@", *at, NULL);
        g_hash_table_add(domains, exg_address_fold(with_at));
    }
    return true;
}

static bool
read_recipients(ExgPolicy *policy, const ExgConf *conf, GError **error)
{
    static const char key[] = "skip_recipients";
    for (const char *const *at = exg_conf_list(conf, "milter", key); *at != NULL; at++) {
        const char *domain = exg_address_domain(*at);
        if (domain == NULL || !exg_address_is_domain(domain)) {
            exg_error_set(error, EXG_ERROR_CONFIG, "%s: an address, or @ and a domain, is expected",
                          *at);
            return exg_conf_blame(conf, "milter", key, error);
        }
        g_hash_table_add(policy->skipped_recipients, exg_address_fold(*at));
    }
    return true;
}

static GHashTable *
string_set(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

ExgPolicy *
exg_policy_new(const ExgConf *conf, GError **error)
{
    g_autoptr(ExgPolicy) policy = g_new0(ExgPolicy, 1);
    policy->only_learns = g_str_equal(exg_conf_string(conf, "milter", "mode"), "learn");
    policy->adds_header = exg_conf_bool(conf, "milter", "add_header");
    policy->marks_auto_submitted = exg_conf_bool(conf, "milter", "mark_auto_submitted");
    policy->skips_authenticated = exg_conf_bool(conf, "milter", "skip_authenticated");
    policy->skipped_recipients = string_set();
    policy->domains = string_set();
    policy->internal_domains = string_set();
    policy->delimiters = g_strdup(exg_conf_string(conf, "delivery", "recipient_delimiter"));
    if (!read_rules(policy, conf, error) || !read_networks(policy, conf, error) ||
        !read_recipients(policy, conf, error) ||
        !read_domains(policy->domains, conf, "domains", error) ||
        !read_domains(policy->internal_domains, conf, "internal_domains", error))
        return NULL;
    return g_steal_pointer(&policy);
}

void
exg_policy_free(ExgPolicy *policy)
{
    if (policy == NULL)
        return;
    exg_rules_clear(&policy->rules);
    exg_networks_free(policy->skipped_networks);
    g_hash_table_unref(policy->skipped_recipients);
    g_hash_table_unref(policy->domains);
    g_hash_table_unref(policy->internal_domains);
    g_free(policy->delimiters);
    g_free(policy);
}

/* --- asking ----------------------------------------------------------------------------------- */

/* "@example.com", or NULL if there is none. */
static const char *
domain_with_at(const char *address)
{
    return strrchr(address, '@');
}

const ExgRules *
exg_policy_rules(const ExgPolicy *policy)
{
    return &policy->rules;
}

bool
exg_policy_only_learns(const ExgPolicy *policy)
{
    return policy->only_learns;
}

bool
exg_policy_adds_header(const ExgPolicy *policy)
{
    return policy->adds_header;
}

bool
exg_policy_marks_auto_submitted(const ExgPolicy *policy)
{
    return policy->marks_auto_submitted;
}

const char *
exg_policy_skips_client(const ExgPolicy *policy, const char *address, bool authenticated)
{
    if (authenticated && policy->skips_authenticated)
        return "authenticated";
    return exg_networks_contain(policy->skipped_networks, address) ? "network" : NULL;
}

const char *
exg_policy_skips_recipient(const ExgPolicy *policy, const char *recipient)
{
    g_autofree char *folded = exg_address_fold(recipient);
    const char *domain = domain_with_at(folded);
    if (domain == NULL)
        return "domain"; /* nothing that the directory could be asked for */
    if (g_hash_table_size(policy->domains) > 0 && !g_hash_table_contains(policy->domains, domain))
        return "domain";
    g_autofree char *mailbox = exg_policy_mailbox_of(policy, folded);
    bool listed = g_hash_table_contains(policy->skipped_recipients, folded) ||
                  g_hash_table_contains(policy->skipped_recipients, mailbox) ||
                  g_hash_table_contains(policy->skipped_recipients, domain);
    return listed ? "recipient" : NULL;
}

bool
exg_policy_is_internal(const ExgPolicy *policy, const char *sender)
{
    g_autofree char *folded = exg_address_fold(sender);
    const char *domain = domain_with_at(folded);
    return domain != NULL && g_hash_table_contains(policy->internal_domains, domain);
}

char *
exg_policy_mailbox_of(const ExgPolicy *policy, const char *recipient)
{
    char *mailbox;
    g_autofree char *detail = NULL;
    if (policy->delimiters == NULL ||
        !exg_address_split_detail(recipient, policy->delimiters, &mailbox, &detail))
        return g_strdup(recipient);
    return mailbox;
}
