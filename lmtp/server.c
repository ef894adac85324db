#include "lmtp/server-private.h"

#include "common/base/clock.h"
#include "common/base/failpoint.h"
#include "lmtp/session.h"

#include <string.h>

/* --- options ---------------------------------------------------------------------------------- */

#define FILL_IN(field, standard) ((field) = (field) != 0 ? (field) : (standard))

static ExgLmtpOptions *
options_new(const ExgLmtpServerOptions *given)
{
    ExgLmtpOptions *self = g_atomic_rc_box_new0(ExgLmtpOptions);
    ExgLmtpServerOptions *values = &self->values;
    *values = *given;
    self->hostname = g_strndup(given->hostname != NULL ? given->hostname : g_get_host_name(),
                               EXG_LMTP_HOSTNAME_MAX_BYTES);
    self->greeting = g_strdup(given->greeting != NULL ? given->greeting : "LMTP exgate");
    self->recipient_domain = g_strdup(given->recipient_domain);
    self->spool_directory = g_strdup(given->spool_directory != NULL ? given->spool_directory
                                                                    : g_get_tmp_dir());
    values->hostname = self->hostname;
    values->greeting = self->greeting;
    values->recipient_domain = self->recipient_domain;
    values->spool_directory = self->spool_directory;
    if (values->marks != NULL)
        exg_header_marks_ref(values->marks);
    FILL_IN(values->max_recipients, EXG_LMTP_DEFAULT_MAX_RECIPIENTS);
    FILL_IN(values->max_message_bytes, EXG_LMTP_DEFAULT_MAX_MESSAGE_BYTES);
    FILL_IN(values->max_hops, EXG_LMTP_DEFAULT_MAX_HOPS);
    FILL_IN(values->max_bad_commands, EXG_LMTP_DEFAULT_MAX_BAD_COMMANDS);
    FILL_IN(values->idle_timeout_ms, EXG_LMTP_DEFAULT_IDLE_TIMEOUT_MS);
    FILL_IN(values->message_timeout_ms, EXG_LMTP_DEFAULT_MESSAGE_TIMEOUT_MS);
    FILL_IN(values->spool_memory_bytes, EXG_LMTP_DEFAULT_SPOOL_MEMORY_BYTES);
    return self;
}

ExgLmtpOptions *
exg_lmtp_options_ref(ExgLmtpOptions *options)
{
    return g_atomic_rc_box_acquire(options);
}

static void
options_clear(gpointer data)
{
    ExgLmtpOptions *self = data;
    g_free(self->hostname);
    g_free(self->greeting);
    exg_header_marks_unref(self->values.marks);
    g_free(self->recipient_domain);
    g_free(self->spool_directory);
}

void
exg_lmtp_options_unref(ExgLmtpOptions *options)
{
    g_atomic_rc_box_release_full(options, options_clear);
}

/* --- life ------------------------------------------------------------------------------------- */

static void
listener_destroy(gpointer data)
{
    exg_listener_free(data);
}

ExgLmtpServer *
exg_lmtp_server_new(ExgEngine *engine, const ExgLmtpServerOptions *options, ExgLmtpBackend *backend)
{
    ExgLmtpServer *self = g_new0(ExgLmtpServer, 1);
    self->references = 1;
    self->engine = exg_engine_ref(engine);
    self->backend = backend;
    self->options = options_new(options);
    self->listeners = g_ptr_array_new_with_free_func(listener_destroy);
    g_queue_init(&self->sessions);
    self->next_id = g_random_int();
    return self;
}

ExgLmtpServer *
exg_lmtp_server_ref(ExgLmtpServer *self)
{
    self->references++;
    return self;
}

void
exg_lmtp_server_unref(ExgLmtpServer *self)
{
    if (--self->references > 0)
        return;
    exg_lmtp_options_unref(self->options);
    exg_engine_unref(self->engine);
    g_free(self);
}

