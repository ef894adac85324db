/* A connection waits for a request, reads it, is busy with it (then no more is read), and answers; or it has ended and only
 * waits for the client's end. A fault is a station on that way. */
#include "tests/exchange-sim/connection.h"

#include "common/base/clock.h"
#include "tests/exchange-sim/answer.h"
#include "tests/exchange-sim/autodiscover.h"
#include "tests/exchange-sim/call.h"
#include "tests/exchange-sim/fault-answer.h"
#include "tests/exchange-sim/http.h"
#include "tests/exchange-sim/sniff.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define INPUT_MAX    (64 * 1024)
#define OUTPUT_MAX   (1024 * 1024)
#define SLOW_STEP_MS 50
#define FLOOD_STEP   (16 * 1024)

typedef enum {
    READING,
    BUSY,      /* a request is complete and not answered yet */
    WRITING,   /* an answer goes out slowly or endlessly */
    STREAMING, /* events go out as they happen */
    ENDED      /* whatever comes is ignored */
} State;

struct ExgSimConnection {
    ExgEngine *engine;
    ExgStream
        *stream; /* NULL: the client has gone, and a late request is still to be carried out */
    ExgTlsServer *tls;
    ExgSimServerParts parts;
    ExgSimSignIn *sign_in;
    guint64 number;
    ExgSimConnectionFunc gone;
    gpointer data;
    State state;
    ExgTimer timer;
    int waiting_fd; /* accepted, but the scenario holds it back; else -1 */
    bool alert;     /* the first bytes are answered with a TLS alert */

    /* The request under way */
    ExgSimHttpRequest http;
    guint64 request; /* its number; 0: not begun */
    guint64 served;  /* requests answered before it */
    gint64 began_us;
    const ExgSimAccount *account;
    char *operation, *mailbox; /* as far as they are known before the body is complete */
    ExgSimCall *call;
    ExgSimAnswer answer;
    bool answered_early; /* the body is only read away */
    bool logged;
    /* What the scenario wants */
    ExgSimFault *fault;
    ExgSimFault *place; /* the capacity of which the request has a place, or NULL */
    gint64 delay_ms, late_ms, bytes_per_second;
    GString *fault_names;
    /* The answer on its way out */
    gsize written;
    ExgSimStreaming *streaming; /* or NULL */
    guint64 flood_left;
};

/* --- the request's life ----------------------------------------------------------------------- */

static void
leave_place(ExgSimConnection *connection)
{
    if (connection->place != NULL)
        connection->place->in_service--;
    g_clear_pointer(&connection->place, exg_sim_fault_unref);
}

static void
take_place(ExgSimConnection *connection, ExgSimFault *capacity)
{
    leave_place(connection);
    connection->place = capacity;
    connection->place->in_service++;
    connection->delay_ms = capacity->service_ms;
}

static void
reset_request(ExgSimConnection *connection)
{
    exg_sim_http_request_clear(&connection->http);
    exg_sim_http_request_init(&connection->http, connection->parts.max_request_bytes);
    g_clear_pointer(&connection->streaming, exg_sim_streaming_free);
    g_clear_pointer(&connection->call, exg_sim_call_free);
    g_clear_pointer(&connection->operation, g_free);
    g_clear_pointer(&connection->mailbox, g_free);
    g_clear_pointer(&connection->fault, exg_sim_fault_unref);
    leave_place(connection);
    exg_sim_answer_clear(&connection->answer);
    g_string_truncate(connection->fault_names, 0);
    connection->request = 0;
    connection->account = NULL;
    connection->answered_early = connection->logged = false;
    connection->delay_ms = connection->late_ms = connection->bytes_per_second = -1;
    connection->written = 0;
    connection->flood_left = 0;
}

static void
free_now(ExgSimConnection *connection)
{
    exg_timer_cancel(&connection->timer);
    exg_stream_free(connection->stream);
    if (connection->waiting_fd >= 0)
        close(connection->waiting_fd);
    reset_request(connection);
    exg_sim_http_request_clear(&connection->http);
    g_string_free(connection->fault_names, TRUE);
    exg_sim_sign_in_free(connection->sign_in);
    exg_tls_server_unref(connection->tls);
    exg_engine_unref(connection->engine);
    g_free(connection);
}

