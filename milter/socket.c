#include "milter/socket.h"

#include "common/base/error.h"

#include <errno.h>
#include <libmilter/mfapi.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FORMS "unix:/path, inet:port@host or inet6:port@host"

static const char *
path_of(const ExgMilterSocket *socket)
{
    return ((const struct sockaddr_un *)&socket->path.storage)->sun_path;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool
parse_unix(const char *path, ExgMilterSocket *socket, GError **error)
{
    g_autofree char *text = g_strconcat("unix:", path, NULL);
    socket->is_unix = true;
    return exg_socket_address_parse(text, &socket->path, error);
}

/* "port@host" or "port". Names of hosts are libmilter's to look up. */
static bool
parse_inet(const char *text, const char *rest, GError **error)
{
    const char *at = strchr(rest, '@');
    g_autofree char *port = at != NULL ? g_strndup(rest, (gsize)(at - rest)) : g_strdup(rest);
    guint64 number;
    if (!g_ascii_string_to_unsigned(port, 10, 0, G_MAXUINT16, &number, NULL))
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "Socket '%s' needs a port from 0 to 65535 before the host: " FORMS,
                             text);
    if (at != NULL && at[1] == '\0')
        return exg_error_set(error, EXG_ERROR_CONFIG, "Socket '%s' has no host behind the @", text);
    return true;
}

bool
exg_milter_socket_parse(const char *text, ExgMilterSocket *ret_socket, GError **error)
{
    const char *colon = strchr(text, ':');
    g_autofree char *family = colon != NULL ? g_ascii_strdown(text, colon - text)
                                            : g_strdup("unix");
    const char *rest = colon != NULL ? colon + 1 : text;
    ExgMilterSocket socket = {.is_unix = false};
    bool good;
    if (g_str_equal(family, "unix") || g_str_equal(family, "local") || family[0] == '\0')
        good = parse_unix(rest, &socket, error);
    else if (g_str_equal(family, "inet") || g_str_equal(family, "inet6"))
        good = parse_inet(text, rest, error);
    else
        good = exg_error_set(error, EXG_ERROR_CONFIG, "Socket '%s' is none of " FORMS, text);
    if (!good)
        return false;
    socket.text = g_strdup(text);
    *ret_socket = socket;
    return true;
}

void
exg_milter_socket_clear(ExgMilterSocket *socket)
{
    g_clear_pointer(&socket->text, g_free);
}

/* --- opening ---------------------------------------------------------------------------------- */

static bool
fail(const ExgMilterSocket *socket, const char *what, GError **error)
{
    return exg_error_set(error, EXG_ERROR_CONFIG, "Cannot %s %s: %s", what, socket->text,
                         g_strerror(errno));
}

/* Nobody else gets in before the owner and the group are what they shall be. */
static bool
set_permissions(ExgMilterSocket *socket, const ExgListenerOptions *options, GError **error)
{
    struct stat status;
    if (lstat(path_of(socket), &status) < 0)
        return fail(socket, "find", error);
    socket->inode = status.st_ino;
    bool gives = options->owner != (uid_t)-1 || options->group != (gid_t)-1;
    if (gives && lchown(path_of(socket), options->owner, options->group) < 0)
        return fail(socket, "change the owner of", error);
    if (chmod(path_of(socket), options->mode) < 0)
        return fail(socket, "change the mode of", error);
    return true;
}

bool
exg_milter_socket_open(ExgMilterSocket *socket, const ExgListenerOptions *options, GError **error)
{
    if (socket->is_unix && !exg_listener_make_way(&socket->path, error))
        return false;
    if (smfi_setconn(socket->text) != MI_SUCCESS)
        return exg_error_set(error, EXG_ERROR_CONFIG, "Cannot listen on %s", socket->text);
    mode_t before = umask(0177);
    errno = 0;
    bool is_open = smfi_opensocket(false) == MI_SUCCESS;
    int reason = errno;
    umask(before);
    if (!is_open)
        return exg_error_set(error, EXG_ERROR_CONFIG, "Cannot listen on %s: %s", socket->text,
                             reason != 0 ? g_strerror(reason) : "libmilter does not say why");
    if (!socket->is_unix || set_permissions(socket, options, error))
        return true;
    exg_milter_socket_remove(socket);
    return false;
}

void
exg_milter_socket_remove(const ExgMilterSocket *socket)
{
    struct stat status;
    if (socket->is_unix && socket->inode != 0 && lstat(path_of(socket), &status) == 0 &&
        S_ISSOCK(status.st_mode) && status.st_ino == socket->inode)
        (void)unlink(path_of(socket));
}
