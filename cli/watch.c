/* exgate watch: what happens in a mailbox, as it happens. */
#include "cli/tool.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/ews/events/subscription.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#define GOODBYE_MS   3000 /* for what is to be said to Exchange at the end */
#define ID_COLUMN    20   /* where ids begin */
#define NARROWEST_ID 20

/* DistinguishedFolderIdNameType of Exchange 2016 */
#define FOLDER_NAMES                                                                               \
    "calendar contacts deleteditems drafts inbox journal notes outbox sentitems tasks"             \
    " msgfolderroot publicfoldersroot root junkemail searchfolders voicemail"                      \
    " recoverableitemsroot recoverableitemsdeletions recoverableitemsversions"                     \
    " recoverableitemspurges recoverableitemsdiscoveryholds archiveroot archivemsgfolderroot"      \
    " archivedeleteditems archiveinbox archiverecoverableitemsroot"                                \
    " archiverecoverableitemsdeletions archiverecoverableitemsversions"                            \
    " archiverecoverableitemspurges archiverecoverableitemsdiscoveryholds syncissues conflicts"    \
    " localfailures serverfailures recipientcache quickcontacts conversationhistory"               \
    " adminauditlogs todosearch mycontacts directory imcontactlist peopleconnect favorites"        \
    " mecontact personmetadata"

typedef struct {
    ExgTool tool;
    ExgAccount *streams_account; /* with connections of its own */
    ExgEwsService *streams;
    bool ready; /* it has listened once */
    int status;
} Watch;

static void
watch_clear(Watch *watch)
{
    exg_ews_service_unref(watch->streams);
    exg_account_unref(watch->streams_account);
    exg_tool_clear(&watch->tool);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Watch, watch_clear)

/* --- a line for each ---------------------------------------------------------------------------- */

static const char *
kind_name(ExgEwsEventKind kind)
{
    switch (kind) {
    case EXG_EWS_NEW_MAIL:
        return "new mail";
    case EXG_EWS_ITEM_CREATED:
        return "created";
    case EXG_EWS_ITEM_DELETED:
        return "deleted";
    case EXG_EWS_ITEM_MODIFIED:
        return "changed";
    case EXG_EWS_ITEM_MOVED:
        return "moved";
    case EXG_EWS_ITEM_COPIED:
        return "copied";
    default:
        return "other";
    }
}

/* Ids of one mailbox begin alike: their ends tell them apart. */
static char *
short_id(const char *id)
{
    g_autofree char *clean = exg_printable(id);
    guint width = exg_output_width(), length = (guint)g_utf8_strlen(clean, -1);
    guint room = width > ID_COLUMN + NARROWEST_ID ? width - ID_COLUMN : NARROWEST_ID;
    if (length <= room)
        return g_steal_pointer(&clean);
    return g_strdup_printf("%s%s", exg_output_is_utf8() ? "…" : "~",
                           g_utf8_offset_to_pointer(clean, (glong)(length - room + 1)));
}

static void
print_line(const Watch *watch, gint64 seconds, const char *kind, const char *id, bool is_folder)
{
    if (seconds < 0)
        seconds = exg_clock_real_us() / G_USEC_PER_SEC;
    if (watch->tool.json) {
        g_autoptr(GString) json = g_string_new("{");
        exg_json_time(json, "time", seconds * 1000);
        exg_json_text(json, "event", kind);
        exg_json_text(json, "item_id", is_folder ? NULL : id);
        exg_json_text(json, "folder_id", is_folder ? id : NULL);
        exg_json_close(json, '{');
        exg_json_print(json);
    } else {
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(seconds);
        g_autofree char *clock = g_date_time_format(time, "%H:%M:%S");
        g_autofree char *shown = short_id(id != NULL ? id : "-");
        printf("%s  %-8s  %s\n", clock, kind, shown);
    }
    fflush(stdout);
}

static void
on_events(const GPtrArray *events, gpointer user)
{
    for (guint i = 0; i < events->len; i++) {
        const ExgEwsEvent *event = g_ptr_array_index(events, i);
        bool is_folder = event->item_id == NULL;
        print_line(user, event->time, kind_name(event->kind),
                   is_folder ? event->folder_id : event->item_id, is_folder);
    }
}

static void
on_changes(const ExgEwsChanges *changes, gpointer user)
{
    static const char *const names[] = {[EXG_EWS_CREATED] = "created",
                                        [EXG_EWS_CHANGED] = "changed",
                                        [EXG_EWS_READ_CHANGED] = "changed",
                                        [EXG_EWS_DELETED] = "deleted"};
    for (guint i = 0; i < changes->changes->len; i++) {
        const ExgEwsItemChange *change = g_ptr_array_index(changes->changes, i);
        print_line(user, -1, names[change->kind], change->item->id, false);
    }
}

static void
on_ready(gpointer user)
{
    Watch *watch = user;
    if (!watch->tool.json)
        exg_complain(EX_OK, watch->ready ? "listening again" : "listening; Ctrl-C ends it");
    watch->ready = true;
}

