/* program.h - how a daemon of exgate is called: the options that all of them have, and the order in
 * which it checks, starts and runs; and what a reload leaves as it was.
 *
 * Threads:  the main one.
 * Errors:   exit statuses of sysexits.h, EX_CONFIG where a person has to act, EX_OSERR where the host ran
 *           out of something; what is wrong is one line on standard error, with the name.
 */
#ifndef EXG_BASE_PROGRAM_H
#define EXG_BASE_PROGRAM_H

#include "common/base/conf.h"

typedef struct {
    const char *name;              /* "exgate-lmtpd"; its manual page is NAME(8) */
    const char *summary;           /* "deliver mail by LMTP …", for --help */
    void (*print_libraries)(void); /* for --version: a line each */
    /* Opens all that the configuration asks for, or only checks it. NULL: `error`. */
    gpointer (*open)(const char *conf_path, bool check_only, GError **error);
    /* Serves until it is told to stop; calls `ready` when it does. Returns the exit status. */
    int (*run)(gpointer daemon, void (*ready)(gpointer data), gpointer data);
    void (*close)(gpointer daemon);
} ExgProgram;

int exg_program_main(const ExgProgram *program, int argc, char **argv);

/* For a reload: warns of each key in these groups (NULL at the end) that was changed but is read at
 * the start only. */
void exg_program_warn_of_start(const ExgConf *before, const ExgConf *now,
                               const char *const *groups);

#endif
