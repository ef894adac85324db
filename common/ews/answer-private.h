/* answer-private.h - what an HTTP answer to an EWS call means: a result, or one error.
 *
 * Success is only what proves itself: status 200, the SOAP response of this operation, as many
 * response messages as were asked for. Errors come in five forms (a response message with a code,
 * perhaps with an inner one; a SOAP fault; an HTTP status; a redirection to an error page; a 401),
 * and each ends as one EXG_ERROR with its facts.
 *
 * A call that must not be repeated (`once`) fails with EXG_ERROR_AMBIGUOUS unless the answer proves
 * that nothing was stored: a SOAP answer with a definite code, or a status that says that the
 * request was not looked at.
 *
 * Threads:  pure functions.
 * Source:   SOAP 1.1 4.4; MS-OXWSCDATA (ResponseMessageType); what servers of 2007 to SE were seen
 *           to send.
 */
#ifndef EXG_EWS_ANSWER_PRIVATE_H
#define EXG_EWS_ANSWER_PRIVATE_H

#include "common/ews/service.h"
#include "common/ews/version.h"
#include "common/xml/tree.h"
#include "common/xml/writer.h"

typedef struct ExgEwsOperation ExgEwsOperation;

/* Takes an answer as it comes: one too large to keep, or one that is read before it ends. All are
 * given what the call was given. */
typedef struct {
    gsize max_bytes;
    /* Before the first byte, each time that the request is sent. */
    void (*begin)(gpointer context);
    bool (*take)(gpointer context, const char *data, gsize length, GError **error);
    /* What is left of it, to be read as the answer. (transfer full) */
    GBytes *(*end)(gpointer context);
} ExgEwsIntake;

/* One kind of call. */
struct ExgEwsOperation {
    const char *name;   /* "CreateItem" */
    bool once;          /* changes the mailbox, must not be repeated */
    bool own_mailbox;   /* a mailbox that its errors speak of is the service account's, not a recipient's */
    guint n_messages;   /* response messages of an answer; 0: one or more, which `decode` counts */
    bool bare;          /* the response has no list of messages, it is the one message itself (GetRoomLists) */
    const char *minimum_version; /* the oldest schema that has it: "Exchange2010"; NULL: all do */
    /* The Windows id of the time zone that times without one are in, for the header; NULL: none. */
    const char *(*time_zone)(gconstpointer context);
    /* Writes the payload, the element m:NAME, of a request; closing elements may be left out. `context`: what the
     * call was given. Is asked again when the call is repeated. */
    void (*write)(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context);
    /* Instead of that, for what does not fit into memory: makes the whole request. (transfer full) */
    ExgHttpBody *(*make_body)(const char *version, const ExgEwsTarget *target, gconstpointer context);
    /* Makes the result of the first response message and its siblings. `context`: what the call was given. */
    bool (*decode)(const ExgEwsOperation *self, const ExgXmlNode *message, gpointer context,
                   gpointer *ret_result, GError **error);
    GDestroyNotify free_result;
    const ExgEwsIntake *intake; /* NULL: the answer is kept whole */
};

typedef struct {
    int status;
    const char *location;   /* the header of that name, or NULL */
    const char *server;     /* the header of that name, or NULL */
    const char *request_id; /* the header of that name, or NULL */
    const char *cas_error;  /* X-CasErrorCode: what the front end could not do; or NULL */
    const char *diagnostics; /* X-MS-Diagnostics or its like, or NULL */
    gint64 retry_after_ms;  /* -1: not told */
    guint64 posted_bytes;   /* of the request's body */
    GBytes *body;
    ExgEwsServerInfo *ret_info; /* set where the answer tells of its server; or NULL */
} ExgEwsReply;

/* The whole way from reply to result. */
bool exg_ews_answer_read(const ExgEwsOperation *operation, const ExgEwsReply *reply,
                         gpointer context, gpointer *ret_result, GError **error);

/* --- for decode functions ------------------------------------------------------------------------------- */

/* The ResponseCode of a response message; "" if it has none. */
const char *exg_ews_message_code(const ExgXmlNode *message);
/* Whether a response message reports success; if not, the error that its code stands for. */
bool exg_ews_message_check(const ExgEwsOperation *operation, const ExgXmlNode *message,
                           GError **error);
/* The same where it is no error that a name stands for several (ErrorNameResolutionMultipleResults). */
bool exg_ews_message_check_names(const ExgEwsOperation *operation, const ExgXmlNode *message,
                                 GError **error);
/* Sets the error for an answer that makes no sense, and returns false. */
bool exg_ews_answer_senseless(const ExgEwsOperation *operation, GError **error, const char *format,
                              ...) G_GNUC_PRINTF(3, 4);
/* The Id of the first t:ItemId in an item, or NULL. */
const char *exg_ews_item_id(const ExgXmlNode *item);

#endif
