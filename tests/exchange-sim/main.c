/* exchange-sim - a simulated Exchange, see README.md. */
#include "tests/exchange-sim/control.h"
#include "tests/exchange-sim/server.h"
#include "tests/exchange-sim/tls-identity.h"
#include "tests/exchange-sim/text.h"

#include "common/base/error.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

#define DEFAULT_ACCOUNT     "exgate:secret"
#define DEFAULT_MAX_REQUEST 67108864 /* IIS's maxAllowedContentLength as Exchange sets it */

typedef struct {
    char *state, *listen, *auth, *protection, *keytab, *client_ca, *exchange;
    char **mailboxes, **mailbox_files, **accounts, **impersonators, **clients, **scenarios, **names;
    gint64 max_request, digest_uses, minute_ms, heartbeat_ms, token_life_s;
    gint notify_fd, valid_days;
    gboolean keep_requests, memory, background, die_with_parent, kerberos_each, version;
} Options;

typedef struct {
    Options options;
    int lock; /* the state directory, locked */
    ExgEngine *engine;
    ExgTlsServer *tls;
    ExgSimOauth *oauth;
    ExgSimServerParts parts;
    ExgSimServer *server;
    ExgSimControl *control;
    char *url;
} Sim;

/* --- options ---------------------------------------------------------------------------------- */

static bool
check_options(const Options *options, GError **error)
{
    if (options->state == NULL)
        return exg_error_set(error, EXG_ERROR_CONFIG, "--state is missing");
    if (options->background && options->die_with_parent)
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "--background and --die-with-parent exclude each other");
    if (exg_sim_product_find(options->exchange) == NULL)
        return exg_error_set(error, EXG_ERROR_CONFIG, "there is no '%s'", options->exchange);
    if (options->minute_ms < 1 || options->heartbeat_ms < 1)
        return exg_error_set(error, EXG_ERROR_CONFIG, "a time of zero milliseconds");
    if (options->token_life_s < 1 || options->token_life_s > G_MAXINT32)
        return exg_error_set(error, EXG_ERROR_CONFIG, "--token-life is out of range");
    if (options->max_request < 1 || options->max_request > G_MAXINT32)
        return exg_error_set(error, EXG_ERROR_CONFIG, "--max-request is out of range");
    return true;
}

