/* Numbers for people and Prometheus. */
#include "milter/statistics.h"

#include <string.h>

/* Each line is a comment or a name with a number; no name has two types. */
static void
test_text(void)
{
    ExgMilterStatistics statistics = {
        .connections = {.open = 3, .total = 5},
        .look_ups = 2,
        .maps = {.questions = 7, .unknown = 4},
        .throttle = {.closed_ms = 1},
    };
    statistics.counts.decisions[EXG_SITUATION_FULL][EXG_ACTION_TEMPFAIL] = 6;
    statistics.counts.counts[EXG_COUNT_RECENT] = G_MAXUINT64;
    g_autofree char *text = exg_milter_statistics_to_text(&statistics);
    g_assert_nonnull(strstr(text, "\nexgate_milter_decisions_total{situation=\"mailbox-full\","
                                  "action=\"tempfail\"} 6\n"));
    g_assert_nonnull(strstr(text, "\nexgate_milter_lookups 2\n"));
    g_assert_nonnull(
        strstr(text, "\nexgate_milter_lookups_total{from=\"recent\"} 18446744073709551615\n"));
    g_assert_nonnull(strstr(text, "\nexgate_milter_map_answers_total{answer=\"unknown\"} 4\n"));
    g_assert_nonnull(strstr(text, "\nexgate_milter_exchange_closed_seconds 1\n"));
    g_autoptr(GHashTable) types = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GRegex) regex = g_regex_new(
        "^(# TYPE exgate_milter_[a-z_]+ (counter|gauge)|"
        "exgate_milter_[a-z_]+(\\{[a-z]+=\"[a-z-]+\"(,[a-z]+=\"[a-z-]+\")*\\})? [0-9]+)$",
        0, 0, NULL);
    g_assert_true(g_str_has_suffix(text, "\n"));
    text[strlen(text) - 1] = '\0';
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        g_test_message("%s", lines[i]);
        g_assert_true(g_regex_match(regex, lines[i], 0, NULL));
        if (lines[i][0] == '#')
            g_assert_true(g_hash_table_add(types, lines[i]));
    }
    g_assert_cmpuint(g_hash_table_size(types), >, 15);
}

static void
test_line(void)
{
    ExgMilterStatistics statistics = {.look_ups = 2};
    statistics.counts.decisions[EXG_SITUATION_GOOD][EXG_ACTION_ACCEPT] = 3;
    statistics.counts.decisions[EXG_SITUATION_FULL][EXG_ACTION_ACCEPT] = 1;
    statistics.counts.decisions[EXG_SITUATION_UNKNOWN][EXG_ACTION_REJECT] = 7;
    g_autofree char *line = exg_milter_statistics_to_line(&statistics);
    g_assert_nonnull(strstr(line, " 4 recipients accepted, 0 deferred, 7 rejected,"));
    g_assert_nonnull(strstr(line, " 2 look-ups,"));
}

static void
test_counts(void)
{
    const ExgDecision decision = {.situation = EXG_SITUATION_GROUP, .action = EXG_ACTION_REJECT};
    ExgCounts before, after;
    exg_counts_get(&before);
    exg_count(EXG_COUNT_LEARNED);
    exg_count_decision(&decision);
    exg_count_decision(&decision);
    exg_counts_get(&after);
    g_assert_cmpuint(after.counts[EXG_COUNT_LEARNED], ==, before.counts[EXG_COUNT_LEARNED] + 1);
    g_assert_cmpuint(after.decisions[EXG_SITUATION_GROUP][EXG_ACTION_REJECT], ==,
                     before.decisions[EXG_SITUATION_GROUP][EXG_ACTION_REJECT] + 2);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/milter/statistics/text", test_text);
    g_test_add_func("/milter/statistics/line", test_line);
    g_test_add_func("/milter/statistics/counts", test_counts);
    return g_test_run();
}
