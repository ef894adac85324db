#include "common/auth/oauth/token-command.h"

#include "common/auth/oauth/reply-private.h"
#include "common/base/clock.h"
#include "common/base/error.h"

#include <gio/gio.h>
#include <string.h>

#define UNKNOWN_LIFETIME_S 300

typedef struct {
    ExgEngine *engine;
    char *path;   /* of a file, or NULL */
    char **words; /* of a command, or NULL */
} Supplier;

/* --- what a token says of itself -------------------------------------------------------------- */

/* Seconds until the JWT's claim exp, or -1. Its signature, without which it is no token, is not copied. */
static gint64
jwt_lifetime_s(const char *token)
{
    const char *before = strchr(token, '.');
    const char *after = before != NULL ? strchr(before + 1, '.') : NULL;
    if (after == NULL || after == before + 1 || strchr(after + 1, '.') != NULL)
        return -1;
    g_autoptr(GString) base64 = g_string_new_len(before + 1, after - before - 1);
    g_strdelimit(base64->str, "-", '+');
    g_strdelimit(base64->str, "_", '/');
    while (base64->len % 4 != 0)
        g_string_append_c(base64, '=');
    gsize length = 0;
    g_autofree char *json = (char *)g_base64_decode(base64->str, &length);
    g_autoptr(ExgOauthReply) claims = exg_oauth_reply_new("", 200, json, length, -1, NULL);
    gint64 end = claims != NULL ? exg_oauth_reply_number(claims, "exp", -1) : -1;
    return end < 0 ? -1 : MAX(end - exg_clock_real_us() / G_TIME_SPAN_SECOND, 0);
}

/* The first line of `secret`, as a token. */
static ExgToken *
token_of(const ExgSecret *secret, const char *where, GError **error)
{
    const char *bytes = exg_secret_bytes(secret);
    gsize length = strcspn(bytes, "\r\n");
    bool fits = length > 0;
    for (gsize i = 0; i < length; i++)
        fits = fits && bytes[i] > ' ' && bytes[i] <= '~';
    if (!fits) {
        exg_error_set(error, EXG_ERROR_CONFIG, "%s gives no access token in its first line", where);
        return NULL;
    }
    g_autoptr(ExgSecret) line = exg_secret_new(bytes, (gssize)length);
    gint64 lifetime_s = jwt_lifetime_s(exg_secret_bytes(line));
    if (lifetime_s == 0) {
        exg_error_set(error, EXG_ERROR_AUTH, "The access token from %s has expired", where);
        return NULL;
    }
    return exg_token_new(line, NULL, lifetime_s > 0 ? lifetime_s : UNKNOWN_LIFETIME_S, 0);
}

static void
answer(GTask *task, const ExgSecret *secret, const char *where)
{
    GError *error = NULL;
    ExgToken *token = token_of(secret, where, &error);
    exg_token_return(task, token, error);
}

/* --- a file ----------------------------------------------------------------------------------- */

static void
read_file(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    GError *error = NULL;
    g_autoptr(ExgSecret) secret = exg_secret_new_from_file(data, &error);
    if (secret != NULL)
        answer(task, secret, data);
    else
        g_task_return_error(task, error);
}

/* --- a command -------------------------------------------------------------------------------- */

typedef struct {
    GSubprocess *process;
    char *name;
    char *output; /* EXG_SECRET_MAX_BYTES */
    gsize length;
    ExgTimer deadline;
    GCancellable *late;
} Run;

static void
run_free(gpointer data)
{
    Run *run = data;
    exg_timer_cancel(&run->deadline);
    exg_secret_wipe(run->output, run->length);
    g_free(run->output);
    g_object_unref(run->process);
    g_object_unref(run->late);
    g_free(run->name);
    g_free(run);
}

/* What the process has started may live on, and keep the output open: that is not waited for. */
static void
on_late(gpointer data)
{
    Run *run = data;
    g_cancellable_cancel(run->late);
    g_subprocess_force_exit(run->process);
}

