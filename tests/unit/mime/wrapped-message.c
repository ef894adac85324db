#include "common/mime/wrapped-message.h"

#include <string.h>

typedef struct {
    ExgEngine *engine;
    ExgWorkerPool *workers;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data)
{
    fixture->engine = exg_engine_new(NULL);
    fixture->workers = exg_worker_pool_new(fixture->engine, 1, 10);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    exg_worker_pool_free(fixture->workers);
    exg_engine_unref(fixture->engine);
}

static void
keep(ExgMessage *message, const GError *error, gpointer data)
{
    *(ExgMessage **)data = message;
}

static ExgMessage *
message_of(Fixture *fixture, const char *content, gsize length)
{
    const ExgMessageOptions options = {.size_max = 1 << 20,
                                       .memory_max = 1 << 20,
                                       .spool_directory = "/nonexistent",
                                       .workers = fixture->workers};
    g_autoptr(ExgMessageBuilder) builder = exg_message_builder_new(&options);
    ExgMessage *message = NULL;
    g_assert_true(exg_message_builder_append(builder, content, length, NULL));
    exg_message_builder_finish_async(builder, keep, &message);
    return message;
}

static char *
encoded(const char *content, gsize length)
{
    GString *text = g_string_new(NULL);
    for (gsize at = 0; at < length; at += 57) {
        g_autofree char *line = g_base64_encode((const guchar *)content + at, MIN(57, length - at));
        g_string_append_printf(text, "%s\r\n", line);
    }
    return g_string_free(text, FALSE);
}

static char *
read_whole(const ExgMessage *message, gsize room)
{
    guint64 length = exg_message_length(message), offset = 0;
    char *text = g_malloc0(length + 1);
    gssize got;
    while ((got = exg_message_read(message, offset, text + offset, MIN(room, length - offset + 1),
                                   NULL)) > 0)
        offset += (guint64)got;
    g_assert_cmpint(got, ==, 0);
    g_assert_cmpuint(offset, ==, length);
    return text;
}

/* Every length around the ends of lines and groups, read in pieces of every size that could matter. */
static void
test_read(Fixture *fixture, gconstpointer data)
{
    static const gsize rooms[] = {1, 2, 3, 7, 76, 77, 78, 79, 1000, 12288};
    g_autoptr(GBytes) head = g_bytes_new_static("head\r\n\r\n", 8);
    g_autoptr(GBytes) tail = g_bytes_new_static("--tail--\r\n", 10);
    g_autofree char *content = g_malloc(20000);
    for (guint i = 0; i < 20000; i++)
        content[i] = (char)(i * 31 + i / 256);
    static const gsize lengths[] = {1,   2,   3,   56,       57,           58,   59,
                                    113, 114, 115, 57 * 128, 57 * 128 + 1, 20000};
    for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autoptr(ExgMessage) original = message_of(fixture, content, lengths[i]);
        g_autoptr(ExgMessage) wrapped = exg_wrapped_message_new(original, head, tail);
        g_autofree char *base64 = encoded(content, lengths[i]);
        g_autofree char *expected = g_strdup_printf("head\r\n\r\n%s--tail--\r\n", base64);
        g_assert_cmpuint(exg_message_length(wrapped), ==, strlen(expected));
        for (guint j = 0; j < G_N_ELEMENTS(rooms); j++) {
            g_autofree char *text = read_whole(wrapped, rooms[j]);
            g_assert_cmpstr(text, ==, expected);
        }
    }
}

static void
test_facts(Fixture *fixture, gconstpointer data)
{
    const char *content =
        "Received: by x; Sat, 21 Nov 2026 20:04:05 +0000\r\nMessage-ID: <1@x>\r\n\r\n";
    g_autoptr(ExgMessage) original = message_of(fixture, content, strlen(content));
    g_autoptr(GBytes) empty = g_bytes_new_static("", 0);
    g_autoptr(ExgMessage) wrapped = exg_wrapped_message_new(original, empty, empty);
    g_assert_cmpstr(exg_message_id(wrapped), ==, "<1@x>");
    g_assert_cmpuint(exg_message_hops(wrapped), ==, 1);
    g_assert_cmpint(exg_message_received_time(wrapped), ==, exg_message_received_time(original));
    g_assert_cmpint(
        memcmp(exg_message_digest(wrapped), exg_message_digest(original), EXG_MESSAGE_DIGEST_BYTES),
        ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/wrapped-message/read", Fixture, NULL, set_up, test_read, tear_down);
    g_test_add("/wrapped-message/facts", Fixture, NULL, set_up, test_facts, tear_down);
    return g_test_run();
}
