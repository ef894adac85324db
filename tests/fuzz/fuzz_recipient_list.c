/* Lists of recipients: what is taken is clean, and written and read again it is the same. */
#include "common/base/error.h"
#include "common/directory/recipient-list.h"
#include "common/mime/address.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static bool
take(const ExgRecipientLine *line, gpointer data, GError **error)
{
    g_assert_cmpuint(strlen(line->address), <=, EXG_RECIPIENT_LIST_MAX_LINE);
    g_assert_true(g_utf8_validate(line->address, -1, NULL));
    g_assert_nonnull(exg_address_domain(line->address));
    g_assert_true(line->found_us >= 0);
    for (const char *at = line->address; *at != '\0'; at++)
        g_assert_false(g_ascii_isspace(*at) || g_ascii_iscntrl(*at));
    exg_recipient_list_write(data, line);
    return true;
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(GString) first = g_string_new(NULL);
    g_autoptr(GString) second = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    if (!exg_recipient_list_read((const char *)data, size, take, first, &error)) {
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
        g_assert_true(g_str_has_prefix(error->message, "line "));
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        for (const char *at = error->message; *at != '\0'; at++)
            g_assert_false(g_ascii_iscntrl(*at));
    }
    g_assert_true(exg_recipient_list_read(first->str, first->len, take, second, NULL));
    g_assert_cmpstr(first->str, ==, second->str);
    return 0;
}
