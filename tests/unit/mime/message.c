#include "common/mime/message.h"

#include "common/base/error.h"
#include "common/base/failpoint.h"

#include <glib/gstdio.h>
#include <string.h>

#define MIB ((gsize)1024 * 1024)

typedef struct {
    ExgEngine *engine;
    ExgWorkerPool *workers;
    char *directory;
    ExgMessageBuilder *builder; /* freed in `finished`, before the error is looked at */
    ExgMessage *message;
    GError *error;
    guint calls, ready;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    fixture->engine = exg_engine_new(&error);
    g_assert_no_error(error);
    fixture->workers = exg_worker_pool_new(fixture->engine, 2, 16);
    fixture->directory = g_dir_make_tmp("exgate-message-XXXXXX", &error);
    g_assert_no_error(error);
}

static void
forget(Fixture *fixture)
{
    g_clear_pointer(&fixture->builder, exg_message_builder_free);
    g_clear_pointer(&fixture->message, exg_message_unref);
    g_clear_error(&fixture->error);
    fixture->calls = fixture->ready = 0;
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    forget(fixture);
    exg_failpoint_configure(NULL);
    exg_worker_pool_free(fixture->workers);
    while (exg_engine_iterate(fixture->engine, false))
        ;
    exg_engine_unref(fixture->engine);
    g_assert_cmpint(g_rmdir(fixture->directory), ==, 0);
    g_free(fixture->directory);
}

static void
begin(Fixture *fixture, guint64 size_max, gsize memory_max)
{
    forget(fixture);
    ExgMessageOptions options = {.size_max = size_max,
                                 .memory_max = memory_max,
                                 .spool_directory = fixture->directory,
                                 .workers = fixture->workers};
    fixture->builder = exg_message_builder_new(&options);
}

static void
finished(ExgMessage *message, const GError *error, gpointer data)
{
    Fixture *fixture = data;
    fixture->calls++;
    fixture->message = message;
    g_clear_pointer(&fixture->builder, exg_message_builder_free);
    fixture->error = error != NULL ? g_error_copy(error) : NULL;
}

static void
finish(Fixture *fixture)
{
    gint64 give_up_us = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    exg_message_builder_finish_async(fixture->builder, finished, fixture);
    while (fixture->calls == 0) {
        g_assert_cmpint(g_get_monotonic_time(), <, give_up_us);
        exg_engine_iterate(fixture->engine, true);
    }
    g_assert_cmpuint(fixture->calls, ==, 1);
}

static void
append(Fixture *fixture, const char *content, gsize length)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(exg_message_builder_append(fixture->builder, content, length, &error));
    g_assert_no_error(error);
}

static void
build(Fixture *fixture, gsize memory_max, const char *content, gsize length, gsize piece)
{
    begin(fixture, G_MAXUINT64, memory_max);
    for (gsize used = 0; used < length; used += MIN(piece, length - used))
        append(fixture, content + used, MIN(piece, length - used));
    finish(fixture);
    g_assert_no_error(fixture->error);
    g_assert_nonnull(fixture->message);
}

static void
check_content(const ExgMessage *message, const char *content, gsize length)
{
    g_autofree char *buffer = g_malloc(length + 1);
    g_assert_cmpuint(exg_message_length(message), ==, length);
    g_assert_cmpint(exg_message_read(message, 0, buffer, length + 1, NULL), ==, (gssize)length);
    g_assert_cmpmem(buffer, length, content, length);
}

static void
check_digest(const ExgMessage *message, const char *content, gsize length)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    guint8 digest[EXG_MESSAGE_DIGEST_BYTES];
    gsize digest_length = sizeof digest;
    g_checksum_update(checksum, (const guchar *)content, (gssize)length);
    g_checksum_get_digest(checksum, digest, &digest_length);
    g_assert_cmpmem(exg_message_digest(message), EXG_MESSAGE_DIGEST_BYTES, digest, digest_length);
}

#define RECEIVED                                                                                   \
    "Received: from client.example by mta.example with ESMTP id 4abc;\r\n"                         \
    "\tSat, 21 Nov 2026 10:11:12 +0100 (CET)\r\n"                                                  \
    "Received: from elsewhere; Sat, 21 Nov 2026 09:00:00 +0100\r\n"
#define REST                                                                                       \
    "Message-ID: <1@client.example>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0100\r\nSubject: "         \
    "x\r\n\r\n"                                                                                    \
    "Body \xff\x80.\r\nReturn-Path: <in@the.body>\r\n"
#define PER_ATTEMPT                                                                                \
    "Delivered-To: User@Example.com\r\nX-Original-To: x@example.com\r\nEnvelope-To: "              \
    "y\r\nDelivery-Date: z\r\n"

