/* exgate check: goes the way to Exchange, and says what mends what is wrong. */
#include "cli/check.h"
#include "cli/privilege.h"
#include "common/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#define STEP_WIDTH 14
#define INDENT     (7 + STEP_WIDTH + 2)

static const struct {
    const char *name, *shown, *colour;
} outcomes[] = {
    [EXG_STEP_OK] = {"ok", "ok", "32"},
    [EXG_STEP_NOTE] = {"note", "note", "33"},
    [EXG_STEP_WRONG] = {"wrong", "WRONG", "1;31"},
    [EXG_STEP_SKIPPED] = {"skipped", "-", "2"},
};

/* --- reports ---------------------------------------------------------------------------------- */

static void
end_step(ExgCheck *check)
{
    if (check->in_mend) {
        exg_json_close(check->json, '[');
        exg_json_close(check->json, '{');
    }
    check->in_mend = false;
}

/* A sentence beside its step, broken where the terminal ends. */
static void
print_step(const char *step, ExgStepOutcome outcome, const char *sentence)
{
    bool colour = exg_output_has_colour();
    const char *shown = outcomes[outcome].shown;
    g_autoptr(ExgTable) table = exg_table_new(NULL);
    g_autofree char *name = g_strdup_printf("%-*s", STEP_WIDTH, step);
    const char *const cells[] = {name, sentence, NULL};
    exg_table_add(table, cells);
    printf("%s%s%s%s%*s", colour ? "\033[" : "", colour ? outcomes[outcome].colour : "",
           colour ? "m" : "", shown, (int)(7 - strlen(shown)), "");
    printf("%s", colour ? "\033[0m" : "");
    guint width = MAX(exg_output_width(), INDENT + 20) - 7;
    char *text = NULL;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    exg_table_print_within(table, width, false, file);
    fclose(file);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL && lines[i][0] != '\0'; i++)
        printf("%*s%s\n", i > 0 ? 7 : 0, "", lines[i]);
    free(text);
    fflush(stdout);
}

void
exg_check_report(ExgCheck *check, const char *step, ExgStepOutcome outcome, int status,
                 const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *sentence = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    if (outcome == EXG_STEP_WRONG && check->status == EX_OK)
        check->status = status;
    end_step(check);
    if (check->json == NULL) {
        print_step(step, outcome, sentence);
        return;
    }
    exg_json_open(check->json, NULL, '{');
    exg_json_text(check->json, "endpoint", check->url);
    exg_json_text(check->json, "step", step);
    exg_json_text(check->json, "outcome", outcomes[outcome].name);
    exg_json_text(check->json, "sentence", sentence);
    exg_json_open(check->json, "mend", '[');
    check->in_mend = true;
}

void
exg_check_mend(ExgCheck *check, const char *where, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *command = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    if (check->json != NULL) {
        exg_json_open(check->json, NULL, '{');
        exg_json_text(check->json, "where", where);
        exg_json_text(check->json, "command", command);
        exg_json_close(check->json, '{');
        return;
    }
    /* Lines to be typed are never broken. */
    printf("%*s%s:\n", 7, "", where);
    g_auto(GStrv) lines = g_strsplit(command, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        g_autofree char *line = exg_printable(lines[i]);
        printf("%*s%s\n", 11, "", line);
    }
    fflush(stdout);
}

char *
exg_check_quote(const char *text)
{
    g_autoptr(GString) quoted = g_string_new(text);
    g_string_replace(quoted, "'", "''", 0);
    return g_strdup_printf("'%s'", quoted->str);
}

/* --- configuration ---------------------------------------------------------------------------- */

static const char *
conf_path(const ExgCheck *check)
{
    return check->tool.conf_path != NULL ? check->tool.conf_path : EXG_DEFAULT_CONF;
}

static void
look_at_password_file(ExgCheck *check)
{
    const char *path = exg_conf_string(check->tool.conf, "exchange", "password_file");
    struct stat status;
    if (path == NULL || path[0] != '/' || stat(path, &status) < 0 || !(status.st_mode & 077))
        return;
    g_autofree char *quoted = g_shell_quote(path);
    exg_check_report(check, "password", EXG_STEP_NOTE, 0, "%s can be read by others (mode %03o)",
                     path, (unsigned)status.st_mode & 0777);
    exg_check_mend(check, "Here, as root", "chmod 600 %s", quoted);
}

static void
mend_account(ExgCheck *check)
{
    const char *path = exg_conf_string(check->tool.conf, "exchange", "password_file");
    if (path == NULL || g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_autofree char *quoted = g_shell_quote(conf_path(check));
        exg_check_mend(check, "Mend the line that is named, then look whether all is well",
                       "exgate-lmtpd --config %s --check-config", quoted);
    } else if (path[0] == '/') {
        g_autofree char *quoted = g_shell_quote(path);
        exg_check_mend(check, "Here, as root; type the password, Enter and Ctrl-D",
                       "install -m 600 /dev/null %s\ncat > %s", quoted, quoted);
    } else {
        exg_check_mend(check,
                       "systemd hands that password to the service only; as root, while the "
                       "service runs",
                       "systemctl start exgate-lmtpd\nexgate check");
    }
}

