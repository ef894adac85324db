/* call.h - one EWS request, from its bytes to the text of the answer.
 *
 * Made when the whole body is there; then the scenario says what shall happen to it; then it is
 * carried out, at once or later. The operations (create-item.c …) see nothing of HTTP.
 *
 * Threads:  the engine's.
 * Memory:   owns the parsed request.
 */
#ifndef EXG_SIM_CALL_H
#define EXG_SIM_CALL_H

#include "common/xml/tree.h"
#include "common/xml/writer.h"
#include "tests/exchange-sim/directory.h"
#include "tests/exchange-sim/fault.h"
#include "tests/exchange-sim/validate.h"

/* Who asks; all strings may be NULL but the account. */
typedef struct {
    char *account;
    bool may_impersonate;
    char *anchor;
    char *client_request_id;
} ExgSimCaller;

typedef struct {
    ExgSimDirectory *directory;
    ExgSimCaller caller;
    ExgXmlTree *tree;
    ExgSimEnvelope envelope;
    ExgSimMailbox *impersonated; /* NULL: the account acts as itself */
    ExgSimRefusal refusal;       /* of the whole request: becomes a SOAP fault */
    /* For the log and the scenario */
    const char *operation; /* NULL: not made out */
    char *mailbox;         /* whose it concerns, or NULL */
    /* From the scenario */
    bool no_item_id;
    bool lie; /* FindItem finds nothing */
    const ExgSimRefusal *injected; /* what an operation that writes all of its answer has to report, or NULL */
    /* The answer under way */
    ExgXmlWriter writer;
    char *response_code; /* the worst of the answer, NULL: none yet */
    char *invalid;       /* what a correct client would not have sent, or NULL */
    guint stored;        /* items */
    GPtrArray *streams;    /* subscriptions to listen to from here on; NULL: it is no stream */
    guint stream_minutes;
    guint denied;        /* items that FindItem did not own up to */
} ExgSimCall;

/* Parses and validates; what is wrong ends up in `refusal`. Takes over the strings in `caller`. */
ExgSimCall *exg_sim_call_new(ExgSimDirectory *directory, ExgSimCaller *caller, const char *body,
                             gsize length);
void exg_sim_call_free(ExgSimCall *call);

/* Carries the request out and writes the answer. `*ret_status`: 200, or 500 for a fault. (transfer
 * full) */
char *exg_sim_call_execute(ExgSimCall *call, guint *ret_status, gsize *ret_length);
/* Writes the error that the scenario wants, without carrying the request out. */
char *exg_sim_call_execute_code(ExgSimCall *call, const ExgSimFault *fault, guint *ret_status,
                                gsize *ret_length);

/* --- for the operations ----------------------------------------------------------------------- */

/* Begins a response message: its ResponseClass and the parts that every message begins with. A
 * `refusal` whose code is NULL stands for success. */
void exg_sim_call_start_message(ExgSimCall *call, const char *element,
                                const ExgSimRefusal *refusal);
/* Takes over what the scenario wants to be reported instead of an answer. False if there is
 * nothing. */
bool exg_sim_call_take_injected(const ExgSimCall *call, ExgSimRefusal *refusal);
/* An entry of the directory as t:Mailbox or another element of that type. */
void exg_sim_call_write_mailbox(ExgSimCall *call, const char *element,
                                const ExgSimMailbox *mailbox);
/* m:Items with the ids of one, or with none if it is NULL. */
void exg_sim_call_write_items(ExgSimCall *call, const ExgSimItem *item);
/* Puts a copy of a message into the inbox of every recipient who is here. `node`: t:Message with
 * more of them, or NULL. */
bool exg_sim_send_copies(ExgSimCall *call, const ExgXmlNode *node, const char *content,
                         gsize length, ExgSimRefusal *refusal);
/* A folder id (t:FolderId or t:DistinguishedFolderId) as the caller may use it. */
bool exg_sim_call_folder(ExgSimCall *call, const ExgXmlNode *id, ExgSimMailbox **ret_mailbox,
                         const ExgSimFolder **ret_folder, ExgSimRefusal *refusal);
bool exg_sim_call_item(ExgSimCall *call, const ExgXmlNode *id, ExgSimMailbox **ret_mailbox,
                       ExgSimItem **ret_item, ExgSimRefusal *refusal);
/* The mailbox of the account itself or of whom it impersonates. */
ExgSimMailbox *exg_sim_call_own_mailbox(ExgSimCall *call, ExgSimRefusal *refusal);

/* Each writes its response messages; false: the whole request is refused. */
typedef bool (*ExgSimOperationFunc)(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_create_item(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_convert_id(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_expand_dl(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_find_folder(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_find_item(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_get_folder(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_get_item(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_get_mail_tips(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_get_room_lists(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_get_rooms(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_get_searchable_mailboxes(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_get_server_time_zones(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_get_user_availability(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_get_user_oof_settings(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_find_folder(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_copy_item(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_create_folder(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_delete_folder(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_delete_item(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_get_streaming_events(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_move_item(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_send_item(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_subscribe(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_sync_folder_hierarchy(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_sync_folder_items(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_unsubscribe(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_update_folder(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_update_item(ExgSimCall *call, ExgSimRefusal *refusal);
bool exg_sim_resolve_names(ExgSimCall *call, ExgSimRefusal *refusal);

/* Children in the two namespaces of EWS. NULL-safe. */
const ExgXmlNode *exg_sim_message_child(const ExgXmlNode *node, const char *name);
const ExgXmlNode *exg_sim_type_child(const ExgXmlNode *node, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgSimCall, exg_sim_call_free)

#endif
