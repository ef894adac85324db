/* A whole session: every command has its reply, every accepted recipient has one after the final
 * dot, nothing is delivered without that dot or twice, and cuts change nothing. */
#include "tests/unit/lmtp/harness.h"

#include "common/mime/address.h"
#include "lmtp/command.h"

#include <stdlib.h>

#define PIECES 24 /* of one byte, in the second run */

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* --- one run against the server --------------------------------------------------------------- */

static Harness *harness;

static void
end(void)
{
    harness_free(harness);
}

static void
begin(void)
{
    static const ExgLmtpServerOptions options = {
        .max_recipients = 4, .max_message_bytes = 400, .max_hops = 2, .max_bad_commands = 4};
    harness = harness_new(&options);
    (void)atexit(end);
}

static Request *
find_open_request(void)
{
    for (guint i = 0; i < harness->requests->len; i++) {
        Request *request = g_ptr_array_index(harness->requests, i);
        if (!request->answered && !g_str_has_prefix(request->recipient, "soon"))
            return request;
    }
    return NULL;
}

/* Until nothing moves any more; whatever is still open is answered. */
static void
run_to_rest(Client *client)
{
    for (;;) {
        harness_settle(harness);
        if (client != NULL)
            client_take(client);
        Request *request = find_open_request();
        if (request == NULL)
            return;
        request_answer(request, strstr(request->recipient, "4") != NULL ? 451 : 250, "",
                       "Answered late");
    }
}

/* Nothing from the network can break a line of the log. */
static void
check_log(void)
{
    g_assert_true(g_utf8_validate(harness->log->str, (gssize)harness->log->len, NULL));
    for (const char *at = harness->log->str; *at != '\0'; at++)
        g_assert_true((guchar)*at >= 0x20 || *at == '\n');
    g_string_truncate(harness->log, 0);
}

static void
forget(void)
{
    harness_wait_sessions(harness, 0);
    run_to_rest(NULL);
    g_assert_cmpuint(harness->server->transactions, ==, 0);
    g_assert_cmpuint(exg_lmtp_server_statistics(harness->server).deliveries, ==, 0);
    check_log();
    g_ptr_array_set_size(harness->requests, 0);
}

/* Sends the input, that from `from` to `to` byte by byte, and returns everything that the server said.
 * The requests to the backend stay until forget(). */
static GString *
converse(const char *input, gsize length, gsize from, gsize to)
{
    g_autoptr(Client) client = client_new(harness);
    for (gsize used = 0; used < length;) {
        gsize piece = used < from ? from - used : used < to ? 1 : length - used;
        client_send_bytes(client, input + used, piece);
        harness_settle(harness);
        used += piece;
    }
    run_to_rest(client);
    return g_string_new_len(client->received->str, (gssize)client->received->len);
}

/* --- what should have happened ---------------------------------------------------------------- */

typedef struct {
    const char *at, *end;    /* of what the client sent */
    const char *reply;       /* what is left of the server's words */
    guint64 skip;            /* of a BDAT */
    guint number;            /* of the transaction, from 1 */
    GPtrArray *accepted;     /* its recipients, folded */
    GHashTable *deliverable; /* "NUMBER ADDRESS" of complete transactions → code answered */
    bool over;
} Model;

/* The code of the next reply, or 0 if there is none. */
static int
peek_reply(const Model *model)
{
    return model->reply[0] != '\0' ? (int)strtol(model->reply, NULL, 10) : 0;
}

/* One reply is one line, or several of which all but the last have a "-". */
static int
take_reply(Model *model)
{
    bool last = false;
    int code = peek_reply(model);
    while (!last) {
        const char *line = model->reply, *line_end = strstr(line, "\r\n");
        g_assert_nonnull(line_end);
        g_assert_cmpuint((gsize)(line_end - line) + 2, <=, EXG_LMTP_REPLY_MAX_BYTES);
        g_assert_cmpint(peek_reply(model), ==, code);
        g_assert_true(line[3] == ' ' || line[3] == '-');
        for (const char *at = line; at < line_end; at++)
            g_assert_true(g_ascii_isprint(*at));
        last = line[3] == ' ';
        model->reply = line_end + 2;
    }
    g_assert_true(code / 100 >= 2 && code / 100 <= 5);
    return code;
}

static void
take_final_replies(Model *model)
{
    g_assert_cmpuint(model->accepted->len, >, 0);
    for (guint i = 0; i < model->accepted->len; i++) {
        int code = take_reply(model);
        g_assert_true(code == 250 || (code >= 400 && code != 421));
        char *key = g_strdup_printf("%u %s", model->number,
                                    (char *)g_ptr_array_index(model->accepted, i));
        int before = GPOINTER_TO_INT(g_hash_table_lookup(model->deliverable, key));
        g_assert_true(before == 0 || before == code);
        g_hash_table_insert(model->deliverable, key, GINT_TO_POINTER(code));
    }
    g_ptr_array_set_size(model->accepted, 0);
}

