#include "milter/map-check.h"

#include "common/base/clock.h"
#include "common/base/log.h"

struct ExgMapCheck {
    ExgMilterSettings *settings;
};

/* A recipient that is being looked up. */
typedef struct {
    ExgMilterSettings *settings;
    char *recipient;
    guint64 size_bytes;
    ExgMapAnswerFunc function;
    gpointer data;
} Question;

static ExgMapOutcome
outcome_of(const ExgDecision *decision)
{
    bool is_final = decision->action == EXG_ACTION_REJECT;
    if (decision->action == EXG_ACTION_ACCEPT)
        return EXG_MAP_GOOD;
    switch (decision->situation) {
    case EXG_SITUATION_UNKNOWN:
    case EXG_SITUATION_NOT_A_MAILBOX:
    case EXG_SITUATION_GROUP:
        return is_final ? EXG_MAP_UNKNOWN : EXG_MAP_UNSURE;
    case EXG_SITUATION_CANNOT_TELL:
        return is_final ? EXG_MAP_REFUSED : EXG_MAP_UNSURE;
    default:
        return is_final ? EXG_MAP_REFUSED : EXG_MAP_DEFERRED;
    }
}

static void
log_decision(const ExgPolicy *policy, const char *recipient, const ExgDecision *decision)
{
    g_autoptr(ExgEvent) event = exg_event_new(NULL);
    exg_event_set(event, "recipient", recipient);
    exg_event_set(event, "situation", exg_situation_name(decision->situation));
    exg_log(EXG_LOG_INFO, event, "%s %s by map: %d %s %s",
            exg_policy_only_learns(policy) ? "would" : "did", exg_action_name(decision->action),
            decision->code, decision->enhanced, decision->text);
}

static void
answer(const ExgPolicy *policy, const char *recipient, const ExgDecision *decision,
       ExgMapAnswerFunc function, gpointer data)
{
    ExgMapAnswer map_answer = {
        .outcome = outcome_of(decision),
        .code = decision->code,
        .enhanced = decision->enhanced,
        .text = decision->text,
    };
    if (map_answer.outcome != EXG_MAP_GOOD) {
        log_decision(policy, recipient, decision);
        if (exg_policy_only_learns(policy))
            map_answer.outcome = EXG_MAP_GOOD;
    }
    function(&map_answer, data);
}

static void
found(const ExgDirectoryFinding *finding, gpointer data)
{
    Question *question = data;
    const ExgPolicy *policy = exg_milter_settings_policy(question->settings);
    ExgDecision decision;
    exg_decide(exg_policy_rules(policy), question->recipient, finding, question->size_bytes,
               &decision);
    answer(policy, question->recipient, &decision, question->function, question->data);
    exg_milter_settings_unref(question->settings);
    g_free(question->recipient);
    g_free(question);
}

static bool
is_skipped(const ExgPolicy *policy, const ExgMapQuestion *question)
{
    return exg_policy_skips_client(policy, question->client_address, question->authenticated) !=
               NULL ||
           exg_policy_skips_recipient(policy, question->recipient) != NULL;
}

void
exg_map_check_ask(const ExgMapQuestion *question, gpointer check, ExgMapAnswerFunc function,
                  gpointer data)
{
    ExgMilterSettings *settings = ((ExgMapCheck *)check)->settings;
    const ExgPolicy *policy = exg_milter_settings_policy(settings);
    if (is_skipped(policy, question)) {
        function(&(ExgMapAnswer){.outcome = EXG_MAP_NOT_OURS}, data);
        return;
    }
    if (question->sender != NULL && !question->authenticated &&
        exg_policy_is_internal(policy, question->sender)) {
        ExgDecision decision;
        exg_decide_for(exg_policy_rules(policy), EXG_SITUATION_INTERNAL_SENDER, question->sender,
                       &decision);
        if (decision.action != EXG_ACTION_ACCEPT && !exg_policy_only_learns(policy)) {
            answer(policy, question->recipient, &decision, function, data);
            return;
        }
    }
    Question *asked = g_new(Question, 1);
    *asked = (Question){
        .settings = exg_milter_settings_ref(settings),
        .recipient = g_strdup(question->recipient),
        .size_bytes = question->size_bytes,
        .function = function,
        .data = data,
    };
    g_autofree char *mailbox = exg_policy_mailbox_of(policy, question->recipient);
    exg_directory_check_for(
        exg_milter_settings_directory(settings), question->client_address, mailbox,
        exg_clock_deadline_ms(exg_milter_settings_timeout_ms(settings)), NULL, found, asked);
}

ExgMapCheck *
exg_map_check_new(ExgMilterSettings *settings)
{
    ExgMapCheck *check = g_new(ExgMapCheck, 1);
    check->settings = exg_milter_settings_ref(settings);
    return check;
}

void
exg_map_check_free(ExgMapCheck *check)
{
    if (check == NULL)
        return;
    exg_milter_settings_unref(check->settings);
    g_free(check);
}

void
exg_map_check_configure(ExgMapCheck *check, ExgMilterSettings *settings)
{
    exg_milter_settings_unref(check->settings);
    check->settings = exg_milter_settings_ref(settings);
}
