/* command.h - the commands of exgate: tables of them, and the way from arguments to one.
 *
 * A command is a row of a table and a source file. A command may be a table itself, as `exgate
 * journal` is.
 *
 * Threads:  the main thread.
 * Errors:   a command says what is wrong in one sentence, with exg_complain(), and answers an exit
 *           status of sysexits.h.
 */
#ifndef EXG_CLI_COMMAND_H
#define EXG_CLI_COMMAND_H

#include <glib.h>

#define EXG_DEFAULT_CONF "/etc/exgate/exgate.conf"

typedef struct {
    const char *name;
    const char *summary; /* a few words for the list of commands */
    /* `argv[0]` is the name that it was called by. Handles --help. Answers the exit status. */
    int (*run)(int argc, char **argv);
} ExgCommand;

typedef struct {
    const char *program; /* "exgate", "exgate journal" */
    const char *summary;
    const ExgCommand *commands;
    gsize count;
} ExgCommandTable;

/* Runs the command that `argv[1]` names, or explains: `help`, `help COMMAND…`, `--help`. */
int exg_command_run(const ExgCommandTable *table, int argc, char **argv);

/* "exgate: sentence" on standard error. Answers `status`, for `return exg_complain(…)`. */
int exg_complain(int status, const char *format, ...) G_GNUC_PRINTF(2, 3);

int exg_command_check(int argc, char **argv);
int exg_command_convert_id(int argc, char **argv);
int exg_command_deliver(int argc, char **argv);
int exg_command_directory(int argc, char **argv);
int exg_command_discover(int argc, char **argv);
int exg_command_expand(int argc, char **argv);
int exg_command_freebusy(int argc, char **argv);
int exg_command_journal(int argc, char **argv);
int exg_command_login(int argc, char **argv);
int exg_command_logout(int argc, char **argv);
int exg_command_mailtips(int argc, char **argv);
int exg_command_resolve(int argc, char **argv);
int exg_command_roomlists(int argc, char **argv);
int exg_command_rooms(int argc, char **argv);
int exg_command_searchable(int argc, char **argv);
int exg_command_status(int argc, char **argv);
int exg_command_timezones(int argc, char **argv);
int exg_command_watch(int argc, char **argv);

#endif
