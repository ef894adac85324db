/* validate.h - refuses a request as Exchange's schema validation does.
 *
 * Threads:  pure functions.
 * Source:   SOAP 1.1; schema.h.
 */
#ifndef EXG_SIM_VALIDATE_H
#define EXG_SIM_VALIDATE_H

#include "common/xml/tree.h"
#include "tests/exchange-sim/product.h"
#include "tests/exchange-sim/refusal.h"

/* What a valid request consists of. */
typedef struct {
    const ExgXmlNode *operation;      /* the child of s:Body */
    const ExgXmlNode *connecting_sid; /* the child of t:ConnectingSID, or NULL */
    const char *version;              /* RequestServerVersion, or NULL */
} ExgSimEnvelope;

/* Characters that XML 1.0 forbids, raw or as a reference: the reader lets them pass, Exchange does
 * not. */
bool exg_sim_validate_characters(const char *data, gsize length, ExgSimRefusal *refusal);
/* The whole envelope. On failure `*ret_envelope` has `operation` if that much could be made out,
 * for the log. */
bool exg_sim_validate_envelope(const ExgXmlNode *root, const ExgSimProduct *product,
                               ExgSimEnvelope *ret_envelope, ExgSimRefusal *refusal);

#endif
