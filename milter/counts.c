#include "milter/counts.h"

static ExgCounts counts;

static void
add_one(guint64 *count)
{
    (void)__atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
}

static guint64
read_one(const guint64 *count)
{
    return __atomic_load_n(count, __ATOMIC_RELAXED);
}

void
exg_count(ExgCount what)
{
    add_one(&counts.counts[what]);
}

void
exg_count_decision(const ExgDecision *decision)
{
    add_one(&counts.decisions[decision->situation][decision->action]);
}

void
exg_counts_get(ExgCounts *ret_counts)
{
    for (guint i = 0; i < EXG_N_COUNTS; i++)
        ret_counts->counts[i] = read_one(&counts.counts[i]);
    for (guint i = 0; i < EXG_N_SITUATIONS; i++)
        for (guint j = 0; j < EXG_N_ACTIONS; j++)
            ret_counts->decisions[i][j] = read_one(&counts.decisions[i][j]);
}
