/* secret.h - a password or token: kept out of logs and core dumps, wiped when freed.
 *
 * A secret comes from a file only, never from a configuration value, an argument or the
 * environment. Its pages are excluded from core dumps (MADV_DONTDUMP) and locked in memory as far
 * as the host allows.
 *
 * Threads:  immutable and reference counted: any thread.
 * Memory:   the bytes are wiped at the last unref. Whoever copies them (a header, a token request)
 *           copies into a buffer that it wipes with exg_secret_wipe().
 * Limits:   EXG_SECRET_MAX_BYTES; a longer file is an error.
 */
#ifndef EXG_BASE_SECRET_H
#define EXG_BASE_SECRET_H

#include <glib.h>

#define EXG_SECRET_MAX_BYTES 65536

typedef struct ExgSecret ExgSecret;

/* Copies `length` bytes (-1: up to the terminating zero). */
ExgSecret *exg_secret_new(const char *bytes, gssize length);
/* Reads the file, less one line end at its end. `credential:NAME` reads
 * $CREDENTIALS_DIRECTORY/NAME, where systemd's LoadCredential= puts it. Errors: EXG_ERROR_CONFIG,
 * one sentence that names the file. */
ExgSecret *exg_secret_new_from_file(const char *path, GError **error);
/* When such a file was last written, or put in the place of another, in real microseconds; 0: it is
 * not there. A time to come counts as none. */
gint64 exg_secret_changed_real_us(const char *path);
ExgSecret *exg_secret_ref(ExgSecret *secret);
void exg_secret_unref(ExgSecret *secret);

/* The bytes, followed by a zero that is not counted. Valid as long as the secret. */
const char *exg_secret_bytes(const ExgSecret *secret);
gsize exg_secret_length(const ExgSecret *secret);

/* Overwrites memory in a way that the compiler does not remove. */
void exg_secret_wipe(void *memory, gsize length);
/* free() for memory of malloc() or g_malloc() that may hold secrets; also for libraries that let us
 * choose. NULL-safe. */
void exg_secret_wipe_and_free(void *memory);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgSecret, exg_secret_unref)

#endif
