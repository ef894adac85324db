/* privilege.h - commands that root runs for the services' user.
 *
 * Threads:  the main thread.
 */
#ifndef EXG_CLI_PRIVILEGE_H
#define EXG_CLI_PRIVILEGE_H

#include "common/base/error.h"

/* `credential:NAME` in the configuration is what systemd passes to the service; whoever may read that, may use it
 * here. */
void exg_borrow_credentials(void);
/* Root becomes the owner of a file or directory: what is made from here on belongs to the services' user, as that does.
 * Anybody else stays who he is. False and errno: it cannot be done. */
bool exg_become_owner(const char *path);

/* Says what went wrong with Exchange or an identity platform, and answers the exit status. */
int exg_complain_of_peer(const GError *error);

#endif
