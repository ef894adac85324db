#include "tests/exchange-sim/mailbox.h"

#include "tests/exchange-sim/directory.h"
#include "tests/exchange-sim/property.h"
#include "tests/lib/scratch.h"

#include <glib/gstdio.h>
#include <string.h>

static const char message[] =
    "From: Ann <ann@example.org>\r\nMessage-ID: <1@example.org>\r\n"
    "Subject: one\r\n\ttwo\r\nDate: Sat, 21 Nov 2026 20:04:05 +0100\r\n\r\nbody\0more\r\n";
#define MESSAGE_LENGTH (sizeof message - 1)

static ExgSimItem *
new_item(void)
{
    ExgSimItem *item = exg_sim_item_new();
    item->item_class = g_strdup("IPM.Note");
    item->account = g_strdup("svc");
    item->client_request_id = g_strdup("a%b\n\x01=c");
    item->delivered = 1795291445;
    exg_sim_item_add_property(item, EXG_SIM_DELIVERY_KEY, "String", "v1:abc");
    exg_sim_item_add_property(item, "0x0e07", "Integer", "0");
    exg_sim_item_add_property(item, "internetheaders/X-A b", "String", "value with spaces = %41\n");
    exg_sim_item_read_header(item, message, MESSAGE_LENGTH);
    return item;
}

static ExgSimItem *
store(ExgSimMailbox *mailbox, const char *folder)
{
    g_autoptr(GError) error = NULL;
    ExgSimItem *item = exg_sim_mailbox_store(mailbox, exg_sim_folder_find(folder), new_item(),
                                             message, MESSAGE_LENGTH, &error);
    g_assert_no_error(error);
    return item;
}

static void
check_item(const ExgSimMailbox *mailbox, const ExgSimItem *item)
{
    g_assert_cmpstr(item->subject, ==, "one\ttwo");
    g_assert_cmpstr(item->message_id, ==, "<1@example.org>");
    g_assert_cmpstr(item->client_request_id, ==, "a%b\n\x01=c");
    g_assert_cmpint(item->delivered, ==, 1795291445);
    g_assert_cmpint(item->sent, ==, 1795287845);
    g_assert_cmpstr(exg_sim_item_property(item, EXG_SIM_DELIVERY_KEY), ==, "v1:abc");
    g_assert_cmpstr(exg_sim_item_property(item, "internetheaders/X-A b"), ==,
                    "value with spaces = %41\n");
    g_assert_cmpuint(item->size_bytes, ==, MESSAGE_LENGTH);
    g_autoptr(GBytes) content = exg_sim_mailbox_content(mailbox, item);
    g_autoptr(GBytes) expected = g_bytes_new_static(message, MESSAGE_LENGTH);
    g_assert_true(g_bytes_equal(content, expected));
}

static void
test_stored(void)
{
    char *state = test_scratch_new();
    g_autoptr(GError) error = NULL;
    const ExgSimFolder *inbox = exg_sim_folder_find("inbox");
    g_autoptr(ExgSimMailbox) mailbox = exg_sim_mailbox_new("Ann@Example.com");
    g_assert_true(exg_sim_mailbox_load(mailbox, state, &error));
    store(mailbox, "inbox");
    ExgSimItem *second = store(mailbox, "inbox");
    store(mailbox, "drafts");
    g_assert_cmpuint(exg_sim_mailbox_count(mailbox, inbox), ==, 2);
    g_assert_cmpuint(exg_sim_mailbox_count_unread(mailbox, inbox), ==, 2);
    g_assert_cmpuint(mailbox->used_bytes, ==, 3 * MESSAGE_LENGTH);
    check_item(mailbox, second);

    /* What a killed simulator leaves: an item whose message never got its name, and a half-written file. */
    g_autofree char *orphan = g_build_filename(state, "inbox", "000003.item", NULL);
    g_autofree char *half = g_build_filename(state, "inbox", ".000003.eml.tmp", NULL);
    g_assert_true(g_file_set_contents(orphan, "item_id=x\n", -1, &error));
    g_assert_true(g_file_set_contents(half, "half", -1, &error));

    g_autoptr(ExgSimMailbox) again = exg_sim_mailbox_new("ann@example.com");
    g_assert_true(exg_sim_mailbox_load(again, state, &error));
    g_assert_no_error(error);
    g_assert_false(g_file_test(orphan, G_FILE_TEST_EXISTS));
    g_assert_false(g_file_test(half, G_FILE_TEST_EXISTS));
    g_assert_cmpuint(exg_sim_mailbox_count(again, inbox), ==, 2);
    const ExgSimItem *reloaded = exg_sim_mailbox_find(again, inbox, 2);
    g_assert_cmpstr(reloaded->id, ==, second->id);
    g_assert_cmpstr(reloaded->change_key, ==, second->change_key);
    check_item(again, reloaded);
    g_assert_cmpuint(store(again, "inbox")->number, ==, 3);
    test_scratch_free(state);
}

static void
test_in_memory(void)
{
    g_autoptr(ExgSimMailbox) mailbox = exg_sim_mailbox_new("ann@example.com");
    check_item(mailbox, store(mailbox, "inbox"));
}

