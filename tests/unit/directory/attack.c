/* A dictionary attack: random addresses by the thousand, from one client and from many, with mail for
 * known recipients between them. Memory stays bounded, Exchange is asked no more often than it may
 * be, and who is known is answered.
 *
 * DIRECTORY_ATTACK=1000000 makes it that many guesses.
 */
#include "common/directory/cache-file-private.h"
#include "tests/unit/directory/fixture.h"

#include <malloc.h>

#define USERS      500
#define RATE       50   /* look-ups a second */
#define GUESSES    20   /* a minute, for one client */
#define SPEED      2000 /* guesses a second */
#define AT_ONCE    200
#define MAX_GROWTH (8 * 1024 * 1024)
#define SHORT      20000
#define THREADS    8

static guint
attack_size(void)
{
    const char *text = g_getenv("DIRECTORY_ATTACK");
    return text != NULL ? (guint)g_ascii_strtoull(text, NULL, 10) : SHORT;
}

/* --- the organisation ------------------------------------------------------------------------- */

/* user0@x … are there; all answers come at once. */
typedef struct {
    ExgDirectorySource source;
    gint opened;
} Organisation;

static bool
is_user(const char *address)
{
    return g_str_has_prefix(address, "user");
}

static void
open_at_once(ExgDirectorySource *source, const char *address, gint64 deadline_us,
             GCancellable *cancellable, ExgSourceMailboxFunc function, gpointer data)
{
    g_autoptr(GError) nobody = exg_error_new(EXG_ERROR_NO_MAILBOX, "There is no such mailbox");
    g_atomic_int_inc(&((Organisation *)source)->opened);
    function(is_user(address) ? NULL : nobody, data);
}

static void
identify_at_once(ExgDirectorySource *source, const char *address, gint64 deadline_us,
                 GCancellable *cancellable, ExgSourceKindFunc function, gpointer data)
{
    function(is_user(address) ? EXG_RECIPIENT_MAILBOX : EXG_RECIPIENT_NOBODY, NULL, data);
}

static void
nothing(ExgDirectorySource *source)
{
}

static const ExgDirectorySourceClass organisation_class = {
    .open_mailbox = open_at_once, .identify = identify_at_once, .free = nothing};

static ExgDirectory *
guarded_new(Fixture *fixture, Organisation *organisation, ExgDirectoryCache *cache)
{
    const ExgDirectoryOptions options = {
        .source = &organisation->source,
        .cache = cache,
        .positive_life_ms = 6 * 3600 * 1000,
        .negative_life_ms = 300 * 1000,
        .failure_life_ms = 30 * 1000,
        .timeout_ms = 20 * 1000,
        .max_per_second = RATE,
        .max_guesses_per_minute = GUESSES,
    };
    organisation->source.class = &organisation_class;
    return exg_directory_new(fixture->engine, &options);
}

static void
know_users(ExgDirectoryCache *cache)
{
    for (guint i = 0; i < USERS; i++) {
        g_autofree char *address = g_strdup_printf("user%u@x", i);
        exg_directory_cache_put(cache, address, EXG_DIRECTORY_DELIVERABLE, EXG_RECIPIENT_MAILBOX);
    }
}

/* --- one thread, a clock of the test's ---------------------------------------------------------- */

typedef struct {
    guint under_way, answered, refused, nobody, misjudged;
} Tally;

static void
guess_answered(const ExgDirectoryFinding *finding, gpointer data)
{
    Tally *tally = data;
    tally->under_way--;
    tally->answered++;
    tally->nobody += finding->verdict == EXG_DIRECTORY_NO_SUCH;
    tally->refused += g_error_matches(finding->why, EXG_ERROR, EXG_ERROR_BUSY);
    tally->misjudged += finding->verdict != EXG_DIRECTORY_NO_SUCH &&
                        finding->verdict != EXG_DIRECTORY_CANNOT_TELL;
}

static void
check_user(ExgDirectory *directory, guint number)
{
    g_autofree char *address = g_strdup_printf("user%u@x", number % USERS);
    Outcome outcome = {0};
    exg_directory_check_for(directory, "192.0.2.1", address, exg_clock_deadline_ms(20000), NULL,
                            keep_outcome, &outcome);
    g_assert_cmpuint(outcome.answers, ==, 1); /* at once */
    g_assert_cmpint(outcome.verdict, ==, EXG_DIRECTORY_DELIVERABLE);
}

