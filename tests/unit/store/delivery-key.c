#include "common/store/delivery-key.h"

#include <string.h>

#define WITH_RECEIVED                                                                              \
    "Received: by mta.example; Sat, 21 Nov 2026 10:11:12 +0100\r\nSubject: x\r\n\r\ny\r\n"
#define WITHOUT_RECEIVED "Subject: x\r\n\r\ny\r\n"

static void
finished(ExgMessage *message, const GError *error, gpointer data)
{
    g_assert_no_error(error);
    *(ExgMessage **)data = message;
}

/* In memory, so neither an engine nor workers are needed. */
static ExgMessage *
message_of(const char *content)
{
    ExgMessageOptions options = {
        .size_max = 1000, .memory_max = 1000, .spool_directory = "/nonexistent"};
    g_autoptr(ExgMessageBuilder) builder = exg_message_builder_new(&options);
    ExgMessage *message = NULL;
    g_assert_true(exg_message_builder_append(builder, content, strlen(content), NULL));
    exg_message_builder_finish_async(builder, finished, &message);
    g_assert_nonnull(message);
    return message;
}

static char *
key_of(const char *recipient, const char *content, const char *queue_id)
{
    g_autoptr(ExgMessage) message = message_of(content);
    char *key = exg_delivery_key_new(recipient, message, queue_id);
    g_assert_cmpuint(strlen(key), ==, 67);
    g_assert_true(g_str_has_prefix(key, "v1:"));
    g_assert_cmpuint(strspn(key + 3, "0123456789abcdef"), ==, 64);
    return key;
}

static void
check_same(const char *recipient, const char *content, const char *queue_id, const char *expected)
{
    g_autofree char *key = key_of(recipient, content, queue_id);
    g_assert_cmpstr(key, ==, expected);
}

static void
check_other(const char *recipient, const char *content, const char *queue_id, const char *other)
{
    g_autofree char *key = key_of(recipient, content, queue_id);
    g_assert_cmpstr(key, !=, other);
}

static void
test_identity(void)
{
    g_autofree char *key = key_of("user@example.com", WITH_RECEIVED, NULL);
    check_same("User@EXAMPLE.com", WITH_RECEIVED, NULL, key);
    check_same("user@example.com.", WITH_RECEIVED, NULL, key);
    check_other("other@example.com", WITH_RECEIVED, NULL, key);
    check_other("user@example.com", WITH_RECEIVED "z", NULL, key);
    check_other("user@example.com", WITHOUT_RECEIVED, NULL, key);
    /* what an MTA adds anew at each attempt */
    check_same("user@example.com",
               "Return-Path: <a@b>\r\nDelivered-To: user@example.com\r\n" WITH_RECEIVED, NULL, key);
    check_same("user@example.com",
               "X-Original-To: c\r\nEnvelope-To: d\r\nDelivery-Date: e\r\n" WITH_RECEIVED, NULL,
               key);
    /* a second submission of the same bytes has another trace */
    check_other("user@example.com",
                "Received: again; Sat, 21 Nov 2026 10:12:00 +0100\r\n" WITH_RECEIVED, NULL, key);
}

static void
test_queue_id(void)
{
    g_autofree char *traced = key_of("user@example.com", WITH_RECEIVED, NULL);
    check_same("user@example.com", WITH_RECEIVED, "4abc", traced);
    g_autofree char *bare = key_of("user@example.com", WITHOUT_RECEIVED, NULL);
    g_autofree char *queued = key_of("user@example.com", WITHOUT_RECEIVED, "4abc");
    g_assert_cmpstr(bare, !=, queued);
    check_same("user@example.com", WITHOUT_RECEIVED, "4abc", queued);
    check_same("user@example.com", WITHOUT_RECEIVED, "", bare);
    check_other("user@example.com", WITHOUT_RECEIVED, "4abd", queued);
}

/* The key lies in mailboxes and journals: another program version has to make the same one. */
static void
test_stable(void)
{
    g_autoptr(GChecksum) content = g_checksum_new(G_CHECKSUM_SHA256);
    g_autoptr(GChecksum) key = g_checksum_new(G_CHECKSUM_SHA256);
    guint8 digest[32];
    gsize length = sizeof digest;
    g_checksum_update(content, (const guchar *)WITHOUT_RECEIVED, -1);
    g_checksum_get_digest(content, digest, &length);
    g_checksum_update(key, (const guchar *)"user@example.com", 17);
    g_checksum_update(key, digest, 32);
    g_checksum_update(key, (const guchar *)"4abc", 4);
    g_autofree char *expected = g_strconcat("v1:", g_checksum_get_string(key), NULL);
    check_same("User@Example.Com", WITHOUT_RECEIVED, "4abc", expected);
    check_same("user@example.com", "\r\n", NULL,
               "v1:fba4cd5a81e48c06808c1f902ba48b1df039398f222514c73224ca31ade9930e");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/delivery-key/identity", test_identity);
    g_test_add_func("/store/delivery-key/queue-id", test_queue_id);
    g_test_add_func("/store/delivery-key/stable", test_stable);
    return g_test_run();
}
