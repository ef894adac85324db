#include "common/mime/dot.h"

#include <string.h>

typedef struct {
    const char *input;
    gsize length;
    const char *content; /* NULL: as `input` */
    gsize content_length;
    gsize rest; /* bytes behind the end; -1: no end */
    guint bare_lf, bare_cr, nul;
} Vector;

#define NO_END      ((gsize)-1)
#define BYTES(text) text, sizeof(text) - 1

static const Vector vectors[] = {
    /* The end */
    {BYTES("a\r\n.\r\n"), BYTES("a\r\n"), 0, 0, 0, 0},
    {BYTES(".\r\n"), BYTES(""), 0, 0, 0, 0},
    {BYTES("\r\n.\r\n"), BYTES("\r\n"), 0, 0, 0, 0},
    {BYTES("a\r\n.\r\nQUIT\r\n"), BYTES("a\r\n"), 6, 0, 0, 0},
    {BYTES("a\r\n.\r\n.\r\n"), BYTES("a\r\n"), 3, 0, 0, 0},
    {BYTES(".\r\n.\r\n"), BYTES(""), 3, 0, 0, 0},
    {BYTES("a\r\r\n.\r\n"), BYTES("a\r\r\n"), 0, 0, 1, 0},
    {BYTES("a\r\n\r\n.\r\n"), BYTES("a\r\n\r\n"), 0, 0, 0, 0},
    {BYTES("a\n\r\n.\r\n"), BYTES("a\r\n\r\n"), 0, 1, 0, 0},
    /* No end, however others may read it */
    {BYTES("a\n.\nb"), BYTES("a\r\n.\r\nb"), NO_END, 2, 0, 0},
    {BYTES("a\r\n.\nb"), BYTES("a\r\n\r\nb"), NO_END, 1, 0, 0},
    {BYTES("a\n.\r\nb"), BYTES("a\r\n.\r\nb"), NO_END, 1, 0, 0},
    {BYTES("a\r.\rb"), BYTES("a\r.\rb"), NO_END, 0, 2, 0},
    {BYTES("a\r\n.\rb"), BYTES("a\r\n\rb"), NO_END, 0, 1, 0},
    {BYTES("a\n.\rb"), BYTES("a\r\n.\rb"), NO_END, 1, 1, 0},
    {BYTES("a\r.\r\nb"), BYTES("a\r.\r\nb"), NO_END, 0, 1, 0},
    {BYTES("a\r.\nb"), BYTES("a\r.\r\nb"), NO_END, 1, 1, 0},
    {BYTES("a\r\n.\0\r\nb"), BYTES("a\r\n\0\r\nb"), NO_END, 0, 0, 1},
    {BYTES("a\r\n\0.\r\nb"), BYTES("a\r\n\0.\r\nb"), NO_END, 0, 0, 1},
    {BYTES("a\r\n.\r\r\nb"), BYTES("a\r\n\r\r\nb"), NO_END, 0, 1, 0},
    {BYTES("a\r\n.\r.\r\nb"), BYTES("a\r\n\r.\r\nb"), NO_END, 0, 1, 0},
    {BYTES("a\r\n. \r\nb"), BYTES("a\r\n \r\nb"), NO_END, 0, 0, 0},
    {BYTES("a\r\n .\r\nb"), BYTES("a\r\n .\r\nb"), NO_END, 0, 0, 0},
    {BYTES(".\nb"), BYTES("\r\nb"), NO_END, 1, 0, 0},
    {BYTES(".\rb"), BYTES("\rb"), NO_END, 0, 1, 0},
    {BYTES("a\n\n.\n"), BYTES("a\r\n\r\n.\r\n"), NO_END, 3, 0, 0},
    /* After what only looks like an end, the real one counts */
    {BYTES("a\r\n.\n.\r\n"), BYTES("a\r\n\r\n.\r\n"), NO_END, 1, 0, 0},
    {BYTES("a\r\n.\r\r\n.\r\nX"), BYTES("a\r\n\r\r\n"), 1, 0, 1, 0},
    {BYTES("a\r\n.\r.\r\n.\r\n"), BYTES("a\r\n\r.\r\n"), 0, 0, 1, 0},
    /* Stuffing */
    {BYTES("..\r\n.\r\n"), BYTES(".\r\n"), 0, 0, 0, 0},
    {BYTES(".x\r\n.\r\n"), BYTES("x\r\n"), 0, 0, 0, 0},
    {BYTES("a\r\n..\r\n.\r\n"), BYTES("a\r\n.\r\n"), 0, 0, 0, 0},
    {BYTES("a\r\n...\r\n.\r\n"), BYTES("a\r\n..\r\n"), 0, 0, 0, 0},
    {BYTES("a\r\n..b.\r\n.\r\n"), BYTES("a\r\n.b.\r\n"), 0, 0, 0, 0},
    {BYTES("a\r\n..\r\n..\r\n.\r\n"), BYTES("a\r\n.\r\n.\r\n"), 0, 0, 0, 0},
    {BYTES("a.\r\n.\r\n"), BYTES("a.\r\n"), 0, 0, 0, 0},
    {BYTES("a\n..b\r\n.\r\n"), BYTES("a\r\n..b\r\n"), 0, 1, 0, 0},
    {BYTES("a\r..b\r\n.\r\n"), BYTES("a\r..b\r\n"), 0, 0, 1, 0},
    {BYTES("..\n.\r\n"), BYTES(".\r\n.\r\n"), NO_END, 1, 0, 0},
    /* Other bytes */
    {BYTES("\0\xff\x80\r\n\0\0\r\n.\r\n"), BYTES("\0\xff\x80\r\n\0\0\r\n"), 0, 0, 0, 3},
    {BYTES("a\r\r\r\n.\r\n"), BYTES("a\r\r\r\n"), 0, 0, 2, 0},
    {BYTES("\n\n"), BYTES("\r\n\r\n"), NO_END, 2, 0, 0},
    {BYTES("\r\r"), BYTES("\r\r"), NO_END, 0, 1, 0}, /* the second may still become CRLF */
    {BYTES("a"), BYTES("a"), NO_END, 0, 0, 0},
    {BYTES(""), BYTES(""), NO_END, 0, 0, 0},
};