void
exg_sim_connection_free(ExgSimConnection *connection)
{
    if (connection == NULL)
        return;
    connection->gone(connection, connection->data);
    free_now(connection);
}

static ExgSimEntry
entry_of(const ExgSimConnection *connection)
{
    const ExgSimCall *call = connection->call;
    return (ExgSimEntry){
        .request = connection->request,
        .connection = connection->number,
        .account = connection->account != NULL ? connection->account->user : NULL,
        .operation = call != NULL ? call->operation : connection->operation,
        .mailbox = call != NULL ? call->mailbox : connection->mailbox,
        .status = connection->answer.status,
        .code = call != NULL ? call->response_code : NULL,
        .bytes = connection->http.bytes,
        .us = g_get_monotonic_time() - connection->began_us,
        .faults = connection->fault_names->len > 0 ? connection->fault_names->str : NULL,
    };
}

static void
log_request(ExgSimConnection *connection)
{
    ExgSimEntry entry = entry_of(connection);
    connection->logged = true;
    exg_sim_record_request(connection->parts.record, &entry);
}

static void
log_refusal(ExgSimConnection *connection, const char *why)
{
    ExgSimEntry entry = entry_of(connection);
    exg_sim_record_refusal(connection->parts.record, &entry, why);
}

static void
note_fault(ExgSimConnection *connection, const ExgSimFault *fault)
{
    if (connection->fault_names->len > 0)
        g_string_append_c(connection->fault_names, ',');
    g_string_append(connection->fault_names, fault->name);
}

/* --- ends ------------------------------------------------------------------------------------- */

/* The client gets nothing more; the stream lives until it has noticed. */
static void
end(ExgSimConnection *connection)
{
    connection->state = ENDED;
    if (connection->stream != NULL)
        exg_stream_finish(connection->stream);
}

static void
end_by_reset(ExgSimConnection *connection)
{
    connection->state = ENDED;
    if (connection->stream != NULL)
        exg_stream_reset(connection->stream);
}

/* Keeps the connection open and says nothing. */
static void
end_by_silence(ExgSimConnection *connection)
{
    connection->state = ENDED;
    if (connection->stream != NULL)
        exg_stream_resume(connection->stream);
}

/* --- answering -------------------------------------------------------------------------------- */

static bool
keeps_alive(const ExgSimConnection *connection)
{
    /* A client that asked before sending may or may not send the body now: only a new connection is unambiguous. */
    bool unsure = connection->answered_early && connection->http.state != EXG_SIM_HTTP_DONE;
    return connection->http.keep_alive && !unsure;
}

static void
answer_written(ExgSimConnection *connection)
{
    bool go_on = keeps_alive(connection);
    if (!go_on) {
        end(connection);
        return;
    }
    connection->served++;
    connection->state = READING;
    reset_request(connection);
    exg_stream_resume(connection->stream);
}

static void
write_slowly(ExgSimConnection *connection)
{
    gsize step = (gsize)MAX(connection->bytes_per_second * SLOW_STEP_MS / 1000, 1);
    gint64 pause_ms = MAX(SLOW_STEP_MS, 1000 / connection->bytes_per_second);
    gsize now = MIN(step, connection->answer.length - connection->written);
    exg_stream_write(connection->stream, connection->answer.body + connection->written, now);
    connection->written += now;
    if (connection->written < connection->answer.length)
        exg_timer_set(&connection->timer, exg_clock_deadline_ms(pause_ms));
    else
        answer_written(connection);
}

