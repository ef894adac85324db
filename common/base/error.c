#include "common/base/error.h"

#include <string.h>

typedef ExgErrorFacts ExgErrorPrivate;

static void
exg_error_private_init(ExgErrorPrivate *facts)
{
    memset(facts, 0, sizeof *facts);
    facts->retry_after_ms = -1;
}

static void
exg_error_private_copy(const ExgErrorPrivate *from, ExgErrorPrivate *to)
{
    *to = *from;
    to->service_code = g_strdup(from->service_code);
    to->request_id = g_strdup(from->request_id);
}

static void
exg_error_private_clear(ExgErrorPrivate *facts)
{
    g_free(facts->service_code);
    g_free(facts->request_id);
}

/* G_DEFINE_EXTENDED_ERROR names everything after the type it is given. */
typedef GError ExgError;
static inline ExgErrorPrivate *exg_error_get_private(const GError *error);
G_DEFINE_EXTENDED_ERROR(ExgError, exg_error)

GError *
exg_error_new(ExgErrorCode code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    GError *error = g_error_new_valist(EXG_ERROR, (int)code, format, arguments);
    va_end(arguments);
    return error;
}

bool
exg_error_set(GError **error, ExgErrorCode code, const char *format, ...)
{
    if (error == NULL)
        return false;
    va_list arguments;
    va_start(arguments, format);
    g_propagate_error(error, g_error_new_valist(EXG_ERROR, (int)code, format, arguments));
    va_end(arguments);
    return false;
}

const ExgErrorFacts *
exg_error_facts(const GError *error)
{
    return error != NULL && error->domain == EXG_ERROR ? exg_error_get_private(error) : NULL;
}

static ExgErrorFacts *
facts_of(GError *error)
{
    g_return_val_if_fail(error == NULL || error->domain == EXG_ERROR, NULL);
    return error != NULL ? exg_error_get_private(error) : NULL;
}

void
exg_error_set_reply(GError *error, int smtp_code, const char *enhanced)
{
    ExgErrorFacts *facts = facts_of(error);
    if (facts == NULL)
        return;
    facts->smtp_code = smtp_code;
    g_strlcpy(facts->enhanced, enhanced, sizeof facts->enhanced);
}

void
exg_error_set_retry_after(GError *error, gint64 retry_after_ms)
{
    ExgErrorFacts *facts = facts_of(error);
    if (facts != NULL)
        facts->retry_after_ms = retry_after_ms;
}

void
exg_error_set_http_status(GError *error, int http_status)
{
    ExgErrorFacts *facts = facts_of(error);
    if (facts != NULL)
        facts->http_status = http_status;
}

static void
set_string(char **member, const char *value)
{
    char *copy = g_strdup(value);
    g_free(*member);
    *member = copy;
}

void
exg_error_set_service_code(GError *error, const char *service_code)
{
    ExgErrorFacts *facts = facts_of(error);
    if (facts != NULL)
        set_string(&facts->service_code, service_code);
}

void
exg_error_set_request_id(GError *error, const char *request_id)
{
    ExgErrorFacts *facts = facts_of(error);
    if (facts != NULL)
        set_string(&facts->request_id, request_id);
}

void
exg_error_set_stage(GError *error, const char *static_stage)
{
    ExgErrorFacts *facts = facts_of(error);
    if (facts != NULL)
        facts->stage = static_stage;
}
