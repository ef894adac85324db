/* wrapped-message.h - a message inside another one, as an attachment: for what Exchange's converter
 * refuses.
 *
 * Made of a head, the original in base64 (lines of 76 characters), and a tail. Nothing is copied:
 * the encoding is computed from the original for whatever part is read. Digest, Message-ID and
 * header facts are the original's.
 *
 * Threads:  as message.h.
 * Memory:   the original stays referenced.
 * Source:   RFC 2045 6.8.
 */
#ifndef EXG_MIME_WRAPPED_MESSAGE_H
#define EXG_MIME_WRAPPED_MESSAGE_H

#include "common/mime/message.h"

/* `head` ends with the empty line after the attachment's own header; `tail` begins with the closing
 * boundary's line. */
ExgMessage *exg_wrapped_message_new(ExgMessage *original, GBytes *head, GBytes *tail);

#endif
