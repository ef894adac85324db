#include "common/store/wrapping.h"

#include "common/mime/address.h"
#include "common/mime/date.h"
#include "common/mime/wrapped-message.h"

#include <string.h>

#define BOUNDARY_DIGEST_BYTES 12
#define TEXT_COLUMNS          72

/* A boundary cannot stand in base64, and the text is ours; the digest only keeps nested wrappings apart. */
static char *
boundary_of(const ExgMessage *message)
{
    GString *boundary = g_string_new("=-exgate-");
    const guint8 *digest = exg_message_digest(message);
    for (guint i = 0; i < BOUNDARY_DIGEST_BYTES; i++)
        g_string_append_printf(boundary, "%02x", digest[i]);
    return g_string_free(boundary, FALSE);
}

static bool
is_plain(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text < 0x20 || *text > 0x7e)
            return false;
    return true;
}

static void
append_wrapped(GString *text, const char *sentence)
{
    gsize column = 0;
    g_auto(GStrv) words = g_strsplit(sentence, " ", -1);
    for (guint i = 0; words[i] != NULL; i++) {
        gsize length = strlen(words[i]);
        if (column > 0 && column + 1 + length > TEXT_COLUMNS) {
            g_string_append(text, "\r\n");
            column = 0;
        } else if (column > 0) {
            g_string_append_c(text, ' ');
            column++;
        }
        g_string_append(text, words[i]);
        column += length;
    }
    g_string_append(text, "\r\n");
}

static GBytes *
make_head(const ExgMessage *original, const char *recipient, const char *reason, gint64 time,
          const char *boundary)
{
    const char *domain = exg_address_domain(recipient);
    g_autofree char *clean = g_strdup(reason);
    g_strcanon(clean,
               "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .,:;()<>'\"/_-+=@",
               '?');
    GString *head = g_string_sized_new(1024);
    g_string_append_printf(head, "From: exgate <postmaster@%s>\r\n",
                           domain != NULL ? domain : "localhost");
    g_string_append_printf(head, "To: <%s>\r\n", recipient);
    g_string_append(head, "Subject: A message that Exchange could not read, as an attachment\r\n");
    g_string_append(head, "Date: ");
    exg_date_append(head, time);
    g_string_append(head, "\r\n");
    const char *id = exg_message_id(original);
    if (id != NULL && is_plain(id))
        g_string_append_printf(head, "Message-ID: %s\r\n", id);
    g_string_append_printf(head,
                           "Auto-Submitted: auto-generated\r\n"
                           "MIME-Version: 1.0\r\n"
                           "Content-Type: multipart/mixed; boundary=\"%s\"\r\n"
                           "\r\n"
                           "--%s\r\n"
                           "Content-Type: text/plain; charset=us-ascii\r\n"
                           "\r\n",
                           boundary, boundary);
    append_wrapped(head, "A message came for you that Exchange could not turn into an item. It is "
                         "attached as original.eml, exactly as it was received; a mail program "
                         "that opens such files can show it.");
    g_string_append(head, "\r\n");
    append_wrapped(head, clean);
    g_string_append_printf(head,
                           "\r\n"
                           "--%s\r\n"
                           "Content-Type: application/octet-stream; name=\"original.eml\"\r\n"
                           "Content-Transfer-Encoding: base64\r\n"
                           "Content-Disposition: attachment; filename=\"original.eml\"\r\n"
                           "\r\n",
                           boundary);
    return g_string_free_to_bytes(head);
}

ExgMessage *
exg_store_wrap(ExgMessage *original, const char *recipient, const char *reason, gint64 time)
{
    g_autofree char *boundary = boundary_of(original);
    g_autoptr(GBytes) head = make_head(original, recipient, reason, time, boundary);
    char *end = g_strdup_printf("\r\n--%s--\r\n", boundary);
    g_autoptr(GBytes) tail = g_bytes_new_take(end, strlen(end));
    return exg_wrapped_message_new(original, head, tail);
}
