/* What an SMTP client is told, and how it is written down. */
#include "milter/decision.h"

#include "common/base/error.h"

#include <string.h>

/* --- rules ------------------------------------------------------------------------------------ */

static const struct {
    const char *text;
    ExgSituation situation;
    ExgAction action;
    int code;
    const char *enhanced, *words;
} good[] = {
    {"reject", EXG_SITUATION_UNKNOWN, EXG_ACTION_REJECT, 550, "5.1.1",
     "<{recipient}> no such mailbox"},
    {"reject", EXG_SITUATION_TOO_LARGE, EXG_ACTION_REJECT, 552, "5.3.4",
     "<{recipient}> takes messages of {limit} bytes at most"},
    {"reject", EXG_SITUATION_RESTRICTED, EXG_ACTION_REJECT, 550, "5.7.1",
     "<{recipient}> does not take mail from everybody"},
    {"tempfail", EXG_SITUATION_FULL, EXG_ACTION_TEMPFAIL, 452, "4.2.2",
     "<{recipient}> the mailbox is full"},
    {"tempfail", EXG_SITUATION_CANNOT_TELL, EXG_ACTION_TEMPFAIL, 451, "4.4.3",
     "<{recipient}> cannot be looked up now"},
    {"accept", EXG_SITUATION_FULL, EXG_ACTION_ACCEPT, 250, "2.1.5",
     "<{recipient}> the mailbox is full"},
    {" reject  553 ", EXG_SITUATION_UNKNOWN, EXG_ACTION_REJECT, 553, "5.1.1",
     "<{recipient}> no such mailbox"},
    {"tempfail 421 4.7.0 go away", EXG_SITUATION_UNKNOWN, EXG_ACTION_TEMPFAIL, 421, "4.7.0",
     "go away"},
    {"reject 550 5.7.999  100% {recipient} \"x\"", EXG_SITUATION_GROUP, EXG_ACTION_REJECT, 550,
     "5.7.999", "100% {recipient} \"x\""},
};

static void
test_rules(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        ExgRule rule;
        g_autoptr(GError) error = NULL;
        g_test_message("%s", good[i].text);
        g_assert_true(exg_rule_parse(good[i].text, good[i].situation, &rule, &error));
        g_assert_no_error(error);
        g_assert_cmpint(rule.action, ==, good[i].action);
        g_assert_cmpint(rule.code, ==, good[i].code);
        g_assert_cmpstr(rule.enhanced, ==, good[i].enhanced);
        g_assert_cmpstr(rule.text, ==, good[i].words);
        g_free(rule.text);
    }
}

