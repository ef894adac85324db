/* listener-conf.h - mode, owner and group of a daemon's unix sockets, as a group of exgate.conf has
 * them: socket_mode, socket_owner and socket_group.
 *
 * Threads:  the main one: names are looked up.
 * Errors:   EXG_ERROR_CONFIG, one sentence that names the key.
 */
#ifndef EXG_IO_LISTENER_CONF_H
#define EXG_IO_LISTENER_CONF_H

#include "common/base/conf.h"
#include "common/io/listener.h"

bool exg_listener_options_read(const ExgConf *conf, const char *group,
                               ExgListenerOptions *ret_options, GError **error);

#endif
