/* policy-service.h - Postfix's policy service: lines "name=value" up to an empty one, answered by a
 * line "action=…" and an empty one.
 *
 * A request is fed with what comes, line by line, and keeps only the attributes that we ask about;
 * others are skipped, however many a later Postfix sends.
 *
 * Threads:  one at a time.
 * Memory:   embedded; clear it at the end.
 * Limits:   a line of EXG_POLICY_LINE_MAX_BYTES, a request of EXG_POLICY_MAX_BYTES.
 * Source:   Postfix's SMTPD_POLICY_README.
 */
#ifndef EXG_MILTER_POLICY_SERVICE_H
#define EXG_MILTER_POLICY_SERVICE_H

#include "milter/map.h"

#define EXG_POLICY_LINE_MAX_BYTES 8192
#define EXG_POLICY_MAX_BYTES      (64 * 1024)

typedef enum {
    EXG_POLICY_REQUEST,
    EXG_POLICY_STATE,
    EXG_POLICY_RECIPIENT,
    EXG_POLICY_SENDER,
    EXG_POLICY_CLIENT_ADDRESS,
    EXG_POLICY_SASL_USERNAME,
    EXG_POLICY_SIZE,
    EXG_N_POLICY_ATTRIBUTES
} ExgPolicyAttribute;

/* All zero: empty. */
typedef struct {
    char *values[EXG_N_POLICY_ATTRIBUTES]; /* NULL: not sent */
    gsize bytes;                           /* taken so far */
    bool complete;                         /* the next byte begins a new one */
} ExgPolicyRequest;

/* Takes lines off `data`. REQUEST: it is complete; feeding it again begins the next one. With every
 * answer the first `*ret_used` bytes are done with. */
ExgMapProgress exg_policy_request_feed(ExgPolicyRequest *request, const guint8 *data, gsize length,
                                       gsize *ret_used);
/* Points into the request. False if it is not about a recipient: there is nothing to say. */
bool exg_policy_request_question(const ExgPolicyRequest *request, ExgMapQuestion *ret_question);
void exg_policy_request_clear(ExgPolicyRequest *request);

/* A whole answer over what is in `reply`; an action in the language of access(5). */
void exg_policy_service_answer(GString *reply, const char *action);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ExgPolicyRequest, exg_policy_request_clear)

#endif
