/* exgate directory: its commands, and what they share. */
#include "cli/command.h"
#include "cli/directory-private.h"
#include "cli/privilege.h"
#include "common/base/clock.h"
#include "common/base/error.h"

#include <errno.h>
#include <sysexits.h>

static const ExgCommand commands[] = {
    {"query", "Tell whether recipients exist, and what limits they have", exg_directory_query},
    {"list", "List the recipients that are known", exg_directory_list},
    {"flush", "Forget recipients, so that Exchange is asked again", exg_directory_flush},
    {"stats", "Count what is known", exg_directory_stats},
    {"warm", "Look recipients up before mail comes for them", exg_directory_warm},
    {"export", "Print what is known, to be imported elsewhere", exg_directory_export},
    {"import", "Take over what another host knows", exg_directory_import},
};

static const ExgCommandTable table = {
    .program = "exgate directory",
    .summary = "Asks who is a recipient, as the services do, and looks into the cache of\n"
               "recipients that they share, also while they are running.",
    .commands = commands,
    .count = G_N_ELEMENTS(commands),
};

int
exg_command_directory(int argc, char **argv)
{
    return exg_command_run(&table, argc, argv);
}

/* --- the file --------------------------------------------------------------------------------- */

int
exg_cache_tool_parse(ExgCacheTool *tool, const GOptionEntry *own, const char *operand,
                     guint max_operands, const char *summary, int *argc, char ***argv)
{
    const GOptionEntry common[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &tool->json, "For programs", NULL},
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &tool->conf_path,
         "Read FILE instead of " EXG_DEFAULT_CONF, "FILE"},
        {"cache", 0, 0, G_OPTION_ARG_FILENAME, &tool->path,
         "Use this cache, not the configured one", "FILE"},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &tool->operands, NULL, operand},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_set_summary(context, summary);
    if (own != NULL)
        g_option_context_add_main_entries(context, own, NULL);
    g_option_context_add_main_entries(context, common, NULL);
    g_autoptr(GError) error = NULL;
    if (!g_option_context_parse(context, argc, argv, &error))
        return exg_complain(EX_USAGE, "%s; try %s --help", error->message, g_get_prgname());
    if (tool->operands == NULL)
        tool->operands = g_new0(char *, 1);
    if (g_strv_length(tool->operands) > max_operands)
        return exg_complain(EX_USAGE, "%s: unexpected argument %s; try --help", g_get_prgname(),
                            tool->operands[max_operands]);
    return EX_OK;
}

int
exg_cache_complain(const GError *error)
{
    if (g_error_matches(error, EXG_ERROR, EXG_ERROR_BUSY) ||
        g_error_matches(error, EXG_ERROR, EXG_ERROR_RESOURCES))
        return exg_complain(EX_TEMPFAIL, "%s", error->message);
    return exg_complain(EX_NOINPUT, "%s", error->message);
}

int
exg_cache_tool_open(ExgCacheTool *tool, bool make)
{
    g_autoptr(GError) error = NULL;
    if (tool->path == NULL) {
        g_autoptr(ExgConf) conf = exg_conf_load(
            tool->conf_path != NULL ? tool->conf_path : EXG_DEFAULT_CONF, &error);
        if (conf == NULL)
            return exg_complain(EX_CONFIG, "%s", error->message);
        tool->path = g_strdup(exg_conf_string(conf, "directory", "cache"));
    }
    if (!exg_become_owner(tool->path))
        return exg_complain(EX_OSERR, "cannot become the owner of %s: %s", tool->path,
                            g_strerror(errno));
    tool->admin = exg_directory_admin_open(tool->path, make, &error);
    return tool->admin != NULL ? EX_OK : exg_cache_complain(error);
}

void
exg_cache_tool_clear(ExgCacheTool *tool)
{
    exg_directory_admin_close(tool->admin);
    g_strfreev(tool->operands);
    g_free(tool->conf_path);
    g_free(tool->path);
}

int
exg_cache_filter(const char *kind, const char *domain, ExgDirectoryFilter *ret_filter)
{
    ExgDirectoryFilter filter = {.domain = domain};
    if (kind != NULL) {
        filter.kind = exg_recipient_kind_find(kind);
        if (filter.kind == EXG_RECIPIENT_UNKNOWN)
            return exg_complain(EX_USAGE,
                                "--kind %s: mailbox, group, contact, public-folder or nobody is "
                                "expected",
                                kind);
    }
    *ret_filter = filter;
    return EX_OK;
}

/* --- words ------------------------------------------------------------------------------------ */

char *
exg_tips_words(const ExgDirectoryTips *tips)
{
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);
    if (tips->full)
        g_ptr_array_add(parts, g_strdup("full"));
    if (tips->restricted)
        g_ptr_array_add(parts, g_strdup("restricted"));
    if (tips->moderated)
        g_ptr_array_add(parts, g_strdup("moderated"));
    if (tips->out_of_office)
        g_ptr_array_add(parts, g_strdup("out of office"));
    if (tips->n_members > 0)
        g_ptr_array_add(parts, g_strdup_printf("%" G_GINT64_FORMAT " member%s", tips->n_members,
                                               tips->n_members == 1 ? "" : "s"));
    if (tips->max_message_bytes > 0) {
        g_autofree char *size = exg_format_size((guint64)tips->max_message_bytes);
        g_ptr_array_add(parts, g_strdup_printf("at most %s", size));
    }
    g_ptr_array_add(parts, NULL);
    return g_strjoinv(", ", (char **)parts->pdata);
}

void
exg_tips_append(GString *json, const ExgDirectoryTips *tips)
{
    if (!tips->known) {
        exg_json_text(json, "tips", NULL);
        return;
    }
    exg_json_open(json, "tips", '{');
    exg_json_bool(json, "full", tips->full);
    exg_json_bool(json, "restricted", tips->restricted);
    exg_json_bool(json, "moderated", tips->moderated);
    exg_json_bool(json, "out_of_office", tips->out_of_office);
    exg_json_number(json, "max_message_bytes",
                    tips->max_message_bytes > 0 ? tips->max_message_bytes : -1);
    exg_json_number(json, "members", tips->n_members > 0 ? tips->n_members : -1);
    exg_json_time(json, "told", tips->told_us / 1000);
    exg_json_close(json, '{');
}

char *
exg_age_since(gint64 then_us)
{
    if (then_us == 0)
        return NULL;
    return exg_format_age(MAX(exg_clock_real_us() - then_us, 0) / 1000);
}

/* --- asking ----------------------------------------------------------------------------------- */

int
exg_directory_of_tool_open(ExgDirectoryOfTool *self, ExgTool *tool, bool cached)
{
    g_autoptr(GError) error = NULL;
    const char *path = exg_conf_string(tool->conf, "directory", "cache");
    self->cache = exg_directory_cache_new(tool->engine, cached ? path : NULL, 0, 0);
    self->directory = exg_directory_new_configured(tool->engine, tool->conf, tool->account,
                                                   self->cache, true, &error);
    return self->directory != NULL ? EX_OK : exg_complain(EX_CONFIG, "%s", error->message);
}

void
exg_directory_of_tool_clear(ExgDirectoryOfTool *self)
{
    exg_directory_free(self->directory);
    exg_directory_cache_unref(self->cache);
}
