#include "tests/unit/directory/fixture.h"

/* The first to ask about an address, and the store has it. */
static void
learn(Fixture *fixture, ExgDirectory *directory, const char *address)
{
    Outcome outcome;
    check(directory, address, &outcome);
    store_says(fixture, STORE_HAS_IT);
    assert_outcome(&outcome, DELIVERABLE, ASKED);
}

/* Two witnesses: each combination of what they say. */
static void
test_witnesses(Fixture *fixture, gconstpointer data)
{
    static const struct {
        const char *name;
        int store;
        ExgRecipientKind kind;
        int directory_error;
        ExgDirectoryVerdict verdict;
    } rows[] = {
        {"user", STORE_HAS_IT, EXG_RECIPIENT_MAILBOX, NO_ERROR, EXG_DIRECTORY_DELIVERABLE},
        {"shared mailbox", STORE_HAS_IT, EXG_RECIPIENT_MAILBOX, NO_ERROR,
         EXG_DIRECTORY_DELIVERABLE},
        {"room", STORE_HAS_IT, EXG_RECIPIENT_MAILBOX, NO_ERROR, EXG_DIRECTORY_DELIVERABLE},
        {"forwarding mailbox", STORE_HAS_IT, EXG_RECIPIENT_MAILBOX, NO_ERROR,
         EXG_DIRECTORY_DELIVERABLE},
        {"group", EXG_ERROR_NO_MAILBOX, EXG_RECIPIENT_GROUP, NO_ERROR, EXG_DIRECTORY_NOT_A_MAILBOX},
        {"contact", EXG_ERROR_NO_MAILBOX, EXG_RECIPIENT_CONTACT, NO_ERROR,
         EXG_DIRECTORY_NOT_A_MAILBOX},
        {"public folder", EXG_ERROR_NO_MAILBOX, EXG_RECIPIENT_PUBLIC_FOLDER, NO_ERROR,
         EXG_DIRECTORY_NOT_A_MAILBOX},
        {"nobody", EXG_ERROR_NO_MAILBOX, EXG_RECIPIENT_NOBODY, NO_ERROR, EXG_DIRECTORY_NO_SUCH},
        {"mailbox elsewhere", EXG_ERROR_NO_MAILBOX, EXG_RECIPIENT_MAILBOX, NO_ERROR,
         EXG_DIRECTORY_CANNOT_TELL},
        {"silent directory", EXG_ERROR_NO_MAILBOX, EXG_RECIPIENT_NOBODY, EXG_ERROR_UNREACHABLE,
         EXG_DIRECTORY_CANNOT_TELL},
        {"odd directory", EXG_ERROR_NO_MAILBOX, EXG_RECIPIENT_NOBODY, EXG_ERROR_NO_MAILBOX,
         EXG_DIRECTORY_CANNOT_TELL},
        {"refused", EXG_ERROR_AUTH, EXG_RECIPIENT_UNKNOWN, NO_ERROR, EXG_DIRECTORY_CANNOT_TELL},
        {"denied", EXG_ERROR_DENIED, EXG_RECIPIENT_UNKNOWN, NO_ERROR, EXG_DIRECTORY_CANNOT_TELL},
        {"misconfigured", EXG_ERROR_CONFIG, EXG_RECIPIENT_UNKNOWN, NO_ERROR,
         EXG_DIRECTORY_CANNOT_TELL},
        {"busy", EXG_ERROR_BUSY, EXG_RECIPIENT_UNKNOWN, NO_ERROR, EXG_DIRECTORY_CANNOT_TELL},
        {"away", EXG_ERROR_UNREACHABLE, EXG_RECIPIENT_UNKNOWN, NO_ERROR, EXG_DIRECTORY_CANNOT_TELL},
        {"full", EXG_ERROR_QUOTA, EXG_RECIPIENT_UNKNOWN, NO_ERROR, EXG_DIRECTORY_CANNOT_TELL},
        {"unusable", EXG_ERROR_PROTOCOL, EXG_RECIPIENT_UNKNOWN, NO_ERROR,
         EXG_DIRECTORY_CANNOT_TELL},
    };
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    g_autoptr(ExgDirectory) directory = directory_new(fixture, cache);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s", rows[i].name);
        bool asks_directory = rows[i].store == EXG_ERROR_NO_MAILBOX;
        guint before = fixture->identified;
        Outcome outcome, again;
        check(directory, rows[i].name, &outcome);
        store_says(fixture, rows[i].store);
        if (asks_directory)
            directory_says(fixture, rows[i].kind, rows[i].directory_error);
        g_assert_cmpuint(fixture->identified - before, ==, asks_directory);
        assert_outcome_at(&outcome, rows[i].verdict, EXG_DIRECTORY_ASKED, rows[i].name);
        if (rows[i].verdict == EXG_DIRECTORY_DELIVERABLE)
            g_assert_cmpint(outcome.error, ==, -1);
        if (rows[i].verdict == EXG_DIRECTORY_CANNOT_TELL) {
            g_assert_cmpint(outcome.error, >=, 0);
            g_assert_true((outcome.kind == EXG_RECIPIENT_MAILBOX) ==
                          g_str_equal(rows[i].name, "mailbox elsewhere"));
        } else {
            g_assert_cmpint(outcome.kind, ==, rows[i].kind);
        }
        /* and the same again, whatever the spelling, without asking */
        guint opened = fixture->opened;
        g_autofree char *loud = g_ascii_strup(rows[i].name, -1);
        check(directory, loud, &again);
        assert_outcome_at(&again, rows[i].verdict, EXG_DIRECTORY_CACHED, rows[i].name);
        g_assert_cmpint(again.kind, ==, outcome.kind);
        g_assert_cmpint(again.error, ==,
                        rows[i].verdict == EXG_DIRECTORY_CANNOT_TELL ? outcome.error : -1);
        g_assert_cmpuint(fixture->opened, ==, opened);
    }
}

