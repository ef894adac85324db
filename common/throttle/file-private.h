/* file-private.h - the file in which the processes of a host tell each other what is closed.
 *
 * One table: a row per back-off and per closed breaker, by scope and key. The state is worth no
 * disk synchronisation: a file that was damaged or removed is made anew, and each process writes
 * again what it knows. Times are wall-clock times, which all processes share; none is believed to
 * be further away than EXG_THROTTLE_MAX_BACKOFF_MS, so that a clock that was set back closes
 * nothing for long.
 *
 * Threads:  one; it blocks, for at most EXG_THROTTLE_BUSY_TIMEOUT_MS per statement.
 * Limits:   EXG_THROTTLE_MAX_ROWS rows are read.
 */
#ifndef EXG_THROTTLE_FILE_PRIVATE_H
#define EXG_THROTTLE_FILE_PRIVATE_H

#include "common/throttle/outcome-private.h"

#define EXG_THROTTLE_BUSY_TIMEOUT_MS 100
#define EXG_THROTTLE_MAX_ROWS        20000

/* In the file: the numbers stay. */
typedef enum { EXG_THROTTLE_PAUSED = 1, EXG_THROTTLE_BROKEN = 2 } ExgThrottleRowKind;

typedef struct {
    ExgThrottleScope scope;
    ExgThrottleRowKind kind;
    char *key;
    gint64 since_ms;
    gint64 until_ms;    /* BROKEN: when the next probe may be sent */
    gint64 interval_ms; /* BROKEN */
    bool asked;         /* PAUSED */
    char code[EXG_THROTTLE_MAX_CODE_BYTES];
    bool gone;          /* to write: delete it */
    bool claim;         /* to write: only if its `until_ms` in the file has passed, which one process manages */
    bool won;           /* answer to `claim` */
} ExgThrottleRow;

/* One visit to the file. */
typedef struct {
    GArray *write;  /* ExgThrottleRow, in this order */
    GArray *read;   /* all rows, or NULL: nobody else has changed any since the last visit */
    bool replaced;  /* the file is another than before: rows that were written may be gone */
    char *failure;  /* nothing was written or read, and why */
} ExgThrottleSync;

ExgThrottleSync *exg_throttle_sync_new(void);
void exg_throttle_sync_free(ExgThrottleSync *sync);

typedef struct ExgThrottleFile ExgThrottleFile;

/* Touches nothing yet. */
ExgThrottleFile *exg_throttle_file_new(const char *path);
void exg_throttle_file_free(ExgThrottleFile *file);
/* Writes, then reads. */
void exg_throttle_file_visit(ExgThrottleFile *file, ExgThrottleSync *sync);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgThrottleSync, exg_throttle_sync_free)

#endif
