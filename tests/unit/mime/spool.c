#include "common/mime/spool-private.h"

#include "common/base/error.h"
#include "common/base/failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB ((gsize)1024 * 1024)

typedef struct {
    ExgEngine *engine;
    ExgWorkerPool *workers;
    char *directory;
    guint ready; /* calls */
    guint done;
    GError *error;   /* given to `done` */
    ExgSpool *spool; /* dropped in a callback, if set */
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    fixture->engine = exg_engine_new(&error);
    g_assert_no_error(error);
    fixture->workers = exg_worker_pool_new(fixture->engine, 2, 16);
    fixture->directory = g_dir_make_tmp("exgate-spool-XXXXXX", &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    exg_failpoint_configure(NULL);
    exg_worker_pool_free(fixture->workers);
    while (exg_engine_iterate(fixture->engine, false))
        ;
    exg_engine_unref(fixture->engine);
    g_clear_error(&fixture->error);
    g_assert_cmpint(g_rmdir(fixture->directory), ==, 0); /* so nothing was left in it */
    g_free(fixture->directory);
}

static void
drop(Fixture *fixture)
{
    if (fixture->spool == NULL)
        return;
    exg_spool_abandon(fixture->spool);
    g_clear_pointer(&fixture->spool, exg_spool_unref);
}

static void
ready(gpointer data)
{
    Fixture *fixture = data;
    fixture->ready++;
    drop(fixture);
}

static void
done(const GError *error, gpointer data)
{
    Fixture *fixture = data;
    fixture->done++;
    g_clear_error(&fixture->error);
    fixture->error = error != NULL ? g_error_copy(error) : NULL;
    drop(fixture);
}

static void
wait_until(Fixture *fixture, const guint *count)
{
    gint64 give_up_us = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    while (*count == 0) {
        g_assert_cmpint(g_get_monotonic_time(), <, give_up_us);
        exg_engine_iterate(fixture->engine, true);
    }
}

/* Bytes that tell where they belong. */
static char *
make_bytes(gsize length)
{
    char *bytes = g_malloc(length + 4);
    for (gsize i = 0; i < length; i += 4) {
        guint32 word = (guint32)(i * 2654435761u);
        memcpy(bytes + i, &word, 4);
    }
    return bytes;
}

static ExgSpool *
spool_of(Fixture *fixture, gsize memory_max, const char *bytes, gsize length, gsize piece)
{
    g_autoptr(GError) error = NULL;
    ExgSpool *spool = exg_spool_new(fixture->directory, memory_max, fixture->workers, NULL);
    for (gsize used = 0; used < length; used += MIN(piece, length - used)) {
        g_assert_true(exg_spool_append(spool, bytes + used, MIN(piece, length - used), &error));
        g_assert_no_error(error);
    }
    fixture->done = 0;
    exg_spool_seal(spool, done, fixture);
    wait_until(fixture, &fixture->done);
    g_assert_no_error(fixture->error);
    g_assert_cmpuint(exg_spool_length(spool), ==, length);
    return spool;
}

static void
check_content(const ExgSpool *spool, const char *bytes, gsize length)
{
    static const gsize rooms[] = {1, 1000, 65536, 65537, 300000};
    g_autofree char *buffer = g_malloc(300000);
    g_autoptr(GError) error = NULL;
    for (gsize i = 0; i < 200; i++) {
        gsize offset = i == 0 ? 0 : (gsize)g_test_rand_int_range(0, (gint32)length + 1);
        gsize room = rooms[i % G_N_ELEMENTS(rooms)];
        gssize count = exg_spool_read(spool, offset, buffer, room, &error);
        g_assert_no_error(error);
        g_assert_cmpint(count, ==, (gssize)MIN(room, length - offset));
        g_assert_cmpmem(buffer, count, bytes + offset, MIN(room, length - offset));
    }
    g_assert_cmpint(exg_spool_read(spool, length, buffer, 10, &error), ==, 0);
    g_assert_cmpint(exg_spool_read(spool, length + 1, buffer, 10, &error), ==, 0);
    g_assert_cmpint(exg_spool_read(spool, G_MAXUINT64, buffer, 10, &error), ==, 0);
    g_assert_cmpint(exg_spool_read(spool, 0, buffer, 0, &error), ==, 0);
}

static void
test_content(Fixture *fixture, gconstpointer data)
{
    static const gsize lengths[] = {0,     1,      4095,   4096,   4097,    65535,  65536,
                                    65537, 131072, 262143, 262144, 1000001, 5 * MIB};
    static const gsize pieces[] = {G_MAXSIZE, 100000, 4096, 1003};
    g_autofree char *bytes = make_bytes(5 * MIB);
    for (gsize i = 0; i < G_N_ELEMENTS(lengths); i++)
        for (gsize j = 0; j < G_N_ELEMENTS(pieces); j++) {
            g_autoptr(ExgSpool)
                in_memory = spool_of(fixture, G_MAXSIZE, bytes, lengths[i], pieces[j]);
            g_assert_false(exg_spool_is_file(in_memory));
            check_content(in_memory, bytes, lengths[i]);
            g_autoptr(ExgSpool) in_file = spool_of(fixture, 0, bytes, lengths[i], pieces[j]);
            g_assert_true(exg_spool_is_file(in_file) == (lengths[i] > 0));
            check_content(in_file, bytes, lengths[i]);
        }
}

static void
test_threshold(Fixture *fixture, gconstpointer data)
{
    g_autofree char *bytes = make_bytes(MIB);
    static const gsize limits[] = {1, 1000, 65536, 100000, 300000};
    for (gsize i = 0; i < G_N_ELEMENTS(limits); i++) {
        g_autoptr(ExgSpool) fits = spool_of(fixture, limits[i], bytes, limits[i], 777);
        g_assert_false(exg_spool_is_file(fits));
        check_content(fits, bytes, limits[i]);
        g_autoptr(ExgSpool) does_not = spool_of(fixture, limits[i], bytes, limits[i] + 1, 777);
        g_assert_true(exg_spool_is_file(does_not));
        check_content(does_not, bytes, limits[i] + 1);
    }
}

/* How many descriptors are open on deleted files in the directory; each is checked. */
static guint
count_files(Fixture *fixture, int *ret_fd)
{
    guint count = 0;
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    g_assert_nonnull(dir);
    g_autofree char *prefix = g_strconcat(fixture->directory, "/", NULL);
    const char *name;
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename("/proc/self/fd", name, NULL);
        g_autofree char *target = g_file_read_link(path, NULL);
        if (target == NULL || !g_str_has_prefix(target, prefix))
            continue;
        count++;
        int fd = (int)g_ascii_strtoll(name, NULL, 10);
        struct stat status;
        g_assert_cmpint(fstat(fd, &status), ==, 0);
        g_assert_cmpuint(status.st_nlink, ==, 0);
        g_assert_cmpuint(status.st_mode & 0777, ==, 0600);
        g_assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        if (ret_fd != NULL)
            *ret_fd = fd;
    }
    return count;
}

