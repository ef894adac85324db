#include "common/io/engine.h"

#include "common/base/clock.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMERS           10000
#define THREADS          4
#define POSTS_PER_THREAD 5000

static void
spin(ExgEngine *engine, guint rounds)
{
    for (guint i = 0; i < rounds; i++)
        exg_engine_iterate(engine, false);
}

/* --- timers ----------------------------------------------------------------------------------- */

typedef struct {
    ExgTimer timer;
    gint64 expected_us; /* EXG_NO_DEADLINE: must not fire */
    guint fired;
} Alarm;

static gint64 last_due_us;
static guint total_fired;

static void
on_alarm(gpointer data)
{
    Alarm *alarm = data;
    g_assert_false(exg_timer_is_set(&alarm->timer));
    g_assert_cmpint(alarm->expected_us, !=, EXG_NO_DEADLINE);
    g_assert_cmpint(alarm->expected_us, <=, exg_clock_monotonic_us());
    g_assert_cmpint(alarm->expected_us, >=, last_due_us);
    last_due_us = alarm->expected_us;
    alarm->fired++;
    total_fired++;
}

static void
set_alarm(Alarm *alarm, gint64 due_us)
{
    exg_timer_set(&alarm->timer, due_us);
    alarm->expected_us = due_us;
    g_assert_cmpint(exg_timer_is_set(&alarm->timer), ==, due_us != EXG_NO_DEADLINE);
}

/* Random sets, cancels and moves; then the clock is moved past them in steps, and each fires once, in order. */
static void
test_timers_random(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    g_autofree Alarm *alarms = g_new0(Alarm, TIMERS);
    const gint64 start_us = exg_clock_deadline_ms(3600 * 1000);
    const gint32 span_us = 1000 * 1000;
    for (guint i = 0; i < TIMERS; i++) {
        exg_timer_init(&alarms[i].timer, engine, on_alarm, &alarms[i]);
        set_alarm(&alarms[i], start_us + g_test_rand_int_range(0, span_us));
    }
    for (guint i = 0; i < 2 * TIMERS; i++) {
        Alarm *alarm = &alarms[g_test_rand_int_range(0, TIMERS)];
        if (g_test_rand_bit()) {
            set_alarm(alarm, start_us + g_test_rand_int_range(0, span_us));
        } else {
            exg_timer_cancel(&alarm->timer);
            exg_timer_cancel(&alarm->timer);
            alarm->expected_us = EXG_NO_DEADLINE;
        }
    }
    guint expected = 0;
    for (guint i = 0; i < TIMERS; i++)
        expected += alarms[i].expected_us != EXG_NO_DEADLINE;
    g_assert_cmpuint(expected, >, TIMERS / 4);

    last_due_us = 0;
    total_fired = 0;
    spin(engine, 2);
    g_assert_cmpuint(total_fired, ==, 0);
    exg_clock_advance(start_us - exg_clock_monotonic_us());
    for (guint step = 0; step < 20; step++) {
        exg_clock_advance(span_us / 19);
        spin(engine, 1);
    }
    g_assert_cmpuint(total_fired, ==, expected);
    for (guint i = 0; i < TIMERS; i++)
        g_assert_cmpuint(alarms[i].fired, ==, alarms[i].expected_us != EXG_NO_DEADLINE);
    g_assert_false(exg_engine_iterate(engine, false));
}

typedef struct {
    ExgTimer timer, *other;
    guint fired;
    gint64 again_us;
} Chain;

static void
on_chain(gpointer data)
{
    Chain *chain = data;
    chain->fired++;
    if (chain->other != NULL)
        exg_timer_cancel(chain->other);
    exg_timer_set(&chain->timer, chain->again_us);
}

/* A timer that is due for ever neither keeps the round going nor holds up a later one. */
static void
test_timer_again(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    Chain always = {.again_us = 0};
    Chain once = {.again_us = EXG_NO_DEADLINE};
    exg_timer_init(&always.timer, engine, on_chain, &always);
    exg_timer_init(&once.timer, engine, on_chain, &once);
    exg_timer_set(&always.timer, 0);
    exg_timer_set(&once.timer, exg_clock_monotonic_us());
    spin(engine, 1);
    g_assert_cmpuint(always.fired, ==, 1);
    g_assert_cmpuint(once.fired, ==, 1);
    while (always.fired < 3)
        exg_engine_iterate(engine, true);
    g_assert_cmpuint(once.fired, ==, 1);
    exg_timer_cancel(&always.timer);
    g_assert_false(exg_engine_iterate(engine, false));
}

