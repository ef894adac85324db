#include "common/mime/header-marks.h"

#include "common/base/error.h"

#include <string.h>

typedef struct {
    char *field;
    char *value; /* "": any */
} Rule;

struct ExgHeaderMarks {
    gint references;
    guint n_rules;
    Rule rules[EXG_HEADER_MARKS_MAX];
};

static bool
is_field_name(const char *name)
{
    for (const char *at = name; *at != '\0'; at++)
        if (!g_ascii_isgraph(*at))
            return false;
    return *name != '\0';
}

static bool
add_rule(ExgHeaderMarks *marks, const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, ":", 2);
    const char *field = parts[0] != NULL ? g_strstrip(parts[0]) : "";
    if (!is_field_name(field))
        return exg_error_set(error, EXG_ERROR_CONFIG, "'%s' is no rule such as X-Spam-Flag: YES",
                             text);
    if (marks->n_rules == EXG_HEADER_MARKS_MAX)
        return exg_error_set(error, EXG_ERROR_CONFIG, "there are more than %d rules",
                             EXG_HEADER_MARKS_MAX);
    const char *value = parts[1] != NULL ? g_strstrip(parts[1]) : "";
    marks->rules[marks->n_rules++] = (Rule){g_strdup(field), g_strdup(value)};
    return true;
}

ExgHeaderMarks *
exg_header_marks_new(const char *rules, GError **error)
{
    g_autoptr(ExgHeaderMarks) marks = g_new0(ExgHeaderMarks, 1);
    marks->references = 1;
    g_auto(GStrv) texts = g_strsplit(rules, ",", -1);
    for (guint i = 0; texts[i] != NULL; i++)
        if (!add_rule(marks, g_strstrip(texts[i]), error))
            return NULL;
    return g_steal_pointer(&marks);
}

ExgHeaderMarks *
exg_header_marks_ref(ExgHeaderMarks *marks)
{
    g_atomic_int_inc(&marks->references);
    return marks;
}

void
exg_header_marks_unref(ExgHeaderMarks *marks)
{
    if (marks == NULL || !g_atomic_int_dec_and_test(&marks->references))
        return;
    for (guint i = 0; i < marks->n_rules; i++) {
        g_free(marks->rules[i].field);
        g_free(marks->rules[i].value);
    }
    g_free(marks);
}

const char *
exg_header_marks_field(const ExgHeaderMarks *marks, const char *name, gsize length)
{
    for (guint i = 0; marks != NULL && i < marks->n_rules; i++) {
        const char *field = marks->rules[i].field;
        if (strlen(field) == length && g_ascii_strncasecmp(field, name, length) == 0)
            return field;
    }
    return NULL;
}

static bool
begins_with(const char *value, gsize length, const char *wanted)
{
    gsize prefix = strlen(wanted);
    if (prefix == 0)
        return true;
    if (prefix > length || g_ascii_strncasecmp(value, wanted, prefix) != 0)
        return false;
    return prefix == length || !g_ascii_isalnum(wanted[prefix - 1]) ||
           !g_ascii_isalnum(value[prefix]);
}

bool
exg_header_marks_fit(const ExgHeaderMarks *marks, const char *field, const char *value,
                     gsize length)
{
    while (length > 0 && g_ascii_isspace(*value)) {
        value++;
        length--;
    }
    for (guint i = 0; i < marks->n_rules; i++)
        if (g_ascii_strcasecmp(marks->rules[i].field, field) == 0 &&
            begins_with(value, length, marks->rules[i].value))
            return true;
    return false;
}
