#include "common/mime/spool-private.h"

#include "common/base/error.h"
#include "common/base/failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHUNK_BYTES       32768
#define FIRST_CHUNK_BYTES 4096 /* most messages are small: the first chunk grows to CHUNK_BYTES */
#define JOB_CHUNKS        2

/* Or a sender could be held back while there is not enough for a job. */
G_STATIC_ASSERT(EXG_SPOOL_CONGESTED_BYTES / 2 >= (JOB_CHUNKS + 1) * CHUNK_BYTES);

typedef struct {
    gsize room, used;
    char bytes[];
} Chunk;

/* Chunks on their way to the file. Until it is done, they and the descriptor are the worker's. */
typedef struct {
    ExgSpool *spool;
    Chunk *chunks[JOB_CHUNKS];
    guint count;
    guint64 offset;
    int fault; /* errno */
} Job;

struct ExgSpool {
    gint references;
    char *directory;
    gsize memory_max;
    ExgWorkerPool *workers;
    ExgSpoolBudget *budget; /* or NULL */
    guint64 length;         /* what has been taken from the budget */
    bool is_file;
    bool sealed;
    gint abandoned; /* atomic */
    int fd;         /* opened by the first job; -1 before */
    /* All of the content, or of a file what no job has taken yet. Only the last may have room. */
    GPtrArray *chunks;
    guint64 waiting; /* bytes in `chunks` or in the job under way, of a file */
    guint64 written;
    bool is_writing;
    GError *error;
    ExgEngineFunc ready;
    gpointer ready_data;
    ExgSpoolFunc done;
    gpointer done_data;
};

static void start_job(ExgSpool *spool);

ExgSpool *
exg_spool_new(const char *directory, gsize memory_max, ExgWorkerPool *workers,
              ExgSpoolBudget *budget)
{
    ExgSpool *spool = g_new0(ExgSpool, 1);
    spool->references = 1;
    spool->directory = g_strdup(directory);
    spool->memory_max = memory_max;
    spool->workers = workers;
    spool->budget = budget != NULL ? exg_spool_budget_ref(budget) : NULL;
    spool->fd = -1;
    spool->chunks = g_ptr_array_new();
    return spool;
}

ExgSpool *
exg_spool_ref(ExgSpool *spool)
{
    g_atomic_int_inc(&spool->references);
    return spool;
}

static void
drop_chunks(ExgSpool *spool)
{
    for (guint i = 0; i < spool->chunks->len; i++)
        g_free(g_ptr_array_index(spool->chunks, i));
    g_ptr_array_set_size(spool->chunks, 0);
}

void
exg_spool_unref(ExgSpool *spool)
{
    if (spool == NULL || !g_atomic_int_dec_and_test(&spool->references))
        return;
    drop_chunks(spool);
    g_ptr_array_unref(spool->chunks);
    if (spool->fd >= 0)
        close(spool->fd);
    if (spool->budget != NULL)
        exg_spool_budget_give_back(spool->budget, spool->length);
    exg_spool_budget_unref(spool->budget);
    g_clear_error(&spool->error);
    g_free(spool->directory);
    g_free(spool);
}

guint64
exg_spool_length(const ExgSpool *spool)
{
    return spool->length;
}

bool
exg_spool_is_file(const ExgSpool *spool)
{
    return spool->is_file;
}

/* --- the file, in a worker thread ------------------------------------------------------------- */

static int
open_unlinked(const char *directory)
{
    int fd = -1;
    errno = EOPNOTSUPP;
    if (!EXG_FAIL_POINT_ERROR("spool-tmpfile"))
        fd = open(directory, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC,
                  0600); /* O_EXCL: it can never get a name */
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return fd;
    /* Not every file system has nameless files; an old kernel says EISDIR. */
    g_autofree char *path = g_build_filename(directory, "exgate-XXXXXX", NULL);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0 && unlink(path) < 0) {
        int fault = errno;
        close(fd);
        errno = fault;
        return -1;
    }
    return fd;
}

