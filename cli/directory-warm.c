/* exgate directory warm: recipients looked up before mail comes for them, from a list or from
 * Exchange's address list.
 *
 * The address list is gone through by beginnings: ResolveNames shows up to 100 of those whose
 * address begins with some letters, and where there are more, one letter more is asked for.
 */
#include "cli/directory-private.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/directory/recipient-list.h"
#include "common/ews/people/resolve-candidates.h"
#include "common/mime/address.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#define MAX_AT_ONCE 16
/* What an address may begin with. */
#define LETTERS     "abcdefghijklmnopqrstuvwxyz0123456789._-+'&"
#define MAX_LETTERS 12

/* --- whom to ask for -------------------------------------------------------------------------- */

static bool
add_address(const ExgRecipientLine *line, gpointer data, GError **error)
{
    g_hash_table_add(data, g_strdup(line->address));
    return true;
}

static int
read_list(const char *path, GHashTable *addresses)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    gsize length = 0;
    if (!exg_recipient_list_load(path, &text, &length, &error))
        return exg_complain(EX_NOINPUT, "%s", error->message);
    if (!exg_recipient_list_read(text, length, add_address, addresses, &error))
        return exg_complain(EX_DATAERR, "%s: %s", path, error->message);
    return EX_OK;
}

static void
take_candidates(const ExgEwsCandidates *answer, const char *domain, GHashTable *addresses)
{
    for (guint i = 0; i < answer->candidates->len; i++) {
        const ExgEwsCandidate *candidate = g_ptr_array_index(answer->candidates, i);
        const char *address = candidate->mailbox->address;
        const char *at = address != NULL ? exg_address_domain(address) : NULL;
        if (at != NULL && (domain == NULL || g_ascii_strcasecmp(at, domain) == 0))
            g_hash_table_add(addresses, exg_address_fold(address));
    }
}

/* All that begin with `beginnings`; `*ret_longer`: those of them that more begin with than are
 * shown, each with every letter behind it. */
static int
ask_level(ExgTool *tool, const GPtrArray *beginnings, const char *domain, GHashTable *addresses,
          GPtrArray **ret_longer)
{
    const ExgEwsTarget target = {.access = EXG_EWS_SELF};
    const ExgEwsResolveOptions options = {.scope = EXG_EWS_SEARCH_DIRECTORY};
    g_autoptr(GPtrArray) longer = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) answers = NULL;
    g_autoptr(GError) error = NULL;
    g_clear_object(&tool->result);
    exg_ews_resolve_candidates_async(tool->service, &target, (const char *const *)beginnings->pdata,
                                     &options, exg_tool_deadline_us(tool), tool->cancellable,
                                     exg_tool_done, tool);
    if (!exg_ews_resolve_candidates_finish(tool->service, exg_tool_wait(tool), &answers, &error))
        return exg_tool_complain(error);
    for (guint i = 0; i < answers->len; i++) {
        const ExgEwsCandidates *answer = g_ptr_array_index(answers, i);
        const char *beginning = g_ptr_array_index(beginnings, i);
        if (answer->error != NULL) {
            if (!g_error_matches(answer->error, EXG_ERROR, EXG_ERROR_NO_MAILBOX))
                return exg_tool_complain(answer->error);
            continue;
        }
        take_candidates(answer, domain, addresses);
        for (const char *letter = LETTERS; !answer->complete && *letter != '\0'; letter++)
            g_ptr_array_add(longer, g_strdup_printf("%s%c", beginning, *letter));
    }
    *ret_longer = g_steal_pointer(&longer);
    return EX_OK;
}

static int
read_address_list(ExgTool *tool, const char *domain, GHashTable *addresses)
{
    g_autoptr(GPtrArray) beginnings = g_ptr_array_new_with_free_func(g_free);
    for (const char *letter = LETTERS; *letter != '\0'; letter++)
        g_ptr_array_add(beginnings, g_strdup_printf("smtp:%c", *letter));
    for (guint letters = 1; beginnings->len > 0; letters++) {
        GPtrArray *longer = NULL;
        if (letters > MAX_LETTERS)
            return exg_complain(EX_OK,
                                "more than 100 addresses begin with the same %u letters; "
                                "not all of them were found",
                                MAX_LETTERS);
        g_ptr_array_add(beginnings, NULL);
        int status = ask_level(tool, beginnings, domain, addresses, &longer);
        if (status != EX_OK)
            return status;
        g_ptr_array_unref(g_steal_pointer(&beginnings));
        beginnings = longer;
    }
    return EX_OK;
}

/* --- asking for them -------------------------------------------------------------------------- */

typedef struct {
    ExgTool *tool;
    ExgDirectory *directory;
    GPtrArray *addresses;
    guint next, under_way;
    gint64 begun_us;
    guint rate, asked; /* a second; of those that Exchange was asked for */
    ExgTimer timer;
    guint count[EXG_N_RECIPIENT_KINDS], unsure;
    GError *why; /* of the first that nobody could tell of */
} Warming;

static void go_on(gpointer data);

static void
warmed(const ExgDirectoryFinding *finding, gpointer data)
{
    Warming *warming = data;
    warming->under_way--;
    if (finding->origin == EXG_DIRECTORY_CACHED || finding->origin == EXG_DIRECTORY_LISTED)
        warming->asked--; /* it was not */
    if (finding->verdict == EXG_DIRECTORY_CANNOT_TELL || finding->origin == EXG_DIRECTORY_STALE)
        warming->unsure++;
    else
        warming->count[finding->kind]++;
    if (warming->why == NULL && finding->verdict == EXG_DIRECTORY_CANNOT_TELL &&
        finding->why != NULL)
        warming->why = g_error_copy(finding->why);
    exg_timer_set(&warming->timer, exg_clock_monotonic_us());
}

