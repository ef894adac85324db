/* trace.h - the header lines that exgate puts in front of a delivered message.
 *
 *     Return-Path: <sender>
 *     Delivered-To: recipient
 *     Received: from CLIENT (PEER) by HOST (exgate) with LMTP id ID for <recipient>; DATE
 *     Message-ID: <DIGEST@HOST>        only if the message has none, so that it can be found again
 *
 * Threads:  pure.
 * Source:   RFC 5321 4.4, RFC 6531 3.7.3 (UTF8LMTP).
 */
#ifndef EXG_LMTP_TRACE_H
#define EXG_LMTP_TRACE_H

#include "lmtp/backend.h"

GBytes *exg_lmtp_trace_new(const ExgLmtpEnvelope *envelope, const char *recipient,
                           const ExgMessage *message, const char *hostname);

#endif