/* Well-formed to the end, however much it is. */
static void
write_flood(ExgSimConnection *connection)
{
    static const char filler[] =
        "<t:Subject>more and more and more and more and more and more</t:Subject>\r\n";
    static const char end_tags[] = "</m:CreateItemResponse></s:Body></s:Envelope>";
    if (connection->flood_left == 0) {
        exg_sim_stream_write_chunk(connection->stream, end_tags, strlen(end_tags));
        exg_stream_write(connection->stream, "0\r\n\r\n", 5);
        connection->state = BUSY;
        answer_written(connection);
        return;
    }
    GString *text = g_string_sized_new(FLOOD_STEP + sizeof filler);
    while (text->len < MIN(connection->flood_left, FLOOD_STEP))
        g_string_append(text, filler);
    connection->flood_left -= MIN(connection->flood_left, text->len);
    exg_sim_stream_write_chunk(connection->stream, text->str, text->len);
    g_string_free(text, TRUE);
}

static void
begin_flood(ExgSimConnection *connection, guint64 bytes)
{
    static const char begin[] =
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
        "xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" "
        "xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">"
        "<s:Body><m:CreateItemResponse>\r\n";
    exg_sim_answer_set_xml(&connection->answer, 200, g_strdup(""), 0);
    log_request(connection);
    g_autofree char *head = exg_sim_answer_head(&connection->answer, keeps_alive(connection), -1);
    exg_stream_write(connection->stream, head, strlen(head));
    exg_sim_stream_write_chunk(connection->stream, begin, strlen(begin));
    connection->flood_left = bytes;
    connection->state = WRITING;
}

static void
stream_done(ExgSimStreamEnd how, gpointer data)
{
    if (how == EXG_SIM_STREAM_RESET)
        end_by_reset(data);
    else
        end(data);
}

static void
begin_streaming(ExgSimConnection *connection)
{
    const ExgSimCall *call = connection->call;
    g_autofree char *head = exg_sim_answer_head(&connection->answer, false, -1);
    exg_stream_write(connection->stream, head, strlen(head));
    exg_sim_stream_write_chunk(connection->stream, connection->answer.body,
                               connection->answer.length);
    connection->state = STREAMING;
    connection->streaming = exg_sim_streaming_new(
        connection->engine, connection->stream, connection->parts.directory, call->streams,
        call->stream_minutes, &connection->parts.pace, connection->fault, stream_done, connection);
    /* Nothing is expected, but its end must be noticed. */
    exg_stream_resume(connection->stream);
}

static void
write_answer(ExgSimConnection *connection)
{
    ExgSimAnswer *answer = &connection->answer;
    log_request(connection);
    if (connection->stream == NULL) {
        exg_sim_connection_free(connection);
        return;
    }
    if (connection->call != NULL && connection->call->streams != NULL && answer->status == 200 &&
        (connection->fault == NULL || connection->fault->action == EXG_SIM_STREAM_STALL ||
         connection->fault->action == EXG_SIM_STREAM_DROP)) {
        begin_streaming(connection);
        return;
    }
    const ExgSimFault *fault = connection->fault;
    bool truncate = fault != NULL && fault->action == EXG_SIM_TRUNCATE &&
                    fault->amount < answer->length;
    g_autofree char *head = exg_sim_answer_head(answer, keeps_alive(connection),
                                                (gint64)answer->length);
    exg_stream_write(connection->stream, head, strlen(head));
    if (truncate) {
        exg_stream_write(connection->stream, answer->body, (gsize)fault->amount);
        end(connection);
    } else if (connection->bytes_per_second > 0 && answer->length > 0) {
        connection->state = WRITING;
        write_slowly(connection);
    } else {
        exg_stream_write(connection->stream, answer->body, answer->length);
        answer_written(connection);
    }
}

/* Answers at once, or after the delay that the scenario wants. */
static void
answer(ExgSimConnection *connection)
{
    gint64 delay_ms = connection->delay_ms;
    connection->delay_ms = -1;
    if (connection->stream != NULL && delay_ms > 0)
        exg_timer_set(&connection->timer, exg_clock_deadline_ms(delay_ms));
    else
        write_answer(connection);
}

/* --- carrying out ----------------------------------------------------------------------------- */

