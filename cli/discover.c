/* exgate discover: from an address to the endpoint of its mailbox, and how that was found. */
#include "cli/command.h"
#include "cli/output.h"
#include "cli/privilege.h"
#include "common/account/account.h"
#include "common/autodiscover/cache.h"
#include "common/autodiscover/discovery.h"
#include "common/autodiscover/soap.h"
#include "common/base/clock.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sysexits.h>
#include <unistd.h>

typedef struct {
    char *conf_path;
    char **approved;
    gboolean explain, all, json;
    ExgConf *conf;
    ExgEngine *engine;
    ExgDiscoveryResult *result;
    GError *error;
} Tool;

static void
tool_clear(Tool *tool)
{
    exg_discovery_result_free(tool->result);
    g_clear_error(&tool->error);
    g_free(tool->conf_path);
    g_strfreev(tool->approved);
    exg_conf_unref(tool->conf);
    if (tool->engine != NULL)
        exg_engine_unref(tool->engine);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Tool, tool_clear)

/* What root finds out is kept in a file that the services can write to as well. */
static bool
become_owner(const Tool *tool)
{
    const char *path = exg_conf_string(tool->conf, "exchange", "discovery_cache");
    if (exg_become_owner(path))
        return true;
    exg_complain(EX_OSERR, "cannot become the owner of %s: %s", path, g_strerror(errno));
    return false;
}

/* --- what is printed -------------------------------------------------------------------------- */

/* Which request, and below it what came of it. */
static void
print_step(const ExgDiscoveryEvent *event, gpointer data)
{
    g_autofree char *url = exg_printable(event->url);
    g_autofree char *sentence = exg_printable(event->sentence);
    g_autofree char *status = g_strdup_printf("HTTP %d", event->status);
    g_autofree char *address = event->address != NULL ? g_strdup_printf(" [%s]", event->address)
                                                      : g_strdup("");
    bool says_status = event->status == 0 || g_str_has_prefix(sentence, status);
    printf("%6" G_GINT64_FORMAT " ms  %-8s  %s%s%s\n%21s%s%s%s\n", event->elapsed_ms,
           exg_discovery_step_name(event->step), url, address,
           event->credentials ? ", with credentials" : "", "", says_status ? "" : status,
           says_status ? "" : ": ", sentence);
    fflush(stdout);
}

static int
by_name(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(*(const char *const *)a, *(const char *const *)b);
}

/* The names of the settings, sorted. Free the array alone. */
static GPtrArray *
names_of(const ExgAutodiscoverAnswer *answer)
{
    GPtrArray *names = g_ptr_array_new();
    GHashTableIter iter;
    gpointer name;
    g_hash_table_iter_init(&iter, answer->settings);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        g_ptr_array_add(names, name);
    g_ptr_array_sort(names, by_name);
    return names;
}

static void
print_json(const ExgDiscoveryResult *result)
{
    g_autoptr(GPtrArray) names = names_of(result->answer);
    g_autoptr(GString) json = g_string_new(NULL);
    exg_json_open(json, NULL, '{');
    exg_json_text(json, "endpoint", result->endpoint);
    exg_json_text(json, "address", result->address);
    exg_json_text(json, "source", result->source);
    exg_json_text(json, "step", exg_discovery_step_name(result->step));
    exg_json_number(json, "elapsed_ms", result->elapsed_ms);
    exg_json_number(json, "requests", result->requests);
    exg_json_open(json, "settings", '{');
    for (guint i = 0; i < names->len; i++)
        exg_json_text(json, names->pdata[i],
                      exg_autodiscover_answer_get(result->answer, names->pdata[i]));
    exg_json_close(json, '{');
    exg_json_close(json, '{');
    exg_json_print(json);
}

