#include "common/base/disposition.h"

#include "common/base/error.h"

typedef struct {
    int smtp_code;
    const char *enhanced;
    bool may_bounce; /* a layer below may ask for a 5xx, or the default is one */
    const char *label;
    const char *meaning;
} Row;

static const Row rows[EXG_N_ERRORS] = {
    [EXG_ERROR_UNREACHABLE] = {451, "4.4.1", false, "unreachable", "Exchange could not be reached"},
    [EXG_ERROR_BUSY] = {451, "4.3.2", false, "busy", "Exchange asks to come back later"},
    [EXG_ERROR_AUTH] = {451, "4.7.0", false, "auth", "Exchange refused the service account"},
    [EXG_ERROR_DENIED] = {451, "4.7.0", false, "denied", "The service account lacks a right"},
    [EXG_ERROR_NO_MAILBOX] = {550, "5.1.1", true, "no-mailbox", "There is no such mailbox"},
    [EXG_ERROR_QUOTA] = {452, "4.2.2", true, "quota", "The mailbox is full"},
    [EXG_ERROR_TOO_LARGE] = {552, "5.3.4", true, "too-large", "The message is too large"},
    [EXG_ERROR_REJECTED] = {554, "5.6.0", true, "rejected", "Exchange refuses this message"},
    [EXG_ERROR_PROTOCOL] = {451, "4.3.5", false, "protocol", "Exchange gave an unusable answer"},
    [EXG_ERROR_CONFIG] = {451, "4.3.5", false, "config", "The configuration needs attention"},
    [EXG_ERROR_AMBIGUOUS] = {451, "4.4.2", false, "ambiguous",
                             "It is not known whether the message was stored"},
    [EXG_ERROR_RESOURCES] = {452, "4.3.1", false, "resources", "This host ran out of room"},
};

static const Row unknown = {451, "4.3.0", false, "internal", "An internal fault"};

ExgDisposition
exg_disposition_of(const GError *error)
{
    ExgDisposition disposition = {
        .smtp_code = 250, .enhanced = "2.0.0", .label = "delivered", .meaning = "Delivered"};
    if (error == NULL)
        return disposition;

    const ExgErrorFacts *facts = exg_error_facts(error);
    const Row *row = facts != NULL && error->code >= 0 && error->code < EXG_N_ERRORS
                         ? &rows[error->code]
                         : &unknown;
    disposition.smtp_code = row->smtp_code;
    g_strlcpy(disposition.enhanced, row->enhanced, sizeof disposition.enhanced);
    disposition.label = row->label;
    disposition.meaning = row->meaning;

    bool asked = facts != NULL && facts->smtp_code != 0;
    bool temporary = asked && facts->smtp_code / 100 == 4;
    bool permanent = asked && facts->smtp_code / 100 == 5;
    if (temporary || (permanent && row->may_bounce)) {
        disposition.smtp_code = facts->smtp_code;
        if (facts->enhanced[0] - '0' == facts->smtp_code / 100)
            g_strlcpy(disposition.enhanced, facts->enhanced, sizeof disposition.enhanced);
        else
            g_strlcpy(disposition.enhanced, temporary ? "4.0.0" : "5.0.0",
                      sizeof disposition.enhanced);
    }
    disposition.permanent = disposition.smtp_code / 100 == 5;
    return disposition;
}

bool
exg_enhanced_fits(const char *text, int smtp_code)
{
    if (text[0] != '0' + smtp_code / 100 || text[1] != '.')
        return false;
    guint dots = 0, digits = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '.' && digits > 0) {
            dots++;
            digits = 0;
        } else if (!g_ascii_isdigit(*at) || ++digits > 3) {
            return false;
        }
    }
    return dots == 2 && digits > 0;
}