static void
test_timer_cancels_sibling(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    Chain first = {.again_us = EXG_NO_DEADLINE};
    Chain second = {.again_us = EXG_NO_DEADLINE, .other = &first.timer};
    first.other = &second.timer;
    exg_timer_init(&first.timer, engine, on_chain, &first);
    exg_timer_init(&second.timer, engine, on_chain, &second);
    exg_timer_set(&first.timer, 1);
    exg_timer_set(&second.timer, 1);
    spin(engine, 2);
    g_assert_cmpuint(first.fired + second.fired, ==, 1);
}

/* The wait ends when a timer is due, without anything else to wake the engine. */
static void
test_timer_wakes(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    Chain chain = {.again_us = EXG_NO_DEADLINE};
    exg_timer_init(&chain.timer, engine, on_chain, &chain);
    gint64 due_us = exg_clock_monotonic_us() + 20 * 1000;
    exg_timer_set(&chain.timer, due_us);
    guint rounds = 0;
    for (; chain.fired == 0; rounds++)
        exg_engine_iterate(engine, true);
    g_assert_cmpint(exg_clock_monotonic_us(), >=, due_us);
    g_assert_cmpuint(rounds, <=, 3);
}

/* --- sockets ---------------------------------------------------------------------------------- */

typedef struct Pair Pair;
struct Pair {
    int fds[2];
    ExgWatch *watch;
    Pair *others; /* whose watches to free when called */
    guint n_others;
    guint calls, events;
    guint set_events; /* G_MAXUINT: leave */
};

static void
on_pair(int fd, guint events, gpointer data)
{
    Pair *pair = data;
    g_assert_cmpint(fd, ==, pair->fds[0]);
    pair->calls++;
    pair->events = events;
    if (pair->set_events != G_MAXUINT)
        exg_watch_set_events(pair->watch, pair->set_events);
    for (guint i = 0; i < pair->n_others; i++)
        g_clear_pointer(&pair->others[i].watch, exg_watch_free);
}

static void
pair_open(Pair *pair, ExgEngine *engine, guint events)
{
    *pair = (Pair){.set_events = G_MAXUINT};
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair->fds),
                    ==, 0);
    pair->watch = exg_watch_new(engine, pair->fds[0], events, on_pair, pair);
}

static void
pair_close(Pair *pair)
{
    exg_watch_free(pair->watch);
    close(pair->fds[0]);
    if (pair->fds[1] >= 0)
        close(pair->fds[1]);
}

static void
hang_up(Pair *pair)
{
    close(pair->fds[1]);
    pair->fds[1] = -1;
}

static void
test_watch_events(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    Pair pair;
    pair_open(&pair, engine, EXG_IO_READ);
    spin(engine, 3);
    g_assert_cmpuint(pair.calls, ==, 0);
    g_assert_cmpint(write(pair.fds[1], "x", 1), ==, 1);
    spin(engine, 2);
    g_assert_cmpuint(pair.calls, ==, 2); /* level-triggered */
    g_assert_cmpuint(pair.events, ==, EXG_IO_READ);
    exg_watch_set_events(pair.watch, EXG_IO_READ | EXG_IO_WRITE);
    spin(engine, 1);
    g_assert_cmpuint(pair.events, ==, EXG_IO_READ | EXG_IO_WRITE);
    exg_watch_set_events(pair.watch, EXG_IO_WRITE);
    spin(engine, 1);
    g_assert_cmpuint(pair.events, ==, EXG_IO_WRITE);
    exg_watch_set_events(pair.watch, 0);
    g_assert_false(exg_engine_iterate(engine, false));
    exg_watch_set_events(pair.watch, EXG_IO_READ);
    spin(engine, 1);
    g_assert_cmpuint(pair.events, ==, EXG_IO_READ);
    pair_close(&pair);
}

/* A hang-up reports what was asked for; where nothing is asked for it must not wake the engine at all. */
static void
test_watch_hang_up(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    Pair reader;
    Pair writer;
    Pair idle;
    pair_open(&reader, engine, EXG_IO_READ);
    pair_open(&writer, engine, EXG_IO_WRITE);
    pair_open(&idle, engine, 0);
    hang_up(&reader);
    hang_up(&writer);
    hang_up(&idle);
    reader.set_events = writer.set_events = 0;
    spin(engine, 1);
    g_assert_cmpuint(reader.events, ==, EXG_IO_READ);
    g_assert_cmpuint(writer.events, ==, EXG_IO_WRITE);
    for (guint i = 0; i < 10; i++)
        g_assert_false(exg_engine_iterate(engine, false));
    g_assert_cmpuint(reader.calls + writer.calls + idle.calls, ==, 2);
    exg_watch_set_events(idle.watch, EXG_IO_READ);
    spin(engine, 1);
    g_assert_cmpuint(idle.events, ==, EXG_IO_READ);
    pair_close(&reader);
    pair_close(&writer);
    pair_close(&idle);
}