static void
execute(ExgSimConnection *connection)
{
    ExgSimCall *call = connection->call;
    const ExgSimFault *fault = connection->fault;
    guint status;
    gsize length;
    if (exg_sim_autodiscover_is_path(connection->http.target)) {
        const char *refusal = exg_sim_autodiscover_answer(connection->parts.directory,
                                                          &connection->http, &connection->answer);
        if (refusal != NULL)
            log_refusal(connection, refusal);
        return;
    }
    if (call == NULL) {
        exg_sim_oauth_answer(connection->parts.sign_in.oauth, &connection->http,
                             &connection->answer);
        return;
    }
    call->no_item_id = fault != NULL && fault->action == EXG_SIM_NO_ITEM_ID;
    call->lie = fault != NULL && fault->action == EXG_SIM_LIE;
    char *text = exg_sim_call_execute(call, &status, &length);
    exg_sim_record_stored(connection->parts.record, call->stored);
    exg_sim_record_lie(connection->parts.record, call->denied > 0);
    exg_sim_record_answer(connection->parts.record, connection->request, text, length);
    exg_sim_answer_set_xml(&connection->answer, status, text, length);
    if (call->invalid != NULL)
        log_refusal(connection, call->invalid);
}

static void
carry_out_fault(ExgSimConnection *connection)
{
    ExgSimFault *fault = connection->fault;
    switch (fault->action) {
    case EXG_SIM_FLOOD:
        if (connection->stream != NULL) {
            begin_flood(connection, fault->amount);
            return;
        }
        break;
    case EXG_SIM_RESET:
    case EXG_SIM_CLOSE:
    case EXG_SIM_STALL:
        exg_sim_answer_clear(&connection->answer);
        log_request(connection);
        if (connection->stream == NULL)
            exg_sim_connection_free(connection);
        else if (fault->action == EXG_SIM_RESET)
            end_by_reset(connection);
        else if (fault->action == EXG_SIM_CLOSE)
            end(connection);
        else
            end_by_silence(connection);
        return;
    default:
        if (!exg_sim_autodiscover_answer_fault(fault, &connection->http, &connection->answer))
            exg_sim_fault_answer(fault, connection->call, connection->sign_in, &connection->answer);
        break;
    }
    answer(connection);
}

static void
carry_out(ExgSimConnection *connection)
{
    if (exg_sim_fault_lets_pass(connection->fault))
        execute(connection);
    if (connection->fault != NULL)
        carry_out_fault(connection);
    else
        answer(connection);
}

/* --- the scenario ----------------------------------------------------------------------------- */

static void
ask_scenario(ExgSimConnection *connection)
{
    const ExgSimCall *call = connection->call;
    const ExgSimFaultSubject subject = {
        .phase = EXG_SIM_AT_REQUEST,
        .request = connection->request,
        .operation = call != NULL ? call->operation : connection->operation,
        .mailbox = call != NULL ? call->mailbox : NULL,
        .reused = connection->served > 0,
    };
    guint cursor = 0;
    ExgSimFault *fault;
    while ((fault = exg_sim_faults_take(connection->parts.faults, &subject, &cursor)) != NULL) {
        bool goes_on = exg_sim_fault_goes_on(fault);
        if (fault->action == EXG_SIM_CAPACITY && goes_on) {
            take_place(connection, fault);
            continue;
        }
        note_fault(connection, fault);
        if (!goes_on) {
            connection->fault = fault;
            return;
        }
        if (fault->action == EXG_SIM_DELAY)
            connection->delay_ms = (gint64)fault->amount;
        else if (fault->action == EXG_SIM_LATE)
            connection->late_ms = (gint64)fault->amount;
        else
            connection->bytes_per_second = (gint64)fault->amount;
        exg_sim_fault_unref(fault);
    }
}

/* As the scenario names mailboxes: by the primary address. */
static void
set_mailbox(ExgSimConnection *connection, const char *address)
{
    const ExgSimMailbox *mailbox = address != NULL ? exg_sim_directory_find(
                                                         connection->parts.directory, address)
                                                   : NULL;
    g_free(connection->mailbox);
    connection->mailbox = g_strdup(mailbox != NULL ? mailbox->address : address);
}

