/* response-code.h - every ResponseCode of EWS: what class it is, and what it means for a message.
 *
 * Threads:  pure functions over a constant table.
 * Source:   the ResponseCodeType of Exchange Server SE and the codes that only Exchange Online
 *           sends; Microsoft's "ResponseCode" reference page. An unknown code is temporary, never a
 *           bounce.
 */
#ifndef EXG_EWS_RESPONSE_CODE_H
#define EXG_EWS_RESPONSE_CODE_H

#include "common/base/error.h"

typedef enum {
    EXG_EWS_OK,
    EXG_EWS_RESOLVE,     /* ResolveNames found several */
    EXG_EWS_RECIPIENT,   /* no such mailbox; a bounce needs the directory's word too */
    EXG_EWS_QUOTA,
    EXG_EWS_MESSAGE,     /* this message is refused */
    EXG_EWS_THROTTLE,
    EXG_EWS_BATCH,       /* not tried, since an earlier item failed */
    EXG_EWS_TRANSIENT,
    EXG_EWS_MOVED,       /* the mailbox is moving or elsewhere */
    EXG_EWS_MAILBOX,     /* the mailbox is in a bad state for now */
    EXG_EWS_CONFIG_AUTH, /* the gateway's own rights */
    EXG_EWS_CONFIG_ADDRESS,
    EXG_EWS_VERSION,
    EXG_EWS_BUG,         /* our request was wrong */
    EXG_EWS_SUBMIT,      /* sending only */
    EXG_EWS_SYNC,        /* synchronisation and notifications only */
    EXG_EWS_OTHER,       /* not of our operations */
} ExgEwsCodeClass;

typedef struct {
    const char *name;
    ExgEwsCodeClass class;
    guint16 smtp_code; /* 0: does not concern mail */
    const char *enhanced;
    const char *note; /* what it means, for a person */
} ExgEwsResponseCode;

/* NULL if the code is unknown. Binary search. */
const ExgEwsResponseCode *exg_ews_response_code_find(const char *name);
/* All of them, sorted by name (strcmp). */
const ExgEwsResponseCode *exg_ews_response_codes(gsize *ret_count);

/* The error that a failed call with this code is: `code` may be unknown. `text`: the server's
 * words, or NULL. `once`: the call changes the mailbox and must not be repeated, so codes that
 * prove nothing become EXG_ERROR_AMBIGUOUS: ErrorTimeoutExpired, ErrorInternalServer*,
 * ErrorRequestAborted, ErrorClientDisconnected, and those by which one server says that it could
 * not read another's answer. */
GError *exg_ews_response_code_error(const char *code, const char *text, bool once);

#endif