static void
print_result(const ExgDiscoveryResult *result)
{
    g_autoptr(GPtrArray) names = names_of(result->answer);
    g_autofree char *found = g_strdup_printf(
        "%s (step \"%s\", %" G_GINT64_FORMAT " ms, %u request%s)", result->source,
        exg_discovery_step_name(result->step), result->elapsed_ms, result->requests,
        result->requests == 1 ? "" : "s");
    g_autoptr(ExgTable) output = exg_table_new(NULL);
    exg_table_add(output, (const char *const[]){"endpoint", result->endpoint, NULL});
    exg_table_add(output, (const char *const[]){"address", result->address, NULL});
    exg_table_add(output, (const char *const[]){"found at", found, NULL});
    for (guint i = 0; i < names->len; i++)
        exg_table_add(output,
                      (const char *const[]){
                          names->pdata[i],
                          exg_autodiscover_answer_get(result->answer, names->pdata[i]), NULL});
    exg_table_print(output, stdout);
}

/* The sentence has in brackets what --explain has shown already. */
static int
complain(const GError *error, bool explained)
{
    int status = g_error_matches(error, EXG_ERROR, EXG_ERROR_CONFIG)       ? EX_USAGE
                 : g_error_matches(error, EXG_ERROR, EXG_ERROR_AUTH)       ? EX_CONFIG
                 : g_error_matches(error, EXG_ERROR, EXG_ERROR_NO_MAILBOX) ? EX_NOUSER
                                                                           : EX_TEMPFAIL;
    gsize length = explained ? strcspn(error->message, "(") : strlen(error->message);
    g_autofree char *part = g_strchomp(g_strndup(error->message, length));
    g_autofree char *sentence = exg_printable(part);
    if (!explained && status == EX_TEMPFAIL)
        status = exg_complain(status, "%s; --explain shows each step", sentence);
    else
        exg_complain(status, "%s", sentence);
    if (strstr(error->message, "nobody has approved") != NULL)
        exg_complain(status, "if such a host is yours, approve it: --approve, or approved_hosts");
    return status;
}

/* --- the discovery ---------------------------------------------------------------------------- */

static void
on_done(GObject *source, GAsyncResult *outcome, gpointer data)
{
    Tool *tool = data;
    tool->result = exg_discovery_finish(outcome, &tool->error);
    exg_engine_quit(tool->engine);
}

typedef struct {
    Tool *tool;
    const char *address;
    ExgDiscoveryOptions options;
} Question;

static void
pose(gpointer data)
{
    Question *question = data;
    exg_discovery_async(question->tool->engine, &question->options, question->address,
                        EXG_NO_DEADLINE, NULL, on_done, question->tool);
}

/* (transfer full) */
static char **
approved_hosts(const Tool *tool)
{
    const char *const *configured = exg_conf_list(tool->conf, "exchange", "approved_hosts");
    g_autoptr(GStrvBuilder) hosts = g_strv_builder_new();
    if (configured != NULL)
        g_strv_builder_addv(hosts, (const char **)configured);
    if (tool->approved != NULL)
        g_strv_builder_addv(hosts, (const char **)tool->approved);
    return g_strv_builder_end(hosts);
}

static void
remember(const Tool *tool, const char *address)
{
    g_autofree char *domain = exg_discovery_domain(address, NULL);
    const char *path = exg_conf_string(tool->conf, "exchange", "discovery_cache");
    g_autofree char *directory = g_path_get_dirname(path);
    if (tool->approved != NULL || g_access(directory, W_OK) != 0)
        return; /* what was approved here is not approved for the services */
    g_autoptr(ExgDiscoveryCache) cache = exg_discovery_cache_new(path);
    exg_discovery_cache_put(cache, domain, tool->result->endpoint,
                            exg_discovery_step_name(tool->result->step), NULL);
}

static int
discover(Tool *tool, const char *address)
{
    tool->engine = exg_engine_new(&tool->error);
    if (tool->engine == NULL)
        return exg_complain(EX_OSERR, "%s", tool->error->message);
    g_auto(GStrv) approved = approved_hosts(tool);
    exg_borrow_credentials();
    Question question = {.tool = tool, .address = address};
    question.options = (ExgDiscoveryOptions){
        .approved_hosts = (const char *const *)approved,
        .settings = tool->all ? exg_autodiscover_all_settings : NULL,
        .trace = tool->explain ? print_step : NULL,
    };
    if (!exg_account_http_options(tool->engine, tool->conf, &question.options.http, &tool->error))
        return exg_complain(EX_CONFIG, "%s", tool->error->message);
    g_autoptr(ExgHttpAuthenticator) authenticator = question.options.http.authenticator;
    if (!become_owner(tool))
        return EX_OSERR;
    exg_engine_post(tool->engine, pose, &question);
    exg_engine_run(tool->engine);
    while (exg_engine_iterate(tool->engine, false)) /* what was not waited for ends */
        continue;
    if (tool->result == NULL)
        return complain(tool->error, tool->explain);
    remember(tool, address);
    if (tool->explain && !tool->json)
        putchar('\n');
    if (tool->json)
        print_json(tool->result);
    else
        print_result(tool->result);
    return EX_OK;
}

