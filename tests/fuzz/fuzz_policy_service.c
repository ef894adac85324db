/* A stream of policy requests: fed as a whole and byte by byte it asks the same questions, and what
 * is asked and answered keeps to its lines. */
#include "milter/policy-service.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
describe(const ExgPolicyRequest *request, GString *seen)
{
    ExgMapQuestion question;
    if (!exg_policy_request_question(request, &question)) {
        g_string_append(seen, "(nothing)\n");
        return;
    }
    g_assert_null(strchr(question.recipient, '\n'));
    g_string_append_printf(seen, "%s|%s|%s|%d|%" G_GUINT64_FORMAT "\n", question.recipient,
                           question.sender != NULL ? question.sender : "-",
                           question.client_address != NULL ? question.client_address : "-",
                           question.authenticated, question.size_bytes);

    const ExgMapAnswer answer = {EXG_MAP_UNKNOWN, 550, "5.1.1", question.recipient};
    g_autoptr(GString) action = g_string_new(NULL);
    g_autoptr(GString) reply = g_string_new(NULL);
    exg_map_action(&answer, action);
    exg_policy_service_answer(reply, action->str);
    g_assert_true(g_str_has_suffix(reply->str, "\n\n"));
    g_assert_true(strchr(reply->str, '\n') == reply->str + reply->len - 2);
}

/* Everything that the bytes ask, fed `step` at a time, and whether they end well. (transfer full) */
static GString *
read_all(const guint8 *data, gsize size, gsize step)
{
    g_auto(ExgPolicyRequest) request = {.bytes = 0};
    GString *seen = g_string_new(NULL);
    gsize at = 0, end = 0;
    while (end < size) {
        end = MIN(end + step, size);
        for (;;) {
            gsize length = end - at, used = 0;
            g_autofree guint8 *exact = g_malloc(MAX(length, 1));
            memcpy(exact, data + at, length);
            ExgMapProgress progress = exg_policy_request_feed(&request, exact, length, &used);
            g_assert_cmpuint(used, <=, length);
            at += used;
            if (progress == EXG_MAP_BROKEN) {
                g_string_append(seen, "(broken)\n");
                return seen;
            }
            if (progress == EXG_MAP_MORE)
                break;
            describe(&request, seen);
        }
    }
    return seen;
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(GString) whole = read_all(data, size, MAX(size, 1));
    g_autoptr(GString) bytes = read_all(data, size, 1);
    g_assert_cmpstr(whole->str, ==, bytes->str);
    return 0;
}
