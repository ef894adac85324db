#include "common/http/body.h"

#include <string.h>

static void
test_bytes(void)
{
    g_autoptr(GBytes) bytes = g_bytes_new_static("0123456789", 10);
    for (gsize room = 1; room <= 11; room++) {
        ExgHttpBody *body = exg_http_body_new_bytes(bytes);
        g_assert_cmpuint(body->length, ==, 10);
        for (int round = 0; round < 2; round++) {
            g_autoptr(GString) read = g_string_new(NULL);
            char buffer[11];
            gssize got;
            while ((got = body->class->read(body, buffer, room, NULL)) > 0)
                g_string_append_len(read, buffer, got);
            g_assert_cmpint(got, ==, 0);
            g_assert_cmpstr(read->str, ==, "0123456789");
            body->class->rewind(body);
        }
        exg_http_body_free(body);
    }
}

static void
test_empty(void)
{
    g_autoptr(GBytes) bytes = g_bytes_new(NULL, 0);
    ExgHttpBody *body = exg_http_body_new_bytes(bytes);
    char buffer[1];
    g_assert_cmpuint(body->length, ==, 0);
    g_assert_cmpint(body->class->read(body, buffer, 1, NULL), ==, 0);
    exg_http_body_free(body);
    exg_http_body_free(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/http/body/bytes", test_bytes);
    g_test_add_func("/http/body/empty", test_empty);
    return g_test_run();
}
