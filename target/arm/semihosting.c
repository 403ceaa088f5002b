/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Semihosting for A64 ("Semihosting for AArch32 and AArch64", 2.0): off unless asked for. */
#include "target/arm/cpu.h"

bool arm_semihosting_call(ArmCpu *a)
{
    return false;
}
