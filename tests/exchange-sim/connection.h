/* connection.h - one client's connection: reads requests, asks the scenario, answers. Inside the
 * server only.
 *
 * Memory:   frees itself when the client is gone and nothing is left to do, or by
 *           exg_sim_connection_free().
 */
#ifndef EXG_SIM_CONNECTION_H
#define EXG_SIM_CONNECTION_H

#include "tests/exchange-sim/server.h"

typedef struct ExgSimConnection ExgSimConnection;
typedef void (*ExgSimConnectionFunc)(ExgSimConnection *connection, gpointer data);

/* Takes `fd`. `gone` is called before the connection frees itself. */
ExgSimConnection *exg_sim_connection_new(ExgEngine *engine, int fd, ExgTlsServer *tls,
                                         guint64 number, const ExgSimServerParts *parts,
                                         ExgSimConnectionFunc gone, gpointer data);
void exg_sim_connection_free(ExgSimConnection *connection);
/* Closes it if it waits for a request; answers whether it did. */
bool exg_sim_connection_close_idle(ExgSimConnection *connection);

#endif
