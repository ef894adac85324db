#include "common/directory/directory-private.h"

#include "common/base/clock.h"
#include "common/base/error.h"

/* Shared by the thread that waits and the engine that answers; whoever comes last frees it. */
typedef struct {
    gint references;
    ExgDirectory *directory;
    char *client, *address;
    gint64 deadline_us;
    GMutex mutex;
    GCond answered;
    ExgDirectoryFinding *finding; /* NULL: not answered */
} Request;

static void
request_unref(Request *request)
{
    if (!g_atomic_int_dec_and_test(&request->references))
        return;
    exg_directory_finding_free(request->finding);
    g_mutex_clear(&request->mutex);
    g_cond_clear(&request->answered);
    g_free(request->client);
    g_free(request->address);
    g_free(request);
}

static void
answer(const ExgDirectoryFinding *finding, gpointer data)
{
    Request *request = data;
    g_mutex_lock(&request->mutex);
    request->finding = exg_directory_finding_copy(finding);
    g_cond_signal(&request->answered);
    g_mutex_unlock(&request->mutex);
    request_unref(request);
}

/* The engine's part. */
static void
ask(gpointer data)
{
    Request *request = data;
    ExgDirectory *directory = request->directory;
    exg_directory_check_for(directory, request->client, request->address, request->deadline_us,
                            NULL, answer, request);
    exg_directory_unref(directory);
}

/* The engine has not come to it. */
static ExgDirectoryFinding *
unanswered(void)
{
    g_autoptr(GError)
        why = exg_error_new(EXG_ERROR_BUSY, "The recipient could not be looked up in time");
    const ExgDirectoryFinding finding = {
        .verdict = EXG_DIRECTORY_CANNOT_TELL, .origin = EXG_DIRECTORY_ASKED, .why = why};
    return exg_directory_finding_copy(&finding);
}

ExgDirectoryFinding *
exg_directory_check_blocking(ExgDirectory *directory, const char *client, const char *address,
                             gint64 deadline_us)
{
    Request *request = g_new0(Request, 1);
    request->references = 2;
    request->directory = exg_directory_ref(directory);
    request->client = g_strdup(client);
    request->address = g_strdup(address);
    request->deadline_us = deadline_us;
    g_mutex_init(&request->mutex);
    g_cond_init(&request->answered);
    /* The engine's clock may be a test's, the condition's is the system's. */
    gint64 left_us = deadline_us - exg_clock_monotonic_us();
    gint64 until_us = deadline_us == EXG_NO_DEADLINE ? G_MAXINT64
                                                     : g_get_monotonic_time() + MAX(left_us, 0) +
                                                           (gint64)EXG_DIRECTORY_GRACE_MS * 1000;
    exg_engine_post(exg_directory_engine(directory), ask, request);

    g_mutex_lock(&request->mutex);
    while (request->finding == NULL)
        if (!g_cond_wait_until(&request->answered, &request->mutex, until_us))
            break;
    ExgDirectoryFinding *finding = g_steal_pointer(&request->finding);
    g_mutex_unlock(&request->mutex);
    request_unref(request);
    return finding != NULL ? finding : unanswered();
}
