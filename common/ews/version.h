/* version.h - which servers there are, what each of them speaks, and which of it to speak.
 *
 * A request names the version of the schema that it is written in, and every answer tells the build
 * of the server that gave it. No request is spent on asking: with no version configured the first
 * call goes out in the newest, and a server that is older refuses it and says in the same breath
 * what it is. The call is then repeated in the version of that build. What was learned is kept,
 * for the service and for each mailbox whose server is older than the rest.
 *
 * A call that must not be repeated does not gamble: until the server's build is known it goes out in
 * the version that all servers since 2013 SP1 take.
 *
 * Threads:  plain objects of their owner's.
 * Limits:   EXG_EWS_MAX_OLDER_MAILBOXES mailboxes are remembered to live on an older server; past
 *           that all are forgotten, and learned again.
 * Source:   MS-OXWSCDATA (ServerVersionInfo, RequestServerVersion); Microsoft's page "Exchange
 *           Server build numbers and release dates".
 */
#ifndef EXG_EWS_VERSION_H
#define EXG_EWS_VERSION_H

#include "common/xml/tree.h"

#define EXG_EWS_NEWEST_VERSION      "Exchange2016"
#define EXG_EWS_MAX_OLDER_MAILBOXES 1024

/* --- builds ----------------------------------------------------------------------------------- */

/* 15.2.1544.9: major, minor, major build, minor build. All zero: not known. */
typedef struct {
    guint part[4];
} ExgEwsBuild;

int exg_ews_build_compare(const ExgEwsBuild *a, const ExgEwsBuild *b);
/* The newest version that a server of this build takes, or NULL if nobody has heard of it. Static. */
const char *exg_ews_build_version(const ExgEwsBuild *build);
/* "Exchange 2019 or SE", or NULL. Static. */
const char *exg_ews_build_product(const ExgEwsBuild *build);

/* What a server says of itself in the header of an answer. */
typedef struct {
    ExgEwsBuild build;
    char version[32]; /* of the answer's schema, as it was written; "" if it was not */
} ExgEwsServerInfo;

/* Finds it in a SOAP envelope. False if it is not there or makes no sense. */
bool exg_ews_server_info_read(const ExgXmlNode *envelope, ExgEwsServerInfo *ret_info);

/* --- versions --------------------------------------------------------------------------------- */

/* The static name of a version, or NULL if there is none like it. */
const char *exg_ews_version_find(const char *name);
/* Less than, equal to or greater than zero. Both are names of versions. */
int exg_ews_version_compare(const char *a, const char *b);

typedef struct {
    bool fixed;           /* configured: nothing is tried, nothing is learned but the build */
    guint newest;         /* what the service takes, as far as is known */
    ExgEwsServerInfo info; /* of the newest server seen */
    GHashTable *older;    /* mailbox in lower case -> what its server takes */
} ExgEwsVersions;

/* `version`: one of the names, or NULL to find out. */
void exg_ews_versions_init(ExgEwsVersions *versions, const char *version);
void exg_ews_versions_clear(ExgEwsVersions *versions);

/* The version for the next call. `mailbox`: NULL for none. Static. */
const char *exg_ews_versions_choose(const ExgEwsVersions *versions, const char *mailbox, bool once);
/* An answer told what the server is. */
void exg_ews_versions_learn(ExgEwsVersions *versions, const char *mailbox,
                            const ExgEwsServerInfo *info);
/* A call in `version` was refused with the ResponseCode `code`. Answers whether it was refused for
 * its version and there is another one to try, `minimum` or newer. Learn from the answer first. */
bool exg_ews_versions_refused(ExgEwsVersions *versions, const char *mailbox, const char *version,
                              const char *code, const char *minimum);

#endif