static void
test_damaged(void)
{
    char *state = test_scratch_new();
    g_autofree char *inbox = g_build_filename(state, "inbox", NULL);
    g_autofree char *item = g_build_filename(inbox, "000001.item", NULL);
    g_autofree char *content = g_build_filename(inbox, "000001.eml", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgSimMailbox) mailbox = exg_sim_mailbox_new("ann@example.com");
    g_assert_cmpint(g_mkdir(inbox, 0755), ==, 0);
    g_assert_true(g_file_set_contents(content, "x", -1, &error));
    g_assert_true(g_file_set_contents(item, "folder=drafts\n", -1, &error));
    g_assert_false(exg_sim_mailbox_load(mailbox, state, &error));
    g_assert_nonnull(strstr(error->message, "000001.item"));
    test_scratch_free(state);
}

/* Every cut of a description is an item or nothing. */
static void
test_cut_description(void)
{
    g_autoptr(ExgSimMailbox) mailbox = exg_sim_mailbox_new("ann@example.com");
    g_autofree char *text = exg_sim_item_to_text(store(mailbox, "inbox"), mailbox->address);
    guint items = 0;
    for (gsize length = 0; length <= strlen(text); length++) {
        g_autofree char *cut = g_strndup(text, length);
        g_autoptr(ExgSimItem) item = exg_sim_item_from_text(cut);
        items += item != NULL;
    }
    g_assert_cmpuint(items, >, 10);
    g_assert_cmpuint(items, <, strlen(text));
}

static void
test_ids(void)
{
    const ExgSimFolder *inbox = exg_sim_folder_find("inbox"), *folder;
    g_autofree char *id = exg_sim_id_new("ann@example.com", inbox, 42);
    g_autofree char *address = NULL;
    guint number;
    g_assert_true(exg_sim_id_parse(id, &address, &folder, &number));
    g_assert_cmpstr(address, ==, "ann@example.com");
    g_assert_true(folder == inbox);
    g_assert_cmpuint(number, ==, 42);
    for (gsize length = 0; length < strlen(id); length++) {
        g_autofree char *cut = g_strndup(id, length);
        g_autofree char *found = NULL;
        if (exg_sim_id_parse(cut, &found, &folder, &number))
            g_assert_cmpuint(number, ==, 4);
    }
    g_assert_false(exg_sim_id_parse("AAMkAD=", &address, &folder, &number));
    g_assert_false(exg_sim_id_parse("", &address, &folder, &number));
}

static void
test_directory(void)
{
    static const char *const bad[] = {"ann",
                                      "@example.com",
                                      "a/b@example.com",
                                      "x@example.com quota=much",
                                      "x@example.com type=Person",
                                      "x@example.com colour=red",
                                      "x@example.com name=\"",
                                      "Ann@example.com",
                                      "x@example.com alias=ann@example.com"};
    g_autoptr(ExgSimDirectory) directory = exg_sim_directory_new(NULL);
    g_autoptr(GError) error = NULL;
    g_assert_true(exg_sim_directory_add(
        directory,
        "ann@example.com name=\"Ann Other\" alias=a@example.com,A.Other@example.com quota=100",
        &error));
    g_assert_true(exg_sim_directory_add(
        directory, "anna@example.com display name=\"Anna B.\" sid=S-1-5 # more", &error));
    g_assert_true(
        exg_sim_directory_add(directory, "list@example.com type=PublicDL hidden", &error));
    g_assert_true(exg_sim_directory_add(directory, "  # nothing", &error));
    g_assert_no_error(error);
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(exg_sim_directory_add(directory, bad[i], &error));
        g_clear_error(&error);
    }
    g_assert_cmpuint(exg_sim_directory_count(directory), ==, 3);
    ExgSimMailbox *ann = exg_sim_directory_find(directory, "A.OTHER@EXAMPLE.COM");
    g_assert_cmpstr(ann->address, ==, "ann@example.com");
    g_assert_cmpstr(exg_sim_directory_find_sid(directory, "s-1-5")->display_name, ==, "Anna B.");

    static const struct {
        const char *entry;
        guint count;
    } searches[] = {{"smtp:ann", 2}, {"smtp:ann@", 1}, {"smtp:a.other@example.com", 1},
                    {"Other", 1},    {"ANN", 2},       {"smtp:Other", 0},
                    {"list", 0},     {"nobody", 0},    {"smtp:", 0}};
    for (guint i = 0; i < G_N_ELEMENTS(searches); i++) {
        g_autoptr(GPtrArray) found = exg_sim_directory_resolve(directory, searches[i].entry);
        g_test_message("%s", searches[i].entry);
        g_assert_cmpuint(found->len, ==, searches[i].count);
    }
    g_assert_true(exg_sim_directory_remove(directory, "a@example.com"));
    g_assert_null(exg_sim_directory_find(directory, "ann@example.com"));
    g_assert_false(exg_sim_directory_remove(directory, "ann@example.com"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/exchange-sim/mailbox/stored", test_stored);
    g_test_add_func("/exchange-sim/mailbox/in-memory", test_in_memory);
    g_test_add_func("/exchange-sim/mailbox/damaged", test_damaged);
    g_test_add_func("/exchange-sim/mailbox/cut-description", test_cut_description);
    g_test_add_func("/exchange-sim/mailbox/ids", test_ids);
    g_test_add_func("/exchange-sim/mailbox/directory", test_directory);
    return g_test_run();
}