static const char input[] = "Return-Path: <sender@\r\n example.com>\r\n" PER_ATTEMPT RECEIVED REST;
static const char carried[] = PER_ATTEMPT RECEIVED REST;
static const char hashed[] = RECEIVED REST;

static void
test_facts(Fixture *fixture, gconstpointer data)
{
    static const gsize pieces[] = {G_MAXSIZE, 100, 7, 1};
    static const gsize limits[] = {G_MAXSIZE, 100, 0};
    for (gsize i = 0; i < G_N_ELEMENTS(pieces); i++)
        for (gsize j = 0; j < G_N_ELEMENTS(limits); j++) {
            build(fixture, limits[j], input, strlen(input), pieces[i]);
            const ExgMessage *message = fixture->message;
            g_assert_true(exg_message_is_spooled(message) == (limits[j] < strlen(input)));
            check_content(message, carried, strlen(carried));
            check_digest(message, hashed, strlen(hashed));
            g_assert_cmpuint(exg_message_hops(message), ==, 2);
            g_assert_cmpint(exg_message_received_time(message), ==, 1795252272);
            g_assert_cmpstr(exg_message_id(message), ==, "<1@client.example>");
            g_assert_true(exg_message_has_date(message));
            g_assert_true(exg_message_was_delivered_to(message, "user@example.com"));
            g_assert_true(exg_message_was_delivered_to(message, "USER@EXAMPLE.COM."));
            g_assert_false(exg_message_was_delivered_to(message, "x@example.com"));
            g_assert_false(exg_message_was_delivered_to(message, "user"));
            g_assert_false(exg_message_was_delivered_to(message, ""));
        }
}

static void
test_without_facts(Fixture *fixture, gconstpointer data)
{
    static const char content[] = "\0only\r\n\0body\xff";
    build(fixture, G_MAXSIZE, content, sizeof content - 1, G_MAXSIZE);
    check_content(fixture->message, content, sizeof content - 1);
    check_digest(fixture->message, content, sizeof content - 1);
    g_assert_cmpuint(exg_message_hops(fixture->message), ==, 0);
    g_assert_cmpint(exg_message_received_time(fixture->message), ==, -1);
    g_assert_null(exg_message_id(fixture->message));
    g_assert_false(exg_message_has_date(fixture->message));
    g_assert_false(exg_message_was_delivered_to(fixture->message, "user@example.com"));

    build(fixture, 0, "", 0, G_MAXSIZE);
    check_content(fixture->message, "", 0);
    check_digest(fixture->message, "", 0);
    g_assert_false(exg_message_is_spooled(fixture->message));
}

static void
test_large(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GString) content = g_string_new("Subject: large\r\n\r\n");
    for (guint i = 0; content->len < 3 * MIB; i++)
        g_string_append_printf(content, "line %u\r\n", i);
    static const gsize limits[] = {G_MAXSIZE, MIB, 0};
    for (gsize i = 0; i < G_N_ELEMENTS(limits); i++) {
        build(fixture, limits[i], content->str, content->len, 16384);
        check_content(fixture->message, content->str, content->len);
        check_digest(fixture->message, content->str, content->len);
    }
    /* A line without an end is just bytes. */
    memset(content->str + 18, 'x', content->len - 18);
    build(fixture, MIB, content->str, content->len, 16384);
    check_content(fixture->message, content->str, content->len);
}

typedef struct {
    ExgMessage *message;
    const GString *content;
} Reader;

static gpointer
read_all(gpointer data)
{
    Reader *reader = data;
    char buffer[3000];
    guint64 offset = 0;
    gssize count;
    while ((count = exg_message_read(reader->message, offset, buffer, sizeof buffer, NULL)) > 0) {
        g_assert_cmpmem(buffer, count, reader->content->str + offset, count);
        offset += (guint64)count;
    }
    g_assert_cmpint(count, ==, 0);
    g_assert_cmpuint(offset, ==, reader->content->len);
    exg_message_unref(reader->message);
    return NULL;
}

static void
test_threads(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GString) content = g_string_new("\r\n");
    for (guint i = 0; content->len < MIB; i++)
        g_string_append_printf(content, "line %u\r\n", i);
    static const gsize limits[] = {G_MAXSIZE, 0};
    for (gsize i = 0; i < G_N_ELEMENTS(limits); i++) {
        build(fixture, limits[i], content->str, content->len, 16384);
        GThread *threads[4];
        Reader readers[4];
        for (gsize j = 0; j < G_N_ELEMENTS(threads); j++) {
            readers[j] = (Reader){exg_message_ref(fixture->message), content};
            threads[j] = g_thread_new("reader", read_all, &readers[j]);
        }
        g_clear_pointer(&fixture->message, exg_message_unref);
        for (gsize j = 0; j < G_N_ELEMENTS(threads); j++)
            g_thread_join(threads[j]);
    }
}

