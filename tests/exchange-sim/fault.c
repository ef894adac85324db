#include "tests/exchange-sim/fault.h"

#include "common/base/error.h"
#include "tests/exchange-sim/text.h"

#include <string.h>

struct ExgSimFaults {
    GPtrArray *rules; /* of ExgSimFault */
};

/* What an action takes as its first word. */
typedef enum { NOTHING, A_NUMBER, A_CODE, A_TARGET } Argument;

static const struct {
    const char *name;
    ExgSimAction action;
    Argument argument;
    bool at_connect; /* may follow `on connect` */
} actions[] = {
    {"delay", EXG_SIM_DELAY, A_NUMBER, true},
    {"late", EXG_SIM_LATE, A_NUMBER, false},
    {"slow", EXG_SIM_SLOW, A_NUMBER, false},
    {"reset-after-request-bytes", EXG_SIM_RESET_EARLY, A_NUMBER, false},
    {"reset", EXG_SIM_RESET, NOTHING, true},
    {"close-without-answer", EXG_SIM_CLOSE, NOTHING, true},
    {"stored-unanswered", EXG_SIM_CLOSE, NOTHING, false},
    {"stall", EXG_SIM_STALL, NOTHING, true},
    {"status", EXG_SIM_STATUS, A_NUMBER, false},
    {"html404", EXG_SIM_STATUS, NOTHING, false},
    {"unauthorized", EXG_SIM_UNAUTHORIZED, NOTHING, false},
    {"garbage", EXG_SIM_GARBAGE, NOTHING, false},
    {"xml-flood", EXG_SIM_FLOOD, A_NUMBER, false},
    {"code", EXG_SIM_CODE, A_CODE, false},
    {"capacity", EXG_SIM_CAPACITY, A_NUMBER, false},
    {"truncate", EXG_SIM_TRUNCATE, A_NUMBER, false},
    {"no-itemid", EXG_SIM_NO_ITEM_ID, NOTHING, false},
    {"illegal-char-ref", EXG_SIM_ILLEGAL_CHAR, NOTHING, false},
    {"lie", EXG_SIM_LIE, NOTHING, false},
    {"redirect", EXG_SIM_REDIRECT, A_TARGET, false},
    {"stream-stall", EXG_SIM_STREAM_STALL, A_NUMBER, false},
    {"stream-drop", EXG_SIM_STREAM_DROP, A_NUMBER, false},
    {"tls-alert", EXG_SIM_TLS_ALERT, NOTHING, true},
};

static void
fault_clear(gpointer data)
{
    ExgSimFault *fault = data;
    g_free(fault->operation);
    g_free(fault->mailbox);
    g_free(fault->code);
    g_free(fault->inner);
    g_free(fault->retry_after);
}

void
exg_sim_fault_unref(ExgSimFault *fault)
{
    if (fault != NULL)
        g_rc_box_release_full(fault, fault_clear);
}

static void
rule_free(gpointer fault)
{
    exg_sim_fault_unref(fault);
}

ExgSimFaults *
exg_sim_faults_new(void)
{
    ExgSimFaults *faults = g_new0(ExgSimFaults, 1);
    faults->rules = g_ptr_array_new_with_free_func(rule_free);
    return faults;
}

void
exg_sim_faults_free(ExgSimFaults *faults)
{
    if (faults == NULL)
        return;
    g_ptr_array_unref(faults->rules);
    g_free(faults);
}

guint
exg_sim_faults_count(const ExgSimFaults *faults)
{
    return faults->rules->len;
}

/* --- reading a rule --------------------------------------------------------------------------- */

static bool
read_number(const char *word, const char *text, guint64 *ret_value, GError **error)
{
    if (exg_sim_number(text, G_MAXUINT32, ret_value))
        return true;
    return exg_error_set(error, EXG_ERROR_CONFIG, "'%s' does not have a number", word);
}

static bool
read_condition(ExgSimFault *fault, const char *word, GError **error)
{
    const char *value;
    if ((value = exg_sim_after(word, "after=")) != NULL)
        return read_number(word, value, &fault->after, error);
    if ((value = exg_sim_after(word, "times=")) != NULL)
        return read_number(word, value, &fault->times, error);
    if (g_str_equal(word, "stored")) {
        fault->stored = true;
    } else if (g_str_equal(word, "conn=new") || g_str_equal(word, "conn=reused")) {
        fault->reused = g_str_equal(word, "conn=reused");
    } else if ((value = exg_sim_after(word, "mailbox=")) != NULL && value[0] != '\0') {
        g_free(fault->mailbox);
        fault->mailbox = g_strdup(value);
    } else {
        return exg_error_set(
            error, EXG_ERROR_CONFIG,
            "'%s' is none of mailbox=, after=, times=, conn=new, conn=reused, stored, do", word);
    }
    return true;
}

