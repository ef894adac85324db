/* exgate-lmtpd: takes mail by LMTP and puts it into Exchange mailboxes. The manual is exgate-lmtpd(8). */
#include "common/account/account.h"
#include "common/base/program.h"
#include "common/store/journal.h"
#include "lmtp/daemon.h"

#include <stdio.h>

static void
print_libraries(void)
{
    g_autofree char *libraries = exg_account_library_versions();
    printf("%s\n%s", exg_journal_library_version(), libraries);
}

static gpointer
open_daemon(const char *conf_path, bool check_only, GError **error)
{
    return exg_daemon_new(conf_path, check_only, error);
}

static int
run(gpointer daemon, void (*ready)(gpointer data), gpointer data)
{
    return exg_daemon_run(daemon, ready, data);
}

static void
close_daemon(gpointer daemon)
{
    exg_daemon_free(daemon);
}

int
main(int argc, char **argv)
{
    const ExgProgram program = {
        .name = "exgate-lmtpd",
        .summary = "deliver mail by LMTP into Exchange mailboxes",
        .print_libraries = print_libraries,
        .open = open_daemon,
        .run = run,
        .close = close_daemon,
    };
    return exg_program_main(&program, argc, argv);
}
