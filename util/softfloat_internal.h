/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the softfloat_*.c files share: the format descriptors, the unpacked number and the
 * rounding step.  See include/util/softfloat.h for the documents.  Not for other users.
 */
#ifndef SOSIA_UTIL_SOFTFLOAT_INTERNAL_H
#define SOSIA_UTIL_SOFTFLOAT_INTERNAL_H

#include <stddef.h>

#include "util/softfloat.h"

typedef unsigned __int128 FpU128;

typedef struct FpFormat {
    uint8_t frac_bits; /* stored, without the implicit one */
    uint8_t sign_bit;  /* position */
    bool is_half;      /* binary16, which conversions treat apart */
    int32_t bias;
    int32_t exp_max; /* the all-ones exponent field */
} FpFormat;

/* static const in a header so that a caller's constant descriptor folds away. */
static const FpFormat fp_format_f16 = { 10, 15, true, 15, 31 };
static const FpFormat fp_format_bf16 = { 7, 15, false, 127, 255 };
static const FpFormat fp_format_f32 = { 23, 31, false, 127, 255 };
static const FpFormat fp_format_f64 = { 52, 63, false, 1023, 2047 };

/* X(format, raw type) */
#define FP_FORMATS(X) X(f16, uint16_t) X(bf16, uint16_t) X(f32, uint32_t) X(f64, uint64_t)

typedef enum FpKind {
    FP_KIND_ZERO,
    FP_KIND_NORMAL, /* any finite nonzero number */
    FP_KIND_INF,
    FP_KIND_QNAN,
    FP_KIND_SNAN,
} FpKind;

/*
 * A number is frac / 2^63 * 2^exp with the top bit of frac set.  Bit 0 doubles as sticky bit:
 * when set it may stand for any excess strictly between its neighbours, which is harmless as
 * long as the rounding point is at least two bits higher (it is 11 bits higher in f64).  A NaN
 * has its stored fraction in frac, the quiet bit at bit 62.
 */
typedef struct FpParts {
    uint64_t frac;
    int32_t exp;
    uint8_t kind;
    uint8_t sign;
    uint8_t denormal; /* came from a subnormal that was not flushed */
} FpParts;

#define FP_QUIET_BIT (1ull << 62)
#define FP_TOP_BIT (1ull << 63)

static inline bool fp_parts_nan(FpParts p)
{
    return p.kind >= FP_KIND_QNAN;
}

/* Bits of a number's fraction field, sign and infinity, in the format's own layout. */
static inline uint64_t fp_frac_mask(const FpFormat *f)
{
    return (1ull << f->frac_bits) - 1;
}

static inline uint64_t fp_sign_mask(const FpFormat *f)
{
    return 1ull << f->sign_bit;
}

static inline uint64_t fp_inf_bits(const FpFormat *f)
{
    return (uint64_t)f->exp_max << f->frac_bits;
}

static inline bool fp_raw_nan(const FpFormat *f, uint64_t raw)
{
    return (raw & (fp_sign_mask(f) - 1)) > fp_inf_bits(f);
}

static inline bool fp_raw_snan(const FpFormat *f, uint64_t raw)
{
    return fp_raw_nan(f, raw) && !(raw >> (f->frac_bits - 1) & 1);
}

static inline bool fp_raw_subnormal(const FpFormat *f, uint64_t raw)
{
    uint64_t magnitude = raw & (fp_sign_mask(f) - 1);

    return magnitude != 0 && magnitude <= fp_frac_mask(f);
}

static inline void fp_raise(FpStatus *st, unsigned flags)
{
    st->flags |= (uint8_t)flags;
}

/* FP_FLAG_ID in its Arm meaning, for an operand that has just been flushed. */
static inline void fp_raise_flushed(const FpFormat *f, FpStatus *st)
{
    if (st->nan_policy != FP_NAN_X86 && !f->is_half) {
        fp_raise(st, FP_FLAG_ID);
    }
}

/*
 * FP_FLAG_ID in its x86 meaning.  Called once an operation knows that nothing of higher
 * priority happened (SDM vol. 1, 4.9.2).
 */
static inline void fp_raise_used(bool denormal, FpStatus *st)
{
    if (denormal && st->nan_policy == FP_NAN_X86) {
        fp_raise(st, FP_FLAG_ID);
    }
}

/* Shifts that keep what falls out as a sticky bit. */
static inline uint64_t fp_shift_jam64(uint64_t v, uint32_t n)
{
    if (n == 0) {
        return v;
    }
    return n < 64 ? v >> n | (v << (64 - n) != 0) : v != 0;
}

static inline FpU128 fp_shift_jam128(FpU128 v, uint32_t n)
{
    if (n == 0) {
        return v;
    }
    return n < 128 ? v >> n | (v << (128 - n) != 0) : v != 0;
}

/*
 * What to add to a magnitude before dropping the bits of mask, a run of low ones.  FP_RTO adds
 * nothing; its users set the last bit afterwards.
 */
static inline uint64_t fp_round_increment(uint8_t rm, bool sign, uint64_t mask, bool odd)
{
    switch (rm) {
    case FP_RNE:
        return (mask >> 1) + odd;
    case FP_RMM:
        return (mask >> 1) + 1;
    case FP_RDN:
        return sign ? mask : 0;
    case FP_RUP:
        return sign ? 0 : mask;
    default:
        return 0;
    }
}

/* Out-of-range scales all behave alike; clamping keeps exponent sums far from overflow. */
static inline int32_t fp_clamp_scale(int scale)
{
    return scale > 0x10000 ? 0x10000 : scale < -0x10000 ? -0x10000 : scale;
}

FpParts fp_unpack(const FpFormat *f, uint64_t raw, FpStatus *st);
uint64_t fp_round_pack(const FpFormat *f, FpParts p, FpStatus *st);
/* The same for conversions between formats: no flushing of halves, and f16_ahp applies. */
FpParts fp_unpack_convert(const FpFormat *f, uint64_t raw, FpStatus *st);
uint64_t fp_round_pack_convert(const FpFormat *f, FpParts p, FpStatus *st);

FpParts fp_default_nan(const FpStatus *st);
/* The default NaN, with NV raised. */
FpParts fp_invalid(FpStatus *st);
/* The NaN that comes out of n operands of which at least one is a NaN. */
FpParts fp_pick_nan(const FpParts *ops, int n, FpStatus *st);

/*
 * Integral magnitude of a finite p rounded by rm, for p below 2^64; *inexact says whether
 * anything was dropped.
 */
uint64_t fp_round_magnitude(FpParts p, uint8_t rm, bool *inexact);

#endif
