/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of A64 semantics (trans_*.c, simd_*.c) and the generated decoders share.
 *
 * A trans function emits the IR of one instruction and returns true; or returns false, having
 * emitted nothing that may fault, where the encoding is unallocated. Register slots are written
 * only after the last operation that may fault.
 */
#ifndef TARGET_ARM_TRANS_H
#define TARGET_ARM_TRANS_H

#include "target/arm/a64_decode.h"
#include "target/arm/cpu.h"
#include "util/bits.h"

/* TransCtx.target_data */
enum {
    TD_NEXT,     /* address of the instruction to decode next: normally the following one */
    TD_FLAGS,    /* what is known of the condition flags, trans_flags.c */
    TD_FLAGS_AT, /* up to which operation that has been followed */
    TD_CARRY,    /* their C as a temp, or IR_NONE, where they are those of an ADCS */
    TD_SP,       /* 1 + f->n up to which SP is known to be a multiple of 16; 0: unknown */
    TD_RBIT,     /* RBIT, for a CLZ that follows it: trans_int2.c */
    TD_LOOKUP,   /* the mode may have changed: the block ends after this instruction */
};

static inline ArmCpu *arm_tcpu(const TransCtx *t)
{
    return arm_cpu(t->cpu);
}

static inline IrRef arm_const(TransCtx *t, uint64_t v)
{
    return ir_const(t->f, v);
}

/* Register 31 is zero. */
static inline IrRef arm_x(TransCtx *t, int n)
{
    return n == 31 ? ir_const(t->f, 0) : IR_SLOT(SLOT_X0 + n);
}
/* Register 31 is SP. */
static inline IrRef arm_xsp(int n)
{
    return IR_SLOT(SLOT_X0 + n);
}
/* As the result of an operation that is done even if nobody wants its result. */
static inline IrRef arm_xd(int n)
{
    return n == 31 ? IR_NONE : IR_SLOT(SLOT_X0 + n);
}
/* X[n] = v; nothing for 31. */
static inline void arm_put_x(TransCtx *t, int n, IrRef v)
{
    if (n != 31)
        ir_mov(t->f, IR_SLOT(SLOT_X0 + n), v);
}
/* The type of an operation by its sf bit. */
static inline IrType arm_type(int sf)
{
    return sf ? IR_I64 : IR_I32;
}
static inline IrRef arm_v(int n)
{
    return IR_SLOT(SLOT_V0 + n);
}

static inline unsigned arm_mode_el(const TransCtx *t)
{
    return t->mode & MODE_EL;
}
static inline uint64_t arm_next(const TransCtx *t)
{
    return t->target_data[TD_NEXT];
}

/* --- leaving the block; these end it (t->end) --- */
/* Is single-stepping to be dealt with after this instruction? */
static inline bool arm_mode_changes(const TransCtx *t)
{
    return t->mode & MODE_SS_ACTIVE;
}
void arm_exit_jump(TransCtx *t, uint64_t pc);
void arm_exit_ind(TransCtx *t, IrRef pc, IrJump kind);
/* A conditional branch; the block goes on where it isn't taken. */
void arm_exit_if(TransCtx *t, IrType type, IrCond cc, IrRef a, IrRef b, uint64_t pc);
/* On to the next instruction, in a mode that may be another one. */
void arm_exit_lookup_next(TransCtx *t);
/* Calls a helper that leaves or sets pc and mode itself, and ends the block. */
void arm_trans_leave(TransCtx *t, const IrHelper *h, IrRef a, IrRef b);

/* --- memory --- */
/* 1 << size bytes in the guest's byte order, with the alignment check of SCTLR.A. */
static inline IrMemOp arm_memop(const TransCtx *t, unsigned size)
{
    return size | (t->mode & MODE_A ? (unsigned)IR_MO_ALIGN : 0) |
           (t->mode & MODE_EE && size && size < 4 ? (unsigned)IR_MO_BE : 0);
}
/* To be called before an access whose base register is rn: faults if that is SP, not a multiple
 * of 16, and checked. */
void arm_check_sp(TransCtx *t, int rn);
/* SP += offset; and X[rn] or SP += offset, after the access. */
void arm_add_sp(TransCtx *t, int64_t offset);
void arm_writeback(TransCtx *t, int rn, int64_t offset);

