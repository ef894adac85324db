/* streaming.h - an answer to GetStreamingEvents on its way: envelope after envelope, in chunks.
 *
 * Memory:   owned by the connection.
 */
#ifndef EXG_SIM_STREAMING_H
#define EXG_SIM_STREAMING_H

#include "common/io/stream.h"
#include "tests/exchange-sim/fault.h"
#include "tests/exchange-sim/directory.h"

typedef struct ExgSimStreaming ExgSimStreaming;

typedef struct {
    gint64 minute_ms;    /* how long a minute of ConnectionTimeout is */
    gint64 heartbeat_ms; /* how often it says that nothing has happened */
} ExgSimStreamPace;

typedef enum { EXG_SIM_STREAM_CLOSED, EXG_SIM_STREAM_RESET } ExgSimStreamEnd;
/* The last chunk is written, or the fault wants the connection to end. */
typedef void (*ExgSimStreamFunc)(ExgSimStreamEnd end, gpointer data);

/* The head of the answer has been written, and the first envelope as a chunk. `ids` are copied;
 * `fault` may be NULL. */
ExgSimStreaming *exg_sim_streaming_new(ExgEngine *engine, ExgStream *stream,
                                       ExgSimDirectory *directory, const GPtrArray *ids,
                                       guint minutes, const ExgSimStreamPace *pace,
                                       const ExgSimFault *fault, ExgSimStreamFunc done,
                                       gpointer data);
void exg_sim_streaming_free(ExgSimStreaming *streaming);

void exg_sim_stream_write_chunk(ExgStream *stream, const char *text, gsize length);

#endif
