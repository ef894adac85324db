#include "common/io/address.h"

#include "common/base/error.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#define PATH_107                                                                                   \
    "/1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901" \
    "234567890123456"

static void
test_good(void)
{
    static const struct {
        const char *text, *normal;
        ExgSocketKind kind;
        int family;
        guint16 port;
    } rows[] = {
        {"unix:/run/exgate/lmtp", "unix:/run/exgate/lmtp", EXG_SOCKET_UNIX, AF_UNIX, 0},
        {"unix:/a:b c", "unix:/a:b c", EXG_SOCKET_UNIX, AF_UNIX, 0},
        {"unix:" PATH_107, "unix:" PATH_107, EXG_SOCKET_UNIX, AF_UNIX, 0},
        {"inet:127.0.0.1:24", "inet:127.0.0.1:24", EXG_SOCKET_INET, AF_INET, 24},
        {"inet:0.0.0.0:0", "inet:0.0.0.0:0", EXG_SOCKET_INET, AF_INET, 0},
        {"inet:255.255.255.255:65535", "inet:255.255.255.255:65535", EXG_SOCKET_INET, AF_INET,
         65535},
        {"inet:localhost:24", "inet:127.0.0.1:24", EXG_SOCKET_INET, AF_INET, 24},
        {"inet:LocalHost:00024", "inet:127.0.0.1:24", EXG_SOCKET_INET, AF_INET, 24},
        {"inet:[::1]:24", "inet:[::1]:24", EXG_SOCKET_INET, AF_INET6, 24},
        {"inet:[2001:DB8:0::1]:9", "inet:[2001:db8::1]:9", EXG_SOCKET_INET, AF_INET6, 9},
        {"inet:[::]:24", "inet:[::]:24", EXG_SOCKET_INET, AF_INET6, 24},
        {"systemd", "systemd", EXG_SOCKET_SYSTEMD, AF_UNSPEC, 0},
    };
    g_assert_cmpuint(strlen(PATH_107), ==, 107);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        ExgSocketAddress address;
        g_autoptr(GError) error = NULL;
        g_assert_true(exg_socket_address_parse(rows[i].text, &address, &error));
        g_assert_no_error(error);
        g_assert_cmpstr(address.text, ==, rows[i].normal);
        g_assert_cmpint(address.kind, ==, rows[i].kind);
        g_assert_cmpint(address.storage.ss_family, ==, rows[i].family);
        g_assert_cmpuint(exg_socket_address_port(&address), ==, rows[i].port);
        if (rows[i].kind == EXG_SOCKET_SYSTEMD)
            continue;
        ExgSocketAddress back;
        exg_socket_address_from_native((const struct sockaddr *)&address.storage, address.length,
                                       &back);
        g_assert_cmpstr(back.text, ==, rows[i].normal);
        g_assert_cmpint(back.kind, ==, rows[i].kind);
        g_assert_cmpuint(exg_socket_address_port(&back), ==, rows[i].port);
    }
}

static void
test_bad(void)
{
    static const char *const rows[] = {
        "",
        "/run/lmtp",
        "unix",
        "unix:",
        "unix:relative",
        "unix:/",
        "unix:/run/",
        "unix:/a\nb",
        "unix:" PATH_107 "x",
        "UNIX:/a",
        "inet",
        "inet:",
        "inet::",
        "inet:24",
        "inet::24",
        "inet:127.0.0.1",
        "inet:127.0.0.1:",
        "inet:127.0.0.1:65536",
        "inet:127.0.0.1:123456",
        "inet:127.0.0.1:-1",
        "inet:127.0.0.1:+1",
        "inet:127.0.0.1: 1",
        "inet:127.0.0.1:24 ",
        "inet:127.0.0.1:0x18",
        "inet:127.1:24",
        "inet:256.0.0.1:24",
        "inet:example.org:24",
        "inet:::1:24",
        "inet:[]:24",
        "inet:[::1:24",
        "inet:[::1]24",
        "inet:[127.0.0.1]:24",
        "inet:[localhost]:24",
        "inet:[::1%lo]:24",
        "inet:24@localhost",
        "systemd:",
        "systemd ",
        "tcp:127.0.0.1:24",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        ExgSocketAddress address;
        memset(&address, 0x55, sizeof address);
        const ExgSocketAddress before = address;
        g_autoptr(GError) error = NULL;
        g_assert_false(exg_socket_address_parse(rows[i], &address, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
        g_autofree char *quoted = g_strdup_printf("Socket '%s' ", rows[i]);
        g_assert_true(g_str_has_prefix(error->message, quoted));
        g_assert_cmpmem(&address, sizeof address, &before, sizeof before);
    }
}

/* Every beginning of a good text is either refused or good by itself, and prints as something that is read again. */
static void
test_cut(void)
{
    static const char *const rows[] = {"unix:/run/exgate/lmtp", "inet:127.0.0.1:24",
                                       "inet:[2001:db8::1]:24", "systemd"};
    guint good = 0;
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (gsize length = 0; length <= strlen(rows[i]); length++) {
            g_autofree char *text = g_strndup(rows[i], length);
            ExgSocketAddress address;
            ExgSocketAddress again;
            if (!exg_socket_address_parse(text, &address, NULL))
                continue;
            good++;
            g_assert_true(exg_socket_address_parse(address.text, &again, NULL));
            g_assert_cmpstr(address.text, ==, again.text);
        }
    }
    g_assert_cmpuint(good, >, 15);
}

static void
test_native(void)
{
    ExgSocketAddress address;
    struct sockaddr_un native = {.sun_family = AF_UNIX};
    const socklen_t offset = offsetof(struct sockaddr_un, sun_path);
    exg_socket_address_from_native((struct sockaddr *)&native, offset,
                                   &address); /* a client's, without a name */
    g_assert_cmpint(address.kind, ==, EXG_SOCKET_UNIX);
    g_assert_cmpstr(address.text, ==, "unix:");

    memcpy(native.sun_path, "\0name\r", 6);
    exg_socket_address_from_native((struct sockaddr *)&native, offset + 6, &address);
    g_assert_cmpstr(address.text, ==, "unix:@name?");

    memset(native.sun_path, 'x',
           sizeof native.sun_path); /* the kernel need not end it with a zero */
    exg_socket_address_from_native((struct sockaddr *)&native, sizeof native, &address);
    g_assert_cmpuint(strlen(address.text), ==, strlen("unix:") + sizeof native.sun_path);

    struct sockaddr_in6 inet6 = {.sin6_family = AF_INET6, .sin6_port = htons(25)};
    g_assert_cmpint(inet_pton(AF_INET6, "fe80::1", &inet6.sin6_addr), ==, 1);
    exg_socket_address_from_native((struct sockaddr *)&inet6, sizeof inet6, &address);
    g_assert_cmpstr(address.text, ==, "inet:[fe80::1]:25");
    exg_socket_address_from_native((struct sockaddr *)&inet6, 0, &address);
    g_assert_cmpstr(address.text, ==, "unix:");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/address/good", test_good);
    g_test_add_func("/address/bad", test_bad);
    g_test_add_func("/address/cut", test_cut);
    g_test_add_func("/address/native", test_native);
    return g_test_run();
}