/* What a wait cannot mend, if it was so from the beginning. */
static bool
is_hopeless(const GError *error)
{
    return g_error_matches(error, EXG_ERROR, EXG_ERROR_AUTH) ||
           g_error_matches(error, EXG_ERROR, EXG_ERROR_DENIED) ||
           g_error_matches(error, EXG_ERROR, EXG_ERROR_CONFIG) ||
           g_error_matches(error, EXG_ERROR, EXG_ERROR_NO_MAILBOX);
}

static void
on_trouble(const GError *error, gint64 wait_ms, gpointer user)
{
    Watch *watch = user;
    if (!watch->ready && is_hopeless(error)) {
        watch->status = exg_tool_complain(error);
        exg_engine_quit(watch->tool.engine);
        return;
    }
    g_autofree char *sentence = exg_printable(error->message);
    exg_complain(EX_OK, "%s; trying again in %d s", sentence, (int)((wait_ms + 999) / 1000));
}

/* --- the command ------------------------------------------------------------------------------ */

static bool
is_folder_name(const char *name)
{
    g_auto(GStrv) names = g_strsplit(FOLDER_NAMES, " ", -1);
    return name[0] != '\0' && g_strv_contains((const char *const *)names, name);
}

static void
quit(gpointer data)
{
    exg_engine_quit(data);
}

static void
on_cancelled(GCancellable *cancellable, gpointer engine)
{
    exg_engine_quit(engine);
}

static bool
is_idle(ExgAccount *account)
{
    ExgHttpClientStatistics statistics;
    exg_http_client_get_statistics(exg_account_http(account), &statistics);
    return statistics.sessions == statistics.idle && statistics.waiting == 0;
}

/* Lets the subscription's end reach Exchange. */
static void
say_goodbye(Watch *watch)
{
    gint64 until_us = exg_clock_deadline_ms(GOODBYE_MS);
    ExgTimer timer;
    exg_timer_init(&timer, watch->tool.engine, quit, watch->tool.engine);
    exg_timer_set(&timer, until_us);
    do
        exg_engine_iterate(watch->tool.engine, true);
    while (!(is_idle(watch->tool.account) && is_idle(watch->streams_account)) &&
           exg_clock_monotonic_us() < until_us);
    exg_timer_cancel(&timer);
}

static int
run(Watch *watch, const char *folder)
{
    static const ExgEwsSubscriptionHandler handler = {on_events, on_changes, on_ready, on_trouble};
    g_autoptr(GError) error = NULL;
    watch->streams_account = exg_account_new(watch->tool.engine, watch->tool.conf, &error);
    if (watch->streams_account == NULL)
        return exg_tool_complain(error);
    watch->streams = exg_ews_service_ref(exg_account_ews(watch->streams_account));
    exg_ews_service_set_throttle(watch->streams, NULL, NULL); /* a stream lasts */
    ExgEwsTarget target = exg_account_target(watch->tool.account, watch->tool.operands[0]);
    const ExgEwsSubscriptionOptions options = {
        .folder = {.distinguished = folder},
        .kinds = EXG_EWS_ALL_EVENTS,
        .call_ms = watch->tool.timeout_ms,
    };
    gulong handle = g_cancellable_connect(watch->tool.cancellable, G_CALLBACK(on_cancelled),
                                          watch->tool.engine, NULL);
    ExgEwsSubscription *subscription = exg_ews_subscription_new(watch->tool.engine,
                                                                watch->tool.service, watch->streams,
                                                                &target, &options, &handler, watch);
    exg_engine_run(watch->tool.engine);
    exg_ews_subscription_free(subscription);
    g_cancellable_disconnect(watch->tool.cancellable, handle);
    if (watch->ready)
        say_goodbye(watch);
    return watch->status;
}

int
exg_command_watch(int argc, char **argv)
{
    g_autofree char *folder = NULL;
    const GOptionEntry own[] = {
        {"folder", 'f', 0, G_OPTION_ARG_FILENAME, &folder,
         "One of Exchange's own, such as sentitems; inbox", "NAME"},
        G_OPTION_ENTRY_NULL,
    };
    const ExgToolUsage usage = {
        .operands = "ADDRESS",
        .min = 1,
        .max = 1,
        .summary = "Prints a line for each thing that happens in a folder of a mailbox, until it\n"
                   "is interrupted.",
        .own = own,
    };
    g_auto(Watch) watch = {.status = EX_OK};
    int status = exg_tool_parse(&watch.tool, &usage, &argc, &argv);
    if (status == EX_OK && folder != NULL && !is_folder_name(folder))
        status = exg_complain(
            EX_USAGE, "--folder %s: a name such as inbox, sentitems or junkemail is expected",
            folder);
    if (status == EX_OK)
        status = exg_tool_open(&watch.tool);
    if (status != EX_OK)
        return status;
    exg_ews_service_set_retry(watch.tool.service, &(ExgEwsRetryPolicy){.tolerant = false});
    return run(&watch, folder != NULL ? folder : "inbox");
}