/* --- condition flags, trans_flags.c --- */
/* A condition as one IR compare: type, cc, a, b as of ir_exit_if. */
typedef struct ArmCond {
    IrType type;
    IrCond cc;
    IrRef a, b;
} ArmCond;
/* May emit IR, labels as well: temps made before it are lost. The refs are good until the next label
 * or write of a register. */
ArmCond arm_cond(TransCtx *t, unsigned cond);
/* B.cond. */
void arm_flags_branch(TransCtx *t, unsigned cond, uint64_t target);
/* dst = condition ? a : b */
void arm_select(TransCtx *t, IrType type, ArmCond c, IrRef dst, IrRef a, IrRef b);
/*
 * Flags of a - b or a + b or of a logical result. Then X[rd] = result, where rd isn't 31. Result
 * may be IR_NONE for the first two if rd is 31.
 */
void arm_flags_sub(TransCtx *t, IrType type, IrRef a, IrRef b, IrRef result, int rd);
void arm_flags_add(TransCtx *t, IrType type, IrRef a, IrRef b, IrRef result, int rd);
void arm_flags_logic(TransCtx *t, IrType type, IrRef result, int rd);
/* condition ? flags of a - b (a + b) : nzcv */
void arm_flags_ccmp(TransCtx *t, IrType type, bool add, IrRef a, IrRef b, unsigned nzcv,
                    unsigned cond);
/* Flags of a + b + carry, which X[rd] becomes, too. */
void arm_flags_adc(TransCtx *t, IrType type, IrRef a, IrRef b, IrRef carry, int rd);
/* From a value with N, Z, C, V in bits 31 to 28; the other bits are 0. */
void arm_flags_nzcv(TransCtx *t, IrRef nzcv);
/* Of the kind above, for MRS and the like. */
IrRef arm_flags_packed(TransCtx *t);
/* PSTATE.C as 0 or 1; labels as above. */
IrRef arm_carry(TransCtx *t);
/* The block can be left to pc, with the flags as they are here. */
void arm_flags_at_target(TransCtx *t, uint64_t pc);

/* --- FP and AdvSIMD, simd.isa --- */
/* False, and the instruction is done, where FP instructions trap (MODE_FP). */
bool arm_fp_check(TransCtx *t);
bool arm_simd_decode32(TransCtx *t, uint32_t w);

void arm_trans_cfinv(TransCtx *t);
void arm_trans_axflag(TransCtx *t);
void arm_trans_xaflag(TransCtx *t);

/* --- operands --- */
/* ExtendReg(): X[rm] extended by option (UXTB to SXTX), then shifted to the left. */
IrRef arm_extended(TransCtx *t, IrType type, int rm, int option, int amount);
/* X[rn] or SP, checked, plus such a register. */
IrRef arm_reg_address(TransCtx *t, int rn, int rm, int option, int shift);

/* --- helpers.c --- */
extern const IrHelper arm_helper_nzcv;         /* (cc_op, cc_a, cc_b), pure */
extern const IrHelper arm_helper_rbit;         /* (x, by how much to shift the result right) */
extern const IrHelper arm_helper_crc32, arm_helper_crc32c; /* (crc, value, bytes), pure */
extern const IrHelper arm_helper_rndr;         /* () */
extern const IrHelper arm_helper_elr;          /* (): ELR of the current level */
extern const IrHelper arm_helper_pc_alignment; /* (); does not return */
extern const IrHelper arm_helper_sp_alignment; /* (); does not return */
extern const IrHelper arm_helper_unaligned;    /* (va, write); does not return */
extern const IrHelper arm_helper_stxp;         /* (va, x, y) -> status; of 16 bytes */
extern const IrHelper arm_helper_casp;         /* (va, rs, rt); of 16 bytes */
extern const IrHelper arm_helper_bti;          /* (); does not return */

/* --- pauth.c --- */
/* The key, and whether to authenticate; COMBINED: by an instruction that does something else, too,
 * with the result. */
enum {
    ARM_PAC_IA, ARM_PAC_IB, ARM_PAC_DA, ARM_PAC_DB,
    ARM_PAC_AUT = 4,
    ARM_PAC_COMBINED = 8,
};
extern const IrHelper arm_helper_pac;          /* (x, modifier, ARM_PAC_*) -> x */
extern const IrHelper arm_helper_xpac;         /* (x, is data) -> x */
extern const IrHelper arm_helper_pacga;        /* (x, y) -> code */

#endif
