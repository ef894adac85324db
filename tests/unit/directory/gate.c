/* What a program in front of Exchange gets: tips with a life of their own, groups that outlast an
 * outage, the map first, and a budget that guessers run out of. */
#include "tests/unit/directory/fixture.h"

static const ExgDirectoryTips full_mailbox = {
    .known = true, .full = true, .max_message_bytes = 1000000};
static const ExgDirectoryTips good_mailbox = {.known = true, .max_message_bytes = 1000000};

static ExgDirectoryOptions
gate_options(Fixture *fixture, ExgDirectoryCache *cache)
{
    return (ExgDirectoryOptions){
        .source = fake_source_with_tips(fixture),
        .cache = cache,
        .is_gate = true,
        .positive_life_ms = 6 * 3600 * 1000,
        .negative_life_ms = 300 * 1000,
        .failure_life_ms = 30 * 1000,
        .tips_life_ms = 300 * 1000,
        .timeout_ms = 20 * 1000,
    };
}

static ExgDirectory *
gate_new(Fixture *fixture, ExgDirectoryCache *cache)
{
    const ExgDirectoryOptions options = gate_options(fixture, cache);
    return exg_directory_new(fixture->engine, &options);
}

static void
check_for(ExgDirectory *directory, const char *client, const char *address, Outcome *outcome)
{
    *outcome = (Outcome){0};
    exg_directory_check_for(directory, client, address, exg_clock_deadline_ms(20000), NULL,
                            keep_outcome, outcome);
}

static void
learn(Fixture *fixture, ExgDirectory *directory, const char *address)
{
    Outcome outcome;
    check(directory, address, &outcome);
    store_says(fixture, STORE_HAS_IT);
    tips_say(fixture, EXG_SOURCE_SAYS_YES, &full_mailbox, NO_ERROR);
    assert_outcome(&outcome, DELIVERABLE, ASKED);
    g_assert_true(outcome.tips.known && outcome.tips.full);
    g_assert_cmpint(outcome.tips.told_us, ==, exg_clock_real_us());
    g_assert_cmpint(outcome.found_us, ==, exg_clock_real_us());
}

static void
learn_nobody(Fixture *fixture)
{
    store_says(fixture, EXG_ERROR_NO_MAILBOX);
    tips_say(fixture, EXG_SOURCE_SAYS_NO, NULL, NO_ERROR);
    directory_says(fixture, EXG_RECIPIENT_NOBODY, NO_ERROR);
}

/* A full mailbox empties long before one is looked up again for being there. */
static void
tips_live_shortly(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    g_autoptr(ExgDirectory) directory = gate_new(fixture, cache);
    Outcome outcome;
    learn(fixture, directory, "ann@x");
    gint64 found_us = exg_clock_real_us();

    exg_clock_advance(2 * MINUTE_US);
    check(directory, "ann@x", &outcome);
    assert_outcome(&outcome, DELIVERABLE, CACHED);
    g_assert_true(outcome.tips.full);
    g_assert_cmpint(outcome.found_us, ==, found_us);
    g_assert_cmpuint(exg_directory_under_way(directory), ==, 0);

    /* in the second half of their life they are renewed in the background */
    exg_clock_advance(MINUTE_US);
    check(directory, "ann@x", &outcome);
    assert_outcome(&outcome, DELIVERABLE, CACHED);
    g_assert_true(outcome.tips.full);
    g_assert_cmpuint(exg_directory_under_way(directory), ==, 1);
    tips_say(fixture, EXG_SOURCE_SAYS_YES, &good_mailbox, NO_ERROR);
    check(directory, "ann@x", &outcome);
    g_assert_true(outcome.tips.known && !outcome.tips.full);
    g_assert_cmpuint(exg_directory_under_way(directory), ==, 0);

    /* after their life they are waited for, by all with one question */
    exg_clock_advance(5 * MINUTE_US);
    Outcome joined;
    check(directory, "ann@x", &outcome);
    check(directory, "ann@x", &joined);
    g_assert_cmpuint(outcome.answers + joined.answers, ==, 0);
    tips_say(fixture, EXG_SOURCE_SAYS_YES, &full_mailbox, NO_ERROR);
    assert_outcome(&outcome, DELIVERABLE, CACHED);
    assert_outcome(&joined, DELIVERABLE, CACHED);
    g_assert_true(outcome.tips.full && joined.tips.full);
    g_assert_cmpint(outcome.found_us, ==, found_us);
    g_assert_cmpuint(fixture->opened, ==, 1);
    g_assert_cmpuint(fixture->told, ==, 3);
}

