#include "common/store/folder-cache.h"

#include "common/base/clock.h"

static bool
knows(ExgFolderCache *cache, const char *mailbox, const char *name, const char *expected)
{
    const char *id = "untouched";
    bool known = exg_folder_cache_find(cache, mailbox, name, &id);
    g_assert_cmpstr(id, ==, known ? expected : "untouched");
    return known;
}

static void
test_keys(void)
{
    g_autoptr(ExgFolderCache) cache = exg_folder_cache_new();
    g_assert_false(knows(cache, "ann@x.test", "lists", NULL));
    exg_folder_cache_put(cache, "Ann@X.test", "Lists", "A");
    exg_folder_cache_put(cache, "bob@x.test", "lists", NULL);
    g_assert_true(knows(cache, "ann@x.test", "LISTS", "A"));
    g_assert_true(knows(cache, "bob@x.test", "lists", NULL));
    g_assert_false(knows(cache, "ann@x.test", "list", NULL));
    exg_folder_cache_put(cache, "ann@x.test", "lists", "B");
    g_assert_true(knows(cache, "ann@x.test", "lists", "B"));
    exg_folder_cache_forget(cache, "ann@x.test", "lists");
    exg_folder_cache_forget(cache, "ann@x.test", "lists");
    g_assert_false(knows(cache, "ann@x.test", "lists", NULL));
    g_assert_true(knows(cache, "bob@x.test", "lists", NULL));
}

static void
test_life(void)
{
    g_autoptr(ExgFolderCache) cache = exg_folder_cache_new();
    exg_folder_cache_put(cache, "ann@x.test", "there", "A");
    exg_folder_cache_put(cache, "ann@x.test", "not", NULL);
    exg_clock_advance(EXG_FOLDER_CACHE_ABSENT_MS * 1000);
    g_assert_false(knows(cache, "ann@x.test", "not", NULL));
    g_assert_true(knows(cache, "ann@x.test", "there", "A"));
    exg_clock_advance(EXG_FOLDER_CACHE_FOUND_MS * 1000);
    g_assert_false(knows(cache, "ann@x.test", "there", "A"));
}

static void
test_limit(void)
{
    g_autoptr(ExgFolderCache) cache = exg_folder_cache_new();
    for (guint i = 0; i <= EXG_FOLDER_CACHE_MAX; i++) {
        g_autofree char *name = g_strdup_printf("%u", i);
        exg_folder_cache_put(cache, "ann@x.test", name, name);
    }
    g_assert_false(knows(cache, "ann@x.test", "0", NULL));
    g_assert_true(knows(cache, "ann@x.test", "1", "1"));
    g_assert_true(knows(cache, "ann@x.test", G_STRINGIFY(EXG_FOLDER_CACHE_MAX),
                        G_STRINGIFY(EXG_FOLDER_CACHE_MAX)));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/folder-cache/keys", test_keys);
    g_test_add_func("/store/folder-cache/life", test_life);
    g_test_add_func("/store/folder-cache/limit", test_limit);
    return g_test_run();
}
