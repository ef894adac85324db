/* The directory of a configuration: what is refused, and what of it reaches Exchange. */
#include "common/directory/configured.h"

#include "tests/unit/directory/fixture.h"

static ExgDirectory *
configured(Fixture *fixture, const char *user, const char *keys, GError **error)
{
    g_autofree char *password = g_build_filename(fixture->scratch, "password", NULL);
    g_assert_true(g_file_set_contents(password, "secret", -1, NULL));
    g_autofree char *text = g_strdup_printf("[exchange]\nendpoint = https://127.0.0.1:1/EWS\n"
                                            "username = %s\npassword_file = %s\n"
                                            "[directory]\n%s",
                                            user, password, keys);
    g_autoptr(GError) wrong = NULL;
    g_autoptr(ExgConf) conf = exg_conf_parse(text, strlen(text), "test", &wrong);
    g_assert_no_error(wrong);
    g_autoptr(ExgAccount) account = exg_account_new(fixture->engine, conf, &wrong);
    g_assert_no_error(wrong);
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    return exg_directory_new_configured(fixture->engine, conf, account, cache, true, error);
}

static guint warnings;

static void
count_warnings(ExgLogLevel level, const char *line, gpointer data)
{
    warnings += level == EXG_LOG_WARNING && strstr(line, "no recipient is ever found not to exist");
}

static void
good(Fixture *fixture, gconstpointer data)
{
    static const struct {
        const char *user, *keys;
        guint warnings;
    } rows[] = {
        {"svc@x.test", "", 0},
        {"EXAMPLE\\svc", "", 0},
        {"EXAMPLE\\svc", "sources = tips resolve\n", 1}, /* for whom would tips be asked? */
        {"EXAMPLE\\svc", "sources = tips resolve\ntips_sender = svc@x.test\n", 0},
        {"svc@x.test", "sources = resolve tips\n", 0},
        {"svc@x.test", "sources = open\n", 1},
    };
    exg_log_set_sink(count_warnings, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        warnings = 0;
        g_autoptr(ExgDirectory) directory = configured(fixture, rows[i].user, rows[i].keys, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(warnings, ==, rows[i].warnings);
    }
}

static void
wrong(Fixture *fixture, gconstpointer data)
{
    g_autofree char *map = g_strdup_printf("map = %s\n", fixture->path);
    g_autofree char *unused = g_strdup_printf("sources = open resolve\nmap = %s\n", fixture->path);
    g_autoptr(GError) error = NULL;
    g_assert_null(configured(fixture, "svc", "sources = open ldap\n", &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_nonnull(strstr(error->message, "test:6: [directory] sources: ldap: "));
    g_clear_error(&error);
    g_assert_null(configured(fixture, "svc", map, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_nonnull(strstr(error->message, "test:6: [directory] map: "));
    g_clear_error(&error);
    g_autoptr(ExgDirectory) directory = configured(fixture, "svc", unused, &error);
    g_assert_no_error(error); /* nobody looks into it */
}

static void
listed(Fixture *fixture, gconstpointer data)
{
    g_autofree char *map = g_strdup_printf("map = %s\n", fixture->path);
    g_assert_true(g_file_set_contents(fixture->path, "ann@x.test\n", -1, NULL));
    g_autoptr(ExgDirectory) directory = configured(fixture, "svc", map, NULL);
    Outcome outcome;
    check(directory, "ann@x.test", &outcome);
    assert_outcome(&outcome, DELIVERABLE, LISTED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)
    ADD("/directory-configured/good", good);
    ADD("/directory-configured/wrong", wrong);
    ADD("/directory-configured/listed", listed);
    return g_test_run();
}
