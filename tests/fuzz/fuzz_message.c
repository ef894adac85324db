/* A message: however its content is cut, the same message, with only Return-Path missing. */
#include "common/mime/message.h"
#include "common/store/delivery-key.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
finished(ExgMessage *message, const GError *error, gpointer data)
{
    g_assert_no_error(error);
    *(ExgMessage **)data = message;
}

/* In memory, so neither an engine nor workers are needed. */
static ExgMessage *
build(const char *content, gsize length, gsize piece)
{
    ExgMessageOptions options = {
        .size_max = length, .memory_max = length, .spool_directory = "/nonexistent"};
    g_autoptr(ExgMessageBuilder) builder = exg_message_builder_new(&options);
    ExgMessage *message = NULL;
    for (gsize used = 0; used < length; used += MIN(piece, length - used))
        g_assert_true(
            exg_message_builder_append(builder, content + used, MIN(piece, length - used), NULL));
    exg_message_builder_finish_async(builder, finished, &message);
    g_assert_nonnull(message);
    return message;
}

static char *
content_of(const ExgMessage *message)
{
    guint64 length = exg_message_length(message);
    char *content = g_malloc(length + 1);
    g_assert_cmpint(exg_message_read(message, 0, content, length + 1, NULL), ==, (gssize)length);
    return content;
}

static void
check_same(const ExgMessage *a, const ExgMessage *b)
{
    g_autofree char *content_a = content_of(a);
    g_autofree char *content_b = content_of(b);
    g_assert_cmpmem(content_a, exg_message_length(a), content_b, exg_message_length(b));
    g_assert_cmpmem(exg_message_digest(a), EXG_MESSAGE_DIGEST_BYTES, exg_message_digest(b),
                    EXG_MESSAGE_DIGEST_BYTES);
    g_assert_cmpuint(exg_message_hops(a), ==, exg_message_hops(b));
    g_assert_cmpint(exg_message_received_time(a), ==, exg_message_received_time(b));
    g_assert_cmpstr(exg_message_id(a), ==, exg_message_id(b));
    g_assert_true(exg_message_has_date(a) == exg_message_has_date(b));
    g_assert_true(exg_message_was_delivered_to(a, "a@b") == exg_message_was_delivered_to(b, "a@b"));
}

static void
check_facts(const ExgMessage *message)
{
    const char *id = exg_message_id(message);
    g_assert_true(id == NULL ||
                  (strlen(id) <= 998 && g_utf8_validate(id, -1, NULL) && id[0] == '<'));
    g_assert_cmpint(exg_message_received_time(message), >=, -1);
    g_autofree char *key = exg_delivery_key_new("a@b", message, "c");
    g_assert_cmpuint(strlen(key), ==, 67);
}

/* The content as the end of a Received field. */
static void
check_date(const char *content, gsize length)
{
    static const char field[] = "Received: x;";
    gsize total = sizeof field - 1 + length;
    g_autofree char *received = g_malloc(total);
    memcpy(received, field, sizeof field - 1);
    memcpy(received + sizeof field - 1, content, length);
    g_autoptr(ExgMessage) whole = build(received, total, total);
    g_autoptr(ExgMessage) bytes = build(received, total, 1);
    check_same(whole, bytes);
    g_assert_cmpuint(exg_message_hops(whole), >=, 1);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    if (size == 0)
        return 0;
    const char *content = (const char *)data + 1;
    gsize length = size - 1;
    g_autoptr(ExgMessage) whole = build(content, length, length);
    g_autoptr(ExgMessage) bytes = build(content, length, 1);
    g_autoptr(ExgMessage) pieces = build(content, length, data[0] + 1u);
    check_same(whole, bytes);
    check_same(whole, pieces);
    check_facts(whole);

    /* What is left passes unchanged: there is no second Return-Path to drop. */
    g_autofree char *carried = content_of(whole);
    gsize carried_length = exg_message_length(whole);
    g_assert_cmpuint(carried_length, <=, length);
    if (carried_length == length)
        g_assert_cmpmem(carried, carried_length, content, length);

    /* Fields that an MTA adds in front at each attempt change neither digest nor facts. (An mbox
     * line is one only in front, and what continues a field would continue ours.) */
    if (length > 0 && strchr(" \tF", content[0]) == NULL) {
        static const char added[] = "Return-Path: <x@y>\r\nX-Original-To:\r\n z\r\n";
        gsize total = sizeof added - 1 + length;
        g_autofree char *longer = g_malloc(total);
        memcpy(longer, added, sizeof added - 1);
        memcpy(longer + sizeof added - 1, content, length);
        g_autoptr(ExgMessage) again = build(longer, total, data[0] + 1u);
        g_assert_cmpmem(exg_message_digest(again), EXG_MESSAGE_DIGEST_BYTES,
                        exg_message_digest(whole), EXG_MESSAGE_DIGEST_BYTES);
        g_assert_cmpuint(exg_message_hops(again), ==, exg_message_hops(whole));
        g_assert_cmpstr(exg_message_id(again), ==, exg_message_id(whole));
    }

    check_date(content, length);
    return 0;
}
