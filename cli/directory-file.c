/* exgate directory list, flush, stats, export, import: the file that the services share. */
#include "cli/directory-private.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/directory/recipient-list.h"
#include "common/mime/address.h"

#include <stdio.h>
#include <sysexits.h>

#define DEFAULT_LIMIT 100
#define MAX_LIMIT     1000000

/* --- list ------------------------------------------------------------------------------------- */

typedef struct {
    bool is_json;
    gint64 limit, rows;
    ExgTable *table;
    GString *json;
} Listing;

static void
append_record(GString *json, const ExgDirectoryRecord *record)
{
    exg_json_open(json, NULL, '{');
    exg_json_text(json, "address", record->address);
    exg_json_text(json, "kind", exg_recipient_kind_name(record->kind));
    exg_json_time(json, "found", record->found_us / 1000);
    exg_tips_append(json, &record->tips);
    exg_json_close(json, '{');
}

static void
list_one(const ExgDirectoryRecord *record, gpointer data)
{
    Listing *listing = data;
    if (listing->rows++ >= listing->limit)
        return;
    if (listing->is_json) {
        append_record(listing->json, record);
        return;
    }
    g_autofree char *age = exg_age_since(record->found_us);
    g_autofree char *tips = exg_tips_words(&record->tips);
    const char *const cells[] = {record->address, exg_recipient_kind_name(record->kind), age, tips,
                                 NULL};
    exg_table_add(listing->table, cells);
}

int
exg_directory_list(int argc, char **argv)
{
    static const char *const titles[] = {"ADDRESS", "IS", "AGE", "REMARKS", NULL};
    g_autofree char *kind = NULL, *domain = NULL;
    int limit = DEFAULT_LIMIT;
    const GOptionEntry own[] = {
        {"kind", 0, 0, G_OPTION_ARG_FILENAME, &kind,
         "mailbox, group, contact, public-folder or nobody", "KIND"},
        {"domain", 0, 0, G_OPTION_ARG_FILENAME, &domain, "Only those of this mail domain",
         "DOMAIN"},
        {"limit", 0, 0, G_OPTION_ARG_INT, &limit, "At most so many; 100", "NUMBER"},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(ExgCacheTool) tool = {0};
    ExgDirectoryFilter filter;
    int status = exg_cache_tool_parse(&tool, own, NULL, 0,
                                      "Lists the recipients that the services know, by address.",
                                      &argc, &argv);
    if (status == EX_OK && (limit < 1 || limit > MAX_LIMIT))
        status = exg_complain(EX_USAGE, "--limit %d: a number from 1 to %d is expected", limit,
                              MAX_LIMIT);
    if (status == EX_OK)
        status = exg_cache_filter(kind, domain, &filter);
    if (status == EX_OK)
        status = exg_cache_tool_open(&tool, false);
    if (status != EX_OK)
        return status;
    g_autoptr(ExgTable) table = exg_table_new(titles);
    g_autoptr(GString) json = g_string_new("[");
    g_autoptr(GError) error = NULL;
    Listing listing = {tool.json, limit, 0, table, json};
    filter.limit = limit + 1;
    if (!exg_directory_admin_each(tool.admin, &filter, list_one, &listing, &error))
        return exg_cache_complain(error);
    exg_json_close(json, '[');
    if (tool.json)
        exg_json_print(json);
    else
        exg_table_show(table);
    return listing.rows > limit
               ? exg_complain(EX_OK, "there are more than %d; --limit shows them", limit)
               : EX_OK;
}

/* --- flush ------------------------------------------------------------------------------------ */

static void
print_count(const ExgCacheTool *tool, const char *name, const char *words, guint count)
{
    g_autoptr(GString) json = g_string_new("{");
    exg_json_number(json, name, count);
    exg_json_close(json, '{');
    if (tool->json)
        exg_json_print(json);
    else
        printf("%u %s\n", count, words);
}

static bool
forget_each(ExgCacheTool *tool, guint *count, GError **error)
{
    for (guint i = 0; tool->operands[i] != NULL; i++) {
        g_autofree char *key = exg_address_fold(tool->operands[i]);
        guint gone = 0;
        if (!exg_directory_admin_forget(tool->admin, key, &gone, error))
            return false;
        *count += gone;
    }
    return true;
}

int
exg_directory_flush(int argc, char **argv)
{
    g_autofree char *kind = NULL, *domain = NULL;
    gboolean all = FALSE;
    const GOptionEntry own[] = {
        {"all", 0, 0, G_OPTION_ARG_NONE, &all, "Everybody", NULL},
        {"kind", 0, 0, G_OPTION_ARG_FILENAME, &kind,
         "mailbox, group, contact, public-folder or nobody", "KIND"},
        {"domain", 0, 0, G_OPTION_ARG_FILENAME, &domain, "All of this mail domain", "DOMAIN"},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(ExgCacheTool) tool = {0};
    ExgDirectoryFilter filter;
    int status = exg_cache_tool_parse(
        &tool, own, "ADDRESS…", G_MAXUINT,
        "Forgets recipients, in the services' memory as well: Exchange is asked again.", &argc,
        &argv);
    if (status != EX_OK)
        return status;
    bool by_rule = all || kind != NULL || domain != NULL;
    if (by_rule == (tool.operands[0] != NULL))
        return exg_complain(EX_USAGE,
                            "%s: either addresses, or --all, --kind or --domain; "
                            "try --help",
                            g_get_prgname());
    status = exg_cache_filter(kind, domain, &filter);
    if (status == EX_OK)
        status = exg_cache_tool_open(&tool, false);
    if (status != EX_OK)
        return status;
    g_autoptr(GError) error = NULL;
    guint count = 0;
    if (!(by_rule ? exg_directory_admin_flush(tool.admin, &filter, &count, &error)
                  : forget_each(&tool, &count, &error)) ||
        !exg_directory_admin_stamp(tool.admin, &error))
        return exg_cache_complain(error);
    print_count(&tool, "forgotten", "forgotten", count);
    return EX_OK;
}

/* --- stats ------------------------------------------------------------------------------------ */

static void
add_line(ExgTable *table, const char *name, const char *value)
{
    const char *const cells[] = {name, value, NULL};
    exg_table_add(table, cells);
}

static void
add_number(ExgTable *table, const char *name, guint64 number)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, number);
    add_line(table, name, text);
}

