/* disposition.h - the one place that says what an error means for a message.
 *
 * A table turns an ExgErrorCode into an SMTP reply, a label for metrics and a sentence for a
 * person. A layer below may have asked for a more exact reply (exg_error_set_reply); it is honoured
 * only where the code allows it, so that an expired secret, a missing right or an unknown outcome
 * can never bounce mail.
 *
 * Threads:  all functions are pure.
 * Source:   RFC 3463 (enhanced codes), RFC 5321 4.2.1 (the class of a reply decides, not its text).
 */
#ifndef EXG_BASE_DISPOSITION_H
#define EXG_BASE_DISPOSITION_H

#include <glib.h>
#include <stdbool.h>

typedef struct {
    int smtp_code;       /* 250, 4xx or 5xx */
    char enhanced[12];   /* "5.1.1"; its class always equals that of smtp_code */
    bool permanent;      /* smtp_code is 5xx: the MTA will bounce */
    const char *label;   /* metric label: "unreachable", "busy" … */
    const char *meaning; /* one sentence for a person */
} ExgDisposition;

/* NULL means success. An error of a foreign domain is temporary, whatever it is. */
ExgDisposition exg_disposition_of(const GError *error);

/* Whether a text is an enhanced status code, "5.1.1", of the class of an SMTP reply code. */
bool exg_enhanced_fits(const char *text, int smtp_code);

#endif
