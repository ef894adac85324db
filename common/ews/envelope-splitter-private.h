/* envelope-splitter-private.h - cuts the answer of GetStreamingEvents, one SOAP envelope after the other, into
 * its envelopes as they arrive.
 *
 * What stands between them is dropped.
 *
 * Limits:   EXG_EWS_MAX_ANSWER_BYTES for an envelope.
 * Errors:   EXG_ERROR_PROTOCOL past it; those of the function.
 */
#ifndef EXG_EWS_ENVELOPE_SPLITTER_PRIVATE_H
#define EXG_EWS_ENVELOPE_SPLITTER_PRIVATE_H

#include "common/ews/tag-scanner-private.h"

typedef struct {
    ExgEwsTagScanner scanner;
    guint depth; /* of open envelopes */
    GByteArray *envelope;
} ExgEwsEnvelopeSplitter;

/* Takes a whole envelope; false with an error to stop. */
typedef bool (*ExgEwsEnvelopeFunc)(GBytes *envelope, gpointer user, GError **error);

void exg_ews_envelope_splitter_init(ExgEwsEnvelopeSplitter *splitter);
void exg_ews_envelope_splitter_clear(ExgEwsEnvelopeSplitter *splitter);
bool exg_ews_envelope_splitter_take(ExgEwsEnvelopeSplitter *splitter, const char *data,
                                    gsize length, ExgEwsEnvelopeFunc function, gpointer user,
                                    GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ExgEwsEnvelopeSplitter, exg_ews_envelope_splitter_clear)

#endif