static const struct {
    ExgRecipientKind kind;
    const char *title, *name;
} counted[] = {
    {EXG_RECIPIENT_MAILBOX, "mailboxes", "mailboxes"},
    {EXG_RECIPIENT_GROUP, "groups", "groups"},
    {EXG_RECIPIENT_CONTACT, "contacts", "contacts"},
    {EXG_RECIPIENT_PUBLIC_FOLDER, "public folders", "public_folders"},
    {EXG_RECIPIENT_NOBODY, "nobody", "nobody"},
};

static void
print_summary(const char *path, const ExgDirectorySummary *summary)
{
    g_autoptr(ExgTable) table = exg_table_new(NULL);
    add_line(table, "cache", path);
    for (guint i = 0; i < G_N_ELEMENTS(counted); i++)
        add_number(table, counted[i].title, summary->count[counted[i].kind]);
    add_number(table, "with tips", summary->with_tips);
    g_autofree char *oldest = exg_age_since(summary->oldest_us);
    g_autofree char *newest = exg_age_since(summary->newest_us);
    g_autofree char *size = exg_format_size(summary->size_bytes);
    add_line(table, "oldest", oldest);
    add_line(table, "newest", newest);
    add_line(table, "size", size);
    exg_table_print(table, stdout);
}

static void
print_summary_json(const char *path, const ExgDirectorySummary *summary)
{
    g_autoptr(GString) json = g_string_new("{");
    exg_json_text(json, "cache", path);
    for (guint i = 0; i < G_N_ELEMENTS(counted); i++)
        exg_json_number(json, counted[i].name, (gint64)summary->count[counted[i].kind]);
    exg_json_number(json, "with_tips", (gint64)summary->with_tips);
    exg_json_time(json, "oldest", summary->oldest_us > 0 ? summary->oldest_us / 1000 : -1);
    exg_json_time(json, "newest", summary->newest_us > 0 ? summary->newest_us / 1000 : -1);
    exg_json_number(json, "size_bytes", (gint64)summary->size_bytes);
    exg_json_close(json, '{');
    exg_json_print(json);
}

int
exg_directory_stats(int argc, char **argv)
{
    g_auto(ExgCacheTool) tool = {0};
    int status = exg_cache_tool_parse(&tool, NULL, NULL, 0,
                                      "Counts the recipients that the services know, by kind.",
                                      &argc, &argv);
    if (status == EX_OK)
        status = exg_cache_tool_open(&tool, false);
    if (status != EX_OK)
        return status;
    g_autoptr(GError) error = NULL;
    ExgDirectorySummary summary;
    if (!exg_directory_admin_summarize(tool.admin, &summary, &error))
        return exg_cache_complain(error);
    if (tool.json)
        print_summary_json(tool.path, &summary);
    else
        print_summary(tool.path, &summary);
    return EX_OK;
}