/* Everything that has to be there before the first packet. */
static bool
check_configuration(ExgCheck *check)
{
    ExgTool *tool = &check->tool;
    g_autoptr(GError) error = NULL;
    tool->conf = exg_conf_load(conf_path(check), &error);
    if (tool->conf == NULL) {
        g_autofree char *quoted = g_shell_quote(conf_path(check));
        exg_check_report(check, "configuration", EXG_STEP_WRONG, EX_CONFIG, "%s", error->message);
        exg_check_mend(check, "Mend it, then look whether all is well",
                       "exgate-lmtpd --config %s --check-config", quoted);
        return false;
    }
    exg_borrow_credentials();
    tool->account = exg_account_new(tool->engine, tool->conf, &error);
    if (tool->account == NULL) {
        exg_check_report(check, "configuration", EXG_STEP_WRONG, EX_CONFIG, "%s", error->message);
        mend_account(check);
        return false;
    }
    exg_account_set_brief(tool->account);
    exg_check_report(check, "configuration", EXG_STEP_OK, 0, "%s", conf_path(check));
    look_at_password_file(check);
    const char *journal = exg_conf_string(tool->conf, "delivery", "journal");
    if (!exg_become_owner(journal))
        exg_check_report(check, "configuration", EXG_STEP_NOTE, 0,
                         "cannot become the owner of %s: %s", journal, g_strerror(errno));
    tool->service = exg_account_ews(tool->account);
    return true;
}

/* --- the way ---------------------------------------------------------------------------------- */

static void
skip_exchange(ExgCheck *check)
{
    static const char *const steps[] = {"login", "version", "mailbox"};
    for (guint i = 0; i < G_N_ELEMENTS(steps); i++)
        exg_check_report(check, steps[i], EXG_STEP_SKIPPED, 0,
                         "not tried, for what is above has to be mended first");
}

static bool
check_endpoint(ExgCheck *check, const char *url)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
    check->url = url;
    check->host = g_strdup(g_uri_get_host(uri));
    check->has_tls = g_ascii_strcasecmp(g_uri_get_scheme(uri), "https") == 0;
    int port = g_uri_get_port(uri);
    check->port = (guint16)(port > 0 ? port : check->has_tls ? 443 : 80);
    if (check->json == NULL)
        printf("\n%s\n", url);
    bool good = exg_check_network(check);
    g_clear_object(&check->connection); /* a server that takes one at a time is free again */
    good = good && exg_check_offers(check);
    g_clear_pointer(&check->addresses, g_strfreev);
    g_clear_pointer(&check->host, g_free);
    return good;
}

static void
check_exchange(ExgCheck *check)
{
    const ExgTool *tool = &check->tool;
    if (check->json == NULL)
        printf("\n%s\n", exg_account_name(tool->conf));
    if (!exg_check_login(check))
        return;
    for (guint i = 0; i < tool->n_operands; i++)
        exg_check_mailbox(check, tool->operands[i]);
    if (tool->n_operands == 0)
        exg_check_report(check, "mailbox", EXG_STEP_SKIPPED, 0,
                         "not tried; name a mailbox to try it: exgate check ADDRESS");
    exg_check_throttling(check);
}

/* With `endpoint = auto`: which it is. */
static bool
check_discovery(ExgCheck *check, const char *address)
{
    ExgTool *tool = &check->tool;
    tool->waiting_for = "autodiscover";
    exg_ews_service_locate_async(tool->service, exg_tool_deadline_us(tool), tool->cancellable,
                                 exg_tool_done, tool);
    g_autoptr(GError) error = NULL;
    g_autofree char *url = exg_ews_service_locate_finish(tool->service, exg_tool_wait(tool),
                                                         &error);
    tool->waiting_for = NULL;
    if (url != NULL) {
        exg_check_report(check, "discovery", EXG_STEP_OK, 0, "by %s", address);
        bool usable = check_endpoint(check, url);
        check->url = NULL;
        return usable;
    }
    g_autofree char *quoted = g_shell_quote(address);
    exg_check_report(check, "discovery", EXG_STEP_WRONG, exg_tool_status_of(error), "%s",
                     error->message);
    exg_check_mend(check, "Here: each step of it", "exgate discover --explain %s", quoted);
    exg_check_mend(check, "Or, in exgate.conf, name it",
                   "endpoint = https://mail.example.com/EWS/Exchange.asmx");
    return false;
}

static bool
check_endpoints(ExgCheck *check)
{
    const char *address = exg_account_discovery_address(check->tool.conf);
    if (address != NULL)
        return check_discovery(check, address);
    const char *const *urls = exg_conf_list(check->tool.conf, "exchange", "endpoint");
    bool usable = false;
    for (guint i = 0; urls[i] != NULL; i++)
        usable |= check_endpoint(check, urls[i]);
    check->url = NULL;
    return usable;
}

static int
run(ExgCheck *check)
{
    int status = exg_tool_start(&check->tool);
    if (status != EX_OK || !check_configuration(check))
        return status != EX_OK ? status : check->status;
    bool usable = check_endpoints(check);
    if (g_cancellable_is_cancelled(check->tool.cancellable))
        return exg_complain(EXG_INTERRUPTED, "interrupted");
    if (usable)
        check_exchange(check);
    else
        skip_exchange(check);
    return check->status;
}

int
exg_command_check(int argc, char **argv)
{
    const ExgToolUsage usage = {
        .operands = "[ADDRESS…]",
        .max = G_MAXUINT,
        .summary = "Goes the way to Exchange step by step, up to the mailboxes named, and says\n"
                   "what mends what is wrong.",
    };
    ExgCheck check = {.busy_ms = -1};
    int status = exg_tool_parse(&check.tool, &usage, &argc, &argv);
    if (status == EX_OK) {
        check.json = check.tool.json ? g_string_new("[") : NULL;
        status = run(&check);
    }
    if (check.json != NULL) {
        end_step(&check);
        exg_json_close(check.json, '[');
        exg_json_print(check.json);
        g_string_free(check.json, TRUE);
    }
    exg_tool_clear(&check.tool);
    return status;
}
