/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bit fields, alignment and unaligned little/big-endian access. */
#ifndef UTIL_BITS_H
#define UTIL_BITS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define BIT(n) (1ULL << (n))
#define MASK(n) ((n) >= 64 ? ~0ULL : (1ULL << ((n) & 63)) - 1)
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define ALIGN_DOWN(x, a) ((x) & ~((uint64_t)(a) - 1))
#define ALIGN_UP(x, a) ALIGN_DOWN((uint64_t)(x) + (a) - 1, a)

/* Bits [start, start + len) of v. */
static inline uint64_t bits_get(uint64_t v, unsigned start, unsigned len)
{
    return v >> start & MASK(len);
}

static inline uint64_t bits_set(uint64_t v, unsigned start, unsigned len, uint64_t field)
{
    uint64_t m = MASK(len) << start;
    return (v & ~m) | (field << start & m);
}

static inline int64_t sign_extend(uint64_t v, unsigned len)
{
    return (int64_t)(v << (64 - len)) >> (64 - len);
}

static inline bool is_pow2(uint64_t v)
{
    return v && !(v & (v - 1));
}

#define BITS_LOAD_STORE(n)                                                                     \
    static inline uint##n##_t load_u##n(const void *p)                                         \
    {                                                                                          \
        uint##n##_t v;                                                                         \
        memcpy(&v, p, sizeof v);                                                               \
        return v;                                                                              \
    }                                                                                          \
    static inline void store_u##n(void *p, uint##n##_t v)                                      \
    {                                                                                          \
        memcpy(p, &v, sizeof v);                                                               \
    }
BITS_LOAD_STORE(8)
BITS_LOAD_STORE(16)
BITS_LOAD_STORE(32)
BITS_LOAD_STORE(64)
#undef BITS_LOAD_STORE

/* The host is little-endian (configure refuses others), so le is plain. */
#define load_le16 load_u16
#define load_le32 load_u32
#define load_le64 load_u64
#define store_le16 store_u16
#define store_le32 store_u32
#define store_le64 store_u64
static inline uint16_t load_be16(const void *p) { return __builtin_bswap16(load_u16(p)); }
static inline uint32_t load_be32(const void *p) { return __builtin_bswap32(load_u32(p)); }
static inline uint64_t load_be64(const void *p) { return __builtin_bswap64(load_u64(p)); }
static inline void store_be16(void *p, uint16_t v) { store_u16(p, __builtin_bswap16(v)); }
static inline void store_be32(void *p, uint32_t v) { store_u32(p, __builtin_bswap32(v)); }
static inline void store_be64(void *p, uint64_t v) { store_u64(p, __builtin_bswap64(v)); }

#endif
