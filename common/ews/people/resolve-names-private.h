/* resolve-names-private.h - the request and the answer of ResolveNames without the way between
 * them. */
#ifndef EXG_EWS_PEOPLE_RESOLVE_NAMES_PRIVATE_H
#define EXG_EWS_PEOPLE_RESOLVE_NAMES_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/people/resolve-names.h"

/* Its result is an ExgEwsResolution, or NULL if nobody has the address, which is its context (a
 * string). */
extern const ExgEwsOperation exg_ews_resolve_names_operation;

ExgHttpBody *exg_ews_resolve_names_body(const char *version, const char *address);

#endif