static bool
parse_options(Options *options, int *argc, char ***argv, GError **error)
{
    *options = (Options){.notify_fd = -1,
                         .max_request = DEFAULT_MAX_REQUEST,
                         .minute_ms = 60000,
                         .heartbeat_ms = 45000,
                         .token_life_s = 3600};
    const GOptionEntry entries[] = {
        {"state", 0, 0, G_OPTION_ARG_FILENAME, &options->state, "keep everything in this directory",
         "DIR"},
        {"listen", 0, 0, G_OPTION_ARG_STRING, &options->listen, "listen here (127.0.0.1:0)",
         "HOST:PORT"},
        {"mailbox", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->mailboxes, "there is this mailbox",
         "ADDRESS"},
        {"mailboxes", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->mailbox_files, "there are these",
         "FILE"},
        {"account", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->accounts,
         "may sign in (" DEFAULT_ACCOUNT ")", "USER:PASSWORD"},
        {"allow-impersonation", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->impersonators,
         "may act for others (all, if nobody is named)", "USER"},
        {"auth", 0, 0, G_OPTION_ARG_STRING, &options->auth,
         "offer these of negotiate, ntlm, digest, digest-md5, digest-sess, basic (basic), or none",
         "SCHEME,…"},
        {"extended-protection", 0, 0, G_OPTION_ARG_STRING, &options->protection,
         "channel bindings: none, allow or require (none)", "HOW"},
        {"keytab", 0, 0, G_OPTION_ARG_FILENAME, &options->keytab, "the service's Kerberos keys",
         "FILE"},
        {"require-client-certificate", 0, 0, G_OPTION_ARG_FILENAME, &options->client_ca,
         "of a client, signed by this CA", "FILE"},
        {"kerberos-each", 0, 0, G_OPTION_ARG_NONE, &options->kerberos_each,
         "want Kerberos with each request", NULL},
        {"oauth-client", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->clients,
         "take bearer tokens of this application, too", "ID:SECRET"},
        {"token-life", 0, 0, G_OPTION_ARG_INT64, &options->token_life_s,
         "how long a token is good (3600)", "SECONDS"},
        {"digest-uses", 0, 0, G_OPTION_ARG_INT64, &options->digest_uses,
         "requests until a nonce is stale (0: never)", "N"},
        {"scenario", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->scenarios,
         "read faults from here", "FILE"},
        {"certificate-days", 0, 0, G_OPTION_ARG_INT, &options->valid_days, "its life", "DAYS"},
        {"name", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->names,
         "one more name for the certificate", "NAME"},
        {"max-request", 0, 0, G_OPTION_ARG_INT64, &options->max_request,
         "limit of a request's body", "BYTES"},
        {"stream-minute", 0, 0, G_OPTION_ARG_INT64, &options->minute_ms,
         "how long a minute of a stream is (60000)", "MS"},
        {"heartbeat", 0, 0, G_OPTION_ARG_INT64, &options->heartbeat_ms,
         "how often a stream says something (45000)", "MS"},
        {"keep-requests", 0, 0, G_OPTION_ARG_NONE, &options->keep_requests,
         "keep every request in DIR/requests", NULL},
        {"memory", 0, 0, G_OPTION_ARG_NONE, &options->memory, "keep mailboxes in memory only",
         NULL},
        {"background", 0, 0, G_OPTION_ARG_NONE, &options->background,
         "go into the background when ready", NULL},
        {"notify-fd", 0, 0, G_OPTION_ARG_INT, &options->notify_fd,
         "write a newline there when ready", "N"},
        {"die-with-parent", 0, 0, G_OPTION_ARG_NONE, &options->die_with_parent,
         "end when the parent ends", NULL},
        {"exchange", 0, 0, G_OPTION_ARG_STRING, &options->exchange,
         "be a server of this version (ExchangeSE)", "VERSION"},
        {"version", 0, 0, G_OPTION_ARG_NONE, &options->version, "print the version", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("| control DIR COMMAND…");
    g_option_context_set_summary(
        context, "A simulated Exchange: EWS over TLS for tests, and for trying a configuration.");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return false;
    if (options->version)
        return true;
    if (*argc > 1)
        return exg_error_set(error, EXG_ERROR_CONFIG, "'%s' is not an option", (*argv)[1]);
    return check_options(options, error);
}

static void
options_clear(Options *options)
{
    g_free(options->state);
    g_free(options->listen);
    g_free(options->auth);
    g_free(options->protection);
    g_free(options->keytab);
    g_free(options->exchange);
    g_free(options->client_ca);
    g_strfreev(options->mailboxes);
    g_strfreev(options->mailbox_files);
    g_strfreev(options->accounts);
    g_strfreev(options->impersonators);
    g_strfreev(options->clients);
    g_strfreev(options->scenarios);
    g_strfreev(options->names);
}

/* --- the parts -------------------------------------------------------------------------------- */

/* One simulator per directory, or their files would mix. */
static bool
open_state(Sim *sim, GError **error)
{
    g_autofree char *absolute = g_canonicalize_filename(sim->options.state, NULL);
    g_free(sim->options.state);
    sim->options.state = g_steal_pointer(&absolute);
    if (g_mkdir_with_parents(sim->options.state, 0755) < 0)
        return exg_error_set(error, EXG_ERROR_CONFIG, "cannot create %s: %s", sim->options.state,
                             g_strerror(errno));
    sim->lock = open(sim->options.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (sim->lock < 0 || flock(sim->lock, LOCK_EX | LOCK_NB) < 0)
        return exg_error_set(error, EXG_ERROR_CONFIG, "cannot use %s: %s", sim->options.state,
                             errno == EWOULDBLOCK ? "another simulator does" : g_strerror(errno));
    return true;
}

static bool
set_up_directory(Sim *sim, GError **error)
{
    const Options *options = &sim->options;
    g_autofree char *path = g_build_filename(options->state, "mailboxes", NULL);
    sim->parts.directory = exg_sim_directory_new(options->memory ? NULL : path);
    exg_sim_directory_set_product(sim->parts.directory, exg_sim_product_find(options->exchange));
    for (guint i = 0; options->mailbox_files != NULL && options->mailbox_files[i] != NULL; i++)
        if (!exg_sim_directory_add_file(sim->parts.directory, options->mailbox_files[i], error))
            return false;
    for (guint i = 0; options->mailboxes != NULL && options->mailboxes[i] != NULL; i++)
        if (!exg_sim_directory_add(sim->parts.directory, options->mailboxes[i], error))
            return false;
    /* Told nothing, it goes on with what it had. */
    return options->mailbox_files != NULL || options->mailboxes != NULL ||
           exg_sim_directory_add_stored(sim->parts.directory, error);
}

static bool
set_up_applications(Sim *sim, GError **error)
{
    const Options *options = &sim->options;
    sim->oauth = exg_sim_oauth_new();
    exg_sim_oauth_set_life(sim->oauth, options->token_life_s);
    for (guint i = 0; options->clients != NULL && options->clients[i] != NULL; i++) {
        const char *id = exg_sim_oauth_add_client(sim->oauth, options->clients[i], error);
        if (id == NULL)
            return false;
        exg_sim_accounts_add_application(sim->parts.accounts, id);
    }
    return true;
}

static bool
set_up_accounts(Sim *sim, GError **error)
{
    const Options *options = &sim->options;
    sim->parts.accounts = exg_sim_accounts_new();
    for (guint i = 0; options->accounts != NULL && options->accounts[i] != NULL; i++)
        if (!exg_sim_accounts_add(sim->parts.accounts, options->accounts[i], error))
            return false;
    if (options->accounts == NULL &&
        !exg_sim_accounts_add(sim->parts.accounts, DEFAULT_ACCOUNT, error))
        return false;
    if (!set_up_applications(sim, error))
        return false;
    for (guint i = 0; options->impersonators != NULL && options->impersonators[i] != NULL; i++)
        if (!exg_sim_accounts_allow_impersonation(sim->parts.accounts, options->impersonators[i],
                                                  error))
            return false;
    return true;
}

/* MIT Kerberos and gss-ntlmssp are told by their environment where their secrets are. */
static bool
set_up_sign_in(Sim *sim, GError **error)
{
    const Options *options = &sim->options;
    ExgSimSignInPolicy *policy = &sim->parts.sign_in;
    const char *protection = options->protection != NULL ? options->protection : "none";
    if (!exg_sim_sign_in_policy_parse(options->auth != NULL ? options->auth : "basic", protection,
                                      policy, error))
        return false;
    policy->each_request = options->kerberos_each;
    policy->oauth = sim->oauth;
    policy->digest_uses = (guint64)MAX(options->digest_uses, 0);
    if (!policy->negotiate && !policy->ntlm)
        return true;
    g_autofree char *users = exg_sim_accounts_to_ntlm(sim->parts.accounts);
    g_autofree char *path = g_build_filename(options->state, "ntlm-users", NULL);
    g_setenv("NTLM_USER_FILE", path, TRUE);
    g_setenv("KRB5RCACHENAME", "none:", TRUE);
    if (options->keytab != NULL)
        g_setenv("KRB5_KTNAME", options->keytab, TRUE);
    return g_file_set_contents_full(path, users, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
}

static bool
set_up_faults(Sim *sim, GError **error)
{
    const Options *options = &sim->options;
    sim->parts.faults = exg_sim_faults_new();
    for (guint i = 0; options->scenarios != NULL && options->scenarios[i] != NULL; i++)
        if (!exg_sim_faults_add_file(sim->parts.faults, options->scenarios[i], error))
            return false;
    return true;
}

/* The port of the last run in this directory, so that its URL stays right; 0: none. */
static guint
last_port(const Sim *sim)
{
    g_autofree char *path = g_build_filename(sim->options.state, "url", NULL);
    g_autofree char *url = NULL;
    guint64 port;
    if (!g_file_get_contents(path, &url, NULL, NULL))
        return 0;
    const char *rest = exg_sim_after(url, "https://localhost:");
    g_autofree char *digits = rest != NULL ? g_strndup(rest, strspn(rest, "0123456789")) : NULL;
    return digits != NULL && exg_sim_number(digits, 65535, &port) ? (guint)port : 0;
}

static bool
listen_at(Sim *sim, const char *text, GError **error)
{
    ExgSocketAddress address;
    if (!exg_socket_address_parse(text, &address, error))
        return false;
    sim->server = exg_sim_server_new(sim->engine, &address, sim->tls, &sim->parts, error);
    return sim->server != NULL;
}

static bool
set_up_server(Sim *sim, GError **error)
{
    const char *listen = sim->options.listen != NULL ? sim->options.listen : "127.0.0.1:0";
    g_autofree char *text = g_str_has_prefix(listen, "inet:") ? g_strdup(listen)
                                                              : g_strdup_printf("inet:%s", listen);
    guint port = last_port(sim);
    if (g_str_has_suffix(text, ":0") && port != 0) {
        g_autofree char *same = g_strdup_printf("%.*s%u", (int)strlen(text) - 1, text, port);
        listen_at(sim, same, NULL);
    }
    if (sim->server == NULL && !listen_at(sim, text, error))
        return false;
    g_autofree char *host = g_strdup_printf("https://localhost:%u",
                                            exg_sim_server_port(sim->server));
    exg_sim_oauth_set_url(sim->oauth, host);
    sim->url = g_strconcat(host, EXG_SIM_PATH, NULL);
    return true;
}

static bool
set_up(Sim *sim, GError **error)
{
    const Options *options = &sim->options;
    sim->parts.max_request_bytes = (gsize)options->max_request;
    sim->parts.pace = (ExgSimStreamPace){options->minute_ms, options->heartbeat_ms};
    if (!open_state(sim, error) || !set_up_directory(sim, error) || !set_up_accounts(sim, error) ||
        !set_up_sign_in(sim, error) || !set_up_faults(sim, error))
        return false;
    sim->parts.record = exg_sim_record_new(options->state, options->keep_requests, error);
    if (sim->parts.record == NULL)
        return false;
    sim->tls = exg_sim_tls_identity_new(options->state, (const char *const *)options->names,
                                        options->valid_days != 0 ? options->valid_days
                                                                 : EXG_SIM_VALID_DAYS,
                                        &sim->parts.sign_in.certificate, error);
    if (sim->tls == NULL || (options->client_ca != NULL &&
                             !exg_tls_server_require_client(sim->tls, options->client_ca, error)))
        return false;
    sim->engine = exg_engine_new(error);
    if (sim->engine == NULL || !set_up_server(sim, error))
        return false;
    sim->control = exg_sim_control_new(sim->engine, options->state, sim->server, &sim->parts,
                                       error);
    return sim->control != NULL;
}

static void
tear_down(Sim *sim)
{
    exg_sim_control_free(sim->control);
    exg_sim_server_free(sim->server);
    exg_tls_server_unref(sim->tls);
    exg_engine_unref(sim->engine);
    exg_sim_record_free(sim->parts.record);
    exg_sim_faults_free(sim->parts.faults);
    exg_sim_oauth_free(sim->oauth);
    exg_sim_sign_in_policy_clear(&sim->parts.sign_in);
    exg_sim_accounts_free(sim->parts.accounts);
    exg_sim_directory_free(sim->parts.directory);
    g_free(sim->url);
    options_clear(&sim->options);
    if (sim->lock >= 0)
        close(sim->lock);
}

/* --- readiness -------------------------------------------------------------------------------- */

static bool
write_state(const Sim *sim, GError **error)
{
    g_autofree char *pid = g_strdup_printf("%d\n", (int)getpid());
    g_autofree char *url = g_strdup_printf("%s\n", sim->url);
    return exg_sim_write_file(sim->options.state, "pid", pid, strlen(pid), error) &&
           exg_sim_write_file(sim->options.state, "url", url, strlen(url), error);
}

static void
tell(int fd, const char *text)
{
    if (fd >= 0 && write(fd, text, strlen(text)) < 0)
        g_warning("cannot tell that the simulator is ready: %s", g_strerror(errno));
    if (fd >= 0)
        close(fd);
}

static gboolean
on_signal(gpointer data)
{
    exg_engine_quit(data);
    return G_SOURCE_CONTINUE;
}

static void
watch_signal(Sim *sim, int number)
{
    GSource *source = g_unix_signal_source_new(number);
    g_source_set_callback(source, on_signal, sim->engine, NULL);
    g_source_attach(source, exg_engine_context(sim->engine));
    g_source_unref(source);
}

static bool
start(Sim *sim)
{
    g_autoptr(GError) error = NULL;
    if (set_up(sim, &error) && write_state(sim, &error))
        return true;
    fprintf(stderr, "exchange-sim: %s\n", error->message);
    return false;
}

static int
run(Sim *sim)
{
    watch_signal(sim, SIGTERM);
    watch_signal(sim, SIGINT);
    tell(sim->options.notify_fd, "\n");
    exg_engine_run(sim->engine);
    g_autofree char *pid = g_build_filename(sim->options.state, "pid", NULL);
    g_unlink(pid);
    return 0;
}

static int
serve(Sim *sim)
{
    if (!start(sim))
        return 1;
    printf("exchange-sim: ready at %s (CA in %s/ca.pem)\n", sim->url, sim->options.state);
    fflush(stdout);
    return run(sim);
}

/* Its output would keep a shell waiting that reads ours. */
static void
redirect_output(const Sim *sim)
{
    g_autofree char *path = g_build_filename(sim->options.state, "output", NULL);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    if (fd >= 0) {
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        close(fd);
    }
    if (null > STDERR_FILENO)
        close(null);
}

/* Forks before there is anything that a fork would share; the parent waits for the child's word. */
static int
serve_in_background(Sim *sim)
{
    int ends[2];
    char url[256];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        fprintf(stderr, "exchange-sim: %s\n", g_strerror(errno));
        return 1;
    }
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        setsid();
        if (!start(sim)) /* says why where the caller sees it */
            return 1;
        redirect_output(sim);
        tell(ends[1], sim->url);
        return run(sim);
    }
    close(ends[1]);
    gssize length = child > 0 ? read(ends[0], url, sizeof url - 1) : -1;
    close(ends[0]);
    if (length <= 0)
        return 1;
    printf("%.*s\n", (int)length, url);
    return 0;
}

/* --- main ------------------------------------------------------------------------------------- */

static int
control_main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: exchange-sim control DIR COMMAND…\n");
        return 2;
    }
    g_autofree char *command = g_strjoinv(" ", argv + 3);
    return exg_sim_control_main(argv[2], command);
}

int
main(int argc, char **argv)
{
    if (argc > 1 && g_str_equal(argv[1], "control"))
        return control_main(argc, argv);
    Sim sim = {.lock = -1};
    g_autoptr(GError) error = NULL;
    if (!parse_options(&sim.options, &argc, &argv, &error)) {
        fprintf(stderr, "exchange-sim: %s\n", error->message);
        options_clear(&sim.options);
        return 2;
    }
    if (sim.options.version) {
        printf("exchange-sim " EXG_VERSION "\n");
        options_clear(&sim.options);
        return 0;
    }
    if (sim.options.die_with_parent)
        prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    exg_log_open("exchange-sim", EXG_LOG_TO_STDERR, EXG_LOG_INFO);
    int status = sim.options.background ? serve_in_background(&sim) : serve(&sim);
    tear_down(&sim);
    return status;
}
