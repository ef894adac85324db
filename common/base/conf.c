#include "common/base/conf.h"

#include "common/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    guint line; /* where it was set; 0: the default */
    char *text; /* as written, or NULL: not set */
    gint64 number;
    char **list;
} Value;

struct ExgConf {
    gint references;
    char *name; /* of the file */
    const ExgConfKey *schema;
    gsize count;
    Value *values; /* parallel to the schema */
};

/* --- values ----------------------------------------------------------------------------------- */

typedef struct {
    const char *suffix;
    gint64 factor;
} Unit;

static const Unit duration_units[] = {{"ms", 1},      {"s", 1000},     {"min", 60000},
                                      {"h", 3600000}, {"d", 86400000}, {"", 1000}};
static const Unit size_units[] = {{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"", 1}};
static const Unit plain_units[] = {{"", 1}};

static bool
parse_number(const char *text, const Unit *units, gsize n_units, gint64 *ret_number)
{
    if (!g_ascii_isdigit(text[0]))
        return false;
    char *end;
    errno = 0;
    guint64 number = g_ascii_strtoull(text, &end, 10);
    if (errno != 0)
        return false;
    while (*end == ' ')
        end++;
    for (gsize i = 0; i < n_units; i++) {
        if (!g_str_equal(end, units[i].suffix))
            continue;
        if (number > (guint64)(G_MAXINT64 / units[i].factor))
            return false;
        *ret_number = (gint64)number * units[i].factor;
        return true;
    }
    return false;
}

bool
exg_conf_parse_duration(const char *text, gint64 *ret_ms)
{
    return parse_number(text, duration_units, G_N_ELEMENTS(duration_units), ret_ms);
}

static char *
format_number(const ExgConfKey *key, gint64 number)
{
    if (key->type == EXG_CONF_MODE)
        return g_strdup_printf("0%o", (guint)number);
    if (key->type == EXG_CONF_DURATION && number % 60000 == 0 && number > 0)
        return g_strdup_printf("%" G_GINT64_FORMAT "min", number / 60000);
    if (key->type == EXG_CONF_DURATION)
        return number % 1000 == 0 ? g_strdup_printf("%" G_GINT64_FORMAT "s", number / 1000)
                                  : g_strdup_printf("%" G_GINT64_FORMAT "ms", number);
    if (key->type == EXG_CONF_SIZE && number % (1 << 20) == 0 && number > 0)
        return g_strdup_printf("%" G_GINT64_FORMAT "M", number >> 20);
    if (key->type == EXG_CONF_SIZE && number % (1 << 10) == 0 && number > 0)
        return g_strdup_printf("%" G_GINT64_FORMAT "K", number >> 10);
    return g_strdup_printf("%" G_GINT64_FORMAT, number);
}

/* What may be written, for an error. (transfer full) */
static char *
allowed(const ExgConfKey *key)
{
    switch (key->type) {
    case EXG_CONF_PATH:
        return g_strdup(g_str_has_suffix(key->key, "password_file")
                            ? "an absolute path or credential:NAME is expected"
                            : "an absolute path is expected");
    case EXG_CONF_URL:
    case EXG_CONF_URLS:
        return g_strdup("a URL such as https://mail.example.com/EWS/Exchange.asmx is expected");
    case EXG_CONF_BOOL:
        return g_strdup("yes or no is expected");
    case EXG_CONF_CHOICE: {
        g_auto(GStrv) words = g_strsplit(key->choices, " ", -1);
        g_autofree char *joined = g_strjoinv(", ", words);
        return g_strdup_printf(words[1] == NULL ? "only %s is known" : "one of %s is expected",
                               joined);
    }
    case EXG_CONF_MODE:
        return g_strdup("an octal mode from 0000 to 0777 is expected");
    case EXG_CONF_INT:
    case EXG_CONF_SIZE:
    case EXG_CONF_DURATION: {
        g_autofree char *low = format_number(key, key->min);
        g_autofree char *high = format_number(key, key->max);
        const char *what = key->type == EXG_CONF_INT    ? "a number"
                           : key->type == EXG_CONF_SIZE ? "a size such as 500K or 48M"
                                                        : "a duration such as 500ms, 10s or 5min";
        return g_strdup_printf("%s from %s to %s is expected", what, low, high);
    }
    default:
        return g_strdup("a value is expected");
    }
}