/* --- the cache -------------------------------------------------------------------------------- */

static int
list_cache(ExgDiscoveryCache *cache, bool json)
{
    static const char *const titles[] = {"DOMAIN", "ENDPOINT", "FOUND BY", "AGE", NULL};
    g_autoptr(GPtrArray) entries = exg_discovery_cache_list(cache);
    g_autoptr(ExgTable) output = exg_table_new(titles);
    g_autoptr(GString) text = g_string_new(NULL);
    exg_json_open(text, NULL, '[');
    for (guint i = 0; i < entries->len; i++) {
        const ExgDiscoveryEntry *entry = entries->pdata[i];
        gint64 age_ms = MAX(exg_clock_real_us() - entry->learned_us, 0) / 1000;
        g_autofree char *age = exg_format_age(age_ms);
        exg_table_add(
            output, (const char *const[]){entry->domain, entry->endpoint, entry->kind, age, NULL});
        exg_json_open(text, NULL, '{');
        exg_json_text(text, "domain", entry->domain);
        exg_json_text(text, "endpoint", entry->endpoint);
        exg_json_text(text, "kind", entry->kind);
        exg_json_time(text, "learned", entry->learned_us / 1000);
        exg_json_time(text, "expires", entry->expires_us / 1000);
        exg_json_close(text, '{');
    }
    exg_json_close(text, '[');
    if (json)
        exg_json_print(text);
    else
        exg_table_print(output, stdout);
    return EX_OK;
}

static int
work_on_cache(const Tool *tool, const char *what)
{
    g_autoptr(ExgDiscoveryCache)
        cache = exg_discovery_cache_new(exg_conf_string(tool->conf, "exchange", "discovery_cache"));
    if (g_str_equal(what, "list"))
        return list_cache(cache, tool->json);
    if (!g_str_equal(what, "clear"))
        return exg_complain(EX_USAGE, "cache can be asked to list or to clear, not to %s", what);
    exg_discovery_cache_clear(cache);
    return EX_OK;
}

int
exg_command_discover(int argc, char **argv)
{
    g_auto(Tool) tool = {0};
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &tool.conf_path,
         "Read FILE instead of " EXG_DEFAULT_CONF, "FILE"},
        {"explain", 0, 0, G_OPTION_ARG_NONE, &tool.explain, "Print each step as it happens", NULL},
        {"all", 0, 0, G_OPTION_ARG_NONE, &tool.all, "Ask for every setting", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &tool.json, "Print an object", NULL},
        {"approve", 0, 0, G_OPTION_ARG_STRING_ARRAY, &tool.approved,
         "HOST may see the password, this time", "HOST"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new("ADDRESS | cache list | cache clear");
    g_option_context_set_summary(context, "Finds the EWS endpoint of a mailbox by autodiscover.");
    g_option_context_add_main_entries(context, entries, NULL);
    g_autoptr(GError) error = NULL;
    if (!g_option_context_parse(context, &argc, &argv, &error))
        return exg_complain(EX_USAGE, "%s; try %s --help", error->message, g_get_prgname());
    bool is_cache = argc == 3 && g_str_equal(argv[1], "cache");
    if (argc != 2 && !is_cache)
        return exg_complain(EX_USAGE, "one address, or cache list, or cache clear is expected; "
                                      "try --help");
    tool.conf = exg_conf_load(tool.conf_path != NULL ? tool.conf_path : EXG_DEFAULT_CONF, &error);
    if (tool.conf == NULL)
        return exg_complain(EX_CONFIG, "%s", error->message);
    if (!is_cache)
        return discover(&tool, argv[1]);
    return become_owner(&tool) ? work_on_cache(&tool, argv[2]) : EX_OSERR;
}
