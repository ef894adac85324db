#include "milter/decision.h"

#include "common/base/disposition.h"
#include "common/base/error.h"

#include <string.h>

typedef struct {
    const char *name;
    int reject_code;
    const char *reject_enhanced;
    int tempfail_code;
    const char *tempfail_enhanced;
    const char *text;
} Row;

static const Row rows[EXG_N_SITUATIONS] = {
    [EXG_SITUATION_GOOD] = {"good", 550, "5.0.0", 450, "4.0.0", "Ok"},
    [EXG_SITUATION_UNKNOWN] = {"unknown", 550, "5.1.1", 450, "4.1.1",
                               "<{recipient}> no such mailbox"},
    [EXG_SITUATION_NOT_A_MAILBOX] = {"not-a-mailbox", 550, "5.1.1", 450, "4.1.1",
                                     "<{recipient}> is not a mailbox"},
    [EXG_SITUATION_GROUP] = {"group", 550, "5.1.1", 450, "4.1.1",
                             "<{recipient}> is a distribution group"},
    [EXG_SITUATION_TOO_LARGE] = {"too-large", 552, "5.3.4", 452, "4.3.4",
                                 "<{recipient}> takes messages of {limit} bytes at most"},
    [EXG_SITUATION_RESTRICTED] = {"restricted", 550, "5.7.1", 450, "4.7.1",
                                  "<{recipient}> does not take mail from everybody"},
    [EXG_SITUATION_FULL] = {"mailbox-full", 552, "5.2.2", 452, "4.2.2",
                            "<{recipient}> the mailbox is full"},
    [EXG_SITUATION_MODERATED] = {"moderated", 550, "5.7.1", 450, "4.7.1",
                                 "<{recipient}> is moderated"},
    [EXG_SITUATION_OUT_OF_OFFICE] = {"out-of-office", 550, "5.2.1", 450, "4.2.1",
                                     "<{recipient}> is out of office"},
    [EXG_SITUATION_CANNOT_TELL] = {"cannot-tell", 550, "5.4.3", 451, "4.4.3",
                                   "<{recipient}> cannot be looked up now"},
    [EXG_SITUATION_INTERNAL_SENDER] = {"internal-sender", 550, "5.7.1", 450, "4.7.1",
                                       "<{recipient}> may only be used with authentication"},
};

static const char *const actions[] = {"accept", "tempfail", "reject"};

const char *
exg_situation_name(ExgSituation situation)
{
    return rows[situation].name;
}

const char *
exg_action_name(ExgAction action)
{
    return actions[action];
}

/* --- rules ------------------------------------------------------------------------------------ */

/* The next word of a text, which goes on behind it; "" at its end. */
static char *
next_word(const char **text)
{
    const char *begin = *text + strspn(*text, " \t");
    const char *end = begin + strcspn(begin, " \t");
    *text = end;
    return g_strndup(begin, (gsize)(end - begin));
}

static bool
find_action(const char *word, ExgAction *ret_action)
{
    for (guint i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (!g_str_equal(word, actions[i]))
            continue;
        *ret_action = (ExgAction)i;
        return true;
    }
    return false;
}

static bool
check_code(const char *word, ExgAction action, int *ret_code, GError **error)
{
    int class = action == EXG_ACTION_REJECT ? 5 : 4;
    bool valid = strlen(word) == 3 && strspn(word, "0123456789") == 3 && word[0] == '0' + class &&
                 word[1] <= '5';
    if (!valid)
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "%s: a reply code of %d00 to %d59 is expected after %s", word, class,
                             class, actions[action]);
    *ret_code = (int)g_ascii_strtoll(word, NULL, 10);
    return true;
}

static bool
check_enhanced(const char *word, int code, GError **error)
{
    if (exg_enhanced_fits(word, code))
        return true;
    return exg_error_set(error, EXG_ERROR_CONFIG,
                         "%s: an enhanced status code such as %d.1.1 is expected after %d", word,
                         code / 100, code);
}

static bool
check_text(const char *text, GError **error)
{
    for (const char *at = text; *at != '\0'; at++)
        if (!g_ascii_isprint(*at))
            return exg_error_set(error, EXG_ERROR_CONFIG,
                                 "a reply's text is made of printable ASCII characters");
    if (strlen(text) <= EXG_DECISION_TEXT_MAX_BYTES)
        return true;
    return exg_error_set(error, EXG_ERROR_CONFIG, "a reply's text has %d characters at most",
                         EXG_DECISION_TEXT_MAX_BYTES);
}

