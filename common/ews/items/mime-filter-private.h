/* mime-filter-private.h - takes the content of a message out of the answer of GetItem while it arrives.
 *
 * What t:MimeContent holds is decoded and written to a file; all else is kept, a small answer with
 * an empty t:MimeContent. So memory does not grow with the message.
 *
 * The decoder is lenient where servers and proxies are careless: white space, character references
 * of white space, missing padding.
 *
 * Limits:   EXG_EWS_MAX_ANSWER_BYTES for the rest.
 * Errors:   EXG_ERROR_PROTOCOL for what is not base64, RESOURCES if the file cannot be written.
 * Source:   RFC 4648 section 4.
 */
#ifndef EXG_EWS_ITEMS_MIME_FILTER_PRIVATE_H
#define EXG_EWS_ITEMS_MIME_FILTER_PRIVATE_H

#include <glib.h>
#include <stdbool.h>

typedef struct ExgEwsMimeFilter ExgEwsMimeFilter;

/* `fd` stays the caller's; it is written from its beginning. */
ExgEwsMimeFilter *exg_ews_mime_filter_new(int fd);
void exg_ews_mime_filter_free(ExgEwsMimeFilter *filter);

/* Forgets all that came. */
void exg_ews_mime_filter_begin(ExgEwsMimeFilter *filter);
bool exg_ews_mime_filter_take(ExgEwsMimeFilter *filter, const char *data, gsize length,
                              GError **error);
/* The answer without the content. (transfer full) */
GBytes *exg_ews_mime_filter_end(ExgEwsMimeFilter *filter);
/* All content has come and is written; the file ends with it. */
bool exg_ews_mime_filter_close(ExgEwsMimeFilter *filter, guint64 *ret_length, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsMimeFilter, exg_ews_mime_filter_free)

#endif
