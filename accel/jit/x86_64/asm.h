/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x86-64 instruction encoder: Intel SDM vol. 2, chapter 2 (prefixes, ModRM, SIB, VEX).
 *
 * Operation words carry the opcode byte and what precedes it; every function appends to the
 * buffer at Asm.p. No checks beyond what keeps an encoding valid: the caller leaves room.
 */
#ifndef JIT_X86_64_ASM_H
#define JIT_X86_64_ASM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, NO_REG = 0xff };

/* Operation words: opcode | flags. */
enum {
    O_0F = 0x100, O_0F38 = 0x200, O_0F3A = 0x400,
    O_66 = 0x800, O_F3 = 0x1000, O_F2 = 0x2000,
    O_W = 0x4000,   /* REX.W or VEX.W */
    O_B8 = 0x8000,  /* the reg field is a byte register */
    O_B8RM = 0x10000, /* the rm field, if a register, is a byte register */
};

enum {
    OP_ADD = 0x03, OP_OR = 0x0b, OP_AND = 0x23, OP_SUB = 0x2b, OP_XOR = 0x33, OP_CMP = 0x3b,
    OP_ADC = 0x13,
    OP_ADD_MR = 0x01, OP_OR_MR = 0x09, OP_AND_MR = 0x21, OP_SUB_MR = 0x29, OP_XOR_MR = 0x31,
    OP_CMP_MR = 0x39,
    OP_TEST = 0x85, OP_MOV = 0x8b, OP_MOV_MR = 0x89, OP_LEA = 0x8d,
    OP_MOV8_MR = 0x88 | O_B8, OP_MOV16_MR = 0x89 | O_66,
    OP_MOVZX8 = 0xb6 | O_0F | O_B8RM, OP_MOVZX16 = 0xb7 | O_0F,
    OP_MOVSX8 = 0xbe | O_0F | O_B8RM, OP_MOVSX16 = 0xbf | O_0F, OP_MOVSXD = 0x63 | O_W,
    OP_IMUL = 0xaf | O_0F, OP_XCHG = 0x87, OP_XCHG8 = 0x86 | O_B8 | O_B8RM,
    OP_LZCNT = 0xbd | O_0F | O_F3, OP_TZCNT = 0xbc | O_0F | O_F3, OP_POPCNT = 0xb8 | O_0F | O_F3,
    OP_BSR = 0xbd | O_0F, OP_BSF = 0xbc | O_0F,
    OP_CMOV = 0x40 | O_0F,
    OP_MOVSD = 0x10 | O_0F | O_F2, OP_MOVSD_MR = 0x11 | O_0F | O_F2,
    OP_MOVSS = 0x10 | O_0F | O_F3, OP_MOVSS_MR = 0x11 | O_0F | O_F3,
    OP_MOVAPS = 0x28 | O_0F, OP_MOVUPS = 0x10 | O_0F, OP_MOVUPS_MR = 0x11 | O_0F,
    OP_MOVQ_XR = 0x6e | O_0F | O_66 | O_W, OP_MOVQ_RX = 0x7e | O_0F | O_66 | O_W,
    OP_MOVD_XR = 0x6e | O_0F | O_66, OP_MOVD_RX = 0x7e | O_0F | O_66,
    OP_MOVQ_X = 0x7e | O_0F | O_F3, OP_MOVQ_X_MR = 0xd6 | O_0F | O_66,
    /* VEX */
    OP_SHLX = 0xf7 | O_0F38 | O_66, OP_SARX = 0xf7 | O_0F38 | O_F3, OP_SHRX = 0xf7 | O_0F38 | O_F2,
    OP_RORX = 0xf0 | O_0F3A | O_F2, OP_ANDN = 0xf2 | O_0F38, OP_MULX = 0xf6 | O_0F38 | O_F2,
};
/* /digit of the immediate ALU group and the shift group */
enum { G_ADD, G_OR, G_ADC, G_SBB, G_AND, G_SUB, G_XOR, G_CMP };
enum { G_ROL, G_ROR, G_SHL = 4, G_SHR = 5, G_SAR = 7 };
/* condition codes */
enum { CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_NS, CC_P, CC_NP, CC_L, CC_GE,
       CC_LE, CC_G };

typedef struct Mem {
    uint8_t base, index, scale; /* index NO_REG: none; scale is log2 */
    int32_t disp;
} Mem;

static inline Mem mem_bd(unsigned base, int32_t disp)
{
    return (Mem){ (uint8_t)base, NO_REG, 0, disp };
}

static inline Mem mem_bid(unsigned base, unsigned index, unsigned scale, int32_t disp)
{
    return (Mem){ (uint8_t)base, (uint8_t)index, (uint8_t)scale, disp };
}

typedef struct Asm {
    uint8_t *p; /* in the writable mapping */
} Asm;

static inline void asm8(Asm *a, unsigned v)
{
    *a->p++ = (uint8_t)v;
}

