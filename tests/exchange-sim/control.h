/* control.h - the socket through which tests and administrators order faults and ask for numbers.
 *
 * One command per line, one line in answer: "ok …" or "error …". The commands are listed by `help`.
 *
 * Threads:  the engine's.
 * Limits:   EXG_SIM_COMMAND_MAX bytes per line.
 */
#ifndef EXG_SIM_CONTROL_H
#define EXG_SIM_CONTROL_H

#include "tests/exchange-sim/server.h"

#define EXG_SIM_COMMAND_MAX 8192

typedef struct ExgSimControl ExgSimControl;

/* Listens on `control` in the state directory. `server` and what is in `parts` must outlive it. */
ExgSimControl *exg_sim_control_new(ExgEngine *engine, const char *directory, ExgSimServer *server,
                                   const ExgSimServerParts *parts, GError **error);
void exg_sim_control_free(ExgSimControl *control);

/* The client: sends one command and prints the answer. An exit status: 0 for "ok". */
int exg_sim_control_main(const char *directory, const char *command);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgSimControl, exg_sim_control_free)

#endif
