/* tcp-table.h - the protocol of Postfix's tcp: tables: a line "get KEY", answered "200 VALUE",
 * "500 reason" (not there) or "400 reason" (for now).
 *
 * exg_tcp_table_parse() looks at what has come so far, from the beginning of a line, and keeps
 * nothing between calls.
 *
 * Threads:  pure functions.
 * Limits:   a line of EXG_TCP_TABLE_MAX_BYTES, its end included; Postfix takes answers of 4096 bytes.
 * Source:   Postfix's tcp_table(5).
 */
#ifndef EXG_MILTER_TCP_TABLE_H
#define EXG_MILTER_TCP_TABLE_H

#include "milter/map.h"

#define EXG_TCP_TABLE_MAX_BYTES 8192

/* REQUEST: the first `*ret_used` bytes of `data` are a line; `key` becomes its decoded key, and
 * `*ret_valid` says whether it is a request that can be answered. */
ExgMapProgress exg_tcp_table_parse(const guint8 *data, gsize length, GString *key, bool *ret_valid,
                                   gsize *ret_used);

/* Each writes a whole answer over what is in `reply`. */
void exg_tcp_table_answer(GString *reply, ExgMapStatus status, const char *text);
/* The line was no request that can be answered. */
void exg_tcp_table_refuse(GString *reply, const char *reason);

#endif