/* `clients`: how many take turns; 1: one alone. */
static void
attack(Fixture *fixture, bool with_file, guint clients)
{
    const guint guesses = attack_size();
    Organisation organisation = {0};
    g_autoptr(ExgDirectoryCache)
        cache = exg_directory_cache_new(fixture->engine, with_file ? fixture->path : NULL, 0, 0);
    g_autoptr(ExgDirectory) directory = guarded_new(fixture, &organisation, cache);
    Tally tally = {0};
    gsize used_early = 0;
    exg_clock_stop();
    know_users(cache);
    for (guint i = 0; i < guesses; i++) {
        g_autofree char *address = g_strdup_printf("%08x%08x@x", g_test_rand_int(),
                                                   g_test_rand_int());
        g_autofree char *client = g_strdup_printf("192.0.2.%u", i % clients);
        tally.under_way++;
        exg_directory_check_for(directory, client, address, exg_clock_deadline_ms(20000), NULL,
                                guess_answered, &tally);
        exg_clock_advance(G_USEC_PER_SEC / SPEED);
        if (i % 10 == 0)
            check_user(directory, i / 10);
        while (tally.under_way >= AT_ONCE)
            exg_engine_iterate(fixture->engine, true);
        if (i == guesses / 2)
            used_early = mallinfo2().uordblks;
    }
    while (tally.under_way > 0)
        exg_engine_iterate(fixture->engine, true);
    gsize used = mallinfo2().uordblks;
    g_test_message("%u guesses, %u of them looked up, %u refused; %" G_GSIZE_FORMAT " KiB in use",
                   guesses, tally.nobody, tally.refused, used / 1024);

    guint seconds = guesses / SPEED;
    g_assert_cmpuint(tally.answered, ==, guesses);
    g_assert_cmpuint(tally.misjudged, ==, 0);
    g_assert_cmpuint(tally.nobody + tally.refused, ==, guesses);
    g_assert_cmpint(organisation.opened, <=, (int)(RATE * (seconds + 10)));
    if (clients == 1)
        g_assert_cmpint(organisation.opened, <=, (int)(GUESSES * (seconds / 60 + 2)));
    else
        g_assert_cmpint(organisation.opened, >=, (int)(RATE * seconds)); /* no more, and no less */
    g_assert_cmpuint(used, <, used_early + MAX_GROWTH);
}

static void
one_client(Fixture *fixture, gconstpointer data)
{
    attack(fixture, false, 1);
}

/* More than are remembered, so that none of them is ever short of credit. */
static void
many_clients(Fixture *fixture, gconstpointer data)
{
    attack(fixture, false, 100000);
}

/* The file is bounded as well, and after a restart the users are known from it. */
static void
over_a_file(Fixture *fixture, gconstpointer data)
{
    attack(fixture, true, 100000);
    g_autoptr(ExgDirectoryCache)
        cache = exg_directory_cache_new(fixture->engine, fixture->path, 0, 0);
    Organisation organisation = {0};
    g_autoptr(ExgDirectory) directory = guarded_new(fixture, &organisation, cache);
    for (guint i = 0; i < USERS; i++) {
        g_autofree char *address = g_strdup_printf("user%u@x", i);
        Outcome outcome;
        check(directory, address, &outcome);
        while (outcome.answers == 0)
            exg_engine_iterate(fixture->engine, true);
        assert_outcome(&outcome, DELIVERABLE, CACHED);
    }
    g_assert_cmpint(organisation.opened, ==, 0);
}

/* --- threads, and the real clock ---------------------------------------------------------------- */

typedef struct {
    ExgDirectory *directory;
    guint number;
} Attacker;

static gpointer
run_attacker(gpointer data)
{
    const Attacker *self = data;
    g_autofree char *client = g_strdup_printf("2001:db8::%x", self->number);
    for (guint i = 0; i < 500; i++) {
        g_autofree char *user = g_strdup_printf("user%u@x", (self->number * 50 + i) % USERS);
        g_autofree char *guess = g_strdup_printf("guess%u.%u@x", self->number, i);
        g_autoptr(ExgDirectoryFinding) known = exg_directory_check_blocking(
            self->directory, client, user, exg_clock_deadline_ms(60000));
        g_autoptr(ExgDirectoryFinding) guessed = exg_directory_check_blocking(
            self->directory, client, guess, exg_clock_deadline_ms(60000));
        g_assert_cmpint(known->verdict, ==, EXG_DIRECTORY_DELIVERABLE);
        if (guessed->verdict != EXG_DIRECTORY_NO_SUCH) {
            g_assert_cmpint(guessed->verdict, ==, EXG_DIRECTORY_CANNOT_TELL);
            g_assert_error(guessed->why, EXG_ERROR, EXG_ERROR_BUSY);
        }
    }
    return NULL;
}

static void
threads(Fixture *fixture, gconstpointer data)
{
    Organisation organisation = {0};
    g_autoptr(ExgDirectoryCache)
        cache = exg_directory_cache_new(fixture->engine, fixture->path, 0, 0);
    ExgDirectory *directory = guarded_new(fixture, &organisation, cache);
    know_users(cache);
    Attacker attackers[THREADS];
    GThread *running[THREADS];
    gint64 begun_us = g_get_monotonic_time();
    exg_engine_start(fixture->engine);
    for (guint i = 0; i < THREADS; i++) {
        attackers[i] = (Attacker){directory, i};
        running[i] = g_thread_new("attacker", run_attacker, &attackers[i]);
    }
    for (guint i = 0; i < THREADS; i++)
        g_thread_join(running[i]);
    exg_directory_post_free(directory);
    exg_engine_stop(fixture->engine);
    gint64 minutes = (g_get_monotonic_time() - begun_us) / (60 * G_USEC_PER_SEC) + 1;
    g_assert_cmpint(organisation.opened, <=, THREADS * GUESSES * (minutes + 1));
    g_assert_cmpint(organisation.opened, >=, THREADS * GUESSES);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)
    ADD("/directory-attack/threads", threads); /* the others stop the clock */
    ADD("/directory-attack/one-client", one_client);
    ADD("/directory-attack/many-clients", many_clients);
    ADD("/directory-attack/over-a-file", over_a_file);
    return g_test_run();
}
