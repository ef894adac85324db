/* resolve-candidates-private.h - the request and the answer of ResolveNames in full, without the way
 * between them. */
#ifndef EXG_EWS_PEOPLE_RESOLVE_CANDIDATES_PRIVATE_H
#define EXG_EWS_PEOPLE_RESOLVE_CANDIDATES_PRIVATE_H

#include "common/ews/batch-private.h"
#include "common/ews/people/resolve-candidates.h"

/* The context is an ExgEwsPortion of one name, the question being an ExgEwsResolveOptions; the
 * result a GPtrArray of one ExgEwsCandidates. The second one is for shapes that have a version. */
extern const ExgEwsOperation exg_ews_resolve_candidates_operation;
extern const ExgEwsOperation exg_ews_resolve_shaped_candidates_operation;

#endif
