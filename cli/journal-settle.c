/* exgate journal ask, settle, prune: what changes the journal, or may. */
#include "cli/command.h"
#include "cli/journal-private.h"
#include "cli/output.h"
#include "cli/privilege.h"
#include "cli/tool.h"
#include "common/account/account.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/store/ews-store.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

#define ASK_TIMEOUT_MS    60000
#define ITEM_ID_MAX_BYTES 1024
#define EX_MISSING        1 /* `ask`: Exchange has no such item */

/* --- ask -------------------------------------------------------------------------------------- */

typedef struct {
    ExgEngine *engine;
    ExgStore *store;
    const ExgJournalRow *row;
    bool answered;
    char *item_id;
    GError *error;
} Question;

static void
answered(GObject *source, GAsyncResult *result, gpointer data)
{
    Question *question = data;
    question->answered = exg_store_find_finish(question->store, result, &question->item_id,
                                               &question->error);
    exg_engine_quit(question->engine);
}

static void
pose(gpointer data)
{
    Question *question = data;
    exg_store_find_async(question->store, question->row->recipient, question->row->key,
                         exg_clock_deadline_ms(ASK_TIMEOUT_MS), NULL, answered, question);
}

/* Answers EX_OK with `*ret_item_id`, NULL for a miss; or says what is wrong and answers the exit status. */
static int
ask_exchange(const ExgJournalTool *tool, const ExgJournalRow *row, char **ret_item_id)
{
    g_autoptr(GError) error = NULL;
    exg_borrow_credentials();
    g_autoptr(ExgEngine) engine = exg_engine_new(&error);
    if (engine == NULL)
        return exg_complain(EX_OSERR, "%s", error->message);
    g_autoptr(ExgAccount) account = exg_account_new(engine, tool->conf, &error);
    if (account == NULL)
        return exg_complain(EX_CONFIG, "%s", error->message);
    exg_account_set_brief(account);
    if (!exg_become_owner(tool->path))
        return exg_complain(EX_OSERR, "cannot become the owner of %s: %s", tool->path,
                            g_strerror(errno));
    g_autoptr(ExgStore) store = exg_ews_store_new(
        account, exg_conf_string(tool->conf, "delivery", "recipient_delimiter"));
    Question question = {.engine = engine, .store = store, .row = row};
    exg_engine_post(engine, pose, &question);
    exg_engine_run(engine);
    if (!question.answered) {
        error = question.error;
        return exg_tool_complain(error);
    }
    *ret_item_id = question.item_id;
    return EX_OK;
}

static int
settle_hit(ExgJournalTool *tool, const ExgJournalRow *row, const char *item_id)
{
    g_autoptr(GError) error = NULL;
    if (!exg_journal_admin_settle(tool->admin, row, item_id, &error))
        return exg_journal_complain(error);
    g_autofree char *recipient = exg_printable(row->recipient);
    printf("Exchange has %s in the mailbox of %s, as %s; the row is done now, and the next retry "
           "is answered 250.\n",
           row->key, recipient, item_id);
    return EX_OK;
}

static int
settle_miss(ExgJournalTool *tool, const ExgJournalRow *row)
{
    /* Exchange was asked while it may still have been storing: its answer proves nothing, however late it came. */
    if (row->state == EXG_JOURNAL_ROW_SETTLING)
        return exg_complain(EX_TEMPFAIL,
                            "Exchange does not have %s, but may still be storing it; ask again in "
                            "%" G_GINT64_FORMAT " s",
                            row->key, (row->wait_ms + 999) / 1000);
    g_autoptr(GError) error = NULL;
    if (!exg_journal_admin_settle(tool->admin, row, NULL, &error))
        return exg_journal_complain(error);
    g_autofree char *recipient = exg_printable(row->recipient);
    printf("Exchange does not have %s in the mailbox of %s; the row is deleted, and the next "
           "retry is sent.\n",
           row->key, recipient);
    return EX_OK;
}

static int
tell(const ExgJournalRow *row, const char *item_id)
{
    g_autofree char *recipient = exg_printable(row->recipient);
    if (item_id != NULL) {
        printf("Exchange has %s in the mailbox of %s, as %s.\n", row->key, recipient, item_id);
        return EX_OK;
    }
    const char *why[] = {
        [EXG_JOURNAL_ROW_OPEN] = "it was not stored, or was moved or deleted since, or the search "
                                 "does not show it yet",
        [EXG_JOURNAL_ROW_SETTLING] = "it may still be storing it",
        [EXG_JOURNAL_ROW_UNDER_WAY] = "it is being sent",
        [EXG_JOURNAL_ROW_ABANDONED] = "it may still be storing it",
        [EXG_JOURNAL_ROW_DONE] = "it was confirmed, so it was moved or deleted since",
    };
    printf("Exchange does not have %s in the mailbox of %s: %s.\n", row->key, recipient,
           why[row->state]);
    return EX_MISSING;
}

