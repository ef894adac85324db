/* Runs a fuzz target where there is no libFuzzer:
 *
 *     fuzz_dot FILE… DIRECTORY… seed=N…
 *
 * A file is replayed, and so are all files of a directory. seed=N runs 20,000 inputs made by
 * chance from that number: bytes that matter to mail, and damaged copies of the files given
 * before it. */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define INPUTS_PER_SEED 20000
#define INPUT_MAX_BYTES 512

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static guint64
run_file(const char *path, GPtrArray *corpus)
{
    g_autoptr(GError) error = NULL;
    char *content;
    gsize length;
    if (!g_file_get_contents(path, &content, &length, &error))
        g_error("%s", error->message);
    LLVMFuzzerTestOneInput((const guint8 *)content, length);
    g_ptr_array_add(corpus, g_bytes_new_take(content, length));
    return 1;
}

static guint64
run_directory(const char *path, GPtrArray *corpus)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(path, 0, &error);
    if (dir == NULL)
        g_error("%s", error->message);
    guint64 runs = 0;
    const char *name;
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        if (g_file_test(file, G_FILE_TEST_IS_REGULAR))
            runs += run_file(file, corpus);
    }
    return runs;
}

static guint8
random_byte(GRand *random)
{
    static const char common[] = "\r\n\r\n\r\n..::;;<>@@\"\\ \tabFrom1,[]()+-\0";
    if (g_rand_int_range(random, 0, 16) == 0)
        return (guint8)g_rand_int_range(random, 0, 256);
    return (guint8)common[g_rand_int_range(random, 0, sizeof common - 1)];
}

static void
run_random(GRand *random, GPtrArray *corpus)
{
    g_autoptr(GByteArray) input = g_byte_array_new();
    if (corpus->len > 0 && g_rand_boolean(random)) {
        gsize length;
        GBytes *bytes = g_ptr_array_index(corpus, g_rand_int_range(random, 0, (gint32)corpus->len));
        const guint8 *data = g_bytes_get_data(bytes, &length);
        g_byte_array_append(input, data, (guint)MIN(length, INPUT_MAX_BYTES));
        for (gint32 damage = g_rand_int_range(random, 1, 6); damage > 0 && input->len > 0; damage--)
            input->data[g_rand_int_range(random, 0, (gint32)input->len)] = random_byte(random);
    } else {
        g_byte_array_set_size(input, (guint)g_rand_int_range(random, 0, 64));
        for (guint i = 0; i < input->len; i++)
            input->data[i] = random_byte(random);
    }
    /* Of exactly this size, so that a sanitizer sees any look past it. */
    gsize length = input->len;
    g_autofree guint8 *exact = g_memdup2(input->data, length);
    LLVMFuzzerTestOneInput(exact, length);
}

int
main(int argc, char **argv)
{
    g_autoptr(GPtrArray) corpus = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    guint64 runs = 0;
    for (int i = 1; i < argc; i++) {
        if (g_str_has_prefix(argv[i], "seed=")) {
            g_autoptr(GRand) random = g_rand_new_with_seed((guint32)strtoul(argv[i] + 5, NULL, 10));
            for (guint j = 0; j < INPUTS_PER_SEED; j++, runs++)
                run_random(random, corpus);
        } else if (g_file_test(argv[i], G_FILE_TEST_IS_DIR)) {
            runs += run_directory(argv[i], corpus);
        } else {
            runs += run_file(argv[i], corpus);
        }
    }
    if (runs == 0)
        g_error("nothing to run: give files, directories or seed=N");
    g_print("%" G_GUINT64_FORMAT " inputs\n", runs);
    return 0;
}