static inline void asm32(Asm *a, uint32_t v)
{
    memcpy(a->p, &v, 4);
    a->p += 4;
}

static inline void asm64(Asm *a, uint64_t v)
{
    memcpy(a->p, &v, 8);
    a->p += 8;
}

static inline void asm_prefix(Asm *a, unsigned op, unsigned reg, unsigned index, unsigned base,
                              bool byte_rm)
{
    if (op & O_66) {
        asm8(a, 0x66);
    }
    if (op & O_F3) {
        asm8(a, 0xf3);
    }
    if (op & O_F2) {
        asm8(a, 0xf2);
    }
    unsigned rex = (op & O_W ? 8 : 0) | (reg & 8) >> 1 | (index & 8) >> 2 | (base & 8) >> 3;
    if (rex || ((op & O_B8) && reg >= 4) || (byte_rm && base >= 4)) {
        asm8(a, 0x40 | rex);
    }
    if (op & (O_0F | O_0F38 | O_0F3A)) {
        asm8(a, 0x0f);
        if (op & O_0F38) {
            asm8(a, 0x38);
        } else if (op & O_0F3A) {
            asm8(a, 0x3a);
        }
    }
    asm8(a, op & 0xff);
}

static inline void asm_modrm_mem(Asm *a, unsigned reg, Mem m)
{
    unsigned r = (reg & 7) << 3, b = m.base & 7;
    bool sib = m.index != NO_REG || b == RSP;
    unsigned mod = m.disp == 0 && b != RBP ? 0 : m.disp == (int8_t)m.disp ? 0x40 : 0x80;
    asm8(a, mod | r | (sib ? 4 : b));
    if (sib) {
        asm8(a, (unsigned)m.scale << 6 | (m.index == NO_REG ? 4 : m.index & 7u) << 3 | b);
    }
    if (mod == 0x40) {
        asm8(a, (unsigned)m.disp);
    } else if (mod == 0x80) {
        asm32(a, (uint32_t)m.disp);
    }
}

