#include "common/ews/items/get-item-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIME(inside) "<t:MimeContent CharacterSet=\"UTF-8\">" inside "</t:MimeContent>"
#define RESPONSE(inside)                                                                           \
    EWS_TEST_SOAP("<m:GetItemResponse><m:ResponseMessages><m:GetItemResponseMessage "              \
                  "ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:Items>"    \
                  "<t:Message>" inside                                                             \
                  "<t:ItemId Id=\"A\"/><t:Subject>a &lt;t:MimeContent></t:Subject>"                \
                  "</t:Message></m:Items></m:GetItemResponseMessage></m:ResponseMessages>"         \
                  "</m:GetItemResponse>")

/* The content that an answer leaves in the file, given in portions; NULL with an error. */
static char *
fetch(const char *answer, gsize length, gsize portion, GError **error)
{
    int fd = memfd_create("content", MFD_CLOEXEC);
    g_assert_cmpint(write(fd, "what was there before, and is longer", 36), ==, 36);
    ExgEwsFetch context = {{"A", NULL}, exg_ews_mime_filter_new(fd)};
    bool good = true;
    for (gsize at = 0; good && at < length; at += portion)
        good = exg_ews_get_item_operation.intake->take(&context, answer + at,
                                                       MIN(portion, length - at), error);
    char *content = NULL;
    if (good) {
        g_autoptr(GBytes) left = exg_ews_get_item_operation.intake->end(&context);
        ExgEwsReply reply = {.status = 200, .retry_after_ms = -1, .body = left};
        gpointer result = NULL;
        if (exg_ews_answer_read(&exg_ews_get_item_operation, &reply, &context, &result, error)) {
            g_autoptr(ExgEwsContent) fetched = result;
            g_assert_cmpint(lseek(fd, 0, SEEK_END), ==, (off_t)fetched->length);
            content = g_malloc0(fetched->length + 1);
            g_assert_cmpint(pread(fd, content, fetched->length, 0), ==, (gssize)fetched->length);
        }
    }
    exg_ews_mime_filter_free(context.filter);
    close(fd);
    return content;
}

static void
assert_content(const char *answer, const char *wanted)
{
    static const gsize portions[] = {1, 2, 3, 7, 4096};
    for (guint i = 0; i < G_N_ELEMENTS(portions); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *content = fetch(answer, strlen(answer), portions[i], &error);
        g_assert_no_error(error);
        g_assert_cmpstr(content, ==, wanted);
    }
}

static void
test_request(void)
{
    static const ExgEwsTarget target = {"rcpt@example.com", EXG_EWS_IMPERSONATION};
    const ExgEwsFetch context = {{"A", "K"}, NULL};
    g_autofree char *request = ews_test_request(
        exg_ews_call_payload(&exg_ews_get_item_operation, EWS_TEST_VERSION, &target, &context));
    g_assert_nonnull(strstr(request, "<t:IncludeMimeContent>true<"));
    ews_test_validate(request);
}

static void
test_content(void)
{
    assert_content(RESPONSE(MIME("aGVsbG8=")), "hello");
    assert_content(RESPONSE(MIME("aGVs\r\nbG8gd29y&#13;&#xA;bGQh ")), "hello world!");
    assert_content(RESPONSE(MIME("")), "");
    assert_content(RESPONSE("<!-- <t:MimeContent> -->" MIME("aGk=")), "hi");
}

static void
test_padding(void)
{
    assert_content(RESPONSE(MIME("aGVsbG8")), "hello");
    assert_content(RESPONSE(MIME("aA")), "h");
    assert_content(RESPONSE(MIME("aA==")), "h");
}

static void
test_bad(void)
{
    static const char *const answers[] = {
        RESPONSE(MIME("a")),
        RESPONSE(MIME("aGVsb=G8")),
        RESPONSE(MIME("aGV*")),
        RESPONSE(MIME("aA===")),
        RESPONSE(""),
        RESPONSE(MIME("aA") MIME("aA")),
        RESPONSE(MIME("<x/>aA")),
        RESPONSE("<t:MimeContent>aGk="),
        RESPONSE(MIME("aA&#13")),
    };
    for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(fetch(answers[i], strlen(answers[i]), 4096, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
    }
    static const char whole[] = RESPONSE(MIME("aGVsbG8="));
    for (gsize cut = 0; cut < strlen(whole); cut++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(fetch(whole, cut, 4096, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
    }
}

/* 24 MB go through without being kept. */
static void
test_large(void)
{
    static const char head[] = "<t:MimeContent>", tail[] = "</t:MimeContent>";
    int fd = memfd_create("content", MFD_CLOEXEC);
    g_autoptr(ExgEwsMimeFilter) filter = exg_ews_mime_filter_new(fd);
    g_autoptr(GError) error = NULL;
    g_autofree char *portion = g_strnfill(32768, 'A');
    guint64 length = 0;
    g_assert_true(exg_ews_mime_filter_take(filter, head, strlen(head), &error));
    for (guint i = 0; i < 1024; i++)
        g_assert_true(exg_ews_mime_filter_take(filter, portion, 32768, &error));
    g_assert_true(exg_ews_mime_filter_take(filter, tail, strlen(tail), &error));
    g_assert_true(exg_ews_mime_filter_close(filter, &length, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(length, ==, 24u * 1024 * 1024);
    g_autoptr(GBytes) rest = exg_ews_mime_filter_end(filter);
    g_assert_cmpuint(g_bytes_get_size(rest), ==, strlen(head) + strlen(tail));
    close(fd);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/get-item/request", test_request);
    g_test_add_func("/ews/get-item/A20.6,F7-content-in-any-portions", test_content);
    g_test_add_func("/ews/get-item/A20.4-padding", test_padding);
    g_test_add_func("/ews/get-item/bad", test_bad);
    g_test_add_func("/ews/get-item/F7-large", test_large);
    return g_test_run();
}
