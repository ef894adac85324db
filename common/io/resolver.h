/* resolver.h - host names to addresses, without ever blocking the engine.
 *
 * A numeric address (IPv6 with or without brackets) and localhost are answered at once; a name goes
 * to GResolver (nsswitch: hosts file, DNS). Addresses found are kept for a short while, failures
 * are not; look-ups of one name that are under way are shared.
 *
 * Threads:  the engine's.
 * Errors:   EXG_ERROR_UNREACHABLE, stage "resolve", one sentence that names the host;
 *           EXG_ERROR_UNREACHABLE at the deadline.
 * Limits:   EXG_RESOLVER_MAX_NAMES kept or under way, EXG_RESOLVER_MAX_ADDRESSES of each;
 *           EXG_RESOLVER_KEEP_MS.
 */
#ifndef EXG_IO_RESOLVER_H
#define EXG_IO_RESOLVER_H

#include "common/io/engine.h"

#define EXG_RESOLVER_MAX_NAMES     256
#define EXG_RESOLVER_MAX_ADDRESSES 16
#define EXG_RESOLVER_KEEP_MS       60000

typedef struct ExgResolver ExgResolver;

ExgResolver *exg_resolver_new(ExgEngine *engine);
ExgResolver *exg_resolver_ref(ExgResolver *resolver);
/* After the last one, functions that wait are not called any more. */
void exg_resolver_unref(ExgResolver *resolver);

/* `addresses`: numeric texts in the order to try, NULL-terminated, or NULL with `error`. Called
 * exactly once, from the engine's loop or (numeric, cached) inside the call. */
typedef void (*ExgResolverFunc)(const char *const *addresses, const GError *error, gpointer data);
/* Answers 0 if the function has been called already, else a number for exg_resolver_cancel(). */
guint exg_resolver_lookup(ExgResolver *resolver, const char *host, gint64 deadline_us,
                          ExgResolverFunc function, gpointer data);
/* The function is not called any more. */
void exg_resolver_cancel(ExgResolver *resolver, guint lookup);
/* Drops what is remembered of a host: its address did not answer. */
void exg_resolver_forget(ExgResolver *resolver, const char *host);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgResolver, exg_resolver_unref)

#endif
