#include "common/base/secret.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct ExgSecret {
    gint references;
    gsize length;
    gsize mapped;
    char *bytes; /* a mapping of its own, so that locking and wiping touch nothing else */
};

#ifdef EXG_TEST_SEAMS
/* A leak that a test orders, so as to prove that its search would find one: a copy for good, also in UTF-16. */
static void
leak(const void *bytes, gsize length)
{
    static GPtrArray *leaked;
    static GMutex lock;
    char *copy = g_malloc(3 * length), *wide = copy + length;
    memcpy(copy, bytes, length);
    for (gsize i = 0; i < length; i++) {
        wide[2 * i] = copy[i];
        wide[2 * i + 1] = '\0';
    }
    g_mutex_lock(&lock);
    if (leaked == NULL)
        leaked = g_ptr_array_new();
    g_ptr_array_add(leaked, copy);
    g_mutex_unlock(&lock);
}
#else
#define leak(bytes, length) ((void)0)
#endif

static gsize
mapping_size(gsize length)
{
    gsize page = (gsize)sysconf(_SC_PAGESIZE);
    return (length + 1 + page - 1) / page * page;
}

static ExgSecret *
secret_alloc(gsize length)
{
    gsize mapped = mapping_size(length);
    char *bytes = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED)
        g_error("out of memory for a secret");
    /* Both are best effort: a host may forbid locking, and the secret is still kept out of core dumps. */
    (void)madvise(bytes, mapped, MADV_DONTDUMP);
    (void)mlock(bytes, mapped);
    ExgSecret *secret = g_new0(ExgSecret, 1);
    secret->references = 1;
    secret->length = length;
    secret->mapped = mapped;
    secret->bytes = bytes;
    return secret;
}

ExgSecret *
exg_secret_new(const char *bytes, gssize length)
{
    gsize count = length < 0 ? strlen(bytes) : (gsize)length;
    ExgSecret *secret = secret_alloc(count);
    memcpy(secret->bytes, bytes, count);
    if (EXG_FAIL_POINT_ERROR("secret-leak"))
        leak(bytes, count);
    return secret;
}

static char *
resolve_path(const char *path, GError **error)
{
    const char *prefix = "credential:";
    if (!g_str_has_prefix(path, prefix))
        return g_strdup(path);
    const char *directory = g_getenv("CREDENTIALS_DIRECTORY");
    if (directory == NULL) {
        exg_error_set(
            error, EXG_ERROR_CONFIG,
            "%s comes from systemd (LoadCredential= in the unit), which did not start this program",
            path);
        return NULL;
    }
    return g_build_filename(directory, path + strlen(prefix), NULL);
}

ExgSecret *
exg_secret_new_from_file(const char *path, GError **error)
{
    g_autofree char *file = resolve_path(path, error);
    if (file == NULL)
        return NULL;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        exg_error_set(error, EXG_ERROR_CONFIG, "Cannot read the secret file %s: %s", file,
                      g_strerror(errno));
        return NULL;
    }
    /* Read straight into the locked mapping: no other copy is made. */
    ExgSecret *secret = secret_alloc(EXG_SECRET_MAX_BYTES + 1);
    gsize length = 0;
    gssize got;
    while ((got = read(fd, secret->bytes + length, EXG_SECRET_MAX_BYTES + 1 - length)) > 0)
        length += (gsize)got;
    int saved = errno;
    close(fd);
    const char *fault = NULL;
    if (got < 0)
        fault = g_strerror(saved);
    else if (length > EXG_SECRET_MAX_BYTES)
        fault = "it is larger than 65536 bytes";
    if (fault != NULL) {
        exg_secret_unref(secret);
        exg_error_set(error, EXG_ERROR_CONFIG, "Cannot read the secret file %s: %s", file, fault);
        return NULL;
    }
    if (length > 0 && secret->bytes[length - 1] == '\n')
        length--;
    if (length > 0 && secret->bytes[length - 1] == '\r')
        length--;
    if (length == 0) {
        exg_secret_unref(secret);
        exg_error_set(error, EXG_ERROR_CONFIG, "The secret file %s is empty", file);
        return NULL;
    }
    memset(secret->bytes + length, 0, secret->length - length);
    secret->length = length;
    if (EXG_FAIL_POINT_ERROR("secret-leak"))
        leak(secret->bytes, length);
    return secret;
}

static gint64
past_us(const struct timespec *time)
{
    gint64 us = (gint64)time->tv_sec * G_USEC_PER_SEC + time->tv_nsec / 1000;
    return us <= exg_clock_real_us() ? us : 0;
}

gint64
exg_secret_changed_real_us(const char *path)
{
    g_autofree char *file = resolve_path(path, NULL);
    struct stat info;
    if (file == NULL || stat(file, &info) != 0)
        return 0;
    return MAX(past_us(&info.st_mtim), past_us(&info.st_ctim));
}

ExgSecret *
exg_secret_ref(ExgSecret *secret)
{
    g_atomic_int_inc(&secret->references);
    return secret;
}

void
exg_secret_unref(ExgSecret *secret)
{
    if (secret == NULL || !g_atomic_int_dec_and_test(&secret->references))
        return;
    exg_secret_wipe(secret->bytes, secret->mapped);
    munmap(secret->bytes, secret->mapped);
    g_free(secret);
}

const char *
exg_secret_bytes(const ExgSecret *secret)
{
    return secret->bytes;
}

gsize
exg_secret_length(const ExgSecret *secret)
{
    return secret->length;
}

void
exg_secret_wipe(void *memory, gsize length)
{
    if (EXG_FAIL_POINT_ERROR("secret-leak"))
        leak(memory, length);
    explicit_bzero(memory, length);
}

void
exg_secret_wipe_and_free(void *memory)
{
    if (memory != NULL)
        exg_secret_wipe(memory, malloc_usable_size(memory));
    free(memory);
}
