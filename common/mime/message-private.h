/* message-private.h - how a message keeps its content; for message.c and wrapped-message.c.
 *
 * Threads:  as message.h.
 */
#ifndef EXG_MIME_MESSAGE_PRIVATE_H
#define EXG_MIME_MESSAGE_PRIVATE_H

#include "common/mime/header-scanner-private.h"
#include "common/mime/message.h"
#include "common/mime/spool-private.h"

/* One that is not a spool's content, but made of another message. */
typedef struct {
    ExgMessage *original;
    GBytes *head, *tail;
} ExgMessageWrapping;

struct ExgMessage {
    gint references;
    ExgSpool *spool;              /* NULL: wrapped */
    ExgMessageWrapping *wrapping; /* NULL: plain */
    ExgHeaderFacts header;        /* of a wrapped message: empty, its original's are told */
    guint8 digest[EXG_MESSAGE_DIGEST_BYTES];
};

guint64 exg_message_wrapping_length(const ExgMessageWrapping *wrapping);
gssize exg_message_wrapping_read(const ExgMessageWrapping *wrapping, guint64 offset, char *buffer,
                                 gsize room, GError **error);
void exg_message_wrapping_free(ExgMessageWrapping *wrapping);

#endif