static bool
parse_bool(const char *text, gint64 *ret_number)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};
    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        if (g_ascii_strcasecmp(text, words[i]) == 0) {
            *ret_number = i % 2;
            return true;
        }
    }
    return false;
}

static bool
parse_mode(const char *text, gint64 *ret_number)
{
    if (text[0] == '\0' || strspn(text, "01234567") != strlen(text) || strlen(text) > 5)
        return false;
    *ret_number = (gint64)g_ascii_strtoull(text, NULL, 8);
    return true;
}

static bool
is_url(const char *text)
{
    g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
    if (uri == NULL || g_uri_get_host(uri) == NULL || g_uri_get_host(uri)[0] == '\0' ||
        g_uri_get_userinfo(uri) != NULL)
        return false;
    const char *scheme = g_uri_get_scheme(uri);
    return g_str_equal(scheme, "https") || g_str_equal(scheme, "http");
}

static bool
is_choice(const char *choices, const char *text)
{
    g_auto(GStrv) words = g_strsplit(choices, " ", -1);
    return g_strv_contains((const char *const *)words, text);
}

static char **
split_words(const char *text)
{
    GPtrArray *words = g_ptr_array_new();
    g_auto(GStrv) parts = g_strsplit_set(text, " \t", -1);
    for (guint i = 0; parts[i] != NULL; i++)
        if (parts[i][0] != '\0')
            g_ptr_array_add(words, g_strdup(parts[i]));
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

static bool
are_urls(const char *text)
{
    g_auto(GStrv) words = split_words(text);
    guint count = 0;
    while (words[count] != NULL && is_url(words[count]))
        count++;
    return words[count] == NULL && count > 0 && count <= EXG_CONF_MAX_URLS;
}

/* Fills a value from its text. False if the text is not what the key takes. */
static bool
parse_value(const ExgConfKey *key, const char *text, Value *value)
{
    bool good;
    switch (key->type) {
    case EXG_CONF_PATH:
        good = g_path_is_absolute(text) || g_str_has_prefix(text, "credential:");
        break;
    case EXG_CONF_URL:
        good = is_url(text);
        break;
    case EXG_CONF_URLS:
        good = are_urls(text) || g_str_equal(text, "auto");
        break;
    case EXG_CONF_BOOL:
        good = parse_bool(text, &value->number);
        break;
    case EXG_CONF_INT:
        good = parse_number(text, plain_units, G_N_ELEMENTS(plain_units), &value->number);
        break;
    case EXG_CONF_SIZE:
        good = parse_number(text, size_units, G_N_ELEMENTS(size_units), &value->number);
        break;
    case EXG_CONF_DURATION:
        good = parse_number(text, duration_units, G_N_ELEMENTS(duration_units), &value->number);
        break;
    case EXG_CONF_MODE:
        good = parse_mode(text, &value->number);
        break;
    case EXG_CONF_CHOICE:
        good = is_choice(key->choices, text);
        break;
    default:
        good = text[0] != '\0';
    }
    if (good && (key->min != 0 || key->max != 0))
        good = value->number >= key->min && value->number <= key->max;
    if (!good)
        return false;
    g_free(value->text);
    value->text = g_strdup(text);
    if (key->type == EXG_CONF_LIST || key->type == EXG_CONF_URLS) {
        g_strfreev(value->list);
        value->list = split_words(text);
    }
    return true;
}

/* --- the file --------------------------------------------------------------------------------- */

static gssize
find_key(const ExgConf *conf, const char *group, const char *key)
{
    for (gsize i = 0; i < conf->count; i++)
        if (g_str_equal(conf->schema[i].group, group) && g_str_equal(conf->schema[i].key, key))
            return (gssize)i;
    return -1;
}

/* The names of all groups, or of all keys of one, for an error. (transfer full) */
static char *
known_names(const ExgConf *conf, const char *group)
{
    GString *names = g_string_new(NULL);
    for (gsize i = 0; i < conf->count; i++) {
        const ExgConfKey *key = &conf->schema[i];
        const char *name = group != NULL ? key->key : key->group;
        bool wanted = group != NULL ? g_str_equal(key->group, group)
                                    : i == 0 || !g_str_equal(key->group, conf->schema[i - 1].group);
        if (wanted)
            g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", name);
    }
    return g_string_free(names, FALSE);
}

static bool
is_group(const ExgConf *conf, const char *name)
{
    for (gsize i = 0; i < conf->count; i++)
        if (g_str_equal(conf->schema[i].group, name))
            return true;
    return false;
}

static bool
parse_group(const ExgConf *conf, guint line, const char *text, char **group, GError **error)
{
    gsize length = strlen(text);
    if (text[length - 1] != ']')
        return exg_error_set(error, EXG_ERROR_CONFIG, "%s:%u: \"%s\" lacks its closing bracket",
                             conf->name, line, text);
    g_autofree char *name = g_strndup(text + 1, length - 2);
    if (!is_group(conf, name)) {
        g_autofree char *names = known_names(conf, NULL);
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "%s:%u: [%s] is not a known group; the groups are %s", conf->name,
                             line, name, names);
    }
    g_free(*group);
    *group = g_steal_pointer(&name);
    return true;
}