/* The fault, if any, that ends the connection before the request is looked at; `name` stands for its operation. */
static ExgSimFault *
take_early_fault(ExgSimConnection *connection, ExgSimFaultPhase phase, const char *name)
{
    guint cursor = 0;
    const ExgSimFaultSubject subject = {.phase = phase,
                                        .request = connection->request,
                                        .operation = name,
                                        .mailbox = connection->mailbox,
                                        .reused = connection->served > 0,
                                        .bytes = connection->http.bytes};
    ExgSimFault *fault = exg_sim_faults_take(connection->parts.faults, &subject, &cursor);
    if (fault != NULL) {
        note_fault(connection, fault);
        log_request(connection);
    }
    return fault;
}

/* Whether the connection has been reset in the middle of the request. */
static bool
reset_early(ExgSimConnection *connection)
{
    const GByteArray *body = connection->http.body;
    g_autofree char *name = NULL;
    if (exg_sim_faults_count(connection->parts.faults) == 0)
        return false;
    if (connection->operation == NULL && body != NULL &&
        exg_sim_sniff(body, &connection->operation, &name) && name != NULL)
        set_mailbox(connection, name);
    g_autoptr(ExgSimFault)
        fault = take_early_fault(connection, EXG_SIM_AT_BYTES, connection->operation);
    if (fault != NULL)
        end_by_reset(connection);
    return fault != NULL;
}

/* Whether the connection has ended instead of answering a leg of a handshake. */
static bool
ended_in_handshake(ExgSimConnection *connection)
{
    g_autoptr(ExgSimFault) fault = take_early_fault(connection, EXG_SIM_AT_REQUEST, "handshake");
    if (fault != NULL)
        (fault->action == EXG_SIM_RESET ? end_by_reset : end)(connection);
    return fault != NULL;
}

/* --- requests --------------------------------------------------------------------------------- */

/* Answers without looking at the body; it is read away first if it is certain to come. */
static void
answer_early(ExgSimConnection *connection)
{
    connection->answered_early = true;
    connection->http.discard = true;
    bool will_come = connection->http.state == EXG_SIM_HTTP_BODY &&
                     !connection->http.expects_continue &&
                     connection->http.content_length <= connection->parts.max_request_bytes;
    if (will_come)
        return;
    connection->state = BUSY;
    exg_stream_pause(connection->stream);
    write_answer(connection);
}

/* Sets an answer if the head alone is enough for one. */
static bool
judge_head(ExgSimConnection *connection)
{
    ExgSimHttpRequest *http = &connection->http;
    ExgSimAnswer *refused = &connection->answer;
    const char *type = exg_sim_http_request_header(http, "Content-Type");
    bool is_discovery = exg_sim_autodiscover_is_path(http->target);
    connection->operation = g_strdup(is_discovery ? EXG_SIM_AUTODISCOVER
                                                  : exg_sim_oauth_operation(http->target));
    bool is_known = connection->operation != NULL ||
                    exg_sim_http_is_path(http->target, EXG_SIM_PATH);
    if (!is_known || http->content_length > connection->parts.max_request_bytes) {
        exg_sim_answer_set_status(refused, 404, true);
    } else if (connection->operation != NULL && !exg_sim_autodiscover_wants_account(http->target)) {
        return true;
    } else if ((connection->account = exg_sim_sign_in_judge(
                    connection->sign_in, http->method, http->target,
                    exg_sim_http_request_header(http, "Authorization"), refused)) == NULL) {
        /* a leg of a handshake, or nobody */
    } else if (g_str_equal(http->method, "GET")) {
        exg_sim_answer_set_welcome(refused);
    } else if (!g_str_equal(http->method, "POST")) {
        exg_sim_answer_set_status(refused, 405, true);
        exg_sim_answer_add_header(refused, "Allow", "GET, POST");
        log_refusal(connection, "The method is neither POST nor GET");
    } else if (type == NULL || g_ascii_strncasecmp(type, "text/xml", strlen("text/xml")) != 0) {
        exg_sim_answer_set_status(refused, 415, true);
        log_refusal(connection, "The Content-Type is not text/xml");
    } else {
        return true;
    }
    return false;
}

