/* Whole stretches between two places that need a change are found with memchr() and passed on
 * where they lie; short ones are gathered first, so that a message of nothing but bare LFs does
 * not cost one call per byte. */
#include "common/mime/dot.h"

#include <string.h>

#define GATHER_BYTES 4096
#define DIRECT_BYTES 512 /* from this length on a piece is not copied */

typedef enum {
    LINE_START, /* at the very beginning or after CRLF */
    MIDDLE,
    AFTER_CR, /* the CR has been passed on */
    DOT,      /* a dot at the line's start: the end or stuffing */
    DOT_CR    /* and a CR, held back with it */
} State;

typedef struct {
    ExgDotFunc function;
    gpointer data;
    gsize used;
    char *gathered; /* GATHER_BYTES */
} Output;

/* What a stretch did, kept apart until it is certain that it will be passed on. */
typedef struct {
    State state;
    guint64 bare_cr;
} Stretch;

void
exg_dot_decoder_init(ExgDotDecoder *decoder)
{
    *decoder = (ExgDotDecoder){.state = LINE_START};
}

static bool
flush(Output *output)
{
    gsize used = output->used;
    output->used = 0;
    return used == 0 || output->function(output->gathered, used, output->data);
}

/* A long piece may come only when nothing is gathered. */
static bool
pass_on(Output *output, const char *piece, gsize length)
{
    if (length >= DIRECT_BYTES)
        return output->function(piece, length, output->data);
    memcpy(output->gathered + output->used, piece, length);
    output->used += length;
    return output->used + DIRECT_BYTES <= GATHER_BYTES || flush(output);
}

static guint64
count_byte(const char *bytes, gsize length, char wanted)
{
    guint64 count = 0;
    const char *end = bytes + length;
    while (bytes < end && (bytes = memchr(bytes, wanted, (gsize)(end - bytes))) != NULL) {
        count++;
        bytes++;
    }
    return count;
}

/* Answers where the stretch that can be passed on unchanged ends: at the end of the input,
 * before a dot at the start of a line or before a bare LF. `*at` is content. */
static const char *
find_stretch(const char *at, const char *end, Stretch *stretch)
{
    if (stretch->state == AFTER_CR) {
        bool is_line_end = *at == '\n';
        stretch->bare_cr += is_line_end ? 0 : 1;
        stretch->state = is_line_end ? LINE_START : MIDDLE;
        at += is_line_end ? 1 : 0;
    }
    while (at < end && !(stretch->state == LINE_START && *at == '.')) {
        const char *lf = memchr(at, '\n', (gsize)(end - at));
        const char *line_end = lf != NULL ? lf : end;
        bool has_cr = line_end > at && line_end[-1] == '\r';
        stretch->bare_cr += count_byte(at, (gsize)(line_end - at) - (has_cr ? 1 : 0), '\r');
        if (lf == NULL) {
            stretch->state = has_cr ? AFTER_CR : MIDDLE;
            return end;
        }
        if (!has_cr) {
            stretch->state = MIDDLE;
            return lf;
        }
        stretch->state = LINE_START;
        at = lf + 1;
    }
    return at;
}

gsize
exg_dot_decoder_feed(ExgDotDecoder *decoder, const char *input, gsize length, bool *ret_end,
                     ExgDotFunc function, gpointer data)
{
    char gathered[GATHER_BYTES];
    Output output = {.function = function, .data = data, .gathered = gathered};
    const char *at = input, *end = input + length;
    bool go_on = true;
    *ret_end = false;
    while (go_on && at < end) {
        if (decoder->state == DOT_CR && *at == '\n') {
            decoder->state = LINE_START;
            *ret_end = true;
            at++;
            break;
        }
        if (decoder->state == DOT_CR) { /* only the dot was stuffing */
            decoder->state = AFTER_CR;
            go_on = pass_on(&output, "\r", 1);
        } else if (decoder->state == DOT) {
            decoder->state = *at == '\r' ? DOT_CR : MIDDLE;
            at += *at == '\r' ? 1 : 0;
        } else if (decoder->state == LINE_START && *at == '.') {
            decoder->state = DOT;
            at++;
        } else if (decoder->state != AFTER_CR && *at == '\n') {
            decoder->state = MIDDLE; /* not LINE_START: a dot after a bare LF is content */
            decoder->bare_lf++;
            at++;
            go_on = pass_on(&output, "\r\n", 2);
        } else {
            Stretch stretch = {.state = (State)decoder->state};
            const char *stop = find_stretch(at, end, &stretch);
            gsize piece = (gsize)(stop - at);
            if (piece >= DIRECT_BYTES && !flush(&output))
                break;
            decoder->state = stretch.state;
            decoder->bare_cr += stretch.bare_cr;
            decoder->nul += count_byte(at, piece, '\0');
            go_on = pass_on(&output, at, piece);
            at = stop;
        }
    }
    (void)flush(&output);
    return (gsize)(at - input);
}
