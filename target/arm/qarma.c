/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QARMA5, twice: on nibbles of a number, and, where the host has SSSE3, with a byte for each nibble, so
 * that permutations and tables of 16 are one instruction.
 */
#include "target/arm/qarma.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

static const uint64_t round_constant[5] = {
    0x0000000000000000, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89,
    0x452821e638d01377,
};
static const uint64_t alpha = 0xc0ac29b7c97c50dd;

/* Cells are nibbles, cell 0 the highest. tau and h of the paper, as numbers of nibbles from below:
 * where the nibble that comes to place i is taken from. */
static const uint8_t shuffle_from[16] = { 13, 6, 11, 0, 7, 12, 1, 10, 8, 3, 14, 5, 2, 9, 4, 15 };
static const uint8_t tweak_from[16] = { 4, 5, 6, 7, 11, 2, 3, 8, 12, 13, 14, 15, 0, 1, 10, 9 };
/* Places whose nibble goes through the feedback register after that. */
static const uint16_t tweak_feedback = 1 << 2 | 1 << 4 | 1 << 7 | 1 << 11 | 1 << 12 | 1 << 14 |
                                       1 << 15;
static const uint8_t sbox[16] = {
    0xb, 0x6, 0x8, 0xf, 0xc, 0x0, 0x9, 0xe, 0x3, 0x7, 0x4, 0x5, 0xd, 0x2, 0x1, 0xa,
};

static uint8_t sbox_bytes[2][256]; /* of both nibbles of a byte: sbox and its inverse */

static void __attribute__((constructor)) make_sbox(void)
{
    uint8_t inverse[16];

    for (unsigned i = 0; i < 16; i++)
        inverse[sbox[i]] = (uint8_t)i;
    for (unsigned i = 0; i < 256; i++) {
        sbox_bytes[0][i] = (uint8_t)(sbox[i & 15] | sbox[i >> 4] << 4);
        sbox_bytes[1][i] = (uint8_t)(inverse[i & 15] | inverse[i >> 4] << 4);
    }
}

static uint64_t substitute(uint64_t v, const uint8_t *table)
{
    uint64_t r = 0;

    for (unsigned i = 0; i < 64; i += 8)
        r |= (uint64_t)table[v >> i & 0xff] << i;
    return r;
}

static uint64_t nibble(uint64_t v, unsigned i)
{
    return v >> 4 * i & 15;
}

static uint64_t shuffle(uint64_t v)
{
    uint64_t r = 0;

    for (unsigned i = 0; i < 16; i++)
        r |= nibble(v, shuffle_from[i]) << 4 * i;
    return r;
}

static uint64_t unshuffle(uint64_t v)
{
    uint64_t r = 0;

    for (unsigned i = 0; i < 16; i++)
        r |= nibble(v, i) << 4 * shuffle_from[i];
    return r;
}

/* Every nibble rotated to the left. */
static uint64_t rot1(uint64_t v)
{
    return (v << 1 & 0xeeeeeeeeeeeeeeee) | (v >> 3 & 0x1111111111111111);
}

static uint64_t rot2(uint64_t v)
{
    return (v << 2 & 0xcccccccccccccccc) | (v >> 2 & 0x3333333333333333);
}

static uint64_t rows(uint64_t v, unsigned n)
{
    return v << 16 * n | v >> (64 - 16 * n);
}

/* Columns times the circulant matrix of 0, rho, rho^2, rho. */
static uint64_t mix(uint64_t v)
{
    return rot1(rows(v, 1)) ^ rot2(rows(v, 2)) ^ rot1(rows(v, 3));
}

static uint64_t next_tweak(uint64_t v)
{
    uint64_t r = 0;

    for (unsigned i = 0; i < 16; i++) {
        uint64_t n = nibble(v, tweak_from[i]);
        if (tweak_feedback >> i & 1)
            n = n >> 1 | ((n ^ n >> 1) & 1) << 3;
        r |= n << 4 * i;
    }
    return r;
}

static uint64_t previous_tweak(uint64_t v)
{
    uint64_t r = 0;

    for (unsigned i = 0; i < 16; i++) {
        uint64_t n = nibble(v, i);
        if (tweak_feedback >> i & 1)
            n = (n << 1 & 14) | ((n ^ n >> 3) & 1);
        r |= n << 4 * tweak_from[i];
    }
    return r;
}

uint64_t qarma5_portable(uint64_t text, uint64_t tweak, uint64_t w0, uint64_t k0)
{
    uint64_t w1 = (w0 << 63) | (w0 >> 1 ^ w0 >> 63), v = text ^ w0;

    for (unsigned i = 0; i < 5; i++) {
        v ^= k0 ^ tweak ^ round_constant[i];
        if (i)
            v = mix(shuffle(v));
        v = substitute(v, sbox_bytes[0]);
        tweak = next_tweak(tweak);
    }
    v = mix(shuffle(v ^ w1 ^ tweak));
    v = mix(shuffle(substitute(v, sbox_bytes[0]))) ^ k0;
    v = mix(substitute(unshuffle(v), sbox_bytes[1]));
    v = unshuffle(v) ^ w0 ^ tweak;
    for (unsigned i = 0; i < 5; i++) {
        v = substitute(v, sbox_bytes[1]);
        if (i < 4)
            v = unshuffle(mix(v));
        tweak = previous_tweak(tweak);
        v ^= round_constant[4 - i] ^ k0 ^ tweak ^ alpha;
    }
    return v ^ w1;
}

