/* journaled-store.h - wraps a store so that each delivery key is stored exactly once, through lost
 * answers, crashes and retries.
 *
 * The intent is durable before the inner store is asked to deliver. A retry of what is done
 * succeeds at once; a retry of what may still be under way is EXG_ERROR_BUSY (451 4.4.2) with the
 * time to wait; a retry of what is open asks the inner store for the key first.
 *
 * A message that another host may have tried, or whose row may be lost, has no row here: `check`
 * says when the store is asked for it before the first try. A miss is not proof (the index may
 * lag): a duplicate is preferred to a loss, and both are counted.
 *
 * Threads:  the engine's.
 */
#ifndef EXG_STORE_JOURNALED_STORE_H
#define EXG_STORE_JOURNALED_STORE_H

#include "common/store/journal.h"
#include "common/store/store.h"

/* A first try of a message whose topmost Received is older than this may be somebody else's
 * retry. */
#define EXG_DUPLICATE_DELAY_S 120

typedef enum {
    EXG_CHECK_JOURNAL, /* ask only for open rows */
    EXG_CHECK_DELAYED, /* and for messages received more than EXG_DUPLICATE_DELAY_S ago */
    EXG_CHECK_ALWAYS
} ExgDuplicateCheck;

/* Takes `inner`; `journal` must outlive the store. */
ExgStore *exg_journaled_store_new(ExgStore *inner, ExgJournal *journal, ExgDuplicateCheck check);

#endif
