/* tool.h - what the commands that talk to Exchange share: options, configuration, account, waiting
 * for an answer, errors.
 *
 * A command parses its arguments, opens the tool, starts one call after the other with
 * exg_tool_done() as callback, and waits for each. The main thread is the engine's. Calls are
 * tolerant: where Exchange asks to come back later, they do, until --timeout.
 *
 * On a terminal, a wait of more than two seconds says so on standard error. SIGINT and SIGTERM
 * cancel the call under way, and a second one ends the program.
 *
 * Threads:  the main thread.
 */
#ifndef EXG_CLI_TOOL_H
#define EXG_CLI_TOOL_H

#include "cli/command.h"
#include "cli/output.h"
#include "common/account/account.h"

#include <gio/gio.h>

#define EXG_INTERRUPTED (128 + 2) /* exit status, as shells have it */

typedef struct {
    const char *operands; /* "NAME…", for the help; NULL: none */
    guint min, max;       /* how many; `max` G_MAXUINT: any number */
    const char *summary;
    const GOptionEntry *own; /* the command's options, or NULL */
} ExgToolUsage;

typedef struct {
    /* from the arguments */
    char *conf_path;
    char *timeout;
    gboolean json;
    GStrv operands; /* valid UTF-8; never NULL */
    guint n_operands;

    /* opened */
    ExgConf *conf;
    ExgEngine *engine;
    ExgAccount *account;
    ExgEwsService *service;
    GCancellable *cancellable;
    gint64 timeout_ms;

    /* the call under way */
    const char *waiting_for; /* of whom it is said that one waits for him; NULL: Exchange */
    gint64 waiting_since_us;
    char *trouble; /* why it is tried again; NULL: nothing went wrong yet */
    GAsyncResult *result;
    GSource *signals[2];
} ExgTool;

/* Answers EX_OK, or says what is wrong and answers the exit status; likewise the next ones. */
int exg_tool_parse(ExgTool *tool, const ExgToolUsage *usage, int *argc, char ***argv);
/* Reads the configuration. */
int exg_tool_configure(ExgTool *tool);
/* The engine, and the signals that cancel what it does. */
int exg_tool_start(ExgTool *tool);
/* All of that, and the account. As root it goes on as the user of the services. */
int exg_tool_open(ExgTool *tool);
void exg_tool_clear(ExgTool *tool);

/* When the call that begins now has to have ended. */
gint64 exg_tool_deadline_us(const ExgTool *tool);
/* The callback of calls; `data` is the tool. */
void exg_tool_done(GObject *source, GAsyncResult *result, gpointer data);
/* Runs the engine until that has been called. (transfer none) */
GAsyncResult *exg_tool_wait(ExgTool *tool);

/* Looks the account itself up: whether it is found does not matter, only that there is an answer. */
bool exg_tool_ask_for_self(ExgTool *tool, GError **error);

/* The exit status that stands for an error. */
int exg_tool_status_of(const GError *error);
/* Says it, and answers its exit status. */
int exg_tool_complain(const GError *error);
/* Why none of the answers to several questions came, if it is a reason that has nothing to do with
 * what was asked; otherwise NULL. `answers`: of structures that begin with their error.
 * (transfer none) */
const GError *exg_tool_common_failure(const GPtrArray *answers);
/* What a run over many things answers: the status of the first thing that failed. */
int exg_tool_first_status(int status, const GError *error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ExgTool, exg_tool_clear)

#endif
