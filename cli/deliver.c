/* exgate deliver: a message into mailboxes, by the way that mail takes. */
#include "cli/tool.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/mime/address.h"
#include "common/store/delivery-key.h"
#include "common/store/ews-store.h"
#include "common/store/journal-admin.h"
#include "common/store/journaled-store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define PIECE_BYTES   65536
#define SPOOL_THREADS 1
#define SPOOL_QUEUE   64
#define DELIMITER     "+" /* between user and folder, whatever recipients have in mail */

typedef struct {
    ExgTool tool;
    char **recipients;
    char *folder;
    gboolean junk;
    int fd;
    ExgWorkerPool *workers;
    ExgMessage *message;
    GError *error; /* of making it */
    ExgJournal *journal;
    ExgStore *store;
    GString *json;
} Work;

static void
work_clear(Work *work)
{
    exg_store_free(work->store);
    exg_journal_close(work->journal);
    exg_message_unref(work->message);
    g_clear_error(&work->error);
    exg_worker_pool_free(work->workers);
    if (work->fd > STDIN_FILENO)
        close(work->fd);
    if (work->json != NULL)
        g_string_free(work->json, TRUE);
    g_strfreev(work->recipients);
    g_free(work->folder);
    exg_tool_clear(&work->tool);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Work, work_clear)

/* --- the message ------------------------------------------------------------------------------ */

static void
message_made(ExgMessage *message, const GError *error, gpointer data)
{
    Work *work = data;
    work->message = message;
    work->error = error != NULL ? g_error_copy(error) : NULL;
    exg_engine_quit(work->tool.engine);
}

/* Appends a piece with each line end as CRLF. `*last`: the byte before it. */
static bool
append_lines(ExgMessageBuilder *builder, const char *piece, gsize length, char *last,
             GError **error)
{
    g_autoptr(GString) lines = g_string_sized_new(length + length / 16);
    for (gsize i = 0; i < length; i++) {
        if (piece[i] == '\n' && *last != '\r')
            g_string_append_c(lines, '\r');
        g_string_append_c(lines, piece[i]);
        *last = piece[i];
    }
    return exg_message_builder_append(builder, lines->str, lines->len, error);
}

static int
read_message(Work *work)
{
    const ExgConf *conf = work->tool.conf;
    work->workers = exg_worker_pool_new(work->tool.engine, SPOOL_THREADS, SPOOL_QUEUE);
    const ExgMessageOptions options = {
        .size_max = (guint64)exg_conf_int(conf, "lmtp", "max_message_size"),
        .memory_max = (gsize)exg_conf_int(conf, "lmtp", "max_message_size"),
        .spool_directory = exg_conf_string(conf, "lmtp", "spool_directory"),
        .workers = work->workers,
    };
    g_autoptr(ExgMessageBuilder) builder = exg_message_builder_new(&options);
    g_autoptr(GError) error = NULL;
    g_autofree char *piece = g_malloc(PIECE_BYTES);
    char last = '\0';
    for (gssize length; (length = read(work->fd, piece, PIECE_BYTES)) != 0;) {
        if (length < 0 && errno != EINTR)
            return exg_complain(EX_NOINPUT, "cannot read %s: %s", work->tool.operands[0],
                                g_strerror(errno));
        if (length > 0 && !append_lines(builder, piece, (gsize)length, &last, &error))
            return exg_tool_complain(error);
    }
    if (last == '\0')
        return exg_complain(EX_DATAERR, "%s is empty", work->tool.operands[0]);
    if (last != '\n' && !exg_message_builder_append(builder, "\r\n", 2, &error))
        return exg_tool_complain(error);
    exg_message_builder_finish_async(builder, message_made, work);
    exg_engine_run(work->tool.engine);
    return work->message != NULL ? EX_OK : exg_tool_complain(work->error);
}

/* --- the store -------------------------------------------------------------------------------- */

static ExgDuplicateCheck
duplicate_check(const ExgConf *conf)
{
    const char *choice = exg_conf_string(conf, "delivery", "duplicate_check");
    return g_str_equal(choice, "always")    ? EXG_CHECK_ALWAYS
           : g_str_equal(choice, "journal") ? EXG_CHECK_JOURNAL
                                            : EXG_CHECK_DELAYED;
}

static int
open_store(Work *work)
{
    const ExgConf *conf = work->tool.conf;
    const ExgJournalOptions options = {
        .path = exg_conf_string(conf, "delivery", "journal"),
        .keep_ms = exg_conf_int(conf, "delivery", "journal_keep"),
        .settle_ms = exg_conf_int(conf, "delivery", "settle_time"),
    };
    g_autoptr(GError) error = NULL;
    work->journal = exg_journal_open(work->tool.engine, &options, &error);
    if (work->journal == NULL)
        return exg_tool_complain(error);
    work->store = exg_journaled_store_new(
        exg_ews_store_new(work->tool.account, work->folder != NULL ? DELIMITER : NULL),
        work->journal, duplicate_check(conf));
    return EX_OK;
}

/* What the journal already had under this key, or NULL. (transfer full) */
static char *
known_item(const Work *work, const char *key)
{
    const ExgJournalAdminOptions options = {
        .path = exg_conf_string(work->tool.conf, "delivery", "journal"),
        .settle_ms = exg_conf_int(work->tool.conf, "delivery", "settle_time"),
    };
    g_autoptr(ExgJournalAdmin) admin = exg_journal_admin_open(&options, NULL);
    g_autoptr(ExgJournalRow) row = NULL;
    guint matches = 0;
    if (admin == NULL || !exg_journal_admin_find(admin, key, &row, &matches, NULL) || row == NULL)
        return NULL;
    return g_strdup(row->item_id);
}

