/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A64 instructions, or parts of them, that are too big for IR (DDI 0487). */
#include "target/arm/trans.h"
#include "util/random.h"

enum { ALL_BUT_FP = IR_READS | IR_WRITES | IR_FAULTS | IR_FLUSHES };

/* --- faults --- */

static uint64_t helper_pc_alignment(Cpu *cpu)
{
    ArmCpu *a = arm_cpu(cpu);

    arm_raise(a, arm_default_target_el(a), ESR(EC_PC_ALIGNMENT, 0), a->pc);
}
const IrHelper arm_helper_pc_alignment = {
    "pc_alignment", helper_pc_alignment, 0, false, ALL_BUT_FP,
};

static uint64_t helper_sp_alignment(Cpu *cpu)
{
    ArmCpu *a = arm_cpu(cpu);

    arm_raise(a, arm_default_target_el(a), ESR(EC_SP_ALIGNMENT, 0), 0);
}
/* It does not return: to what comes after it, it is as if it had written nothing. */
const IrHelper arm_helper_sp_alignment = {
    "sp_alignment", helper_sp_alignment, 0, false, IR_READS | IR_FAULTS,
};

static uint64_t helper_unaligned(Cpu *cpu, uint64_t va, uint64_t write)
{
    arm_raise_unaligned(cpu, va, write ? MMU_WRITE : MMU_READ);
}
const IrHelper arm_helper_unaligned = {
    "unaligned", helper_unaligned, 2, false, IR_READS | IR_FAULTS,
};

/* --- arithmetic --- */

static uint64_t helper_nzcv(Cpu *cpu, uint64_t op, uint64_t x, uint64_t y)
{
    return arm_nzcv_of(op, x, y);
}
const IrHelper arm_helper_nzcv = { "nzcv", helper_nzcv, 3, true, IR_PURE };

static uint64_t helper_rbit(Cpu *cpu, uint64_t x, uint64_t shift)
{
    x = (x >> 1 & 0x5555555555555555) | (x & 0x5555555555555555) << 1;
    x = (x >> 2 & 0x3333333333333333) | (x & 0x3333333333333333) << 2;
    x = (x >> 4 & 0x0f0f0f0f0f0f0f0f) | (x & 0x0f0f0f0f0f0f0f0f) << 4;
    return __builtin_bswap64(x) >> shift;
}
const IrHelper arm_helper_rbit = { "rbit", helper_rbit, 2, true, IR_PURE };

/* Remainders of all bytes by the two polynomials, bits reversed. */
static uint32_t crc_table[2][256];

static void __attribute__((constructor)) make_crc_tables(void)
{
    static const uint32_t polynomial[2] = { 0xedb88320, 0x82f63b78 };

    for (unsigned p = 0; p < 2; p++) {
        for (uint32_t n = 0; n < 256; n++) {
            uint32_t c = n;
            for (unsigned k = 0; k < 8; k++)
                c = c & 1 ? c >> 1 ^ polynomial[p] : c >> 1;
            crc_table[p][n] = c;
        }
    }
}

static uint64_t crc(const uint32_t *table, uint64_t acc, uint64_t v, uint64_t bytes)
{
    uint32_t c = (uint32_t)acc;

    for (; bytes; bytes--, v >>= 8)
        c = c >> 8 ^ table[(c ^ v) & 0xff];
    return c;
}

static uint64_t helper_crc32(Cpu *cpu, uint64_t acc, uint64_t v, uint64_t bytes)
{
    return crc(crc_table[0], acc, v, bytes);
}
const IrHelper arm_helper_crc32 = { "crc32", helper_crc32, 3, true, IR_PURE };

static uint64_t helper_crc32c(Cpu *cpu, uint64_t acc, uint64_t v, uint64_t bytes)
{
    return crc(crc_table[1], acc, v, bytes);
}
const IrHelper arm_helper_crc32c = { "crc32c", helper_crc32c, 3, true, IR_PURE };

/* --- registers --- */

static uint64_t helper_rndr(Cpu *cpu)
{
    uint64_t v;

    random_bytes(&v, sizeof v);
    return v;
}
const IrHelper arm_helper_rndr = { "rndr", helper_rndr, 0, true, IR_READS };

static uint64_t helper_elr(Cpu *cpu)
{
    return arm_cpu(cpu)->elr[arm_el(arm_cpu(cpu))];
}
const IrHelper arm_helper_elr = { "elr", helper_elr, 0, true, IR_READS };

/* --- atomic accesses of 16 bytes --- */

static uint64_t in_guest_order(const ArmCpu *a, uint64_t v)
{
    return a->cpu.mode & MODE_EE ? __builtin_bswap64(v) : v;
}

static const IrMemOp atomic16 = IR_MO_128 | IR_MO_ALIGN | IR_MO_ATOMIC | IR_MO_SEQ;

/* Nobody but the translator's code after it changes the monitor. */
static uint64_t helper_stxp(Cpu *cpu, uint64_t va, uint64_t x, uint64_t y)
{
    ArmCpu *a = arm_cpu(cpu);
    uint64_t expect[2], value[2], old[2];

    if (a->excl_addr != va || a->excl_size != 16)
        return 1;
    for (unsigned i = 0; i < 2; i++) {
        expect[i] = in_guest_order(a, a->excl_val[i]);
        value[i] = in_guest_order(a, i ? y : x);
    }
    cpu_atomic_cas16(cpu, va, expect, value, old, atomic16);
    return old[0] != expect[0] || old[1] != expect[1];
}
const IrHelper arm_helper_stxp = { "stxp", helper_stxp, 3, true, IR_READS | IR_FAULTS };

/* CASP: the registers are an even one and the next, which may be 31. */
static uint64_t helper_casp(Cpu *cpu, uint64_t va, uint64_t rs, uint64_t rt)
{
    ArmCpu *a = arm_cpu(cpu);
    uint64_t expect[2], value[2], old[2];

    for (unsigned i = 0; i < 2; i++) {
        expect[i] = rs + i < 31 ? in_guest_order(a, a->x[rs + i]) : 0;
        value[i] = rt + i < 31 ? in_guest_order(a, a->x[rt + i]) : 0;
    }
    cpu_atomic_cas16(cpu, va, expect, value, old, atomic16 | IR_MO_RMW_FAULT);
    for (unsigned i = 0; i < 2; i++) {
        if (rs + i < 31)
            a->x[rs + i] = in_guest_order(a, old[i]);
    }
    return 0;
}
const IrHelper arm_helper_casp = {
    "casp", helper_casp, 3, false, IR_READS | IR_WRITES | IR_FAULTS,
};

/* --- branch targets --- */

static uint64_t helper_bti(Cpu *cpu)
{
    ArmCpu *a = arm_cpu(cpu);

    arm_raise(a, arm_default_target_el(a), ESR(EC_BTI, a->btype), 0);
}
const IrHelper arm_helper_bti = { "bti", helper_bti, 0, true, ALL_BUT_FP };
