#include "lmtp/statistics.h"

#include "common/base/clock.h"
#include "common/base/error.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void
take(ExgStatistics *ret_statistics, gpointer data)
{
    guint *calls = data;
    ret_statistics->server.delivered = ++*calls;
    ret_statistics->journal.oldest_open_ms = 61999;
    ret_statistics->throttle.closed_ms = 1;
}

/* Each line is a comment or a name with a number; no name has two types. */
static void
test_text(void)
{
    ExgStatistics statistics = {.spool_bytes = G_MAXUINT64};
    guint calls = 6;
    take(&statistics, &calls);
    g_autofree char *text = exg_statistics_to_text(&statistics);
    g_assert_nonnull(strstr(text, "\nexgate_lmtpd_recipients_total{outcome=\"delivered\"} 7\n"));
    g_assert_nonnull(strstr(text, "\nexgate_lmtpd_journal_oldest_open_seconds 61\n"));
    g_assert_nonnull(strstr(text, "\nexgate_lmtpd_exchange_closed_seconds 1\n"));
    g_assert_nonnull(strstr(text, "\nexgate_lmtpd_spool_bytes 18446744073709551615\n"));
    g_autoptr(GHashTable) types = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GRegex) regex = g_regex_new(
        "^(# TYPE exgate_lmtpd_[a-z_]+ "
        "(counter|gauge)|exgate_lmtpd_[a-z_]+(\\{[a-z]+=\"[a-z]+\"\\})? [0-9]+)$",
        0, 0, NULL);
    g_assert_true(g_str_has_suffix(text, "\n"));
    text[strlen(text) - 1] = '\0';
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        g_assert_true(g_regex_match(regex, lines[i], 0, NULL));
        if (lines[i][0] == '#')
            g_assert_true(g_hash_table_add(types, lines[i]));
    }
    g_assert_cmpuint(g_hash_table_size(types), >, 15);
}

static int
connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    return fd;
}

static char *
read_all(ExgEngine *engine, int fd)
{
    GString *text = g_string_new(NULL);
    gint64 deadline_us = exg_clock_deadline_ms(20000);
    for (;;) {
        char buffer[1024];
        gssize got = recv(fd, buffer, sizeof buffer, 0);
        if (got == 0)
            break;
        if (got > 0)
            g_string_append_len(text, buffer, got);
        else
            exg_engine_iterate(engine, false);
        g_assert_cmpint(exg_clock_monotonic_us(), <, deadline_us);
    }
    close(fd);
    return g_string_free(text, FALSE);
}

static void
test_socket(void)
{
    g_autofree char *directory = g_dir_make_tmp("exgate-statistics-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(directory, "stats", NULL);
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    guint calls = 0;
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgStatisticsSocket)
        statistics = exg_statistics_socket_new(engine, path, take, &calls, &error);
    g_assert_no_error(error);
    for (guint i = 1; i <= 3; i++) {
        g_autofree char *wanted = g_strdup_printf("{outcome=\"delivered\"} %u\n", i);
        int fd = connect_to(path);
        if (i == 2) /* not looked at */
            g_assert_cmpint(send(fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL), ==, 18);
        g_autofree char *text = read_all(engine, fd);
        g_assert_nonnull(strstr(text, wanted));
    }
    int gone = connect_to(path); /* freed with a client */
    while (calls < 4)
        exg_engine_iterate(engine, false);
    exg_statistics_socket_free(g_steal_pointer(&statistics));
    close(gone);
    g_unlink(path);
    g_assert_cmpint(g_rmdir(directory), ==, 0);
}

static void
test_refused(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    g_autoptr(GError) error = NULL;
    g_assert_null(exg_statistics_socket_new(engine, "/nonexistent/stats", take, NULL, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lmtp/statistics/text", test_text);
    g_test_add_func("/lmtp/statistics/socket", test_socket);
    g_test_add_func("/lmtp/statistics/refused", test_refused);
    return g_test_run();
}
