/* directory-private.h - what the commands of `exgate directory` share: their options, and the cache
 * that these name.
 *
 * Threads:  the main thread.
 */
#ifndef EXG_CLI_DIRECTORY_PRIVATE_H
#define EXG_CLI_DIRECTORY_PRIVATE_H

#include "cli/tool.h"
#include "common/directory/cache-admin.h"
#include "common/directory/configured.h"

/* For the commands that look into the file alone. */
typedef struct {
    char *conf_path; /* --config */
    char *path;      /* --cache; later the cache's path, whoever named it */
    gboolean json;
    GStrv operands; /* never NULL */
    ExgDirectoryAdmin *admin;
} ExgCacheTool;

/* Takes the options out of the arguments. `operand`: what else is taken, for the help; NULL:
 * nothing. Answers EX_OK, or says what is wrong and answers the exit status; likewise the next. */
int exg_cache_tool_parse(ExgCacheTool *tool, const GOptionEntry *own, const char *operand,
                         guint max_operands, const char *summary, int *argc, char ***argv);
/* Opens the cache. `make`: a new one, if there is none. */
int exg_cache_tool_open(ExgCacheTool *tool, bool make);
int exg_cache_complain(const GError *error);
void exg_cache_tool_clear(ExgCacheTool *tool);

/* Reads --kind and --domain. `kind` may be NULL. */
int exg_cache_filter(const char *kind, const char *domain, ExgDirectoryFilter *ret_filter);

/* The tips as part of a sentence: "full, at most 10 MiB"; "" if there is nothing to know. */
char *exg_tips_words(const ExgDirectoryTips *tips);
/* "tips": an object, or null. */
void exg_tips_append(GString *json, const ExgDirectoryTips *tips);
/* "2h20min", since a time on the real clock; NULL: 0. */
char *exg_age_since(gint64 then_us);

/* A directory as the services have it, with their cache. */
typedef struct {
    ExgDirectoryCache *cache;
    ExgDirectory *directory;
} ExgDirectoryOfTool;

/* Opens both for a tool that is open; `cached` false: what is in the cache is not looked at, and
 * what is found is not put there. */
int exg_directory_of_tool_open(ExgDirectoryOfTool *self, ExgTool *tool, bool cached);
void exg_directory_of_tool_clear(ExgDirectoryOfTool *self);

int exg_directory_query(int argc, char **argv);
int exg_directory_list(int argc, char **argv);
int exg_directory_flush(int argc, char **argv);
int exg_directory_stats(int argc, char **argv);
int exg_directory_warm(int argc, char **argv);
int exg_directory_export(int argc, char **argv);
int exg_directory_import(int argc, char **argv);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ExgCacheTool, exg_cache_tool_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ExgDirectoryOfTool, exg_directory_of_tool_clear)

#endif
