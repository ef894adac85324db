#include "tests/exchange-sim/control.h"

#include "common/base/error.h"
#include "tests/exchange-sim/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct ExgSimControl {
    ExgEngine *engine;
    ExgListener *listener;
    ExgSimServer *server;
    ExgSimServerParts parts;
    GHashTable *clients; /* a set */
};

typedef struct {
    ExgSimControl *control;
    ExgStream *stream;
} Client;

/* --- the commands ----------------------------------------------------------------------------- */

/* Each answers what follows "ok", (transfer full), or NULL with an error. */
typedef char *(*CommandFunc)(ExgSimControl *control, const char *line, const char *rest,
                             GError **error);

static char *
do_rule(ExgSimControl *control, const char *line, const char *rest, GError **error)
{
    return exg_sim_faults_add(control->parts.faults, line, error) ? g_strdup("") : NULL;
}

static char *
do_stats(ExgSimControl *control, const char *line, const char *rest, GError **error)
{
    g_autofree char *counters = exg_sim_record_stats(control->parts.record);
    return g_strdup_printf("%s token_requests=%" G_GUINT64_FORMAT
                           " refused_sign_ins=%" G_GUINT64_FORMAT,
                           counters, exg_sim_oauth_requests(control->parts.sign_in.oauth),
                           exg_sim_accounts_refused(control->parts.accounts));
}

static char *
do_mailbox(ExgSimControl *control, const char *line, const char *rest, GError **error)
{
    return exg_sim_directory_add(control->parts.directory, rest, error) ? g_strdup("") : NULL;
}

static char *
do_remove(ExgSimControl *control, const char *line, const char *rest, GError **error)
{
    if (exg_sim_directory_remove(control->parts.directory, rest))
        return g_strdup("");
    exg_error_set(error, EXG_ERROR_CONFIG, "there is no '%s'", rest);
    return NULL;
}

static char *
do_close_idle(ExgSimControl *control, const char *line, const char *rest, GError **error)
{
    return g_strdup_printf("closed=%u", exg_sim_server_close_idle(control->server));
}

static char *
do_forget(ExgSimControl *control, const char *line, const char *rest, GError **error)
{
    ExgSimSubscriptions *all = exg_sim_directory_subscriptions(control->parts.directory);
    return g_strdup_printf("forgotten=%u", exg_sim_subscriptions_clear(all));
}

static char *
do_revoke(ExgSimControl *control, const char *line, const char *rest, GError **error)
{
    return g_strdup_printf("revoked=%u", exg_sim_oauth_revoke(control->parts.sign_in.oauth));
}

static char *
do_tokens(ExgSimControl *control, const char *line, const char *rest, GError **error)
{
    return exg_sim_oauth_tokens(control->parts.sign_in.oauth);
}

static char *
do_approve(ExgSimControl *control, const char *line, const char *rest, GError **error)
{
    bool declines = g_str_has_prefix(line, "decline");
    if (exg_sim_oauth_approve(control->parts.sign_in.oauth, rest, declines))
        return g_strdup("");
    exg_error_set(error, EXG_ERROR_CONFIG, "there is no code '%s'", rest);
    return NULL;
}

static char *
do_misdirect(ExgSimControl *control, const char *line, const char *rest, GError **error)
{
    bool on = g_str_equal(rest, "on");
    if (!on && !g_str_equal(rest, "off")) {
        exg_error_set(error, EXG_ERROR_CONFIG, "'misdirect' is on or off");
        return NULL;
    }
    exg_sim_oauth_misdirect(control->parts.sign_in.oauth, on);
    return g_strdup("");
}

static char *
do_quit(ExgSimControl *control, const char *line, const char *rest, GError **error)
{
    exg_engine_quit(control->engine);
    return g_strdup("");
}

static char *do_help(ExgSimControl *control, const char *line, const char *rest, GError **error);

static const struct {
    const char *name;
    CommandFunc function;
    bool takes_rest;
} commands[] = {
    {"on", do_rule, true},
    {"clear", do_rule, false},
    {"stats", do_stats, false},
    {"mailbox", do_mailbox, true},
    {"remove", do_remove, true},
    {"close-idle", do_close_idle, false},
    {"forget-subscriptions", do_forget, false},
    {"revoke-tokens", do_revoke, false},
    {"tokens", do_tokens, false},
    {"approve", do_approve, true},
    {"decline", do_approve, true},
    {"misdirect", do_misdirect, true},
    {"quit", do_quit, false},
    {"help", do_help, false},
};

static char *
do_help(ExgSimControl *control, const char *line, const char *rest, GError **error)
{
    GString *names = g_string_new(NULL);
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
        g_string_append_printf(names, "%s%s", i > 0 ? " " : "", commands[i].name);
    return g_string_free(names, FALSE);
}

