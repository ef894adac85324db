/* Any bytes as the answer to what a mail client asks: a result that keeps its promises, or one error; the same
 * twice; and a stream of notifications comes apart in the same places however it arrives. */
#include "common/base/error.h"
#include "common/ews/folders/find-folder-private.h"
#include "common/ews/items/list-items-private.h"
#include "common/ews/items/move-item-private.h"
#include "common/ews/items/send-message-private.h"
#include "common/ews/events/streaming-events-private.h"
#include "common/ews/events/subscribe-private.h"
#include "common/ews/folders/sync-folder-hierarchy-private.h"
#include "common/ews/folders/sync-folder-items-private.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

#define N_IDS 2

static void
check_page(gpointer result)
{
    const ExgEwsItemPage *page = result;
    g_assert_true(page->is_last || page->next_offset > 0);
    g_assert_true(page->total >= -1);
    for (guint i = 0; i < page->items->len; i++) {
        const ExgEwsItem *item = page->items->pdata[i];
        g_assert_true(item->id != NULL && item->id[0] != '\0');
        g_assert_true(item->size_bytes >= -1 && item->flag <= EXG_EWS_FLAGGED);
    }
}

static void
check_results(gpointer result)
{
    const GPtrArray *results = result;
    g_assert_cmpuint(results->len, ==, N_IDS);
    for (guint i = 0; i < results->len; i++) {
        const ExgEwsResult *one = results->pdata[i];
        g_assert_true(one->error == NULL || one->id == NULL);
    }
}

static void
check_items(gpointer result)
{
    const ExgEwsChanges *changes = result;
    g_assert_true(changes->state != NULL && changes->state[0] != '\0');
}

static void
check_folders(gpointer result)
{
    const ExgEwsChanges *changes = result;
    g_assert_true(changes->state != NULL && changes->state[0] != '\0');
}

static void
check_news(gpointer result)
{
    const ExgEwsNews *news = result;
    for (guint i = 0; i < news->events->len; i++)
        g_assert_cmpint(((ExgEwsEvent *)news->events->pdata[i])->kind & ~EXG_EWS_ALL_EVENTS, ==, 0);
}

static const ExgEwsItemId ids[N_IDS] = {{"A", NULL}, {"B", NULL}};
static ExgEwsBatchRequest batch = {ids, N_IDS, NULL};
static ExgEwsListing listing = {.offset = 0, .max_items = 10};
static ExgEwsListening listening;
static char name[] = "Projects";

static const struct {
    const ExgEwsOperation *operation;
    gpointer context;
    void (*check)(gpointer result); /* NULL: there may be none */
} questions[] = {
    {&exg_ews_list_items_operation, &listing, check_page},
    {&exg_ews_move_item_operation, &batch, check_results},
    {&exg_ews_sync_folder_items_operation, NULL, check_items},
    {&exg_ews_sync_folder_hierarchy_operation, NULL, check_folders},
    {&exg_ews_streaming_events_envelope, &listening, check_news},
    {&exg_ews_subscribe_operation, NULL, NULL},
    {&exg_ews_find_folder_operation, name, NULL},
    {&exg_ews_send_message_operation, NULL, NULL},
};

static bool
read_answer(guint question, GBytes *body)
{
    const ExgEwsOperation *operation = questions[question].operation;
    const ExgEwsReply reply = {
        .status = 200, .retry_after_ms = -1, .posted_bytes = 1000, .body = body};
    gpointer result = NULL;
    g_autoptr(GError) error = NULL;
    if (!exg_ews_answer_read(operation, &reply, questions[question].context, &result, &error)) {
        g_assert_error(error, EXG_ERROR, error->code);
        g_assert_null(result);
        return false;
    }
    g_assert_no_error(error);
    if (questions[question].check != NULL)
        questions[question].check(result);
    if (result != NULL)
        operation->free_result(result);
    return true;
}

/* --- a stream of envelopes -------------------------------------------------------------------- */

static bool
note_envelope(GBytes *envelope, gpointer user, GError **error)
{
    gsize length;
    const char *text = g_bytes_get_data(envelope, &length);
    g_assert_true(length >= strlen("<Envelope/>") && text[0] == '<' && text[length - 1] == '>');
    g_string_append_len(user, text, (gssize)length);
    g_string_append_c(user, '\0');
    return true;
}

static GString *
split(const char *data, gsize length, gsize portion)
{
    g_auto(ExgEwsEnvelopeSplitter) splitter;
    GString *seen = g_string_new(NULL);
    exg_ews_envelope_splitter_init(&splitter);
    for (gsize at = 0; at < length; at += portion)
        if (!exg_ews_envelope_splitter_take(&splitter, data + at, MIN(portion, length - at),
                                            note_envelope, seen, NULL))
            break;
    return seen;
}

static void
check_stream(const char *data, gsize length)
{
    GString *whole = split(data, length, MAX(length, 1)), *bytes = split(data, length, 1);
    g_assert_true(g_string_equal(whole, bytes));
    g_string_free(whole, TRUE);
    g_string_free(bytes, TRUE);
}

/* The first byte says what was asked. */
int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    if (size < 1)
        return 0;
    check_stream((const char *)data + 1, size - 1);
    guint question = data[0] % G_N_ELEMENTS(questions);
    g_autoptr(GBytes) body = g_bytes_new(data + 1, size - 1);
    bool answered = read_answer(question, body);
    g_assert_cmpint(read_answer(question, body), ==, answered);
    return 0;
}