static bool
append(const char *content, gsize length, gpointer data)
{
    g_assert_cmpuint(length, >, 0);
    g_string_append_len(data, content, (gssize)length);
    return true;
}

/* Feeds pieces of `piece` bytes after a first one of `first` bytes. Answers the bytes used. */
static gsize
decode(ExgDotDecoder *decoder, const char *input, gsize length, gsize first, gsize piece,
       GString *content, bool *ret_end)
{
    gsize used = 0;
    *ret_end = false;
    exg_dot_decoder_init(decoder);
    for (gsize wanted = first; used < length && !*ret_end; wanted = piece) {
        /* a copy of exactly this piece, so that a sanitizer sees any look past it */
        gsize n = MIN(wanted, length - used);
        g_autofree char *copy = g_memdup2(input + used, n);
        gsize taken = exg_dot_decoder_feed(decoder, copy, n, ret_end, append, content);
        g_assert_true(taken == n || *ret_end);
        used += taken;
    }
    return used;
}

static void
check(const Vector *vector, gsize first, gsize piece)
{
    ExgDotDecoder decoder;
    g_autoptr(GString) content = g_string_new(NULL);
    bool end;
    gsize used = decode(&decoder, vector->input, vector->length, first, piece, content, &end);
    g_assert_cmpmem(content->str, content->len, vector->content, vector->content_length);
    g_assert_true(end == (vector->rest != NO_END));
    g_assert_cmpuint(used, ==, end ? vector->length - vector->rest : vector->length);
    g_assert_cmpuint(decoder.bare_lf, ==, vector->bare_lf);
    g_assert_cmpuint(decoder.bare_cr, ==, vector->bare_cr);
    g_assert_cmpuint(decoder.nul, ==, vector->nul);
}

static void
test_vectors(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(vectors); i++) {
        for (gsize cut = 1; cut <= MAX(vectors[i].length, 1); cut++)
            check(&vectors[i], cut, NO_END);
        check(&vectors[i], 1, 1);
        check(&vectors[i], 2, 2);
    }
}

/* All strings of these bytes up to a length: in pieces they come out as in one piece. */
static void
test_all_short_strings(void)
{
    static const char alphabet[] = {'\r', '\n', '.', 'x', '\0'};
    guint64 ends = 0;
    for (guint length = 1; length <= 7; length++) {
        guint total = 1;
        for (guint i = 0; i < length; i++)
            total *= G_N_ELEMENTS(alphabet);
        for (guint number = 0; number < total; number++) {
            char input[8];
            for (guint i = 0, rest = number; i < length; i++, rest /= G_N_ELEMENTS(alphabet))
                input[i] = alphabet[rest % G_N_ELEMENTS(alphabet)];
            ExgDotDecoder whole, bytes;
            g_autoptr(GString) from_whole = g_string_new(NULL);
            g_autoptr(GString) from_bytes = g_string_new(NULL);
            bool whole_end, bytes_end;
            gsize whole_used = decode(&whole, input, length, length, length, from_whole,
                                      &whole_end);
            gsize bytes_used = decode(&bytes, input, length, 1, 1, from_bytes, &bytes_end);
            g_assert_cmpmem(from_whole->str, from_whole->len, from_bytes->str, from_bytes->len);
            g_assert_true(whole_end == bytes_end && whole_used == bytes_used);
            g_assert_true(whole.state == bytes.state && whole.bare_lf == bytes.bare_lf &&
                          whole.bare_cr == bytes.bare_cr && whole.nul == bytes.nul);
            /* The oracle: ".CRLF" in front or the first CRLF.CRLF, and nothing else. */
            const char *mark = memmem(input, length, "\r\n.\r\n", 5);
            gsize expected = mark != NULL ? (gsize)(mark - input) + 5 : 0;
            if (length >= 3 && memcmp(input, ".\r\n", 3) == 0)
                expected = 3;
            g_assert_true(whole_end == (expected > 0));
            g_assert_cmpuint(whole_used, ==, whole_end ? expected : length);
            ends += whole_end ? 1 : 0;
        }
    }
    g_assert_cmpuint(ends, >, 500);
}

