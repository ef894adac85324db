/* Which recipients are looked at, and what happens to them, as [milter] has it. */
#include "milter/policy.h"

#include "common/base/error.h"

#include <string.h>

static ExgConf *
conf_of(const char *lines)
{
    g_autofree char *text = g_strdup_printf("[exchange]\nendpoint = https://x.test/EWS\n"
                                            "username = u\npassword_file = /p\n%s",
                                            lines);
    g_autoptr(GError) error = NULL;
    ExgConf *conf = exg_conf_parse(text, strlen(text), "exgate.conf", &error);
    g_assert_no_error(error);
    return conf;
}

static ExgPolicy *
policy_of(const char *lines)
{
    g_autoptr(ExgConf) conf = conf_of(lines);
    g_autoptr(GError) error = NULL;
    ExgPolicy *policy = exg_policy_new(conf, &error);
    g_assert_no_error(error);
    return policy;
}

static ExgAction
action_of(const ExgPolicy *policy, ExgSituation situation)
{
    return exg_policy_rules(policy)->rules[situation].action;
}

/* Nothing that exists is refused for good unless the administrator says so. */
static void
test_defaults(void)
{
    g_autoptr(ExgPolicy) policy = policy_of("");
    g_assert_cmpint(action_of(policy, EXG_SITUATION_GOOD), ==, EXG_ACTION_ACCEPT);
    g_assert_cmpint(action_of(policy, EXG_SITUATION_UNKNOWN), ==, EXG_ACTION_REJECT);
    g_assert_cmpint(action_of(policy, EXG_SITUATION_NOT_A_MAILBOX), ==, EXG_ACTION_REJECT);
    g_assert_cmpint(action_of(policy, EXG_SITUATION_TOO_LARGE), ==, EXG_ACTION_REJECT);
    g_assert_cmpint(action_of(policy, EXG_SITUATION_FULL), ==, EXG_ACTION_TEMPFAIL);
    g_assert_cmpint(action_of(policy, EXG_SITUATION_RESTRICTED), ==, EXG_ACTION_ACCEPT);
    g_assert_cmpint(action_of(policy, EXG_SITUATION_MODERATED), ==, EXG_ACTION_ACCEPT);
    g_assert_cmpint(action_of(policy, EXG_SITUATION_OUT_OF_OFFICE), ==, EXG_ACTION_ACCEPT);
    g_assert_cmpint(action_of(policy, EXG_SITUATION_CANNOT_TELL), ==, EXG_ACTION_TEMPFAIL);
    g_assert_false(exg_policy_only_learns(policy));
    g_assert_false(exg_policy_adds_header(policy));
    g_assert_false(exg_policy_marks_auto_submitted(policy));
    g_assert_null(exg_policy_skips_client(policy, "192.0.2.1", true));
    g_assert_null(exg_policy_skips_recipient(policy, "ann@example.com"));
    g_assert_false(exg_policy_is_internal(policy, "ann@example.com"));
}

/* Here as at the delivery. */
static void
test_groups(void)
{
    g_autoptr(ExgPolicy) rejects = policy_of("[directory]\ngroups = reject\n");
    g_autoptr(ExgPolicy) expands = policy_of("[directory]\ngroups = expand\n");
    g_autoptr(ExgPolicy)
        own = policy_of("[directory]\ngroups = expand\n[milter]\ngroup = tempfail\n");
    g_assert_cmpint(action_of(rejects, EXG_SITUATION_GROUP), ==, EXG_ACTION_REJECT);
    g_assert_cmpint(action_of(expands, EXG_SITUATION_GROUP), ==, EXG_ACTION_ACCEPT);
    g_assert_cmpint(action_of(own, EXG_SITUATION_GROUP), ==, EXG_ACTION_TEMPFAIL);
}

