#include "cli/privilege.h"

#include "cli/command.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

void
exg_borrow_credentials(void)
{
    static const char *const directories[] = {"/run/credentials/exgate-lmtpd.service",
                                              "/run/credentials/exgate-milter.service"};
    if (g_getenv("CREDENTIALS_DIRECTORY") != NULL)
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(directories); i++)
        if (g_file_test(directories[i], G_FILE_TEST_IS_DIR)) {
            g_setenv("CREDENTIALS_DIRECTORY", directories[i], TRUE);
            return;
        }
}

bool
exg_become_owner(const char *path)
{
    struct stat status;
    g_autofree char *directory = g_path_get_dirname(path);
    if (geteuid() != 0 || (stat(path, &status) < 0 && stat(directory, &status) < 0) ||
        status.st_uid == 0)
        return true;
    const struct passwd *user = getpwuid(status.st_uid);
    gid_t group = user != NULL ? user->pw_gid : status.st_gid;
    return (user != NULL ? initgroups(user->pw_name, group) : setgroups(0, NULL)) == 0 &&
           setgid(group) == 0 && setuid(status.st_uid) == 0;
}

int
exg_complain_of_peer(const GError *error)
{
    if (g_error_matches(error, EXG_ERROR, EXG_ERROR_CONFIG) ||
        g_error_matches(error, EXG_ERROR, EXG_ERROR_AUTH) ||
        g_error_matches(error, EXG_ERROR, EXG_ERROR_DENIED))
        return exg_complain(EX_CONFIG, "%s", error->message);
    if (g_error_matches(error, EXG_ERROR, EXG_ERROR_UNREACHABLE) ||
        g_error_matches(error, EXG_ERROR, EXG_ERROR_BUSY) ||
        g_error_matches(error, EXG_ERROR, EXG_ERROR_RESOURCES))
        return exg_complain(EX_TEMPFAIL, "%s", error->message);
    return exg_complain(EX_UNAVAILABLE, "%s", error->message);
}
