/* token-file.h - tokens on disk, private, shared by the programs of one user.
 *
 * A refresh token may be good for one use. So whoever renews holds the file's lock, and looks first
 * whether somebody else has renewed meanwhile.
 *
 * Threads:  any; the functions read and write a small file, and never wait for the lock.
 * Memory:   what is read goes straight into secrets or wiped buffers.
 * Errors:   EXG_ERROR_CONFIG: no such file ("exgate login makes one"), readable by others, not ours;
 *           RESOURCES: it cannot be written.
 * Limits:   EXG_SECRET_MAX_BYTES. Replaced in one step, mode 0600; never followed if it is a link.
 */
#ifndef EXG_AUTH_OAUTH_TOKEN_FILE_H
#define EXG_AUTH_OAUTH_TOKEN_FILE_H

#include "common/auth/oauth/token.h"

typedef struct ExgTokenFile ExgTokenFile;

ExgTokenFile *exg_token_file_new(const char *path);
ExgTokenFile *exg_token_file_ref(ExgTokenFile *file);
void exg_token_file_unref(ExgTokenFile *file);
const char *exg_token_file_path(const ExgTokenFile *file);

/* The token as it was stored; perhaps expired. */
ExgToken *exg_token_file_read(ExgTokenFile *file, GError **error);
bool exg_token_file_write(ExgTokenFile *file, const ExgToken *token, GError **error);
/* True where there is none, too. */
bool exg_token_file_remove(ExgTokenFile *file, GError **error);

/* Whether the lock could be had; false: somebody else has it, or *error. */
bool exg_token_file_try_lock(ExgTokenFile *file, GError **error);
void exg_token_file_unlock(ExgTokenFile *file);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgTokenFile, exg_token_file_unref)

#endif