bool
exg_rule_parse(const char *text, ExgSituation situation, ExgRule *ret_rule, GError **error)
{
    const Row *row = &rows[situation];
    g_autofree char *action = next_word(&text), *code = next_word(&text),
                    *enhanced = next_word(&text);
    text += strspn(text, " \t");
    ExgRule rule = {.code = 250};
    if (!find_action(action, &rule.action))
        return exg_error_set(error, EXG_ERROR_CONFIG, "%s: accept, tempfail or reject is expected",
                             action);
    if (rule.action == EXG_ACTION_ACCEPT && code[0] != '\0')
        return exg_error_set(error, EXG_ERROR_CONFIG, "%s: nothing is expected after accept", code);
    bool rejects = rule.action == EXG_ACTION_REJECT;
    if (rule.action != EXG_ACTION_ACCEPT)
        rule.code = rejects ? row->reject_code : row->tempfail_code;
    if (code[0] != '\0' && !check_code(code, rule.action, &rule.code, error))
        return false;
    if (enhanced[0] != '\0' && !check_enhanced(enhanced, rule.code, error))
        return false;
    if (!check_text(text, error))
        return false;
    const char *fallback = rule.action == EXG_ACTION_ACCEPT ? "2.1.5"
                           : rejects                        ? row->reject_enhanced
                                                            : row->tempfail_enhanced;
    g_strlcpy(rule.enhanced, enhanced[0] != '\0' ? enhanced : fallback, sizeof rule.enhanced);
    rule.text = g_strdup(text[0] != '\0' ? text : row->text);
    *ret_rule = rule;
    return true;
}

void
exg_rules_clear(ExgRules *rules)
{
    for (guint i = 0; i < EXG_N_SITUATIONS; i++)
        g_clear_pointer(&rules->rules[i].text, g_free);
}

/* --- deciding --------------------------------------------------------------------------------- */

/* Appends what can stand in a reply. */
static void
append(ExgDecision *decision, const char *text, gsize length)
{
    gsize used = strlen(decision->text);
    for (gsize i = 0; i < length && used < EXG_DECISION_TEXT_MAX_BYTES; i++)
        decision->text[used++] = g_ascii_isprint(text[i]) ? text[i] : '?';
    decision->text[used] = '\0';
}

static void
write_text(ExgDecision *decision, const char *text, const char *recipient, gint64 limit_bytes)
{
    static const char recipient_mark[] = "{recipient}", limit_mark[] = "{limit}";
    char limit[24];
    g_snprintf(limit, sizeof limit, "%" G_GINT64_FORMAT, limit_bytes);
    decision->text[0] = '\0';
    while (*text != '\0') {
        if (g_str_has_prefix(text, recipient_mark)) {
            append(decision, recipient, strlen(recipient));
            text += strlen(recipient_mark);
        } else if (g_str_has_prefix(text, limit_mark)) {
            append(decision, limit, strlen(limit));
            text += strlen(limit_mark);
        } else {
            append(decision, text++, 1);
        }
    }
}

static void
apply(const ExgRules *rules, ExgSituation situation, const char *address, gint64 limit_bytes,
      ExgDecision *ret_decision)
{
    const ExgRule *rule = &rules->rules[situation];
    ret_decision->situation = situation;
    ret_decision->action = rule->action;
    ret_decision->code = rule->code;
    g_strlcpy(ret_decision->enhanced, rule->enhanced, sizeof ret_decision->enhanced);
    write_text(ret_decision, rule->text, address, limit_bytes);
}

/* Those that hold, as bits. */
static guint
situations_of(const ExgDirectoryFinding *finding, guint64 size_bytes)
{
    const ExgDirectoryTips *tips = &finding->tips;
    guint held = 0;
    switch (finding->verdict) {
    case EXG_DIRECTORY_NO_SUCH:
        return 1u << EXG_SITUATION_UNKNOWN;
    case EXG_DIRECTORY_CANNOT_TELL:
        return 1u << EXG_SITUATION_CANNOT_TELL;
    case EXG_DIRECTORY_NOT_A_MAILBOX:
        held |= 1u << (finding->kind == EXG_RECIPIENT_GROUP ? EXG_SITUATION_GROUP
                                                            : EXG_SITUATION_NOT_A_MAILBOX);
        break;
    case EXG_DIRECTORY_DELIVERABLE:
        break;
    }
    if (tips->max_message_bytes > 0 && size_bytes > (guint64)tips->max_message_bytes)
        held |= 1u << EXG_SITUATION_TOO_LARGE;
    held |= (guint)tips->restricted << EXG_SITUATION_RESTRICTED;
    held |= (guint)tips->full << EXG_SITUATION_FULL;
    held |= (guint)tips->moderated << EXG_SITUATION_MODERATED;
    held |= (guint)tips->out_of_office << EXG_SITUATION_OUT_OF_OFFICE;
    return held;
}

void
exg_decide(const ExgRules *rules, const char *recipient, const ExgDirectoryFinding *finding,
           guint64 size_bytes, ExgDecision *ret_decision)
{
    guint held = situations_of(finding, size_bytes);
    ExgSituation worst = EXG_SITUATION_GOOD;
    for (guint i = EXG_SITUATION_GOOD + 1; i < EXG_N_SITUATIONS; i++) {
        if ((held & 1u << i) == 0)
            continue;
        if (worst == EXG_SITUATION_GOOD || rules->rules[i].action > rules->rules[worst].action)
            worst = (ExgSituation)i;
    }
    apply(rules, worst, recipient, finding->tips.max_message_bytes, ret_decision);
}

void
exg_decide_for(const ExgRules *rules, ExgSituation situation, const char *address,
               ExgDecision *ret_decision)
{
    apply(rules, situation, address, 0, ret_decision);
}
