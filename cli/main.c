/* exgate: the administrator's tool. The manual is exgate(1). */
#include "cli/command.h"
#include "common/account/account.h"
#include "common/base/log.h"
#include "common/store/journal.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <sysexits.h>

static const ExgCommand commands[] = {
    {"discover", "Find the Exchange of an address", exg_command_discover},
    {"journal", "Look into the delivery journal, and settle what is open", exg_command_journal},
    {"login", "Sign a user in with OAuth2, for the programs to act for", exg_command_login},
    {"logout", "Forget the tokens of that user", exg_command_logout},
};

static const ExgCommandTable table = {
    .program = "exgate",
    .summary = "The administrator's tool of exgate, which carries mail into Exchange mailboxes.\n"
               "`exgate --version` prints the version and those of the libraries.",
    .commands = commands,
    .count = G_N_ELEMENTS(commands),
};

static int
print_version(void)
{
    printf("exgate %s\n", EXG_VERSION);
    printf("GLib %u.%u.%u\n", glib_major_version, glib_minor_version, glib_micro_version);
    printf("%s\n", exg_journal_library_version());
    g_autofree char *libraries = exg_account_library_versions();
    fputs(libraries, stdout);
    return EX_OK;
}

int
main(int argc, char **argv)
{
    setlocale(LC_CTYPE, ""); /* addresses in arguments */
    g_set_prgname("exgate");
    exg_log_open("exgate", EXG_LOG_TO_STDERR, EXG_LOG_WARNING);
    int status = argc == 2 && g_str_equal(argv[1], "--version")
                     ? print_version()
                     : exg_command_run(&table, argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout))
        return exg_complain(EX_IOERR, "cannot write the output: %s", g_strerror(errno));
    return status;
}