/* The second witness is asked afresh, whatever is cached, and never says that all is well. */
static void
test_second_witness(Fixture *fixture, gconstpointer data)
{
    static const struct {
        ExgRecipientKind kind;
        int error;
        ExgDirectoryVerdict verdict;
    } rows[] = {
        {EXG_RECIPIENT_NOBODY, NO_ERROR, EXG_DIRECTORY_NO_SUCH},
        {EXG_RECIPIENT_GROUP, NO_ERROR, EXG_DIRECTORY_NOT_A_MAILBOX},
        {EXG_RECIPIENT_MAILBOX, NO_ERROR, EXG_DIRECTORY_CANNOT_TELL},
        {EXG_RECIPIENT_NOBODY, EXG_ERROR_UNREACHABLE, EXG_DIRECTORY_CANNOT_TELL},
    };
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    g_autoptr(ExgDirectory) directory = directory_new(fixture, cache);
    g_autoptr(GError) no_mailbox = exg_error_new(EXG_ERROR_NO_MAILBOX, "none");
    Outcome outcome;
    check(directory, "ann@x", &outcome);
    store_says(fixture, EXG_ERROR_NO_MAILBOX);
    directory_says(fixture, EXG_RECIPIENT_NOBODY, NO_ERROR);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        outcome = (Outcome){0};
        exg_directory_ask(directory, "ann@x", no_mailbox, exg_clock_deadline_ms(1000), NULL,
                          keep_outcome, &outcome);
        g_assert_cmpuint(outcome.answers, ==, 0);
        directory_says(fixture, rows[i].kind, rows[i].error);
        assert_outcome_at(&outcome, rows[i].verdict, EXG_DIRECTORY_ASKED, G_STRLOC);
    }
    g_assert_cmpuint(fixture->opened, ==, 1);

    /* A directory that is replaced meanwhile lives until the answer. */
    outcome = (Outcome){0};
    exg_directory_ask(directory, "ann@x", no_mailbox, exg_clock_deadline_ms(1000), NULL,
                      keep_outcome, &outcome);
    g_clear_pointer(&directory, exg_directory_free);
    directory_says(fixture, EXG_RECIPIENT_NOBODY, NO_ERROR);
    assert_outcome(&outcome, NO_SUCH, ASKED);
}

