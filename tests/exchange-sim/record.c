#include "tests/exchange-sim/record.h"

#include "common/base/error.h"
#include "tests/exchange-sim/mailbox.h"
#include "tests/exchange-sim/text.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static const char *const operations[] = {"CreateItem",   "FindFolder", "FindItem",
                                         "GetFolder",    "GetItem",    "GetStreamingEvents",
                                         "ResolveNames", "Unsubscribe"};

struct ExgSimRecord {
    int log, refusals;
    char *requests; /* directory, or NULL */
    guint64 last_request;
    guint64 counts[G_N_ELEMENTS(operations)], other;
    guint64 connections, open_connections, stored, refused, unauthorized, faults, lies, bytes;
};

static int
open_log(const char *directory, const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        exg_error_set(error, EXG_ERROR_CONFIG, "cannot write %s: %s", path, g_strerror(errno));
    return fd;
}

/* Goes on where an earlier run stopped. */
static bool
open_requests(ExgSimRecord *record, const char *directory, GError **error)
{
    record->requests = g_build_filename(directory, "requests", NULL);
    if (g_mkdir_with_parents(record->requests, 0755) < 0)
        return exg_error_set(error, EXG_ERROR_CONFIG, "cannot create %s: %s", record->requests,
                             g_strerror(errno));
    g_autoptr(GDir) files = g_dir_open(record->requests, 0, error);
    if (files == NULL)
        return false;
    for (const char *name = g_dir_read_name(files); name != NULL; name = g_dir_read_name(files)) {
        g_autofree char *stem = g_strndup(name, strcspn(name, "."));
        guint64 number;
        if (exg_sim_number(stem, G_MAXUINT32, &number))
            record->last_request = MAX(record->last_request, number);
    }
    return true;
}

ExgSimRecord *
exg_sim_record_new(const char *directory, bool keep_requests, GError **error)
{
    g_autoptr(ExgSimRecord) record = g_new0(ExgSimRecord, 1);
    record->refusals = -1;
    record->log = open_log(directory, "log", error);
    if (record->log < 0)
        return NULL;
    record->refusals = open_log(directory, "refusals", error);
    if (record->refusals < 0)
        return NULL;
    if (keep_requests && !open_requests(record, directory, error))
        return NULL;
    return g_steal_pointer(&record);
}

void
exg_sim_record_free(ExgSimRecord *record)
{
    if (record == NULL)
        return;
    if (record->log >= 0)
        close(record->log);
    if (record->refusals >= 0)
        close(record->refusals);
    g_free(record->requests);
    g_free(record);
}

guint64
exg_sim_record_next(ExgSimRecord *record)
{
    return ++record->last_request;
}

static void
keep(const ExgSimRecord *record, guint64 request, const char *ending, const char *body,
     gsize length)
{
    if (record->requests == NULL)
        return;
    g_autoptr(GError) error = NULL;
    g_autofree char *name = g_strdup_printf("%06" G_GUINT64_FORMAT "%s", request, ending);
    if (!exg_sim_write_file(record->requests, name, body, length, &error))
        g_warning("%s", error->message);
}

void
exg_sim_record_body(ExgSimRecord *record, guint64 request, const char *body, gsize length)
{
    keep(record, request, ".xml", body, length);
}

void
exg_sim_record_answer(ExgSimRecord *record, guint64 request, const char *body, gsize length)
{
    keep(record, request, ".answer.xml", body, length);
}

static void
append_word(GString *line, const char *key, const char *value)
{
    g_autofree char *word = exg_sim_word(value);
    g_string_append_printf(line, " %s=%s", key, word);
}

/* One write per line, so that a reader never sees half of one. */
static void
write_line(int fd, const GString *line)
{
    if (write(fd, line->str, line->len) < 0)
        g_warning("cannot write the log: %s", g_strerror(errno));
}

void
exg_sim_record_refusal(ExgSimRecord *record, const ExgSimEntry *entry, const char *why)
{
    g_autoptr(GString) line = g_string_new(NULL);
    g_autofree char *now = exg_sim_time_now();
    g_autofree char *clean = g_strescape(why, NULL);
    g_string_append_printf(line, "%s request=%" G_GUINT64_FORMAT " connection=%" G_GUINT64_FORMAT,
                           now, entry->request, entry->connection);
    append_word(line, "operation", entry->operation);
    g_string_append_printf(line, " %s\n", clean);
    write_line(record->refusals, line);
    record->refused++;
}

static void
count(ExgSimRecord *record, const ExgSimEntry *entry)
{
    guint i = 0;
    if (entry->faults != NULL)
        record->faults++;
    if (g_strcmp0(entry->operation, "connect") == 0)
        return;
    while (i < G_N_ELEMENTS(operations) && g_strcmp0(operations[i], entry->operation) != 0)
        i++;
    if (i < G_N_ELEMENTS(operations))
        record->counts[i]++;
    else
        record->other++;
    record->bytes += entry->bytes;
    if (entry->status == 401)
        record->unauthorized++;
}

void
exg_sim_record_request(ExgSimRecord *record, const ExgSimEntry *entry)
{
    g_autoptr(GString) line = g_string_sized_new(256);
    g_autofree char *now = exg_sim_time_now();
    count(record, entry);
    g_string_append_printf(line, "%s request=%" G_GUINT64_FORMAT " connection=%" G_GUINT64_FORMAT,
                           now, entry->request, entry->connection);
    append_word(line, "account", entry->account);
    append_word(line, "operation", entry->operation);
    append_word(line, "mailbox", entry->mailbox);
    if (entry->status != 0)
        g_string_append_printf(line, " status=%u", entry->status);
    else
        g_string_append(line, " status=-");
    append_word(line, "code", entry->code);
    g_string_append_printf(line, " bytes=%" G_GUINT64_FORMAT " ms=%.1f", entry->bytes,
                           (double)entry->us / 1000);
    if (entry->faults != NULL)
        append_word(line, "fault", entry->faults);
    g_string_append_c(line, '\n');
    write_line(record->log, line);
}

void
exg_sim_record_connection(ExgSimRecord *record, bool opened)
{
    if (opened) {
        record->connections++;
        record->open_connections++;
    } else {
        record->open_connections--;
    }
}

void
exg_sim_record_stored(ExgSimRecord *record, guint items)
{
    record->stored += items;
}

void
exg_sim_record_lie(ExgSimRecord *record, bool lied)
{
    record->lies += lied;
}

char *
exg_sim_record_stats(const ExgSimRecord *record)
{
    GString *line = g_string_new(NULL);
    guint64 requests = record->other;
    for (guint i = 0; i < G_N_ELEMENTS(operations); i++)
        requests += record->counts[i];
    g_string_append_printf(line, "requests=%" G_GUINT64_FORMAT, requests);
    for (guint i = 0; i < G_N_ELEMENTS(operations); i++)
        g_string_append_printf(line, " %s=%" G_GUINT64_FORMAT, operations[i], record->counts[i]);
    g_string_append_printf(
        line,
        " other=%" G_GUINT64_FORMAT " stored=%" G_GUINT64_FORMAT " connections=%" G_GUINT64_FORMAT
        " open_connections=%" G_GUINT64_FORMAT " refusals=%" G_GUINT64_FORMAT
        " unauthorized=%" G_GUINT64_FORMAT " faults=%" G_GUINT64_FORMAT " lies=%" G_GUINT64_FORMAT
        " bytes=%" G_GUINT64_FORMAT,
        record->other, record->stored, record->connections, record->open_connections,
        record->refused, record->unauthorized, record->faults, record->lies, record->bytes);
    return g_string_free(line, FALSE);
}