/* reg, reg/mem forms. For _MR operations reg is the source. */
static inline void asm_rr(Asm *a, unsigned op, unsigned reg, unsigned rm)
{
    asm_prefix(a, op, reg, 0, rm, op & O_B8RM);
    asm8(a, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

static inline void asm_rm(Asm *a, unsigned op, unsigned reg, Mem m)
{
    asm_prefix(a, op, reg, m.index == NO_REG ? 0 : m.index, m.base, false);
    asm_modrm_mem(a, reg, m);
}

static inline void asm_vex(Asm *a, unsigned op, unsigned reg, unsigned v, unsigned index,
                           unsigned base)
{
    unsigned map = op & O_0F38 ? 2 : op & O_0F3A ? 3 : 1;
    unsigned pp = op & O_66 ? 1 : op & O_F3 ? 2 : op & O_F2 ? 3 : 0;
    if (map == 1 && !(op & O_W) && !(index & 8) && !(base & 8)) {
        asm8(a, 0xc5);
        asm8(a, (reg & 8 ? 0 : 0x80) | (~v & 15) << 3 | pp);
    } else {
        asm8(a, 0xc4);
        asm8(a, (reg & 8 ? 0 : 0x80) | (index & 8 ? 0 : 0x40) | (base & 8 ? 0 : 0x20) | map);
        asm8(a, (op & O_W ? 0x80 : 0) | (~v & 15) << 3 | pp);
    }
    asm8(a, op & 0xff);
}

/* rip-relative operand: data in the same mapping as the code. */
static inline void asm_rip_field(Asm *a, unsigned reg, const uint8_t *target)
{
    asm8(a, (reg & 7) << 3 | 5);
    asm32(a, (uint32_t)(int32_t)(target - (a->p + 4)));
}

static inline void asm_rip(Asm *a, unsigned op, unsigned reg, const uint8_t *target)
{
    asm_prefix(a, op, reg, 0, 0, false);
    asm_rip_field(a, reg, target);
}

static inline void asm_vrip(Asm *a, unsigned op, unsigned reg, unsigned v, const uint8_t *target)
{
    asm_vex(a, op, reg, v, 0, 0);
    asm_rip_field(a, reg, target);
}

/* VEX: reg, v, rm */
static inline void asm_vrr(Asm *a, unsigned op, unsigned reg, unsigned v, unsigned rm)
{
    asm_vex(a, op, reg, v, 0, rm);
    asm8(a, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

static inline void asm_vrm(Asm *a, unsigned op, unsigned reg, unsigned v, Mem m)
{
    asm_vex(a, op, reg, v, m.index == NO_REG ? 0 : m.index, m.base);
    asm_modrm_mem(a, reg, m);
}

/* group 1 (ALU) with immediate; w: 64 bits */
static inline void asm_alu_ri(Asm *a, bool w, unsigned g, unsigned rm, int32_t imm)
{
    unsigned ow = w ? O_W : 0;
    if (imm == (int8_t)imm) {
        asm_rr(a, 0x83 | ow, g, rm);
        asm8(a, (unsigned)imm);
    } else {
        asm_rr(a, 0x81 | ow, g, rm);
        asm32(a, (uint32_t)imm);
    }
}

static inline void asm_alu_mi(Asm *a, bool w, unsigned g, Mem m, int32_t imm)
{
    unsigned ow = w ? O_W : 0;
    if (imm == (int8_t)imm) {
        asm_rm(a, 0x83 | ow, g, m);
        asm8(a, (unsigned)imm);
    } else {
        asm_rm(a, 0x81 | ow, g, m);
        asm32(a, (uint32_t)imm);
    }
}

static inline void asm_shift_ri(Asm *a, bool w, unsigned g, unsigned rm, unsigned n)
{
    asm_rr(a, (n == 1 ? 0xd1 : 0xc1) | (w ? O_W : 0), g, rm);
    if (n != 1) {
        asm8(a, n);
    }
}

static inline void asm_mov_rr(Asm *a, unsigned d, unsigned s)
{
    if (d != s) {
        asm_rr(a, OP_MOV | O_W, d, s);
    }
}

/* Any constant; leaves flags alone. */
static inline void asm_mov_ri(Asm *a, unsigned d, uint64_t v)
{
    if (v == (uint32_t)v) {
        if (d & 8) {
            asm8(a, 0x41);
        }
        asm8(a, 0xb8 | (d & 7));
        asm32(a, (uint32_t)v);
    } else if (v == (uint64_t)(int64_t)(int32_t)v) {
        asm_rr(a, 0xc7 | O_W, 0, d);
        asm32(a, (uint32_t)v);
    } else {
        asm8(a, 0x48 | (d & 8) >> 3);
        asm8(a, 0xb8 | (d & 7));
        asm64(a, v);
    }
}

static inline void asm_mov_mi(Asm *a, bool w, Mem m, int32_t imm)
{
    asm_rm(a, 0xc7 | (w ? O_W : 0), 0, m);
    asm32(a, (uint32_t)imm);
}

static inline void asm_load(Asm *a, unsigned d, Mem m)
{
    asm_rm(a, OP_MOV | O_W, d, m);
}

static inline void asm_store(Asm *a, Mem m, unsigned s)
{
    asm_rm(a, OP_MOV_MR | O_W, s, m);
}

/* Jumps; the rel32 is the last thing emitted, target a pointer into the same mapping. */
static inline void asm_rel32_to(Asm *a, const uint8_t *target)
{
    asm32(a, (uint32_t)(int32_t)(target - (a->p + 4)));
}

static inline void asm_jmp(Asm *a, const uint8_t *target)
{
    asm8(a, 0xe9);
    asm_rel32_to(a, target);
}

static inline void asm_jcc(Asm *a, unsigned cc, const uint8_t *target)
{
    asm8(a, 0x0f);
    asm8(a, 0x80 | cc);
    asm_rel32_to(a, target);
}

static inline void asm_call(Asm *a, const uint8_t *target)
{
    asm8(a, 0xe8);
    asm_rel32_to(a, target);
}

/* Forward jumps: remember where the displacement is, fix it later. */
static inline uint8_t *asm_jcc_fwd(Asm *a, unsigned cc)
{
    asm8(a, 0x0f);
    asm8(a, 0x80 | cc);
    asm32(a, 0);
    return a->p - 4;
}

static inline uint8_t *asm_jmp_fwd(Asm *a)
{
    asm8(a, 0xe9);
    asm32(a, 0);
    return a->p - 4;
}

static inline uint8_t *asm_jcc8_fwd(Asm *a, unsigned cc)
{
    asm8(a, 0x70 | cc);
    asm8(a, 0);
    return a->p - 1;
}

static inline uint8_t *asm_jmp8_fwd(Asm *a)
{
    asm8(a, 0xeb);
    asm8(a, 0);
    return a->p - 1;
}

static inline void asm_fix32(uint8_t *site, const uint8_t *target)
{
    int32_t rel = (int32_t)(target - (site + 4));
    memcpy(site, &rel, 4);
}

static inline void asm_fix8(uint8_t *site, const uint8_t *target)
{
    *site = (uint8_t)(target - (site + 1));
}

static inline void asm_nop(Asm *a, unsigned n)
{
    static const uint8_t nops[9][9] = {
        { 0x90 },
        { 0x66, 0x90 },
        { 0x0f, 0x1f, 0x00 },
        { 0x0f, 0x1f, 0x40, 0 },
        { 0x0f, 0x1f, 0x44, 0, 0 },
        { 0x66, 0x0f, 0x1f, 0x44, 0, 0 },
        { 0x0f, 0x1f, 0x80, 0, 0, 0, 0 },
        { 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0 },
        { 0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0 },
    };
    while (n) {
        unsigned k = n > 9 ? 9 : n;
        memcpy(a->p, nops[k - 1], k);
        a->p += k;
        n -= k;
    }
}

#endif
