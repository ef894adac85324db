#include "common/ews/items/mime-body-private.h"

#include "tests/lib/ews-fixture.h"

#include <string.h>
#include <time.h>

static GBytes *
bytes_of(const char *text)
{
    return g_bytes_new(text, strlen(text));
}

static ExgHttpBody *
body_of(const char *prefix, const char *trace, const char *content, gsize length,
        const char *suffix)
{
    g_autoptr(GBytes) head = bytes_of(prefix);
    g_autoptr(GBytes) lines = trace != NULL ? bytes_of(trace) : NULL;
    g_autoptr(GBytes) tail = bytes_of(suffix);
    g_autoptr(ExgMessage) message = ews_test_message(content, length);
    return exg_ews_mime_body_new(head, lines, message, tail);
}

/* All lengths around whole groups and buffers, all divisions between trace and message, portions
 * of any size. */
static void
test_every_length(void)
{
    g_autofree guchar *content = g_malloc(100);
    for (gsize i = 0; i < 100; i++)
        content[i] = (guchar)(i * 37 + 200);
    static const char trace[] = "Received: x\r\n";
    for (gsize lines = 0; lines < sizeof trace; lines++) {
        for (gsize length = 0; length < 40; length++) {
            g_autofree char *begun = g_strndup(trace, lines);
            g_autoptr(GByteArray) both = g_byte_array_new();
            g_byte_array_append(both, (const guint8 *)trace, (guint)lines);
            g_byte_array_append(both, content, (guint)length);
            g_autofree char *encoded = g_base64_encode(both->data, both->len);
            g_autofree char *expected = g_strconcat("<a>", encoded, "</a>", NULL);
            ExgHttpBody *body = body_of("<a>", begun, (const char *)content, length, "</a>");
            for (gsize room = 1; room < 20; room++) {
                g_autofree char *text = ews_test_read_body(body, room);
                g_assert_cmpstr(text, ==, expected);
                body->class->rewind(body);
            }
            exg_http_body_free(body);
        }
    }
}

static void
test_large(void)
{
    const gsize length = 200001;
    g_autofree char *content = g_malloc(length);
    for (gsize i = 0; i < length; i++)
        content[i] = (char)(i * i >> 7);
    g_autofree char *expected = g_base64_encode((const guchar *)content, length);
    ExgHttpBody *body = body_of("", NULL, content, length, "");
    static const gsize rooms[] = {1, 7, 4095, 4096, 16384, 65536, 1000000};
    for (guint i = 0; i < G_N_ELEMENTS(rooms); i++) {
        g_autofree char *text = ews_test_read_body(body, rooms[i]);
        g_assert_cmpstr(text, ==, expected);
        body->class->rewind(body);
    }
    exg_http_body_free(body);
}

/* From wherever it is left, it starts anew. */
static void
test_rewind(void)
{
    ExgHttpBody *body = body_of("<a>", "T: 1\r\n", "S: 2\r\n\r\n0123456789\r\n", 20, "</a>");
    g_autofree char *expected = ews_test_read_body(body, 1000);
    for (gsize read = 0; read <= body->length; read++) {
        body->class->rewind(body);
        g_autofree char *some = g_malloc(read + 1);
        g_assert_cmpint(body->class->read(body, some, read, NULL), ==, (gssize)read);
        g_assert_cmpint(memcmp(some, expected, read), ==, 0);
        body->class->rewind(body);
        g_autofree char *again = ews_test_read_body(body, 5);
        g_assert_cmpstr(again, ==, expected);
    }
    g_assert_cmpint(body->class->read(body, expected, 1, NULL), ==, 0);
    exg_http_body_free(body);
}

/* Two recipients, one message: each reads at its own pace. */
static void
test_shared(void)
{
    g_autoptr(ExgMessage) message = ews_test_message("S: 1\r\n\r\nbody\r\n", 14);
    g_autoptr(GBytes) one = bytes_of("1"), two = bytes_of("2"), none = bytes_of("");
    ExgHttpBody *first = exg_ews_mime_body_new(one, NULL, message, none);
    ExgHttpBody *second = exg_ews_mime_body_new(two, NULL, message, none);
    char a[64] = "", b[64] = "";
    for (guint i = 0; i < first->length; i++) {
        g_assert_cmpint(first->class->read(first, a + i, 1, NULL), ==, 1);
        g_assert_cmpint(second->class->read(second, b + i, 1, NULL), ==, 1);
    }
    g_assert_cmpint(a[0], ==, '1');
    g_assert_cmpint(b[0], ==, '2');
    g_assert_cmpstr(a + 1, ==, b + 1);
    exg_http_body_free(first);
    exg_http_body_free(second);
}

static void
test_speed(void)
{
    const gsize length = 32 * 1024 * 1024;
    g_autofree char *content = g_strnfill(length, 'x');
    ExgHttpBody *body = body_of("", NULL, content, length, "");
    g_autofree char *portion = g_malloc(65536);
    const clock_t began = clock();
    guint64 total = 0;
    for (gssize count; (count = body->class->read(body, portion, 65536, NULL)) > 0;)
        total += (guint64)count;
    const double seconds = (double)(clock() - began) /
                           CLOCKS_PER_SEC; /* of CPU, whatever else runs */
    g_assert_cmpuint(total, ==, body->length);
    g_test_message("32 MiB encoded in %.1f ms", seconds * 1000);
    g_assert_cmpfloat(seconds, <, 30); /* with ThreadSanitizer it takes 6, else hundredths */
    exg_http_body_free(body);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/mime-body/every-length", test_every_length);
    g_test_add_func("/ews/mime-body/large", test_large);
    g_test_add_func("/ews/mime-body/rewind", test_rewind);
    g_test_add_func("/ews/mime-body/shared", test_shared);
    g_test_add_func("/ews/mime-body/speed", test_speed);
    return g_test_run();
}
