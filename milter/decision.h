/* decision.h - what an SMTP client is told about a recipient: from what Exchange says of it, the
 * size of the message and the administrator's policy.
 *
 * What may stand against a recipient are its *situations*; there may be several at a time. Each has
 * a rule: accept, tempfail or reject, with the reply. The worst rule is what happens: a rejection
 * before a temporary failure, since what is rejected now would be rejected after the wait as well.
 *
 * A rule is written `ACTION [CODE [ENHANCED [TEXT]]]`: "reject", "tempfail 450", "reject 550 5.7.1
 * <{recipient}> is not for you". In its text {recipient} stands for the address and {limit} for the
 * bytes that it takes at most.
 *
 * Threads:  pure functions.
 * Memory:   a policy has one owner; a decision is the caller's and holds no pointers.
 * Errors:   EXG_ERROR_CONFIG, without the name of the key.
 * Limits:   a reply's text is cut at EXG_DECISION_TEXT_MAX_BYTES; whatever could end its line, or is
 *           not printable ASCII, becomes "?".
 * Source:   RFC 5321 4.2, RFC 3463.
 */
#ifndef EXG_MILTER_DECISION_H
#define EXG_MILTER_DECISION_H

#include "common/directory/finding.h"

#define EXG_DECISION_TEXT_MAX_BYTES 240

typedef enum {
    EXG_SITUATION_GOOD, /* nothing stands against it */
    EXG_SITUATION_UNKNOWN,
    EXG_SITUATION_NOT_A_MAILBOX, /* a contact, a public folder */
    EXG_SITUATION_GROUP,
    EXG_SITUATION_TOO_LARGE,
    EXG_SITUATION_RESTRICTED,
    EXG_SITUATION_FULL,
    EXG_SITUATION_MODERATED,
    EXG_SITUATION_OUT_OF_OFFICE,
    EXG_SITUATION_CANNOT_TELL,
    EXG_SITUATION_INTERNAL_SENDER, /* of the sender, not of the recipient */
    EXG_N_SITUATIONS
} ExgSituation;

typedef enum { EXG_ACTION_ACCEPT, EXG_ACTION_TEMPFAIL, EXG_ACTION_REJECT, EXG_N_ACTIONS } ExgAction;

typedef struct {
    ExgAction action;
    int code; /* 250, 4xx or 5xx */
    char enhanced[12];
    char *text; /* with its {recipient} and {limit} */
} ExgRule;

typedef struct {
    ExgRule rules[EXG_N_SITUATIONS];
} ExgRules;

typedef struct {
    ExgSituation situation; /* the one that decided; accepted: the first of them, or GOOD */
    ExgAction action;
    int code;
    char enhanced[12];
    char text[EXG_DECISION_TEXT_MAX_BYTES + 1];
} ExgDecision;

/* Reads a rule for a situation; what is left out is the situation's default. */
bool exg_rule_parse(const char *text, ExgSituation situation, ExgRule *ret_rule, GError **error);
void exg_rules_clear(ExgRules *rules);

/* "unknown", "mailbox-full" …; "accept", "tempfail", "reject": for log and statistics. */
const char *exg_situation_name(ExgSituation situation);
const char *exg_action_name(ExgAction action);

/* `size_bytes`: of the message, as its sender announces it; 0: he does not. */
void exg_decide(const ExgRules *rules, const char *recipient, const ExgDirectoryFinding *finding,
                guint64 size_bytes, ExgDecision *ret_decision);
/* What the rule of one situation says. */
void exg_decide_for(const ExgRules *rules, ExgSituation situation, const char *address,
                    ExgDecision *ret_decision);

#endif