/* As many as the rate allows by now. */
static void
go_on(gpointer data)
{
    Warming *warming = data;
    bool goes_on = !g_cancellable_is_cancelled(warming->tool->cancellable);
    while (goes_on && warming->next < warming->addresses->len && warming->under_way < MAX_AT_ONCE) {
        gint64 due_us = warming->begun_us + (gint64)warming->asked * G_USEC_PER_SEC / warming->rate;
        if (due_us > exg_clock_monotonic_us()) {
            exg_timer_set(&warming->timer, due_us);
            return;
        }
        const char *address = g_ptr_array_index(warming->addresses, warming->next++);
        warming->under_way++;
        warming->asked++;
        exg_directory_check(warming->directory, address, exg_tool_deadline_us(warming->tool),
                            warming->tool->cancellable, warmed, warming);
    }
    if (warming->under_way == 0 && (!goes_on || warming->next == warming->addresses->len))
        exg_engine_quit(warming->tool->engine);
}

static int
compare(gconstpointer one, gconstpointer other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static GPtrArray *
sorted(GHashTable *addresses)
{
    GPtrArray *all = g_ptr_array_new();
    GHashTableIter iter;
    gpointer address;
    g_hash_table_iter_init(&iter, addresses);
    while (g_hash_table_iter_next(&iter, &address, NULL))
        g_ptr_array_add(all, address);
    g_ptr_array_sort(all, compare);
    return all;
}

static void
warm(Warming *warming)
{
    warming->begun_us = exg_clock_monotonic_us();
    exg_timer_init(&warming->timer, warming->tool->engine, go_on, warming);
    exg_timer_set(&warming->timer, warming->begun_us);
    exg_tool_wait(warming->tool);
    exg_timer_cancel(&warming->timer);
}

/* --- the command ------------------------------------------------------------------------------ */

static void
print(const Warming *warming)
{
    const guint *count = warming->count;
    guint others = count[EXG_RECIPIENT_CONTACT] + count[EXG_RECIPIENT_PUBLIC_FOLDER];
    if (!warming->tool->json) {
        printf("%u mailboxes, %u groups, %u others; %u are nobody's; of %u nobody could tell\n",
               count[EXG_RECIPIENT_MAILBOX], count[EXG_RECIPIENT_GROUP], others,
               count[EXG_RECIPIENT_NOBODY], warming->unsure);
        return;
    }
    g_autoptr(GString) json = g_string_new("{");
    exg_json_number(json, "mailboxes", count[EXG_RECIPIENT_MAILBOX]);
    exg_json_number(json, "groups", count[EXG_RECIPIENT_GROUP]);
    exg_json_number(json, "others", others);
    exg_json_number(json, "nobody", count[EXG_RECIPIENT_NOBODY]);
    exg_json_number(json, "unsure", warming->unsure);
    exg_json_number(json, "asked", warming->asked);
    exg_json_error(json, warming->why);
    exg_json_close(json, '{');
    exg_json_print(json);
}

static int
status_of(const Warming *warming)
{
    if (g_cancellable_is_cancelled(warming->tool->cancellable))
        return exg_complain(EXG_INTERRUPTED, "interrupted; what was found out is kept");
    if (warming->unsure == 0)
        return EX_OK;
    return warming->why != NULL ? exg_tool_complain(warming->why) : EX_TEMPFAIL;
}

static int
run(ExgTool *tool, const char *domain, guint rate)
{
    g_autoptr(GHashTable) addresses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(ExgDirectoryOfTool) asked = {0};
    /* The list is read as whoever calls: it need not be the services' to read. */
    int status = tool->n_operands > 0 ? read_list(tool->operands[0], addresses) : EX_OK;
    if (status == EX_OK)
        status = exg_tool_open(tool);
    if (status == EX_OK && tool->n_operands == 0)
        status = read_address_list(tool, domain, addresses);
    if (status == EX_OK)
        status = exg_directory_of_tool_open(&asked, tool, true);
    if (status != EX_OK)
        return status;
    guint most = (guint)exg_conf_int(tool->conf, "directory", "max_lookups");
    g_autoptr(GPtrArray) all = sorted(addresses);
    Warming warming = {.tool = tool,
                       .directory = asked.directory,
                       .addresses = all,
                       .rate = rate > 0 ? MIN(rate, most) : MAX(most / 2, 1)};
    warm(&warming);
    print(&warming);
    status = status_of(&warming);
    g_clear_error(&warming.why);
    return status;
}

int
exg_directory_warm(int argc, char **argv)
{
    g_autofree char *domain = NULL;
    int rate = 0;
    const GOptionEntry own[] = {
        {"domain", 0, 0, G_OPTION_ARG_FILENAME, &domain,
         "Of the address list, only those of this mail domain", "DOMAIN"},
        {"rate", 0, 0, G_OPTION_ARG_INT, &rate,
         "So many a second; half of max_lookups if not given", "NUMBER"},
        G_OPTION_ENTRY_NULL,
    };
    const ExgToolUsage usage = {
        .operands = "[FILE]",
        .min = 0,
        .max = 1,
        .summary = "Looks recipients up, so that they are known before mail comes for them: those\n"
                   "of a list, or those of Exchange's address list. A list that is - is read from\n"
                   "standard input.",
        .own = own,
    };
    g_auto(ExgTool) tool = {0};
    int status = exg_tool_parse(&tool, &usage, &argc, &argv);
    if (status == EX_OK && rate < 0)
        status = exg_complain(EX_USAGE, "--rate %d: a number of recipients a second is expected",
                              rate);
    return status == EX_OK ? run(&tool, domain, (guint)rate) : status;
}
