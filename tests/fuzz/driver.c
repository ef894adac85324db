/* Runs a fuzz target where there is no libFuzzer:
 *
 *     fuzz_dot [dict=FILE] FILE… DIRECTORY… seed=N…
 *
 * A file is replayed, and so are all files of a directory. seed=N runs inputs made by chance from
 * that number, for a second: bytes that matter to mail, words of the dictionary, and damaged
 * copies of the files given before it. An input that ends the program is printed. */
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUTS_PER_SEED 20000
#define SEED_TIME_US    G_USEC_PER_SEC
#define INPUT_MAX_BYTES 2048

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* Of the sanitizers' runtime, where there is one. */
void __sanitizer_set_death_callback(void (*function)(void)) __attribute__((weak));

typedef struct {
    GPtrArray *files; /* of GBytes */
    GPtrArray *words; /* of GBytes */
} Corpus;

/* --- one input -------------------------------------------------------------------------------- */

static const guint8 *current;
static gsize current_length;

/* Not for a signal handler, strictly; but the program is lost, and this is what one wants to know. */
static void
show_input(void)
{
    if (current == NULL)
        return;
    fputs("the input was: \"", stderr);
    for (gsize i = 0; i < current_length; i++)
        fprintf(stderr,
                g_ascii_isprint(current[i]) && strchr("\"\\", current[i]) == NULL ? "%c"
                                                                                  : "\\x%02x",
                current[i]);
    fputs("\"\n", stderr);
    current = NULL;
}

static void
aborted(int number)
{
    show_input();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

/* In memory of exactly this size, so that a sanitizer sees any look past it. */
static void
run(const guint8 *data, gsize length)
{
    g_autofree guint8 *exact = g_malloc(MAX(length, 1));
    if (length > 0)
        memcpy(exact, data, length);
    current = exact;
    current_length = length;
    LLVMFuzzerTestOneInput(exact, length);
    current = NULL;
}

/* --- files ------------------------------------------------------------------------------------ */

static void
free_bytes(gpointer bytes)
{
    g_bytes_unref(bytes);
}

static char *
read_file(const char *path, gsize *ret_length)
{
    g_autoptr(GError) error = NULL;
    char *content;
    if (!g_file_get_contents(path, &content, ret_length, &error))
        g_error("%s", error->message);
    return content;
}

static guint64
run_file(const char *path, Corpus *corpus)
{
    gsize length;
    char *content = read_file(path, &length);
    run((const guint8 *)content, length);
    g_ptr_array_add(corpus->files, g_bytes_new_take(content, length));
    return 1;
}

static gint
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static guint64
run_directory(const char *path, Corpus *corpus)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(path, 0, &error);
    if (dir == NULL)
        g_error("%s", error->message);
    /* In one order everywhere, so that a seed means the same everywhere. */
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    const char *name;
    while ((name = g_dir_read_name(dir)) != NULL)
        g_ptr_array_add(files, g_build_filename(path, name, NULL));
    g_ptr_array_sort(files, compare_names);
    guint64 runs = 0;
    for (guint i = 0; i < files->len; i++)
        if (g_file_test(g_ptr_array_index(files, i), G_FILE_TEST_IS_REGULAR))
            runs += run_file(g_ptr_array_index(files, i), corpus);
    return runs;
}

/* A line of a dictionary, as libFuzzer has it: "word", with \\, \" and \xNN. */
static GBytes *
parse_word(const char *line)
{
    g_autoptr(GByteArray) word = g_byte_array_new();
    const char *at = strchr(line, '"'), *end = strrchr(line, '"');
    if (line[0] == '#' || at == NULL || at == end)
        return NULL;
    for (at++; at < end; at++) {
        guint8 byte = (guint8)*at;
        if (at[0] == '\\' && at[1] == 'x' && end - at > 3) {
            byte = (guint8)(g_ascii_xdigit_value(at[2]) << 4 | g_ascii_xdigit_value(at[3]));
            at += 3;
        } else if (at[0] == '\\') {
            byte = (guint8) * ++at;
        }
        g_byte_array_append(word, &byte, 1);
    }
    return g_byte_array_free_to_bytes(g_steal_pointer(&word));
}

static void
read_dictionary(const char *path, Corpus *corpus)
{
    gsize length;
    g_autofree char *content = read_file(path, &length);
    g_auto(GStrv) lines = g_strsplit(content, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        GBytes *word = parse_word(lines[i]);
        if (word != NULL)
            g_ptr_array_add(corpus->words, word);
    }
}

