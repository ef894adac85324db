/* token-command.h - access tokens that another program looks after: from a file that it keeps up to
 * date, or from its standard output.
 *
 * The token is the first line. How long it is good is read from it where it is a JWT (its claim exp,
 * unverified: it is for the server to believe it); otherwise it is taken for five minutes.
 *
 * Threads:  the engine's.
 * Errors:   CONFIG: no such file or program, nothing in it; UNREACHABLE: the program failed (its exit
 *           status is told, its words are not) or was not done by the deadline.
 * Limits:   EXG_SECRET_MAX_BYTES of output.
 */
#ifndef EXG_AUTH_OAUTH_TOKEN_COMMAND_H
#define EXG_AUTH_OAUTH_TOKEN_COMMAND_H

#include "common/auth/oauth/token-source.h"

/* `path` as secret.h takes it. */
ExgTokenSource *exg_token_from_file_new(ExgEngine *engine, const char *path);
/* `command`: words as a shell splits them, run without a shell. */
ExgTokenSource *exg_token_from_command_new(ExgEngine *engine, const char *command, GError **error);

#endif