static void
on_head(ExgSimConnection *connection)
{
    ExgSimHttpRequest *http = &connection->http;
    set_mailbox(connection, exg_sim_http_request_header(http, "X-AnchorMailbox"));
    if (!judge_head(connection)) {
        if (connection->account != NULL || !ended_in_handshake(connection))
            answer_early(connection);
        return;
    }
    const char *id = exg_sim_http_request_header(http, "client-request-id");
    const char *wanted = exg_sim_http_request_header(http, "return-client-request-id");
    if (id != NULL && wanted != NULL && g_ascii_strcasecmp(wanted, "true") == 0)
        exg_sim_answer_add_header(&connection->answer, "client-request-id", id);
    if (http->state == EXG_SIM_HTTP_BODY && http->expects_continue) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        exg_stream_write(connection->stream, go_on, strlen(go_on));
    }
}

static void
begin_call(ExgSimConnection *connection)
{
    ExgSimHttpRequest *http = &connection->http;
    const char *body = http->body != NULL ? (const char *)http->body->data : "";
    gsize length = http->body != NULL ? http->body->len : 0;
    ExgSimCaller caller = {
        .account = g_strdup(connection->account->user),
        .may_impersonate = connection->account->may_impersonate,
        .anchor = g_strdup(exg_sim_http_request_header(http, "X-AnchorMailbox")),
        .client_request_id = g_strdup(exg_sim_http_request_header(http, "client-request-id")),
    };
    exg_sim_record_body(connection->parts.record, connection->request, body, length);
    connection->call = exg_sim_call_new(connection->parts.directory, &caller, body, length);
    g_clear_pointer(&http->body, g_byte_array_unref);
}

static void
on_complete(ExgSimConnection *connection)
{
    bool is_call = connection->account != NULL && /* or it is one for a token */
                   !exg_sim_autodiscover_is_path(connection->http.target);
    if (is_call)
        begin_call(connection);
    /* What Exchange would refuse is refused, whatever the scenario says. */
    if (!is_call || !connection->call->refusal.invalid)
        ask_scenario(connection);
    if (connection->late_ms > 0)
        exg_timer_set(&connection->timer, exg_clock_deadline_ms(connection->late_ms));
    else
        carry_out(connection);
}

static void
finish_request(ExgSimConnection *connection)
{
    connection->state = BUSY;
    exg_stream_pause(connection->stream);
    if (connection->answered_early)
        write_answer(connection);
    else
        on_complete(connection);
}

static void
on_bad(ExgSimConnection *connection)
{
    bool too_large = connection->http.bad_status == 413;
    log_refusal(connection, too_large ? "The body is too large" : "The request is not HTTP/1.1");
    /* IIS says "not found" of a body that is too large. */
    exg_sim_answer_set_status(&connection->answer, too_large ? 404 : connection->http.bad_status,
                              true);
    connection->http.keep_alive = false;
    connection->state = BUSY;
    write_answer(connection);
}

/* --- the stream ------------------------------------------------------------------------------- */

static gsize
on_read(ExgStream *stream, const guint8 *data, gsize length, gpointer user)
{
    ExgSimConnection *connection = user;
    ExgSimHttpRequest *http = &connection->http;
    if (connection->state != READING) {
        if (connection->alert) {
            /* fatal, handshake_failure, as TLS 1.2 writes it */
            static const guint8 alert[] = {0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28};
            exg_stream_write(stream, alert, sizeof alert);
            exg_stream_finish(stream);
            connection->alert = false;
        }
        return length;
    }
    if (connection->request == 0) {
        connection->request = exg_sim_record_next(connection->parts.record);
        connection->began_us = g_get_monotonic_time();
    }
    bool head = http->state == EXG_SIM_HTTP_HEAD;
    gsize taken = exg_sim_http_request_feed(http, data, length);
    if (http->state == EXG_SIM_HTTP_BAD) {
        on_bad(connection);
        return taken;
    }
    if (head && http->state != EXG_SIM_HTTP_HEAD)
        on_head(connection);
    if (connection->request == 0) /* that was all of it */
        return taken;
    if (connection->state != READING || (!connection->answered_early && reset_early(connection)))
        return taken;
    if (http->state == EXG_SIM_HTTP_DONE)
        finish_request(connection);
    return taken;
}

