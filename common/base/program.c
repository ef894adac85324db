#include "common/base/program.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/notify.h"

#include <stdio.h>
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
parse_options(const ExgProgram *program, int *argc, char ***argv, Options *options)
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
    g_autofree char *summary = g_strconcat("- ", program->summary, NULL);
    g_autofree char *description = g_strdup_printf("See %s(8) and exgate.conf(5).", program->name);
    g_autoptr(GOptionContext) context = g_option_context_new(summary);
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_description(context, description);
    g_autoptr(GError) error = NULL;
    if (!g_option_context_parse(context, argc, argv, &error)) {
        fprintf(stderr, "%s: %s; try --help\n", program->name, error->message);
        return false;
    }
    if (*argc > 1) {
        fprintf(stderr, "%s: unexpected argument %s; try --help\n", program->name, (*argv)[1]);
        return false;
    }
    return true;
}

static void
print_version(const ExgProgram *program)
{
    printf("%s %s\n", program->name, EXG_VERSION);
    printf("GLib %u.%u.%u\n", glib_major_version, glib_minor_version, glib_micro_version);
    program->print_libraries();
}

static int
show_config(const ExgProgram *program, const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgConf) conf = exg_conf_load(path, &error);
    if (conf == NULL) {
        fprintf(stderr, "%s: %s\n", program->name, error->message);
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

static int
open_and_run(const ExgProgram *program, const char *conf_path, Options *options)
{
    g_autoptr(GError) error = NULL;
    gpointer daemon = program->open(conf_path, options->check_config, &error);
    if (daemon == NULL) {
        fprintf(stderr, "%s: %s\n", program->name, error->message);
        return g_error_matches(error, EXG_ERROR, EXG_ERROR_RESOURCES) ? EX_OSERR : EX_CONFIG;
    }
    int status = EX_OK;
    if (options->check_config)
        printf("%s: no fault found\n", conf_path);
    else
        status = program->run(daemon, ready, options);
    program->close(daemon);
    return status;
}

int
exg_program_main(const ExgProgram *program, int argc, char **argv)
{
    Options options = {.notify_fd = -1};
    if (!parse_options(program, &argc, &argv, &options))
        return EX_USAGE;
    g_autofree char *conf_path = options.conf_path != NULL ? options.conf_path
                                                           : g_strdup(DEFAULT_CONF);
    if (options.version) {
        print_version(program);
        return EX_OK;
    }
    if (options.show_config)
        return show_config(program, conf_path);
    return open_and_run(program, conf_path, &options);
}

static bool
is_same(const ExgConf *before, const ExgConf *now, const ExgConfKey *key)
{
    switch (key->type) {
    case EXG_CONF_BOOL:
    case EXG_CONF_INT:
    case EXG_CONF_SIZE:
    case EXG_CONF_DURATION:
    case EXG_CONF_MODE:
        return exg_conf_int(before, key->group, key->key) ==
               exg_conf_int(now, key->group, key->key);
    case EXG_CONF_LIST:
    case EXG_CONF_URLS:
        return g_strv_equal(exg_conf_list(before, key->group, key->key),
                            exg_conf_list(now, key->group, key->key));
    default:
        return g_strcmp0(exg_conf_string(before, key->group, key->key),
                         exg_conf_string(now, key->group, key->key)) == 0;
    }
}

void
exg_program_warn_of_start(const ExgConf *before, const ExgConf *now, const char *const *groups)
{
    gsize count;
    const ExgConfKey *keys = exg_conf_schema(&count);
    for (gsize i = 0; i < count; i++)
        if (keys[i].at_start && g_strv_contains(groups, keys[i].group) &&
            !is_same(before, now, &keys[i]))
            exg_log(EXG_LOG_WARNING, NULL, "a changed [%s] %s takes effect at the next start",
                    keys[i].group, keys[i].key);
}