static void
test_lives(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    g_autoptr(ExgDirectory) directory = directory_new(fixture, cache);
    Outcome outcome;

    /* a refusal: 5 minutes */
    check(directory, "ghost@x", &outcome);
    store_says(fixture, EXG_ERROR_NO_MAILBOX);
    directory_says(fixture, EXG_RECIPIENT_NOBODY, NO_ERROR);
    exg_clock_advance(5 * MINUTE_US - SECOND_US);
    check(directory, "ghost@x", &outcome);
    assert_outcome(&outcome, NO_SUCH, CACHED);
    exg_clock_advance(SECOND_US);
    check(directory, "ghost@x", &outcome);
    g_assert_cmpuint(outcome.answers, ==, 0);
    store_says(fixture, STORE_HAS_IT); /* made meanwhile */
    assert_outcome(&outcome, DELIVERABLE, ASKED);

    /* a failure: 30 seconds; a refusal that has expired does not outlive it */
    check(directory, "later@x", &outcome);
    store_says(fixture, EXG_ERROR_BUSY);
    exg_clock_advance(29 * SECOND_US);
    check(directory, "later@x", &outcome);
    assert_outcome(&outcome, CANNOT_TELL, CACHED);
    g_assert_cmpint(outcome.error, ==, EXG_ERROR_BUSY);
    exg_clock_advance(SECOND_US);
    check(directory, "later@x", &outcome);
    store_says(fixture, EXG_ERROR_NO_MAILBOX);
    directory_says(fixture, EXG_RECIPIENT_NOBODY, NO_ERROR);
    assert_outcome(&outcome, NO_SUCH, ASKED);
    exg_clock_advance(5 * MINUTE_US);
    check(directory, "later@x", &outcome);
    store_says(fixture, EXG_ERROR_BUSY);
    assert_outcome(&outcome, CANNOT_TELL, ASKED);
    check(directory, "later@x", &outcome);
    assert_outcome(&outcome, CANNOT_TELL, CACHED);
    g_assert_cmpint(outcome.kind, ==, EXG_RECIPIENT_UNKNOWN);

    /* a mailbox: 6 hours, without a renewal */
    learn(fixture, directory, "ann@x");
    exg_clock_advance(3 * HOUR_US - SECOND_US);
    check(directory, "ann@x", &outcome);
    assert_outcome(&outcome, DELIVERABLE, CACHED);
    g_assert_cmpuint(exg_directory_under_way(directory), ==, 0);
    exg_clock_advance(3 * HOUR_US + SECOND_US);
    check(directory, "ann@x", &outcome);
    g_assert_cmpuint(outcome.answers, ==, 0);
    store_says(fixture, STORE_HAS_IT);
    assert_outcome(&outcome, DELIVERABLE, ASKED);
}

/* In the second half of its life a mailbox is looked up in the background. */
static void
test_renewal(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    g_autoptr(ExgDirectory) directory = directory_new(fixture, cache);
    Outcome outcome;
    learn(fixture, directory, "ann@x");
    for (guint i = 0; i < 4; i++) { /* so it lives on past its 6 hours */
        exg_clock_advance(4 * HOUR_US);
        check(directory, "ann@x", &outcome);
        assert_outcome(&outcome, DELIVERABLE, CACHED);
        check(directory, "ann@x", &outcome); /* one renewal at a time */
        g_assert_cmpuint(exg_directory_under_way(directory), ==, 1);
        store_says(fixture, STORE_HAS_IT);
        g_assert_cmpuint(exg_directory_under_way(directory), ==, 0);
    }
    g_assert_cmpuint(fixture->opened, ==, 5);

    /* A renewal that fails changes nothing, and is not tried again at once. */
    exg_clock_advance(4 * HOUR_US);
    check(directory, "ann@x", &outcome);
    store_says(fixture, EXG_ERROR_UNREACHABLE);
    check(directory, "ann@x", &outcome);
    assert_outcome(&outcome, DELIVERABLE, CACHED);
    g_assert_cmpuint(exg_directory_under_way(directory), ==, 0);
    exg_clock_advance(31 * SECOND_US);
    check(directory, "ann@x", &outcome);
    g_assert_cmpuint(exg_directory_under_way(directory), ==, 1);

    /* One that finds nobody is believed; and who needs the answer meanwhile joins it. */
    exg_clock_advance(3 * HOUR_US);
    Outcome joined;
    check(directory, "ann@x", &joined);
    g_assert_cmpuint(joined.answers, ==, 0);
    store_says(fixture, EXG_ERROR_NO_MAILBOX);
    directory_says(fixture, EXG_RECIPIENT_NOBODY, NO_ERROR);
    assert_outcome(&joined, NO_SUCH, ASKED);
    check(directory, "ann@x", &outcome);
    assert_outcome(&outcome, NO_SUCH, CACHED);
}