static void
test_clients(void)
{
    g_autoptr(ExgPolicy) policy = policy_of("[milter]\nskip_networks = 192.0.2.0/24 2001:db8::/32\n"
                                            "skip_authenticated = yes\nmode = learn\n");
    g_assert_true(exg_policy_only_learns(policy));
    g_assert_cmpstr(exg_policy_skips_client(policy, "192.0.2.9", false), ==, "network");
    g_assert_cmpstr(exg_policy_skips_client(policy, "IPv6:2001:db8::9", false), ==, "network");
    g_assert_cmpstr(exg_policy_skips_client(policy, "198.51.100.1", true), ==, "authenticated");
    g_assert_null(exg_policy_skips_client(policy, "198.51.100.1", false));
    g_assert_null(exg_policy_skips_client(policy, NULL, false));
}

static void
test_recipients(void)
{
    static const struct {
        const char *recipient, *why;
    } cases[] = {
        {"ann@example.com", NULL},
        {"ANN@EXAMPLE.COM.", NULL},
        {"ann@sub.example.com", "domain"},
        {"ann@example.org", NULL},
        {"ann@other.test", "domain"},
        {"postmaster", "domain"},
        {"abuse@example.com", "recipient"},
        {"Abuse@Example.Com", "recipient"},
        {"abuse+x@example.com", "recipient"},
        {"abuser@example.com", NULL},
        {"abuse@example.org", NULL},
        {"anybody@skipped.example", "recipient"},
    };
    g_autoptr(ExgPolicy)
        policy = policy_of("[delivery]\nrecipient_delimiter = +\n[milter]\n"
                           "domains = Example.com example.org. skipped.example\n"
                           "skip_recipients = abuse@example.com @Skipped.example\n");
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", cases[i].recipient);
        g_assert_cmpstr(exg_policy_skips_recipient(policy, cases[i].recipient), ==, cases[i].why);
    }
    g_autofree char *mailbox = exg_policy_mailbox_of(policy, "ann+lists@example.com");
    g_assert_cmpstr(mailbox, ==, "ann@example.com");
    g_autoptr(ExgPolicy) plain = policy_of("");
    g_autofree char *whole = exg_policy_mailbox_of(plain, "ann+lists@example.com");
    g_assert_cmpstr(whole, ==, "ann+lists@example.com");
}

static void
test_internal(void)
{
    g_autoptr(ExgPolicy) policy = policy_of("[milter]\ninternal_domains = example.com\n");
    g_assert_true(exg_policy_is_internal(policy, "ann@Example.com"));
    g_assert_false(exg_policy_is_internal(policy, "ann@sub.example.com"));
    g_assert_false(exg_policy_is_internal(policy, "ann@example.com.evil.test"));
    g_assert_false(exg_policy_is_internal(policy, ""));
    g_assert_false(exg_policy_is_internal(policy, "postmaster"));
}

/* A fault names its key and the line. */
static void
test_bad(void)
{
    static const char *const bad[][2] = {
        {"unknown = reject 450", "unknown"},
        {"mailbox_full = bounce", "mailbox_full"},
        {"cannot_tell = tempfail 451 5.4.3", "cannot_tell"},
        {"group = yes", "group"},
        {"skip_networks = 192.0.2.0/24 192.0.2.1/24", "skip_networks"},
        {"skip_recipients = abuse", "skip_recipients"},
        {"skip_recipients = ann@", "skip_recipients"},
        {"domains = @example.com", "domains"},
        {"internal_domains = exa/mple", "internal_domains"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *lines = g_strdup_printf("[milter]\n%s\n", bad[i][0]);
        g_autofree char *where = g_strdup_printf("exgate.conf:6: [milter] %s: ", bad[i][1]);
        g_autoptr(ExgConf) conf = conf_of(lines);
        g_autoptr(GError) error = NULL;
        g_assert_null(exg_policy_new(conf, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
        g_test_message("%s", error->message);
        g_assert_true(g_str_has_prefix(error->message, where));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/milter/policy/defaults", test_defaults);
    g_test_add_func("/milter/policy/groups", test_groups);
    g_test_add_func("/milter/policy/clients", test_clients);
    g_test_add_func("/milter/policy/recipients", test_recipients);
    g_test_add_func("/milter/policy/internal", test_internal);
    g_test_add_func("/milter/policy/bad", test_bad);
    return g_test_run();
}
