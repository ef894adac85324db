#include "tests/exchange-sim/text.h"

#include <string.h>

static void
test_base64(void)
{
    static const struct {
        const char *text, *bytes;
    } good[] = {
        {"", ""},
        {"YQ==", "a"},
        {"YWI=", "ab"},
        {"YWJj", "abc"},
        {"YWJjZA==", "abcd"},
        {" Y W\r\nJ\tj ", "abc"},
        {"YWJj\r\nZA=\r\n=", "abcd"},
        {"+/+/", "\xfb\xff\xbf"},
    };
    static const char *const bad[] = {
        "Y", "YQ", "YQ=", "YQ===", "YWJ", "Y===", "====", "=", "YQ==YQ==", "YW-j", "YWJj!", "YQ=a"};
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autofree guint8 *bytes = NULL;
        gsize length;
        g_assert_true(exg_sim_base64_decode(good[i].text, strlen(good[i].text), &bytes, &length));
        g_assert_cmpmem(bytes, length, good[i].bytes, strlen(good[i].bytes));
    }
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        guint8 *bytes;
        gsize length;
        g_test_message("%s", bad[i]);
        g_assert_false(exg_sim_base64_decode(bad[i], strlen(bad[i]), &bytes, &length));
    }
}

/* Every length, with white space anywhere, comes back as it was. */
static void
test_base64_round(void)
{
    guint8 input[300];
    for (guint i = 0; i < sizeof input; i++)
        input[i] = (guint8)(i * 7);
    for (gsize length = 0; length < sizeof input; length++) {
        g_autofree char *text = g_base64_encode(input, length);
        g_autoptr(GString) spaced = g_string_new(text);
        g_string_insert(spaced, (gssize)(spaced->len / 2), "\r\n");
        g_autofree guint8 *bytes = NULL;
        gsize decoded;
        g_assert_true(exg_sim_base64_decode(spaced->str, spaced->len, &bytes, &decoded));
        g_assert_cmpmem(bytes, decoded, input, length);
    }
}

static void
test_times(void)
{
    gint64 seconds;
    g_assert_true(exg_sim_time_parse("2026-11-21T20:04:05Z", &seconds));
    g_assert_cmpint(seconds, ==, 1795291445);
    g_assert_true(exg_sim_time_parse("2026-11-21T21:04:05.123+01:00", &seconds));
    g_assert_cmpint(seconds, ==, 1795291445);
    g_assert_true(exg_sim_time_parse("2026-11-21T20:04:05", &seconds));
    static const char *const bad[] = {"",
                                      "2026-11-21",
                                      "20261121T200405Z",
                                      "2026-11-21 20:04:05",
                                      "2026-13-21T20:04:05Z",
                                      "tomorrow at noon, sharp"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(exg_sim_time_parse(bad[i], &seconds));
    g_autofree char *text = exg_sim_time_format(1795291445);
    g_assert_cmpstr(text, ==, "2026-11-21T20:04:05Z");
}

static void
test_fields(void)
{
    static const char message[] =
        "Received: x\r\nSUBJECT:  one\r\n two \r\nTo: a\r\nSubject: second\r\n\r\nFrom: body\r\n";
    g_autofree char *subject = exg_sim_mime_field(message, strlen(message), "Subject");
    g_autofree char *to = exg_sim_mime_field(message, strlen(message), "To");
    g_autofree char *from = exg_sim_mime_field(message, strlen(message), "From");
    g_assert_cmpstr(subject, ==, "one two");
    g_assert_cmpstr(to, ==, "a");
    g_assert_null(from);
    g_assert_cmpuint(exg_sim_mime_header_length(message, strlen(message)), ==,
                     strlen(message) - strlen("From: body\r\n"));
    for (gsize length = 0; length <= strlen(message); length++) {
        g_autofree char *exact = g_memdup2(message, length);
        g_autofree char *found = exg_sim_mime_field(exact != NULL ? exact : "", length, "Subject");
        g_assert_true(found == NULL || g_str_has_prefix("one two", found));
    }
}

static void
test_mail(void)
{
    g_autoptr(GPtrArray) addresses = g_ptr_array_new_with_free_func(g_free);
    exg_sim_mime_addresses(
        "Ann <Ann@Example.com>, b@example.com; group: \"c\" <c@example.com>, @, x@", addresses);
    g_assert_cmpuint(addresses->len, ==, 3);
    g_assert_cmpstr(g_ptr_array_index(addresses, 0), ==, "ann@example.com");
    g_assert_cmpint(exg_sim_mime_date("Sat, 21 Nov 2026 20:04:05 +0000"), ==, 1795291445);
    g_assert_cmpint(exg_sim_mime_date("21 Nov 2026 21:04:05 +0100 (CET)"), ==, 1795291445);
    g_assert_cmpint(exg_sim_mime_date("yesterday"), ==, -1);
    g_assert_cmpint(exg_sim_mime_date("Sat, 32 Nov 2026 20:04:05 +0000"), ==, -1);
}

static void
test_words(void)
{
    g_autofree char *word = exg_sim_word("a b\n\"c\" %");
    g_autofree char *back = exg_sim_word_decode(word);
    g_autofree char *none = exg_sim_word(NULL);
    guint64 number;
    g_assert_cmpstr(word, ==, "a%20b%0A%22c%22%20%25");
    g_assert_cmpstr(back, ==, "a b\n\"c\" %");
    g_assert_cmpstr(none, ==, "-");
    g_assert_true(exg_sim_number("18446744073709551615", G_MAXUINT64, &number));
    g_assert_false(exg_sim_number("11", 10, &number));
    g_assert_false(exg_sim_number("", 10, &number));
    g_assert_false(exg_sim_number("1x", 10, &number));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/exchange-sim/text/base64", test_base64);
    g_test_add_func("/exchange-sim/text/base64-round", test_base64_round);
    g_test_add_func("/exchange-sim/text/times", test_times);
    g_test_add_func("/exchange-sim/text/fields", test_fields);
    g_test_add_func("/exchange-sim/text/mail", test_mail);
    g_test_add_func("/exchange-sim/text/words", test_words);
    return g_test_run();
}
