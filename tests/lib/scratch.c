#include "tests/lib/scratch.h"

#include <glib/gstdio.h>

char *
test_scratch_new(void)
{
    g_autoptr(GError) error = NULL;
    char *directory = g_dir_make_tmp("exgate-XXXXXX", &error);
    g_assert_no_error(error);
    return directory;
}

static void
remove_tree(const char *path)
{
    if (g_remove(path) == 0) /* first, so that no symbolic link is followed */
        return;
    test_scratch_empty(path);
    g_assert_no_errno(g_remove(path));
}

void
test_scratch_empty(const char *directory)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(directory, 0, &error);
    g_assert_no_error(error);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(directory, name, NULL);
        remove_tree(path);
    }
}

void
test_scratch_free(char *directory)
{
    if (directory != NULL)
        remove_tree(directory);
    g_free(directory);
}
