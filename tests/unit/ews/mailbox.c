#include "common/ews/mailbox-private.h"

#include "common/base/error.h"

#include <string.h>

#define T "xmlns=\"http://schemas.microsoft.com/exchange/services/2006/types\""

static ExgEwsMailbox *
read_mailbox(const char *inside)
{
    static const ExgXmlLimits limits = {.total_bytes = 4096, .depth = 8, .attributes = 8};
    g_autofree char *text = g_strdup_printf("<x %s>%s</x>", T, inside);
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgXmlTree) tree = exg_xml_tree_parse(text, strlen(text), &limits, 100, &error);
    g_assert_no_error(error);
    return exg_ews_mailbox_read(exg_xml_tree_root(tree));
}

static void
test_read(void)
{
    g_autoptr(ExgEwsMailbox) full = read_mailbox(
        "<Name>Ann</Name><EmailAddress>a@example.com</EmailAddress><RoutingType>EX</RoutingType>"
        "<MailboxType>GroupMailbox</MailboxType><ItemId Id=\"I\" ChangeKey=\"C\"/>");
    g_assert_cmpstr(full->name, ==, "Ann");
    g_assert_cmpstr(full->address, ==, "a@example.com");
    g_assert_cmpstr(full->routing_type, ==, "EX");
    g_assert_cmpstr(full->type, ==, "GroupMailbox");
    g_assert_cmpstr(full->item_id, ==, "I");
    g_autoptr(ExgEwsMailbox) bare = read_mailbox("<EmailAddress>a@example.com</EmailAddress>");
    g_assert_cmpstr(bare->name, ==, "");
    g_assert_cmpstr(bare->routing_type, ==, "SMTP");
    g_assert_cmpstr(bare->type, ==, "Mailbox");
    g_assert_cmpstr(bare->item_id, ==, "");
    g_assert_null(read_mailbox("<RoutingType>SMTP</RoutingType>"));
    g_assert_null(exg_ews_mailbox_read(NULL));
}

static ExgEwsMailbox *
mailbox_with_id(const char *address, const char *item_id)
{
    ExgEwsMailbox *mailbox = exg_ews_mailbox_new(address, NULL);
    g_free(mailbox->item_id);
    mailbox->item_id = g_strdup(item_id);
    return mailbox;
}

static void
test_equal(void)
{
    g_autoptr(ExgEwsMailbox) a = exg_ews_mailbox_new("Ann@Example.com", NULL);
    g_autoptr(ExgEwsMailbox) same = exg_ews_mailbox_new("ann@example.COM", "PublicDL");
    g_autoptr(ExgEwsMailbox) b = exg_ews_mailbox_new("bob@example.com", NULL);
    g_autoptr(ExgEwsMailbox) first = mailbox_with_id("ann@example.com", "1");
    g_autoptr(ExgEwsMailbox) first_too = mailbox_with_id("other@example.com", "1");
    g_autoptr(ExgEwsMailbox) second = mailbox_with_id("ann@example.com", "2");
    g_autoptr(ExgEwsMailbox) nobody = exg_ews_mailbox_new(NULL, NULL);
    g_autoptr(ExgEwsMailbox) copy = exg_ews_mailbox_copy(second);
    g_assert_true(exg_ews_mailbox_equal(a, same));
    g_assert_false(exg_ews_mailbox_equal(a, b));
    g_assert_true(exg_ews_mailbox_equal(a, first));
    g_assert_true(exg_ews_mailbox_equal(first, first_too));
    g_assert_false(exg_ews_mailbox_equal(first, second));
    g_assert_true(exg_ews_mailbox_equal(copy, second));
    g_assert_false(exg_ews_mailbox_equal(nobody, nobody));
}

static void
test_check(void)
{
    g_autoptr(ExgEwsMailbox) good = exg_ews_mailbox_new("a@example.com", NULL);
    g_autoptr(ExgEwsMailbox) by_id = mailbox_with_id(NULL, "1");
    g_autoptr(ExgEwsMailbox) one_off = exg_ews_mailbox_new(NULL, "OneOff");
    g_autoptr(ExgEwsMailbox) nobody = exg_ews_mailbox_new("", "PublicDL");
    g_autoptr(GError) error = NULL;
    g_assert_true(exg_ews_mailbox_check(good, NULL));
    g_assert_true(exg_ews_mailbox_check(by_id, NULL));
    g_assert_true(exg_ews_mailbox_check(one_off, NULL));
    g_assert_false(exg_ews_mailbox_check(nobody, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
}

/* Counted in characters, not in bytes. */
static void
test_lengths(void)
{
    g_autofree char *id = g_strnfill(EXG_EWS_MAX_ID_CHARACTERS + 1, 'x');
    GString *text = g_string_new(NULL);
    for (guint i = 0; i <= EXG_EWS_MAX_TEXT_CHARACTERS; i++)
        g_string_append(text, "\xc3\xbc");
    g_autofree char *address = g_string_free(text, FALSE);
    g_autoptr(ExgEwsMailbox) long_address = exg_ews_mailbox_new(address, NULL);
    g_autoptr(ExgEwsMailbox) fitting_address = exg_ews_mailbox_new(address + 2, NULL);
    g_autoptr(ExgEwsMailbox) long_id = mailbox_with_id(NULL, id);
    g_autoptr(ExgEwsMailbox) fitting_id = mailbox_with_id(NULL, id + 1);
    const ExgEwsMailbox *const bad[] = {long_address, long_id};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(exg_ews_mailbox_check(bad[i], &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
        g_assert_nonnull(strstr(error->message, i == 0 ? "256" : "513"));
    }
    g_assert_true(exg_ews_mailbox_check(fitting_address, NULL));
    g_assert_true(exg_ews_mailbox_check(fitting_id, NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/mailbox/B9.2-read", test_read);
    g_test_add_func("/ews/mailbox/B9.2-equal", test_equal);
    g_test_add_func("/ews/mailbox/B9.2-check", test_check);
    g_test_add_func("/ews/mailbox/B9.4-lengths", test_lengths);
    return g_test_run();
}
