/* mime-body-private.h - a request with a message in its middle, encoded while it is sent.
 *
 * prefix, base64 of (trace, message) without line breaks, suffix. The message is read by offset, so
 * any number of recipients' requests can be under way over the same message; what one of them holds
 * is a buffer of a few kilobytes, and that only while it is being sent.
 *
 * Threads:  the engine's.
 * Errors:   those of reading the message; EXG_ERROR_RESOURCES if it turns out shorter than it was.
 * Source:   RFC 4648 section 4.
 */
#ifndef EXG_EWS_ITEMS_MIME_BODY_PRIVATE_H
#define EXG_EWS_ITEMS_MIME_BODY_PRIVATE_H

#include "common/http/body.h"
#include "common/mime/message.h"

/* All are referenced. `trace` may be NULL. */
ExgHttpBody *exg_ews_mime_body_new(GBytes *prefix, GBytes *trace, ExgMessage *message,
                                   GBytes *suffix);

#endif