void
exg_lmtp_server_free(ExgLmtpServer *self)
{
    if (self == NULL)
        return;
    self->drained = NULL;
    while (self->sessions.head != NULL)
        exg_lmtp_session_free(self->sessions.head->data);
    g_clear_pointer(&self->listeners, g_ptr_array_unref);
    exg_lmtp_server_unref(self);
}

void
exg_lmtp_server_set_options(ExgLmtpServer *self, const ExgLmtpServerOptions *options)
{
    exg_lmtp_options_unref(self->options);
    self->options = options_new(options);
}

ExgLmtpStatistics
exg_lmtp_server_statistics(const ExgLmtpServer *self)
{
    ExgLmtpStatistics statistics = self->statistics;
    statistics.sessions = self->sessions.length;
    return statistics;
}

/* 35 bits of seconds and 20 of a counter with a random start, five bits a letter. The counter repeats after a million
 * sessions, which cannot all begin in one second. */
char *
exg_lmtp_server_make_id(ExgLmtpServer *self)
{
    static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    guint64 seconds = (guint64)(exg_clock_real_us() / G_USEC_PER_SEC);
    guint64 number = seconds << 20 | (self->next_id++ & 0xfffff);
    char id[] = "00000000000";
    for (gsize i = strlen(id); i > 0; i--, number >>= 5)
        id[i - 1] = letters[number & 31];
    return g_strdup(id);
}

/* --- listeners -------------------------------------------------------------------------------- */

static void
accepted(ExgListener *listener, int fd, const ExgSocketAddress *peer, gpointer data)
{
    /* Clients of a unix socket have no name: the socket's own says more. */
    const ExgSocketAddress *name = peer->kind == EXG_SOCKET_UNIX ? exg_listener_address(listener)
                                                                 : peer;
    exg_lmtp_session_start(data, fd, name->text, listener);
}

static bool
add_listener(ExgLmtpServer *self, ExgListener *listener)
{
    if (listener == NULL)
        return false;
    g_ptr_array_add(self->listeners, listener);
    if (self->draining)
        exg_listener_stop(listener);
    return true;
}

bool
exg_lmtp_server_listen(ExgLmtpServer *self, const ExgSocketAddress *address,
                       const ExgListenerOptions *options, GError **error)
{
    return add_listener(self,
                        exg_listener_new(self->engine, address, options, accepted, self, error));
}

bool
exg_lmtp_server_listen_fd(ExgLmtpServer *self, int fd, const ExgListenerOptions *options,
                          GError **error)
{
    return add_listener(self,
                        exg_listener_new_from_fd(self->engine, fd, options, accepted, self, error));
}

const ExgSocketAddress *
exg_lmtp_server_address(const ExgLmtpServer *self, guint n)
{
    return n < self->listeners->len ? exg_listener_address(g_ptr_array_index(self->listeners, n))
                                    : NULL;
}

/* --- drain ------------------------------------------------------------------------------------ */

static void
tell_drained(gpointer data)
{
    ExgLmtpServer *self = data;
    ExgEngineFunc done = g_steal_pointer(&self->drained);
    gpointer done_data = self->drained_data;
    exg_lmtp_server_unref(self);
    if (done != NULL)
        done(done_data);
}

void
exg_lmtp_server_check_drained(ExgLmtpServer *self)
{
    if (self->draining)
        EXG_FAIL_POINT("drain-under-way");
    if (!self->draining || self->drained == NULL || self->sessions.length > 0 ||
        self->transactions > 0)
        return;
    exg_engine_post(self->engine, tell_drained, exg_lmtp_server_ref(self));
}

void
exg_lmtp_server_drain(ExgLmtpServer *self, ExgEngineFunc done, gpointer data)
{
    g_return_if_fail(!self->draining);
    self->draining = true;
    self->drained = done;
    self->drained_data = data;
    for (guint i = 0; i < self->listeners->len; i++)
        exg_listener_stop(g_ptr_array_index(self->listeners, i));
    for (GList *link = self->sessions.head, *next; link != NULL; link = next) {
        next = link->next;
        exg_lmtp_session_drain(link->data);
    }
    exg_lmtp_server_check_drained(self);
}
