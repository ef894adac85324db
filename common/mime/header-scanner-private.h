/* header-scanner-private.h - reads the header block of a message while it streams by.
 *
 * All content goes in and comes out again in the same order, byte for byte, with a word on what
 * each piece is for. At most the beginning of one line is held back, until it is known which field
 * it is.
 *
 * The block ends at its empty line, at the first line that is no field (from there on all is body)
 * or past EXG_MESSAGE_MAX_HEADER_BYTES. An mbox "From " line in front is carried, and the fields
 * after it are read.
 *
 * Threads:  one at a time.
 * Limits:   of each value, as much as is of use is kept; EXG_MESSAGE_MAX_DELIVERED_TO addresses.
 * Source:   RFC 5322 2.2 and 4.5.
 */
#ifndef EXG_MIME_HEADER_SCANNER_PRIVATE_H
#define EXG_MIME_HEADER_SCANNER_PRIVATE_H

#include "common/mime/header-marks.h"

typedef struct {
    guint hops;              /* Received fields */
    gint64 received_time;    /* of the topmost, or -1 */
    char *message_id;        /* or NULL */
    bool has_message_id;     /* the field is there, even if nothing can be read from it */
    bool has_date;
    bool is_marked;          /* a field fits the marks */
    GPtrArray *delivered_to; /* of folded addresses, or NULL */
} ExgHeaderFacts;

typedef enum {
    EXG_HEADER_CARRY = 1, /* part of the message */
    EXG_HEADER_HASH = 2   /* part of its digest */
} ExgHeaderUse;

/* `use`: ExgHeaderUse, or 0 for what is dropped. */
typedef void (*ExgHeaderFunc)(const char *piece, gsize length, guint use, gpointer data);

typedef struct ExgHeaderScanner ExgHeaderScanner;

/* `marks` are referenced; NULL: none. */
ExgHeaderScanner *exg_header_scanner_new(ExgHeaderMarks *marks, ExgHeaderFunc function,
                                         gpointer data);
void exg_header_scanner_free(ExgHeaderScanner *scanner);
void exg_header_scanner_feed(ExgHeaderScanner *scanner, const char *content, gsize length);
/* The content is complete: what was held back comes out. */
void exg_header_scanner_finish(ExgHeaderScanner *scanner, ExgHeaderFacts *ret_facts);

void exg_header_facts_clear(ExgHeaderFacts *facts);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgHeaderScanner, exg_header_scanner_free)

#endif