/* --- a byte for each nibble --- */

#ifdef __x86_64__

#define SSSE3 static inline __attribute__((target("ssse3"), always_inline))

typedef struct Tables {
    __m128i sbox, inverse;      /* of a nibble */
    __m128i omega, omega_back;  /* the tweak's feedback register, a step on and a step back */
    __m128i rot1, rot2;
    __m128i from, back;         /* permutations of the state; places are numbered from below */
    __m128i tweak_from, tweak_back;
    __m128i rows1, rows2, rows3;
    __m128i feedback;           /* all ones where the feedback register is used */
} Tables;

static union {
    Tables v;
    uint8_t bytes[sizeof(Tables) / 16][16];
} tables;

static void __attribute__((constructor)) make_tables(void)
{
    for (unsigned i = 0; i < 16; i++) {
        uint8_t row[] = {
            sbox[i], 0, (uint8_t)(i >> 1 | ((i ^ i >> 1) & 1) << 3),
            (uint8_t)((i << 1 & 14) | ((i ^ i >> 3) & 1)), (uint8_t)rot1(i), (uint8_t)rot2(i),
            shuffle_from[i], 0, tweak_from[i], 0, (uint8_t)((i + 12) & 15), (uint8_t)((i + 8) & 15),
            (uint8_t)((i + 4) & 15), tweak_feedback >> i & 1 ? 0xff : 0,
        };
        for (unsigned n = 0; n < sizeof row; n++)
            if (n != 1 && n != 7 && n != 9)
                tables.bytes[n][i] = row[n];
        tables.bytes[1][sbox[i]] = (uint8_t)i;
        tables.bytes[7][shuffle_from[i]] = (uint8_t)i;
        tables.bytes[9][tweak_from[i]] = (uint8_t)i;
    }
}

SSSE3 __m128i unpack(uint64_t v)
{
    __m128i x = _mm_cvtsi64_si128((long long)v), low = _mm_set1_epi8(15);

    return _mm_unpacklo_epi8(_mm_and_si128(x, low), _mm_and_si128(_mm_srli_epi64(x, 4), low));
}

SSSE3 uint64_t pack(__m128i v)
{
    __m128i x = _mm_maddubs_epi16(v, _mm_set1_epi16(16 << 8 | 1));

    return (uint64_t)_mm_cvtsi128_si64(_mm_packus_epi16(x, x));
}

SSSE3 __m128i lookup(__m128i table, __m128i v)
{
    return _mm_shuffle_epi8(table, v);
}

SSSE3 __m128i permute(__m128i v, __m128i from)
{
    return _mm_shuffle_epi8(v, from);
}

SSSE3 __m128i mix_bytes(const Tables *t, __m128i v)
{
    return _mm_xor_si128(lookup(t->rot1, _mm_xor_si128(permute(v, t->rows1), permute(v, t->rows3))),
                         lookup(t->rot2, permute(v, t->rows2)));
}

SSSE3 __m128i feed(const Tables *t, __m128i table, __m128i tweak)
{
    return _mm_or_si128(_mm_and_si128(t->feedback, lookup(table, tweak)),
                        _mm_andnot_si128(t->feedback, tweak));
}

static __attribute__((target("ssse3"))) uint64_t qarma5_ssse3(uint64_t text, uint64_t tweak,
                                                              uint64_t w0, uint64_t k0)
{
    const Tables *t = &tables.v;
    uint64_t w1 = (w0 << 63) | (w0 >> 1 ^ w0 >> 63);
    __m128i v = unpack(text ^ w0), w = unpack(tweak), k = unpack(k0);

    for (unsigned i = 0; i < 5; i++) {
        v = _mm_xor_si128(_mm_xor_si128(v, w), unpack(k0 ^ round_constant[i]));
        if (i)
            v = mix_bytes(t, permute(v, t->from));
        v = lookup(t->sbox, v);
        w = feed(t, t->omega, permute(w, t->tweak_from));
    }
    v = mix_bytes(t, permute(_mm_xor_si128(_mm_xor_si128(v, w), unpack(w1)), t->from));
    v = _mm_xor_si128(mix_bytes(t, permute(lookup(t->sbox, v), t->from)), k);
    v = mix_bytes(t, lookup(t->inverse, permute(v, t->back)));
    v = _mm_xor_si128(_mm_xor_si128(permute(v, t->back), w), unpack(w0));
    for (unsigned i = 0; i < 5; i++) {
        v = lookup(t->inverse, v);
        if (i < 4)
            v = permute(mix_bytes(t, v), t->back);
        w = permute(feed(t, t->omega_back, w), t->tweak_back);
        v = _mm_xor_si128(_mm_xor_si128(v, w), unpack(round_constant[4 - i] ^ k0 ^ alpha));
    }
    return pack(v) ^ w1;
}

#endif

uint64_t qarma5(uint64_t text, uint64_t tweak, uint64_t w0, uint64_t k0)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("ssse3"))
        return qarma5_ssse3(text, tweak, w0, k0);
#endif
    return qarma5_portable(text, tweak, w0, k0);
}
