/* exgate.conf: a configuration that is accepted says the same when it is written and read again. */
#include "common/base/conf.h"
#include "common/base/error.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
check_value(const ExgConf *conf, const ExgConfKey *key)
{
    const char *text = exg_conf_string(conf, key->group, key->key);
    g_assert_true(text != NULL || (!key->required && key->fallback == NULL));
    g_assert_true(text == NULL || text[0] != '\0');
    gint64 number = exg_conf_int(conf, key->group, key->key);
    if (key->min != 0 || key->max != 0) {
        g_assert_cmpint(number, >=, key->min);
        g_assert_cmpint(number, <=, key->max);
    }
    if (key->type == EXG_CONF_LIST && text != NULL) {
        const char *const *list = exg_conf_list(conf, key->group, key->key);
        g_assert_nonnull(list[0]);
        for (guint i = 0; list[i] != NULL; i++)
            g_assert_true(list[i][0] != '\0' && strpbrk(list[i], " \t\n") == NULL);
    }
}

static void
check_same(const ExgConf *a, const ExgConf *b, const ExgConfKey *key)
{
    g_assert_cmpstr(exg_conf_string(a, key->group, key->key), ==,
                    exg_conf_string(b, key->group, key->key));
    g_assert_cmpint(exg_conf_int(a, key->group, key->key), ==,
                    exg_conf_int(b, key->group, key->key));
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgConf) conf = exg_conf_parse((const char *)data, size, "fuzz.conf", &error);
    if (conf == NULL) {
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
        g_assert_true(g_str_has_prefix(error->message, "fuzz.conf"));
        g_assert_null(strchr(error->message, '\n'));
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    g_assert_no_error(error);
    g_autofree char *text = exg_conf_to_text(conf);
    g_autoptr(ExgConf) again = exg_conf_parse(text, strlen(text), "again.conf", &error);
    g_assert_no_error(error);
    g_autofree char *text_again = exg_conf_to_text(again);
    g_assert_cmpstr(text_again, ==, text);
    gsize count;
    const ExgConfKey *schema = exg_conf_schema(&count);
    for (gsize i = 0; i < count; i++) {
        check_value(conf, &schema[i]);
        check_same(conf, again, &schema[i]);
    }
    return 0;
}
