/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of the test of util/softfloat.  Values of all formats are uint64_t here.
 *
 *   formats.c   the functions of every format behind one table, sf_formats
 *   operands.c  special values and random ones
 *   oracle.c    the exact result, from integers and the rules of RISC-V and Arm
 *   check.c     the modes to run in, comparison with what is wanted, counts
 *   exact.c, compare.c, int.c, convert.c
 *               the tests against the oracle
 *   host.c      the tests against the host's instructions
 *
 * test_softfloat.c lists the tests.
 */
#ifndef TESTS_UNIT_SOFTFLOAT_TEST_H
#define TESTS_UNIT_SOFTFLOAT_TEST_H

#include <glib.h>

#include "util/softfloat.h"

typedef unsigned __int128 U128;

/* ---- formats.c ---- */

typedef enum Op { ADD, SUB, MUL, DIV, SQRT, FMA, N_OPS, CVT = N_OPS } Op;
/* By Op: names for reports, and how many operands there are. */
extern const char *const sf_op_names[];
extern const int sf_op_arity[];

typedef enum FormatId { F16, BF16, F32, F64, N_FORMATS } FormatId;

typedef struct Format {
    const char *name;
    int frac;
    int bias;
    int bits;
    uint64_t (*op[N_OPS])(uint64_t a, uint64_t b, uint64_t c, FpStatus *st);
    uint64_t (*muladd)(uint64_t a, uint64_t b, uint64_t c, int scale, unsigned neg, FpStatus *st);
    uint64_t (*min_max[6])(uint64_t a, uint64_t b, FpStatus *st);
    FpRelation (*compare[2])(uint64_t a, uint64_t b, FpStatus *st);
    unsigned (*predicates)(uint64_t a, uint64_t b, bool signaling, FpStatus *st);
    uint64_t (*round_to_int)(uint64_t a, uint8_t rm, bool exact, FpStatus *st);
    uint64_t (*scalbn)(uint64_t a, int n, FpStatus *st);
    /* i16, u16, i32, u32, i64, u64 */
    uint64_t (*to_int[6])(uint64_t a, int scale, uint8_t rm, FpIntPolicy policy, FpStatus *st);
    uint64_t (*from_int[6])(uint64_t v, int scale, FpStatus *st);
    uint64_t (*from[N_FORMATS])(uint64_t a, FpStatus *st);
    unsigned (*classify)(uint64_t a);
    uint64_t (*default_nan)(const FpStatus *st);
} Format;

extern const Format sf_formats[N_FORMATS];

/* Written here once more, independently of util/softfloat. */
static inline uint64_t sign_of(const Format *f) { return 1ull << (f->bits - 1); }
static inline uint64_t mag(const Format *f, uint64_t v) { return v & (sign_of(f) - 1); }
static inline bool is_neg(const Format *f, uint64_t v) { return (v & sign_of(f)) != 0; }
static inline uint64_t inf_of(const Format *f) { return (2ull * f->bias + 1) << f->frac; }
static inline bool is_inf(const Format *f, uint64_t v) { return mag(f, v) == inf_of(f); }
static inline bool is_nan(const Format *f, uint64_t v) { return mag(f, v) > inf_of(f); }
static inline bool is_sub(const Format *f, uint64_t v)
{
    return mag(f, v) && mag(f, v) >> f->frac == 0;
}
static inline uint64_t quiet(const Format *f, uint64_t v) { return v | 1ull << (f->frac - 1); }
static inline bool is_snan(const Format *f, uint64_t v) { return is_nan(f, v) && quiet(f, v) != v; }
static inline int exp_field(const Format *f, uint64_t v) { return (int)(mag(f, v) >> f->frac); }

/* ---- operands.c ---- */

/* 64 random bits, the same ones in every run */
uint64_t sf_rnd(void);
/* A random number less than n */
unsigned sf_below(unsigned n);
/* Fills g with special values of both signs, about half of them if small; returns how many. */
int sf_make_grid(const Format *f, bool small, uint64_t *g);
#define GRID_MAX 80
/* Either sign, and an exponent field near exp that is clamped to the format; few NaNs */
uint64_t sf_random_with_exp(const Format *f, int exp);
/* Subnormal, around one, or anything */
uint64_t sf_random_value(const Format *f);
/* Three operands for op whose result is often hard to round, tiny or cancelled */
void sf_random_operands(const Format *f, Op op, uint64_t *v);

/* ---- oracle.c ---- */

typedef struct Dyadic { /* (-1)^neg * m * 2^e */
    U128 m;
    int e;
    bool neg;
} Dyadic;

/* The exact value of a finite v */
static inline Dyadic dyadic(const Format *f, uint64_t v)
{
    uint64_t m = mag(f, v) & ((1ull << f->frac) - 1);
    int exp = exp_field(f, v);

    return (Dyadic){
        .m = exp ? m | 1ull << f->frac : m,
        .e = MAX(exp, 1) - f->bias - f->frac,
        .neg = is_neg(f, v),
    };
}

static inline Dyadic minus(Dyadic a)
{
    a.neg = !a.neg;
    return a;
}

/* The sign of a sum, by adding long integers: -1, 0, 1 */
int sf_sign_of_sum(const Dyadic *t, int n);

/* An exact number x, as the result of an operation on finite operands. */
typedef struct Exact {
    Op op;
    Dyadic a, b, c;
    int sign; /* -1, 0, 1 */
} Exact;

/*
 * Round x to f as st says, and add the flags that this raises.  hint is a guess of the result's
 * bits, which only saves time.
 */
uint64_t sf_round_exact(const Format *f, Exact *x, const FpStatus *st, uint64_t hint,
                        unsigned *flags);
/* v as an operation sees it: with flush_inputs a subnormal is zero, and raises ID but in half. */
uint64_t sf_flushed(const Format *f, uint64_t v, const FpStatus *st, unsigned *flags);
/* The NaN that comes from n operands of which at least one is one, in the order looked at */
uint64_t sf_nan_result(const Format *f, const uint64_t *v, int n, const FpStatus *st,
                       unsigned *flags);
/* What an operation must give on RISC-V or Arm */
uint64_t sf_expect(const Format *f, Op op, const uint64_t *operands, const FpStatus *st,
                   uint64_t hint, unsigned *flags);

/* ---- check.c ---- */

/* kind 0: RISC-V; 1: Arm; 2: Arm, flushing all; 3: Arm, 4: RISC-V, flushing outputs alone */
#define N_KINDS 5
FpStatus sf_make_status(int kind, uint8_t rm);

static inline bool agrees(uint64_t got, unsigned got_flags, uint64_t want, unsigned want_flags)
{
    return got == want && got_flags == want_flags;
}

/* Counts a check of got and st->flags; prints the first failures with v, the three operands. */
void sf_check(const char *what, const Format *f, const uint64_t *v, const FpStatus *st,
              uint64_t got, uint64_t want, unsigned want_flags);
/* The end of a test: prints the count, and fails if a check has failed or none was made. */
void sf_report(void);

/* ---- the tests; data is a Format ---- */

void sf_test_exact(gconstpointer data);
void sf_test_muladd_options(gconstpointer data);
void sf_test_compare(gconstpointer data);
void sf_test_int(gconstpointer data);
void sf_test_modular(void);
void sf_test_convert(gconstpointer data);
void sf_test_ahp(void);
#ifdef __x86_64__
void sf_test_host_arith(gconstpointer data);
void sf_test_host_other(gconstpointer data);
void sf_test_host_f16c(void);
#endif

#endif