int
exg_journal_ask(int argc, char **argv)
{
    gboolean settle = FALSE, settle_misses = FALSE;
    const GOptionEntry own[] = {
        {"settle", 0, 0, G_OPTION_ARG_NONE, &settle, "If it is there, write that down", NULL},
        {"settle-misses", 0, 0, G_OPTION_ARG_NONE, &settle_misses,
         "If it is not there, believe it; forget the delivery", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(ExgJournalTool) tool = {0};
    if (!exg_journal_tool_parse(&tool, own, "KEY",
                                "Asks Exchange whether the recipient's mailbox has the message.",
                                &argc, &argv))
        return EX_USAGE;
    bool writes = settle || settle_misses;
    g_autoptr(ExgJournalRow) row = NULL;
    int status = exg_journal_tool_open(&tool, EXG_TOOL_NEEDS_CONF |
                                                  (writes ? EXG_TOOL_WRITES : EXG_TOOL_READS));
    if (status == EX_OK)
        status = exg_journal_tool_find(&tool, argv[1], &row);
    if (status != EX_OK)
        return status;
    if (writes && row->state == EXG_JOURNAL_ROW_UNDER_WAY)
        return exg_complain(EX_TEMPFAIL,
                            "%s is under way: the process %" G_GINT64_FORMAT
                            " is sending it and will settle it",
                            row->key, row->process);
    g_autofree char *item_id = NULL;
    status = ask_exchange(&tool, row, &item_id);
    if (status != EX_OK)
        return status;
    if (item_id != NULL && writes && row->state != EXG_JOURNAL_ROW_DONE)
        return settle_hit(&tool, row, item_id);
    if (item_id == NULL && settle_misses && row->state != EXG_JOURNAL_ROW_DONE)
        return settle_miss(&tool, row);
    return tell(row, item_id);
}

/* --- settle ----------------------------------------------------------------------------------- */

static bool
is_item_id(const char *text)
{
    gsize length = strlen(text);
    for (const char *at = text; *at != '\0'; at++)
        if (!g_ascii_isgraph(*at))
            return false;
    return length > 0 && length <= ITEM_ID_MAX_BYTES;
}

int
exg_journal_settle(int argc, char **argv)
{
    g_autofree char *item_id = NULL;
    gboolean not_stored = FALSE;
    const GOptionEntry own[] = {
        {"stored", 0, 0, G_OPTION_ARG_STRING, &item_id, "Exchange has it, as ITEM", "ITEM"},
        {"not-stored", 0, 0, G_OPTION_ARG_NONE, &not_stored, "Exchange does not have it", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(ExgJournalTool) tool = {0};
    if (!exg_journal_tool_parse(&tool, own, "KEY",
                                "Writes an outcome that you know into the journal.", &argc, &argv))
        return EX_USAGE;
    if ((item_id != NULL) == not_stored)
        return exg_complain(EX_USAGE, "say either --stored ITEM or --not-stored");
    if (item_id != NULL && !is_item_id(item_id))
        return exg_complain(EX_USAGE, "--stored: the id of an Exchange item is expected, as "
                                      "exgate journal ask prints it");
    g_autoptr(ExgJournalRow) row = NULL;
    int status = exg_journal_tool_open(&tool, EXG_TOOL_WRITES);
    if (status == EX_OK)
        status = exg_journal_tool_find(&tool, argv[1], &row);
    if (status != EX_OK)
        return status;
    g_autoptr(GError) error = NULL;
    if (!exg_journal_admin_settle(tool.admin, row, item_id, &error))
        return exg_journal_complain(error);
    g_autofree char *recipient = exg_printable(row->recipient);
    if (not_stored)
        printf("%s for %s is deleted from the journal; the next retry is sent, after a question "
               "to Exchange where duplicate_check says so.\n",
               row->key, recipient);
    else
        printf("%s for %s is done; the next retry is answered 250 and not sent again.\n", row->key,
               recipient);
    return EX_OK;
}

/* --- prune ------------------------------------------------------------------------------------ */

int
exg_journal_prune(int argc, char **argv)
{
    g_autofree char *older_than = NULL;
    const GOptionEntry own[] = {
        {"older-than", 0, 0, G_OPTION_ARG_STRING, &older_than,
         "Instead of journal_keep, as 30d or 12h", "DURATION"},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(ExgJournalTool) tool = {0};
    if (!exg_journal_tool_parse(&tool, own, NULL,
                                "Deletes deliveries that have been done for longer than "
                                "journal_keep. A retry of\nwhat was deleted is stored again.",
                                &argc, &argv))
        return EX_USAGE;
    gint64 older_than_ms = 0;
    if (older_than != NULL && !exg_conf_parse_duration(older_than, &older_than_ms))
        return exg_complain(EX_USAGE, "--older-than %s: a duration such as 30d or 12h is expected",
                            older_than);
    int status = exg_journal_tool_open(&tool, EXG_TOOL_WRITES);
    if (status != EX_OK)
        return status;
    if (older_than == NULL)
        older_than_ms = exg_journal_tool_duration_ms(&tool, "journal_keep");
    g_autoptr(GError) error = NULL;
    guint64 count = 0;
    bool good = exg_journal_admin_prune(tool.admin, older_than_ms, &count, &error);
    printf("%" G_GUINT64_FORMAT " deleted\n", count);
    return good ? EX_OK : exg_journal_complain(error);
}
