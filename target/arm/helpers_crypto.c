/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A64 cryptography: AES, SHA-1, SHA-2, SHA-3, SM3, SM4 (DDI 0487 C7.2 and its shared functions;
 * FIPS 180-4, FIPS 197, GB/T 32905, GB/T 32907). AES and SHA-256 are done by the host's
 * instructions where it has them.
 */
#include "target/arm/simd.h"

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

enum { VECTORS = IR_READS | IR_WRITES };
#define HELPER(n)                                                                              \
    const IrHelper arm_helper_##n = { #n, (void *)helper_##n, 1, false, VECTORS };
/* Functions of the registers as words, or as double words. */
#define HELPER_W(n, words)                                                                     \
    static uint64_t helper_##n(Cpu *cpu, uint64_t desc)                                        \
    {                                                                                          \
        do_##n((words *)simd_v(cpu, desc, SIMD_RD), (const words *)simd_v(cpu, desc, SIMD_RN), \
               (const words *)simd_v(cpu, desc, SIMD_RM),                                      \
               (const words *)simd_v(cpu, desc, SIMD_RA), simd_imm(desc));                     \
        return 0;                                                                              \
    }                                                                                          \
    HELPER(n)
#define FUNCTION(name, words)                                                                  \
    static inline void do_##name(words *d, const words *n, const words *m, const words *a,     \
                                 unsigned imm)

static inline uint32_t rol32(uint32_t v, unsigned n) { return v << n | v >> (32 - n); }
static inline uint32_t ror32(uint32_t v, unsigned n) { return v >> n | v << (32 - n); }
static inline uint64_t ror64(uint64_t v, unsigned n) { return n ? v >> n | v << (64 - n) : v; }
static inline uint32_t choose(uint32_t x, uint32_t y, uint32_t z) { return ((y ^ z) & x) ^ z; }
static inline uint32_t majority(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) | ((x | y) & z);
}

/* --- S-boxes --- */

static uint8_t aes_box[256], aes_inverse[256], sm4_box[256];

/* Product in GF(2^8) by the polynomial. */
static uint8_t gf_mul(unsigned a, unsigned b, unsigned poly)
{
    unsigned r = 0;

    for (; b; b >>= 1) {
        r ^= b & 1 ? a : 0;
        a = a << 1 ^ (a & 0x80 ? poly : 0);
    }
    return (uint8_t)r;
}

/* Bit i of the result is the parity of x and `row` turned left by i; then plus c. */
static uint8_t affine(uint8_t x, uint8_t row, uint8_t c)
{
    unsigned r = 0;

    for (unsigned i = 0; i < 8; i++)
        r |= (unsigned)__builtin_parity(x & (row << i | row >> (8 - i)) & 0xff) << i;
    return (uint8_t)(r ^ c);
}

/* x^254, the inverse where there is one */
static uint8_t gf_inverse(uint8_t x, unsigned poly)
{
    uint8_t r = 1, power = x;

    for (unsigned e = 254; e; e >>= 1) {
        if (e & 1)
            r = gf_mul(r, power, poly);
        power = gf_mul(power, power, poly);
    }
    return r;
}

static void __attribute__((constructor)) make_boxes(void)
{
    for (unsigned x = 0; x < 256; x++) {
        aes_box[x] = affine(gf_inverse((uint8_t)x, 0x11b), 0xf1, 0x63);
        aes_inverse[aes_box[x]] = (uint8_t)x;
        sm4_box[x] = affine(gf_inverse(affine((uint8_t)x, 0xa7, 0xd3), 0x1f5), 0xa7, 0xd3);
    }
}

/* --- AES --- */

#ifdef __x86_64__
typedef __m128i __attribute__((may_alias)) Block;

static bool host_aes, host_sha;