static void
test_file(Fixture *fixture, gconstpointer data)
{
    const char *fail_point = data;
    exg_failpoint_configure(fail_point);
    mode_t old_mask = umask(0);
    g_autofree char *bytes = make_bytes(300000);
    ExgSpool *spool = spool_of(fixture, 1000, bytes, 300000, 1000);
    umask(old_mask);
    check_content(spool, bytes, 300000);
    g_assert_cmpuint(count_files(fixture, NULL), ==, 1);
    g_autoptr(GDir) dir = g_dir_open(fixture->directory, 0, NULL);
    g_assert_null(g_dir_read_name(dir));
    exg_spool_unref(spool);
    g_assert_cmpuint(count_files(fixture, NULL), ==, 0);
}

static void
test_congestion(Fixture *fixture, gconstpointer data)
{
    g_autofree char *bytes = make_bytes(4 * MIB);
    g_autoptr(ExgSpool) spool = exg_spool_new(fixture->directory, 65536, fixture->workers, NULL);
    exg_failpoint_configure("spool-write=delay:100,times=1");
    gsize used = 0;
    while (!exg_spool_is_congested(spool, ready, fixture)) {
        g_assert_cmpuint(used, <, 2 * MIB);
        g_assert_true(exg_spool_append(spool, bytes + used, 50000, NULL));
        used += 50000;
    }
    g_assert_cmpuint(used, >=, EXG_SPOOL_CONGESTED_BYTES);
    g_assert_cmpuint(fixture->ready, ==, 0);
    wait_until(fixture, &fixture->ready);
    g_assert_false(exg_spool_is_congested(spool, ready, fixture));
    for (gsize piece; used < 4 * MIB; used += piece) {
        piece = MIN(50000, 4 * MIB - used);
        g_assert_true(exg_spool_append(spool, bytes + used, piece, NULL));
        if (exg_spool_is_congested(spool, ready, fixture)) {
            fixture->ready = 0;
            wait_until(fixture, &fixture->ready);
        }
    }
    fixture->ready = 0;
    exg_spool_seal(spool, done, fixture);
    wait_until(fixture, &fixture->done);
    g_assert_no_error(fixture->error);
    g_assert_cmpuint(fixture->done, ==, 1);
    g_assert_cmpuint(fixture->ready, ==, 0);
    check_content(spool, bytes, 4 * MIB);
}