static void
test_renewals_bounded(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    g_autoptr(ExgDirectory) directory = directory_new(fixture, cache);
    const guint n = EXG_DIRECTORY_MAX_RENEWALS + 5;
    Outcome outcome;
    for (guint i = 0; i < n; i++) {
        g_autofree char *address = g_strdup_printf("user%u@x", i);
        learn(fixture, directory, address);
    }
    exg_clock_advance(4 * HOUR_US);
    for (guint i = 0; i < n; i++) {
        g_autofree char *address = g_strdup_printf("user%u@x", i);
        check(directory, address, &outcome);
        assert_outcome(&outcome, DELIVERABLE, CACHED);
    }
    g_assert_cmpuint(exg_directory_under_way(directory), ==, EXG_DIRECTORY_MAX_RENEWALS);
    for (guint i = 0; i < EXG_DIRECTORY_MAX_RENEWALS; i++)
        store_says(fixture, STORE_HAS_IT);
    check(directory, "user20@x", &outcome);
    g_assert_cmpuint(exg_directory_under_way(directory), ==, 1);
    store_says(fixture, STORE_HAS_IT);
}

/* While Exchange is away a mailbox of the last 7 days is taken to be there; others are not. */
static void
test_outage(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    g_autoptr(ExgDirectory) directory = directory_new(fixture, cache);
    Outcome outcome;
    learn(fixture, directory, "ann@x");
    exg_clock_advance(DAY_US);
    for (guint i = 0; i < 3; i++) {
        guint opened = fixture->opened;
        check(directory, "ann@x", &outcome);
        store_says(fixture, EXG_ERROR_UNREACHABLE);
        assert_outcome(&outcome, DELIVERABLE, STALE);
        g_assert_cmpint(outcome.error, ==, EXG_ERROR_UNREACHABLE);
        check(directory, "ann@x", &outcome); /* not asked again at once */
        assert_outcome(&outcome, DELIVERABLE, STALE);
        g_assert_cmpuint(fixture->opened, ==, opened + 1);
        exg_clock_advance(31 * SECOND_US);
    }
    check(directory, "bob@x", &outcome);
    store_says(fixture, EXG_ERROR_UNREACHABLE);
    assert_outcome(&outcome, CANNOT_TELL, ASKED);

    /* A store that answers is believed, also where the directory contradicts it. */
    check(directory, "ann@x", &outcome);
    store_says(fixture, EXG_ERROR_NO_MAILBOX);
    directory_says(fixture, EXG_RECIPIENT_MAILBOX, NO_ERROR);
    assert_outcome(&outcome, CANNOT_TELL, ASKED);
    check(directory, "ann@x", &outcome);
    assert_outcome(&outcome, CANNOT_TELL, CACHED);
    g_assert_cmpint(outcome.kind, ==, EXG_RECIPIENT_MAILBOX);

    /* Seven days, and not more. */
    learn(fixture, directory, "cat@x");
    exg_clock_advance(7 * DAY_US - SECOND_US);
    check(directory, "cat@x", &outcome);
    store_says(fixture, EXG_ERROR_AUTH);
    assert_outcome(&outcome, DELIVERABLE, STALE);
    exg_clock_advance(31 * SECOND_US);
    check(directory, "cat@x", &outcome);
    store_says(fixture, EXG_ERROR_AUTH);
    assert_outcome(&outcome, CANNOT_TELL, ASKED);
}