static void __attribute__((constructor)) ask_host(void)
{
    unsigned a, b = 0, c, d;

    __builtin_cpu_init();
    host_aes = __builtin_cpu_supports("aes") != 0;
    /* Not every compiler's builtin knows SHA: leaf 7, EBX bit 29. */
    host_sha = __get_cpuid_count(7, 0, &a, &b, &c, &d) && b >> 29 & 1;
}
static inline __attribute__((target("aes"))) void host_aese(Block *d, const Block *n)
{
    *d = _mm_aesenclast_si128(_mm_xor_si128(*d, *n), _mm_setzero_si128());
}
static inline __attribute__((target("aes"))) void host_aesd(Block *d, const Block *n)
{
    *d = _mm_aesdeclast_si128(_mm_xor_si128(*d, *n), _mm_setzero_si128());
}
static inline __attribute__((target("aes"))) void host_aesmc(Block *d, const Block *n)
{
    __m128i zero = _mm_setzero_si128();

    *d = _mm_aesenc_si128(_mm_aesdeclast_si128(*n, zero), zero);
}
static inline __attribute__((target("aes"))) void host_aesimc(Block *d, const Block *n)
{
    *d = _mm_aesimc_si128(*n);
}
#define HOST(n)                                                                                \
    if (host_aes) {                                                                            \
        host_##n((Block *)d, (const Block *)n_);                                               \
        return;                                                                                \
    }
#else
#define HOST(n)
#endif

static void substitute(uint8_t *d, const uint8_t *n, const uint8_t *box, unsigned step)
{
    uint8_t x[16];

    for (unsigned i = 0; i < 16; i++)
        x[i] = d[i] ^ n[i];
    for (unsigned i = 0; i < 16; i++)
        d[i] = box[x[(i + step * (i & 3)) & 15]];
}
static void mix_columns(uint8_t *d, const uint8_t *n, const uint8_t *factors)
{
    uint8_t r[16];

    for (unsigned i = 0; i < 16; i++) {
        r[i] = 0;
        for (unsigned k = 0; k < 4; k++)
            r[i] ^= gf_mul(n[(i & 12) + ((i + k) & 3)], factors[k], 0x11b);
    }
    memcpy(d, r, sizeof r);
}
static inline void do_aese(uint8_t *d, const uint8_t *n_)
{
    HOST(aese)
    substitute(d, n_, aes_box, 4);
}
static inline void do_aesd(uint8_t *d, const uint8_t *n_)
{
    HOST(aesd)
    substitute(d, n_, aes_inverse, 12);
}
static inline void do_aesmc(uint8_t *d, const uint8_t *n_)
{
    HOST(aesmc)
    mix_columns(d, n_, (const uint8_t[]){ 2, 3, 1, 1 });
}
static inline void do_aesimc(uint8_t *d, const uint8_t *n_)
{
    HOST(aesimc)
    mix_columns(d, n_, (const uint8_t[]){ 14, 11, 13, 9 });
}
#define AES(n)                                                                                 \
    static uint64_t helper_##n(Cpu *cpu, uint64_t desc)                                        \
    {                                                                                          \
        do_##n((uint8_t *)simd_v(cpu, desc, SIMD_RD),                                          \
               (const uint8_t *)simd_v(cpu, desc, SIMD_RN));                                   \
        return 0;                                                                              \
    }                                                                                          \
    HELPER(n)
AES(aese)
AES(aesd)
AES(aesmc)
AES(aesimc)

/* --- SHA-1: d has a to d, n has e --- */

typedef uint32_t LogicFn(uint32_t x, uint32_t y, uint32_t z);

