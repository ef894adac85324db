/* sim.h - exchange-sim as a process beside a unit test. Whoever includes this has it built first.
 */
#ifndef TESTS_LIB_SIM_H
#define TESTS_LIB_SIM_H

#include "common/ews/service.h"
#include "tests/lib/http-fixture.h"

#include <gio/gio.h>

#define TEST_SIM_MAILBOX "ann@example.com"

typedef struct {
    GSubprocess *process;
    char *directory; /* its state, a temporary one */
    char *url, *ca_file;
    ExgHttpAuthenticator *authenticator; /* for its account */
} TestSim;

/* `options`: more of the program's, or NULL. Returns when it can be talked to. */
void test_sim_start(TestSim *sim, const char *const *options);
/* Ends it, and checks that it had nothing to refuse. */
void test_sim_stop(TestSim *sim);

/* A service that talks to it; the fixture's options, and its client if it has none yet, are made for
 * that. (transfer full) */
ExgEwsService *test_sim_service(const TestSim *sim, HttpFixture *fixture);

/* The answer to one command, which must be "ok …". (transfer full) */
char *test_sim_control(const TestSim *sim, const char *command);
/* The same, for who does not want the answer. */
void test_sim_order(const TestSim *sim, const char *command);
/* One of its counters, such as "stored" or "FindItem". */
guint64 test_sim_count(const TestSim *sim, const char *name);

#endif