static void
on_drained(ExgStream *stream, gpointer user)
{
    ExgSimConnection *connection = user;
    if (connection->state == WRITING && connection->bytes_per_second <= 0)
        write_flood(connection);
}

static void
on_closed(ExgStream *stream, const GError *error, gpointer user)
{
    ExgSimConnection *connection = user;
    /* A late request is carried out although nobody waits for the answer. */
    if (connection->state == BUSY && connection->late_ms > 0) {
        exg_stream_free(g_steal_pointer(&connection->stream));
        return;
    }
    if (connection->request != 0 && !connection->logged) {
        exg_sim_answer_clear(&connection->answer);
        log_request(connection);
    }
    exg_sim_connection_free(connection);
}

static const ExgStreamHandler stream_handler = {on_read, on_drained, on_closed};

static void
open_stream(ExgSimConnection *connection, int fd, bool with_tls)
{
    connection->stream = exg_stream_new(connection->engine, fd, with_tls ? connection->tls : NULL,
                                        INPUT_MAX, OUTPUT_MAX, &stream_handler, connection);
}

static void
on_timer(gpointer data)
{
    ExgSimConnection *connection = data;
    if (connection->waiting_fd >= 0) {
        int fd = connection->waiting_fd;
        connection->waiting_fd = -1;
        connection->stream = exg_stream_new(connection->engine, fd, connection->tls, INPUT_MAX,
                                            OUTPUT_MAX, &stream_handler, connection);
    } else if (connection->state == WRITING) {
        write_slowly(connection);
    } else if (connection->late_ms > 0) {
        connection->late_ms = -1;
        carry_out(connection);
    } else {
        write_answer(connection);
    }
}

/* --- the connection --------------------------------------------------------------------------- */

/* What the scenario wants of new connections. */
static void
begin(ExgSimConnection *connection, int fd)
{
    const ExgSimFaultSubject subject = {.phase = EXG_SIM_AT_CONNECT,
                                        .request = G_MAXUINT64 - connection->number};
    guint cursor = 0;
    g_autoptr(ExgSimFault) fault = exg_sim_faults_take(connection->parts.faults, &subject, &cursor);
    if (fault == NULL) {
        open_stream(connection, fd, true);
        return;
    }
    note_fault(connection, fault);
    connection->operation = g_strdup("connect");
    connection->began_us = g_get_monotonic_time();
    log_request(connection);
    reset_request(connection);
    if (fault->action == EXG_SIM_DELAY) {
        connection->waiting_fd = fd;
        exg_timer_set(&connection->timer, exg_clock_deadline_ms((gint64)fault->amount));
        return;
    }
    open_stream(connection, fd, false);
    connection->state = ENDED;
    if (fault->action == EXG_SIM_RESET)
        exg_stream_reset(connection->stream);
    else if (fault->action == EXG_SIM_CLOSE)
        exg_stream_finish(connection->stream);
    else
        connection->alert = fault->action == EXG_SIM_TLS_ALERT;
}

ExgSimConnection *
exg_sim_connection_new(ExgEngine *engine, int fd, ExgTlsServer *tls, guint64 number,
                       const ExgSimServerParts *parts, ExgSimConnectionFunc gone, gpointer data)
{
    ExgSimConnection *connection = g_new0(ExgSimConnection, 1);
    connection->engine = exg_engine_ref(engine);
    connection->tls = exg_tls_server_ref(tls);
    connection->parts = *parts;
    connection->sign_in = exg_sim_sign_in_new(&connection->parts.sign_in, parts->accounts);
    connection->number = number;
    connection->gone = gone;
    connection->data = data;
    connection->waiting_fd = -1;
    connection->fault_names = g_string_new(NULL);
    exg_timer_init(&connection->timer, engine, on_timer, connection);
    reset_request(connection);
    begin(connection, fd);
    return connection;
}

bool
exg_sim_connection_close_idle(ExgSimConnection *connection)
{
    if (connection->state != READING || connection->request != 0 || connection->served == 0)
        return false;
    end(connection);
    return true;
}