static inline void sha1_rounds(uint32_t *d, uint32_t e, const uint32_t *w, LogicFn *logic)
{
    uint32_t x[4], k[4];

    memcpy(x, d, sizeof x);
    memcpy(k, w, sizeof k);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = e + rol32(x[0], 5) + logic(x[1], x[2], x[3]) + k[i];
        e = x[3];
        x[3] = x[2];
        x[2] = rol32(x[1], 30);
        x[1] = x[0];
        x[0] = t;
    }
    memcpy(d, x, sizeof x);
}
static inline uint32_t parity(uint32_t x, uint32_t y, uint32_t z) { return x ^ y ^ z; }
FUNCTION(sha1c, uint32_t) { sha1_rounds(d, n[0], m, choose); }
FUNCTION(sha1p, uint32_t) { sha1_rounds(d, n[0], m, parity); }
FUNCTION(sha1m, uint32_t) { sha1_rounds(d, n[0], m, majority); }
FUNCTION(sha1h, uint32_t)
{
    uint32_t v = rol32(n[0], 30);

    memset(d, 0, 16);
    d[0] = v;
}
FUNCTION(sha1su0, uint32_t)
{
    uint32_t r[4] = { d[2] ^ d[0] ^ m[0], d[3] ^ d[1] ^ m[1], n[0] ^ d[2] ^ m[2],
                      n[1] ^ d[3] ^ m[3] };

    memcpy(d, r, sizeof r);
}
FUNCTION(sha1su1, uint32_t)
{
    uint32_t t[4] = { d[0] ^ n[1], d[1] ^ n[2], d[2] ^ n[3], d[3] };

    for (unsigned i = 0; i < 4; i++)
        d[i] = rol32(t[i], 1) ^ (i == 3 ? rol32(t[0], 2) : 0);
}
HELPER_W(sha1c, uint32_t)
HELPER_W(sha1p, uint32_t)
HELPER_W(sha1m, uint32_t)
HELPER_W(sha1h, uint32_t)
HELPER_W(sha1su0, uint32_t)
HELPER_W(sha1su1, uint32_t)

/* --- SHA-256: x has a to d, y has e to h --- */

#ifdef __x86_64__
#define SHA static inline __attribute__((target("sha,ssse3")))

/* The host's instructions keep a, b, e, f in one register and c, d, g, h in the other, the first
 * of them on top; one does two rounds. */
SHA void host_sha256_rounds(Block *to, const Block *x, const Block *y, const Block *w, bool first)
{
    __m128 xs = _mm_castsi128_ps(*x), ys = _mm_castsi128_ps(*y);
    __m128i abef = _mm_castps_si128(_mm_shuffle_ps(ys, xs, _MM_SHUFFLE(0, 1, 0, 1)));
    __m128i cdgh = _mm_castps_si128(_mm_shuffle_ps(ys, xs, _MM_SHUFFLE(2, 3, 2, 3)));
    __m128i k = *w;
    __m128i abef1 = _mm_sha256rnds2_epu32(cdgh, abef, k);
    __m128i abef2 = _mm_sha256rnds2_epu32(abef, abef1, _mm_srli_si128(k, 8));
    __m128 high = _mm_castsi128_ps(abef2), low = _mm_castsi128_ps(abef1);

    *to = _mm_castps_si128(first ? _mm_shuffle_ps(high, low, _MM_SHUFFLE(2, 3, 2, 3))
                                 : _mm_shuffle_ps(high, low, _MM_SHUFFLE(0, 1, 0, 1)));
}
SHA void host_sha256su0(Block *d, const Block *n)
{
    *d = _mm_sha256msg1_epu32(*d, *n);
}
SHA void host_sha256su1(Block *d, const Block *n, const Block *m)
{
    *d = _mm_sha256msg2_epu32(_mm_add_epi32(*d, _mm_alignr_epi8(*m, *n, 4)), *m);
}
#define HOST_SHA(call)                                                                         \
    if (host_sha) {                                                                            \
        call;                                                                                  \
        return;                                                                                \
    }
#else
#define HOST_SHA(call)
#endif