static void
check_error(Fixture *fixture, const GError *error)
{
    g_assert_error(error, EXG_ERROR, EXG_ERROR_RESOURCES);
    g_assert_nonnull(strstr(error->message, fixture->directory));
}

static void
test_disk_full(Fixture *fixture, gconstpointer data)
{
    g_autofree char *bytes = make_bytes(4 * MIB);
    for (guint good = 0; good < 3; good++) {
        g_autofree char *failure = g_strdup_printf("spool-write=error,after=%u", good);
        exg_failpoint_configure(failure);
        g_autoptr(ExgSpool)
            spool = exg_spool_new(fixture->directory, 65536, fixture->workers, NULL);
        g_assert_true(exg_spool_append(spool, bytes, 2 * MIB, NULL));
        fixture->ready = fixture->done = 0;
        g_assert_true(exg_spool_is_congested(spool, ready, fixture));
        wait_until(fixture, &fixture->ready);
        g_autoptr(GError) error = NULL;
        g_assert_false(exg_spool_append(spool, bytes, 10, &error));
        check_error(fixture, error);
        g_assert_nonnull(strstr(error->message, g_strerror(ENOSPC)));
        g_assert_false(exg_spool_is_congested(spool, ready, fixture));
        g_assert_false(exg_spool_append(spool, bytes, 10, NULL));
        exg_spool_seal(spool, done, fixture);
        wait_until(fixture, &fixture->done);
        check_error(fixture, fixture->error);
    }
    /* Known only when all has been taken. */
    exg_failpoint_configure("spool-write=error");
    g_autoptr(ExgSpool) spool = exg_spool_new(fixture->directory, 1000, fixture->workers, NULL);
    g_assert_true(exg_spool_append(spool, bytes, 2000, NULL));
    fixture->done = 0;
    exg_spool_seal(spool, done, fixture);
    g_assert_cmpuint(fixture->done, ==, 0);
    wait_until(fixture, &fixture->done);
    check_error(fixture, fixture->error);
}

/* The system's own limit: it takes part of a write and then no more. */
static void
test_file_too_large(Fixture *fixture, gconstpointer data)
{
    struct rlimit old, low;
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &old), ==, 0);
    low = (struct rlimit){.rlim_cur = 300000, .rlim_max = old.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &low), ==, 0);
    g_autofree char *bytes = make_bytes(MIB);
    g_autoptr(ExgSpool) spool = exg_spool_new(fixture->directory, 0, fixture->workers, NULL);
    (void)exg_spool_append(spool, bytes, MIB, NULL);
    exg_spool_seal(spool, done, fixture);
    wait_until(fixture, &fixture->done);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &old), ==, 0);
    signal(SIGXFSZ, handler);
    check_error(fixture, fixture->error);
    g_assert_nonnull(strstr(fixture->error->message, g_strerror(EFBIG)));
}

static void
test_file_cut(Fixture *fixture, gconstpointer data)
{
    g_autofree char *bytes = make_bytes(100000);
    g_autofree char *buffer = g_malloc(100000);
    g_autoptr(ExgSpool) spool = spool_of(fixture, 0, bytes, 100000, 5000);
    int fd = -1;
    g_assert_cmpuint(count_files(fixture, &fd), ==, 1);
    g_assert_cmpint(ftruncate(fd, 50000), ==, 0);
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(exg_spool_read(spool, 0, buffer, 50000, &error), ==, 50000);
    g_assert_no_error(error);
    g_assert_cmpint(exg_spool_read(spool, 49999, buffer, 2, &error), ==, -1);
    check_error(fixture, error);
}

static void
test_no_directory(Fixture *fixture, gconstpointer data)
{
    g_autofree char *missing = g_build_filename(fixture->directory, "missing", NULL);
    g_autoptr(ExgSpool) spool = exg_spool_new(missing, 0, fixture->workers, NULL);
    g_assert_true(exg_spool_append(spool, "abc", 3, NULL));
    exg_spool_seal(spool, done, fixture);
    wait_until(fixture, &fixture->done);
    check_error(fixture, fixture->error);
    g_assert_nonnull(strstr(fixture->error->message, "missing"));
    g_assert_nonnull(strstr(fixture->error->message, g_strerror(ENOENT)));
}

