/* backend.h - what the LMTP server asks of whoever delivers: the seam between protocol and
 * delivery.
 *
 * The server speaks LMTP and knows nothing of Exchange; a backend checks recipients and delivers
 * messages and knows nothing of sockets. exgate-lmtpd's backend is delivery.h; unit tests bring
 * their own.
 *
 * Threads:  the engine's.
 */
#ifndef EXG_LMTP_BACKEND_H
#define EXG_LMTP_BACKEND_H

#include "common/base/log.h"
#include "common/mime/message.h"
#include <gio/gio.h>

#define EXG_LMTP_REPLY_TEXT_MAX_BYTES 200

/* One reply. `text` has no CR or LF; the server cuts and cleans what it writes. */
typedef struct {
    int code;          /* 250, 4xx, 5xx */
    char enhanced[12]; /* of the same class */
    char text[EXG_LMTP_REPLY_TEXT_MAX_BYTES + 1];
} ExgLmtpReply;

/* A transaction's envelope, as a backend sees it. Valid until the transaction's last answer. */
typedef struct {
    const char *id;            /* of this transaction, unique in the process: goes into Received: and the log */
    const char *sender;        /* "" for <> */
    const char *lhlo;          /* the argument of LHLO */
    const char *peer;          /* "unix:/path" or "inet:address:port" of the LMTP client */
    const char *queue_id;      /* XFORWARD IDENT, or NULL */
    const char *client_name;   /* XFORWARD NAME, ADDR, HELO, PROTO: of the MTA's client; NULL if not told */
    const char *client_address;
    const char *client_helo;
    const char *client_protocol;
    guint64 declared_size;     /* MAIL SIZE=; 0: not told */
    bool utf8;                 /* MAIL SMTPUTF8 */
    bool eight_bit;            /* MAIL BODY=8BITMIME */
    guint n_recipients;        /* accepted; known when deliver() is called */
    gint64 received_time;      /* seconds since 1970: when the final dot had been read */
} ExgLmtpEnvelope;

typedef struct ExgLmtpBackend ExgLmtpBackend;
/* Called exactly once for each check() and deliver(), from the engine's loop or inside the call.
 * The reply is copied. */
typedef void (*ExgLmtpAnswer)(const ExgLmtpReply *reply, gpointer data);

typedef struct {
    /* Is this recipient welcome? NULL: all are. The server waits with the reply, and with the next
     * command that is no RCPT. */
    void (*check)(ExgLmtpBackend *self, const ExgLmtpEnvelope *envelope, const char *recipient,
                  ExgEvent *event, GCancellable *cancellable, ExgLmtpAnswer answer, gpointer data);
    /* Put the message into the recipient's mailbox. Called for all recipients of a transaction at
     * once. A cancelled delivery that can still be stopped answers 451; one that cannot goes on.
     * The client may be gone by the time of the answer. */
    void (*deliver)(ExgLmtpBackend *self, const ExgLmtpEnvelope *envelope, const char *recipient,
                    ExgMessage *message, ExgEvent *event, GCancellable *cancellable,
                    ExgLmtpAnswer answer, gpointer data);
} ExgLmtpBackendClass;

/* Implementations embed this first. */
struct ExgLmtpBackend {
    const ExgLmtpBackendClass *class;
};

#endif
