/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The intermediate representation between a guest's instructions and the engines.
 *
 * A function (IrFunc) is a list of instructions over *refs*:
 *   slots   named cells of guest state (registers, pc, flag parts) in the Cpu struct; mutable, and
 *           the only values that live across labels and blocks;
 *   temps   assigned once, used after that and only within their basic block;
 *   consts  64-bit constants from the function's pool.
 * An operation reads all its operands before it writes dst. Any ref may be an operand; dst is a
 * slot or a temp (or IR_NONE where the result isn't wanted).
 *
 * Types: I32 operations look at the low 32 bits of their operands and give a result whose upper 32
 * bits are zero; I64 looks at all. F32 temps hold 32 bits, F64 64. A slot has a type for the
 * benefit of register assignment; integer operations may be applied to FP slots (raw bits) and
 * vice versa; cells are 8 bytes, those of V128 slots 16.
 *
 * Vectors: V128 slots and temps. Where an operand of another type is asked for, a V128 one gives
 * its low 32 or 64 bits (fadd, mov, st, ...). Only vector operations (ir_op_is_vec), `mov` and
 * `ld` of type V128, write one; a scalar gets in by vzext, vdup, vmake, vins. Lanes count from the
 * least significant end. See IR_VE_8 below for what aux says.
 *
 * Precise state: at an operation that may fault (ld, st, atomics, helpers with IR_FAULTS) every
 * slot must hold its architectural value as of the start of the current guest instruction, and
 * engines make the pc slot hold that instruction's address (from the last `insn` marker). So a
 * translator writes a slot only after the last may-fault operation of its instruction, and
 * optimisers do not move slot writes across may-fault operations or exits.
 *
 * Blocks are superblocks: control enters at the top and leaves by exit_if anywhere and by exactly
 * one exit_* at the end. Local labels (forward only) exist for what an instruction needs inside.
 * Regions of more than one block are lists of these, each after a label: there, in exit_if and
 * exit_jump aux is 0 or 1 + the label of the block that imm is the address of, and the JIT jumps
 * there directly, backwards too. Pins hold at every label. Passes know nothing of regions: they
 * see the blocks before they are joined.
 */
#ifndef ACCEL_IR_H
#define ACCEL_IR_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef uint16_t IrRef;
enum {
    IR_TEMP_BASE = 0,       /* 0 .. 0x3fff */
    IR_SLOT_BASE = 0x4000,  /* | slot index */
    IR_CONST_BASE = 0x8000, /* | pool index */
    IR_NONE = 0xffff,
    IR_MAX_TEMPS = 0x3fff,
};
#define IR_SLOT(n) ((IrRef)(IR_SLOT_BASE | (n)))
static inline bool ir_is_temp(IrRef r) { return r < IR_SLOT_BASE; }
static inline bool ir_is_slot(IrRef r) { return r >= IR_SLOT_BASE && r < IR_CONST_BASE; }
static inline bool ir_is_const(IrRef r) { return r >= IR_CONST_BASE && r != IR_NONE; }
static inline unsigned ir_slot_index(IrRef r) { return r & 0x3fff; }

typedef enum IrType { IR_I32, IR_I64, IR_F32, IR_F64, IR_V128, IR_VOID } IrType;

typedef union IrV128 {
    uint8_t b[16];
    uint16_t h[8];
    uint32_t w[4];
    uint64_t d[2];
} IrV128;

struct IrSlot {
    const char *name;
    uint32_t offset; /* in the Cpu struct, from its start; 8-byte cell, of V128 16-byte aligned */
    IrType type;     /* I64, F64 or V128 */
    int8_t pin;      /* 0..7: pinned to that host register in generated code; -1: in memory */
};
typedef struct IrSlot IrSlot;
enum { IR_N_PINS = 8 };

typedef enum IrCond {
    IR_EQ, IR_NE, IR_LT, IR_GE, IR_LE, IR_GT, IR_LTU, IR_GEU, IR_LEU, IR_GTU,
    IR_TSTEQ, IR_TSTNE, /* (a & b) == 0, != 0 */
} IrCond;
static inline IrCond ir_cond_invert(IrCond c)
{
    static const uint8_t inv[] = { IR_NE, IR_EQ, IR_GE, IR_LT, IR_GT, IR_LE,
                                   IR_GEU, IR_LTU, IR_GTU, IR_LEU, IR_TSTNE, IR_TSTEQ };
    return (IrCond)inv[c];
}

/*
 * Memory operation: what, how strictly, through which translation.
 *
 * ld and st of type V128 have any size: a load zeroes what is above it, a store takes the low
 * bytes. IR_MO_128 needs type V128, and knows neither IR_MO_SIGN nor IR_MO_BE; an aligned one is
 * single-copy atomic, one that isn't is two halves.
 */
typedef uint32_t IrMemOp;
enum {
    IR_MO_8 = 0, IR_MO_16 = 1, IR_MO_32 = 2, IR_MO_64 = 3, IR_MO_128 = 4, IR_MO_SIZE = 7,
    IR_MO_SIGN = 1 << 3,    /* sign-extend to 64 bits (of I32 type: to 32) */
    IR_MO_ALIGN = 1 << 4,   /* unaligned: raise_unaligned */
    IR_MO_BE = 1 << 5,
    IR_MO_ATOMIC = 1 << 6,  /* single-copy atomic if aligned (plain x86 moves are) */
    IR_MO_ACQUIRE = 1 << 7,
    IR_MO_RELEASE = 1 << 8,
    IR_MO_SEQ = 1 << 9,     /* sequentially consistent: a store drains the store buffer */
    IR_MO_IDX = 1 << 10,    /* explicit access mode in bits 12..15, else the current one */
    IR_MO_IDX_SHIFT = 12,
    IR_MO_RMW_FAULT = 1 << 16, /* a load that faults as a store would (AMO) */
};
static inline unsigned ir_mo_bytes(IrMemOp m) { return 1u << (m & IR_MO_SIZE); }

typedef enum IrRmw {
    IR_RMW_SWAP, IR_RMW_ADD, IR_RMW_AND, IR_RMW_OR, IR_RMW_XOR, IR_RMW_ANDN,
    IR_RMW_SMIN, IR_RMW_SMAX, IR_RMW_UMIN, IR_RMW_UMAX,
} IrRmw;

/* Fence: which earlier accesses before which later ones. */
enum { IR_FENCE_RR = 1, IR_FENCE_RW = 2, IR_FENCE_WR = 4, IR_FENCE_WW = 8, IR_FENCE_ALL = 15 };

/* Rounding attribute of FP operations: FP_RNE.. of util/softfloat.h, or the dynamic mode that the
 * engine runs under (Cpu.mxcsr / Cpu.fp.rm). */
enum { IR_RM_DYN = 7 };

/* aux of fcmp */
typedef enum IrFcmp {
    IR_FEQ, IR_FLT, IR_FLE,       /* EQ quiet; LT, LE signal NV on any NaN */
    IR_FEQ_SIG, IR_FLT_QUIET, IR_FLE_QUIET,
} IrFcmp;
enum { IR_FMA_NEG_PRODUCT = 8, IR_FMA_NEG_ADDEND = 16 }; /* with rm in the low bits of aux */
/*
 * Likewise. imm of conversions between integer and FP is the number of fraction bits of the
 * integer (fixed point), 0..64.
 */
enum { IR_CVT_UNSIGNED = 8, IR_CVT_NO_NX = 16 };
/* aux of fmin, fmax, vfmin, vfmax: what of NaNs. -0 < +0 always. */
enum {
    IR_MM_NUMBER = 0,    /* a number wins over any NaN; signaling ones raise NV (RISC-V FMIN) */
    IR_MM_PROPAGATE = 1, /* a NaN wins, by the NaN policy (AArch64 FMIN) */
    IR_MM_MINNUM = 2,    /* a number wins over a quiet NaN only (AArch64 FMINNM) */
};
enum { IR_FCMP_SIGNALING = 1 }; /* aux of fcmp_nzcv */

/*
 * aux of integer vector operations: log2 of the element's bytes in bits 0..2; of operations that
 * widen or narrow it is that of the narrow elements. imm has shift counts and lane numbers.
 *
 * FP vector operations have the element's type (F32, F64) in type2 and in the low byte of aux what
 * the scalar operation of the name has there.
 *
 * IR_V_LOW64: the operation is one on 64-bit vectors: only the low halves of the operands take
 * part (and raise flags), and the upper half of the result is zero. Not for operations that
 * widen or narrow, whose result or operand is of that size anyway, nor for vpmull.
 */
enum {
    IR_VE_8 = 0, IR_VE_16 = 1, IR_VE_32 = 2, IR_VE_64 = 3, IR_VE_MASK = 7,
    IR_V_LOW64 = 1 << 8,
    IR_V_SIGN = 1 << 9,   /* vget, vsmaxv, vsminv: sign-extend to 64 bits (of type I32: to 32) */
    IR_V_ROUND = 1 << 10, /* right shifts: add half of the last place first */
};

/*
 * The operations: X(name, format, flags, doc). Formats:
 *   D   dst <- a          DB  dst <- a, b      DBC dst <- a, b, c      N  none
 *   CC* as the others, with an IrCond in aux
 *   others are described by their doc.
 * Flags: P pure (no effect but dst), F may fault, S side effect, E ends the block.
 */
#define IR_OPS(X)                                                                              \
    X(insn, "N", S, "guest instruction starts: imm pc, aux length in bytes (0: not counted)")  \
    X(mov, "D", P, "dst = a")                                                                  \
    X(add, "DB", P, "a + b")                                                                   \
    X(sub, "DB", P, "a - b")                                                                   \
    X(and, "DB", P, "a & b")                                                                   \
    X(or, "DB", P, "a | b")                                                                    \
    X(xor, "DB", P, "a ^ b")                                                                   \
    X(andn, "DB", P, "a & ~b")                                                                 \
    X(orn, "DB", P, "a | ~b")                                                                  \
    X(xnor, "DB", P, "~(a ^ b)")                                                               \
    X(not, "D", P, "~a")                                                                       \
    X(neg, "D", P, "-a")                                                                       \
    X(shl, "DB", P, "a << b, b modulo width")                                                  \
    X(shr, "DB", P, "logical a >> b, b modulo width")                                          \
    X(sar, "DB", P, "arithmetic a >> b, b modulo width")                                       \
    X(rotl, "DB", P, "rotate left, b modulo width")                                            \
    X(rotr, "DB", P, "rotate right, b modulo width")                                           \
    X(mul, "DB", P, "low half of a * b")                                                       \
    X(mulhu, "DB", P, "high half, unsigned")                                                   \
    X(mulhs, "DB", P, "high half, signed")                                                     \
    X(mulhsu, "DB", P, "high half, a signed, b unsigned")                                      \
    X(divs, "DB", P, "signed quotient; x/0 = -1, MIN/-1 = MIN")                                \
    X(divu, "DB", P, "unsigned quotient; x/0 = all ones")                                      \
    X(rems, "DB", P, "signed remainder; x%0 = x, MIN%-1 = 0")                                  \
    X(remu, "DB", P, "unsigned remainder; x%0 = x")                                            \
    X(sext8, "D", P, "sign-extend low 8 bits")                                                 \
    X(sext16, "D", P, "sign-extend low 16 bits")                                               \
    X(sext32, "D", P, "sign-extend low 32 bits to 64")                                         \
    X(zext8, "D", P, "zero-extend low 8 bits")                                                 \
    X(zext16, "D", P, "zero-extend low 16 bits")                                               \
    X(zext32, "D", P, "zero-extend low 32 bits to 64")                                         \
    X(bswap16, "D", P, "swap the low two bytes, zero the rest")                                \
    X(bswap32, "D", P, "swap the low four bytes, zero the rest")                               \
    X(bswap64, "D", P, "swap eight bytes")                                                     \
    X(clz, "D", P, "leading zeros; width for 0")                                               \
    X(ctz, "D", P, "trailing zeros; width for 0")                                              \
    X(popcnt, "D", P, "bits set")                                                              \
    X(clmul, "DB", P, "low 64 bits of the carry-less product")                                 \
    X(clmulh, "DB", P, "high 64 bits of the carry-less product")                               \
    X(orcb, "D", P, "every nonzero byte becomes 0xff")                                         \
    X(smin, "DB", P, "signed minimum")                                                         \
    X(smax, "DB", P, "signed maximum")                                                         \
    X(umin, "DB", P, "unsigned minimum")                                                       \
    X(umax, "DB", P, "unsigned maximum")                                                       \
    X(setcond, "CCDB", P, "a cc b ? 1 : 0")                                                    \
    X(select, "CCDBCE", P, "a cc b ? c : d")                                                   \
    X(extract, "D", P, "bits of a: aux = start | len << 8, zero-extended")                     \
    X(sextract, "D", P, "the same, sign-extended")                                             \
    X(deposit, "DB", P, "a with bits aux = start | len << 8 replaced by b's low bits")         \
    X(ld, "DM", F, "dst = memory at a + imm, memop")                                           \
    X(st, "M", F, "memory at a + imm = b, memop")                                              \
    X(rmw, "DM", F, "atomic: dst = old at a + imm; operation aux (IrRmw) with b; memop")       \
    X(cas, "DM", F, "atomic: dst = old at a + imm; if equal to b then c is stored; memop")     \
    X(fence, "N", S, "aux = IR_FENCE_*")                                                       \
    X(fadd, "DB", P, "FP a + b, aux = rounding; all FP operations set the sticky flags")       \
    X(fsub, "DB", P, "a - b")                                                                  \
    X(fmul, "DB", P, "a * b")                                                                  \
    X(fdiv, "DB", P, "a / b")                                                                  \
    X(fsqrt, "D", P, "square root")                                                            \
    X(fma, "DBC", P, "a * b + c fused; aux may negate product and addend")                     \
    X(fmin, "DB", P, "minimumNumber (IEEE 754-2019), signalling NaNs raise NV")                \
    X(fmax, "DB", P, "maximumNumber")                                                          \
    X(fcmp, "DB", P, "type is that of a and b; aux = IrFcmp; dst is an integer, 0 or 1")        \
    X(fcvt_f, "D", P, "between FP types: from type2 to type, aux = rounding")                  \
    X(fcvt_fi, "D", P, "FP type2 to integer type, saturating by policy; aux rounding|flags")   \
    X(fcvt_if, "D", P, "integer type2 to FP type; aux = rounding|IR_CVT_UNSIGNED")             \
    X(fcmp_nzcv, "DB", P, "type is that of a and b; dst: N Z C V in bits 31..28 as FCMP has them") \
    X(fround, "D", P, "to an integral value; aux = rounding|IR_CVT_NO_NX")                     \
    X(funbox, "D", P, "F32 of a NaN-boxed 64-bit cell: canonical NaN if not boxed")            \
    X(fbox, "D", P, "64-bit cell with the F32 a in it, upper half ones")                       \
    X(nzcv_add, "DB", P, "flags of a + b: N Z C V in bits 31..28, the rest zero")              \
    X(nzcv_sub, "DB", P, "flags of a - b; C = no borrow")                                      \
    X(nzcv_logic, "D", P, "N and Z of a; C = V = 0")                                           \
    X(addc, "DBC", P, "a + b + (bit 0 of c)")                                                  \
    X(nzcv_addc, "DBC", P, "flags of a + b + (bit 0 of c)")                                    \
    X(carry, "DBC", P, "carry out of a + b + (bit 0 of c), 0 or 1")                            \
    X(vzext, "D", P, "V128 = the scalar a of type type2, zeros above")                         \
    X(vmake, "DB", P, "V128 = integers a (low half), b (high half)")                           \
    X(vand, "DB", P, "a & b")                                                                  \
    X(vor, "DB", P, "a | b")                                                                   \
    X(vxor, "DB", P, "a ^ b")                                                                  \
    X(vandn, "DB", P, "a & ~b")                                                                \
    X(vorn, "DB", P, "a | ~b")                                                                 \
    X(vnot, "D", P, "~a")                                                                      \
    X(vbsl, "DBC", P, "a & b | ~a & c")                                                        \
    X(vadd, "DB", P, "a + b by lane, as all that follow")                                      \
    X(vsub, "DB", P, "a - b")                                                                  \
    X(vmul, "DB", P, "low half of a * b; 8, 16, 32")                                           \
    X(vneg, "D", P, "-a")                                                                      \
    X(vabs, "D", P, "|a|, MIN stays")                                                          \
    X(vsabd, "DB", P, "|a - b| of signed numbers, modulo")                                     \
    X(vuabd, "DB", P, "|a - b| of unsigned numbers")                                           \
    X(vsmin, "DB", P, "signed minimum")                                                        \
    X(vsmax, "DB", P, "signed maximum")                                                        \
    X(vumin, "DB", P, "unsigned minimum")                                                      \
    X(vumax, "DB", P, "unsigned maximum")                                                      \
    X(vcmpeq, "DB", P, "a == b ? all ones : 0")                                                \
    X(vcmpgt, "DB", P, "signed a > b")                                                         \
    X(vcmpge, "DB", P, "signed a >= b")                                                        \
    X(vcmpgtu, "DB", P, "unsigned a > b")                                                      \
    X(vcmpgeu, "DB", P, "unsigned a >= b")                                                     \
    X(vtst, "DB", P, "(a & b) != 0")                                                           \
    X(vsqadd, "DB", P, "signed saturating; whether it did: compare with vadd, as with all")    \
    X(vuqadd, "DB", P, "unsigned saturating")                                                  \
    X(vsqsub, "DB", P, "signed saturating")                                                    \
    X(vuqsub, "DB", P, "unsigned saturating")                                                  \
    X(vavgs, "DB", P, "(a + b) >> 1 signed, not overflowing")                                  \
    X(vavgu, "DB", P, "(a + b) >> 1 unsigned")                                                 \
    X(vavgs_r, "DB", P, "(a + b + 1) >> 1 signed")                                             \
    X(vavgu_r, "DB", P, "(a + b + 1) >> 1 unsigned")                                           \
    X(vhsubs, "DB", P, "(a - b) >> 1 signed")                                                  \
    X(vhsubu, "DB", P, "(a - b) >> 1 unsigned, modulo")                                        \
    X(vsqdmulh, "DB", P, "high half of 2 * a * b signed, saturating; 16, 32; IR_V_ROUND")      \
    X(vshl, "D", P, "a << imm, 0..bits - 1")                                                   \
    X(vshr, "D", P, "logical a >> imm, 0..bits; IR_V_ROUND")                                   \
    X(vsar, "D", P, "arithmetic a >> imm, 0..bits; IR_V_ROUND")                                \
    X(vushl, "DB", P, "a shifted left by b's low signed byte, right if negative; IR_V_ROUND")  \
    X(vsshl, "DB", P, "the same, arithmetic to the right")                                     \
    X(vdup, "D", P, "integer a in all lanes")                                                  \
    X(vdup_lane, "D", P, "lane imm (of all 128 bits) of a in all lanes")                       \
    X(vins, "DB", P, "a with lane imm replaced by the integer b")                              \
    X(vins_lane, "DB", P, "a with lane imm & 15 replaced by lane imm >> 8 of b")               \
    X(vget, "D", P, "integer: lane imm of a, zero-extended; IR_V_SIGN")                        \
    X(vext, "DB", P, "bytes imm.. of a followed by b; 0..16 (IR_V_LOW64: 0..8)")               \
    X(vzip1, "DB", P, "a0 b0 a1 b1 ..., of the low halves")                                    \
    X(vzip2, "DB", P, "of the high halves")                                                    \
    X(vuzp1, "DB", P, "even lanes of a, then of b")                                            \
    X(vuzp2, "DB", P, "odd lanes")                                                             \
    X(vtrn1, "DB", P, "a0 b0 a2 b2 ...")                                                       \
    X(vtrn2, "DB", P, "a1 b1 a3 b3 ...")                                                       \
    X(vrev, "D", P, "lanes in reverse order within units of 1 << imm bytes")                   \
    X(vtbl1, "DB", P, "bytes of the 16-byte table a by index b, 0 where >= 16")                \
    X(vtbl2, "DBC", P, "bytes of the table a, b (32 bytes) by index c, 0 where >= 32")         \
    X(vsxtl, "D", P, "low half, sign-extended to twice the size")                              \
    X(vuxtl, "D", P, "low half, zero-extended")                                                \
    X(vsxtl2, "D", P, "high half, sign-extended")                                              \
    X(vuxtl2, "D", P, "high half, zero-extended")                                              \
    X(vxtn, "D", P, "lanes cut to half the size, in the low half; upper half 0, as in all")    \
    X(vsqxtn, "D", P, "signed saturating")                                                     \
    X(vuqxtn, "D", P, "unsigned saturating")                                                   \
    X(vsqxtun, "D", P, "signed to unsigned saturating")                                        \
    X(vsmull, "DB", P, "signed widening a * b of the low halves; 8, 16, 32")                   \
    X(vumull, "DB", P, "unsigned")                                                             \
    X(vsmull2, "DB", P, "signed, of the high halves")                                          \
    X(vumull2, "DB", P, "unsigned, of the high halves")                                        \
    X(vpmul, "DB", P, "carry-less product, low half; 8")                                       \
    X(vpmull, "DB", P, "carry-less product, widening, of the low halves; 8, 64")               \
    X(vpmull2, "DB", P, "of the high halves")                                                  \
    X(vcnt, "D", P, "bits set; 8")                                                             \
    X(vclz, "D", P, "leading zeros; 8, 16, 32")                                                \
    X(vcls, "D", P, "leading bits like the sign bit, without it; 8, 16, 32")                   \
    X(vrbit, "D", P, "bits in reverse order; 8")                                               \
    X(vaddp, "DB", P, "sums of neighbours: those of a, then of b")                             \
    X(vsaddlp, "D", P, "sums of neighbours, sign-extended to twice the size")                  \
    X(vuaddlp, "D", P, "zero-extended")                                                        \
    X(vaddv, "D", P, "integer: sum of all lanes, modulo the lane's size")                      \
    X(vsaddlv, "D", P, "integer: sum of all lanes, sign-extended to 64 bits")                  \
    X(vuaddlv, "D", P, "integer: sum of all lanes")                                            \
    X(vsmaxv, "D", P, "integer: signed maximum of all lanes, zero-extended; IR_V_SIGN")        \
    X(vsminv, "D", P, "integer: signed minimum")                                               \
    X(vumaxv, "D", P, "integer: unsigned maximum")                                             \
    X(vuminv, "D", P, "integer: unsigned minimum")                                             \
    X(vfabs, "D", P, "FP: sign bit 0; no flags, as the next")                                  \
    X(vfneg, "D", P, "FP: sign bit inverted")                                                  \
    X(vfadd, "DB", P, "FP a + b; from here on flags and rounding as of the scalar operations") \
    X(vfsub, "DB", P, "a - b")                                                                 \
    X(vfmul, "DB", P, "a * b")                                                                 \
    X(vfdiv, "DB", P, "a / b")                                                                 \
    X(vfsqrt, "D", P, "square root")                                                           \
    X(vfma, "DBC", P, "a * b + c")                                                             \
    X(vfmin, "DB", P, "minimum, aux = IR_MM_*")                                                \
    X(vfmax, "DB", P, "maximum")                                                               \
    X(vfabd, "DB", P, "|a - b|")                                                               \
    X(vfaddp, "DB", P, "sums of neighbours: those of a, then of b")                            \
    X(vfcmp, "DB", P, "aux = IrFcmp; all ones or 0")                                           \
    X(vfcvt_if, "D", P, "integer lanes to FP lanes of the same size")                          \
    X(vfcvt_fi, "D", P, "FP lanes to integer lanes of the same size, saturating by policy")    \
    X(vfround, "D", P, "to integral values")                                                   \
    X(vfcvtl, "D", P, "the two F32 of the low half to F64")                                    \
    X(vfcvtl2, "D", P, "the two F32 of the high half to F64")                                  \
    X(vfcvtn, "D", P, "two F64 to F32 in the low half; upper half 0")                          \
    X(call, "H", S, "dst = helper imm(cpu, a, b, c, d); see IrHelper")                         \
    X(label, "L", S, "local label aux")                                                        \
    X(br, "L", S, "to label aux")                                                              \
    X(brcond, "CCL", S, "a cc b: to label imm")                                                \
    X(trap_if, "CCH", S, "a cc b: call helper imm, which has no arguments and does not return")  \
    X(exit_if, "CCX", S, "a cc b: leave to guest pc imm (direct, linkable)")                   \
    X(exit_jump, "X", E, "leave to guest pc imm (direct, linkable)")                           \
    X(exit_ind, "I", E, "leave to guest pc in a; aux = IrJump")                                \
    X(exit_loop, "N", E, "pc slot is set: back to the dispatcher, which looks for requests")   \
    X(exit_lookup, "N", E, "pc slot is set and the mode may have changed: look the block up")

typedef enum IrOp {
#define X(n, f, fl, d) IR_##n,
    IR_OPS(X)
#undef X
    IR_N_OPS
} IrOp;

typedef enum IrJump { IR_JUMP, IR_JUMP_CALL, IR_JUMP_RET } IrJump;

typedef struct IrInsn {
    uint8_t op, type, type2, cond; /* IrOp, IrType, source type of conversions, IrCond */
    uint16_t aux;
    IrRef dst, a, b, c, d;
    IrMemOp memop;
    int64_t imm; /* offset, pc, or const IrHelper * */
} IrInsn;

/* Does op work on vectors: is its type V128, or its operand? */
static inline bool ir_op_is_vec(unsigned op)
{
    return op >= IR_vzext && op <= IR_vfcvtn;
}

/*
 * --- helpers ---
 * Vectors are passed as the offset of their slot in the Cpu struct, a constant; such a helper
 * has IR_READS, and IR_WRITES if it writes one.
 */
enum {
    IR_PURE = 0,       /* reads only its arguments */
    IR_READS = 1,      /* reads guest slots (any) */
    IR_WRITES = 2,     /* may write guest slots (any) */
    IR_FAULTS = 4,     /* may leave by cpu_loop_exit: pc and slots must be precise. Implies READS */
    IR_FLUSHES = 8,    /* may change TLB tables, mode or Cpu.tlb/.code */
    IR_FP = 16,        /* reads or changes FP flags, rounding, or uses host FP */
};
typedef struct IrHelper {
    const char *name;
    void *fn;        /* uint64_t fn(Cpu *, uint64_t...) with nargs arguments after cpu */
    uint8_t nargs;   /* 0..4 */
    bool has_result;
    uint16_t effects;
} IrHelper;

/* --- functions --- */
/* FP rules of a block; constant over a mode word. */
typedef struct IrFpPolicy {
    uint8_t nan;       /* FpNanPolicy of util/softfloat.h */
    bool tiny_before, ftz, daz;
    uint8_t rm;        /* dynamic rounding mode in force (FP_RNE, ...), as the mode word says */
    uint8_t int_policy; /* FpIntPolicy: fcvt_fi of what the integer can't hold */
} IrFpPolicy;

typedef struct IrFunc {
    IrInsn *insns;
    unsigned n, cap;
    uint64_t *consts;
    unsigned n_consts, cap_consts;
    unsigned n_temps;
    IrType *temp_type;  /* by temp, n_temps of them */
    unsigned cap_temps;
    unsigned n_labels;
    unsigned n_guest_insns;
    const IrSlot *slots;
    unsigned n_slots;
    uint16_t pc_slot;
    /*
     * Position-independent: executed at the page in page_slot, while the addresses in insn and
     * exits are as if it were at `page`.
     */
    bool pic;
    uint16_t page_slot;
    uint64_t page;
    IrFpPolicy fp;
    /* of the builder and the passes */
    uint16_t const_hash[64];
    struct IrScratch *scratch;
} IrFunc;

IrFunc *ir_func_new(const IrSlot *slots, unsigned n_slots, uint16_t pc_slot);
void ir_func_free(IrFunc *f);
void ir_func_clear(IrFunc *f); /* keeps the storage */
IrFunc *ir_func_copy(const IrFunc *f);

/* --- building (inline-cheap; no checks beyond asserts: see ir_verify) --- */
IrRef ir_const(IrFunc *f, uint64_t v);
IrRef ir_temp(IrFunc *f, IrType t);
/* The guest address that is pc where f was translated: a constant, or a temp. And: to dst. */
IrRef ir_address(IrFunc *f, uint64_t pc);
void ir_set_address(IrFunc *f, IrRef dst, uint64_t pc);
unsigned ir_label_new(IrFunc *f);
IrInsn *ir_emit(IrFunc *f, IrOp op, IrType type, IrRef dst, IrRef a, IrRef b);

static inline uint64_t ir_const_value(const IrFunc *f, IrRef r)
{
    return f->consts[r & 0x3fff];
}

/* dst = op(a, b) into a new temp, the common case in translators. */
static inline IrRef ir_op2(IrFunc *f, IrOp op, IrType type, IrRef a, IrRef b)
{
    IrRef t = ir_temp(f, type);
    ir_emit(f, op, type, t, a, b);
    return t;
}
static inline IrRef ir_op1(IrFunc *f, IrOp op, IrType type, IrRef a)
{
    return ir_op2(f, op, type, a, IR_NONE);
}
static inline void ir_mov(IrFunc *f, IrRef dst, IrRef a)
{
    ir_emit(f, IR_mov, IR_I64, dst, a, IR_NONE);
}
static inline void ir_vmov(IrFunc *f, IrRef dst, IrRef a)
{
    ir_emit(f, IR_mov, IR_V128, dst, a, IR_NONE);
}
void ir_insn(IrFunc *f, uint64_t pc, unsigned len);
void ir_setcond(IrFunc *f, IrType t, IrCond cc, IrRef dst, IrRef a, IrRef b);
void ir_select(IrFunc *f, IrType t, IrCond cc, IrRef dst, IrRef a, IrRef b, IrRef c, IrRef d);
void ir_ld(IrFunc *f, IrType t, IrRef dst, IrRef addr, int64_t offset, IrMemOp m);
void ir_st(IrFunc *f, IrType t, IrRef value, IrRef addr, int64_t offset, IrMemOp m);
void ir_rmw(IrFunc *f, IrType t, IrRmw op, IrRef dst, IrRef addr, IrRef value, IrMemOp m);
void ir_cas(IrFunc *f, IrType t, IrRef dst, IrRef addr, IrRef expect, IrRef value, IrMemOp m);
/* Vector operations; what isn't used is IR_NONE and 0. type: V128, or of the integer result. */
void ir_vec(IrFunc *f, IrOp op, IrType type, unsigned aux, IrRef dst, IrRef a, IrRef b, IrRef c,
            int64_t imm);
void ir_vec_fp(IrFunc *f, IrOp op, IrType elem, unsigned aux, IrRef dst, IrRef a, IrRef b,
               IrRef c);
void ir_vzext(IrFunc *f, IrType from, IrRef dst, IrRef a);
void ir_fence(IrFunc *f, unsigned mask);
void ir_label(IrFunc *f, unsigned label);
void ir_br(IrFunc *f, unsigned label);
void ir_brcond(IrFunc *f, IrType t, IrCond cc, IrRef a, IrRef b, unsigned label);
void ir_addc(IrFunc *f, IrType t, IrRef dst, IrRef a, IrRef b, IrRef carry);
void ir_nzcv_addc(IrFunc *f, IrType t, IrRef dst, IrRef a, IrRef b, IrRef carry);
void ir_carry(IrFunc *f, IrType t, IrRef dst, IrRef a, IrRef b, IrRef carry);
void ir_call(IrFunc *f, const IrHelper *h, IrRef dst, IrRef a, IrRef b, IrRef c, IrRef d);
void ir_trap_if(IrFunc *f, IrType t, IrCond cc, IrRef a, IrRef b, const IrHelper *h);
void ir_exit_if(IrFunc *f, IrType t, IrCond cc, IrRef a, IrRef b, uint64_t pc);
void ir_exit_jump(IrFunc *f, uint64_t pc);
void ir_exit_ind(IrFunc *f, IrRef pc, IrJump kind);
void ir_exit_loop(IrFunc *f);
void ir_exit_lookup(IrFunc *f);

/*
 * Appends a copy of g's operations to f, renumbering temps, constants and labels. False, and f is
 * unchanged, where there is no room for it. The result may be a region: see above.
 */
bool ir_append(IrFunc *f, const IrFunc *g);

/* --- passes --- */
/* NULL if f keeps all rules, else what is wrong (static or per-thread text). */
const char *ir_verify(const IrFunc *f);
void ir_print(const IrFunc *f, FILE *out);
/* Constant folding, copy propagation, dead code, dead slot writes. One pass forward, one back. */
void ir_optimize(IrFunc *f);

extern const char *const ir_op_names[IR_N_OPS];
extern const char *const ir_op_formats[IR_N_OPS];
extern const uint8_t ir_op_flags[IR_N_OPS];
enum { IR_OPF_P = 1, IR_OPF_F = 2, IR_OPF_S = 4, IR_OPF_E = 8 };

#endif
