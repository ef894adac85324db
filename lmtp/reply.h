/* reply.h - making, cleaning and writing the replies of backend.h.
 *
 * Whatever a backend answers, what goes out is one line that every client understands: Postfix
 * bounces on a code that is not 2xx, 4xx or 5xx, and Exim defers everything on a reply of more than
 * 255 bytes.
 *
 * Threads:  pure functions.
 * Limits:   a written reply is shorter than EXG_LMTP_REPLY_MAX_BYTES, its line end included.
 * Source:   RFC 5321 4.2, RFC 2034 (enhanced codes on every reply, of the same class), RFC 6531 3.7.4
 *           (UTF-8 in replies).
 */
#ifndef EXG_LMTP_REPLY_H
#define EXG_LMTP_REPLY_H

#include "lmtp/backend.h"

#define EXG_LMTP_REPLY_MAX_BYTES 240

/* `enhanced` may be "" (greeting, 354, LHLO). */
void exg_lmtp_reply_set(ExgLmtpReply *reply, int code, const char *enhanced, const char *format,
                        ...) G_GNUC_PRINTF(4, 5);
/* A backend's answer about one recipient as it may go out: 250, or 4xx or 5xx with an enhanced code
 * of that class. 421 would announce the end of the connection, so it becomes 451. */
void exg_lmtp_reply_clean(const ExgLmtpReply *answer, ExgLmtpReply *ret_reply);
/* "250 2.1.5 Ok" CRLF, not zero-terminated; what is not printable ASCII becomes "?", or with `utf8`
 * what is not printable UTF-8. Answers its length. */
gsize exg_lmtp_reply_format(const ExgLmtpReply *reply, bool utf8,
                            char line[static EXG_LMTP_REPLY_MAX_BYTES]);

#endif
