#include "common/mime/spool-budget.h"

struct ExgSpoolBudget {
    gint references;
    GMutex lock;
    guint64 max_bytes;
    guint64 used_bytes;
};

ExgSpoolBudget *
exg_spool_budget_new(guint64 max_bytes)
{
    ExgSpoolBudget *budget = g_new0(ExgSpoolBudget, 1);
    budget->references = 1;
    budget->max_bytes = max_bytes;
    g_mutex_init(&budget->lock);
    return budget;
}

ExgSpoolBudget *
exg_spool_budget_ref(ExgSpoolBudget *budget)
{
    g_atomic_int_inc(&budget->references);
    return budget;
}

void
exg_spool_budget_unref(ExgSpoolBudget *budget)
{
    if (budget == NULL || !g_atomic_int_dec_and_test(&budget->references))
        return;
    g_mutex_clear(&budget->lock);
    g_free(budget);
}

static bool
fits(const ExgSpoolBudget *budget, guint64 bytes)
{
    return budget->used_bytes <= budget->max_bytes &&
           bytes <= budget->max_bytes - budget->used_bytes;
}

bool
exg_spool_budget_take(ExgSpoolBudget *budget, guint64 bytes)
{
    g_mutex_lock(&budget->lock);
    bool good = fits(budget, bytes);
    if (good)
        budget->used_bytes += bytes;
    g_mutex_unlock(&budget->lock);
    return good;
}

void
exg_spool_budget_give_back(ExgSpoolBudget *budget, guint64 bytes)
{
    g_mutex_lock(&budget->lock);
    g_warn_if_fail(bytes <= budget->used_bytes);
    budget->used_bytes -= bytes;
    g_mutex_unlock(&budget->lock);
}

bool
exg_spool_budget_has(ExgSpoolBudget *budget, guint64 bytes)
{
    g_mutex_lock(&budget->lock);
    bool good = fits(budget, bytes);
    g_mutex_unlock(&budget->lock);
    return good;
}

guint64
exg_spool_budget_used(ExgSpoolBudget *budget)
{
    g_mutex_lock(&budget->lock);
    guint64 used_bytes = budget->used_bytes;
    g_mutex_unlock(&budget->lock);
    return used_bytes;
}

void
exg_spool_budget_set_max(ExgSpoolBudget *budget, guint64 max_bytes)
{
    g_mutex_lock(&budget->lock);
    budget->max_bytes = max_bytes;
    g_mutex_unlock(&budget->lock);
}
