#include "common/io/listener-conf.h"

#include "common/base/error.h"

#include <grp.h>
#include <pwd.h>

bool
exg_listener_options_read(const ExgConf *conf, const char *group, ExgListenerOptions *ret_options,
                          GError **error)
{
    ExgListenerOptions options = {
        .mode = (mode_t)exg_conf_int(conf, group, "socket_mode"),
        .owner = (uid_t)-1,
        .group = (gid_t)-1,
    };
    const char *owner = exg_conf_string(conf, group, "socket_owner");
    if (owner != NULL) {
        const struct passwd *entry = getpwnam(owner);
        if (entry == NULL) {
            g_autofree char *where = exg_conf_where(conf, group, "socket_owner");
            return exg_error_set(error, EXG_ERROR_CONFIG, "%s: there is no user %s", where, owner);
        }
        options.owner = entry->pw_uid;
    }
    const char *owner_group = exg_conf_string(conf, group, "socket_group");
    if (owner_group != NULL) {
        const struct group *entry = getgrnam(owner_group);
        if (entry == NULL) {
            g_autofree char *where = exg_conf_where(conf, group, "socket_group");
            return exg_error_set(error, EXG_ERROR_CONFIG, "%s: there is no group %s", where,
                                 owner_group);
        }
        options.group = entry->gr_gid;
    }
    *ret_options = options;
    return true;
}