static bool
is_code(const char *text)
{
    return text != NULL && text[0] != '\0' &&
           text[strspn(text, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS)] == '\0';
}

/* The words after the action's first argument. */
static bool
read_option(ExgSimFault *fault, const char *word, GError **error)
{
    const char *value;
    guint64 number;
    if (fault->action == EXG_SIM_STATUS) {
        if (g_str_equal(word, "html"))
            return fault->html = true;
        value = exg_sim_after(word, "retry-after=");
        if (value != NULL &&
            (g_str_equal(value, "date") || exg_sim_number(value, G_MAXUINT32, &number))) {
            g_free(fault->retry_after);
            fault->retry_after = g_strdup(value);
            return true;
        }
    } else if (fault->action == EXG_SIM_CODE) {
        if (g_str_equal(word, "fault"))
            return fault->as_fault = true;
        value = exg_sim_after(word, "inner=");
        if (is_code(value)) {
            g_free(fault->inner);
            fault->inner = g_strdup(value);
            return true;
        }
    } else if (fault->action == EXG_SIM_REDIRECT) {
        if (g_str_equal(word, "http"))
            return fault->by_http = true;
    } else if (fault->action == EXG_SIM_CAPACITY) {
        value = exg_sim_after(word, "service=");
        if (value != NULL && exg_sim_number(value, G_MAXINT32, &number)) {
            fault->service_ms = (gint64)number;
            return true;
        }
    }
    value = exg_sim_after(word, "backoff=");
    if (fault->action != EXG_SIM_REDIRECT && fault->code != NULL && value != NULL &&
        exg_sim_number(value, G_MAXINT32, &number)) {
        fault->backoff_ms = (gint64)number;
        return true;
    }
    return exg_error_set(error, EXG_ERROR_CONFIG, "'%s' cannot follow '%s'", word, fault->name);
}

static bool
read_action(ExgSimFault *fault, char **words, GError **error)
{
    guint i = 0;
    if (words[0] == NULL)
        return exg_error_set(error, EXG_ERROR_CONFIG, "there is no action after 'do'");
    while (i < G_N_ELEMENTS(actions) && !g_str_equal(words[0], actions[i].name))
        i++;
    if (i == G_N_ELEMENTS(actions))
        return exg_error_set(error, EXG_ERROR_CONFIG, "there is no action '%s'", words[0]);
    fault->action = actions[i].action;
    fault->name = actions[i].name;
    if (g_str_equal(fault->operation, "connect") && !actions[i].at_connect)
        return exg_error_set(error, EXG_ERROR_CONFIG, "'%s' cannot follow 'on connect'",
                             fault->name);
    if (fault->action == EXG_SIM_TLS_ALERT && !g_str_equal(fault->operation, "connect"))
        return exg_error_set(error, EXG_ERROR_CONFIG, "'tls-alert' needs 'on connect'");
    if (fault->action == EXG_SIM_LIE && !g_str_equal(fault->operation, "FindItem"))
        return exg_error_set(error, EXG_ERROR_CONFIG, "'lie' needs 'on FindItem'");
    if (fault->action == EXG_SIM_REDIRECT && !g_str_equal(fault->operation, "Autodiscover"))
        return exg_error_set(error, EXG_ERROR_CONFIG, "'redirect' needs 'on Autodiscover'");
    if (g_str_equal(fault->name, "stored-unanswered"))
        fault->stored = true;
    if (fault->action == EXG_SIM_CAPACITY)
        fault->code = g_strdup("ErrorServerBusy");
    if (g_str_equal(fault->name, "html404")) {
        fault->amount = 404;
        fault->html = true;
    }
    guint next = 1;
    if (actions[i].argument == A_NUMBER) {
        if (words[next] == NULL || !exg_sim_number(words[next], G_MAXUINT32, &fault->amount))
            return exg_error_set(error, EXG_ERROR_CONFIG, "'%s' needs a number", fault->name);
        next++;
    } else if (actions[i].argument == A_CODE) {
        if (!is_code(words[next]))
            return exg_error_set(error, EXG_ERROR_CONFIG, "'%s' needs a ResponseCode", fault->name);
        fault->code = g_strdup(words[next++]);
    } else if (actions[i].argument == A_TARGET) {
        if (words[next] == NULL)
            return exg_error_set(error, EXG_ERROR_CONFIG, "'%s' needs an address", fault->name);
        fault->code = g_strdup(words[next++]);
    }
    if (fault->action == EXG_SIM_STATUS && (fault->amount < 200 || fault->amount > 599))
        return exg_error_set(error, EXG_ERROR_CONFIG, "'%s' is not an HTTP status", words[1]);
    if (fault->action == EXG_SIM_SLOW && fault->amount == 0)
        return exg_error_set(error, EXG_ERROR_CONFIG, "'slow' needs at least one byte per second");
    for (; words[next] != NULL; next++)
        if (!read_option(fault, words[next], error))
            return false;
    return true;
}

