/* Token buckets: for all, for each client, given back, and how many clients are remembered. */
#include "common/directory/budget-private.h"

#define SECOND ((gint64)G_USEC_PER_SEC)
/* The clock of the machine, far from 0. */
#define START (1000000 * SECOND)

static guint
take_all(ExgDirectoryBudget *budget, const char *client, gint64 now_us, guint max)
{
    guint taken = 0;
    while (taken < max && exg_directory_budget_take(budget, client, now_us) == EXG_BUDGET_GRANTED)
        taken++;
    return taken;
}

static void
rate_for_all(void)
{
    g_autoptr(ExgDirectoryBudget) budget = exg_directory_budget_new(20, 0, 0);
    g_assert_cmpuint(take_all(budget, NULL, START, 10000), ==, 20 * EXG_DIRECTORY_BURST_S);
    g_assert_cmpint(exg_directory_budget_take(budget, "a", START), ==, EXG_BUDGET_ALL_SPENT);
    g_assert_cmpuint(take_all(budget, NULL, START + SECOND / 20 - 1, 10), ==, 0);
    g_assert_cmpuint(take_all(budget, NULL, START + SECOND / 20, 10), ==, 1);
    g_assert_cmpuint(take_all(budget, NULL, START + SECOND, 10000), ==, 19);
    g_assert_cmpuint(take_all(budget, NULL, START + 1000 * SECOND, 10000), ==,
                     20 * EXG_DIRECTORY_BURST_S);
    /* Never more than the rate, however it is asked for. */
    guint taken = 0;
    for (gint64 at_us = START + 1000 * SECOND; at_us < START + 1010 * SECOND; at_us += 777)
        taken += take_all(budget, NULL, at_us, 10000);
    g_assert_cmpuint(taken, >=, 10 * 20 - 1);
    g_assert_cmpuint(taken, <=, 10 * 20);
}

static void
clock_set_back(void)
{
    g_autoptr(ExgDirectoryBudget) budget = exg_directory_budget_new(1, 0, 0);
    take_all(budget, NULL, START, 10000);
    g_assert_cmpuint(take_all(budget, NULL, START - SECOND, 10), ==, 0);
    g_assert_cmpuint(take_all(budget, NULL, START, 10), ==, 1);
}

static void
rate_for_each(void)
{
    g_autoptr(ExgDirectoryBudget) budget = exg_directory_budget_new(0, 30, 0);
    g_assert_cmpuint(take_all(budget, "a", START, 1000), ==, 30);
    g_assert_cmpint(exg_directory_budget_take(budget, "a", START), ==, EXG_BUDGET_CLIENT_SPENT);
    g_assert_cmpuint(take_all(budget, "b", START, 1000), ==, 30);
    g_assert_cmpuint(take_all(budget, NULL, START, 1000), ==, 1000);
    g_assert_cmpuint(take_all(budget, "a", START + 4 * SECOND, 1000), ==, 2);
    /* What found somebody costs nothing. */
    for (guint i = 0; i < 100; i++) {
        exg_directory_budget_give_back(budget, "a", START + 4 * SECOND);
        g_assert_cmpint(exg_directory_budget_take(budget, "a", START + 4 * SECOND), ==,
                        EXG_BUDGET_GRANTED);
    }
    g_assert_cmpint(exg_directory_budget_take(budget, "a", START + 4 * SECOND), ==,
                    EXG_BUDGET_CLIENT_SPENT);
    /* Nobody gets richer than at the beginning. */
    for (guint i = 0; i < 100; i++)
        exg_directory_budget_give_back(budget, "a", START + 4 * SECOND);
    g_assert_cmpuint(take_all(budget, "a", START + 4 * SECOND, 1000), ==, 30);
    exg_directory_budget_give_back(budget, "unheard of", START);
    exg_directory_budget_give_back(budget, NULL, START);
}

/* What is refused to all costs the client nothing, and the other way round. */
static void
both(void)
{
    g_autoptr(ExgDirectoryBudget) budget = exg_directory_budget_new(1, 12, 0);
    g_assert_cmpuint(take_all(budget, "a", START, 1000), ==, EXG_DIRECTORY_BURST_S);
    g_assert_cmpint(exg_directory_budget_take(budget, "a", START), ==, EXG_BUDGET_ALL_SPENT);
    g_assert_cmpuint(take_all(budget, "a", START + 2 * SECOND, 1000), ==, 2);
    g_assert_cmpint(exg_directory_budget_take(budget, "a", START + 3 * SECOND), ==,
                    EXG_BUDGET_CLIENT_SPENT);
    g_assert_cmpint(exg_directory_budget_take(budget, "b", START + 3 * SECOND), ==,
                    EXG_BUDGET_GRANTED);
}

static void
clients_bounded(void)
{
    g_autoptr(ExgDirectoryBudget) budget = exg_directory_budget_new(0, 1, 100);
    g_assert_cmpint(exg_directory_budget_take(budget, "guesser", START), ==, EXG_BUDGET_GRANTED);
    for (guint i = 0; i < 10000; i++) {
        g_autofree char *name = g_strdup_printf("client %u", i);
        exg_directory_budget_take(budget, name, START);
        g_assert_cmpuint(exg_directory_budget_clients(budget), <=, 100);
        if (i % 50 == 0) /* who keeps coming is remembered */
            g_assert_cmpint(exg_directory_budget_take(budget, "guesser", START), ==,
                            EXG_BUDGET_CLIENT_SPENT);
    }
    exg_directory_budget_free(NULL);
}

static void
no_limits(void)
{
    g_autoptr(ExgDirectoryBudget) budget = exg_directory_budget_new(0, 0, 0);
    g_assert_cmpuint(take_all(budget, "a", START, 100000), ==, 100000);
    g_assert_cmpuint(exg_directory_budget_clients(budget), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/directory-budget/rate-for-all", rate_for_all);
    g_test_add_func("/directory-budget/clock-set-back", clock_set_back);
    g_test_add_func("/directory-budget/rate-for-each", rate_for_each);
    g_test_add_func("/directory-budget/both", both);
    g_test_add_func("/directory-budget/clients-bounded", clients_bounded);
    g_test_add_func("/directory-budget/no-limits", no_limits);
    return g_test_run();
}