static void
read_content(Model *model)
{
    gsize left = (gsize)(model->end - model->at);
    const char *dot = left >= 3 && memcmp(model->at, ".\r\n", 3) == 0
                          ? model->at - 2
                          : memmem(model->at, left, "\r\n.\r\n", 5);
    model->at = dot != NULL ? dot + 5 : model->end;
    if (dot != NULL)
        take_final_replies(model);
}

static void
read_reply(Model *model, const ExgLmtpCommand *command, int code)
{
    if (command->verb == EXG_LMTP_LHLO || command->verb == EXG_LMTP_RSET)
        g_ptr_array_set_size(model->accepted, 0);
    if (command->verb == EXG_LMTP_MAIL && code == 250) {
        model->number++;
        g_ptr_array_set_size(model->accepted, 0);
    } else if (command->verb == EXG_LMTP_RCPT && code == 250) {
        g_ptr_array_add(model->accepted, exg_address_fold(command->address));
    } else if (command->verb == EXG_LMTP_BDAT) {
        model->skip = command->size;
    } else if (command->verb == EXG_LMTP_QUIT) {
        g_assert_cmpint(code, ==, 221);
        model->over = true;
    } else if (command->verb == EXG_LMTP_DATA && code == 354) {
        read_content(model);
    }
}

/* One command and what belongs to it. */
static void
read_command(Model *model)
{
    gsize skipped = (gsize)MIN(model->skip, (guint64)(model->end - model->at));
    model->skip -= skipped;
    model->at += skipped;
    const char *line = model->at, *lf = memchr(line, '\n', (gsize)(model->end - line));
    if (lf == NULL) {
        model->at = model->end;
        return;
    }
    model->at = lf + 1;
    int code = take_reply(model);
    gsize length = (gsize)(lf - line);
    g_auto(ExgLmtpCommand) command = {.verb = EXG_LMTP_NOOP};
    ExgLmtpReply refusal;
    bool fits = length <= EXG_LMTP_COMMAND_MAX_BYTES;
    length -= length > 0 && line[length - 1] == '\r';
    if (fits && exg_lmtp_command_parse(line, length, &command, &refusal))
        read_reply(model, &command, code);
    else
        g_assert_cmpint(code, ==, fits ? refusal.code : 500);
    if (peek_reply(model) == 421) {
        (void)take_reply(model);
        model->over = true;
    }
}

/* Each delivery belongs to a complete transaction, and is the only one of its mailbox; each 250
 * has its delivery. */
static void
check_deliveries(const Model *model)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < harness->requests->len; i++) {
        const Request *request = g_ptr_array_index(harness->requests, i);
        if (!request->delivery)
            continue;
        g_autofree char *mailbox = exg_address_fold(request->recipient);
        char *key = g_strdup_printf("%s %s", strrchr(request->id, '.') + 1, mailbox);
        g_assert_true(g_hash_table_contains(model->deliverable, key));
        g_assert_true(g_hash_table_add(seen, key));
        g_assert_cmpuint(exg_message_length(request->message), <=, 400);
        g_assert_cmpuint(exg_message_hops(request->message), <=, 2);
    }
    GHashTableIter iterator;
    gpointer key, code;
    g_hash_table_iter_init(&iterator, model->deliverable);
    while (g_hash_table_iter_next(&iterator, &key, &code))
        g_assert_true(GPOINTER_TO_INT(code) != 250 || g_hash_table_contains(seen, key));
}

static void
check_conversation(const char *input, gsize length, const char *replies)
{
    g_autoptr(GPtrArray) accepted = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable)
        deliverable = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Model model = {.at = input,
                   .end = input + length,
                   .reply = replies,
                   .accepted = accepted,
                   .deliverable = deliverable};
    g_assert_cmpint(take_reply(&model), ==, 220);
    while (model.at < model.end && !model.over)
        read_command(&model);
    g_assert_cmpstr(model.reply, ==, "");
    check_deliveries(&model);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    if (harness == NULL)
        begin();
    if (size < 2)
        return 0;
    const char *input = (const char *)data + 2;
    gsize length = size - 2;

    g_autoptr(GString) whole = converse(input, length, length, length);
    check_conversation(input, length, whole->str);
    guint deliveries = harness_n_deliveries(harness);
    forget();

    gsize from = length * data[0] / 256;
    g_autoptr(GString) pieces = converse(input, length, from, MIN(length, from + PIECES));
    g_assert_cmpstr(pieces->str, ==, whole->str);
    g_assert_cmpuint(harness_n_deliveries(harness), ==, deliveries);
    forget();

    /* The client goes in the middle, and does not look at what it is told. */
    Client *client = client_new(harness);
    client_send_bytes(client, input, length * data[1] / 256);
    client_free(client);
    run_to_rest(NULL);
    g_assert_cmpuint(harness_n_deliveries(harness), <=, deliveries);
    forget();
    return 0;
}