/* Without tips the answer comes all the same, and the question not at once again. */
static void
tips_fail(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    g_autoptr(ExgDirectory) directory = gate_new(fixture, cache);
    Outcome outcome;
    learn(fixture, directory, "ann@x");
    exg_clock_advance(6 * MINUTE_US);
    check(directory, "ann@x", &outcome);
    tips_say(fixture, EXG_SOURCE_SILENT, NULL, EXG_ERROR_REJECTED);
    assert_outcome(&outcome, DELIVERABLE, CACHED);
    g_assert_false(outcome.tips.known);
    g_assert_false(outcome.tips.full);
    check(directory, "ann@x", &outcome);
    assert_outcome(&outcome, DELIVERABLE, CACHED);
    g_assert_cmpuint(exg_directory_under_way(directory), ==, 0);

    /* in an outage nobody waits for them */
    exg_clock_advance(31 * SECOND_US);
    check(directory, "ann@x", &outcome);
    g_assert_cmpuint(outcome.answers, ==, 0);
    tips_say(fixture, EXG_SOURCE_SILENT, NULL, EXG_ERROR_UNREACHABLE);
    assert_outcome(&outcome, DELIVERABLE, CACHED);
    exg_clock_advance(31 * SECOND_US);
    check(directory, "ann@x", &outcome);
    assert_outcome(&outcome, DELIVERABLE, CACHED);
    g_assert_false(outcome.tips.known);
    tips_say(fixture, EXG_SOURCE_SAYS_YES, &good_mailbox, NO_ERROR); /* in the background */
    check(directory, "ann@x", &outcome);
    g_assert_true(outcome.tips.known);

    /* nor past a deadline */
    exg_clock_advance(6 * MINUTE_US);
    check(directory, "ann@x", &outcome);
    wait_for_call(fixture, &fixture->telling);
    exg_clock_advance(20 * SECOND_US);
    while (outcome.answers == 0)
        exg_engine_iterate(fixture->engine, false);
    assert_outcome(&outcome, DELIVERABLE, CACHED);
    tips_say(fixture, EXG_SOURCE_SAYS_YES, &good_mailbox, NO_ERROR);
}

/* While its tips are asked for, the recipient is found to be gone. */
static void
forgotten_meanwhile(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    g_autoptr(ExgDirectory) directory = gate_new(fixture, cache);
    Outcome outcome;
    learn(fixture, directory, "ann@x");
    exg_clock_advance(6 * MINUTE_US);
    check(directory, "ann@x", &outcome);
    wait_for_call(fixture, &fixture->telling);
    exg_directory_forget(directory, "ann@x");
    tips_say(fixture, EXG_SOURCE_SAYS_NO, NULL, NO_ERROR);
    g_assert_cmpuint(outcome.answers, ==, 0);
    learn_nobody(fixture);
    assert_outcome(&outcome, NO_SUCH, ASKED);
}

static void
restart(Fixture *fixture, gconstpointer data)
{
    for (guint i = 0; i < 2; i++) {
        g_autoptr(ExgDirectoryCache)
            cache = exg_directory_cache_new(fixture->engine, fixture->path, 0, 0);
        g_autoptr(ExgDirectory) directory = gate_new(fixture, cache);
        Outcome outcome;
        if (i == 0) {
            learn(fixture, directory, "ann@x");
            continue;
        }
        check(directory, "ann@x", &outcome);
        while (outcome.answers == 0)
            exg_engine_iterate(fixture->engine, true);
        assert_outcome(&outcome, DELIVERABLE, CACHED);
        g_assert_true(outcome.tips.full);
        g_assert_cmpint(outcome.tips.max_message_bytes, ==, 1000000);
    }
    g_assert_cmpuint(fixture->told, ==, 1);
}

