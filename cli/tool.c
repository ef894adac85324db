#include "cli/tool.h"

#include "cli/privilege.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/ews/people/resolve-candidates.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_MS 60000
#define PATIENCE_MS        2000 /* before it says that it waits */

/* --- arguments -------------------------------------------------------------------------------- */

static int
check_operands(const ExgTool *tool, const ExgToolUsage *usage)
{
    const char *program = g_get_prgname();
    if (tool->n_operands < usage->min)
        return exg_complain(EX_USAGE, "%s is missing; try %s --help", usage->operands, program);
    if (tool->n_operands > usage->max)
        return exg_complain(EX_USAGE, "unexpected argument '%s'; try %s --help",
                            tool->operands[usage->max], program);
    for (guint i = 0; i < tool->n_operands; i++)
        if (tool->operands[i][0] == '\0' || !g_utf8_validate(tool->operands[i], -1, NULL))
            return exg_complain(EX_USAGE, "argument %u is %s; try %s --help", i + 1,
                                tool->operands[i][0] == '\0' ? "empty" : "not UTF-8", program);
    return EX_OK;
}

int
exg_tool_parse(ExgTool *tool, const ExgToolUsage *usage, int *argc, char ***argv)
{
    const GOptionEntry common[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &tool->json, "For programs", NULL},
        {"timeout", 0, 0, G_OPTION_ARG_FILENAME, &tool->timeout,
         "Give up after so long; 1min, unless said otherwise", "DURATION"},
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &tool->conf_path,
         "Read FILE instead of " EXG_DEFAULT_CONF, "FILE"},
        {"conf", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &tool->conf_path, NULL, NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &tool->operands, NULL,
         usage->operands},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_set_summary(context, usage->summary);
    if (usage->own != NULL)
        g_option_context_add_main_entries(context, usage->own, NULL);
    g_option_context_add_main_entries(context, common, NULL);
    g_autoptr(GError) error = NULL;
    if (!g_option_context_parse(context, argc, argv, &error))
        return exg_complain(EX_USAGE, "%s; try %s --help", error->message, g_get_prgname());
    if (tool->operands == NULL)
        tool->operands = g_new0(char *, 1);
    tool->n_operands = g_strv_length(tool->operands);
    tool->timeout_ms = DEFAULT_TIMEOUT_MS;
    if (tool->timeout != NULL &&
        (!exg_conf_parse_duration(tool->timeout, &tool->timeout_ms) || tool->timeout_ms <= 0))
        return exg_complain(EX_USAGE, "--timeout %s: a duration such as 30s or 5min is expected",
                            tool->timeout);
    return check_operands(tool, usage);
}

/* --- opening ---------------------------------------------------------------------------------- */

static gboolean
interrupted(gpointer data)
{
    g_cancellable_cancel(data);
    return G_SOURCE_REMOVE; /* which brings back what the signal does by itself */
}

int
exg_tool_configure(ExgTool *tool)
{
    g_autoptr(GError) error = NULL;
    tool->conf = exg_conf_load(tool->conf_path != NULL ? tool->conf_path : EXG_DEFAULT_CONF,
                               &error);
    return tool->conf != NULL ? EX_OK : exg_complain(EX_CONFIG, "%s", error->message);
}

int
exg_tool_start(ExgTool *tool)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    g_autoptr(GError) error = NULL;
    tool->engine = exg_engine_new(&error);
    if (tool->engine == NULL)
        return exg_complain(EX_OSERR, "%s", error->message);
    GMainContext *context = exg_engine_context(tool->engine);
    g_main_context_push_thread_default(context);
    tool->cancellable = g_cancellable_new();
    for (guint i = 0; i < G_N_ELEMENTS(tool->signals); i++) {
        tool->signals[i] = g_unix_signal_source_new(numbers[i]);
        g_source_set_callback(tool->signals[i], interrupted, tool->cancellable, NULL);
        g_source_attach(tool->signals[i], context);
    }
    return EX_OK;
}

static void
on_again(const GError *error, gint64 wait_ms, gpointer data)
{
    ExgTool *tool = data;
    g_free(tool->trouble);
    tool->trouble = exg_printable(error->message);
}

int
exg_tool_open(ExgTool *tool)
{
    int status = exg_tool_configure(tool);
    if (status == EX_OK)
        status = exg_tool_start(tool);
    if (status != EX_OK)
        return status;
    g_autoptr(GError) error = NULL;
    exg_borrow_credentials();
    tool->account = exg_account_new(tool->engine, tool->conf, &error);
    if (tool->account == NULL)
        return exg_complain(EX_CONFIG, "%s", error->message);
    exg_account_set_brief(tool->account);
    const char *journal = exg_conf_string(tool->conf, "delivery", "journal");
    if (!exg_become_owner(journal))
        return exg_complain(EX_OSERR, "cannot become the owner of %s: %s", journal,
                            g_strerror(errno));
    tool->service = exg_account_ews(tool->account);
    exg_ews_service_set_retry(tool->service, &(ExgEwsRetryPolicy){.tolerant = true});
    exg_ews_service_set_again(tool->service, on_again, tool);
    return EX_OK;
}

void
exg_tool_clear(ExgTool *tool)
{
    exg_account_unref(tool->account);
    g_clear_object(&tool->result);
    for (guint i = 0; i < G_N_ELEMENTS(tool->signals); i++)
        if (tool->signals[i] != NULL) {
            g_source_destroy(tool->signals[i]);
            g_source_unref(tool->signals[i]);
        }
    g_clear_object(&tool->cancellable);
    if (tool->engine != NULL) {
        /* what the account has left to do, such as closing its connections */
        while (exg_engine_iterate(tool->engine, false))
            ;
        g_main_context_pop_thread_default(exg_engine_context(tool->engine));
        exg_engine_unref(tool->engine);
    }
    exg_conf_unref(tool->conf);
    g_strfreev(tool->operands);
    g_free(tool->conf_path);
    g_free(tool->timeout);
    g_free(tool->trouble);
}

