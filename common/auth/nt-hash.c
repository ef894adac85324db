#include "common/auth/nt-hash-private.h"

#include "common/base/error.h"

#include <string.h>

#define BLOCK_BYTES 64
#define HASH_BYTES  16

/* --- MD4 -------------------------------------------------------------------------------------- */

typedef struct {
    guint32 add;
    guint8 rotate[4];
    guint8 order[16]; /* in which a block's words are taken */
} Round;

static const Round rounds[3] = {
    {0, {3, 7, 11, 19}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
    {0x5a827999, {3, 5, 9, 13}, {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15}},
    {0x6ed9eba1, {3, 9, 11, 15}, {0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15}},
};

static guint32
mix(guint round, guint32 x, guint32 y, guint32 z)
{
    if (round == 0)
        return (x & y) | (~x & z);
    return round == 1 ? (x & y) | (x & z) | (y & z) : x ^ y ^ z;
}

static void
add_block(guint32 state[4], const guint8 *block)
{
    guint32 words[16], s[4];
    memcpy(s, state, sizeof s);
    memcpy(words, block, BLOCK_BYTES);
    for (guint r = 0; r < 3; r++)
        for (guint i = 0; i < 16; i++) {
            guint shift = rounds[r].rotate[i % 4];
            guint32 sum = s[0] + mix(r, s[1], s[2], s[3]) +
                          GUINT32_FROM_LE(words[rounds[r].order[i]]) + rounds[r].add;
            s[0] = s[3];
            s[3] = s[2];
            s[2] = s[1];
            s[1] = sum << shift | sum >> (32 - shift);
        }
    for (guint i = 0; i < 4; i++)
        state[i] += s[i];
    exg_secret_wipe(words, sizeof words);
    exg_secret_wipe(s, sizeof s);
}

static void
md4(const guint8 *bytes, gsize length, guint32 state[4])
{
    static const guint32 start[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    gsize whole = length / BLOCK_BYTES * BLOCK_BYTES, rest = length - whole;
    guint64 bits = GUINT64_TO_LE((guint64)length * 8);
    guint8 end[2 * BLOCK_BYTES] = {0};
    gsize end_length = rest + 1 + sizeof bits <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
    memcpy(state, start, sizeof start);
    for (gsize i = 0; i < whole; i += BLOCK_BYTES)
        add_block(state, bytes + i);
    memcpy(end, bytes + whole, rest);
    end[rest] = 0x80;
    memcpy(end + end_length - sizeof bits, &bits, sizeof bits);
    for (gsize i = 0; i < end_length; i += BLOCK_BYTES)
        add_block(state, end + i);
    exg_secret_wipe(end, sizeof end);
}

/* --- the hash --------------------------------------------------------------------------------- */

ExgSecret *
exg_nt_hash(const ExgSecret *password, GError **error)
{
    glong count;
    gunichar2 *wide = g_utf8_to_utf16(exg_secret_bytes(password),
                                      (glong)exg_secret_length(password), NULL, &count, NULL);
    if (wide == NULL) {
        exg_error_set(error, EXG_ERROR_CONFIG, "NTLM: the password is not in UTF-8");
        return NULL;
    }
    for (glong i = 0; i < count; i++)
        wide[i] = GUINT16_TO_LE(wide[i]);
    guint32 state[4];
    char hex[2 * HASH_BYTES + 1];
    md4((const guint8 *)wide, (gsize)count * sizeof *wide, state);
    for (guint i = 0; i < HASH_BYTES; i++)
        g_snprintf(hex + 2 * i, 3, "%02x", state[i / 4] >> 8 * (i % 4) & 0xff);
    ExgSecret *hash = exg_secret_new(hex, 2 * HASH_BYTES);
    exg_secret_wipe(state, sizeof state);
    exg_secret_wipe(hex, sizeof hex);
    exg_secret_wipe_and_free(wide);
    return hash;
}
