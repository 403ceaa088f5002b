/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Semihosting for A64: HLT 0xf000 with the operation in W0 and its argument in X1. */
#include "softmmu/semihosting.h"

#include "target/arm/cpu.h"

bool arm_semihosting_call(ArmCpu *a)
{
    bool user = arm_el(a) == 0;

    if (!semihosting_enabled(user))
        return false;
    a->x[0] = semihosting_cpu_call(&a->cpu, a->pc, user, (uint32_t)a->x[0], a->x[1]);
    return true;
}
