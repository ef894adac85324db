/* socketmap.h - the socketmap protocol of Postfix and Sendmail: netstrings "NAME KEY", answered
 * "OK VALUE", "NOTFOUND ", "TEMP REASON" or "PERM REASON".
 *
 * exg_socketmap_parse() looks at what has come so far, from the beginning of a request, and keeps
 * nothing between calls.
 *
 * Threads:  pure functions.
 * Memory:   a query points into the bytes that it was parsed from.
 * Limits:   a request has at most EXG_SOCKETMAP_MAX_BYTES between its colon and its comma.
 * Source:   Postfix's socketmap_table(5); Sendmail's Operations Guide 5.12; netstrings: D. J.
 *           Bernstein, 1997.
 */
#ifndef EXG_MILTER_SOCKETMAP_H
#define EXG_MILTER_SOCKETMAP_H

#include "milter/map.h"

#define EXG_SOCKETMAP_MAX_BYTES 4096

typedef struct {
    const char *name; /* of the map; not zero-terminated, as is the key */
    gsize name_length;
    const char *key;
    gsize key_length;
} ExgSocketmapQuery;

/* REQUEST: `*ret_query` is the first request of `data`, whose first `*ret_used` bytes it takes. */
ExgMapProgress exg_socketmap_parse(const guint8 *data, gsize length, ExgSocketmapQuery *ret_query,
                                   gsize *ret_used);

/* Each writes a whole answer over what is in `reply`. */
void exg_socketmap_answer(GString *reply, ExgMapStatus status, const char *text);
/* The request can never be answered. */
void exg_socketmap_refuse(GString *reply, const char *reason);

#endif
