/* server.h - the HTTPS front end of the simulated Exchange: connections, requests, answers, and the
 * faults in them.
 *
 * Threads:  the engine's.
 * Memory:   the server owns its connections; directory, accounts, faults and record stay the
 *           caller's and must outlive it.
 * Limits:   EXG_SIM_CONNECTIONS_MAX at once, `max_request_bytes` per body.
 */
#ifndef EXG_SIM_SERVER_H
#define EXG_SIM_SERVER_H

#include "common/io/listener.h"
#include "common/io/stream.h"
#include "tests/exchange-sim/account.h"
#include "tests/exchange-sim/directory.h"
#include "tests/exchange-sim/fault.h"
#include "tests/exchange-sim/record.h"
#include "tests/exchange-sim/sign-in.h"
#include "tests/exchange-sim/streaming.h"

#define EXG_SIM_PATH            "/EWS/Exchange.asmx"
#define EXG_SIM_CONNECTIONS_MAX 20000

typedef struct ExgSimServer ExgSimServer;

typedef struct {
    ExgSimDirectory *directory;
    ExgSimAccounts *accounts;
    ExgSimSignInPolicy sign_in;
    ExgSimFaults *faults;
    ExgSimRecord *record;
    gsize max_request_bytes;
    ExgSimStreamPace pace;
} ExgSimServerParts;

ExgSimServer *exg_sim_server_new(ExgEngine *engine, const ExgSocketAddress *address,
                                 ExgTlsServer *tls, const ExgSimServerParts *parts, GError **error);
void exg_sim_server_free(ExgSimServer *server);

guint16 exg_sim_server_port(const ExgSimServer *server);
/* Closes the connections that wait for a request, as a front end does after a while. Answers how
 * many. */
guint exg_sim_server_close_idle(ExgSimServer *server);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgSimServer, exg_sim_server_free)

#endif
