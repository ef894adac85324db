/* resolve-candidates.h - ResolveNames in full: who may be meant by a name or an address?
 *
 * All that the server finds, in its order. Whether one certain address exists is asked with
 * resolve-names.h.
 *
 * Limits:   any number of names, one in a call; the server shows at most 100 candidates of each.
 * Source:   MS-OXWSRSLNM.
 */
#ifndef EXG_EWS_PEOPLE_RESOLVE_CANDIDATES_H
#define EXG_EWS_PEOPLE_RESOLVE_CANDIDATES_H

#include "common/ews/mailbox.h"
#include "common/ews/service.h"

typedef enum {
    EXG_EWS_SEARCH_DEFAULT, /* what the server takes without being told */
    EXG_EWS_SEARCH_DIRECTORY,
    EXG_EWS_SEARCH_DIRECTORY_THEN_CONTACTS,
    EXG_EWS_SEARCH_CONTACTS,
    EXG_EWS_SEARCH_CONTACTS_THEN_DIRECTORY,
    EXG_EWS_N_SEARCH_SCOPES
} ExgEwsSearchScope;

typedef enum {
    EXG_EWS_CONTACT_NONE, /* not asked for */
    EXG_EWS_CONTACT_USUAL, /* what the server shows without being told */
    EXG_EWS_CONTACT_ID_ONLY,   /* from here on: Exchange 2010 SP2 and newer */
    EXG_EWS_CONTACT_DEFAULT,
    EXG_EWS_CONTACT_ALL,
    EXG_EWS_N_CONTACT_SHAPES
} ExgEwsContactShape;

/* Where to look, and what to show. All zero: the usual. */
typedef struct {
    ExgEwsSearchScope scope;
    ExgEwsContactShape contact;
    const char *contacts_folder; /* id of the contacts folder to look in; NULL: the usual one */
} ExgEwsResolveOptions;

/* Values by what they are of: "SMTP:ann@example.com" by "EmailAddress1". */
typedef struct {
    char *key;
    char *value;
} ExgEwsContactEntry;

/* "" where there is none. */
typedef struct {
    char *display_name;
    char *given_name;
    char *surname;
    char *initials;
    char *alias;
    char *company;
    char *department;
    char *job_title;
    char *office;
    char *assistant;
    char *manager;
    char *source;             /* "ActiveDirectory" or "Store" */
    GPtrArray *addresses;     /* of ExgEwsContactEntry */
    GPtrArray *phone_numbers; /* of ExgEwsContactEntry */
} ExgEwsContact;

typedef struct {
    ExgEwsMailbox *mailbox;
    ExgEwsContact *contact; /* NULL: none shown */
} ExgEwsCandidate;

typedef struct {
    GError *error;         /* NO_MAILBOX: nobody is found; the rest is then empty */
    GPtrArray *candidates; /* of ExgEwsCandidate */
    bool complete;         /* false: there are more than the server shows */
} ExgEwsCandidates;

void exg_ews_resolve_candidates_async(ExgEwsService *service, const ExgEwsTarget *target,
                                      const char *const *names,
                                      const ExgEwsResolveOptions *options, gint64 deadline_us,
                                      GCancellable *cancellable, GAsyncReadyCallback callback,
                                      gpointer data);
/* `*ret_candidates`: of ExgEwsCandidates, one per name in their order; (transfer full). */
bool exg_ews_resolve_candidates_finish(ExgEwsService *service, GAsyncResult *result,
                                       GPtrArray **ret_candidates, GError **error);

#endif
