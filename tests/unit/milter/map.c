/* The same answer in the words of each kind of table. */
#include "milter/map.h"

#include <string.h>

static const ExgMapAnswer not_ours = {.outcome = EXG_MAP_NOT_OURS};
static const ExgMapAnswer good = {.outcome = EXG_MAP_GOOD};
static const ExgMapAnswer unknown = {EXG_MAP_UNKNOWN, 550, "5.1.1", "No such user"};
static const ExgMapAnswer refused = {EXG_MAP_REFUSED, 550, "5.7.1", "Not from you"};
static const ExgMapAnswer deferred = {EXG_MAP_DEFERRED, 452, "4.2.2", "Mailbox full"};
static const ExgMapAnswer unsure = {EXG_MAP_UNSURE, 451, "4.4.1", "Later"};

static void
test_tables(void)
{
    static const struct {
        const ExgMapAnswer *answer;
        struct {
            ExgMapStatus status;
            const char *text;
        } expected[EXG_N_MAPS];
        const char *action;
    } rows[] = {
        {&not_ours,
         {{EXG_MAP_NOT_FOUND, ""}, {EXG_MAP_NOT_FOUND, ""}, {EXG_MAP_NOT_FOUND, ""}},
         "DUNNO"},
        {&good,
         {{EXG_MAP_FOUND, "DUNNO"}, {EXG_MAP_NOT_FOUND, ""}, {EXG_MAP_NOT_FOUND, ""}},
         "DUNNO"},
        {&unknown,
         {{EXG_MAP_NOT_FOUND, ""},
          {EXG_MAP_FOUND, "550 5.1.1 No such user"},
          {EXG_MAP_FOUND, "ERROR:5.1.1:\"550 No such user\""}},
         "550 5.1.1 No such user"},
        {&refused,
         {{EXG_MAP_FOUND, "DUNNO"},
          {EXG_MAP_FOUND, "550 5.7.1 Not from you"},
          {EXG_MAP_FOUND, "ERROR:5.7.1:\"550 Not from you\""}},
         "550 5.7.1 Not from you"},
        {&deferred,
         {{EXG_MAP_FOUND, "DUNNO"},
          {EXG_MAP_FOUND, "452 4.2.2 Mailbox full"},
          {EXG_MAP_FOUND, "ERROR:4.2.2:\"452 Mailbox full\""}},
         "452 4.2.2 Mailbox full"},
        {&unsure,
         {{EXG_MAP_TEMPORARY, "Later"},
          {EXG_MAP_FOUND, "DEFER_IF_PERMIT 4.4.1 Later"},
          {EXG_MAP_FOUND, "ERROR:4.4.1:\"451 Later\""}},
         "DEFER_IF_PERMIT 4.4.1 Later"},
    };
    g_autoptr(GString) text = g_string_new("what was there");
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (guint kind = 0; kind < EXG_N_MAPS; kind++) {
            g_assert_cmpint(exg_map_look_up(kind, rows[i].answer, text), ==,
                            rows[i].expected[kind].status);
            g_assert_cmpstr(text->str, ==, rows[i].expected[kind].text);
        }
        exg_map_action(rows[i].answer, text);
        g_assert_cmpstr(text->str, ==, rows[i].action);
    }
}

/* Sendmail says whom it is about by itself, and a quote would end the text. */
static void
test_sendmail_text(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    exg_map_look_up(
        EXG_MAP_SENDMAIL,
        &(ExgMapAnswer){EXG_MAP_UNKNOWN, 550, "5.1.1", "<ann@x.test> is <not> \"here\"\\$1"}, text);
    g_assert_cmpstr(text->str, ==, "ERROR:5.1.1:\"550 is <not> 'here'''1\"");
    exg_map_look_up(EXG_MAP_SENDMAIL, &(ExgMapAnswer){EXG_MAP_UNKNOWN, 550, "5.1.1", "<"}, text);
    g_assert_cmpstr(text->str, ==, "ERROR:5.1.1:\"550 <\"");
}

/* What a text says can neither end a line nor make it long. */
static void
test_text(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    exg_map_action(&(ExgMapAnswer){EXG_MAP_UNKNOWN, 550, "5.1.1", "a\r\n\naction=OK\tb\x7f"}, text);
    g_assert_cmpstr(text->str, ==, "550 5.1.1 a???action=OK?b?");

    g_autofree char *head = g_strnfill(EXG_MAP_TEXT_MAX_BYTES - 1, 'x');
    g_autofree char *long_text = g_strconcat(head, "\xc3\xa4", "and more", NULL);
    exg_map_action(&(ExgMapAnswer){EXG_MAP_UNKNOWN, 550, "5.1.1", long_text}, text);
    g_assert_cmpuint(text->len, ==, strlen("550 5.1.1 ") + EXG_MAP_TEXT_MAX_BYTES - 1);
    g_assert_true(g_utf8_validate(text->str, -1, NULL));
}

static void
test_names(void)
{
    ExgMapKind kind = EXG_N_MAPS;
    g_assert_true(exg_map_kind_find("recipients", 10, &kind));
    g_assert_cmpint(kind, ==, EXG_MAP_RECIPIENTS);
    g_assert_true(exg_map_kind_find("access@", 6, &kind));
    g_assert_cmpint(kind, ==, EXG_MAP_ACCESS);
    g_assert_true(exg_map_kind_find("sendmail", 8, &kind));
    g_assert_cmpint(kind, ==, EXG_MAP_SENDMAIL);
    g_assert_false(exg_map_kind_find("recipient", 9, &kind));
    g_assert_false(exg_map_kind_find("Access", 6, &kind));
    g_assert_false(exg_map_kind_find("", 0, &kind));
}

static void
test_addresses(void)
{
    static const char *const addresses[] = {
        "ann@example.test",         "a b@example.test",   "a@b@example.test",
        "j\xc3\xb6rg@example.test", "ann+x@example.test", "ann@[192.0.2.1]",
    };
    static const char *const others[] = {
        "",   "ann",     "@example.test",     "ann@",  "example.test",         ".example.test",
        "<>", "ann@a b", "a\nb@example.test", "ann@-", "j\xf6rg@example.test",
    };
    for (guint i = 0; i < G_N_ELEMENTS(addresses); i++)
        g_assert_true(exg_map_is_address(addresses[i]));
    for (guint i = 0; i < G_N_ELEMENTS(others); i++) {
        g_test_message("%s", others[i]);
        g_assert_false(exg_map_is_address(others[i]));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/milter/map/tables", test_tables);
    g_test_add_func("/milter/map/text", test_text);
    g_test_add_func("/milter/map/sendmail-text", test_sendmail_text);
    g_test_add_func("/milter/map/names", test_names);
    g_test_add_func("/milter/map/addresses", test_addresses);
    return g_test_run();
}
