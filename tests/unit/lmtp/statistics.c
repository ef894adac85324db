#include "lmtp/statistics.h"

#include <string.h>

static void
take(ExgStatistics *ret_statistics, gpointer data)
{
    guint *calls = data;
    ret_statistics->server.delivered = ++*calls;
    ret_statistics->journal.oldest_open_ms = 61999;
    ret_statistics->throttle.closed_ms = 1;
}

/* Each line is a comment or a name with a number; no name has two types. */
static void
test_text(void)
{
    ExgStatistics statistics = {.spool_bytes = G_MAXUINT64};
    guint calls = 6;
    take(&statistics, &calls);
    g_autofree char *text = exg_statistics_to_text(&statistics);
    g_assert_nonnull(strstr(text, "\nexgate_lmtpd_recipients_total{outcome=\"delivered\"} 7\n"));
    g_assert_nonnull(strstr(text, "\nexgate_lmtpd_journal_oldest_open_seconds 61\n"));
    g_assert_nonnull(strstr(text, "\nexgate_lmtpd_exchange_closed_seconds 1\n"));
    g_assert_nonnull(strstr(text, "\nexgate_lmtpd_spool_bytes 18446744073709551615\n"));
    g_autoptr(GHashTable) types = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GRegex) regex = g_regex_new(
        "^(# TYPE exgate_lmtpd_[a-z_]+ "
        "(counter|gauge)|exgate_lmtpd_[a-z_]+(\\{[a-z]+=\"[a-z]+\"\\})? [0-9]+)$",
        0, 0, NULL);
    g_assert_true(g_str_has_suffix(text, "\n"));
    text[strlen(text) - 1] = '\0';
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        g_assert_true(g_regex_match(regex, lines[i], 0, NULL));
        if (lines[i][0] == '#')
            g_assert_true(g_hash_table_add(types, lines[i]));
    }
    g_assert_cmpuint(g_hash_table_size(types), >, 15);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lmtp/statistics/text", test_text);
    return g_test_run();
}
