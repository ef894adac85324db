#include "common/ews/items/get-item-private.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "common/ews/items/create-item.h"
#include "tests/lib/ews-fixture.h"
#include "tests/lib/sim.h"
#include "tests/lib/valgrind.h"

#include <malloc.h>
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

/* Lines of any length, so that groups end anywhere in a portion and in the output. */
static void
test_lines(void)
{
    const gsize length = test_under_valgrind() ? 40001 : 100001; /* there it takes minutes */
    g_autofree guchar *wanted = g_malloc(length + 1);
    for (gsize i = 0; i < length; i++)
        wanted[i] = (guchar)(i * i >> 7) | 1;
    wanted[length] = '\0';
    g_autofree char *encoded = g_base64_encode(wanted, length);
    for (gsize line = 1; line < 80; line += 13) {
        g_autoptr(GString) answer = g_string_new(RESPONSE(MIME("@")));
        g_autoptr(GString) lines = g_string_new(NULL);
        for (gsize at = 0; at < strlen(encoded); at += line)
            g_string_append_printf(lines, "%.*s\n", (int)line, encoded + at);
        g_string_replace(answer, "@", lines->str, 1);
        for (gsize portion = 1000; portion < 40000; portion += 3001) {
            g_autoptr(GError) error = NULL;
            g_autofree char *content = fetch(answer->str, answer->len, portion, &error);
            g_assert_no_error(error);
            g_assert_cmpmem(content, strlen(content), wanted, length);
        }
    }
}

/* --- over HTTP -------------------------------------------------------------------------------- */

static const ExgEwsTarget mailbox = {TEST_SIM_MAILBOX, EXG_EWS_IMPERSONATION};

typedef struct {
    ExgEwsService *service;
    char *id;
    ExgEwsContent *content;
} Transfer;

static void
on_created(GObject *source, GAsyncResult *result, gpointer data)
{
    Transfer *transfer = data;
    g_autoptr(GError) error = NULL;
    exg_ews_create_item_finish(transfer->service, result, &transfer->id, &error);
    g_assert_no_error(error);
}

static void
on_got(GObject *source, GAsyncResult *result, gpointer data)
{
    Transfer *transfer = data;
    g_autoptr(GError) error = NULL;
    exg_ews_get_item_finish(transfer->service, result, &transfer->content, &error);
    g_assert_no_error(error);
}

/* How much memory this process had at once since the last reset, in KiB. */
static guint64
peak_kib(bool reset)
{
    g_autofree char *status = NULL;
    g_assert_true(g_file_get_contents("/proc/self/status", &status, NULL, NULL));
    if (reset)
        (void)g_file_set_contents_full("/proc/self/clear_refs", "5", 1, G_FILE_SET_CONTENTS_NONE, 0,
                                       NULL);
    const char *line = strstr(status, reset ? "VmRSS:" : "VmHWM:");
    g_assert_nonnull(line);
    return g_ascii_strtoull(line + strlen("VmRSS:"), NULL, 10);
}

/* 20 MB, there and back again: every byte as it was, and memory does not grow with them. */
static void
test_http(void)
{
    static const char header[] = "Subject: large\r\n\r\n";
#ifdef __SANITIZE_THREAD__
    const gsize length = 4 * 1000 * 1000; /* twenty times slower */
#else
    const gsize length = (test_under_valgrind() ? 4 : 20) * 1000 * 1000;
#endif
    g_autofree char *text = http_large_text(length);
    memcpy(text, header, strlen(header));
    HttpFixture http;
    TestSim sim;
    Transfer transfer = {0};
    test_sim_start(&sim, NULL);
    http_fixture_init(&http, NULL);
    g_main_context_push_thread_default(exg_engine_context(http.engine));
    transfer.service = test_sim_service(&sim, &http);
    ExgMessage *message = ews_test_message(text, length);
    g_autoptr(GBytes) trace = g_bytes_new_static("", 0);
    const ExgEwsNewMessage new_message = {.folder = "inbox",
                                          .delivery_key = "v1:00",
                                          .delivery_time = 1795291445,
                                          .trace = trace,
                                          .message = message};
    exg_ews_create_item_async(transfer.service, &mailbox, &new_message,
                              exg_clock_deadline_ms(60000), NULL, on_created, &transfer);
    http_fixture_until(&http, transfer.id != NULL);
    exg_message_unref(message);

    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("exgate-content-XXXXXX", &path, &error);
    g_assert_no_error(error);
    unlink(path);
    malloc_trim(0); /* what is free already would hide what is taken */
    guint64 before = peak_kib(true);
    exg_ews_get_item_async(transfer.service, &mailbox, &(ExgEwsItemId){transfer.id, NULL}, fd,
                           exg_clock_deadline_ms(60000), NULL, on_got, &transfer);
    http_fixture_until(&http, transfer.content != NULL);
    guint64 after = peak_kib(false);
    g_test_message("peak %" G_GUINT64_FORMAT " KiB, %" G_GUINT64_FORMAT " KiB before", after,
                   before);
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
    g_assert_cmpuint(after, <, before + 8192);
#endif
    g_assert_cmpuint(transfer.content->length, ==, length);
    char *written = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);
    g_assert_true(written != MAP_FAILED);
    g_assert_true(memcmp(written, text, length) == 0);
    munmap(written, length);
    close(fd);
    exg_ews_content_free(transfer.content);
    g_free(transfer.id);
    exg_ews_service_unref(transfer.service);
    g_main_context_pop_thread_default(exg_engine_context(http.engine));
    http_fixture_clear(&http);
    test_sim_stop(&sim);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/get-item/request", test_request);
    g_test_add_func("/ews/get-item/A20.6,F7-content-in-any-portions", test_content);
    g_test_add_func("/ews/get-item/A20.4-padding", test_padding);
    g_test_add_func("/ews/get-item/lines", test_lines);
    g_test_add_func("/ews/get-item/bad", test_bad);
    g_test_add_func("/ews/get-item/F7-large", test_large);
    g_test_add_func("/ews/get-item/F7-over-http", test_http);
    return g_test_run();
}
