/* dot.h - the end of DATA, and nothing but the end.
 *
 * Only CRLF "." CRLF ends a message (and "." CRLF as its very first line). LF.LF, CRLF.LF, LF.CRLF,
 * CR.CR and all other spellings do not: where two servers disagree on the end, mail is smuggled.
 * Leading dots are removed after CRLF only. A bare LF is passed on as CRLF, for Exchange takes
 * nothing else as a line end; a bare CR is passed on as it is.
 *
 * Threads:  one at a time.
 * Limits:   none of its own: it holds a few bytes of state, whatever the line length.
 * Source:   RFC 5321 4.1.1.4, 4.5.2.
 */
#ifndef EXG_MIME_DOT_H
#define EXG_MIME_DOT_H

#include <glib.h>
#include <stdbool.h>

typedef struct {
    int state;
    guint64 bare_lf; /* how many were turned into CRLF */
    guint64 bare_cr;
    guint64 nul;
} ExgDotDecoder;

/* Receives decoded content in pieces; false stops the decoder for this feed. What it says to have
 * used has been passed on; feeding the rest goes on from there. */
typedef bool (*ExgDotFunc)(const char *content, gsize length, gpointer data);

void exg_dot_decoder_init(ExgDotDecoder *decoder);
/* Decodes until the input or the message ends. Answers the number of input bytes used; `*ret_end`
 * says whether the end was reached, and then what follows in the input is the next command. Content
 * is passed on in the largest pieces possible. */
gsize exg_dot_decoder_feed(ExgDotDecoder *decoder, const char *input, gsize length, bool *ret_end,
                           ExgDotFunc function, gpointer data);

#endif
