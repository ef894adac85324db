/* get-user-oof-settings-private.h - the request and the answer of GetUserOofSettings without the way between them. */
#ifndef EXG_EWS_PEOPLE_GET_USER_OOF_SETTINGS_PRIVATE_H
#define EXG_EWS_PEOPLE_GET_USER_OOF_SETTINGS_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/people/get-user-oof-settings.h"

/* Its context is the address, its result an ExgEwsOofSettings. */
extern const ExgEwsOperation exg_ews_get_user_oof_settings_operation;

#endif
