/* order.h - whom to ask about a recipient, and in which order: `sources` of exgate.conf.
 *
 *   map      the administrator's file of addresses
 *   open     GetFolder on the inbox, as a delivery opens it: the store's word, and the surest one
 *   tips     GetMailTips
 *   resolve  ResolveNames: the directory's word
 *
 * They are asked one after the other until one of them knows the recipient. That a recipient does
 * not exist is believed if all that were asked say so, at least two of them.
 *
 * Threads:  pure functions.
 * Errors:   EXG_ERROR_CONFIG.
 */
#ifndef EXG_DIRECTORY_ORDER_H
#define EXG_DIRECTORY_ORDER_H

#include <glib.h>
#include <stdbool.h>

typedef enum {
    EXG_STEP_NONE,
    EXG_STEP_MAP,
    EXG_STEP_OPEN,
    EXG_STEP_TIPS,
    EXG_STEP_RESOLVE,
    EXG_N_STEPS
} ExgDirectoryStep;

/* The first EXG_STEP_NONE ends it. */
typedef struct {
    ExgDirectoryStep steps[EXG_N_STEPS];
} ExgDirectoryOrder;

/* map, open, tips, resolve */
extern const ExgDirectoryOrder exg_directory_usual_order;

/* `names`: NULL-terminated. At least one; none twice. */
bool exg_directory_order_parse(const char *const *names, ExgDirectoryOrder *ret_order,
                               GError **error);
bool exg_directory_order_has(const ExgDirectoryOrder *order, ExgDirectoryStep step);
/* How many of them can say that a recipient does not exist. */
guint exg_directory_order_witnesses(const ExgDirectoryOrder *order);

#endif