/* libmilter ignores in silence what does not fit together, so it must not get that far. */
static void
test_bad_rules(void)
{
    static const char *const bad[] = {
        "",
        "bounce",
        "Reject",
        "accept 250",
        "reject 450",
        "reject 5500",
        "reject 560",
        "reject 5a0",
        "tempfail 550",
        "tempfail 399",
        "reject 550 4.1.1",
        "reject 550 5.1",
        "reject 550 5.1.1.1",
        "reject 550 55.1.1",
        "reject 550 5..1",
        "reject 550 5.1234.1",
        "reject 550 no such mailbox",
        "reject 550 5.1.1 caf\xc3\xa9",
        "reject 550 5.1.1 a\x01"
        "b",
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        ExgRule rule;
        g_autoptr(GError) error = NULL;
        g_test_message("%s", bad[i]);
        g_assert_false(exg_rule_parse(bad[i], EXG_SITUATION_UNKNOWN, &rule, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    }
    g_autofree char *words = g_strnfill(EXG_DECISION_TEXT_MAX_BYTES + 1, 'x');
    g_autofree char *too_long = g_strconcat("reject 550 5.1.1 ", words, NULL);
    ExgRule rule;
    g_assert_false(exg_rule_parse(too_long, EXG_SITUATION_UNKNOWN, &rule, NULL));
    too_long[strlen(too_long) - 1] = '\0';
    g_assert_true(exg_rule_parse(too_long, EXG_SITUATION_UNKNOWN, &rule, NULL));
    g_free(rule.text);
}

/* Cut anywhere it is another rule or none, and nothing is read behind its end. */
static void
test_cut_rules(void)
{
    static const char whole[] = "tempfail 451 4.4.3 {recipient} {limit}";
    for (gsize length = 0; length <= strlen(whole); length++) {
        g_autofree char *cut = g_strndup(whole, length);
        ExgRule rule = {.text = NULL};
        bool good_rule = exg_rule_parse(cut, EXG_SITUATION_FULL, &rule, NULL);
        g_assert_cmpint(good_rule, ==, rule.text != NULL);
        if (good_rule)
            g_assert_cmpint(rule.code / 100, ==, 4);
        g_free(rule.text);
    }
}

/* --- decisions -------------------------------------------------------------------------------- */

static void
fill(ExgRules *rules, const char *action)
{
    for (guint i = 0; i < EXG_N_SITUATIONS; i++)
        g_assert_true(exg_rule_parse(i == EXG_SITUATION_GOOD ? "accept" : action, (ExgSituation)i,
                                     &rules->rules[i], NULL));
}

static void
set(ExgRules *rules, ExgSituation situation, const char *text)
{
    g_free(rules->rules[situation].text);
    g_assert_true(exg_rule_parse(text, situation, &rules->rules[situation], NULL));
}

static const ExgDirectoryFinding mailbox = {.verdict = EXG_DIRECTORY_DELIVERABLE,
                                            .kind = EXG_RECIPIENT_MAILBOX};

/* Each situation alone, as it is found. */
static void
test_situations(void)
{
    const struct {
        ExgDirectoryFinding finding;
        guint64 size_bytes;
        ExgSituation situation;
    } cases[] = {
        {mailbox, 0, EXG_SITUATION_GOOD},
        {mailbox, G_MAXUINT64, EXG_SITUATION_GOOD},
        {{.verdict = EXG_DIRECTORY_NO_SUCH, .kind = EXG_RECIPIENT_NOBODY},
         0,
         EXG_SITUATION_UNKNOWN},
        {{.verdict = EXG_DIRECTORY_NOT_A_MAILBOX, .kind = EXG_RECIPIENT_GROUP},
         0,
         EXG_SITUATION_GROUP},
        {{.verdict = EXG_DIRECTORY_NOT_A_MAILBOX, .kind = EXG_RECIPIENT_CONTACT},
         0,
         EXG_SITUATION_NOT_A_MAILBOX},
        {{.verdict = EXG_DIRECTORY_NOT_A_MAILBOX, .kind = EXG_RECIPIENT_PUBLIC_FOLDER},
         0,
         EXG_SITUATION_NOT_A_MAILBOX},
        {{.verdict = EXG_DIRECTORY_CANNOT_TELL}, 0, EXG_SITUATION_CANNOT_TELL},
        {{.verdict = EXG_DIRECTORY_CANNOT_TELL, .kind = EXG_RECIPIENT_MAILBOX},
         0,
         EXG_SITUATION_CANNOT_TELL},
        {{.verdict = EXG_DIRECTORY_DELIVERABLE, .origin = EXG_DIRECTORY_STALE},
         0,
         EXG_SITUATION_GOOD},
        {{.tips = {.known = true, .full = true}}, 0, EXG_SITUATION_FULL},
        {{.tips = {.known = true, .restricted = true}}, 0, EXG_SITUATION_RESTRICTED},
        {{.tips = {.known = true, .moderated = true}}, 0, EXG_SITUATION_MODERATED},
        {{.tips = {.known = true, .out_of_office = true}}, 0, EXG_SITUATION_OUT_OF_OFFICE},
        {{.tips = {.known = true, .max_message_bytes = 1000}}, 1000, EXG_SITUATION_GOOD},
        {{.tips = {.known = true, .max_message_bytes = 1000}}, 1001, EXG_SITUATION_TOO_LARGE},
        {{.tips = {.known = true, .max_message_bytes = 1000}}, 0, EXG_SITUATION_GOOD},
    };
    ExgRules rules;
    fill(&rules, "reject");
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        ExgDecision decision;
        exg_decide(&rules, "ann@example.com", &cases[i].finding, cases[i].size_bytes, &decision);
        g_assert_cmpint(decision.situation, ==, cases[i].situation);
        bool is_good = cases[i].situation == EXG_SITUATION_GOOD;
        g_assert_cmpint(decision.action, ==, is_good ? EXG_ACTION_ACCEPT : EXG_ACTION_REJECT);
        g_assert_cmpint(decision.code / 100, ==, is_good ? 2 : 5);
        g_assert_cmpint(decision.enhanced[0], ==, is_good ? '2' : '5');
    }
    exg_rules_clear(&rules);
}

/* Of several at once the worst happens; accepted ones stand behind. */
static void
test_worst(void)
{
    const ExgDirectoryFinding all = {
        .tips = {.known = true,
                 .full = true,
                 .restricted = true,
                 .moderated = true,
                 .out_of_office = true,
                 .max_message_bytes = 10},
    };
    ExgRules rules;
    ExgDecision decision;
    fill(&rules, "accept");
    exg_decide(&rules, "a@b.test", &all, 11, &decision);
    g_assert_cmpint(decision.action, ==, EXG_ACTION_ACCEPT);
    g_assert_cmpint(decision.situation, ==, EXG_SITUATION_TOO_LARGE);
    set(&rules, EXG_SITUATION_FULL, "tempfail");
    exg_decide(&rules, "a@b.test", &all, 11, &decision);
    g_assert_cmpint(decision.situation, ==, EXG_SITUATION_FULL);
    g_assert_cmpint(decision.code, ==, 452);
    set(&rules, EXG_SITUATION_MODERATED, "reject");
    exg_decide(&rules, "a@b.test", &all, 11, &decision);
    g_assert_cmpint(decision.situation, ==, EXG_SITUATION_MODERATED);
    g_assert_cmpint(decision.code, ==, 550);
    exg_rules_clear(&rules);
}

static void
test_text(void)
{
    ExgRules rules;
    ExgDecision decision;
    fill(&rules, "reject");
    set(&rules, EXG_SITUATION_TOO_LARGE,
        "reject 552 5.3.4 {recipient}: {limit}, {limits} {recipient");
    const ExgDirectoryFinding finding = {.tips = {.max_message_bytes = 1000}};
    exg_decide(&rules, "100%\r\n550 x{limit}\xc3\xa9", &finding, 1001, &decision);
    /* what comes from outside is not read again, and ends no line */
    g_assert_cmpstr(decision.text, ==, "100%??550 x{limit}??: 1000, {limits} {recipient");

    g_autofree char *long_name = g_strnfill(1000, 'x');
    exg_decide_for(&rules, EXG_SITUATION_INTERNAL_SENDER, long_name, &decision);
    g_assert_cmpuint(strlen(decision.text), ==, EXG_DECISION_TEXT_MAX_BYTES);
    g_assert_cmpint(decision.situation, ==, EXG_SITUATION_INTERNAL_SENDER);
    exg_rules_clear(&rules);
}

static void
test_names(void)
{
    for (guint i = 0; i < EXG_N_SITUATIONS; i++)
        g_assert_nonnull(exg_situation_name((ExgSituation)i));
    g_assert_cmpstr(exg_situation_name(EXG_SITUATION_FULL), ==, "mailbox-full");
    g_assert_cmpstr(exg_action_name(EXG_ACTION_TEMPFAIL), ==, "tempfail");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/milter/decision/rules", test_rules);
    g_test_add_func("/milter/decision/bad-rules", test_bad_rules);
    g_test_add_func("/milter/decision/cut-rules", test_cut_rules);
    g_test_add_func("/milter/decision/situations", test_situations);
    g_test_add_func("/milter/decision/worst", test_worst);
    g_test_add_func("/milter/decision/text", test_text);
    g_test_add_func("/milter/decision/names", test_names);
    return g_test_run();
}