static bool
read_rule(ExgSimFault *fault, char **words, GError **error)
{
    if (words[1] == NULL ||
        !(g_str_equal(words[1], "*") || g_str_equal(words[1], "connect") || is_code(words[1])))
        return exg_error_set(error, EXG_ERROR_CONFIG, "'on' needs an operation, '*' or 'connect'");
    fault->operation = g_strdup(words[1]);
    guint i = 2;
    for (; words[i] != NULL && !g_str_equal(words[i], "do"); i++)
        if (!read_condition(fault, words[i], error))
            return false;
    if (words[i] == NULL)
        return exg_error_set(error, EXG_ERROR_CONFIG, "there is no 'do' in the rule");
    return read_action(fault, words + i + 1, error);
}

/* Splits at white space; drops empty words. */
static char **
words_of(const char *line)
{
    g_auto(GStrv) pieces = g_strsplit_set(line, " \t\r", -1);
    GPtrArray *words = g_ptr_array_new();
    for (guint i = 0; pieces[i] != NULL; i++)
        if (pieces[i][0] != '\0')
            g_ptr_array_add(words, g_strdup(pieces[i]));
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

bool
exg_sim_faults_add(ExgSimFaults *faults, const char *line, GError **error)
{
    g_auto(GStrv) words = words_of(line);
    if (words[0] == NULL || words[0][0] == '#')
        return true;
    if (g_str_equal(words[0], "clear") && words[1] == NULL) {
        g_ptr_array_set_size(faults->rules, 0);
        return true;
    }
    if (!g_str_equal(words[0], "on"))
        return exg_error_set(error, EXG_ERROR_CONFIG, "'%s' is neither 'on' nor 'clear'", words[0]);
    if (faults->rules->len >= EXG_SIM_FAULTS_MAX)
        return exg_error_set(error, EXG_ERROR_CONFIG, "more than %d rules", EXG_SIM_FAULTS_MAX);
    g_autoptr(ExgSimFault) fault = g_rc_box_new0(ExgSimFault);
    fault->reused = -1;
    fault->backoff_ms = -1;
    if (!read_rule(fault, words, error))
        return false;
    g_ptr_array_add(faults->rules, g_steal_pointer(&fault));
    return true;
}

bool
exg_sim_faults_add_file(ExgSimFaults *faults, const char *path, GError **error)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, error))
        return false;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        if (!exg_sim_faults_add(faults, lines[i], error)) {
            g_prefix_error(error, "%s:%u: ", path, i + 1);
            return false;
        }
    }
    return true;
}

/* --- acting ----------------------------------------------------------------------------------- */

static ExgSimFaultPhase
phase_of(const ExgSimFault *fault)
{
    if (g_str_equal(fault->operation, "connect"))
        return EXG_SIM_AT_CONNECT;
    return fault->action == EXG_SIM_RESET_EARLY ? EXG_SIM_AT_BYTES : EXG_SIM_AT_REQUEST;
}

static bool
matches(const ExgSimFault *fault, const ExgSimFaultSubject *subject)
{
    if (phase_of(fault) != subject->phase || fault->last_request == subject->request)
        return false;
    if (fault->reused != -1 && fault->reused != (int)subject->reused)
        return false;
    if (fault->mailbox != NULL &&
        (subject->mailbox == NULL || g_ascii_strcasecmp(fault->mailbox, subject->mailbox) != 0))
        return false;
    if (subject->phase == EXG_SIM_AT_CONNECT)
        return true;
    if (subject->phase == EXG_SIM_AT_BYTES && subject->bytes < fault->amount)
        return false;
    return g_str_equal(fault->operation, "*") ||
           g_strcmp0(fault->operation, subject->operation) == 0;
}

ExgSimFault *
exg_sim_faults_take(ExgSimFaults *faults, const ExgSimFaultSubject *subject, guint *cursor)
{
    while (*cursor < faults->rules->len) {
        ExgSimFault *fault = g_ptr_array_index(faults->rules, (*cursor)++);
        if (!matches(fault, subject))
            continue;
        fault->last_request = subject->request;
        if (fault->matched++ < fault->after || (fault->times != 0 && fault->acted >= fault->times))
            continue;
        fault->acted++;
        return g_rc_box_acquire(fault);
    }
    return NULL;
}

bool
exg_sim_fault_goes_on(const ExgSimFault *fault)
{
    if (fault->action == EXG_SIM_CAPACITY)
        return fault->in_service < fault->amount;
    return fault->action == EXG_SIM_DELAY || fault->action == EXG_SIM_LATE ||
           fault->action == EXG_SIM_SLOW;
}
