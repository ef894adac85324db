/* command.h - one command line of an LMTP client, taken apart.
 *
 * Knows the grammar, not the dialogue: whether a command is in its place is the session's business.
 * A line that is wrong in itself comes back as the reply that says so.
 *
 * Threads:  pure functions.
 * Memory:   exg_lmtp_command_clear() frees what a parsed command holds.
 * Errors:   the reply to send: 500 5.5.1 not a command, 500 5.5.2 control characters in the line,
 *           501 5.5.2 syntax, 501 5.5.4 a parameter's value, 555 5.5.4 a parameter that was not
 *           offered, 501 5.1.7 sender, 501 5.1.3 recipient, 553 5.6.7 an address beyond ASCII
 *           without SMTPUTF8.
 * Limits:   EXG_LMTP_COMMAND_MAX_BYTES a line (the reader's to enforce),
 *           EXG_LMTP_ARGUMENT_MAX_BYTES the name after LHLO and the value of an XFORWARD attribute.
 * Source:   RFC 5321 4.1, RFC 2033, RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8), RFC
 *           3461 4 (xtext), Postfix's XFORWARD_README.
 */
#ifndef EXG_LMTP_COMMAND_H
#define EXG_LMTP_COMMAND_H

#include "lmtp/backend.h"

#define EXG_LMTP_COMMAND_MAX_BYTES  4096
#define EXG_LMTP_ARGUMENT_MAX_BYTES 255

typedef enum {
    EXG_LMTP_LHLO,
    EXG_LMTP_XFORWARD,
    EXG_LMTP_MAIL,
    EXG_LMTP_RCPT,
    EXG_LMTP_DATA,
    EXG_LMTP_RSET,
    EXG_LMTP_NOOP,
    EXG_LMTP_VRFY,
    EXG_LMTP_HELP,
    EXG_LMTP_QUIT,
    EXG_LMTP_BDAT, /* not offered; understood so that its payload is not taken for commands */
} ExgLmtpVerb;

typedef enum {
    EXG_LMTP_FORWARD_NAME,
    EXG_LMTP_FORWARD_ADDR,
    EXG_LMTP_FORWARD_PORT,
    EXG_LMTP_FORWARD_PROTO,
    EXG_LMTP_FORWARD_HELO,
    EXG_LMTP_FORWARD_IDENT,
    EXG_LMTP_FORWARD_SOURCE,
    EXG_LMTP_N_FORWARDS
} ExgLmtpForward;

typedef struct {
    ExgLmtpVerb verb;
    char *name;     /* LHLO: who the client says it is */
    char *address;  /* MAIL, RCPT: as exg_address_parse_path() gives it */
    guint64 size;   /* MAIL SIZE=, 0 if not told; BDAT: the size of its payload */
    bool eight_bit; /* MAIL BODY=8BITMIME */
    bool utf8;      /* MAIL SMTPUTF8; RCPT: the address needs it */
    /* XFORWARD: what this line tells. A value is NULL where the client says that it does not know. */
    bool forward_given[EXG_LMTP_N_FORWARDS];
    char *forward[EXG_LMTP_N_FORWARDS];
} ExgLmtpCommand;

/* `line` is without its line end. On failure `ret_command` is untouched and `*ret_reply` is what to
 * answer. */
bool exg_lmtp_command_parse(const char *line, gsize length, ExgLmtpCommand *ret_command,
                            ExgLmtpReply *ret_reply);
void exg_lmtp_command_clear(ExgLmtpCommand *command);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ExgLmtpCommand, exg_lmtp_command_clear)

#endif
