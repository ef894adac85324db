/* `sources`: which words are good, in which order. */
#include "common/base/error.h"
#include "common/directory/order.h"

static void
good(void)
{
    const char *const words[] = {"resolve", "map", "tips", NULL};
    ExgDirectoryOrder order;
    g_autoptr(GError) error = NULL;
    g_assert_true(exg_directory_order_parse(words, &order, &error));
    g_assert_no_error(error);
    g_assert_cmpint(order.steps[0], ==, EXG_STEP_RESOLVE);
    g_assert_cmpint(order.steps[1], ==, EXG_STEP_MAP);
    g_assert_cmpint(order.steps[2], ==, EXG_STEP_TIPS);
    g_assert_cmpint(order.steps[3], ==, EXG_STEP_NONE);
    g_assert_true(exg_directory_order_has(&order, EXG_STEP_MAP));
    g_assert_false(exg_directory_order_has(&order, EXG_STEP_OPEN));
    g_assert_cmpuint(exg_directory_order_witnesses(&order), ==, 2);
    g_assert_cmpuint(exg_directory_order_witnesses(&exg_directory_usual_order), ==, 3);
}

static void
all(void)
{
    const char *const words[] = {"map", "open", "tips", "resolve", NULL};
    ExgDirectoryOrder order;
    g_assert_true(exg_directory_order_parse(words, &order, NULL));
    g_assert_cmpmem(&order, sizeof order, &exg_directory_usual_order, sizeof order);
}

static void
bad(void)
{
    const struct {
        const char *words[6];
        const char *message;
    } rows[] = {
        {{NULL}, "at least"},
        {{"open", "ldap", NULL}, "ldap: map, open, tips and resolve are expected"},
        {{"open", "map", "open", NULL}, "open stands there twice"},
        {{"map", "open", "tips", "resolve", "map", NULL}, "map stands there twice"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        ExgDirectoryOrder order;
        g_autoptr(GError) error = NULL;
        g_assert_false(exg_directory_order_parse(rows[i].words, &order, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
        g_assert_nonnull(g_strstr_len(error->message, -1, rows[i].message));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/directory-order/good", good);
    g_test_add_func("/directory-order/all", all);
    g_test_add_func("/directory-order/bad", bad);
    return g_test_run();
}