/* --- chance ----------------------------------------------------------------------------------- */

/* From 0 to less than `limit`. */
static guint
choose(GRand *random, guint limit)
{
    return limit > 0 ? (guint)g_rand_int_range(random, 0, (gint32)limit) : 0;
}

static guint8
random_byte(GRand *random)
{
    static const char common[] = "\r\n\r\n\r\n..::;;<>@@\"\\ \tabFrom1,[]()+-\0";
    if (choose(random, 16) == 0)
        return (guint8)choose(random, 256);
    return (guint8)common[choose(random, sizeof common - 1)];
}

static void
insert(GByteArray *input, guint at, const guint8 *data, guint length)
{
    guint tail = input->len - at;
    length = MIN(length, INPUT_MAX_BYTES - MIN(input->len, INPUT_MAX_BYTES));
    if (length == 0)
        return;
    g_byte_array_set_size(input, input->len + length);
    memmove(input->data + at + length, input->data + at, tail);
    memcpy(input->data + at, data, length);
}

static GBytes *
pick(GRand *random, GPtrArray *array)
{
    return array->len > 0 ? g_ptr_array_index(array, choose(random, array->len)) : NULL;
}

static void
damage(GRand *random, GByteArray *input, const Corpus *corpus)
{
    guint at = choose(random, input->len);
    guint8 byte = random_byte(random);
    gsize length = 0;
    GBytes *other = pick(random, choose(random, 2) == 0 ? corpus->words : corpus->files);
    const guint8 *data = other != NULL ? g_bytes_get_data(other, &length) : &byte;
    guint start = choose(random, (guint)length), count = 1 + choose(random, 16);
    switch (choose(random, 4)) {
    case 0:
        if (input->len > 0)
            input->data[at] = byte;
        break;
    case 1:
        insert(input, at, &byte, 1);
        break;
    case 2:
        if (input->len > 0)
            g_byte_array_remove_range(input, at, MIN(count, input->len - at));
        break;
    default: /* a word as a whole, a piece of a file */
        if (length > 0 && length <= 32)
            insert(input, at, data, (guint)length);
        else if (length > 0)
            insert(input, at, data + start, MIN(4 * count, (guint)length - start));
    }
}

static void
run_random(GRand *random, const Corpus *corpus)
{
    g_autoptr(GByteArray) input = g_byte_array_new();
    GBytes *file = choose(random, 4) > 0 ? pick(random, corpus->files) : NULL;
    if (file != NULL) {
        gsize length;
        const guint8 *data = g_bytes_get_data(file, &length);
        g_byte_array_append(input, data, (guint)MIN(length, INPUT_MAX_BYTES));
    } else {
        g_byte_array_set_size(input, choose(random, 64));
        for (guint i = 0; i < input->len; i++)
            input->data[i] = random_byte(random);
    }
    for (guint times = choose(random, 6); times > 0; times--)
        damage(random, input, corpus);
    run(input->data, input->len);
}

static guint64
run_seed(const char *number, const Corpus *corpus)
{
    g_autoptr(GRand) random = g_rand_new_with_seed((guint32)strtoul(number, NULL, 10));
    gint64 end_us = g_get_monotonic_time() + SEED_TIME_US;
    guint64 runs = 0;
    while (runs < INPUTS_PER_SEED && g_get_monotonic_time() < end_us) {
        run_random(random, corpus);
        runs++;
    }
    return runs;
}

int
main(int argc, char **argv)
{
    (void)signal(SIGABRT, aborted);
    (void)signal(SIGTRAP, aborted);
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(show_input);
    Corpus corpus = {.files = g_ptr_array_new_with_free_func(free_bytes),
                     .words = g_ptr_array_new_with_free_func(free_bytes)};
    guint64 runs = 0;
    for (int i = 1; i < argc; i++) {
        if (g_str_has_prefix(argv[i], "dict="))
            read_dictionary(argv[i] + strlen("dict="), &corpus);
        else if (g_str_has_prefix(argv[i], "seed="))
            runs += run_seed(argv[i] + strlen("seed="), &corpus);
        else if (g_file_test(argv[i], G_FILE_TEST_IS_DIR))
            runs += run_directory(argv[i], &corpus);
        else
            runs += run_file(argv[i], &corpus);
    }
    g_ptr_array_unref(corpus.files);
    g_ptr_array_unref(corpus.words);
    if (runs == 0)
        g_error("nothing to run: give files, directories or seed=N");
    g_print("%" G_GUINT64_FORMAT " inputs\n", runs);
    return 0;
}