/* A group is a recipient: it lives as long as a mailbox, and through an outage. */
static void
groups(Fixture *fixture, gconstpointer data)
{
    const ExgDirectoryTips moderated = {.known = true, .moderated = true, .n_members = 12};
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    g_autoptr(ExgDirectory) directory = gate_new(fixture, cache);
    Outcome outcome;
    check(directory, "all@x", &outcome);
    store_says(fixture, EXG_ERROR_NO_MAILBOX);
    tips_say(fixture, EXG_SOURCE_SAYS_YES, &moderated, NO_ERROR);
    directory_says(fixture, EXG_RECIPIENT_GROUP, NO_ERROR);
    assert_outcome(&outcome, NOT_A_MAILBOX, ASKED);
    g_assert_true(outcome.tips.moderated);
    g_assert_cmpint(outcome.tips.n_members, ==, 12);
    exg_clock_advance(4 * MINUTE_US + 3 * SECOND_US);
    check(directory, "all@x", &outcome);
    tips_say(fixture, EXG_SOURCE_SAYS_YES, &moderated, NO_ERROR);
    exg_clock_advance(2 * MINUTE_US); /* past the life of a refusal */
    check(directory, "all@x", &outcome);
    assert_outcome(&outcome, NOT_A_MAILBOX, CACHED);

    exg_clock_advance(DAY_US);
    for (guint i = 0; i < 2; i++) {
        check(directory, "all@x", &outcome);
        if (i == 0)
            store_says(fixture, EXG_ERROR_UNREACHABLE);
        assert_outcome(&outcome, NOT_A_MAILBOX, STALE);
        g_assert_cmpint(outcome.kind, ==, EXG_RECIPIENT_GROUP);
        g_assert_false(outcome.tips.known);
    }

    /* who delivers into mailboxes refuses nobody for what was so yesterday */
    g_autoptr(ExgDirectory) delivery = directory_new(fixture, cache);
    check(delivery, "all@x", &outcome);
    assert_outcome(&outcome, CANNOT_TELL, CACHED);
    g_assert_cmpint(outcome.kind, ==, EXG_RECIPIENT_UNKNOWN);
}

static void
map_first(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    g_assert_true(g_file_set_contents(fixture->path, "ann@x\nall@x group\n", -1, NULL));
    ExgDirectoryOptions options = gate_options(fixture, cache);
    options.map = exg_recipient_map_new(fixture->engine, fixture->path, NULL);
    g_autoptr(ExgDirectory) directory = exg_directory_new(fixture->engine, &options);
    exg_directory_cache_put(cache, "ann@x", EXG_DIRECTORY_NO_SUCH, EXG_RECIPIENT_NOBODY);
    Outcome outcome;
    check(directory, "ANN@x", &outcome);
    assert_outcome(&outcome, DELIVERABLE, LISTED);
    check(directory, "all@x", &outcome);
    assert_outcome(&outcome, NOT_A_MAILBOX, LISTED);
    g_assert_cmpint(outcome.kind, ==, EXG_RECIPIENT_GROUP);
    g_assert_cmpuint(fixture->opened + fixture->told + fixture->identified, ==, 0);
}

/* --- the budget ------------------------------------------------------------------------------- */

static void
guesses(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    ExgDirectoryOptions options = gate_options(fixture, cache);
    options.max_guesses_per_minute = 3;
    g_autoptr(ExgDirectory) directory = exg_directory_new(fixture->engine, &options);
    Outcome outcome;
    /* who asks for those that exist may ask for any number */
    for (guint i = 0; i < 10; i++) {
        g_autofree char *address = g_strdup_printf("user%u@x", i);
        check_for(directory, "192.0.2.1", address, &outcome);
        store_says(fixture, STORE_HAS_IT);
        tips_say(fixture, EXG_SOURCE_SAYS_YES, &good_mailbox, NO_ERROR);
        assert_outcome(&outcome, DELIVERABLE, ASKED);
    }
    for (guint i = 0; i < 3; i++) {
        g_autofree char *address = g_strdup_printf("guess%u@x", i);
        check_for(directory, "192.0.2.1", address, &outcome);
        learn_nobody(fixture);
        assert_outcome(&outcome, NO_SUCH, ASKED);
    }
    guint opened = fixture->opened;
    check_for(directory, "192.0.2.1", "guess3@x", &outcome);
    assert_outcome(&outcome, CANNOT_TELL, ASKED);
    g_assert_cmpint(outcome.error, ==, EXG_ERROR_BUSY);
    /* what is known is still told to it, and what is not known to others */
    check_for(directory, "192.0.2.1", "user3@x", &outcome);
    assert_outcome(&outcome, DELIVERABLE, CACHED);
    check_for(directory, "192.0.2.1", "guess1@x", &outcome);
    assert_outcome(&outcome, NO_SUCH, CACHED);
    g_assert_cmpuint(fixture->opened, ==, opened);
    check_for(directory, "192.0.2.2", "guess3@x", &outcome);
    Outcome joined; /* what is asked for anyhow, it may hear */
    check_for(directory, "192.0.2.1", "guess3@x", &joined);
    learn_nobody(fixture);
    assert_outcome(&outcome, NO_SUCH, ASKED);
    assert_outcome(&joined, NO_SUCH, ASKED);
    /* it was no failure that is remembered */
    exg_clock_advance(20 * SECOND_US);
    check_for(directory, "192.0.2.1", "guess4@x", &outcome);
    learn_nobody(fixture);
    assert_outcome(&outcome, NO_SUCH, ASKED);
    ExgDirectoryCacheStatistics statistics = exg_directory_cache_statistics(cache);
    g_assert_cmpuint(statistics.refused_client, ==, 1);
    g_assert_cmpuint(statistics.refused, ==, 0);
    g_assert_cmpuint(statistics.asked, ==, 15);
}

