/* wrapping.h - the message that is delivered in place of one that Exchange's converter refuses.
 *
 * A short text that says what happened, and the original, unchanged, as original.eml. The
 * attachment is of type application/octet-stream: message/rfc822 would be converted again, and
 * refused again.
 *
 * Threads:  pure.
 */
#ifndef EXG_STORE_WRAPPING_H
#define EXG_STORE_WRAPPING_H

#include "common/mime/message.h"

/* `reason`: why it was refused, one sentence. `time`: seconds since 1970, for the Date field.
 * (transfer full) */
ExgMessage *exg_store_wrap(ExgMessage *original, const char *recipient, const char *reason,
                           gint64 time);

#endif
