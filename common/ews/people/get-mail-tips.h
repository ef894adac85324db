/* get-mail-tips.h - GetMailTips: what should one know before writing to these recipients?
 *
 * Restrictions and moderation are those for the sender that is named, which must be the service
 * account's own address or one that it may send as. A tip that the server had no time for is
 * unknown: do not take it for good or bad.
 *
 * Limits:   any number of recipients, EXG_EWS_MAIL_TIPS_PORTION in a call, as many as Exchange
 *           takes.
 * Source:   MS-OXWSMTIPS; Exchange 2010 and newer.
 */
#ifndef EXG_EWS_PEOPLE_GET_MAIL_TIPS_H
#define EXG_EWS_PEOPLE_GET_MAIL_TIPS_H

#include "common/ews/service.h"

#define EXG_EWS_MAIL_TIPS_PORTION 50

typedef enum { EXG_EWS_UNKNOWN, EXG_EWS_NO, EXG_EWS_YES } ExgEwsTruth;

typedef struct {
    GError *error; /* why nothing is known of this recipient; the rest is then empty */
    ExgEwsTruth invalid_recipient;
    ExgEwsTruth mailbox_full;
    ExgEwsTruth delivery_restricted; /* for this sender */
    ExgEwsTruth moderated;
    gint64 max_message_bytes;     /* -1: unknown */
    gint64 total_member_count;    /* of a list; -1: unknown */
    gint64 external_member_count; /* those of them outside of the organisation; -1: unknown */
    char *out_of_office;          /* HTML; "": in the office, NULL: unknown */
    char *custom_tip;             /* HTML; "": none, NULL: unknown */
    bool is_pending;              /* the server had no time for all of them */
} ExgEwsMailTips;

/* `recipients`: SMTP addresses. */
void exg_ews_get_mail_tips_async(ExgEwsService *service, const char *sender,
                                 const char *const *recipients, gint64 deadline_us,
                                 GCancellable *cancellable, GAsyncReadyCallback callback,
                                 gpointer data);
/* `*ret_tips`: of ExgEwsMailTips, one per recipient in their order; (transfer full). */
bool exg_ews_get_mail_tips_finish(ExgEwsService *service, GAsyncResult *result,
                                  GPtrArray **ret_tips, GError **error);

#endif
