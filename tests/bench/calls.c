/* calls - makes the same call of the library again and again, one after the other: what exgate needs for it.
 *
 *     calls URL CA-FILE USER:PASSWORD MAILBOX resolve COUNT
 *     calls URL CA-FILE USER:PASSWORD MAILBOX create COUNT BYTES
 *     calls URL CA-FILE USER:PASSWORD MAILBOX get COUNT ITEM-ID
 *
 * A ResolveNames comes first: it makes the connection, before the clock starts; but COUNT 0 is one call from a cold start, whose
 * seconds say nothing. An item
 * that is fetched goes to a temporary file. Prints "seconds cpu-seconds peak-KiB" and the id of the last item made. With
 * $BENCH_REQUEST the last request is written to that file too, for post. */
#include "common/auth/basic.h"
#include "common/base/clock.h"
#include "common/ews/items/create-item.h"
#include "common/ews/items/get-item.h"
#include "common/ews/people/resolve-names.h"
#include "tests/bench/usage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALL_MAX_MS 600000

typedef struct Bench Bench;

struct Bench {
    ExgEngine *engine;
    ExgEwsService *service;
    ExgEwsTarget target;
    void (*start)(Bench *bench);
    ExgMessage *message; /* for create */
    GBytes *trace;
    ExgEwsItemId item; /* for get */
    int fd;
    bool answered;
    char *item_id; /* of the last item made */
};

static void
check(bool good, const GError *error)
{
    if (good)
        return;
    fprintf(stderr, "calls: %s\n",
            error != NULL ? error->message : "the answer is not the right one");
    exit(1);
}

static gint64
deadline(void)
{
    return exg_clock_deadline_ms(CALL_MAX_MS);
}

static void
resolved(GObject *source, GAsyncResult *result, gpointer data)
{
    Bench *bench = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgEwsResolution) resolution = NULL;
    check(exg_ews_resolve_names_finish(bench->service, result, &resolution, &error) &&
              resolution != NULL,
          error);
    bench->answered = true;
}

static void
start_resolve(Bench *bench)
{
    exg_ews_resolve_names_async(bench->service, bench->target.mailbox, deadline(), NULL, resolved,
                                bench);
}

static void
created(GObject *source, GAsyncResult *result, gpointer data)
{
    Bench *bench = data;
    g_autoptr(GError) error = NULL;
    g_clear_pointer(&bench->item_id, g_free);
    check(exg_ews_create_item_finish(bench->service, result, &bench->item_id, &error), error);
    bench->answered = true;
}

static void
start_create(Bench *bench)
{
    const ExgEwsNewMessage new_message = {.folder = "inbox",
                                          .delivery_key = "v1:bench",
                                          .delivery_time = 1750000000,
                                          .trace = bench->trace,
                                          .message = bench->message};
    exg_ews_create_item_async(bench->service, &bench->target, &new_message, deadline(), NULL,
                              created, bench);
}

static void
got(GObject *source, GAsyncResult *result, gpointer data)
{
    Bench *bench = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgEwsContent) content = NULL;
    check(exg_ews_get_item_finish(bench->service, result, &content, &error) && content->length > 0,
          error);
    bench->answered = true;
}

static void
start_get(Bench *bench)
{
    exg_ews_get_item_async(bench->service, &bench->target, &bench->item, bench->fd, deadline(),
                           NULL, got, bench);
}

static void
call(Bench *bench, void (*start)(Bench *bench))
{
    bench->answered = false;
    start(bench);
    while (!bench->answered)
        exg_engine_iterate(bench->engine, true);
}

static void
spooled(ExgMessage *message, const GError *error, gpointer data)
{
    check(message != NULL, error);
    *(ExgMessage **)data = message;
}