static void
wait_for_lock(gpointer data)
{
    g_mutex_lock(data);
    g_mutex_unlock(data);
}

static void
test_no_worker(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgWorkerPool) narrow = exg_worker_pool_new(fixture->engine, 1, 0);
    g_autofree char *bytes = make_bytes(MIB);
    g_autoptr(GError) error = NULL;
    GMutex busy;
    g_mutex_init(&busy);
    g_mutex_lock(&busy);
    g_assert_true(exg_worker_run(narrow, wait_for_lock, NULL, &busy, NULL));
    g_autoptr(ExgSpool) spool = exg_spool_new(fixture->directory, 0, narrow, NULL);
    g_assert_false(exg_spool_append(spool, bytes, MIB, &error));
    check_error(fixture, error);
    exg_spool_seal(spool, done, fixture);
    g_assert_cmpuint(fixture->done, ==, 1); /* nothing to wait for */
    check_error(fixture, fixture->error);
    g_mutex_unlock(&busy);
    g_clear_pointer(&narrow, exg_worker_pool_free);
    g_mutex_clear(&busy);
}

static void
test_abandon(Fixture *fixture, gconstpointer data)
{
    g_autofree char *bytes = make_bytes(3 * MIB);
    for (guint sealed = 0; sealed < 2; sealed++) {
        exg_failpoint_configure("spool-write=delay:20");
        ExgSpool *spool = exg_spool_new(fixture->directory, 65536, fixture->workers, NULL);
        g_assert_true(exg_spool_append(spool, bytes, 3 * MIB, NULL));
        g_assert_true(exg_spool_is_congested(spool, ready, fixture));
        if (sealed)
            exg_spool_seal(spool, done, fixture);
        exg_spool_abandon(spool);
        exg_spool_unref(spool);
    }
    /* The pool's end waits for its jobs, and their ends then wait in the engine. */
    g_clear_pointer(&fixture->workers, exg_worker_pool_free);
    while (exg_engine_iterate(fixture->engine, false))
        ;
    g_assert_cmpuint(fixture->ready, ==, 0);
    g_assert_cmpuint(fixture->done, ==, 0);
    g_assert_cmpuint(count_files(fixture, NULL), ==, 0);
}

/* The owner may drop it in either callback, whether called later or inside. */
static void
test_drop_in_callback(Fixture *fixture, gconstpointer data)
{
    g_autofree char *bytes = make_bytes(2 * MIB);
    fixture->spool = exg_spool_new(fixture->directory, 65536, fixture->workers, NULL);
    g_assert_true(exg_spool_append(fixture->spool, bytes, 2 * MIB, NULL));
    g_assert_true(exg_spool_is_congested(fixture->spool, ready, fixture));
    wait_until(fixture, &fixture->ready);
    g_assert_null(fixture->spool);

    static const gsize limits[] = {0, MIB};
    for (gsize i = 0; i < G_N_ELEMENTS(limits); i++) {
        fixture->done = 0;
        fixture->spool = exg_spool_new(fixture->directory, limits[i], fixture->workers, NULL);
        g_assert_true(exg_spool_append(fixture->spool, bytes, 1000, NULL));
        exg_spool_seal(fixture->spool, done, fixture);
        wait_until(fixture, &fixture->done);
        g_assert_null(fixture->spool);
    }
    g_assert_cmpuint(fixture->ready, ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function, data)                                                                  \
    g_test_add("/mime/spool/" name, Fixture, data, set_up, function, tear_down)
    ADD("content", test_content, NULL);
    ADD("threshold", test_threshold, NULL);
    ADD("file", test_file, NULL);
    ADD("file-with-name", test_file, "spool-tmpfile=error");
    ADD("congestion", test_congestion, NULL);
    ADD("disk-full", test_disk_full, NULL);
    ADD("file-too-large", test_file_too_large, NULL);
    ADD("file-cut", test_file_cut, NULL);
    ADD("no-directory", test_no_directory, NULL);
    ADD("no-worker", test_no_worker, NULL);
    ADD("abandon", test_abandon, NULL);
    ADD("drop-in-callback", test_drop_in_callback, NULL);
    return g_test_run();
}
