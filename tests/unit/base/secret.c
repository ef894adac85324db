#include "common/base/error.h"
#include "common/base/secret.h"

#include <glib/gstdio.h>
#include <string.h>

static char *directory;

static char *
file_with(const char *name, const char *content, gssize length)
{
    char *path = g_build_filename(directory, name, NULL);
    g_assert_true(g_file_set_contents(path, content, length, NULL));
    return path;
}

static void
test_file(void)
{
    static const char *const contents[] = {"pass word", "pass word\n", "pass word\r\n"};
    for (guint i = 0; i < G_N_ELEMENTS(contents); i++) {
        g_autofree char *path = file_with("p", contents[i], -1);
        g_autoptr(GError) error = NULL;
        g_autoptr(ExgSecret) secret = exg_secret_new_from_file(path, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(exg_secret_bytes(secret), ==, "pass word");
        g_assert_cmpuint(exg_secret_length(secret), ==, 9);
        g_unlink(path);
    }
}

static void
test_bad_files(void)
{
    g_autofree char *empty = file_with("empty", "\n", -1);
    g_autofree char *large_text = g_strnfill(EXG_SECRET_MAX_BYTES + 1, 'x');
    g_autofree char *large = file_with("large", large_text, -1);
    g_autofree char *absent = g_build_filename(directory, "absent", NULL);
    const char *const paths[] = {empty, large, absent, directory, "credential:name"};
    g_unsetenv("CREDENTIALS_DIRECTORY");
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(exg_secret_new_from_file(paths[i], &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
        g_assert_nonnull(strstr(error->message, paths[i]));
        g_assert_null(strstr(error->message, "xxx"));
    }
    g_unlink(empty);
    g_unlink(large);
}

static void
test_credential(void)
{
    g_autofree char *path = file_with("name", "from systemd", -1);
    g_setenv("CREDENTIALS_DIRECTORY", directory, TRUE);
    g_autoptr(ExgSecret) secret = exg_secret_new_from_file("credential:name", NULL);
    g_assert_cmpstr(exg_secret_bytes(secret), ==, "from systemd");
    g_unsetenv("CREDENTIALS_DIRECTORY");
    g_unlink(path);
}

static void
test_references(void)
{
    ExgSecret *secret = exg_secret_new("a\0b", 3);
    g_assert_cmpuint(exg_secret_length(secret), ==, 3);
    g_assert_true(exg_secret_ref(secret) == secret);
    exg_secret_unref(secret);
    g_assert_cmpint(memcmp(exg_secret_bytes(secret), "a\0b", 4), ==, 0);
    exg_secret_unref(secret);
    exg_secret_unref(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    directory = g_dir_make_tmp("exgate-secret-XXXXXX", NULL);
    g_test_add_func("/secret/file", test_file);
    g_test_add_func("/secret/bad-files", test_bad_files);
    g_test_add_func("/secret/credential", test_credential);
    g_test_add_func("/secret/references", test_references);
    int status = g_test_run();
    g_rmdir(directory);
    g_free(directory);
    return status;
}