static inline void sha256_rounds(uint32_t *to, const uint32_t *x_, const uint32_t *y_,
                                 const uint32_t *w, bool first)
{
    uint32_t x[4], y[4], k[4];

    HOST_SHA(host_sha256_rounds((Block *)to, (const Block *)x_, (const Block *)y_,
                                (const Block *)w, first))
    memcpy(x, x_, sizeof x);
    memcpy(y, y_, sizeof y);
    memcpy(k, w, sizeof k);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = y[3] + (ror32(y[0], 6) ^ ror32(y[0], 11) ^ ror32(y[0], 25)) +
                     choose(y[0], y[1], y[2]) + k[i];
        uint32_t u = t + (ror32(x[0], 2) ^ ror32(x[0], 13) ^ ror32(x[0], 22)) +
                     majority(x[0], x[1], x[2]);
        t += x[3];
        memmove(y + 1, y, 12);
        memmove(x + 1, x, 12);
        y[0] = t;
        x[0] = u;
    }
    memcpy(to, first ? x : y, 16);
}
FUNCTION(sha256h, uint32_t) { sha256_rounds(d, d, n, m, true); }
FUNCTION(sha256h2, uint32_t) { sha256_rounds(d, n, d, m, false); }
FUNCTION(sha256su0, uint32_t)
{
    HOST_SHA(host_sha256su0((Block *)d, (const Block *)n))
    uint32_t t[4] = { d[1], d[2], d[3], n[0] };

    for (unsigned i = 0; i < 4; i++)
        d[i] += ror32(t[i], 7) ^ ror32(t[i], 18) ^ t[i] >> 3;
}
FUNCTION(sha256su1, uint32_t)
{
    HOST_SHA(host_sha256su1((Block *)d, (const Block *)n, (const Block *)m))
    uint32_t t0[4] = { n[1], n[2], n[3], m[0] }, r[4], x[4] = { m[2], m[3] };

    for (unsigned i = 0; i < 4; i++) {
        r[i] = (ror32(x[i], 17) ^ ror32(x[i], 19) ^ x[i] >> 10) + d[i] + t0[i];
        if (i < 2)
            x[i + 2] = r[i];
    }
    memcpy(d, r, sizeof r);
}
HELPER_W(sha256h, uint32_t)
HELPER_W(sha256h2, uint32_t)
HELPER_W(sha256su0, uint32_t)
HELPER_W(sha256su1, uint32_t)

/* --- SHA-512, SHA-3 --- */

FUNCTION(sha512h, uint64_t)
{
    uint64_t high = ((m[1] & n[0]) ^ (~m[1] & n[1])) +
                    (ror64(m[1], 14) ^ ror64(m[1], 18) ^ ror64(m[1], 41)) + d[1];
    uint64_t t = high + m[0];
    uint64_t low = ((t & m[1]) ^ (~t & n[0])) + (ror64(t, 14) ^ ror64(t, 18) ^ ror64(t, 41)) + d[0];

    d[0] = low;
    d[1] = high;
}
FUNCTION(sha512h2, uint64_t)
{
    uint64_t high = ((n[0] & m[1]) ^ (n[0] & m[0]) ^ (m[1] & m[0])) +
                    (ror64(m[0], 28) ^ ror64(m[0], 34) ^ ror64(m[0], 39)) + d[1];
    uint64_t low = ((high & m[0]) ^ (high & m[1]) ^ (m[1] & m[0])) +
                   (ror64(high, 28) ^ ror64(high, 34) ^ ror64(high, 39)) + d[0];

    d[0] = low;
    d[1] = high;
}
FUNCTION(sha512su0, uint64_t)
{
    uint64_t w1 = d[1], x0 = n[0];

    d[0] += ror64(w1, 1) ^ ror64(w1, 8) ^ w1 >> 7;
    d[1] += ror64(x0, 1) ^ ror64(x0, 8) ^ x0 >> 7;
}
FUNCTION(sha512su1, uint64_t)
{
    uint64_t r[2];

    for (unsigned i = 0; i < 2; i++)
        r[i] = d[i] + (ror64(n[i], 19) ^ ror64(n[i], 61) ^ n[i] >> 6) + m[i];
    memcpy(d, r, sizeof r);
}
FUNCTION(rax1, uint64_t)
{
    uint64_t r[2] = { n[0] ^ ror64(m[0], 63), n[1] ^ ror64(m[1], 63) };

    memcpy(d, r, sizeof r);
}
FUNCTION(xar, uint64_t)
{
    uint64_t r[2] = { ror64(n[0] ^ m[0], imm), ror64(n[1] ^ m[1], imm) };

    memcpy(d, r, sizeof r);
}
HELPER_W(sha512h, uint64_t)
HELPER_W(sha512h2, uint64_t)
HELPER_W(sha512su0, uint64_t)
HELPER_W(sha512su1, uint64_t)
HELPER_W(rax1, uint64_t)
HELPER_W(xar, uint64_t)