/* --- export and import ------------------------------------------------------------------------ */

/* Who was nobody's is not told: a refusal needs witnesses of today. Nor is an address that cannot
 * stand in a list, such as "a b"@example.com. */
static bool
can_be_told(const ExgDirectoryRecord *record)
{
    for (const char *at = record->address; *at != '\0'; at++)
        if (g_ascii_isspace(*at) || g_ascii_iscntrl(*at))
            return false;
    return record->kind != EXG_RECIPIENT_NOBODY && record->address[0] != '#';
}

static void
export_one(const ExgDirectoryRecord *record, gpointer data)
{
    if (!can_be_told(record))
        return;
    const ExgRecipientLine line = {record->address, record->kind, record->found_us};
    g_autoptr(GString) text = g_string_new(NULL);
    exg_recipient_list_write(text, &line);
    fputs(text->str, stdout);
}

static void
export_json(const ExgDirectoryRecord *record, gpointer data)
{
    if (can_be_told(record))
        append_record(data, record);
}

int
exg_directory_export(int argc, char **argv)
{
    g_auto(ExgCacheTool) tool = {0};
    int status = exg_cache_tool_parse(&tool, NULL, NULL, 0,
                                      "Prints the recipients that the services know, one in a "
                                      "line, for import or\nfor warm.",
                                      &argc, &argv);
    if (status == EX_OK)
        status = exg_cache_tool_open(&tool, false);
    if (status != EX_OK)
        return status;
    const ExgDirectoryFilter filter = {0};
    g_autoptr(GString) json = g_string_new("[");
    g_autoptr(GError) error = NULL;
    if (!exg_directory_admin_each(tool.admin, &filter, tool.json ? export_json : export_one, json,
                                  &error))
        return exg_cache_complain(error);
    exg_json_close(json, '[');
    if (tool.json)
        exg_json_print(json);
    return EX_OK;
}

typedef struct {
    ExgDirectoryAdmin *admin;
    guint taken, left_out;
} Import;

/* Only what may still be of use, and only who is somebody. */
static bool
import_one(const ExgRecipientLine *line, gpointer data, GError **error)
{
    Import *import = data;
    gint64 now_us = exg_clock_real_us();
    gint64 found_us = line->found_us > 0 ? line->found_us : now_us;
    ExgRecipientKind kind = line->kind == EXG_RECIPIENT_UNKNOWN ? EXG_RECIPIENT_MAILBOX
                                                                : line->kind;
    if (kind == EXG_RECIPIENT_NOBODY || found_us > now_us ||
        found_us < now_us - EXG_DIRECTORY_STALE_US) {
        import->left_out++;
        return true;
    }
    import->taken++;
    return exg_directory_admin_put(import->admin, line->address, kind, found_us, error);
}

static int
import_text(ExgCacheTool *tool, const char *text, gsize length, Import *import)
{
    g_autoptr(GError) error = NULL;
    import->admin = tool->admin;
    if (!exg_directory_admin_begin(tool->admin, &error))
        return exg_cache_complain(error);
    if (!exg_recipient_list_read(text, length, import_one, import, &error))
        return exg_complain(EX_DATAERR, "%s: %s", tool->operands[0], error->message);
    if (!exg_directory_admin_commit(tool->admin, &error) ||
        !exg_directory_admin_stamp(tool->admin, &error))
        return exg_cache_complain(error);
    return EX_OK;
}

int
exg_directory_import(int argc, char **argv)
{
    g_auto(ExgCacheTool) tool = {0};
    int status = exg_cache_tool_parse(&tool, NULL, "FILE", 1,
                                      "Takes recipients over from a list such as export prints; - "
                                      "reads standard input.",
                                      &argc, &argv);
    if (status != EX_OK)
        return status;
    if (tool.operands[0] == NULL)
        return exg_complain(EX_USAGE, "%s: FILE is missing; try --help", g_get_prgname());
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    gsize length = 0;
    if (!exg_recipient_list_load(tool.operands[0], &text, &length, &error))
        return exg_complain(EX_NOINPUT, "%s", error->message);
    Import import = {0};
    status = exg_cache_tool_open(&tool, true);
    if (status == EX_OK)
        status = import_text(&tool, text, length, &import);
    if (status != EX_OK)
        return status;
    print_count(&tool, "imported", "imported", import.taken);
    if (import.left_out > 0)
        exg_complain(EX_OK, "%u left out: they are nobody's, or were found more than 7 days ago",
                     import.left_out);
    return EX_OK;
}