static char *
run(ExgSimControl *control, const char *line, GError **error)
{
    gsize length = strcspn(line, " \t");
    const char *rest = line + length + strspn(line + length, " \t");
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strlen(commands[i].name) != length || strncmp(commands[i].name, line, length) != 0)
            continue;
        if (commands[i].takes_rest != (rest[0] != '\0')) {
            exg_error_set(error, EXG_ERROR_CONFIG,
                          commands[i].takes_rest ? "'%s' needs more" : "'%s' stands alone",
                          commands[i].name);
            return NULL;
        }
        return commands[i].function(control, line, rest, error);
    }
    exg_error_set(error, EXG_ERROR_CONFIG, "there is no command '%.*s'", (int)MIN(length, 60),
                  line);
    return NULL;
}

/* --- the socket ------------------------------------------------------------------------------- */

static void
client_free(Client *client)
{
    g_hash_table_remove(client->control->clients, client);
    exg_stream_free(client->stream);
    exg_listener_release(client->control->listener);
    g_free(client);
}

static void
reply(Client *client, const char *line)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *clean = g_strstrip(g_strdup(line));
    g_autofree char *result = run(client->control, clean, &error);
    const char *words = result != NULL ? result : error->message;
    g_autofree char *text = g_strdup_printf("%s%s%s\n", result != NULL ? "ok" : "error",
                                            words[0] != '\0' ? " " : "", words);
    exg_stream_write(client->stream, text, strlen(text));
    /* At once, since the command may have been to quit. */
    exg_stream_flush(client->stream);
}

static gsize
on_read(ExgStream *stream, const guint8 *data, gsize length, gpointer user)
{
    Client *client = user;
    const guint8 *newline = memchr(data, '\n', length);
    if (newline == NULL && length < EXG_SIM_COMMAND_MAX)
        return 0;
    gsize line_length = newline != NULL ? (gsize)(newline - data) : length;
    if (line_length >= EXG_SIM_COMMAND_MAX) {
        exg_stream_finish(stream);
        return length;
    }
    g_autofree char *line = g_strndup((const char *)data, line_length);
    reply(client, line);
    return line_length + 1;
}

static void
on_closed(ExgStream *stream, const GError *error, gpointer user)
{
    client_free(user);
}

static void
on_accepted(ExgListener *listener, int fd, const ExgSocketAddress *peer, gpointer data)
{
    static const ExgStreamHandler handler = {on_read, NULL, on_closed};
    Client *client = g_new0(Client, 1);
    client->control = data;
    client->stream = exg_stream_new(client->control->engine, fd, NULL, EXG_SIM_COMMAND_MAX + 1,
                                    EXG_SIM_COMMAND_MAX, &handler, client);
    g_hash_table_add(client->control->clients, client);
}

ExgSimControl *
exg_sim_control_new(ExgEngine *engine, const char *directory, ExgSimServer *server,
                    const ExgSimServerParts *parts, GError **error)
{
    const ExgListenerOptions options = {.mode = 0600, .owner = (uid_t)-1, .group = (gid_t)-1};
    g_autofree char *text = g_strdup_printf("unix:%s/control", directory);
    ExgSocketAddress address;
    if (!exg_socket_address_parse(text, &address, error))
        return NULL;
    ExgSimControl *control = g_new0(ExgSimControl, 1);
    control->engine = exg_engine_ref(engine);
    control->server = server;
    control->parts = *parts;
    control->clients = g_hash_table_new(NULL, NULL);
    control->listener = exg_listener_new(engine, &address, &options, on_accepted, control, error);
    if (control->listener == NULL) {
        exg_sim_control_free(control);
        return NULL;
    }
    return control;
}

void
exg_sim_control_free(ExgSimControl *control)
{
    if (control == NULL)
        return;
    g_autoptr(GList) clients = g_hash_table_get_keys(control->clients);
    for (GList *at = clients; at != NULL; at = at->next)
        client_free(at->data);
    g_hash_table_unref(control->clients);
    exg_listener_free(control->listener);
    exg_engine_unref(control->engine);
    g_free(control);
}

/* --- the client ------------------------------------------------------------------------------- */

static bool
say(int fd, const char *text)
{
    for (gsize left = strlen(text); left > 0;) {
        gssize sent = send(fd, text, left, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            return false;
        if (sent > 0) {
            text += sent;
            left -= (gsize)sent;
        }
    }
    return true;
}

static char *
hear(int fd)
{
    GString *answer = g_string_new(NULL);
    char buffer[1024];
    while (strchr(answer->str, '\n') == NULL) {
        gssize got = recv(fd, buffer, sizeof buffer, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        g_string_append_len(answer, buffer, got);
    }
    return g_string_free(answer, FALSE);
}

int
exg_sim_control_main(const char *directory, const char *command)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_autofree char *path = g_build_filename(directory, "control", NULL);
    g_autofree char *line = g_strdup_printf("%s\n", command);
    if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path) {
        fprintf(stderr, "exchange-sim: the path %s is too long for a socket\n", path);
        return 1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0 || !say(fd, line)) {
        fprintf(stderr, "exchange-sim: no simulator answers at %s: %s\n", path, g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return 1;
    }
    g_autofree char *answer = hear(fd);
    close(fd);
    bool right = g_str_has_prefix(answer, "ok");
    fputs(answer[0] != '\0' ? answer : "error the simulator went away\n", right ? stdout : stderr);
    return right ? 0 : 1;
}
