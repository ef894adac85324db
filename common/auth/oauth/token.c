#include "common/auth/oauth/token.h"

#include "common/base/clock.h"

#define MAX_LIFETIME_S ((gint64)10 * 365 * 86400)
#define RENEW_BEFORE_S 300
/* A token that ends while the request travels is refused; both clocks may differ a little, too. */
#define MARGIN_S 10

ExgToken *
exg_token_new(ExgSecret *access, ExgSecret *refresh, gint64 lifetime_s, gint64 renew_s)
{
    ExgToken *token = g_new0(ExgToken, 1);
    token->references = 1;
    token->access = exg_secret_ref(access);
    token->refresh = refresh != NULL ? exg_secret_ref(refresh) : NULL;
    lifetime_s = CLAMP(lifetime_s, 0, MAX_LIFETIME_S);
    if (renew_s <= 0 || renew_s > lifetime_s)
        renew_s = MAX(lifetime_s - RENEW_BEFORE_S, lifetime_s * 4 / 5);
    token->issued_us = exg_clock_monotonic_us();
    token->renew_us = token->issued_us + renew_s * G_TIME_SPAN_SECOND;
    token->expires_us = token->issued_us +
                        (lifetime_s - MIN(MARGIN_S, lifetime_s / 5)) * G_TIME_SPAN_SECOND;
    token->renew_us = MIN(token->renew_us, token->expires_us);
    return token;
}

ExgToken *
exg_token_ref(ExgToken *token)
{
    g_atomic_int_inc(&token->references);
    return token;
}

void
exg_token_unref(ExgToken *token)
{
    if (token == NULL || !g_atomic_int_dec_and_test(&token->references))
        return;
    exg_secret_unref(token->access);
    exg_secret_unref(token->refresh);
    g_free(token);
}

bool
exg_token_is_good(const ExgToken *token)
{
    return token != NULL && exg_clock_monotonic_us() < token->expires_us;
}

void
exg_token_return(GTask *task, ExgToken *token, GError *error)
{
    if (token != NULL)
        g_task_return_pointer(task, token, (GDestroyNotify)exg_token_unref);
    else
        g_task_return_error(task, error);
}
