/* message.h - one received message: spooled once, read by all of its recipients' deliveries.
 *
 * A builder takes the content as it arrives, reads the header on the way and hashes it;
 * exg_message_builder_finish_async() makes an immutable message. Content stays in memory up to
 * `memory_max`; past that it goes to an unlinked file in `spool_directory`, written by worker
 * threads, so neither memory nor the engine pays for its size.
 *
 * Changed on the way: existing Return-Path fields are dropped (the delivering system writes its
 * own, RFC 5321 4.4). Nothing else.
 *
 * The content digest is what the delivery key is made of: SHA-256 of the content as received,
 * without the fields Return-Path, Delivered-To, X-Original-To, Envelope-To and Delivery-Date, which
 * an MTA may add anew at each attempt.
 *
 * Threads:  the builder belongs to the engine's thread; a message is immutable and may be read by
 *           any.
 * Memory:   a message is reference counted.
 * Errors:   TOO_LARGE past size_max; RESOURCES when the spool cannot be written (reply 452 4.3.1),
 *           one sentence that names the directory.
 * Limits:   a header block past EXG_MESSAGE_MAX_HEADER_BYTES is carried, but not looked into any
 *           further.
 * Bugs:     a spooled file is read on the caller's thread; its pages have just been written, so it
 *           hardly ever waits.
 * Source:   RFC 5322, RFC 5321 4.4 and 6.3 (loops).
 */
#ifndef EXG_MIME_MESSAGE_H
#define EXG_MIME_MESSAGE_H

#include "common/io/worker.h"
#include "common/mime/header-marks.h"
#include "common/mime/spool-budget.h"

#define EXG_MESSAGE_MAX_HEADER_BYTES (1024 * 1024)
#define EXG_MESSAGE_MAX_DELIVERED_TO 100
#define EXG_MESSAGE_DIGEST_BYTES     32

typedef struct ExgMessageBuilder ExgMessageBuilder;
typedef struct ExgMessage ExgMessage;

typedef struct {
    guint64 size_max;            /* of the content */
    gsize memory_max;            /* past this it goes to a file */
    const char *spool_directory; /* copied */
    ExgWorkerPool *workers;      /* outlives the builder */
    ExgHeaderMarks *marks;       /* referenced; NULL: none */
    ExgSpoolBudget *budget;      /* referenced; NULL: no limit on all messages together */
} ExgMessageOptions;

ExgMessageBuilder *exg_message_builder_new(const ExgMessageOptions *options);
/* At any time. Whatever has not been called back by then will not be. */
void exg_message_builder_free(ExgMessageBuilder *builder);
/* Takes the next piece of content, with CRLF line ends and no dot-stuffing. After an error, further
 * pieces are ignored with the same error, and exg_message_builder_finish_async() reports it once
 * more. Nothing is kept any longer then. */
bool exg_message_builder_append(ExgMessageBuilder *builder, const char *content, gsize length,
                                GError **error);
/* True while so much waits for the disk that the sender should be held back; `ready(data)` is
 * called once when it is not so any more, or when writing has failed. */
bool exg_message_builder_is_congested(ExgMessageBuilder *builder, ExgEngineFunc ready,
                                      gpointer data);
/* Completes the message, perhaps after the disk has taken the rest. `done` is called exactly once,
 * from the engine (or inside the call if there is nothing to wait for), with a message (transfer
 * full) or an error; the builder is spent and may be freed in it. */
typedef void (*ExgMessageFunc)(ExgMessage *message, const GError *error, gpointer data);
void exg_message_builder_finish_async(ExgMessageBuilder *builder, ExgMessageFunc done,
                                      gpointer data);

ExgMessage *exg_message_ref(ExgMessage *message);
void exg_message_unref(ExgMessage *message);

guint64 exg_message_length(const ExgMessage *message);
/* Copies up to `room` bytes from `offset`; 0 at the end, -1 with an error. */
gssize exg_message_read(const ExgMessage *message, guint64 offset, char *buffer, gsize room,
                        GError **error);
/* Whether it lies in a file. */
bool exg_message_is_spooled(const ExgMessage *message);

/* EXG_MESSAGE_DIGEST_BYTES bytes. */
const guint8 *exg_message_digest(const ExgMessage *message);
/* Number of Received fields. */
guint exg_message_hops(const ExgMessage *message);
/* The date in the topmost Received field in seconds since 1970, or -1. */
gint64 exg_message_received_time(const ExgMessage *message);
/* The Message-ID with its brackets, or NULL; never longer than 998 bytes. */
const char *exg_message_id(const ExgMessage *message);
/* Whether there is a Message-ID field, even one without an id in brackets. */
bool exg_message_has_id(const ExgMessage *message);
/* Whether a header field fits the marks of the options. */
bool exg_message_is_marked(const ExgMessage *message);
bool exg_message_has_date(const ExgMessage *message);
/* Whether a Delivered-To field names this address (in any case). */
bool exg_message_was_delivered_to(const ExgMessage *message, const char *address);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgMessageBuilder, exg_message_builder_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgMessage, exg_message_unref)

#endif
