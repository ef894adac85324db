#include "common/io/address.h"

#include "common/base/error.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#define FORMS "unix:/path, inet:address:port, inet:[address]:port or systemd"

static const gsize path_offset = offsetof(struct sockaddr_un, sun_path);

/* For the buffer of an address: its text, with what does not fit or cannot be shown left out. */
static void
set_text(ExgSocketAddress *address, const char *prefix, const char *body, gsize length)
{
    gsize used = g_strlcpy(address->text, prefix, sizeof address->text);
    for (gsize i = 0; i < length && used + 1 < sizeof address->text; i++)
        address->text[used++] = g_ascii_iscntrl(body[i]) ? '?' : body[i];
    address->text[used] = '\0';
}

static void
set_inet_text(ExgSocketAddress *address, int family, const void *host)
{
    char numeric[INET6_ADDRSTRLEN] = "";
    inet_ntop(family, host, numeric, sizeof numeric);
    g_snprintf(address->text, sizeof address->text,
               family == AF_INET6 ? "inet:[%s]:%u" : "inet:%s:%u", numeric,
               exg_socket_address_port(address));
}

static bool
parse_unix(const char *text, const char *path, ExgSocketAddress *address, GError **error)
{
    struct sockaddr_un *native = (struct sockaddr_un *)&address->storage;
    gsize length = strlen(path);
    if (path[0] != '/')
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "Socket '%s' needs an absolute path, as in unix:/run/exgate/lmtp",
                             text);
    if (path[length - 1] == '/')
        return exg_error_set(error, EXG_ERROR_CONFIG, "Socket '%s' names a directory, not a socket",
                             text);
    if (length >= sizeof native->sun_path)
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "Socket '%s' has a path longer than %zu bytes", text,
                             sizeof native->sun_path - 1);
    for (gsize i = 0; i < length; i++)
        if (g_ascii_iscntrl(path[i]))
            return exg_error_set(error, EXG_ERROR_CONFIG,
                                 "Socket '%s' has a control character in its path", text);
    native->sun_family = AF_UNIX;
    memcpy(native->sun_path, path, length + 1);
    address->kind = EXG_SOCKET_UNIX;
    address->length = (socklen_t)(path_offset + length + 1);
    set_text(address, "unix:", path, length);
    return true;
}

static bool
parse_port(const char *text, guint16 *ret_port)
{
    guint port = 0;
    gsize length = strlen(text);
    if (length == 0 || length > 5)
        return false;
    for (gsize i = 0; i < length; i++) {
        if (!g_ascii_isdigit(text[i]))
            return false;
        port = port * 10 + (guint)(text[i] - '0');
    }
    if (port > G_MAXUINT16)
        return false;
    *ret_port = (guint16)port;
    return true;
}

static bool
parse_inet(const char *text, const char *rest, ExgSocketAddress *address, GError **error)
{
    const char *colon = strrchr(rest, ':');
    guint16 port;
    if (colon == NULL || !parse_port(colon + 1, &port))
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "Socket '%s' does not end in a port from 0 to 65535", text);
    g_autofree char *host = g_strndup(rest, (gsize)(colon - rest));
    gsize length = strlen(host);
    struct sockaddr_in *inet = (struct sockaddr_in *)&address->storage;
    struct sockaddr_in6 *inet6 = (struct sockaddr_in6 *)&address->storage;
    address->kind = EXG_SOCKET_INET;
    if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        if (inet_pton(AF_INET6, host + 1, &inet6->sin6_addr) == 1) {
            inet6->sin6_family = AF_INET6;
            inet6->sin6_port = htons(port);
            address->length = sizeof *inet6;
            set_inet_text(address, AF_INET6, &inet6->sin6_addr);
            return true;
        }
    } else if (inet_pton(AF_INET, g_ascii_strcasecmp(host, "localhost") == 0 ? "127.0.0.1" : host,
                         &inet->sin_addr) == 1) {
        inet->sin_family = AF_INET;
        inet->sin_port = htons(port);
        address->length = sizeof *inet;
        set_inet_text(address, AF_INET, &inet->sin_addr);
        return true;
    }
    return exg_error_set(
        error, EXG_ERROR_CONFIG,
        "Socket '%s' needs a numeric address, an IPv6 address in brackets, or localhost", text);
}

bool
exg_socket_address_parse(const char *text, ExgSocketAddress *ret_address, GError **error)
{
    ExgSocketAddress address;
    memset(&address, 0, sizeof address);
    if (g_str_equal(text, "systemd")) {
        address.kind = EXG_SOCKET_SYSTEMD;
        set_text(&address, text, "", 0);
    } else if (g_str_has_prefix(text, "unix:")) {
        if (!parse_unix(text, text + strlen("unix:"), &address, error))
            return false;
    } else if (g_str_has_prefix(text, "inet:")) {
        if (!parse_inet(text, text + strlen("inet:"), &address, error))
            return false;
    } else {
        return exg_error_set(error, EXG_ERROR_CONFIG, "Socket '%s' is not of the form " FORMS,
                             text);
    }
    *ret_address = address;
    return true;
}

void
exg_socket_address_from_native(const struct sockaddr *native, socklen_t length,
                               ExgSocketAddress *ret_address)
{
    memset(ret_address, 0, sizeof *ret_address);
    ret_address->length = (socklen_t)MIN(length, sizeof ret_address->storage);
    memcpy(&ret_address->storage, native, ret_address->length);
    const struct sockaddr_storage *storage = &ret_address->storage;
    if (length >= sizeof(struct sockaddr_in) && storage->ss_family == AF_INET) {
        ret_address->kind = EXG_SOCKET_INET;
        set_inet_text(ret_address, AF_INET, &((const struct sockaddr_in *)storage)->sin_addr);
    } else if (length >= sizeof(struct sockaddr_in6) && storage->ss_family == AF_INET6) {
        ret_address->kind = EXG_SOCKET_INET;
        set_inet_text(ret_address, AF_INET6, &((const struct sockaddr_in6 *)storage)->sin6_addr);
    } else {
        /* A client's unix socket has no name, as a rule. */
        const char *path = ((const struct sockaddr_un *)storage)->sun_path;
        gsize room = ret_address->length > path_offset ? ret_address->length - path_offset : 0;
        bool abstract = room > 0 && path[0] == '\0';
        ret_address->kind = EXG_SOCKET_UNIX;
        set_text(ret_address, abstract ? "unix:@" : "unix:", path + abstract,
                 abstract ? room - 1 : strnlen(path, room));
    }
}

guint16
exg_socket_address_port(const ExgSocketAddress *address)
{
    switch (address->storage.ss_family) {
    case AF_INET:
        return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
    case AF_INET6:
        return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
    default:
        return 0;
    }
}
