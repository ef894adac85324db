#include "common/directory/recipient-list.h"

#include "common/base/error.h"
#include "common/mime/address.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAX_WORDS 3

/* --- reading ---------------------------------------------------------------------------------- */

static bool
is_address(const char *text)
{
    const char *domain = exg_address_domain(text);
    if (domain == NULL || domain - 1 == text || !exg_address_is_domain(domain) ||
        strlen(text) > EXG_RECIPIENT_LIST_MAX_ADDRESS)
        return false;
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at))
        if (!g_unichar_isgraph(g_utf8_get_char(at))) /* nor a mark that nobody sees */
            return false;
    return true;
}

static bool
read_time(const char *text, gint64 *ret_us, GError **error)
{
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, utc);
    gint64 seconds = time != NULL ? g_date_time_to_unix(time) : 0;
    if (seconds <= 0)
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "a time such as 2026-11-22T09:30:00Z is expected behind the kind");
    *ret_us = seconds * G_USEC_PER_SEC + g_date_time_get_microsecond(time);
    return true;
}

/* Cuts the line into its words; answers how many there are, MAX_WORDS + 1 if there are too many. */
static guint
split(char *line, const char **words)
{
    guint count = 0;
    char *state = NULL;
    for (char *word = strtok_r(line, " \t\r", &state); word != NULL && count <= MAX_WORDS;
         word = strtok_r(NULL, " \t\r", &state)) {
        if (count < MAX_WORDS)
            words[count] = word;
        count++;
    }
    return count;
}

/* `line` is written to. */
static bool
read_line(char *line, ExgRecipientLineFunc function, gpointer data, GError **error)
{
    const char *words[MAX_WORDS] = {NULL};
    guint count = split(line, words);
    if (count == 0 || words[0][0] == '#')
        return true;
    if (!is_address(words[0]))
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "an address such as ann@example.com is expected");
    ExgRecipientLine read = {0};
    if (count > 1) {
        read.kind = exg_recipient_kind_find(words[1]);
        if (read.kind == EXG_RECIPIENT_UNKNOWN)
            return exg_error_set(error, EXG_ERROR_CONFIG,
                                 "mailbox, group, contact, public-folder or nobody is expected "
                                 "behind the address");
    }
    if (count > 2 && !read_time(words[2], &read.found_us, error))
        return false;
    if (count > MAX_WORDS)
        return exg_error_set(error, EXG_ERROR_CONFIG, "there is more behind the time");
    g_autofree char *folded = exg_address_fold(words[0]);
    read.address = folded;
    return function(&read, data, error);
}

bool
exg_recipient_list_read(const char *text, gsize length, ExgRecipientLineFunc function,
                        gpointer data, GError **error)
{
    static const char mark[] = "\xef\xbb\xbf"; /* some editors put it in front of UTF-8 */
    char line[EXG_RECIPIENT_LIST_MAX_LINE + 1];
    guint number = 0;
    const char *end = text + length;
    if (length >= strlen(mark) && memcmp(text, mark, strlen(mark)) == 0)
        text += strlen(mark);
    for (const char *at = text; at < end;) {
        const char *newline = memchr(at, '\n', (gsize)(end - at));
        gsize size = (gsize)((newline != NULL ? newline : end) - at);
        bool good = false;
        number++;
        if (size > EXG_RECIPIENT_LIST_MAX_LINE) {
            exg_error_set(error, EXG_ERROR_CONFIG, "it is longer than %d bytes",
                          EXG_RECIPIENT_LIST_MAX_LINE);
        } else if (memchr(at, '\0', size) != NULL || !g_utf8_validate(at, (gssize)size, NULL)) {
            exg_error_set(error, EXG_ERROR_CONFIG, "it is not text in UTF-8");
        } else {
            memcpy(line, at, size);
            line[size] = '\0';
            good = read_line(line, function, data, error);
        }
        if (!good) {
            g_prefix_error(error, "line %u: ", number);
            return false;
        }
        at = newline != NULL ? newline + 1 : end;
    }
    return true;
}

bool
exg_recipient_list_load(const char *path, char **ret_text, gsize *ret_length, GError **error)
{
    bool is_stdin = g_str_equal(path, "-");
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    g_autoptr(GString) text = g_string_new(NULL);
    char buffer[65536];
    gssize got = fd < 0 ? -1 : 1;
    while (got > 0 && text->len <= EXG_RECIPIENT_LIST_MAX_BYTES) {
        got = read(fd, buffer, sizeof buffer);
        if (got > 0)
            g_string_append_len(text, buffer, got);
        else if (got < 0 && errno == EINTR)
            got = 1;
    }
    int code = errno;
    if (fd >= 0 && !is_stdin)
        close(fd);
    if (got < 0)
        return exg_error_set(error, EXG_ERROR_CONFIG, "cannot read %s: %s", path, g_strerror(code));
    if (text->len > EXG_RECIPIENT_LIST_MAX_BYTES)
        return exg_error_set(error, EXG_ERROR_CONFIG, "%s is larger than %d MiB", path,
                             EXG_RECIPIENT_LIST_MAX_BYTES / (1024 * 1024));
    *ret_length = text->len;
    *ret_text = g_string_free(g_steal_pointer(&text), FALSE);
    return true;
}

/* --- writing ---------------------------------------------------------------------------------- */

void
exg_recipient_list_write(GString *text, const ExgRecipientLine *line)
{
    g_string_append(text, line->address);
    if (line->kind != EXG_RECIPIENT_UNKNOWN)
        g_string_append_printf(text, "\t%s", exg_recipient_kind_name(line->kind));
    if (line->kind != EXG_RECIPIENT_UNKNOWN && line->found_us > 0) {
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(line->found_us / G_USEC_PER_SEC);
        g_autofree char *words = g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ");
        g_string_append_printf(text, "\t%s", words);
    }
    g_string_append_c(text, '\n');
}