/* Many are ready in one round, and the first one called frees them all, itself too. */
static void
test_watch_freed_in_round(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    Pair pairs[50];
    for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
        pair_open(&pairs[i], engine, EXG_IO_READ | EXG_IO_WRITE);
        pairs[i].others = pairs;
        pairs[i].n_others = G_N_ELEMENTS(pairs);
    }
    spin(engine, 2);
    guint calls = 0;
    for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
        calls += pairs[i].calls;
        pair_close(&pairs[i]);
    }
    g_assert_cmpuint(calls, ==, 1);
}

/* What the kernel reported before a sibling changed the events does not count any more. */
static void
test_watch_masked_in_round(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    Pair pairs[2];
    for (guint i = 0; i < 2; i++)
        pair_open(&pairs[i], engine, EXG_IO_WRITE);
    spin(engine, 1);
    g_assert_cmpuint(pairs[0].calls + pairs[1].calls, ==, 2);
    for (guint i = 0; i < 2; i++) {
        pairs[i].others = &pairs[1 - i];
        pairs[i].n_others = 1;
        exg_watch_set_events(pairs[i].watch, EXG_IO_WRITE);
    }
    spin(engine, 3);
    g_assert_cmpuint(MIN(pairs[0].calls, pairs[1].calls), ==, 1);
    pair_close(&pairs[0]);
    pair_close(&pairs[1]);
}

/* More sockets than one round takes: all get their turn. */
static void
test_watch_many(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    g_autofree Pair *pairs = g_new(Pair, 400);
    for (guint i = 0; i < 400; i++)
        pair_open(&pairs[i], engine, EXG_IO_WRITE);
    spin(engine, 4);
    for (guint i = 0; i < 400; i++) {
        g_assert_cmpuint(pairs[i].calls, >=, 1);
        pair_close(&pairs[i]);
    }
}

/* --- laters ----------------------------------------------------------------------------------- */

typedef struct {
    ExgLater later, *cancels;
    GString *order;
    char name;
    bool again;
} Note;

static void
on_note(gpointer data)
{
    Note *note = data;
    g_string_append_c(note->order, note->name);
    if (note->cancels != NULL)
        exg_later_cancel(note->cancels);
    if (note->again)
        exg_later_set(&note->later);
}

static void
set_note(gpointer data)
{
    Note *note = data;
    g_string_append_c(note->order, '.');
    exg_later_set(&note->later);
}

static void
test_later(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    g_autoptr(GString) order = g_string_new(NULL);
    Note notes[4];
    for (guint i = 0; i < G_N_ELEMENTS(notes); i++) {
        notes[i] = (Note){.order = order, .name = (char)('a' + i)};
        exg_later_init(&notes[i].later, engine, on_note, &notes[i]);
    }
    exg_later_set(&notes[0].later);
    exg_later_set(&notes[0].later);
    exg_later_set(&notes[1].later);
    exg_later_set(&notes[2].later);
    notes[0].cancels = &notes[1].later;
    notes[2].again = true;
    exg_engine_post(engine, set_note, &notes[3]);
    spin(engine, 1);
    g_assert_cmpstr(
        order->str, ==,
        ".acd"); /* behind what was posted; b is cancelled, c waits for the next round */
    spin(engine, 2);
    g_assert_cmpstr(order->str, ==, ".acdcc");
    exg_later_cancel(&notes[2].later);
    exg_later_cancel(&notes[2].later);
    g_assert_false(exg_engine_iterate(engine, false));
}

/* --- posts ------------------------------------------------------------------------------------ */

typedef struct {
    ExgEngine *engine;
    guint next[THREADS]; /* what is expected of each */
    guint total;
} Inbox;

typedef struct {
    Inbox *inbox;
    guint thread, number;
} Letter;

static void
on_letter(gpointer data)
{
    g_autofree Letter *letter = data;
    Inbox *inbox = letter->inbox;
    g_assert_true(exg_engine_is_current(inbox->engine));
    g_assert_cmpuint(letter->number, ==, inbox->next[letter->thread]);
    inbox->next[letter->thread]++;
    if (++inbox->total == THREADS * POSTS_PER_THREAD)
        exg_engine_quit(inbox->engine);
}

static gpointer
post_letters(gpointer data)
{
    const Letter *template = data;
    g_assert_false(exg_engine_is_current(template->inbox->engine));
    for (guint i = 0; i < POSTS_PER_THREAD; i++) {
        Letter *letter = g_new(Letter, 1);
        *letter = (Letter){template->inbox, template->thread, i};
        exg_engine_post(template->inbox->engine, on_letter, letter);
    }
    return NULL;
}

static void
test_post_threads(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    Inbox inbox = {.engine = engine};
    Letter templates[THREADS];
    GThread *threads[THREADS];
    for (guint i = 0; i < THREADS; i++) {
        templates[i] = (Letter){&inbox, i, 0};
        threads[i] = g_thread_new("poster", post_letters, &templates[i]);
    }
    exg_engine_run(engine);
    for (guint i = 0; i < THREADS; i++)
        g_thread_join(threads[i]);
    g_assert_cmpuint(inbox.total, ==, THREADS * POSTS_PER_THREAD);
}

