/* Any bytes as the head of an answer: a status and a wait that are none or bearable, and fields that say the same when
 * the head is written anew. */
#include "common/http/request-private.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

#define DAY_MS (24 * 3600 * 1000)

static bool
take_lines(ExgHttpResponse *response, const char *text, gsize size)
{
    while (size > 0) {
        const char *newline = memchr(text, '\n', size);
        gsize length = newline != NULL ? (gsize)(newline - text) + 1 : size;
        if (!exg_http_response_take_line(response, text, length))
            return false;
        text += length;
        size -= length;
    }
    return true;
}

/* A continuation line may leave a blank at an end. */
static void
check_same(const char *value, const char *again)
{
    value += strspn(value, " \t");
    gsize length = strlen(value);
    while (length > 0 && strchr(" \t", value[length - 1]) != NULL)
        length--;
    g_autofree char *trimmed = g_strndup(value, length);
    g_assert_cmpstr(trimmed, ==, again);
    g_assert_null(strpbrk(value, "\r\n"));
}

static void
check_field(const ExgHttpResponse *response, const char *name)
{
    g_auto(GStrv) values = exg_http_response_headers(response, name);
    g_assert_cmpstr(exg_http_response_header(response, name), ==, values[0]);
    if (exg_http_response_status(response) == 0)
        return;
    g_autoptr(GString) head = g_string_new(NULL);
    g_string_printf(head, "HTTP/1.1 %03d\r\n", exg_http_response_status(response));
    for (guint i = 0; values[i] != NULL; i++)
        g_string_append_printf(head, "%s:%s\t\r\n", name, values[i]);
    g_autoptr(ExgHttpResponse) again = exg_http_response_new();
    g_assert_true(take_lines(again, head->str, head->len));
    g_auto(GStrv) same = exg_http_response_headers(again, name);
    g_assert_cmpuint(g_strv_length(same), ==, g_strv_length(values));
    for (guint i = 0; values[i] != NULL; i++)
        check_same(values[i], same[i]);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    static const char *const names[] = {"Retry-After", "Location", "WWW-Authenticate", "A"};
    g_autoptr(ExgHttpResponse) response = exg_http_response_new();
    if (!take_lines(response, (const char *)data, size))
        return 0;
    gint64 wait_ms = exg_http_response_retry_after_ms(response);
    g_assert_cmpint(wait_ms, >=, -1);
    g_assert_cmpint(wait_ms, <=, DAY_MS);
    g_assert_cmpint(exg_http_response_status(response), >=, 0);
    g_assert_cmpint(exg_http_response_status(response), <=, 999);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        check_field(response, names[i]);
    return 0;
}
