#include "common/auth/oauth/token-file.h"

#include "common/auth/oauth/reply-private.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct ExgTokenFile {
    gint references;
    char *path;
    int lock; /* descriptor, or -1 */
};

ExgTokenFile *
exg_token_file_new(const char *path)
{
    ExgTokenFile *file = g_new0(ExgTokenFile, 1);
    file->references = 1;
    file->path = g_strdup(path);
    file->lock = -1;
    return file;
}

ExgTokenFile *
exg_token_file_ref(ExgTokenFile *file)
{
    g_atomic_int_inc(&file->references);
    return file;
}

void
exg_token_file_unref(ExgTokenFile *file)
{
    if (file == NULL || !g_atomic_int_dec_and_test(&file->references))
        return;
    exg_token_file_unlock(file);
    g_free(file->path);
    g_free(file);
}

const char *
exg_token_file_path(const ExgTokenFile *file)
{
    return file->path;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool
check_private(int fd, const char *path, GError **error)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return exg_error_set(error, EXG_ERROR_CONFIG, "%s is no file", path);
    if (info.st_uid != geteuid() && info.st_uid != 0)
        return exg_error_set(error, EXG_ERROR_CONFIG, "The token file %s belongs to somebody else",
                             path);
    if ((info.st_mode & 077) != 0)
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "The token file %s is open to others; chmod 600 %s", path, path);
    return true;
}

/* All of a file into `buffer`; -1 and an error if it is too long. */
static gssize
read_all(int fd, char *buffer, gsize room, const char *path, GError **error)
{
    gsize length = 0;
    gssize got;
    do {
        got = read(fd, buffer + length, room - length);
        if (got > 0)
            length += (gsize)got;
    } while ((got > 0 && length < room) || (got < 0 && errno == EINTR));
    if (got >= 0 && length < room)
        return (gssize)length;
    exg_error_set(error, EXG_ERROR_CONFIG, "Cannot read the token file %s: %s", path,
                  got < 0 ? g_strerror(errno) : "it is too large");
    return -1;
}

static ExgToken *
parse(const char *text, gsize length, const char *path, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(ExgOauthReply) fields = exg_oauth_reply_new(path, 200, text, length, -1, &reason);
    const char *access = fields != NULL ? exg_oauth_reply_text(fields, "access_token") : NULL;
    const char *refresh = fields != NULL ? exg_oauth_reply_text(fields, "refresh_token") : NULL;
    if (access == NULL) {
        exg_error_set(error, EXG_ERROR_CONFIG,
                      "The token file %s holds no token; exgate login makes a new one", path);
        return NULL;
    }
    gint64 left = exg_oauth_reply_number(fields, "expires_at", 0) -
                  exg_clock_real_us() / G_TIME_SPAN_SECOND;
    g_autoptr(ExgSecret) access_secret = exg_secret_new(access, -1);
    g_autoptr(ExgSecret) refresh_secret = refresh != NULL ? exg_secret_new(refresh, -1) : NULL;
    return exg_token_new(access_secret, refresh_secret, left, 0);
}

ExgToken *
exg_token_file_read(ExgTokenFile *file, GError **error)
{
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        const char *hint = errno == ENOENT ? "; exgate login makes it" : "";
        exg_error_set(error, EXG_ERROR_CONFIG, "Cannot read the token file %s: %s%s", file->path,
                      g_strerror(errno), hint);
        return NULL;
    }
    ExgToken *token = NULL;
    g_autofree char *buffer = g_malloc(EXG_SECRET_MAX_BYTES);
    if (check_private(fd, file->path, error)) {
        gssize length = read_all(fd, buffer, EXG_SECRET_MAX_BYTES, file->path, error);
        if (length >= 0)
            token = parse(buffer, (gsize)length, file->path, error);
    }
    close(fd);
    exg_secret_wipe(buffer, EXG_SECRET_MAX_BYTES);
    return token;
}

/* --- writing ---------------------------------------------------------------------------------- */

static bool
write_all(int fd, const char *bytes, gsize length)
{
    while (length > 0) {
        gssize put = write(fd, bytes, length);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        bytes += put;
        length -= (gsize)put;
    }
    return true;
}

