/* The end of DATA: the same however the input is cut, and where RFC 5321 has it. */
#include "common/mime/dot.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

typedef struct {
    ExgDotDecoder decoder;
    GString *content;
    gsize used;
    bool end;
    guint stop_every; /* 0: never */
    guint calls;
} Run;

static bool
take(const char *content, gsize length, gpointer data)
{
    Run *run = data;
    g_assert_cmpuint(length, >, 0);
    g_string_append_len(run->content, content, (gssize)length);
    return run->stop_every == 0 || ++run->calls % run->stop_every != 0;
}

/* In pieces of up to `piece` bytes; the receiver stops it at every `stop_every`th call. */
static void
decode(const char *input, gsize length, gsize piece, guint stop_every, Run *ret_run)
{
    *ret_run = (Run){.content = g_string_new(NULL), .stop_every = stop_every};
    exg_dot_decoder_init(&ret_run->decoder);
    while (ret_run->used < length && !ret_run->end) {
        gsize n = MIN(piece, length - ret_run->used);
        gsize taken = exg_dot_decoder_feed(&ret_run->decoder, input + ret_run->used, n,
                                           &ret_run->end, take, ret_run);
        g_assert_cmpuint(taken, >, 0);
        g_assert_cmpuint(taken, <=, n);
        ret_run->used += taken;
    }
}

static gsize
find_end(const char *input, gsize length)
{
    if (length >= 3 && memcmp(input, ".\r\n", 3) == 0)
        return 3;
    const char *mark = memmem(input, length, "\r\n.\r\n", 5);
    return mark != NULL ? (gsize)(mark - input) + 5 : 0;
}

static void
check_content(const Run *run)
{
    /* Every LF has its CR. */
    for (gsize i = 0; i < run->content->len; i++)
        g_assert_true(run->content->str[i] != '\n' || (i > 0 && run->content->str[i - 1] == '\r'));
    g_assert_cmpuint(run->content->len, <=, run->used + run->decoder.bare_lf);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    if (size < 2)
        return 0;
    const char *input = (const char *)data + 2;
    gsize length = size - 2;
    Run whole;
    decode(input, length, length, 0, &whole);
    gsize end = find_end(input, length);
    g_assert_true(whole.end == (end > 0));
    g_assert_cmpuint(whole.used, ==, whole.end ? end : length);
    check_content(&whole);
    for (guint way = 0; way < 3; way++) {
        Run cut;
        decode(input, length,
               way == 0   ? 1
               : way == 1 ? data[0] + 1u
                          : length,
               way == 2 ? data[1] % 4u : 0, &cut);
        g_assert_cmpmem(cut.content->str, cut.content->len, whole.content->str, whole.content->len);
        g_assert_true(cut.end == whole.end && cut.used == whole.used &&
                      cut.decoder.state == whole.decoder.state);
        g_assert_cmpuint(cut.decoder.bare_lf, ==, whole.decoder.bare_lf);
        g_assert_cmpuint(cut.decoder.bare_cr, ==, whole.decoder.bare_cr);
        g_assert_cmpuint(cut.decoder.nul, ==, whole.decoder.nul);
        g_string_free(cut.content, TRUE);
    }
    g_string_free(whole.content, TRUE);
    return 0;
}