typedef struct {
    ExgEngine *engine;
    GString *order;
    guint depth;
} Nest;

static void
on_nest(gpointer data)
{
    Nest *nest = data;
    guint depth = nest->depth++;
    g_string_append_printf(nest->order, "%u", depth);
    if (depth < 3)
        exg_engine_post(nest->engine, on_nest, nest);
    g_string_append_c(nest->order, '.'); /* never inside the call */
}

static void
test_post_nested(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    g_autoptr(GString) order = g_string_new(NULL);
    Nest nest = {engine, order, 0};
    exg_engine_post(engine, on_nest, &nest);
    spin(engine, 1);
    g_assert_cmpstr(order->str, ==, "0.");
    spin(engine, 4);
    g_assert_cmpstr(order->str, ==, "0.1.2.3.");
}

/* --- running ---------------------------------------------------------------------------------- */

static void
count_up(gpointer data)
{
    (*(guint *)data)++;
}

static void
test_quit_before_run(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    guint count = 0;
    exg_engine_post(engine, count_up, &count);
    exg_engine_quit(engine);
    exg_engine_quit(engine);
    exg_engine_post(engine, count_up, &count);
    exg_engine_run(engine); /* would hang if the quit were lost */
    g_assert_cmpuint(count, ==, 2);
}

typedef struct {
    ExgEngine *engine;
    guint runs;
} Twice;

static void
quit_twice(gpointer data)
{
    Twice *twice = data;
    twice->runs++;
    exg_engine_quit(twice->engine);
    exg_engine_quit(twice->engine);
}

/* A second quit does not end the run after. */
static void
test_quit_twice(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    Twice twice = {engine, 0};
    for (guint i = 1; i <= 3; i++) {
        exg_engine_post(engine, quit_twice, &twice);
        exg_engine_run(engine);
        g_assert_cmpuint(twice.runs, ==, i);
    }
}

static void
test_start_stop(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    guint count = 0;
    for (guint i = 1; i <= 20; i++) {
        exg_engine_start(engine);
        exg_engine_post(engine, count_up, &count);
        if (i % 3 == 0)
            exg_engine_quit(engine);
        exg_engine_stop(engine);
        g_assert_cmpuint(count, ==, i);
    }
    exg_engine_stop(engine);
    exg_engine_start(engine); /* the last reference ends it too */
}

static gboolean
on_idle(gpointer data)
{
    g_assert_true(g_main_context_get_thread_default() == data);
    return G_SOURCE_REMOVE;
}

/* GLib's own sources work beside ours. */
static void
test_context(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    GMainContext *context = exg_engine_context(engine);
    g_autoptr(GSource) source = g_idle_source_new();
    g_source_set_callback(source, on_idle, context, NULL);
    g_source_attach(source, context);
    g_assert_true(exg_engine_iterate(engine, true));
    g_assert_true(g_source_is_destroyed(source));
    g_assert_false(exg_engine_is_current(engine));
}

static gboolean
on_signal(gpointer data)
{
    exg_engine_quit(data);
    return G_SOURCE_CONTINUE;
}

static void
test_signal(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    exg_engine_on_signal(engine, SIGUSR1, on_signal, engine);
    for (guint i = 0; i < 3; i++) {
        g_assert_no_errno(kill(getpid(), SIGUSR1));
        exg_engine_run(engine);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engine/timer/random", test_timers_random);
    g_test_add_func("/engine/timer/again", test_timer_again);
    g_test_add_func("/engine/timer/cancels-sibling", test_timer_cancels_sibling);
    g_test_add_func("/engine/timer/wakes", test_timer_wakes);
    g_test_add_func("/engine/watch/events", test_watch_events);
    g_test_add_func("/engine/watch/hang-up", test_watch_hang_up);
    g_test_add_func("/engine/watch/freed-in-round", test_watch_freed_in_round);
    g_test_add_func("/engine/watch/masked-in-round", test_watch_masked_in_round);
    g_test_add_func("/engine/watch/many", test_watch_many);
    g_test_add_func("/engine/later", test_later);
    g_test_add_func("/engine/post/threads", test_post_threads);
    g_test_add_func("/engine/post/nested", test_post_nested);
    g_test_add_func("/engine/quit-before-run", test_quit_before_run);
    g_test_add_func("/engine/quit-twice", test_quit_twice);
    g_test_add_func("/engine/start-stop", test_start_stop);
    g_test_add_func("/engine/context", test_context);
    g_test_add_func("/engine/signal", test_signal);
    return g_test_run();
}
