/* exgate-milter: tells MTAs what Exchange thinks of a recipient, while the SMTP client still waits.
 * The manual is exgate-milter(8). */
#include "common/account/account.h"
#include "common/base/conf.h"
#include "common/base/notify.h"
#include "milter/daemon.h"

#include <libmilter/mfapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#define DEFAULT_CONF "/etc/exgate/exgate.conf"

typedef struct {
    char *conf_path;
    gboolean check_config;
    gboolean show_config;
    gboolean version;
    int notify_fd;
} Options;

static bool
parse_options(int *argc, char ***argv, Options *options)
{
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &options->conf_path,
         "Read FILE instead of " DEFAULT_CONF, "FILE"},
        {"check-config", 0, 0, G_OPTION_ARG_NONE, &options->check_config,
         "Check the configuration and exit", NULL},
        {"show-config", 0, 0, G_OPTION_ARG_NONE, &options->show_config,
         "Print every setting in force and exit", NULL},
        {"notify-fd", 0, 0, G_OPTION_ARG_INT, &options->notify_fd,
         "Write a newline to descriptor N when ready", "N"},
        {"version", 0, 0, G_OPTION_ARG_NONE, &options->version,
         "Print the version and those of the libraries", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext)
        context = g_option_context_new("- check recipients against Exchange for an MTA");
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_description(context, "See exgate-milter(8) and exgate.conf(5).");
    g_autoptr(GError) error = NULL;
    if (!g_option_context_parse(context, argc, argv, &error)) {
        fprintf(stderr, "exgate-milter: %s; try --help\n", error->message);
        return false;
    }
    if (*argc > 1) {
        fprintf(stderr, "exgate-milter: unexpected argument %s; try --help\n", (*argv)[1]);
        return false;
    }
    return true;
}

static void
print_version(void)
{
    printf("exgate-milter %s\n", EXG_VERSION);
    unsigned int major, minor, patch;
    (void)smfi_version(&major, &minor, &patch);
    printf("libmilter %u.%u.%u\n", major, minor, patch);
    printf("GLib %u.%u.%u\n", glib_major_version, glib_minor_version, glib_micro_version);
    g_autofree char *libraries = exg_account_library_versions();
    fputs(libraries, stdout);
}

static int
show_config(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgConf) conf = exg_conf_load(path, &error);
    if (conf == NULL) {
        fprintf(stderr, "exgate-milter: %s\n", error->message);
        return EX_CONFIG;
    }
    g_autofree char *text = exg_conf_to_text(conf);
    fputs(text, stdout);
    return EX_OK;
}

static void
ready(gpointer data)
{
    exg_notify_fd(((const Options *)data)->notify_fd);
    exg_notify_systemd("READY=1");
}

int
main(int argc, char **argv)
{
    Options options = {.notify_fd = -1};
    if (!parse_options(&argc, &argv, &options))
        return EX_USAGE;
    g_autofree char *conf_path = options.conf_path != NULL ? options.conf_path
                                                           : g_strdup(DEFAULT_CONF);
    if (options.version) {
        print_version();
        return EX_OK;
    }
    if (options.show_config)
        return show_config(conf_path);

    g_autoptr(GError) error = NULL;
    g_autoptr(ExgMilterDaemon)
        daemon = exg_milter_daemon_new(conf_path, options.check_config, &error);
    if (daemon == NULL) {
        fprintf(stderr, "exgate-milter: %s\n", error->message);
        return EX_CONFIG;
    }
    if (options.check_config) {
        printf("%s: no fault found\n", conf_path);
        return EX_OK;
    }
    return exg_milter_daemon_run(daemon, ready, &options);
}
