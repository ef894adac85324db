/* form-private.h - the body of a token request: fields, form-encoded, wiped when freed.
 *
 * Threads:  the engine's.
 * Memory:   one buffer of fixed size, so that no copy is left behind by growing.
 * Limits:   EXG_FORM_MAX_BYTES encoded; what does not fit makes exg_form_finish() fail.
 * Source:   RFC 6749 appendix B (application/x-www-form-urlencoded, UTF-8).
 */
#ifndef EXG_AUTH_OAUTH_FORM_PRIVATE_H
#define EXG_AUTH_OAUTH_FORM_PRIVATE_H

#include "common/base/secret.h"
#include "common/http/body.h"

#define EXG_FORM_MAX_BYTES (256 * 1024)

typedef struct ExgForm ExgForm;

ExgForm *exg_form_new(void);
void exg_form_free(ExgForm *form);
/* Nothing is added for a NULL value. */
void exg_form_add(ExgForm *form, const char *name, const char *value);
void exg_form_add_secret(ExgForm *form, const char *name, const ExgSecret *value);
/* The body of a POST; takes the form. NULL and EXG_ERROR_CONFIG if the fields were too long. */
ExgHttpBody *exg_form_finish(ExgForm *form, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgForm, exg_form_free)

#endif
