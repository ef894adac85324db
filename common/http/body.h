/* body.h - where the bytes of a request come from: a pull interface, so that nothing is copied
 * whole.
 *
 * Threads:  the engine's.
 * Memory:   reference counted through the vtable's ref and unref.
 */
#ifndef EXG_HTTP_BODY_H
#define EXG_HTTP_BODY_H

#include <glib.h>
#include <stdbool.h>

typedef struct ExgHttpBody ExgHttpBody;

typedef struct {
    /* Copies up to `room` bytes from the current position. 0 only at the end; -1 and an error if it cannot. */
    gssize (*read)(ExgHttpBody *self, char *buffer, gsize room, GError **error);
    /* Back to the first byte. */
    void (*rewind)(ExgHttpBody *self);
    void (*free)(ExgHttpBody *self);
} ExgHttpBodyClass;

/* Implementations embed this first. */
struct ExgHttpBody {
    const ExgHttpBodyClass *class;
    guint64 length; /* in bytes, exact, known in advance */
};

/* A body of fixed bytes. Takes a reference of `bytes`. */
ExgHttpBody *exg_http_body_new_bytes(GBytes *bytes);
void exg_http_body_free(ExgHttpBody *body);

#endif
