/* Any bytes as the answer to a call: a result only where the answer shows one, an error that says
 * what is known and no more, and a bounce only where a table has one. */
#include "common/base/disposition.h"
#include "common/base/error.h"
#include "common/ews/items/create-item-private.h"
#include "common/ews/items/find-item-private.h"
#include "common/ews/folders/get-folder-private.h"
#include "common/ews/people/resolve-names-private.h"
#include "common/ews/response-code.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

#define DAY_MS          (24 * 3600 * 1000)
#define IIS_LIMIT_BYTES (64u * 1024 * 1024)

static bool
asks_for_bounce(const GError *error)
{
    const ExgErrorFacts *facts = exg_error_facts(error);
    if (facts->service_code != NULL) {
        const ExgEwsResponseCode *row = exg_ews_response_code_find(facts->service_code);
        return row != NULL && row->smtp_code / 100 == 5;
    }
    return false;
}

static bool
is_too_large(const ExgEwsReply *reply)
{
    return (reply->status == 404 || reply->status == 413) &&
           reply->posted_bytes > IIS_LIMIT_BYTES && reply->retry_after_ms < 0;
}

/* Whether a call that may have been carried out has been refused before that: by a code, or by a
 * status that a server gives without looking at the request. */
static bool
proves_refusal(const ExgEwsReply *reply, const GError *error)
{
    const char *code = exg_error_facts(error)->service_code;
    if (code != NULL)
        return !g_str_has_prefix(code, "ErrorInternalServer") &&
               !g_str_equal(code, "ErrorTimeoutExpired") && !g_str_equal(code, "NoError");
    return (reply->status == 503 && reply->server != NULL) || reply->status / 100 == 4 ||
           (reply->status / 100 == 3 && reply->location == NULL);
}

static void
check_words(const char *words, gsize max)
{
    g_assert_cmpuint(strlen(words), <=, max);
    g_assert_true(g_utf8_validate(words, -1, NULL));
    for (const char *at = words; *at != '\0'; at = g_utf8_next_char(at))
        g_assert_false(g_unichar_iscntrl(g_utf8_get_char(at)));
}

static void
check_error(const ExgEwsOperation *operation, const ExgEwsReply *reply, const GError *error)
{
    g_assert_error(error, EXG_ERROR, error->code);
    g_assert_cmpint(error->code, <, EXG_N_ERRORS);
    check_words(error->message, 600);
    const ExgErrorFacts *facts = exg_error_facts(error);
    g_assert_cmpint(facts->http_status, ==, reply->status);
    g_assert_cmpstr(facts->stage, ==, "answer");
    g_assert_cmpint(facts->retry_after_ms, >=, -1);
    g_assert_cmpint(facts->retry_after_ms, <=, DAY_MS);
    check_words(facts->request_id, 80);
    if (facts->service_code != NULL)
        check_words(facts->service_code, 80);

    ExgDisposition disposition = exg_disposition_of(error);
    g_assert_cmpint(disposition.enhanced[0] - '0', ==, disposition.smtp_code / 100);
    if (disposition.permanent)
        g_assert_true(asks_for_bounce(error) || is_too_large(reply));
    if (operation->own_mailbox)
        g_assert_cmpint(error->code, !=, EXG_ERROR_NO_MAILBOX);
    if (!operation->once)
        g_assert_cmpint(error->code, !=, EXG_ERROR_AMBIGUOUS);
    else if (error->code != EXG_ERROR_AMBIGUOUS)
        g_assert_true(proves_refusal(reply, error));
}

static bool
contains(const char *body, gsize length, const char *word)
{
    return memmem(body, length, word, strlen(word)) != NULL;
}

static void
check_id(const char *id)
{
    g_assert_true(id != NULL && id[0] != '\0');
    g_assert_true(g_utf8_validate(id, -1, NULL));
}

/* Names cannot be written in another way, so they must be there as they are. */
static void
check_result(const ExgEwsOperation *operation, const char *body, gsize length, gpointer result)
{
    g_autofree char *response = g_strconcat(operation->name, "ResponseMessage", NULL);
    g_assert_true(contains(body, length, response));
    g_assert_true(contains(body, length, "http://schemas.xmlsoap.org/soap/envelope/") ||
                  contains(body, length, "&#"));
    if (operation == &exg_ews_create_item_operation) {
        check_id(result);
        g_assert_true(contains(body, length, "ItemId"));
    } else if (operation == &exg_ews_find_item_operation) {
        for (char **id = result; *id != NULL; id++)
            check_id(*id);
    } else if (operation == &exg_ews_get_folder_operation) {
        check_id(((ExgEwsFolder *)result)->id);
    }
}

static bool
read_answer(const ExgEwsOperation *operation, const ExgEwsReply *given, const char *body,
            gsize length)
{
    g_autoptr(GBytes) bytes = g_bytes_new(body, length);
    ExgEwsReply reply = *given;
    reply.body = bytes;
    gpointer untouched = &bytes, result = untouched;
    g_autoptr(GError) error = NULL;
    char address[] = "ann@example.com", folder_id[] = "AAMk";
    ExgEwsItemSearch search = {.folder_id = folder_id};
    gpointer context = operation == &exg_ews_find_item_operation ? (gpointer)&search : address;
    if (!exg_ews_answer_read(operation, &reply, context, &result, &error)) {
        g_assert_true(result == untouched);
        check_error(operation, &reply, error);
        return false;
    }
    g_assert_no_error(error);
    g_assert_cmpint(reply.status, ==, 200);
    check_result(operation, body, length, result);
    if (result != NULL)
        operation->free_result(result);
    return true;
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    static const ExgEwsOperation *const operations[] = {
        &exg_ews_create_item_operation, &exg_ews_find_item_operation, &exg_ews_get_folder_operation,
        &exg_ews_resolve_names_operation};
    static const int statuses[16] = {200, 500, 404, 413, 503, 401, 403, 302,
                                     201, 204, 400, 408, 429, 502, 504, 599};
    if (size < 3)
        return 0;
    const ExgEwsOperation *operation = operations[data[0] % 4];
    ExgEwsReply reply = {
        .status = statuses[data[1] % 16],
        .server = data[2] & 8 ? "Microsoft-HTTPAPI/2.0" : NULL,
        .location = data[2] & 1 ? "/ews/genericerrorpage.htm" : NULL,
        .retry_after_ms = data[2] & 2 ? 5000 : -1,
        .posted_bytes = data[2] & 4 ? IIS_LIMIT_BYTES + 1 : 1000,
        .request_id = "id\r\n\xff of a request",
    };
    const char *body = (const char *)data + 3;
    gsize length = size - 3;
    if (!read_answer(operation, &reply, body, length) || operation->n_messages > 1)
        return 0;
    /* Cut before the last word that is needed, it is no success any more. */
    const char *envelope = memmem(body, length, "ResponseMessages", strlen("ResponseMessages"));
    g_assert_nonnull(envelope);
    g_assert_false(read_answer(operation, &reply, body, (gsize)(envelope - body)));
    return 0;
}
