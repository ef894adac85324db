/* check.h - the way to Exchange, gone step by step: what each step reports, and how.
 *
 * A step is ok, worth a note, wrong, or not tried because an earlier one is wrong. What is wrong
 * comes with the commands that mend it, as they have to be typed.
 *
 * Threads:  the main thread.
 */
#ifndef EXG_CLI_CHECK_H
#define EXG_CLI_CHECK_H

#include "cli/tool.h"

typedef enum { EXG_STEP_OK, EXG_STEP_NOTE, EXG_STEP_WRONG, EXG_STEP_SKIPPED } ExgStepOutcome;

typedef struct {
    ExgTool tool;
    GString *json; /* NULL: for people */
    bool in_mend;  /* JSON: the last step's list of commands is open */
    int status;    /* of the first step that is wrong */
    gint64 busy_ms; /* how long Exchange asked to wait at most; -1: it did not */

    /* the endpoint looked at */
    const char *url;
    char *host;
    guint16 port;
    bool has_tls;
    GStrv addresses;
    GSocketConnection *connection;
} ExgCheck;

/* Reports a step. `status`: the exit status if it is wrong. */
void exg_check_report(ExgCheck *check, const char *step, ExgStepOutcome outcome, int status,
                      const char *format, ...) G_GNUC_PRINTF(5, 6);
/* What mends it: a sentence that says where, and then the lines to type there. */
void exg_check_mend(ExgCheck *check, const char *where, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* Name, connection and TLS of the endpoint. False: what comes after them cannot be tried. */
bool exg_check_network(ExgCheck *check);
/* The handshake on the connection, and what the certificate is worth. */
bool exg_check_tls(ExgCheck *check);
/* What the endpoint answers to somebody it does not know, and its clock. */
bool exg_check_offers(ExgCheck *check);
/* Login and version. */
bool exg_check_login(ExgCheck *check);
void exg_check_mailbox(ExgCheck *check, const char *address);
void exg_check_throttling(ExgCheck *check);

/* In single quotes, for PowerShell. (transfer full) */
char *exg_check_quote(const char *text);

#endif
