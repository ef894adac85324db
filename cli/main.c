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
    {"check", "Go the way to Exchange step by step, and say how to mend it", exg_command_check},
    {"discover", "Find the Exchange of an address", exg_command_discover},
    {"status", "Tell which Exchange answers, and how things stand here", exg_command_status},
    {"resolve", "Look names and addresses up in the address list", exg_command_resolve},
    {"expand", "List the members of a group", exg_command_expand},
    {"freebusy", "Show when people and rooms are busy", exg_command_freebusy},
    {"mailtips", "Tell what to know before writing to somebody", exg_command_mailtips},
    {"roomlists", "List the lists of meeting rooms", exg_command_roomlists},
    {"rooms", "List the meeting rooms of a list", exg_command_rooms},
    {"timezones", "List the time zones that the server knows", exg_command_timezones},
    {"searchable", "List the mailboxes open to a search for evidence", exg_command_searchable},
    {"convert-id", "Turn ids of items into another form", exg_command_convert_id},
    {"deliver", "Put a message into a mailbox", exg_command_deliver},
    {"watch", "Tell what happens in a mailbox, as it happens", exg_command_watch},
    {"directory", "Tell who is a recipient, and look into what is known of them",
     exg_command_directory},
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
    if (fflush(stdout) != 0)
        return exg_complain(EX_IOERR, "cannot write the output: %s", g_strerror(errno));
    if (ferror(stdout)) /* an earlier piece: what errno said of that is gone */
        return exg_complain(EX_IOERR, "the output could not be written in full");
    return status;
}