/* A rename is only durable once the directory is. */
static void
sync_directory(const char *path)
{
    g_autofree char *directory = g_path_get_dirname(path);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

/* Beside it first, under a name that a crash leaves behind once at the most: who writes has the lock. */
static bool
replace(const char *path, const char *bytes, gsize length, GError **error)
{
    g_autofree char *temporary = g_strconcat(path, ".new", NULL);
    (void)unlink(temporary);
    int fd = EXG_FAIL_POINT_ERROR("token-write")
                 ? -1
                 : open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write_all(fd, bytes, length) && fsync(fd) == 0;
    int reason = errno;
    if (fd >= 0 && close(fd) != 0 && good) {
        good = false;
        reason = errno;
    }
    if (good && rename(temporary, path) != 0) {
        good = false;
        reason = errno;
    }
    if (good) {
        sync_directory(path);
        return true;
    }
    if (fd >= 0)
        (void)unlink(temporary);
    return exg_error_set(error, EXG_ERROR_RESOURCES, "Cannot write the token file %s: %s", path,
                         g_strerror(reason));
}

/* Tokens are printable ASCII without quotes and backslashes, or they have been refused. */
static bool
append_text(char *buffer, gsize room, const char *name, const ExgSecret *value)
{
    const char *bytes = exg_secret_bytes(value);
    if (strpbrk(bytes, "\"\\") != NULL)
        return false;
    g_autofree char *start = g_strdup_printf(",\"%s\":\"", name);
    return g_strlcat(buffer, start, room) < room && g_strlcat(buffer, bytes, room) < room &&
           g_strlcat(buffer, "\"", room) < room;
}

bool
exg_token_file_write(ExgTokenFile *file, const ExgToken *token, GError **error)
{
    gint64 left = (token->expires_us - exg_clock_monotonic_us()) / G_TIME_SPAN_SECOND;
    g_autofree char *buffer = g_malloc0(EXG_SECRET_MAX_BYTES);
    g_snprintf(buffer, EXG_SECRET_MAX_BYTES, "{\"expires_at\":%" G_GINT64_FORMAT,
               exg_clock_real_us() / G_TIME_SPAN_SECOND + left);
    bool fits = append_text(buffer, EXG_SECRET_MAX_BYTES, "access_token", token->access) &&
                (token->refresh == NULL ||
                 append_text(buffer, EXG_SECRET_MAX_BYTES, "refresh_token", token->refresh)) &&
                g_strlcat(buffer, "}\n", EXG_SECRET_MAX_BYTES) < EXG_SECRET_MAX_BYTES;
    bool done = fits ? replace(file->path, buffer, strlen(buffer), error)
                     : exg_error_set(error, EXG_ERROR_PROTOCOL, "The tokens are too long to keep");
    exg_secret_wipe(buffer, EXG_SECRET_MAX_BYTES);
    return done;
}

bool
exg_token_file_remove(ExgTokenFile *file, GError **error)
{
    g_autofree char *temporary = g_strconcat(file->path, ".new", NULL);
    (void)unlink(temporary);
    if (unlink(file->path) == 0 || errno == ENOENT)
        return true;
    return exg_error_set(error, EXG_ERROR_RESOURCES, "Cannot remove the token file %s: %s",
                         file->path, g_strerror(errno));
}

/* --- lock ------------------------------------------------------------------------------------- */

bool
exg_token_file_try_lock(ExgTokenFile *file, GError **error)
{
    g_return_val_if_fail(file->lock < 0, false);
    g_autofree char *path = g_strconcat(file->path, ".lock", NULL);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return exg_error_set(error, EXG_ERROR_RESOURCES, "Cannot lock the token file with %s: %s",
                             path, g_strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        file->lock = fd;
        return true;
    }
    int reason = errno;
    close(fd);
    if (reason == EWOULDBLOCK || reason == EINTR)
        return false;
    return exg_error_set(error, EXG_ERROR_RESOURCES, "Cannot lock the token file with %s: %s", path,
                         g_strerror(reason));
}

void
exg_token_file_unlock(ExgTokenFile *file)
{
    if (file->lock < 0)
        return;
    close(file->lock);
    file->lock = -1;
}