static void
on_ended(GObject *object, GAsyncResult *result, gpointer data)
{
    g_autoptr(GTask) task = data;
    Run *run = g_task_get_task_data(task);
    (void)g_subprocess_wait_finish(run->process, result, NULL);
    if (g_cancellable_is_cancelled(run->late)) {
        g_task_return_error(task, exg_error_new(EXG_ERROR_UNREACHABLE,
                                                "%s gave no access token in time", run->name));
    } else if (!g_subprocess_get_successful(run->process)) {
        int status = g_subprocess_get_if_exited(run->process)
                         ? g_subprocess_get_exit_status(run->process)
                         : 128 + g_subprocess_get_term_sig(run->process);
        g_task_return_error(task, exg_error_new(EXG_ERROR_UNREACHABLE,
                                                "%s gave no access token: it ended with status %d",
                                                run->name, status));
    } else {
        g_autoptr(ExgSecret) secret = exg_secret_new(run->output, (gssize)run->length);
        answer(task, secret, run->name);
    }
}

static void
on_output(GObject *object, GAsyncResult *result, gpointer data)
{
    GTask *task = data;
    Run *run = g_task_get_task_data(task);
    gssize got = g_input_stream_read_finish(G_INPUT_STREAM(object), result, NULL);
    if (got > 0)
        run->length += (gsize)got;
    if (got > 0 && run->length < EXG_SECRET_MAX_BYTES)
        g_input_stream_read_async(G_INPUT_STREAM(object), run->output + run->length,
                                  EXG_SECRET_MAX_BYTES - run->length, G_PRIORITY_DEFAULT, run->late,
                                  on_output, task);
    else
        g_subprocess_wait_async(run->process, NULL, on_ended, task);
}

/* Takes the task. */
static void
run_command(const Supplier *self, GTask *task, gint64 deadline_us)
{
    GError *reason = NULL;
    GSubprocess *process = g_subprocess_newv((const char *const *)self->words,
                                             G_SUBPROCESS_FLAGS_STDOUT_PIPE, &reason);
    if (process == NULL) {
        g_task_return_error(task, exg_error_new(EXG_ERROR_CONFIG, "Cannot run %s: %s",
                                                self->words[0], reason->message));
        g_error_free(reason);
        g_object_unref(task);
        return;
    }
    Run *run = g_new0(Run, 1);
    run->process = process;
    run->name = g_strdup(self->words[0]);
    run->output = g_malloc0(EXG_SECRET_MAX_BYTES);
    run->late = g_cancellable_new();
    exg_timer_init(&run->deadline, self->engine, on_late, run);
    exg_timer_set(&run->deadline, deadline_us);
    g_task_set_task_data(task, run, run_free);
    g_input_stream_read_async(g_subprocess_get_stdout_pipe(process), run->output,
                              EXG_SECRET_MAX_BYTES, G_PRIORITY_DEFAULT, run->late, on_output, task);
}

/* --- the source ------------------------------------------------------------------------------- */

static void
supplier_fetch(gpointer data, const ExgToken *spent, gint64 deadline_us,
               GAsyncReadyCallback callback, gpointer callback_data)
{
    Supplier *self = data;
    g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, callback_data);
    if (self->words != NULL) {
        run_command(self, g_steal_pointer(&task), deadline_us);
        return;
    }
    g_task_set_task_data(task, g_strdup(self->path), g_free);
    g_task_run_in_thread(task, read_file);
}

static void
supplier_free(gpointer data)
{
    Supplier *self = data;
    g_free(self->path);
    g_strfreev(self->words);
    exg_engine_unref(self->engine);
    g_free(self);
}

static const ExgTokenSourceClass supplier_class = {supplier_fetch, supplier_free};

ExgTokenSource *
exg_token_from_file_new(ExgEngine *engine, const char *path)
{
    Supplier *self = g_new0(Supplier, 1);
    self->engine = exg_engine_ref(engine);
    self->path = g_strdup(path);
    return exg_token_source_new(engine, &supplier_class, self);
}

ExgTokenSource *
exg_token_from_command_new(ExgEngine *engine, const char *command, GError **error)
{
    char **words = NULL;
    g_autoptr(GError) reason = NULL;
    if (!g_shell_parse_argv(command, NULL, &words, &reason)) {
        exg_error_set(error, EXG_ERROR_CONFIG, "\"%s\" is no command: %s", command,
                      reason->message);
        return NULL;
    }
    Supplier *self = g_new0(Supplier, 1);
    self->engine = exg_engine_ref(engine);
    self->words = words;
    return exg_token_source_new(engine, &supplier_class, self);
}
