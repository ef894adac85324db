#include "cli/command.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

int
exg_complain(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *sentence = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fflush(stdout);
    fprintf(stderr, "exgate: %s\n", sentence);
    return status;
}

static void
print_help(const ExgCommandTable *table, FILE *file)
{
    fprintf(file, "Usage: %s COMMAND [OPTION...]\n\n%s\n\nCommands:\n", table->program,
            table->summary);
    for (gsize i = 0; i < table->count; i++)
        fprintf(file, "  %-11s %s\n", table->commands[i].name, table->commands[i].summary);
    fprintf(file, "\n`%s help COMMAND` explains one. See exgate(1).\n", table->program);
}

static int
run_one(const ExgCommandTable *table, int argc, char **argv)
{
    for (gsize i = 0; i < table->count; i++) {
        if (!g_str_equal(table->commands[i].name, argv[0]))
            continue;
        g_autofree char *name = g_strconcat(table->program, " ", argv[0], NULL);
        g_set_prgname(name); /* for the command's own help */
        return table->commands[i].run(argc, argv);
    }
    if (argv[0][0] == '-')
        return exg_complain(EX_USAGE, "a command comes first, and %s after it; try %s --help",
                            argv[0], table->program);
    return exg_complain(EX_USAGE, "%s has no command %s; try %s --help", table->program, argv[0],
                        table->program);
}

int
exg_command_run(const ExgCommandTable *table, int argc, char **argv)
{
    if (argc < 2) {
        print_help(table, stderr);
        return EX_USAGE;
    }
    bool help = g_str_equal(argv[1], "help");
    if ((help && argc == 2) || g_str_equal(argv[1], "--help") || g_str_equal(argv[1], "-h")) {
        print_help(table, stdout);
        return EX_OK;
    }
    if (!help)
        return run_one(table, argc - 1, argv + 1);
    /* `help COMMAND…` is `COMMAND… --help`. */
    g_autofree char **asked = g_new0(char *, (gsize)argc);
    memcpy(asked, argv + 2, (gsize)(argc - 2) * sizeof *asked);
    static char help_option[] = "--help";
    asked[argc - 2] = help_option;
    return run_one(table, argc - 1, asked);
}