static bool
parse_assignment(ExgConf *conf, guint line, const char *text, const char *group, GError **error)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL)
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "%s:%u: \"%s\" is neither [group] nor key = value", conf->name, line,
                             text);
    g_autofree char *name = g_strstrip(g_strndup(text, (gsize)(equals - text)));
    g_autofree char *content = g_strstrip(g_strdup(equals + 1));
    if (group == NULL)
        return exg_error_set(error, EXG_ERROR_CONFIG, "%s:%u: %s stands before the first [group]",
                             conf->name, line, name);
    gssize index = find_key(conf, group, name);
    if (index < 0) {
        g_autofree char *names = known_names(conf, group);
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "%s:%u: [%s] %s is not a known key; the keys of [%s] are %s",
                             conf->name, line, group, name, group, names);
    }
    const ExgConfKey *key = &conf->schema[index];
    Value *value = &conf->values[index];
    if (value->line != 0)
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "%s:%u: [%s] %s is set a second time; it was set in line %u",
                             conf->name, line, group, name, value->line);
    if (!parse_value(key, content, value)) {
        g_autofree char *hint = allowed(key);
        return exg_error_set(error, EXG_ERROR_CONFIG, "%s:%u: [%s] %s = %s: %s", conf->name, line,
                             group, name, content, hint);
    }
    value->line = line;
    return true;
}

static bool
parse_lines(ExgConf *conf, const char *text, GError **error)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autofree char *group = NULL;
    for (guint i = 0; lines[i] != NULL; i++) {
        const char *line = g_strstrip(lines[i]);
        if (line[0] == '\0' || line[0] == '#' || line[0] == ';')
            continue;
        if (line[0] == '[' ? !parse_group(conf, i + 1, line, &group, error)
                           : !parse_assignment(conf, i + 1, line, group, error))
            return false;
    }
    return true;
}

static bool
fill_defaults(ExgConf *conf, GError **error)
{
    for (gsize i = 0; i < conf->count; i++) {
        const ExgConfKey *key = &conf->schema[i];
        if (conf->values[i].line != 0)
            continue;
        if (key->required)
            return exg_error_set(error, EXG_ERROR_CONFIG,
                                 "%s: [%s] %s is not set and has no default. %s", conf->name,
                                 key->group, key->key, key->doc);
        if (key->fallback != NULL && !parse_value(key, key->fallback, &conf->values[i]))
            g_error("the default of [%s] %s is not valid", key->group, key->key);
    }
    return true;
}

ExgConf *
exg_conf_parse(const char *text, gsize length, const char *name, GError **error)
{
    g_autoptr(ExgConf) conf = g_new0(ExgConf, 1);
    conf->references = 1;
    conf->name = g_strdup(name);
    conf->schema = exg_conf_schema(&conf->count);
    conf->values = g_new0(Value, conf->count);
    if (memchr(text, '\0', length) != NULL || !g_utf8_validate(text, (gssize)length, NULL)) {
        exg_error_set(error, EXG_ERROR_CONFIG, "%s is not a text file in UTF-8", name);
        return NULL;
    }
    g_autofree char *copy = g_strndup(text, length);
    if (!parse_lines(conf, copy, error) || !fill_defaults(conf, error))
        return NULL;
    return g_steal_pointer(&conf);
}

