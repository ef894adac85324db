#include "common/ews/response-code.h"

#include "common/ews/text-private.h"

#include <stdlib.h>
#include <string.h>

static const ExgEwsResponseCode codes[] = {
#define ROW(name, class, smtp_code, enhanced, note)                                                \
    {#name, EXG_EWS_##class, smtp_code, enhanced, note},
#include "common/ews/response-code-table.inc"
#undef ROW
};

static int
compare(const void *name, const void *row)
{
    return strcmp(name, ((const ExgEwsResponseCode *)row)->name);
}

const ExgEwsResponseCode *
exg_ews_response_code_find(const char *name)
{
    return bsearch(name, codes, G_N_ELEMENTS(codes), sizeof codes[0], compare);
}

const ExgEwsResponseCode *
exg_ews_response_codes(gsize *ret_count)
{
    *ret_count = G_N_ELEMENTS(codes);
    return codes;
}

static bool
is_one_of(const char *code, const char *const *names, gsize count)
{
    for (gsize i = 0; i < count; i++)
        if (g_str_equal(code, names[i]))
            return true;
    return false;
}

/* Codes after which the item may be in the mailbox nevertheless: the work went on while its
 * client or its time was gone, or one server lost the answer of another. */
static bool
proves_nothing(const char *code)
{
    static const char *const names[] = {
        "ErrorClientDisconnected",
        "ErrorParsingXMLResponse",
        "ErrorProxyCallFailed",
        "ErrorProxySoapException",
        "ErrorProxyRequestProcessingFailed",
        "ErrorRequestAborted",
        "ErrorResponseSchemaValidation",
        "ErrorTimeoutExpired",
    };
    return g_str_has_prefix(code, "ErrorInternalServer") ||
           is_one_of(code, names, G_N_ELEMENTS(names));
}

/* The service account's credentials, not its rights. */
static bool
means_credentials(const char *code)
{
    static const char *const names[] = {
        "ErrorInvalidCrossForestCredentials",
        "ErrorPasswordChangeRequired",
        "ErrorPasswordExpired",
    };
    return is_one_of(code, names, G_N_ELEMENTS(names));
}

static ExgErrorCode
error_code_of(const ExgEwsResponseCode *row)
{
    switch (row->class) {
    case EXG_EWS_RECIPIENT:
        return EXG_ERROR_NO_MAILBOX;
    case EXG_EWS_QUOTA:
        return EXG_ERROR_QUOTA;
    case EXG_EWS_MESSAGE:
        return g_str_equal(row->enhanced, "5.3.4") ? EXG_ERROR_TOO_LARGE : EXG_ERROR_REJECTED;
    case EXG_EWS_THROTTLE:
    case EXG_EWS_BATCH:
    case EXG_EWS_TRANSIENT:
    case EXG_EWS_MOVED:
    case EXG_EWS_MAILBOX:
        return EXG_ERROR_BUSY;
    case EXG_EWS_CONFIG_AUTH:
        return means_credentials(row->name) ? EXG_ERROR_AUTH : EXG_ERROR_DENIED;
    case EXG_EWS_CONFIG_ADDRESS:
    case EXG_EWS_VERSION:
        return EXG_ERROR_CONFIG;
    case EXG_EWS_BUG:
    case EXG_EWS_OK:
    case EXG_EWS_RESOLVE:
    case EXG_EWS_SUBMIT:
    case EXG_EWS_SYNC:
    case EXG_EWS_OTHER:
        break;
    }
    return EXG_ERROR_PROTOCOL;
}

/* Codes that make no sense as the answer to a call of ours are treated as unknown ones. */
static bool
concerns_calls(const ExgEwsResponseCode *row)
{
    return row != NULL && row->class != EXG_EWS_OK && row->class != EXG_EWS_RESOLVE &&
           row->class != EXG_EWS_SUBMIT && row->class != EXG_EWS_SYNC &&
           row->class != EXG_EWS_OTHER;
}

GError *
exg_ews_response_code_error(const char *code, const char *text, bool once)
{
    const ExgEwsResponseCode *row = exg_ews_response_code_find(code);
    g_autofree char *shown = exg_ews_clean_text(code, EXG_EWS_MAX_CODE_BYTES);
    g_autofree char *words = exg_ews_clean_text(text, EXG_EWS_MAX_TEXT_BYTES);
    if (words[0] == '\0' && row != NULL) {
        g_free(words);
        words = g_strdup(row->note);
    }
    ExgErrorCode error_code = EXG_ERROR_PROTOCOL;
    if (once && proves_nothing(code))
        error_code = EXG_ERROR_AMBIGUOUS;
    else if (concerns_calls(row))
        error_code = error_code_of(row);
    GError *error = exg_error_new(error_code, "Exchange answered %s%s%s", shown,
                                  words[0] != '\0' ? ": " : "", words);
    exg_error_set_service_code(error, shown);
    if (error_code == EXG_ERROR_AMBIGUOUS)
        return error; /* its reply is its own */
    if (concerns_calls(row))
        exg_error_set_reply(error, row->smtp_code, row->enhanced);
    else
        exg_error_set_reply(error, 451, "4.3.0");
    return error;
}
