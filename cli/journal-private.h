/* journal-private.h - what the commands of `exgate journal` share: their options, and the journal
 * that these name.
 *
 * Threads:  the main thread.
 */
#ifndef EXG_CLI_JOURNAL_PRIVATE_H
#define EXG_CLI_JOURNAL_PRIVATE_H

#include "common/base/conf.h"
#include "common/store/journal-admin.h"

typedef struct {
    char *conf_path; /* --config */
    char *path;      /* --journal; later the journal's path, whoever named it */
    ExgConf *conf;   /* NULL: not read, since --journal was all that was needed */
    ExgJournalAdmin *admin;
} ExgJournalTool;

typedef enum {
    EXG_TOOL_READS = 0,
    EXG_TOOL_WRITES = 1,
    EXG_TOOL_NEEDS_CONF = 2 /* even with --journal */
} ExgJournalToolMode;

/* Takes the options out of the arguments: the command's own and those of all. `operand` is what
 * else the command takes, such as "KEY", of which there has to be exactly one; NULL: nothing. Says
 * what is wrong and answers false. */
bool exg_journal_tool_parse(ExgJournalTool *tool, const GOptionEntry *own, const char *operand,
                            const char *summary, int *argc, char ***argv);
/* Opens the journal. Answers EX_OK, or says what is wrong and answers the exit status. */
int exg_journal_tool_open(ExgJournalTool *tool, ExgJournalToolMode mode);
/* Finds the one row that a KEY stands for; likewise. */
int exg_journal_tool_find(ExgJournalTool *tool, const char *key, ExgJournalRow **ret_row);
/* A duration of [delivery], or its default where no configuration was read. */
gint64 exg_journal_tool_duration_ms(const ExgJournalTool *tool, const char *key);
void exg_journal_tool_clear(ExgJournalTool *tool);

/* Says it, and answers the exit status for a fault of the journal. */
int exg_journal_complain(const GError *error);

int exg_journal_list(int argc, char **argv);
int exg_journal_show(int argc, char **argv);
int exg_journal_status(int argc, char **argv);
int exg_journal_ask(int argc, char **argv);
int exg_journal_settle(int argc, char **argv);
int exg_journal_prune(int argc, char **argv);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ExgJournalTool, exg_journal_tool_clear)

#endif
