/* get-searchable-mailboxes-private.h - the request and the answer of GetSearchableMailboxes without the way between them. */
#ifndef EXG_EWS_PEOPLE_GET_SEARCHABLE_MAILBOXES_PRIVATE_H
#define EXG_EWS_PEOPLE_GET_SEARCHABLE_MAILBOXES_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/people/get-searchable-mailboxes.h"

/* Its context is an ExgEwsSearchableQuestion, its result an ExgEwsSearchable. */
extern const ExgEwsOperation exg_ews_get_searchable_mailboxes_operation;

typedef struct {
    char *filter; /* NULL: all */
    bool expand_groups;
} ExgEwsSearchableQuestion;

#endif
