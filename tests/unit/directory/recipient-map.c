/* The administrator's map: what it says, a change of the file, a wrong file, its end. */
#include "tests/unit/directory/fixture.h"

#include <glib/gstdio.h>
#include <unistd.h>

static void
write_map(Fixture *fixture, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_file_set_contents(fixture->path, text, -1, &error); /* renames: another inode */
    g_assert_no_error(error);
}

static ExgRecipientMap *
map_new(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    ExgRecipientMap *map = exg_recipient_map_new(fixture->engine, fixture->path, &error);
    g_assert_no_error(error);
    return map;
}

/* Asks again and again, until the answer has changed to that. */
static void
wait_for(Fixture *fixture, ExgRecipientMap *map, const char *address, ExgRecipientKind kind)
{
    while (exg_recipient_map_find(map, address) != kind) {
        exg_clock_advance(EXG_RECIPIENT_MAP_LOOK_MS * 1000);
        exg_engine_iterate(fixture->engine, false);
    }
}

static void
finding(Fixture *fixture, gconstpointer data)
{
    write_map(fixture, "Ann@X.test\nall@x.test group\nbob@x.test mailbox\n");
    g_autoptr(ExgRecipientMap) map = map_new(fixture);
    g_assert_cmpuint(exg_recipient_map_count(map), ==, 3);
    g_assert_cmpint(exg_recipient_map_find(map, "aNN@x.test"), ==, EXG_RECIPIENT_MAILBOX);
    g_assert_cmpint(exg_recipient_map_find(map, "bob@x.test"), ==, EXG_RECIPIENT_MAILBOX);
    g_assert_cmpint(exg_recipient_map_find(map, "all@x.test"), ==, EXG_RECIPIENT_GROUP);
    g_assert_cmpint(exg_recipient_map_find(map, "cat@x.test"), ==, EXG_RECIPIENT_UNKNOWN);
    g_assert_cmpint(exg_recipient_map_find(NULL, "ann@x.test"), ==, EXG_RECIPIENT_UNKNOWN);
}

static void
changes(Fixture *fixture, gconstpointer data)
{
    write_map(fixture, "ann@x.test\n");
    g_autoptr(ExgRecipientMap) map = map_new(fixture);
    write_map(fixture, "bob@x.test\n");
    wait_for(fixture, map, "bob@x.test", EXG_RECIPIENT_MAILBOX);
    g_assert_cmpint(exg_recipient_map_find(map, "ann@x.test"), ==, EXG_RECIPIENT_UNKNOWN);
    write_map(fixture, "bob@x.test group\ncat@x.test\n");
    wait_for(fixture, map, "cat@x.test", EXG_RECIPIENT_MAILBOX);
    g_assert_cmpint(exg_recipient_map_find(map, "bob@x.test"), ==, EXG_RECIPIENT_GROUP);
}

/* What was good stays in force, and what is good again is taken. */
static void
goes_wrong(Fixture *fixture, gconstpointer data)
{
    static const char *const wrong[] = {"ann@x.test\nnot an address\n", "ann@x.test contact\n",
                                        NULL};
    write_map(fixture, "ann@x.test\n");
    g_autoptr(ExgRecipientMap) map = map_new(fixture);
    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        if (wrong[i] != NULL)
            write_map(fixture, wrong[i]);
        else
            g_assert_cmpint(g_unlink(fixture->path), ==, 0);
        for (guint round = 0; round < 20; round++) {
            g_assert_cmpint(exg_recipient_map_find(map, "ann@x.test"), ==, EXG_RECIPIENT_MAILBOX);
            exg_clock_advance(EXG_RECIPIENT_MAP_LOOK_MS * 1000);
            exg_engine_iterate(fixture->engine, false);
            g_usleep(100);
        }
        g_autofree char *text = g_strdup_printf("ann@x.test\nuser%u@x.test\n", i);
        g_autofree char *address = g_strdup_printf("user%u@x.test", i);
        write_map(fixture, text);
        wait_for(fixture, map, address, EXG_RECIPIENT_MAILBOX);
    }
}

static void
wrong_at_first(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(exg_recipient_map_new(fixture->engine, fixture->path, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_clear_error(&error);
    write_map(fixture, "ann@x.test\nbob@x.test contact\n");
    g_assert_null(exg_recipient_map_new(fixture->engine, fixture->path, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_nonnull(strstr(error->message, fixture->path));
    g_assert_nonnull(strstr(error->message, "line 2: mailbox or group is expected"));
}

/* While it is being read again. */
static void
freed(Fixture *fixture, gconstpointer data)
{
    write_map(fixture, "ann@x.test\n");
    ExgRecipientMap *map = map_new(fixture);
    write_map(fixture, "bob@x.test\n");
    exg_clock_advance(EXG_RECIPIENT_MAP_LOOK_MS * 1000);
    exg_recipient_map_find(map, "ann@x.test");
    exg_recipient_map_free(map);
    while (exg_engine_iterate(fixture->engine, false))
        ;
    exg_recipient_map_free(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    exg_log_open("test", EXG_LOG_TO_STDERR, EXG_LOG_ERROR);
#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)
    ADD("/recipient-map/finding", finding);
    ADD("/recipient-map/changes", changes);
    ADD("/recipient-map/goes-wrong", goes_wrong);
    ADD("/recipient-map/wrong-at-first", wrong_at_first);
    ADD("/recipient-map/freed", freed);
    return g_test_run();
}
