/* conf.h - exgate.conf: one schema table, one reader, errors that name the line.
 *
 * The syntax is that of a GKeyFile ("[group]", "key = value", "#" comments), less its escapes: a
 * value is taken as it stands, so that EXAMPLE\svc needs no doubling. Unknown groups and keys,
 * repeated keys and values out of range are errors. Every key, its type, range, default and
 * documentation stand in conf-schema.c, from which the sample and the check of the manual page are
 * made.
 *
 * Values: a duration is a number with ms, s, min, h or d (none: seconds); a size is a number with
 *         K, M or G (powers of 1024; none: bytes);
 * a boolean is yes or no (true/false, on/off); a list is separated by white space.
 *
 * Threads:  immutable after loading, reference counted.
 * Errors:   EXG_ERROR_CONFIG: "FILE:LINE: [group] key: what is wrong; what is allowed".
 * Limits:   a file of EXG_CONF_MAX_BYTES.
 */
#ifndef EXG_BASE_CONF_H
#define EXG_BASE_CONF_H

#include <glib.h>
#include <stdbool.h>

#define EXG_CONF_MAX_BYTES (1024 * 1024)
#define EXG_CONF_MAX_URLS  8

typedef enum {
    EXG_CONF_STRING,
    EXG_CONF_PATH, /* absolute, or "credential:NAME" */
    EXG_CONF_URL,  /* https:// (or http:// for tests), with a host */
    EXG_CONF_URLS, /* several of them, EXG_CONF_MAX_URLS at most; a list; or "auto" */
    EXG_CONF_BOOL,
    EXG_CONF_INT,
    EXG_CONF_SIZE,     /* bytes */
    EXG_CONF_DURATION, /* milliseconds */
    EXG_CONF_CHOICE,
    EXG_CONF_LIST,
    EXG_CONF_MODE /* octal */
} ExgConfType;

typedef struct {
    const char *group;
    const char *key;
    ExgConfType type;
    const char *fallback; /* as it would be written in the file; NULL: not set */
    bool required;
    gint64 min, max;     /* numbers: in units of the type; both 0: no range */
    const char *choices; /* CHOICE: "one two three" */
    bool at_start;       /* read when a daemon starts, not when it reloads */
    const char *doc;     /* one line */
} ExgConfKey;

/* The schema, in the order of the manual page. */
const ExgConfKey *exg_conf_schema(gsize *ret_count);

typedef struct ExgConf ExgConf;

ExgConf *exg_conf_load(const char *path, GError **error);
/* From text; `name` stands for the file in errors. */
ExgConf *exg_conf_parse(const char *text, gsize length, const char *name, GError **error);
ExgConf *exg_conf_ref(ExgConf *conf);
void exg_conf_unref(ExgConf *conf);

/* The value set, or the default. A key that is not in the schema, or of another type, is a
 * programmer's error. Strings and lists are valid as long as the configuration; a string is NULL if
 * not set and without default, and a list then is empty. */
const char *exg_conf_string(const ExgConf *conf, const char *group, const char *key);
bool exg_conf_bool(const ExgConf *conf, const char *group, const char *key);
gint64 exg_conf_int(const ExgConf *conf, const char *group, const char *key);
const char *const *exg_conf_list(const ExgConf *conf, const char *group, const char *key);
/* The file. */
const char *exg_conf_name(const ExgConf *conf);
/* "FILE:LINE: [group] key" of where a value was set, or "FILE: [group] key", for a sentence about
 * it. (transfer full) */
char *exg_conf_where(const ExgConf *conf, const char *group, const char *key);

/* A duration as it is written in the file, for options of programs. */
bool exg_conf_parse_duration(const char *text, gint64 *ret_ms);

/* The whole configuration as a file: every key with its documentation, those at their default
 * commented out. (transfer full) */
char *exg_conf_to_text(const ExgConf *conf);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgConf, exg_conf_unref)

#endif