ExgConf *
exg_conf_load(const char *path, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        exg_error_set(error, EXG_ERROR_CONFIG, "Cannot read the configuration file %s: %s", path,
                      g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    g_autofree char *text = g_malloc(EXG_CONF_MAX_BYTES + 1);
    gsize length = 0;
    gssize got;
    while (length <= EXG_CONF_MAX_BYTES &&
           (got = read(fd, text + length, EXG_CONF_MAX_BYTES + 1 - length)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            exg_error_set(error, EXG_ERROR_CONFIG, "Cannot read the configuration file %s: %s",
                          path, g_strerror(errno));
            close(fd);
            return NULL;
        }
        length += (gsize)got;
    }
    close(fd);
    if (length > EXG_CONF_MAX_BYTES) {
        exg_error_set(error, EXG_ERROR_CONFIG, "The configuration file %s is larger than 1 MiB",
                      path);
        return NULL;
    }
    return exg_conf_parse(text, length, path, error);
}

ExgConf *
exg_conf_ref(ExgConf *conf)
{
    g_atomic_int_inc(&conf->references);
    return conf;
}

void
exg_conf_unref(ExgConf *conf)
{
    if (conf == NULL || !g_atomic_int_dec_and_test(&conf->references))
        return;
    for (gsize i = 0; i < conf->count; i++) {
        g_free(conf->values[i].text);
        g_strfreev(conf->values[i].list);
    }
    g_free(conf->values);
    g_free(conf->name);
    g_free(conf);
}

/* --- reading ---------------------------------------------------------------------------------- */

static const Value *
value_of(const ExgConf *conf, const char *group, const char *key)
{
    gssize index = find_key(conf, group, key);
    if (index < 0)
        g_error("exgate.conf has no key [%s] %s", group, key);
    return &conf->values[index];
}

const char *
exg_conf_string(const ExgConf *conf, const char *group, const char *key)
{
    return value_of(conf, group, key)->text;
}

bool
exg_conf_bool(const ExgConf *conf, const char *group, const char *key)
{
    return value_of(conf, group, key)->number != 0;
}

gint64
exg_conf_int(const ExgConf *conf, const char *group, const char *key)
{
    return value_of(conf, group, key)->number;
}

const char *const *
exg_conf_list(const ExgConf *conf, const char *group, const char *key)
{
    static const char *const nothing[] = {NULL};
    char **list = value_of(conf, group, key)->list;
    return list != NULL ? (const char *const *)list : nothing;
}

const char *
exg_conf_name(const ExgConf *conf)
{
    return conf->name;
}

char *
exg_conf_where(const ExgConf *conf, const char *group, const char *key)
{
    guint line = value_of(conf, group, key)->line;
    return line != 0 ? g_strdup_printf("%s:%u: [%s] %s", conf->name, line, group, key)
                     : g_strdup_printf("%s: [%s] %s", conf->name, group, key);
}

bool
exg_conf_blame(const ExgConf *conf, const char *group, const char *key, GError **error)
{
    g_autofree char *where = exg_conf_where(conf, group, key);
    g_prefix_error(error, "%s: ", where);
    return false;
}

char *
exg_conf_to_text(const ExgConf *conf)
{
    GString *text = g_string_new(NULL);
    for (gsize i = 0; i < conf->count; i++) {
        const ExgConfKey *key = &conf->schema[i];
        const Value *value = &conf->values[i];
        if (i == 0 || !g_str_equal(key->group, conf->schema[i - 1].group))
            g_string_append_printf(text, "%s[%s]\n", i > 0 ? "\n" : "", key->group);
        g_string_append_printf(text, "# %s\n", key->doc);
        g_string_append_printf(text, "%s%s = %s\n", value->line == 0 ? "#" : "", key->key,
                               value->text != NULL ? value->text : "");
    }
    return g_string_free(text, FALSE);
}