static void
test_single_flight(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache)
        cache = exg_directory_cache_new(fixture->engine, fixture->path, 0, 0);
    g_autoptr(ExgDirectory) directory = directory_new(fixture, cache);
    Outcome outcomes[50];
    for (guint i = 0; i < G_N_ELEMENTS(outcomes); i++)
        check(directory, i % 2 == 0 ? "ann@x" : "Ann@X", &outcomes[i]);
    g_assert_cmpuint(exg_directory_under_way(directory), ==, 1);
    store_says(fixture, STORE_HAS_IT);
    for (guint i = 0; i < G_N_ELEMENTS(outcomes); i++)
        assert_outcome(&outcomes[i], DELIVERABLE, ASKED);
    g_assert_cmpuint(fixture->opened, ==, 1);
}

/* One who goes away, or cannot wait, takes nothing from the others. */
static void
test_waiters(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    g_autoptr(ExgDirectory) directory = directory_new(fixture, cache);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    Outcome gone = {0}, hasty = {0}, patient, late = {0};
    exg_directory_check(directory, "ann@x", EXG_NO_DEADLINE, cancellable, keep_outcome, &gone);
    exg_directory_check(directory, "ann@x", exg_clock_deadline_ms(1000), NULL, keep_outcome,
                        &hasty);
    check(directory, "ann@x", &patient);
    g_cancellable_cancel(cancellable);
    g_assert_cmpuint(gone.answers, ==, 0); /* never inside the cancellation */
    while (gone.answers == 0)
        exg_engine_iterate(fixture->engine, true);
    assert_outcome(&gone, CANNOT_TELL, ASKED);
    g_assert_cmpint(gone.error, ==, -2);
    g_assert_cmpuint(hasty.answers, ==, 0);

    exg_clock_advance(1001 * 1000);
    while (hasty.answers == 0)
        exg_engine_iterate(fixture->engine, true);
    assert_outcome(&hasty, CANNOT_TELL, ASKED);
    g_assert_cmpint(hasty.error, ==, EXG_ERROR_UNREACHABLE);
    g_assert_cmpuint(patient.answers, ==, 0);

    /* cancelled before it began */
    exg_directory_check(directory, "ann@x", EXG_NO_DEADLINE, cancellable, keep_outcome, &late);
    while (late.answers == 0)
        exg_engine_iterate(fixture->engine, true);
    g_assert_cmpint(late.error, ==, -2);

    store_says(fixture, STORE_HAS_IT);
    assert_outcome(&patient, DELIVERABLE, ASKED);
    g_assert_cmpuint(gone.answers + hasty.answers + late.answers, ==, 3);
    g_assert_cmpuint(fixture->opened, ==, 1);

    /* The last one gone, the answer is still for the cache. */
    g_autoptr(GCancellable) second = g_cancellable_new();
    exg_directory_check(directory, "bob@x", EXG_NO_DEADLINE, second, keep_outcome, &gone);
    g_cancellable_cancel(second);
    while (gone.answers == 1)
        exg_engine_iterate(fixture->engine, true);
    store_says(fixture, STORE_HAS_IT);
    check(directory, "bob@x", &patient);
    assert_outcome(&patient, DELIVERABLE, CACHED);

    /* Who cannot wait is told of a mailbox that was there lately. */
    exg_clock_advance(DAY_US);
    hasty = (Outcome){0};
    exg_directory_check(directory, "bob@x", exg_clock_deadline_ms(1000), NULL, keep_outcome,
                        &hasty);
    exg_clock_advance(1001 * 1000);
    while (hasty.answers == 0)
        exg_engine_iterate(fixture->engine, true);
    assert_outcome(&hasty, DELIVERABLE, STALE);
    store_says(fixture, STORE_HAS_IT);
}

