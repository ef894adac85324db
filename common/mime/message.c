#include "common/mime/message.h"

#include "common/base/error.h"
#include "common/mime/address.h"
#include "common/mime/message-private.h"

#include <gnutls/crypto.h>
#include <string.h>

struct ExgMessageBuilder {
    guint64 size_max;
    guint64 size; /* as received */
    ExgSpool *spool;
    ExgHeaderScanner *scanner;
    gnutls_hash_hd_t hash;
    GError *error;       /* the first one */
    ExgMessage *message; /* complete, but its spool may not be */
    ExgMessageFunc done;
    gpointer done_data;
};

/* --- the builder ------------------------------------------------------------------------------ */

static void
drop_spool(ExgMessageBuilder *builder)
{
    if (builder->spool == NULL)
        return;
    exg_spool_abandon(builder->spool);
    g_clear_pointer(&builder->spool, exg_spool_unref);
}

static void
fail(ExgMessageBuilder *builder, GError *error)
{
    builder->error = error;
    drop_spool(builder);
}

static void
take_piece(const char *piece, gsize length, guint use, gpointer data)
{
    ExgMessageBuilder *builder = data;
    if (builder->error != NULL)
        return;
    GError *error = NULL;
    if (use & EXG_HEADER_HASH)
        gnutls_hash(builder->hash, piece, length);
    if ((use & EXG_HEADER_CARRY) && !exg_spool_append(builder->spool, piece, length, &error))
        fail(builder, error);
}

ExgMessageBuilder *
exg_message_builder_new(const ExgMessageOptions *options)
{
    ExgMessageBuilder *builder = g_new0(ExgMessageBuilder, 1);
    builder->size_max = options->size_max;
    builder->spool = exg_spool_new(options->spool_directory, options->memory_max, options->workers,
                                   options->budget);
    builder->scanner = exg_header_scanner_new(options->marks, take_piece, builder);
    int status = gnutls_hash_init(&builder->hash, GNUTLS_DIG_SHA256);
    if (status < 0) {
        builder->hash = NULL;
        fail(builder, exg_error_new(EXG_ERROR_RESOURCES, "Cannot compute SHA-256: %s",
                                    gnutls_strerror(status)));
    }
    return builder;
}

void
exg_message_builder_free(ExgMessageBuilder *builder)
{
    if (builder == NULL)
        return;
    drop_spool(builder);
    guint8 unused[EXG_MESSAGE_DIGEST_BYTES];
    if (builder->hash != NULL)
        gnutls_hash_deinit(builder->hash, unused);
    exg_header_scanner_free(builder->scanner);
    exg_message_unref(builder->message);
    g_clear_error(&builder->error);
    g_free(builder);
}

bool
exg_message_builder_append(ExgMessageBuilder *builder, const char *content, gsize length,
                           GError **error)
{
    g_return_val_if_fail(builder->done == NULL, false);
    if (builder->error == NULL && length > builder->size_max - builder->size)
        fail(builder, exg_error_new(EXG_ERROR_TOO_LARGE,
                                    "Message is larger than %" G_GUINT64_FORMAT " bytes",
                                    builder->size_max));
    if (builder->error == NULL) {
        builder->size += length;
        exg_header_scanner_feed(builder->scanner, content, length);
    }
    if (builder->error != NULL && error != NULL)
        *error = g_error_copy(builder->error);
    return builder->error == NULL;
}

bool
exg_message_builder_is_congested(ExgMessageBuilder *builder, ExgEngineFunc ready, gpointer data)
{
    return builder->error == NULL && exg_spool_is_congested(builder->spool, ready, data);
}

static void
spool_sealed(const GError *error, gpointer data)
{
    ExgMessageBuilder *builder = data;
    ExgMessageFunc done = builder->done;
    gpointer done_data = builder->done_data;
    if (error != NULL) {
        g_autoptr(GError) copy = g_error_copy(error); /* the builder's end may be the spool's */
        done(NULL, copy, done_data);
        return;
    }
    ExgMessage *message = g_steal_pointer(&builder->message);
    message->spool = g_steal_pointer(&builder->spool);
    done(message, NULL, done_data); /* the builder may be gone after it */
}

void
exg_message_builder_finish_async(ExgMessageBuilder *builder, ExgMessageFunc done, gpointer data)
{
    g_return_if_fail(builder->done == NULL);
    builder->done = done;
    builder->done_data = data;
    ExgMessage *message = g_new0(ExgMessage, 1);
    message->references = 1;
    builder->message = message;
    exg_header_scanner_finish(builder->scanner, &message->header);
    if (builder->error != NULL) {
        g_autoptr(GError) error = g_steal_pointer(&builder->error); /* it outlives the builder */
        done(NULL, error, data);
        return;
    }
    gnutls_hash_deinit(g_steal_pointer(&builder->hash), message->digest);
    exg_spool_seal(builder->spool, spool_sealed, builder);
}

/* --- the message ------------------------------------------------------------------------------ */

ExgMessage *
exg_message_ref(ExgMessage *message)
{
    g_atomic_int_inc(&message->references);
    return message;
}

void
exg_message_unref(ExgMessage *message)
{
    if (message == NULL || !g_atomic_int_dec_and_test(&message->references))
        return;
    exg_spool_unref(message->spool);
    exg_message_wrapping_free(message->wrapping);
    exg_header_facts_clear(&message->header);
    g_free(message);
}

guint64
exg_message_length(const ExgMessage *message)
{
    return message->wrapping != NULL ? exg_message_wrapping_length(message->wrapping)
                                     : exg_spool_length(message->spool);
}

gssize
exg_message_read(const ExgMessage *message, guint64 offset, char *buffer, gsize room,
                 GError **error)
{
    return message->wrapping != NULL
               ? exg_message_wrapping_read(message->wrapping, offset, buffer, room, error)
               : exg_spool_read(message->spool, offset, buffer, room, error);
}

/* What is told of a wrapped message is its original's. */
static const ExgMessage *
original_of(const ExgMessage *message)
{
    while (message->wrapping != NULL)
        message = message->wrapping->original;
    return message;
}

bool
exg_message_is_spooled(const ExgMessage *message)
{
    return exg_spool_is_file(original_of(message)->spool);
}

const guint8 *
exg_message_digest(const ExgMessage *message)
{
    return original_of(message)->digest;
}

guint
exg_message_hops(const ExgMessage *message)
{
    return original_of(message)->header.hops;
}

gint64
exg_message_received_time(const ExgMessage *message)
{
    return original_of(message)->header.received_time;
}

const char *
exg_message_id(const ExgMessage *message)
{
    return original_of(message)->header.message_id;
}

bool
exg_message_has_id(const ExgMessage *message)
{
    return original_of(message)->header.has_message_id;
}

bool
exg_message_is_marked(const ExgMessage *message)
{
    return original_of(message)->header.is_marked;
}

bool
exg_message_has_date(const ExgMessage *message)
{
    return original_of(message)->header.has_date;
}

bool
exg_message_was_delivered_to(const ExgMessage *message, const char *address)
{
    g_autofree char *folded = exg_address_fold(address);
    return original_of(message)->header.delivered_to != NULL &&
           g_ptr_array_find_with_equal_func(original_of(message)->header.delivered_to, folded,
                                            g_str_equal, NULL);
}
