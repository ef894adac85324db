/* get-user-oof-settings.h - GetUserOofSettings: is the owner of a mailbox away, and what does he
 * have us say?
 *
 * Only the owner may ask: go by impersonation.
 *
 * Errors:   NO_MAILBOX, DENIED and the usual ones.
 * Source:   MS-OXWOOF.
 */
#ifndef EXG_EWS_PEOPLE_GET_USER_OOF_SETTINGS_H
#define EXG_EWS_PEOPLE_GET_USER_OOF_SETTINGS_H

#include "common/ews/service.h"

typedef enum { EXG_EWS_OOF_DISABLED, EXG_EWS_OOF_ENABLED, EXG_EWS_OOF_SCHEDULED } ExgEwsOofState;
/* Who outside of the organisation gets the external reply. */
typedef enum { EXG_EWS_OOF_NONE, EXG_EWS_OOF_KNOWN, EXG_EWS_OOF_ALL } ExgEwsOofAudience;

typedef struct {
    ExgEwsOofState state;
    ExgEwsOofAudience audience;
    ExgEwsOofAudience allowed_audience; /* at most this one, whatever `audience` says */
    gint64 start, end;                  /* when scheduled, seconds since 1970; both 0: not told */
    char *internal_reply;               /* HTML, or "" */
    char *external_reply;
} ExgEwsOofSettings;

void exg_ews_oof_settings_free(ExgEwsOofSettings *settings);
/* Whether replies are sent at that time. */
bool exg_ews_oof_settings_apply(const ExgEwsOofSettings *settings, gint64 seconds);

/* Of the target's mailbox. */
void exg_ews_get_user_oof_settings_async(ExgEwsService *service, const ExgEwsTarget *target,
                                         gint64 deadline_us, GCancellable *cancellable,
                                         GAsyncReadyCallback callback, gpointer data);
/* `*ret_settings`: (transfer full). */
bool exg_ews_get_user_oof_settings_finish(ExgEwsService *service, GAsyncResult *result,
                                          ExgEwsOofSettings **ret_settings, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsOofSettings, exg_ews_oof_settings_free)

#endif