static void
test_too_large(Fixture *fixture, gconstpointer data)
{
    static const gsize limits[] = {G_MAXSIZE, 0};
    for (gsize i = 0; i < G_N_ELEMENTS(limits); i++) {
        begin(fixture, 10, limits[i]);
        append(fixture, "12345", 5);
        append(fixture, "67890", 5);
        finish(fixture);
        g_assert_no_error(fixture->error);
        check_content(fixture->message, "1234567890", 10);

        begin(fixture, 10, limits[i]);
        append(fixture, "12345", 5);
        for (guint j = 0; j < 3; j++) {
            g_autoptr(GError) error = NULL;
            g_assert_false(
                exg_message_builder_append(fixture->builder, "678901", j == 0 ? 6 : 1, &error));
            g_assert_error(error, EXG_ERROR, EXG_ERROR_TOO_LARGE);
        }
        g_assert_false(exg_message_builder_append(fixture->builder, "6", 1, NULL));
        g_assert_false(exg_message_builder_is_congested(fixture->builder, NULL, NULL));
        finish(fixture);
        g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_TOO_LARGE);
        g_assert_null(fixture->message);
    }
    /* Dropped fields count: they have been sent. */
    begin(fixture, 10, G_MAXSIZE);
    g_assert_false(exg_message_builder_append(fixture->builder, "Return-Path: <>\r\n", 17, NULL));
}

static void
is_ready(gpointer data)
{
    ((Fixture *)data)->ready++;
}

static void
test_disk_full(Fixture *fixture, gconstpointer data)
{
    g_autofree char *content = g_malloc0(2 * MIB);
    exg_failpoint_configure("spool-write=error");
    begin(fixture, G_MAXUINT64, 1000);
    append(fixture, content, 2 * MIB);
    g_assert_true(exg_message_builder_is_congested(fixture->builder, is_ready, fixture));
    gint64 give_up_us = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    while (fixture->ready == 0) {
        g_assert_cmpint(g_get_monotonic_time(), <, give_up_us);
        exg_engine_iterate(fixture->engine, true);
    }
    g_autoptr(GError) error = NULL;
    g_assert_false(exg_message_builder_append(fixture->builder, content, 10, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_RESOURCES);
    g_assert_nonnull(strstr(error->message, fixture->directory));
    finish(fixture);
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_RESOURCES);
    g_assert_cmpuint(fixture->ready, ==, 1);

    begin(fixture, G_MAXUINT64, 1000); /* it shows at the end only */
    append(fixture, content, 2000);
    finish(fixture);
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_RESOURCES);
    g_assert_nonnull(strstr(fixture->error->message, fixture->directory));
}

static void
test_free_early(Fixture *fixture, gconstpointer data)
{
    g_autofree char *content = g_malloc0(2 * MIB);
    exg_message_builder_free(NULL);
    exg_message_unref(NULL);
    begin(fixture, G_MAXUINT64, G_MAXSIZE);
    append(fixture, input, 30);
    begin(fixture, G_MAXUINT64, 1000); /* frees the one before */
    exg_failpoint_configure("spool-write=delay:30");
    append(fixture, content, 2 * MIB);
    g_assert_true(exg_message_builder_is_congested(fixture->builder, is_ready, fixture));
    begin(fixture, G_MAXUINT64, 1000);
    append(fixture, content, 2 * MIB);
    exg_message_builder_finish_async(fixture->builder, finished, fixture);
    g_assert_cmpuint(fixture->calls, ==, 0);
    g_clear_pointer(&fixture->builder, exg_message_builder_free);
    g_clear_pointer(&fixture->workers, exg_worker_pool_free);
    while (exg_engine_iterate(fixture->engine, false))
        ;
    g_assert_cmpuint(fixture->calls, ==, 0);
    g_assert_cmpuint(fixture->ready, ==, 0);
}

static void
test_speed(Fixture *fixture, gconstpointer data)
{
    g_autofree char *content = g_malloc(25 * MIB);
    memset(content, 'x', 25 * MIB);
    memcpy(content, "A: b\r\n\r\n", 8);
    g_test_timer_start();
    for (guint i = 0; i < 20; i++)
        build(fixture, G_MAXSIZE, content, 25 * MIB, 65536);
    double rate = 20 * 25 * 1.048576 / g_test_timer_elapsed();
    g_test_maximized_result(rate, "%.0f MB/s", rate);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function)                                                                        \
    g_test_add("/mime/message/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("facts", test_facts);
    ADD("without-facts", test_without_facts);
    ADD("large", test_large);
    ADD("threads", test_threads);
    ADD("too-large", test_too_large);
    ADD("disk-full", test_disk_full);
    ADD("free-early", test_free_early);
    if (g_test_perf())
        ADD("speed", test_speed);
    return g_test_run();
}