/* A folder is named in the address, as for mail. */
static char *
address_of(const Work *work, const char *recipient)
{
    if (work->folder == NULL)
        return g_strdup(recipient);
    const char *at = strrchr(recipient, '@');
    return g_strdup_printf("%.*s" DELIMITER "%s%s", (int)(at - recipient), recipient, work->folder,
                           at);
}

static void
tell(Work *work, const char *recipient, const char *key, const char *item_id, bool again,
     const GError *error)
{
    if (work->json != NULL) {
        exg_json_open(work->json, NULL, '{');
        exg_json_text(work->json, "recipient", recipient);
        exg_json_text(work->json, "key", key);
        exg_json_text(work->json, "item_id", item_id);
        exg_json_bool(work->json, "delivered_before", again);
        exg_json_error(work->json, error);
        exg_json_close(work->json, '{');
    } else if (error == NULL) {
        g_autofree char *id = exg_printable(item_id);
        printf("%s: %s %s\n", recipient, again ? "was delivered before, as" : "delivered as", id);
    } else {
        g_autofree char *sentence = exg_printable(error->message);
        exg_complain(EX_OK, "%s: %s", recipient, sentence);
        if (g_error_matches(error, EXG_ERROR, EXG_ERROR_AMBIGUOUS))
            exg_complain(EX_OK, "whether Exchange has it, exgate journal ask %.13s will tell", key);
    }
}

static int
deliver(Work *work, const char *recipient)
{
    g_autofree char *address = address_of(work, recipient);
    g_autofree char *key = exg_delivery_key_new(address, work->message, NULL);
    g_autofree char *known = known_item(work, key);
    g_autoptr(GBytes) trace = g_bytes_new_static("", 0);
    const ExgStoreDelivery delivery = {
        .recipient = address,
        .junk = work->junk,
        .delivery_key = key,
        .received_time = exg_clock_real_us() / G_USEC_PER_SEC,
        .trace = trace,
        .message = work->message,
    };
    exg_store_deliver_async(work->store, &delivery, exg_tool_deadline_us(&work->tool),
                            work->tool.cancellable, exg_tool_done, &work->tool);
    g_autofree char *item_id = NULL;
    g_autoptr(GError) error = NULL;
    exg_store_deliver_finish(work->store, exg_tool_wait(&work->tool), &item_id, &error);
    tell(work, recipient, key, item_id, g_strcmp0(item_id, known) == 0 && known != NULL, error);
    return error != NULL ? exg_tool_status_of(error) : EX_OK;
}

/* --- the command ------------------------------------------------------------------------------ */

static int
open_work(Work *work)
{
    const char *path = work->tool.operands[0];
    for (guint i = 0; work->recipients != NULL && work->recipients[i] != NULL; i++)
        if (!g_utf8_validate(work->recipients[i], -1, NULL) ||
            strchr(work->recipients[i], '@') == NULL)
            return exg_complain(EX_USAGE, "--to %s: an address is expected", work->recipients[i]);
    if (work->recipients == NULL)
        return exg_complain(EX_USAGE, "--to ADDRESS is missing; try exgate deliver --help");
    if (work->folder != NULL && work->junk)
        return exg_complain(EX_USAGE, "say either --folder or --junk");
    /* before root is given up */
    work->fd = g_str_equal(path, "-") ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (work->fd < 0)
        return exg_complain(EX_NOINPUT, "cannot read %s: %s", path, g_strerror(errno));
    int status = exg_tool_open(&work->tool);
    if (status == EX_OK)
        status = read_message(work);
    return status == EX_OK ? open_store(work) : status;
}

int
exg_command_deliver(int argc, char **argv)
{
    g_auto(Work) work = {.fd = -1};
    const GOptionEntry own[] = {
        {"to", 't', 0, G_OPTION_ARG_FILENAME_ARRAY, &work.recipients,
         "Into this mailbox; may be given several times", "ADDRESS"},
        {"folder", 'f', 0, G_OPTION_ARG_FILENAME, &work.folder,
         "Into this folder of the user's; else into the inbox", "NAME"},
        {"junk", 0, 0, G_OPTION_ARG_NONE, &work.junk, "Into the folder for junk mail", NULL},
        G_OPTION_ENTRY_NULL,
    };
    const ExgToolUsage usage = {
        .operands = "FILE",
        .min = 1,
        .max = 1,
        .summary = "Puts a message into mailboxes as exgate-lmtpd would, at most once each.\n"
                   "FILE is a message with its header; - is standard input.",
        .own = own,
    };
    int status = exg_tool_parse(&work.tool, &usage, &argc, &argv);
    if (status == EX_OK)
        status = open_work(&work);
    if (status != EX_OK)
        return status;
    if (work.tool.json)
        work.json = g_string_new("[");
    for (guint i = 0; work.recipients[i] != NULL; i++) {
        int one = deliver(&work, work.recipients[i]);
        status = status == EX_OK ? one : status;
    }
    if (work.json != NULL) {
        exg_json_close(work.json, '[');
        exg_json_print(work.json);
    }
    return status;
}
