#include "common/directory/order.h"

#include "common/base/error.h"

static const char *const names[EXG_N_STEPS] = {
    [EXG_STEP_MAP] = "map",
    [EXG_STEP_OPEN] = "open",
    [EXG_STEP_TIPS] = "tips",
    [EXG_STEP_RESOLVE] = "resolve",
};

const ExgDirectoryOrder exg_directory_usual_order = {
    {EXG_STEP_MAP, EXG_STEP_OPEN, EXG_STEP_TIPS, EXG_STEP_RESOLVE}};

static ExgDirectoryStep
step_of(const char *name)
{
    for (guint i = EXG_STEP_NONE + 1; i < EXG_N_STEPS; i++)
        if (g_str_equal(name, names[i]))
            return (ExgDirectoryStep)i;
    return EXG_STEP_NONE;
}

bool
exg_directory_order_parse(const char *const *words, ExgDirectoryOrder *ret_order, GError **error)
{
    ExgDirectoryOrder order = {{EXG_STEP_NONE}};
    guint count = 0;
    for (guint i = 0; words[i] != NULL; i++) {
        ExgDirectoryStep step = step_of(words[i]);
        if (step == EXG_STEP_NONE)
            return exg_error_set(error, EXG_ERROR_CONFIG,
                                 "%s: map, open, tips and resolve are expected", words[i]);
        if (exg_directory_order_has(&order, step))
            return exg_error_set(error, EXG_ERROR_CONFIG, "%s stands there twice", words[i]);
        order.steps[count++] = step;
    }
    if (count == 0)
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "one of map, open, tips and resolve is expected at least");
    *ret_order = order;
    return true;
}

bool
exg_directory_order_has(const ExgDirectoryOrder *order, ExgDirectoryStep step)
{
    for (guint i = 0; i < EXG_N_STEPS && order->steps[i] != EXG_STEP_NONE; i++)
        if (order->steps[i] == step)
            return true;
    return false;
}

guint
exg_directory_order_witnesses(const ExgDirectoryOrder *order)
{
    return (guint)exg_directory_order_has(order, EXG_STEP_OPEN) +
           exg_directory_order_has(order, EXG_STEP_TIPS) +
           exg_directory_order_has(order, EXG_STEP_RESOLVE);
}