/* After one has waited in vain, others wait for a short time only, until somebody answers. */
static void
test_patience(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    g_autoptr(ExgDirectory) directory = directory_new(fixture, cache);
    const gint64 patience_us = (gint64)EXG_DIRECTORY_PATIENCE_MS * 1000;
    Outcome first, second, third;
    check(directory, "first@x", &first);
    exg_clock_advance(patience_us + SECOND_US);
    while (exg_engine_iterate(fixture->engine, false))
        ;
    g_assert_cmpuint(first.answers, ==, 0);
    store_says(fixture, EXG_ERROR_UNREACHABLE);

    check(directory, "second@x", &second);
    exg_clock_advance(patience_us + SECOND_US);
    while (second.answers == 0)
        exg_engine_iterate(fixture->engine, true);
    assert_outcome(&second, CANNOT_TELL, ASKED);
    store_says(fixture, STORE_HAS_IT); /* late, and good for the next */
    check(directory, "second@x", &second);
    assert_outcome(&second, DELIVERABLE, CACHED);

    check(directory, "third@x", &third);
    exg_clock_advance(patience_us + SECOND_US);
    while (exg_engine_iterate(fixture->engine, false))
        ;
    g_assert_cmpuint(third.answers, ==, 0);
    store_says(fixture, STORE_HAS_IT);
    assert_outcome(&third, DELIVERABLE, ASKED);
}

typedef struct {
    ExgDirectory *directory;
    Outcome first, second;
} Recursion;

static void
check_again(const ExgDirectoryFinding *finding, gpointer data)
{
    Recursion *recursion = data;
    keep_outcome(finding, &recursion->first);
    exg_directory_forget(recursion->directory, "ann@x");
    check(recursion->directory, "ann@x", &recursion->second);
}

static void
test_recursion(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    g_autoptr(ExgDirectory) directory = directory_new(fixture, cache);
    Recursion recursion = {.directory = directory};
    exg_directory_check(directory, "ann@x", EXG_NO_DEADLINE, NULL, check_again, &recursion);
    store_says(fixture, EXG_ERROR_BUSY);
    assert_outcome(&recursion.first, CANNOT_TELL, ASKED);
    g_assert_cmpuint(recursion.second.answers, ==, 0);
    g_assert_cmpuint(exg_directory_under_way(directory), ==, 1);
    store_says(fixture, STORE_HAS_IT);
    assert_outcome(&recursion.second, DELIVERABLE, ASKED);
}

/* The failed delivery knows better. */
static void
test_forget(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache)
        cache = exg_directory_cache_new(fixture->engine, fixture->path, 0, 0);
    g_autoptr(ExgDirectory) directory = directory_new(fixture, cache);
    Outcome outcome;
    learn(fixture, directory, "ann@x");
    exg_directory_forget(directory, "ANN@x");
    check(directory, "ann@x", &outcome);
    store_says(fixture, EXG_ERROR_NO_MAILBOX);
    directory_says(fixture, EXG_RECIPIENT_NOBODY, NO_ERROR);
    assert_outcome(&outcome, NO_SUCH, ASKED);
}

/* A restart keeps what was known, and how old it is; failures are not kept. */
static void
test_restart(Fixture *fixture, gconstpointer data)
{
    Outcome outcome;
    for (guint round = 0; round < 3; round++) {
        g_autoptr(ExgDirectoryCache)
            cache = exg_directory_cache_new(fixture->engine, fixture->path, 0, 0);
        g_autoptr(ExgDirectory) directory = directory_new(fixture, cache);
        if (round == 0) {
            learn(fixture, directory, "ann@x");
            check(directory, "group@x", &outcome);
            store_says(fixture, EXG_ERROR_NO_MAILBOX);
            directory_says(fixture, EXG_RECIPIENT_GROUP, NO_ERROR);
            check(directory, "later@x", &outcome);
            store_says(fixture, EXG_ERROR_BUSY);
            exg_clock_advance(4 * MINUTE_US);
        } else if (round == 1) {
            check(directory, "ann@x", &outcome);
            while (outcome.answers == 0)
                exg_engine_iterate(fixture->engine, true);
            assert_outcome(&outcome, DELIVERABLE, CACHED);
            check(directory, "group@x", &outcome);
            while (outcome.answers == 0)
                exg_engine_iterate(fixture->engine, true);
            assert_outcome(&outcome, NOT_A_MAILBOX, CACHED);
            g_assert_cmpint(outcome.kind, ==, EXG_RECIPIENT_GROUP);
            check(directory, "later@x", &outcome);
            store_says(fixture, STORE_HAS_IT);
            assert_outcome(&outcome, DELIVERABLE, ASKED);
            exg_clock_advance(DAY_US);
        } else {
            /* a mailbox of yesterday is no answer yet, but one in an outage */
            check(directory, "ann@x", &outcome);
            store_says(fixture, EXG_ERROR_UNREACHABLE);
            assert_outcome(&outcome, DELIVERABLE, STALE);
            check(directory, "group@x", &outcome);
            store_says(fixture, EXG_ERROR_UNREACHABLE);
            assert_outcome(&outcome, CANNOT_TELL, ASKED);
        }
    }
}