/* --- SM3 --- */

FUNCTION(sm3partw1, uint32_t)
{
    uint32_t r[4];

    for (unsigned i = 0; i < 4; i++) {
        r[i] = d[i] ^ n[i] ^ rol32(i < 3 ? m[i + 1] : r[0], 15);
        r[i] ^= rol32(r[i], 15) ^ rol32(r[i], 23);
    }
    memcpy(d, r, sizeof r);
}
FUNCTION(sm3partw2, uint32_t)
{
    uint32_t t[4], u;

    for (unsigned i = 0; i < 4; i++)
        t[i] = n[i] ^ rol32(m[i], 7);
    u = rol32(t[0], 15);
    for (unsigned i = 0; i < 4; i++)
        d[i] ^= t[i];
    d[3] ^= u ^ rol32(u, 15) ^ rol32(u, 23);
}
FUNCTION(sm3ss1, uint32_t)
{
    uint32_t v = rol32(rol32(n[3], 12) + m[3] + a[3], 7);

    memset(d, 0, 16);
    d[3] = v;
}

static inline void sm3_tt1(uint32_t *d, const uint32_t *n, uint32_t w, uint32_t logic)
{
    uint32_t t = logic + d[0] + (n[3] ^ rol32(d[3], 12)) + w;
    uint32_t r[4] = { d[1], rol32(d[2], 9), d[3], t };

    memcpy(d, r, sizeof r);
}
static inline void sm3_tt2(uint32_t *d, const uint32_t *n, uint32_t w, uint32_t logic)
{
    uint32_t t = logic + d[0] + n[3] + w;
    uint32_t r[4] = { d[1], rol32(d[2], 19), d[3], t ^ rol32(t, 9) ^ rol32(t, 17) };

    memcpy(d, r, sizeof r);
}
FUNCTION(sm3tt1a, uint32_t) { sm3_tt1(d, n, m[imm], parity(d[1], d[2], d[3])); }
FUNCTION(sm3tt1b, uint32_t) { sm3_tt1(d, n, m[imm], majority(d[1], d[2], d[3])); }
FUNCTION(sm3tt2a, uint32_t) { sm3_tt2(d, n, m[imm], parity(d[1], d[2], d[3])); }
FUNCTION(sm3tt2b, uint32_t) { sm3_tt2(d, n, m[imm], choose(d[3], d[2], d[1])); }
HELPER_W(sm3partw1, uint32_t)
HELPER_W(sm3partw2, uint32_t)
HELPER_W(sm3ss1, uint32_t)
HELPER_W(sm3tt1a, uint32_t)
HELPER_W(sm3tt1b, uint32_t)
HELPER_W(sm3tt2a, uint32_t)
HELPER_W(sm3tt2b, uint32_t)

/* --- SM4 --- */

static inline uint32_t sm4_substitute(uint32_t v)
{
    return sm4_box[v & 255] | (uint32_t)sm4_box[v >> 8 & 255] << 8 |
           (uint32_t)sm4_box[v >> 16 & 255] << 16 | (uint32_t)sm4_box[v >> 24] << 24;
}
static inline void sm4_rounds(uint32_t *d, const uint32_t *x_, const uint32_t *k_, bool key)
{
    uint32_t x[4], k[4];

    memcpy(x, x_, sizeof x);
    memcpy(k, k_, sizeof k);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = sm4_substitute(x[3] ^ x[2] ^ x[1] ^ k[i]);
        t ^= key ? rol32(t, 13) ^ rol32(t, 23) :
             rol32(t, 2) ^ rol32(t, 10) ^ rol32(t, 18) ^ rol32(t, 24);
        t ^= x[0];
        memmove(x, x + 1, 12);
        x[3] = t;
    }
    memcpy(d, x, sizeof x);
}
FUNCTION(sm4e, uint32_t) { sm4_rounds(d, d, n, false); }
FUNCTION(sm4ekey, uint32_t) { sm4_rounds(d, n, m, true); }
HELPER_W(sm4e, uint32_t)
HELPER_W(sm4ekey, uint32_t)