static ExgMessage *
make_message(gsize length)
{
    static const char line[] =
        "The quick brown fox jumps over the lazy dog, and again and again.\r\n";
    ExgMessageOptions options = {
        .size_max = 1u << 30, .memory_max = 1u << 30, .spool_directory = "/nonexistent"};
    g_autoptr(ExgMessageBuilder) builder = exg_message_builder_new(&options);
    static const char header[] = "From: a@bench.test\r\nSubject: bench\r\n\r\n";
    gsize begun = strlen(header);
    exg_message_builder_append(builder, header, begun, NULL);
    for (gsize done = begun; done < length; done += strlen(line))
        exg_message_builder_append(builder, line, MIN(strlen(line), length - done), NULL);
    ExgMessage *message = NULL;
    exg_message_builder_finish_async(builder, spooled, &message);
    return message;
}

static ExgHttpClient *
make_client(ExgEngine *engine, const char *ca_file, const char *account)
{
    const char *colon = strchr(account, ':');
    check(colon != NULL, NULL);
    g_autofree char *user = g_strndup(account, (gsize)(colon - account));
    g_autoptr(ExgSecret) password = exg_secret_new(colon + 1, -1);
    g_autoptr(ExgHttpAuthenticator) basic = exg_auth_basic_new(user, password);
    const ExgHttpClientOptions options = {.authenticator = basic,
                                          .user_agent = "exgate-bench/1",
                                          .ca_file = ca_file,
                                          .tls_verify = true,
                                          .connect_timeout_ms = 10000,
                                          .idle_timeout_ms = 60000,
                                          .max_sessions = 1};
    return exg_http_client_new(engine, &options);
}

static void
save_request(const char *operation, const char *request, gsize length, gpointer data)
{
    g_file_set_contents(data, request, (gssize)length, NULL);
}

static bool
prepare(Bench *bench, int argc, char **argv)
{
    const char *what = argv[5];
    bench->target = (ExgEwsTarget){argv[4], EXG_EWS_IMPERSONATION};
    if (g_str_equal(what, "resolve") && argc == 7) {
        bench->start = start_resolve;
    } else if (g_str_equal(what, "create") && argc == 8) {
        bench->start = start_create;
        bench->trace = g_bytes_new_static("", 0);
        bench->message = make_message((gsize)g_ascii_strtoull(argv[7], NULL, 10));
    } else if (g_str_equal(what, "get") && argc == 8) {
        bench->start = start_get;
        bench->item.id = argv[7];
    } else {
        return false;
    }
    return true;
}

int
main(int argc, char **argv)
{
    Bench bench = {.fd = -1};
    if (argc < 7 || !prepare(&bench, argc, argv)) {
        fprintf(stderr, "usage: calls URL CA-FILE USER:PASSWORD MAILBOX resolve|create|get COUNT "
                        "[BYTES|ITEM-ID]\n");
        return 64;
    }
    g_autoptr(GError) error = NULL;
    bench.engine = exg_engine_new(&error);
    check(bench.engine != NULL, error);
    g_main_context_push_thread_default(exg_engine_context(bench.engine));
    ExgHttpClient *client = make_client(bench.engine, argv[2], argv[3]);
    bench.service = exg_ews_service_new(client, argv[1], NULL);
    char *request_file = getenv("BENCH_REQUEST");
    if (request_file != NULL)
        exg_ews_service_set_tap(bench.service, save_request, request_file);
    FILE *file = tmpfile();
    bench.fd = file != NULL ? fileno(file) : -1;

    gint64 count = g_ascii_strtoll(argv[6], NULL, 10);
    BenchUsage usage = {0};
    if (count > 0) {
        call(&bench, start_resolve);
        usage = bench_usage_now();
    }
    for (gint64 i = 0; i < MAX(count, 1); i++)
        call(&bench, bench.start);
    bench_usage_print_since(&usage);
    printf(" %s\n", bench.item_id != NULL ? bench.item_id : "-");

    if (file != NULL)
        fclose(file);
    g_free(bench.item_id);
    g_clear_pointer(&bench.trace, g_bytes_unref);
    exg_message_unref(bench.message);
    exg_ews_service_unref(bench.service);
    g_main_context_pop_thread_default(exg_engine_context(bench.engine));
    exg_http_client_unref(client);
    exg_engine_unref(bench.engine);
    return 0;
}