/* What one process finds out, the other need not ask; also a renewal. */
static void
test_two_caches(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache)
        mine = exg_directory_cache_new(fixture->engine, fixture->path, 0, 0);
    g_autoptr(ExgDirectoryCache)
        yours = exg_directory_cache_new(fixture->engine, fixture->path, 0, 0);
    g_autoptr(ExgDirectory) first = directory_new(fixture, mine);
    g_autoptr(ExgDirectory) second = directory_new(fixture, yours);
    Outcome outcome;
    learn(fixture, first, "ann@x");
    settle(fixture, mine);
    check(second, "ann@x", &outcome);
    while (outcome.answers == 0)
        exg_engine_iterate(fixture->engine, true);
    assert_outcome(&outcome, DELIVERABLE, CACHED);
    g_assert_cmpuint(fixture->opened, ==, 1);

    exg_clock_advance(4 * HOUR_US);
    check(first, "ann@x", &outcome);
    store_says(fixture, STORE_HAS_IT);
    settle(fixture, mine);
    check(second, "ann@x", &outcome);
    assert_outcome(&outcome, DELIVERABLE, CACHED);
    while (exg_directory_under_way(second) > 0)
        exg_engine_iterate(fixture->engine, true);
    g_assert_cmpuint(fixture->opened, ==, 2);
    exg_clock_advance(2 * HOUR_US + MINUTE_US); /* past what the second knew by itself */
    check(second, "ann@x", &outcome);
    assert_outcome(&outcome, DELIVERABLE, CACHED);
    g_assert_cmpuint(exg_directory_under_way(second), ==, 0);
}

/* Freed with a look-up under way: who waits is told, and nothing is learned from it. */
static void
test_free(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    ExgDirectory *directory = directory_new(fixture, cache);
    Outcome outcome;
    check(directory, "ann@x", &outcome);
    Call *call = g_queue_pop_head(&fixture->opening);
    exg_directory_free(directory);
    g_assert_true(g_cancellable_is_cancelled(call->cancellable));
    g_autoptr(GError) error = g_error_new(G_IO_ERROR, G_IO_ERROR_CANCELLED, "cancelled");
    call->mailbox_function(error, call->data);
    call_free(call);
    assert_outcome(&outcome, CANNOT_TELL, ASKED);
    g_assert_null(exg_directory_cache_find(cache, "ann@x"));
    exg_directory_free(NULL);
}

/* Lives of nothing: every check asks, and a mailbox is still good in an outage. */
static void
test_no_lives(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    const ExgDirectoryOptions options = {
        .source = fake_source(fixture), .cache = cache, .timeout_ms = 1000};
    g_autoptr(ExgDirectory) directory = exg_directory_new(fixture->engine, &options);
    Outcome outcome;
    for (guint i = 0; i < 3; i++)
        learn(fixture, directory, "ann@x");
    check(directory, "ann@x", &outcome);
    store_says(fixture, EXG_ERROR_UNREACHABLE);
    assert_outcome(&outcome, DELIVERABLE, STALE);
    check(directory, "ghost@x", &outcome);
    store_says(fixture, EXG_ERROR_UNREACHABLE);
    assert_outcome(&outcome, CANNOT_TELL, ASKED);
    g_assert_cmpuint(fixture->opened, ==, 5);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add("/directory/" #name, Fixture, NULL, set_up, test_##name, tear_down)
    ADD(witnesses);
    ADD(second_witness);
    ADD(lives);
    ADD(renewal);
    ADD(renewals_bounded);
    ADD(outage);
    ADD(single_flight);
    ADD(waiters);
    ADD(patience);
    ADD(recursion);
    ADD(forget);
    ADD(restart);
    ADD(two_caches);
    ADD(free);
    ADD(no_lives);
    return g_test_run();
}
