#include "tests/exchange-sim/refusal.h"

#include <string.h>

static void
set(ExgSimRefusal *refusal, const char *code, const char *format, va_list arguments)
{
    exg_sim_refusal_clear(refusal);
    refusal->code = g_strdup(code);
    refusal->text = format != NULL ? g_strdup_vprintf(format, arguments)
                                   : g_strdup(exg_sim_code_text(code));
}

bool
exg_sim_refuse(ExgSimRefusal *refusal, const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set(refusal, code, format, arguments);
    va_end(arguments);
    return false;
}

bool
exg_sim_refuse_invalid(ExgSimRefusal *refusal, const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set(refusal, code, format, arguments);
    va_end(arguments);
    refusal->invalid = true;
    return false;
}

bool
exg_sim_refuse_schema(ExgSimRefusal *refusal, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set(refusal, "ErrorSchemaValidation", format, arguments);
    va_end(arguments);
    refusal->schema = refusal->invalid = true;
    return false;
}

void
exg_sim_refusal_set_value(ExgSimRefusal *refusal, const char *static_name, const char *value)
{
    g_free(refusal->value);
    refusal->value_name = static_name;
    refusal->value = g_strdup(value);
}

void
exg_sim_refusal_clear(ExgSimRefusal *refusal)
{
    g_free(refusal->code);
    g_free(refusal->text);
    g_free(refusal->value);
    g_free(refusal->inner);
    *refusal = (ExgSimRefusal){0};
}

const char *
exg_sim_code_text(const char *code)
{
    static const struct {
        const char *code, *text;
    } texts[] = {
        {"ErrorAccessDenied", "Access is denied. Check credentials and try again."},
        {"ErrorBatchProcessingStopped", "The item was not processed, since an earlier one failed."},
        {"ErrorFolderNotFound", "The specified folder could not be found in the store."},
        {"ErrorImpersonateUserDenied", "The account may not impersonate the requested user."},
        {"ErrorInternalServerError", "An internal server error occurred. The operation failed."},
        {"ErrorInternalServerTransientError",
         "An internal server error occurred. Try again later."},
        {"ErrorInvalidIdMalformed", "Id is malformed."},
        {"ErrorInvalidPropertySet", "Set action is invalid for property."},
        {"ErrorInvalidRecipients", "At least one recipient is not valid."},
        {"ErrorInvalidRequest", "The request is invalid."},
        {"ErrorInvalidServerVersion", "The specified server version is invalid."},
        {"ErrorItemNotFound", "The specified object was not found in the store."},
        {"ErrorMailboxMoveInProgress", "The mailbox is being moved. Try again later."},
        {"ErrorMailboxStoreUnavailable", "The mailbox database is temporarily unavailable."},
        {"ErrorMessageSizeExceeded", "The message exceeds the maximum supported size."},
        {"ErrorMimeContentInvalid", "The MIME content is invalid."},
        {"ErrorMimeContentInvalidBase64String", "The MIME content is not valid base64."},
        {"ErrorMissingEmailAddress",
         "The account has no mailbox, so a distinguished folder id must name one."},
        {"ErrorNameResolutionMultipleResults", "Multiple results were found."},
        {"ErrorNameResolutionNoResults", "No results were found."},
        {"ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it."},
        {"ErrorNonPrimarySmtpAddress",
         "The primary SMTP address must be specified when referencing a mailbox."},
        {"ErrorQuotaExceeded", "The mailbox is over quota."},
        {"ErrorServerBusy", "The server cannot service this request right now. Try again later."},
        {"ErrorTimeoutExpired", "The request timed out."},
    };
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
        if (g_str_equal(texts[i].code, code))
            return texts[i].text;
    return "The operation failed.";
}

bool
exg_sim_code_stops_batch(const char *code)
{
    static const char *const stops[] = {
        "ErrorAccessDenied",
        "ErrorAccountDisabled",
        "ErrorADUnavailable",
        "ErrorADOperation",
        "ErrorConnectionFailed",
        "ErrorMailboxStoreUnavailable",
        "ErrorPasswordExpired",
        "ErrorMailboxMoveInProgress",
        "ErrorQuotaExceeded",
        "ErrorInsufficientResources",
        NULL,
    };
    return g_strv_contains(stops, code);
}

const char *
exg_sim_code_class(const char *code)
{
    static const char *const warnings[] = {"ErrorBatchProcessingStopped",
                                           "ErrorNameResolutionMultipleResults", NULL};
    if (g_str_equal(code, "NoError"))
        return "Success";
    return g_strv_contains(warnings, code) ? "Warning" : "Error";
}