typedef struct {
    guint calls;
    gsize bytes;
    guint stop_at; /* call that answers false; 0: none */
    GString *content;
} Counter;

static bool
count(const char *content, gsize length, gpointer data)
{
    Counter *counter = data;
    counter->bytes += length;
    if (counter->content != NULL)
        g_string_append_len(counter->content, content, (gssize)length);
    return ++counter->calls != counter->stop_at;
}

static GString *
make_text(gsize length)
{
    GString *text = g_string_sized_new(length + 100);
    while (text->len < length)
        g_string_append(
            text, "The quick brown fox jumps over the lazy dog and runs away from it as fast.\r\n");
    return text;
}

static void
test_large_pieces(void)
{
    g_autoptr(GString) text = make_text(1024 * 1024);
    Counter counter = {0};
    ExgDotDecoder decoder;
    bool end;
    exg_dot_decoder_init(&decoder);
    g_assert_cmpuint(exg_dot_decoder_feed(&decoder, text->str, text->len, &end, count, &counter),
                     ==, text->len);
    g_assert_cmpuint(counter.calls, ==, 1);
    g_assert_cmpuint(counter.bytes, ==, text->len);

    /* The opposite: nothing but bare LFs is gathered. */
    memset(text->str, '\n', text->len);
    counter = (Counter){0};
    exg_dot_decoder_feed(&decoder, text->str, text->len, &end, count, &counter);
    g_assert_cmpuint(counter.bytes, ==, text->len * 2);
    g_assert_cmpuint(counter.calls, <, text->len / 500);
    g_assert_cmpuint(decoder.bare_lf, ==, text->len);
}

/* Stopped at any call and fed the rest, the result is the same. */
static void
test_stop(void)
{
    g_autoptr(GString) input = g_string_new(NULL);
    for (guint i = 0; i < 40; i++) {
        g_autoptr(GString) text = make_text(i % 5 == 0 ? 3000 : 100);
        g_string_append_len(input, text->str, (gssize)text->len);
        g_string_append(input, i % 3 == 0 ? "..x\r\n.\ry" : "a\nb\n");
    }
    g_string_append(input, "\r\n.\r\nREST");
    g_autoptr(GString) expected = g_string_new(NULL);
    ExgDotDecoder whole;
    bool end;
    gsize total = decode(&whole, input->str, input->len, input->len, 1, expected, &end);
    g_assert_true(end);
    g_assert_cmpuint(total, ==, input->len - 4);
    for (guint every = 1; every <= 3; every++) {
        g_autoptr(GString) content = g_string_new(NULL);
        ExgDotDecoder decoder;
        exg_dot_decoder_init(&decoder);
        gsize used = 0;
        guint stops = 0;
        end = false;
        while (!end) {
            Counter counter = {.stop_at = every, .content = content};
            used += exg_dot_decoder_feed(&decoder, input->str + used, input->len - used, &end,
                                         count, &counter);
            g_assert_cmpuint(counter.calls, <=, every);
            g_assert_cmpuint(++stops, <, 1000);
        }
        g_assert_cmpuint(stops, >, 5);
        g_assert_cmpuint(used, ==, total);
        g_assert_cmpmem(content->str, content->len, expected->str, expected->len);
        g_assert_true(decoder.bare_lf == whole.bare_lf && decoder.bare_cr == whole.bare_cr);
    }
}

static void
test_speed(void)
{
    g_autoptr(GString) text = make_text(64 * 1024);
    Counter counter = {0};
    ExgDotDecoder decoder;
    bool end;
    exg_dot_decoder_init(&decoder);
    g_test_timer_start();
    const guint rounds = 4000;
    for (guint i = 0; i < rounds; i++)
        exg_dot_decoder_feed(&decoder, text->str, text->len, &end, count, &counter);
    double seconds = g_test_timer_elapsed();
    g_assert_cmpuint(counter.bytes, ==, rounds * text->len);
    g_test_maximized_result((double)counter.bytes / seconds / 1e6, "%.0f MB/s",
                            (double)counter.bytes / seconds / 1e6);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mime/dot/vectors", test_vectors);
    g_test_add_func("/mime/dot/all-short-strings", test_all_short_strings);
    g_test_add_func("/mime/dot/large-pieces", test_large_pieces);
    g_test_add_func("/mime/dot/stop", test_stop);
    if (g_test_perf())
        g_test_add_func("/mime/dot/speed", test_speed);
    return g_test_run();
}
