/* refusal.h - why Exchange would not do something: a ResponseCode, a sentence, and a value or two
 * for t:MessageXml.
 *
 * The same thing becomes a SOAP fault for the whole request or an error of one item.
 *
 * Memory:   embedded; zero it or exg_sim_refusal_clear() it before and after use.
 */
#ifndef EXG_SIM_REFUSAL_H
#define EXG_SIM_REFUSAL_H

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *code; /* NULL: nothing was refused */
    char *text;
    const char *value_name; /* of a t:Value in t:MessageXml; static, NULL: none */
    char *value;
    char *inner; /* a second ResponseCode that goes with ErrorInternalServerError, or NULL */
    bool schema; /* t:MessageXml carries LineNumber, LinePosition and Violation */
    bool invalid; /* the request itself was wrong, as opposed to what it asked for */
} ExgSimRefusal;

/* Always false, for `return exg_sim_refuse(…)`. The text may be NULL: the usual words for the
 * code. */
bool exg_sim_refuse(ExgSimRefusal *refusal, const char *code, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
/* The same for a request that a correct client would not have sent. */
bool exg_sim_refuse_invalid(ExgSimRefusal *refusal, const char *code, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
/* ErrorSchemaValidation; the text is the violation. */
bool exg_sim_refuse_schema(ExgSimRefusal *refusal, const char *format, ...) G_GNUC_PRINTF(2, 3);
void exg_sim_refusal_set_value(ExgSimRefusal *refusal, const char *static_name, const char *value);
void exg_sim_refusal_clear(ExgSimRefusal *refusal);

/* The usual words for a code; never NULL. */
const char *exg_sim_code_text(const char *code);
/* Whether an error of this code ends a batch, so that the items after it are not tried. */
bool exg_sim_code_stops_batch(const char *code);
/* "Success", "Warning" or "Error" */
const char *exg_sim_code_class(const char *code);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ExgSimRefusal, exg_sim_refusal_clear)

#endif
