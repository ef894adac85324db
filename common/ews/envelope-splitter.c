#include "common/ews/envelope-splitter-private.h"

#include "common/base/error.h"
#include "common/ews/service.h"

void
exg_ews_envelope_splitter_init(ExgEwsEnvelopeSplitter *splitter)
{
    *splitter = (ExgEwsEnvelopeSplitter){.envelope = g_byte_array_new()};
    exg_ews_tag_scanner_init(&splitter->scanner);
}

void
exg_ews_envelope_splitter_clear(ExgEwsEnvelopeSplitter *splitter)
{
    exg_ews_tag_scanner_clear(&splitter->scanner);
    g_clear_pointer(&splitter->envelope, g_byte_array_unref);
}

static bool
keep(ExgEwsEnvelopeSplitter *splitter, const char *data, gsize length, GError **error)
{
    if (splitter->depth == 0)
        return true;
    if (splitter->envelope->len + length > EXG_EWS_MAX_ANSWER_BYTES)
        return exg_error_set(error, EXG_ERROR_PROTOCOL, "An event is larger than %d bytes",
                             EXG_EWS_MAX_ANSWER_BYTES);
    g_byte_array_append(splitter->envelope, (const guint8 *)data, (guint)length);
    return true;
}

/* A tag, a comment …, whole. */
static bool
take_markup(ExgEwsEnvelopeSplitter *splitter, ExgEwsToken token, ExgEwsEnvelopeFunc function,
            gpointer user, GError **error)
{
    bool is_tag = token == EXG_EWS_TOKEN_START || token == EXG_EWS_TOKEN_END;
    bool is_envelope = is_tag && exg_ews_tag_scanner_is(&splitter->scanner, "Envelope");
    const GString *markup = exg_ews_tag_scanner_markup(&splitter->scanner);
    if (is_envelope && token == EXG_EWS_TOKEN_START)
        splitter->depth++;
    if (!keep(splitter, markup->str, markup->len, error))
        return false;
    if (!is_envelope || token != EXG_EWS_TOKEN_END || splitter->depth == 0 || --splitter->depth > 0)
        return true;
    g_autoptr(GBytes) envelope = g_byte_array_free_to_bytes(splitter->envelope);
    splitter->envelope = g_byte_array_new();
    return function(envelope, user, error);
}

bool
exg_ews_envelope_splitter_take(ExgEwsEnvelopeSplitter *splitter, const char *data, gsize length,
                               ExgEwsEnvelopeFunc function, gpointer user, GError **error)
{
    while (length > 0) {
        ExgEwsToken token;
        gsize count = exg_ews_tag_scanner_run(&splitter->scanner, data, length, &token, error);
        if (count == 0)
            return false;
        if (token == EXG_EWS_TOKEN_TEXT ? !keep(splitter, data, count, error)
                                        : token != EXG_EWS_TOKEN_PART &&
                                              !take_markup(splitter, token, function, user, error))
            return false;
        data += count;
        length -= count;
    }
    return true;
}