static void
rate(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    ExgDirectoryOptions options = gate_options(fixture, cache);
    options.max_per_second = 1;
    options.tips_life_ms = 8 * 3600 * 1000;
    g_autoptr(ExgDirectory) directory = exg_directory_new(fixture->engine, &options);
    Outcome outcome;
    learn(fixture, directory, "ann@x");
    exg_clock_advance(4 * HOUR_US);
    guint granted = 0;
    for (; granted < 1000; granted++) {
        g_autofree char *address = g_strdup_printf("guess%u@x", granted);
        check(directory, address, &outcome);
        if (outcome.answers > 0)
            break;
        learn_nobody(fixture);
    }
    g_assert_cmpuint(granted, ==, 10); /* 10 seconds' worth */
    assert_outcome(&outcome, CANNOT_TELL, ASKED);
    g_assert_cmpint(outcome.error, ==, EXG_ERROR_BUSY);
    /* no renewal, no tips, and nobody is refused for that */
    guint asked = fixture->opened + fixture->told;
    check(directory, "ann@x", &outcome);
    assert_outcome(&outcome, DELIVERABLE, CACHED);
    g_assert_cmpuint(fixture->opened + fixture->told, ==, asked);
    exg_clock_advance(2 * HOUR_US);
    for (guint i = 0; i < 10; i++) {
        g_autofree char *address = g_strdup_printf("more%u@x", i);
        check(directory, address, &outcome);
        learn_nobody(fixture);
    }
    asked = fixture->opened + fixture->told;
    check(directory, "ann@x", &outcome); /* it has expired */
    assert_outcome(&outcome, DELIVERABLE, STALE);
    g_assert_cmpint(outcome.error, ==, EXG_ERROR_BUSY);
    g_assert_cmpuint(fixture->opened + fixture->told, ==, asked);
    g_assert_cmpuint(exg_directory_under_way(directory), ==, 0);
    exg_clock_advance(SECOND_US);
    check(directory, "ann@x", &outcome);
    store_says(fixture, STORE_HAS_IT);
    tips_say(fixture, EXG_SOURCE_SAYS_YES, &good_mailbox, NO_ERROR);
    assert_outcome(&outcome, DELIVERABLE, ASKED);
}

/* However many ask at once, and however slow Exchange is. */
static void
crowd(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    g_autoptr(ExgDirectory) directory = gate_new(fixture, cache);
    Outcome outcome, last;
    learn(fixture, directory, "ann@x");
    for (guint i = 0; i < EXG_DIRECTORY_MAX_UNDER_WAY; i++) {
        g_autofree char *address = g_strdup_printf("guess%u@x", i);
        check(directory, address, &outcome);
        g_assert_cmpuint(outcome.answers, ==, 0);
    }
    check(directory, "one-more@x", &last);
    assert_outcome(&last, CANNOT_TELL, ASKED);
    g_assert_cmpint(last.error, ==, EXG_ERROR_BUSY);
    check(directory, "ann@x", &last);
    assert_outcome(&last, DELIVERABLE, CACHED);
    check(directory, "guess7@x", &last); /* it is being looked up anyhow */
    g_assert_cmpuint(last.answers, ==, 0);
    for (guint i = 0; i < EXG_DIRECTORY_MAX_UNDER_WAY; i++)
        store_says(fixture, EXG_ERROR_BUSY);
    assert_outcome(&last, CANNOT_TELL, ASKED);
    g_assert_cmpuint(exg_directory_under_way(directory), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    exg_clock_stop();
#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)
    ADD("/gate/tips-live-shortly", tips_live_shortly);
    ADD("/gate/tips-fail", tips_fail);
    ADD("/gate/forgotten-meanwhile", forgotten_meanwhile);
    ADD("/gate/restart", restart);
    ADD("/gate/groups", groups);
    ADD("/gate/map-first", map_first);
    ADD("/gate/guesses", guesses);
    ADD("/gate/rate", rate);
    ADD("/gate/crowd", crowd);
    return g_test_run();
}
