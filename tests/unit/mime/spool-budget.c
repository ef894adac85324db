#include "common/base/error.h"
#include "common/mime/message.h"
#include "common/mime/spool-budget.h"

#include <string.h>

static void
test_take(void)
{
    g_autoptr(ExgSpoolBudget) budget = exg_spool_budget_new(100);
    g_assert_true(exg_spool_budget_take(budget, 60));
    g_assert_false(exg_spool_budget_take(budget, 41));
    g_assert_cmpuint(exg_spool_budget_used(budget), ==, 60);
    g_assert_true(exg_spool_budget_has(budget, 40));
    g_assert_true(exg_spool_budget_take(budget, 40));
    g_assert_false(exg_spool_budget_has(budget, 1));
    g_assert_true(exg_spool_budget_has(budget, 0));
    exg_spool_budget_give_back(budget, 100);
    g_assert_cmpuint(exg_spool_budget_used(budget), ==, 0);
    g_assert_false(exg_spool_budget_take(budget, G_MAXUINT64));
}

/* A reload may leave more in hand than is allowed from now on. */
static void
test_shrink(void)
{
    g_autoptr(ExgSpoolBudget) budget = exg_spool_budget_new(100);
    g_assert_true(exg_spool_budget_take(budget, 60));
    exg_spool_budget_set_max(budget, 50);
    g_assert_false(exg_spool_budget_has(budget, 0));
    exg_spool_budget_give_back(budget, 60);
    g_assert_true(exg_spool_budget_take(budget, 50));
    exg_spool_budget_give_back(budget, 50);
}

static void
keep(ExgMessage *message, const GError *error, gpointer data)
{
    g_assert_no_error(error);
    *(ExgMessage **)data = message;
}

/* A message counts until its last reader has let go of it; one that does not fit is refused and counts for nothing. */
static void
test_messages(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    g_autoptr(ExgWorkerPool) workers = exg_worker_pool_new(engine, 1, 10);
    g_autoptr(ExgSpoolBudget) budget = exg_spool_budget_new(1000);
    const ExgMessageOptions options = {.size_max = 10000,
                                       .memory_max = 10000,
                                       .spool_directory = "/nonexistent",
                                       .workers = workers,
                                       .budget = budget};
    g_autofree char *content = g_strnfill(700, 'x');
    g_autoptr(ExgMessageBuilder) first = exg_message_builder_new(&options);
    g_autoptr(ExgMessageBuilder) second = exg_message_builder_new(&options);
    g_autoptr(GError) error = NULL;
    g_assert_true(exg_message_builder_append(first, content, 700, NULL));
    ExgMessage *message = NULL;
    exg_message_builder_finish_async(first, keep, &message);
    g_assert_cmpuint(exg_spool_budget_used(budget), ==, 700);

    g_assert_false(exg_message_builder_append(second, content, 700, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_RESOURCES);
    g_assert_cmpuint(exg_spool_budget_used(budget), ==, 700);

    exg_message_unref(message);
    g_assert_cmpuint(exg_spool_budget_used(budget), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/spool-budget/take", test_take);
    g_test_add_func("/spool-budget/shrink", test_shrink);
    g_test_add_func("/spool-budget/messages", test_messages);
    return g_test_run();
}
