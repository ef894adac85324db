/* exgate-milter: tells MTAs what Exchange thinks of a recipient, while the SMTP client still waits.
 * The manual is exgate-milter(8). */
#include "common/account/account.h"
#include "common/base/program.h"
#include "milter/daemon.h"

#include <libmilter/mfapi.h>
#include <stdio.h>

static void
print_libraries(void)
{
    unsigned int major, minor, patch;
    (void)smfi_version(&major, &minor, &patch);
    g_autofree char *libraries = exg_account_library_versions();
    printf("libmilter %u.%u.%u\n%s", major, minor, patch, libraries);
}

static gpointer
open_daemon(const char *conf_path, bool check_only, GError **error)
{
    return exg_milter_daemon_new(conf_path, check_only, error);
}

static int
run(gpointer daemon, void (*ready)(gpointer data), gpointer data)
{
    return exg_milter_daemon_run(daemon, ready, data);
}

static void
close_daemon(gpointer daemon)
{
    exg_milter_daemon_free(daemon);
}

int
main(int argc, char **argv)
{
    const ExgProgram program = {
        .name = "exgate-milter",
        .summary = "check recipients against Exchange for an MTA",
        .print_libraries = print_libraries,
        .open = open_daemon,
        .run = run,
        .close = close_daemon,
    };
    return exg_program_main(&program, argc, argv);
}
