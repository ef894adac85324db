#include "common/store/wrapping.h"

#include <string.h>

static void
keep(ExgMessage *message, const GError *error, gpointer data)
{
    *(ExgMessage **)data = message;
}

static char *
text_of(const ExgMessage *message)
{
    gsize length = exg_message_length(message), at = 0;
    char *text = g_malloc0(length + 1);
    gssize got;
    while ((got = exg_message_read(message, at, text + at, length - at, NULL)) > 0)
        at += (gsize)got;
    g_assert_cmpuint(at, ==, length);
    return text;
}

static void
test_form(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    g_autoptr(ExgWorkerPool) workers = exg_worker_pool_new(engine, 1, 10);
    const char *content = "Message-ID: <1@x>\r\nContent-Type: broken\r\n\r\nbody \xff\r\n";
    const ExgMessageOptions options = {.size_max = 1000,
                                       .memory_max = 1000,
                                       .spool_directory = "/nonexistent",
                                       .workers = workers};
    g_autoptr(ExgMessageBuilder) builder = exg_message_builder_new(&options);
    g_autoptr(ExgMessage) original = NULL;
    g_assert_true(exg_message_builder_append(builder, content, strlen(content), NULL));
    exg_message_builder_finish_async(builder, keep, &original);

    g_autoptr(ExgMessage) wrapped = exg_store_wrap(
        original, "ann@example.com", "Exchange answered\r\nBcc: evil \xc3\xa9", 1795291445);
    g_autofree char *text = text_of(wrapped);
    g_assert_true(g_str_has_prefix(
        text, "From: exgate <postmaster@example.com>\r\nTo: <ann@example.com>\r\n"));
    g_assert_nonnull(strstr(text, "\r\nMessage-ID: <1@x>\r\n"));
    g_assert_nonnull(strstr(text, "\r\nDate: Sat, 21 Nov 2026 20:04:05 +0000\r\n"));
    g_assert_nonnull(strstr(text, "Exchange answered??Bcc: evil ??\r\n"));

    const char *attachment = strstr(text, "filename=\"original.eml\"\r\n\r\n");
    g_assert_nonnull(attachment);
    attachment = strstr(attachment, "\r\n\r\n") + 4;
    const char *end = strstr(attachment, "\r\n--=-exgate-");
    g_autofree char *base64 = g_strndup(attachment, (gsize)(end - attachment));
    gsize length;
    g_autofree guchar *decoded = g_base64_decode(base64, &length);
    g_assert_cmpmem(decoded, length, content, strlen(content));

    /* Plain ASCII, CRLF only, lines that no converter minds. */
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i + 1] != NULL; i++) {
        g_assert_cmpuint(strlen(lines[i]), <=, 79);
        g_assert_true(g_str_is_ascii(lines[i]));
        g_assert_true(g_str_has_suffix(lines[i], "\r"));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wrapping/form", test_form);
    return g_test_run();
}