/* Answers 0 or errno. */
static int
write_chunks(int fd, const Job *job)
{
    struct iovec pieces[JOB_CHUNKS];
    guint64 offset = job->offset;
    for (guint i = 0; i < job->count; i++)
        pieces[i] = (struct iovec){.iov_base = job->chunks[i]->bytes,
                                   .iov_len = job->chunks[i]->used};
    for (guint i = 0; i < job->count;) {
        ssize_t written = pwritev(fd, pieces + i, (int)(job->count - i), (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? errno : EIO;
        offset += (guint64)written;
        for (; i < job->count && (gsize)written >= pieces[i].iov_len; i++)
            written -= (ssize_t)pieces[i].iov_len;
        if (i < job->count) {
            pieces[i].iov_base = (char *)pieces[i].iov_base + written;
            pieces[i].iov_len -= (gsize)written;
        }
    }
    return 0;
}

static void
job_work(gpointer data)
{
    Job *job = data;
    ExgSpool *spool = job->spool;
    if (g_atomic_int_get(&spool->abandoned))
        return;
    if (EXG_FAIL_POINT_ERROR("spool-write")) {
        job->fault = ENOSPC;
        return;
    }
    if (spool->fd < 0)
        spool->fd = open_unlinked(spool->directory);
    job->fault = spool->fd < 0 ? errno : write_chunks(spool->fd, job);
}

/* --- jobs, on the engine's thread ------------------------------------------------------------- */

static void
job_free(Job *job)
{
    for (guint i = 0; i < job->count; i++)
        g_free(job->chunks[i]);
    exg_spool_unref(job->spool);
    g_free(job);
}

static void
fail(ExgSpool *spool, const char *reason)
{
    spool->error = exg_error_new(EXG_ERROR_RESOURCES, "Cannot write the spool file in %s: %s",
                                 spool->directory, reason);
    drop_chunks(spool);
}

static void
report(ExgSpool *spool)
{
    if (spool->ready != NULL &&
        (spool->error != NULL || spool->waiting <= EXG_SPOOL_CONGESTED_BYTES / 2)) {
        ExgEngineFunc ready = g_steal_pointer(&spool->ready);
        ready(spool->ready_data);
    }
    if (spool->done != NULL && (spool->error != NULL || !spool->is_file || spool->waiting == 0)) {
        ExgSpoolFunc done = g_steal_pointer(&spool->done);
        done(spool->error, spool->done_data);
    }
}

static void
job_done(gpointer data)
{
    Job *job = data;
    ExgSpool *spool = job->spool;
    spool->is_writing = false;
    if (!g_atomic_int_get(&spool->abandoned)) {
        guint64 bytes = 0;
        for (guint i = 0; i < job->count; i++)
            bytes += job->chunks[i]->used;
        spool->waiting -= bytes;
        spool->written += bytes;
        if (job->fault != 0)
            fail(spool, g_strerror(job->fault));
        else
            start_job(spool);
        report(spool);
    }
    job_free(job);
}

/* Gives chunks to a worker if there are enough of them and none has some already. */
static void
start_job(ExgSpool *spool)
{
    guint full = spool->sealed ? spool->chunks->len
                               : spool->chunks->len - MIN(spool->chunks->len, 1);
    guint count = MIN(full, JOB_CHUNKS);
    if (spool->is_writing || spool->error != NULL || count == 0 ||
        (count < JOB_CHUNKS && !spool->sealed))
        return;
    Job *job = g_new0(Job, 1);
    job->spool = exg_spool_ref(spool);
    job->offset = spool->written;
    job->count = count;
    memcpy(job->chunks, spool->chunks->pdata, count * sizeof job->chunks[0]);
    g_ptr_array_remove_range(spool->chunks, 0, count);
    g_autoptr(GError) error = NULL;
    spool->is_writing = exg_worker_run(spool->workers, job_work, job_done, job, &error);
    if (!spool->is_writing) {
        fail(spool, error->message);
        job_free(job);
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

/* The last chunk, with room in it. */
static Chunk *
writable_chunk(ExgSpool *spool, gsize wanted)
{
    GPtrArray *chunks = spool->chunks;
    Chunk *chunk = chunks->len > 0 ? g_ptr_array_index(chunks, chunks->len - 1) : NULL;
    if (chunk != NULL && chunk->used < chunk->room)
        return chunk;
    if (chunk != NULL && chunk->room < CHUNK_BYTES) {
        gsize room = MIN(MAX(chunk->room * 2, chunk->used + wanted), CHUNK_BYTES);
        chunk = g_realloc(chunk, sizeof *chunk + room);
        chunk->room = room;
        g_ptr_array_index(chunks, chunks->len - 1) = chunk;
        return chunk;
    }
    gsize room = spool->length > 0 ? CHUNK_BYTES : CLAMP(wanted, FIRST_CHUNK_BYTES, CHUNK_BYTES);
    chunk = g_malloc(sizeof *chunk + room);
    chunk->room = room;
    chunk->used = 0;
    g_ptr_array_add(chunks, chunk);
    return chunk;
}

static bool
repeat_error(const ExgSpool *spool, GError **error)
{
    if (spool->error != NULL && error != NULL)
        *error = g_error_copy(spool->error);
    return spool->error == NULL;
}

bool
exg_spool_append(ExgSpool *spool, const char *bytes, gsize length, GError **error)
{
    if (spool->error == NULL && spool->budget != NULL &&
        !exg_spool_budget_take(spool->budget, length)) {
        spool->error = exg_error_new(EXG_ERROR_RESOURCES,
                                     "The messages in hand have used up the spool's limit");
        drop_chunks(spool);
    }
    while (length > 0 && spool->error == NULL) {
        Chunk *chunk = writable_chunk(spool, length);
        gsize piece = MIN(length, chunk->room - chunk->used);
        memcpy(chunk->bytes + chunk->used, bytes, piece);
        chunk->used += piece;
        bytes += piece;
        length -= piece;
        spool->length += piece;
        spool->waiting += piece;
        spool->is_file = spool->is_file || spool->length > spool->memory_max;
        if (spool->is_file)
            start_job(spool);
    }
    return repeat_error(spool, error);
}

bool
exg_spool_is_congested(ExgSpool *spool, ExgEngineFunc ready, gpointer data)
{
    if (!spool->is_file || spool->error != NULL || spool->waiting < EXG_SPOOL_CONGESTED_BYTES)
        return false;
    spool->ready = ready;
    spool->ready_data = data;
    return true;
}

void
exg_spool_seal(ExgSpool *spool, ExgSpoolFunc done, gpointer data)
{
    spool->sealed = true;
    spool->ready = NULL; /* nobody is left to be held back */
    spool->done = done;
    spool->done_data = data;
    if (spool->is_file) {
        start_job(spool);
    } else if (spool->chunks->len > 0) {
        gpointer *last = &g_ptr_array_index(spool->chunks, spool->chunks->len - 1);
        *last = g_realloc(*last, sizeof(Chunk) + ((Chunk *)*last)->used);
    }
    report(spool);
}

void
exg_spool_abandon(ExgSpool *spool)
{
    g_atomic_int_set(&spool->abandoned, 1);
    spool->ready = NULL;
    spool->done = NULL;
    drop_chunks(spool);
}

/* --- reading ---------------------------------------------------------------------------------- */

static gssize
read_memory(const ExgSpool *spool, guint64 offset, char *buffer, gsize wanted)
{
    gsize copied = 0;
    while (copied < wanted) {
        const Chunk *chunk = g_ptr_array_index(spool->chunks, (offset + copied) / CHUNK_BYTES);
        gsize start = (gsize)((offset + copied) % CHUNK_BYTES);
        gsize piece = MIN(wanted - copied, chunk->used - start);
        memcpy(buffer + copied, chunk->bytes + start, piece);
        copied += piece;
    }
    return (gssize)copied;
}

static gssize
read_file(const ExgSpool *spool, guint64 offset, char *buffer, gsize wanted, GError **error)
{
    gsize copied = 0;
    while (copied < wanted) {
        ssize_t count = pread(spool->fd, buffer + copied, wanted - copied,
                              (off_t)(offset + copied));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            exg_error_set(error, EXG_ERROR_RESOURCES, "Cannot read the spool file in %s: %s",
                          spool->directory, count < 0 ? g_strerror(errno) : "it is too short");
            return -1;
        }
        copied += (gsize)count;
    }
    return (gssize)copied;
}

gssize
exg_spool_read(const ExgSpool *spool, guint64 offset, char *buffer, gsize room, GError **error)
{
    if (offset >= spool->length)
        return 0;
    gsize wanted = (gsize)MIN((guint64)MIN(room, (gsize)G_MAXSSIZE), spool->length - offset);
    return spool->is_file ? read_file(spool, offset, buffer, wanted, error)
                          : read_memory(spool, offset, buffer, wanted);
}
