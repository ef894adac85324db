#include "tests/lib/sim.h"

#include "common/auth/basic.h"
#include "tests/lib/ews-fixture.h"
#include "tests/lib/scratch.h"

#include <gio/gunixsocketaddress.h>
#include <string.h>

static char *
await_file(const TestSim *sim, const char *name)
{
    g_autofree char *path = g_build_filename(sim->directory, name, NULL);
    char *content = NULL;
    for (gint64 until = g_get_monotonic_time() + 30 * G_TIME_SPAN_SECOND;
         !g_file_get_contents(path, &content, NULL, NULL) && g_get_monotonic_time() < until;)
        g_usleep(10000);
    g_assert_nonnull(content);
    return g_strstrip(content);
}

void
test_sim_start(TestSim *sim, const char *const *options)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    g_autoptr(ExgSecret) password = exg_secret_new("p", -1);
    const char *build = g_getenv("EXG_BUILD");
    g_autofree char *program = g_build_filename(build != NULL ? build : "build/check",
                                                "exchange-sim", NULL);
    *sim = (TestSim){.directory = test_scratch_new(),
                     .authenticator = exg_auth_basic_new("u", password)};
    const char *const fixed[] = {program,     "--state",          sim->directory,
                                 "--mailbox", TEST_SIM_MAILBOX,   "--account",
                                 "u:p",       "--die-with-parent"};
    for (guint i = 0; i < G_N_ELEMENTS(fixed); i++)
        g_ptr_array_add(words, (gpointer)fixed[i]);
    for (guint i = 0; options != NULL && options[i] != NULL; i++)
        g_ptr_array_add(words, (gpointer)options[i]);
    g_ptr_array_add(words, NULL);
    sim->process = g_subprocess_newv(
        (const char *const *)words->pdata,
        G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, &error);
    g_assert_no_error(error);
    sim->url = await_file(sim, "url");
    sim->ca_file = g_build_filename(sim->directory, "ca.pem", NULL);
}

ExgEwsService *
test_sim_service(const TestSim *sim, HttpFixture *fixture)
{
    fixture->options.authenticator = sim->authenticator;
    fixture->options.ca_file = sim->ca_file;
    if (fixture->client == NULL)
        fixture->client = exg_http_client_new(fixture->engine, &fixture->options);
    return exg_ews_service_new(fixture->client, sim->url, EWS_TEST_VERSION);
}

void
test_sim_stop(TestSim *sim)
{
    g_autofree char *path = g_build_filename(sim->directory, "refusals", NULL);
    g_autofree char *refusals = NULL;
    g_autoptr(GError) error = NULL;
    test_sim_order(sim, "quit");
    g_subprocess_wait_check(sim->process, NULL, &error);
    g_assert_no_error(error);
    if (g_file_get_contents(path, &refusals, NULL, NULL))
        g_assert_cmpstr(refusals, ==, "");
    exg_http_authenticator_unref(sim->authenticator);
    g_object_unref(sim->process);
    test_scratch_free(sim->directory);
    g_free(sim->url);
    g_free(sim->ca_file);
}

char *
test_sim_control(const TestSim *sim, const char *command)
{
    g_autofree char *path = g_build_filename(sim->directory, "control", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_socket_client_set_enable_proxy(client, FALSE);
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    g_autoptr(GSocketConnection)
        connection = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, &error);
    g_assert_no_error(error);
    g_autofree char *line = g_strconcat(command, "\n", NULL);
    g_assert_true(g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(connection)),
                                            line, strlen(line), NULL, NULL, &error));
    g_autoptr(GDataInputStream)
        input = g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(connection)));
    char *answer = g_data_input_stream_read_line(input, NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_nonnull(answer);
    if (!g_str_has_prefix(answer, "ok"))
        g_error("exchange-sim: %s: %s", command, answer);
    return answer;
}

void
test_sim_order(const TestSim *sim, const char *command)
{
    g_free(test_sim_control(sim, command));
}

guint64
test_sim_count(const TestSim *sim, const char *name)
{
    g_autofree char *stats = test_sim_control(sim, "stats");
    g_autofree char *word = g_strdup_printf(" %s=", name);
    const char *at = strstr(stats, word);
    return at != NULL ? g_ascii_strtoull(at + strlen(word), NULL, 10) : 0;
}
