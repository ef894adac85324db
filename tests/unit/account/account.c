#include "common/account/account.h"

#include "common/base/error.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
    char *directory, *password, *other;
    ExgEngine *engine;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data)
{
    fixture->directory = g_dir_make_tmp("exgate-account-XXXXXX", NULL);
    fixture->password = g_build_filename(fixture->directory, "password", NULL);
    fixture->other = g_build_filename(fixture->directory, "other", NULL);
    g_assert_true(g_file_set_contents(fixture->password, "hunter2", -1, NULL));
    g_assert_true(g_file_set_contents(fixture->other, "not a certificate", -1, NULL));
    fixture->engine = exg_engine_new(NULL);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    exg_engine_unref(fixture->engine);
    g_autoptr(GDir) directory = g_dir_open(fixture->directory, 0, NULL);
    for (const char *name; (name = g_dir_read_name(directory)) != NULL;) {
        g_autofree char *path = g_build_filename(fixture->directory, name, NULL);
        g_unlink(path);
    }
    g_rmdir(fixture->directory);
    g_free(fixture->directory);
    g_free(fixture->password);
    g_free(fixture->other);
}

static ExgAccount *
account_of(Fixture *fixture, const char *password, const char *more, GError **error)
{
    g_autofree char *text = g_strdup_printf(
        "[exchange]\nendpoint = https://mail.example.com/EWS/Exchange.asmx\nusername = u\n"
        "throttle_file = %s/throttle.db\npassword_file = %s\n%s",
        fixture->directory, password, more);
    g_autoptr(ExgConf) conf = exg_conf_parse(text, strlen(text), "exgate.conf", NULL);
    g_assert_nonnull(conf);
    return exg_account_new(fixture->engine, conf, error);
}

static void
test_access(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgAccount) plain = account_of(fixture, fixture->password, "", NULL);
    ExgEwsTarget target = exg_account_target(plain, "ann@example.com");
    g_assert_cmpint(target.access, ==, EXG_EWS_IMPERSONATION);
    g_assert_cmpstr(target.mailbox, ==, "ann@example.com");
    g_assert_nonnull(exg_account_ews(plain));
    g_assert_nonnull(exg_account_http(plain));
    g_autoptr(ExgAccount)
        delegate = account_of(fixture, fixture->password, "access = delegate\n", NULL);
    g_assert_cmpint(exg_account_target(delegate, "x").access, ==, EXG_EWS_DELEGATE);
}

/* One sentence that names line and file, and nothing of what is in it. */
static void
expect_fault(Fixture *fixture, const char *password, const char *more, const char *key,
             const char *file)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(account_of(fixture, password, more, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_true(g_str_has_prefix(error->message, "exgate.conf:"));
    g_assert_nonnull(strstr(error->message, key));
    g_assert_nonnull(strstr(error->message, file));
    g_assert_null(strstr(error->message, "hunter2"));
    g_assert_null(strchr(error->message, '\n'));
}

static void
test_faults(Fixture *fixture, gconstpointer data)
{
    expect_fault(fixture, "/nonexistent/password", "", "password_file", "/nonexistent/password");
    expect_fault(fixture, fixture->password, "ca_file = /nonexistent/ca.pem\n", "ca_file",
                 "/nonexistent/ca.pem");
    g_autofree char *line = g_strdup_printf("ca_file = %s\n", fixture->other);
    expect_fault(fixture, fixture->password, line, "ca_file", fixture->other);
}

static void
test_versions(Fixture *fixture, gconstpointer data)
{
    g_autofree char *versions = exg_account_library_versions();
    g_assert_nonnull(strstr(versions, "libcurl "));
    g_assert_nonnull(strstr(versions, "libxml2 "));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add("/account/" #name, Fixture, NULL, set_up, test_##name, tear_down)
    ADD(access);
    ADD(faults);
    ADD(versions);
    return g_test_run();
}
