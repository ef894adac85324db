/* Any bytes as the answer of an autodiscover server, in the protocol that the first byte names: what is
 * kept has its limits and is printable, an endpoint is an https address, a redirection leads
 * somewhere, and an answer that is cut off is none. */
#include "common/autodiscover/answer-private.h"
#include "common/autodiscover/json.h"
#include "common/autodiscover/pox.h"
#include "common/autodiscover/soap.h"
#include "common/base/error.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

typedef ExgAutodiscoverAnswer *(*Reader)(const char *text, gsize length, GError **error);

#define MAX_NAME_BYTES 64
#define MAX_WORD_BYTES (300 * 6)

static void
check_line(const char *text, gsize max)
{
    g_assert_cmpuint(strlen(text), <=, max);
    g_assert_cmpint(text[0], !=, '\0');
    g_assert_true(g_utf8_validate(text, -1, NULL));
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at))
        g_assert_true(g_unichar_isprint(g_utf8_get_char(at)));
}

static void
check_value(const char *value)
{
    g_assert_cmpuint(strlen(value), <=, EXG_AUTODISCOVER_MAX_VALUE_BYTES);
    g_assert_cmpint(value[0], !=, '\0');
    g_assert_false(g_ascii_isspace(value[0]));
    g_assert_true(g_utf8_validate(value, -1, NULL));
}

static void
check_settings(const ExgAutodiscoverAnswer *answer)
{
    g_assert_cmpuint(g_hash_table_size(answer->settings), <=, EXG_AUTODISCOVER_MAX_SETTINGS);
    GHashTableIter iter;
    gpointer name, value;
    g_hash_table_iter_init(&iter, answer->settings);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        g_assert_cmpuint(strlen(name), <=, MAX_NAME_BYTES);
        check_value(value);
    }
    for (int internal = 0; internal < 2; internal++) {
        const char *url = exg_autodiscover_answer_ews_url(answer, internal);
        g_assert_true(url == NULL || g_ascii_strncasecmp(url, "https://", 8) == 0);
    }
    (void)exg_autodiscover_answer_schema(answer);
}

static void
check_answer(const ExgAutodiscoverAnswer *answer)
{
    bool redirects = answer->kind == EXG_AUTODISCOVER_REDIRECT_ADDRESS ||
                     answer->kind == EXG_AUTODISCOVER_REDIRECT_URL;
    g_assert_cmpint(answer->kind, <=, EXG_AUTODISCOVER_BUSY);
    g_assert_true(!redirects || answer->target != NULL);
    if (answer->target != NULL)
        check_value(answer->target);
    if (answer->code != NULL)
        check_line(answer->code, MAX_NAME_BYTES * 6);
    if (answer->message != NULL)
        check_line(answer->message, MAX_WORD_BYTES);
    if (answer->build != NULL)
        check_line(answer->build, sizeof "65535.65535.65535.65535");
    check_settings(answer);
}

/* Whether it was an answer. */
static bool
read_answer(Reader reader, const char *text, gsize length)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgAutodiscoverAnswer) answer = reader(text, length, &error);
    if (answer == NULL) {
        g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return false;
    }
    g_assert_no_error(error);
    check_answer(answer);
    return true;
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    if (size < 1)
        return 0;
    Reader reader = data[0] == 's'   ? exg_autodiscover_soap_read
                    : data[0] == 'p' ? exg_autodiscover_pox_read
                    : data[0] == 'j' ? exg_autodiscover_json_read
                                     : NULL;
    const char *text = (const char *)data + 1;
    gsize length = size - 1;
    if (reader == NULL || !read_answer(reader, text, length))
        return 0;
    const char *end = memrchr(text, data[0] == 'j' ? '}' : '>', length);
    g_assert_nonnull(end);
    g_assert_false(read_answer(reader, text, (gsize)(end - text)));
    return 0;
}