/* --- waiting ---------------------------------------------------------------------------------- */

gint64
exg_tool_deadline_us(const ExgTool *tool)
{
    return exg_clock_deadline_ms(tool->timeout_ms);
}

void
exg_tool_done(GObject *source, GAsyncResult *result, gpointer data)
{
    ExgTool *tool = data;
    g_set_object(&tool->result, result);
    exg_engine_quit(tool->engine);
}

static gboolean
tell_progress(gpointer data)
{
    const ExgTool *tool = data;
    gint64 waited_ms = (g_get_monotonic_time() - tool->waiting_since_us) / 1000;
    if (waited_ms < PATIENCE_MS)
        return G_SOURCE_CONTINUE;
    const char *whom = tool->waiting_for != NULL ? tool->waiting_for : "Exchange";
    g_autofree char *line = g_strdup_printf(
        "exgate: waiting for %s, %d s%s%s", whom, (int)(waited_ms / 1000),
        tool->trouble != NULL ? "; " : "", tool->trouble != NULL ? tool->trouble : "");
    /* in the last column it would begin another line */
    g_autofree char *shown = exg_text_shorten(line, exg_output_width() - 1);
    fprintf(stderr, "\r%s\033[K", shown);
    return G_SOURCE_CONTINUE;
}

GAsyncResult *
exg_tool_wait(ExgTool *tool)
{
    g_autoptr(GSource) progress = g_timeout_source_new(500);
    tool->waiting_since_us = g_get_monotonic_time();
    if (isatty(STDERR_FILENO)) {
        g_source_set_callback(progress, tell_progress, tool, NULL);
        g_source_attach(progress, exg_engine_context(tool->engine));
    }
    exg_engine_run(tool->engine);
    g_source_destroy(progress);
    if (isatty(STDERR_FILENO) &&
        g_get_monotonic_time() - tool->waiting_since_us >= PATIENCE_MS * 1000)
        fputs("\r\033[K", stderr);
    return tool->result;
}

bool
exg_tool_ask_for_self(ExgTool *tool, GError **error)
{
    const char *user = exg_account_name(tool->conf);
    const char *backslash = strrchr(user, '\\');
    const char *const names[] = {backslash != NULL ? backslash + 1 : user, NULL};
    const ExgEwsTarget target = {.access = EXG_EWS_SELF};
    const ExgEwsResolveOptions options = {.scope = EXG_EWS_SEARCH_DIRECTORY};
    exg_ews_resolve_candidates_async(tool->service, &target, names, &options,
                                     exg_tool_deadline_us(tool), tool->cancellable, exg_tool_done,
                                     tool);
    g_autoptr(GPtrArray) answers = NULL;
    if (!exg_ews_resolve_candidates_finish(tool->service, exg_tool_wait(tool), &answers, error))
        return false;
    const ExgEwsCandidates *answer = g_ptr_array_index(answers, 0);
    if (answer->error == NULL || g_error_matches(answer->error, EXG_ERROR, EXG_ERROR_NO_MAILBOX))
        return true;
    g_propagate_error(error, g_error_copy(answer->error));
    return false;
}

/* --- errors ----------------------------------------------------------------------------------- */

int
exg_tool_status_of(const GError *error)
{
    static const int statuses[EXG_N_ERRORS] = {
        [EXG_ERROR_UNREACHABLE] = EX_TEMPFAIL, [EXG_ERROR_BUSY] = EX_TEMPFAIL,
        [EXG_ERROR_AUTH] = EX_NOPERM,          [EXG_ERROR_DENIED] = EX_NOPERM,
        [EXG_ERROR_NO_MAILBOX] = EX_NOUSER,    [EXG_ERROR_QUOTA] = EX_TEMPFAIL,
        [EXG_ERROR_TOO_LARGE] = EX_DATAERR,    [EXG_ERROR_REJECTED] = EX_DATAERR,
        [EXG_ERROR_PROTOCOL] = EX_PROTOCOL,    [EXG_ERROR_CONFIG] = EX_CONFIG,
        [EXG_ERROR_AMBIGUOUS] = EX_TEMPFAIL,   [EXG_ERROR_RESOURCES] = EX_OSERR,
    };
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return EXG_INTERRUPTED;
    return error->domain == EXG_ERROR ? statuses[error->code] : EX_SOFTWARE;
}

int
exg_tool_complain(const GError *error)
{
    bool cancelled = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_autofree char *sentence = exg_printable(cancelled ? "interrupted" : error->message);
    return exg_complain(exg_tool_status_of(error), "%s", sentence);
}

static bool
is_general(const GError *error)
{
    if (error->domain != EXG_ERROR)
        return true;
    switch (error->code) {
    case EXG_ERROR_UNREACHABLE:
    case EXG_ERROR_BUSY:
    case EXG_ERROR_AUTH:
    case EXG_ERROR_CONFIG:
    case EXG_ERROR_RESOURCES:
        return true;
    default:
        return false;
    }
}

const GError *
exg_tool_common_failure(const GPtrArray *answers)
{
    const GError *first = NULL;
    for (guint i = 0; i < answers->len; i++) {
        const GError *error = *(GError *const *)g_ptr_array_index(answers, i);
        if (error == NULL || !is_general(error))
            return NULL;
        first = first != NULL ? first : error;
    }
    return first;
}

int
exg_tool_first_status(int status, const GError *error)
{
    return status == EX_OK && error != NULL ? exg_tool_status_of(error) : status;
}
