/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PSTATE.NZCV, which is kept as the operation that made it. */
#include "target/arm/cpu.h"

/* N and Z of a result, C and V of its carry and overflow. */
static uint32_t flags(bool n, bool z, bool c, bool v)
{
    return (uint32_t)n << 31 | (uint32_t)z << 30 | (uint32_t)c << 29 | (uint32_t)v << 28;
}

uint32_t arm_nzcv_of(uint64_t op, uint64_t x, uint64_t y)
{
    uint32_t x32 = (uint32_t)x, y32 = (uint32_t)y, r32;
    uint64_t r, c = op & 1;

    switch (op) {
    case ARM_CC_SUB32:
        r32 = x32 - y32;
        return flags(r32 >> 31, !r32, x32 >= y32, ((x32 ^ y32) & (x32 ^ r32)) >> 31);
    case ARM_CC_SUB64:
        r = x - y;
        return flags(r >> 63, !r, x >= y, ((x ^ y) & (x ^ r)) >> 63);
    case ARM_CC_ADD32:
        r32 = x32 + y32;
        return flags(r32 >> 31, !r32, r32 < x32, ((x32 ^ r32) & (y32 ^ r32)) >> 31);
    case ARM_CC_ADD64:
        r = x + y;
        return flags(r >> 63, !r, r < x, ((x ^ r) & (y ^ r)) >> 63);
    case ARM_CC_LOGIC32:
        return flags(x32 >> 31, !x32, false, false);
    case ARM_CC_LOGIC64:
        return flags(x >> 63, !x, false, false);
    case ARM_CC_ADC32: case ARM_CC_ADC32 + 1:
        r = (uint64_t)x32 + y32 + c;
        r32 = (uint32_t)r;
        return flags(r32 >> 31, !r32, r >> 32, ((x32 ^ r32) & (y32 ^ r32)) >> 31);
    case ARM_CC_ADC64: case ARM_CC_ADC64 + 1:
        r = x + y + c;
        return flags(r >> 63, !r, c ? r <= x : r < x, ((x ^ r) & (y ^ r)) >> 63);
    default:
        return x32 & (uint32_t)PSTATE_NZCV;
    }
}

uint32_t arm_nzcv(const ArmCpu *a)
{
    return arm_nzcv_of(a->cc_op, a->cc_a, a->cc_b);
}

void arm_set_nzcv(ArmCpu *a, uint32_t nzcv)
{
    a->cc_op = ARM_CC_NZCV;
    a->cc_a = nzcv & (uint32_t)PSTATE_NZCV;
    a->cc_b = 0;
}
