/* Lists of addresses: what is read, what is refused and how it is told, cut at every byte. */
#include "common/base/error.h"
#include "common/directory/recipient-list.h"
#include "tests/lib/scratch.h"

#include <string.h>

static bool
append(const ExgRecipientLine *line, gpointer data, GError **error)
{
    exg_recipient_list_write(data, line);
    return true;
}

static void
reading(void)
{
    static const char text[] = "\xef\xbb\xbf# with a mark in front\n"
                               "\n"
                               "Ann@Example.COM\r\n"
                               "  all@example.com \t group  \n"
                               "# bob@example.com\n"
                               "bob@example.com\tmailbox\t2026-11-22T10:30:00+01:00\n"
                               "\xc3\xa4nne@ex\xc3\xa4mple.com nobody 2026-11-22T09:30:00Z";
    g_autoptr(GString) read = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    g_assert_true(exg_recipient_list_read(text, strlen(text), append, read, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(read->str, ==,
                    "ann@example.com\n"
                    "all@example.com\tgroup\n"
                    "bob@example.com\tmailbox\t2026-11-22T09:30:00Z\n"
                    "\xc3\xa4nne@ex\xc3\xa4mple.com\tnobody\t2026-11-22T09:30:00Z\n");
    /* What is written is read as the same. */
    g_autoptr(GString) again = g_string_new(NULL);
    g_assert_true(exg_recipient_list_read(read->str, read->len, append, again, NULL));
    g_assert_cmpstr(again->str, ==, read->str);
}

static void
refusals(void)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"ann", "line 1: an address such as ann@example.com is expected"},
        {"a@b.test\n@b.test", "line 2: an address"},
        {"a@", "line 1: an address"},
        {"a@b..test", "line 1: an address"},
        {"a@b.test boss", "line 1: mailbox, group, contact, public-folder or nobody"},
        {"a@b.test unknown", "line 1: mailbox, group"},
        {"\n\na@b.test mailbox yesterday", "line 3: a time such as"},
        {"a@b.test mailbox 1969-01-01T00:00:00Z", "line 1: a time"},
        {"a@b.test mailbox 2026-11-22T09:30:00Z more", "line 1: there is more behind the time"},
        {"a@b.test \xff", "line 1: it is not text in UTF-8"},
        {"\001@b.test", "line 1: an address"},
        {"\xef\xbb\xbf\xef\xbb\xbf"
         "a@b.test",
         "line 1: an address"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) read = g_string_new(NULL);
        g_autoptr(GError) error = NULL;
        g_assert_false(
            exg_recipient_list_read(rows[i].text, strlen(rows[i].text), append, read, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
        if (!g_str_has_prefix(error->message, rows[i].message))
            g_error("row %u: %s", i, error->message);
    }
    g_autoptr(GString) read = g_string_new(NULL);
    g_assert_false(exg_recipient_list_read("a@b\0c", 5, append, read, NULL));
}

static void
limits(void)
{
    for (guint over = 0; over < 2; over++) {
        g_autofree char *local = g_strnfill(
            EXG_RECIPIENT_LIST_MAX_ADDRESS - strlen("@b.test") + over, 'a');
        g_autofree char *address = g_strconcat(local, "@b.test", NULL);
        g_autofree char *padding = g_strnfill(EXG_RECIPIENT_LIST_MAX_LINE - 7 + over, ' ');
        g_autofree char *line = g_strconcat("a@b.test\n", padding, "a@b.test" + 1, "\n", NULL);
        g_autoptr(GString) read = g_string_new(NULL);
        g_autoptr(GError) error = NULL;
        g_assert_true(exg_recipient_list_read(address, strlen(address), append, read, NULL) ==
                      (over == 0));
        exg_recipient_list_read(line, strlen(line), append, read, &error);
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
        g_assert_true((g_strstr_len(error->message, -1, "longer than") != NULL) == (over == 1));
    }
}

/* However it is cut: no line is taken for another, and it ends. */
static void
cuts(void)
{
    static const char text[] = "# list\na@b.test\tgroup\t2026-11-22T09:30:00Z\r\nb@c.test nobody\n";
    for (gsize length = 0; length <= strlen(text); length++) {
        g_autofree char *part = g_memdup2(text, length + 1); /* its own block, for the sanitizer */
        g_autoptr(GString) read = g_string_new(NULL);
        bool good = exg_recipient_list_read(part, length, append, read, NULL);
        if (good && read->len > 0)
            g_assert_true(g_str_has_prefix(read->str, "a@b"));
    }
}

static void
files(void)
{
    char *directory = test_scratch_new();
    g_autofree char *path = g_build_filename(directory, "list", NULL);
    g_autofree char *text = NULL;
    gsize length = 0;
    g_autoptr(GError) error = NULL;
    g_assert_false(exg_recipient_list_load(path, &text, &length, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_nonnull(strstr(error->message, path));
    g_clear_error(&error);
    g_assert_false(exg_recipient_list_load(directory, &text, &length, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_true(g_file_set_contents(path, "a@b.test\n", -1, NULL));
    g_assert_true(exg_recipient_list_load(path, &text, &length, NULL));
    g_assert_cmpmem(text, length, "a@b.test\n", 9);
    test_scratch_free(directory);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/recipient-list/reading", reading);
    g_test_add_func("/recipient-list/refusals", refusals);
    g_test_add_func("/recipient-list/limits", limits);
    g_test_add_func("/recipient-list/cuts", cuts);
    g_test_add_func("/recipient-list/files", files);
    return g_test_run();
}
