/* exgate discover: from an address to the endpoint of its mailbox, and how that was found. */
#include "cli/privilege.h"
#include "cli/tool.h"
#include "common/autodiscover/cache.h"
#include "common/autodiscover/discovery.h"
#include "common/autodiscover/soap.h"
#include "common/base/clock.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sysexits.h>
#include <unistd.h>

/* The command's own options. */
typedef struct {
    GStrv approved;
    gboolean explain, all;
} Options;

/* What root finds out is kept in a file that the services can write to as well. */
static int
become_owner(const ExgTool *tool)
{
    const char *path = exg_conf_string(tool->conf, "exchange", "discovery_cache");
    if (exg_become_owner(path))
        return EX_OK;
    return exg_complain(EX_OSERR, "cannot become the owner of %s: %s", path, g_strerror(errno));
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

/* --- what went wrong -------------------------------------------------------------------------- */

static int
status_of(const GError *error)
{
    return g_error_matches(error, EXG_ERROR, EXG_ERROR_CONFIG) ? EX_USAGE
           : g_error_matches(error, EXG_ERROR, EXG_ERROR_AUTH) ? EX_CONFIG
                                                               : exg_tool_status_of(error);
}

static bool
has_trouble(const GPtrArray *places, ExgDiscoveryTrouble trouble)
{
    for (guint i = 0; i < places->len; i++)
        if (((const ExgDiscoveryPlace *)places->pdata[i])->trouble == trouble)
            return true;
    return false;
}

/* What to do, what is most likely to help first. (transfer full) */
static char *
remedy(const GError *error, const GPtrArray *places, const char *address, const char *conf_path)
{
    if (g_error_matches(error, EXG_ERROR, EXG_ERROR_AUTH))
        return g_strdup_printf("check username, password_file and auth in %s", conf_path);
    if (has_trouble(places, EXG_DISCOVERY_UNAPPROVED))
        return g_strdup("if such a host is yours, approve it: --approve, or approved_hosts");
    if (has_trouble(places, EXG_DISCOVERY_UNTRUSTED))
        return g_strdup_printf("if such a server is yours, mend its certificate, or the key in %s "
                               "that its line names",
                               conf_path);
    g_autofree char *domain = exg_discovery_domain(address, NULL);
    return g_strdup_printf(
        "if the domain is right, have autodiscover.%s answer, or set endpoint in "
        "%s to the URL of EWS",
        domain, conf_path);
}

/* What became of the whole, of each place, and what to do. */
static int
complain(const ExgTool *tool, const GError *error, const GPtrArray *places, bool explained)
{
    g_autofree char *address = exg_printable(tool->operands[0]);
    int status = status_of(error);
    if (places == NULL) {
        exg_tool_complain(error);
        return status;
    }
    bool refused = g_error_matches(error, EXG_ERROR, EXG_ERROR_AUTH);
    exg_complain(status, "%s Exchange was found for %s",
                 refused ? "The credentials were refused, and no other" : "No", address);
    g_autoptr(ExgTable) table = exg_table_new(NULL);
    for (guint i = 0; i < places->len && !explained; i++) {
        const ExgDiscoveryPlace *place = places->pdata[i];
        g_autofree char *name = g_strconcat("  ", place->name, NULL);
        exg_table_add(table, (const char *const[]){name, place->outcome, NULL});
    }
    exg_table_print(table, stderr);
    g_autofree char *advice = remedy(error, places, tool->operands[0],
                                     tool->conf_path != NULL ? tool->conf_path : EXG_DEFAULT_CONF);
    return exg_complain(status, "%s%s", advice, explained ? "" : "; --explain shows each request");
}

/* --- the discovery ---------------------------------------------------------------------------- */

/* (transfer full) */
static char **
approved_hosts(const ExgConf *conf, const Options *own)
{
    const char *const *configured = exg_conf_list(conf, "exchange", "approved_hosts");
    g_autoptr(GStrvBuilder) hosts = g_strv_builder_new();
    if (configured != NULL)
        g_strv_builder_addv(hosts, (const char **)configured);
    if (own->approved != NULL)
        g_strv_builder_addv(hosts, (const char **)own->approved);
    return g_strv_builder_end(hosts);
}

static void
remember(const ExgTool *tool, const char *address, const ExgDiscoveryResult *result)
{
    g_autofree char *domain = exg_discovery_domain(address, NULL);
    const char *path = exg_conf_string(tool->conf, "exchange", "discovery_cache");
    g_autofree char *directory = g_path_get_dirname(path);
    if (g_access(directory, W_OK) != 0)
        return;
    g_autoptr(ExgDiscoveryCache) cache = exg_discovery_cache_new(path);
    exg_discovery_cache_put(cache, domain, result->endpoint, exg_discovery_step_name(result->step),
                            NULL);
}

/* As the services do it, and as their user. */
static int
prepare(ExgTool *tool, ExgHttpClientOptions *ret_http)
{
    g_autoptr(GError) error = NULL;
    exg_borrow_credentials();
    if (!exg_account_http_options(tool->engine, tool->conf, ret_http, &error))
        return exg_complain(EX_CONFIG, "%s", error->message);
    return become_owner(tool);
}

static int
discover(ExgTool *tool, const Options *own)
{
    const char *address = tool->operands[0];
    ExgDiscoveryOptions options = {
        .settings = own->all ? exg_autodiscover_all_settings : NULL,
        .trace = own->explain ? print_step : NULL,
    };
    int status = prepare(tool, &options.http);
    g_autoptr(ExgHttpAuthenticator) authenticator = options.http.authenticator;
    if (status != EX_OK)
        return status;
    g_auto(GStrv) approved = approved_hosts(tool->conf, own);
    options.approved_hosts = (const char *const *)approved;
    exg_discovery_async(tool->engine, &options, address, exg_tool_deadline_us(tool),
                        tool->cancellable, exg_tool_done, tool);
    if (own->explain) /* what is waited for is seen */
        exg_engine_run(tool->engine);
    GAsyncResult *outcome = own->explain ? tool->result : exg_tool_wait(tool);
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgDiscoveryResult) result = exg_discovery_finish(outcome, &error);
    if (result == NULL)
        return complain(tool, error, exg_discovery_places(outcome), own->explain);
    if (own->approved == NULL) /* what was approved here is not approved for the services */
        remember(tool, address, result);
    if (own->explain && !tool->json)
        putchar('\n');
    if (tool->json)
        print_json(result);
    else
        print_result(result);
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
work_on_cache(const ExgTool *tool, const char *what)
{
    if (!g_str_equal(what, "list") && !g_str_equal(what, "clear"))
        return exg_complain(EX_USAGE, "cache can be asked to list or to clear, not to %s", what);
    int status = become_owner(tool);
    if (status != EX_OK)
        return status;
    g_autoptr(ExgDiscoveryCache)
        cache = exg_discovery_cache_new(exg_conf_string(tool->conf, "exchange", "discovery_cache"));
    if (g_str_equal(what, "list"))
        return list_cache(cache, tool->json);
    exg_discovery_cache_clear(cache);
    return EX_OK;
}

static int
run(ExgTool *tool, const Options *own)
{
    bool is_cache = g_str_equal(tool->operands[0], "cache") && tool->n_operands == 2;
    if (tool->n_operands == 2 && !is_cache)
        return exg_complain(EX_USAGE, "one address, or cache list, or cache clear is expected; "
                                      "try --help");
    int status = exg_tool_configure(tool);
    if (status == EX_OK && is_cache)
        return work_on_cache(tool, tool->operands[1]);
    if (status == EX_OK)
        status = exg_tool_start(tool);
    return status == EX_OK ? discover(tool, own) : status;
}

int
exg_command_discover(int argc, char **argv)
{
    Options options = {0};
    const GOptionEntry own[] = {
        {"explain", 0, 0, G_OPTION_ARG_NONE, &options.explain, "Print each step as it happens",
         NULL},
        {"all", 0, 0, G_OPTION_ARG_NONE, &options.all, "Ask for every setting", NULL},
        {"approve", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.approved,
         "HOST may see the password, this time", "HOST"},
        G_OPTION_ENTRY_NULL,
    };
    const ExgToolUsage usage = {
        .operands = "ADDRESS",
        .min = 1,
        .max = 2,
        .summary = "Finds the EWS endpoint of a mailbox by autodiscover. In place of ADDRESS,\n"
                   "`cache list` shows what is remembered of that, `cache clear` forgets it.",
        .own = own,
    };
    g_auto(ExgTool) tool = {0};
    int status = exg_tool_parse(&tool, &usage, &argc, &argv);
    if (status == EX_OK)
        status = run(&tool, &options);
    g_strfreev(options.approved);
    return status;
}
