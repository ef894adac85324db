/* counts.h - what the filter has done since the start, counted by all of its threads.
 *
 * Threads:  any.
 */
#ifndef EXG_MILTER_COUNTS_H
#define EXG_MILTER_COUNTS_H

#include "milter/decision.h"

typedef enum {
    EXG_COUNT_MESSAGES,
    EXG_COUNT_SKIPPED_CLIENTS, /* messages of clients that are not looked at */
    EXG_COUNT_SKIPPED_RECIPIENTS,
    EXG_COUNT_LEARNED, /* decisions against a recipient that were only logged */
    EXG_COUNT_RECENT,  /* look-ups answered from what was found a moment ago */
    EXG_COUNT_ASKED,   /* look-ups for which a thread has waited */
    EXG_COUNT_NO_ROOM, /* look-ups that were one too many at a time */
    EXG_N_COUNTS
} ExgCount;

typedef struct {
    guint64 counts[EXG_N_COUNTS];
    guint64 decisions[EXG_N_SITUATIONS][EXG_N_ACTIONS];
} ExgCounts;

void exg_count(ExgCount what);
void exg_count_decision(const ExgDecision *decision);
void exg_counts_get(ExgCounts *ret_counts);

#endif
