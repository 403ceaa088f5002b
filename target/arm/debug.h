/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Self-hosted debug: the guest's own breakpoints, watchpoints, software step (DDI 0487 D2). */
#ifndef TARGET_ARM_DEBUG_H
#define TARGET_ARM_DEBUG_H

#include "target/arm/cpu.h"

#define MDSCR_SS (1ULL << 0)
#define MDSCR_TDCC (1ULL << 12)
#define MDSCR_KDE (1ULL << 13)
#define MDSCR_MDE (1ULL << 15)
#define MDCR2_TPMCR (1ULL << 5)
#define MDCR2_TPM (1ULL << 6)
#define MDCR2_HPME (1ULL << 7)
#define MDCR2_TDE (1ULL << 8)
#define MDCR2_TDA (1ULL << 9)
#define MDCR2_TDOSA (1ULL << 10)
#define MDCR2_TDRA (1ULL << 11)
#define MDCR2_HPMD (1ULL << 17)
#define MDCR2_HCCD (1ULL << 23)
#define MDCR3_TPM (1ULL << 6)
#define MDCR3_TDA (1ULL << 9)
#define MDCR3_TDOSA (1ULL << 10)
#define MDCR3_SDD (1ULL << 16)
#define MDCR3_SPME (1ULL << 17)
#define MDCR3_SCCD (1ULL << 23)

/* The level that debug exceptions from EL0 and EL1 go to: 1 or 2. */
unsigned arm_debug_target(const ArmCpu *a);
/* Are debug exceptions (but BRK) enabled at this level, with PSTATE.D as given? */
bool arm_debug_enabled_from(const ArmCpu *a, unsigned el, bool secure, bool d);
/* MODE_SS_ACTIVE, MODE_SS, MODE_BP for the current state. */
uint32_t arm_debug_mode(const ArmCpu *a);
/* PSTATE.SS after a return to a state with this SPSR; dest: its level, or the current one. */
bool arm_debug_return_ss(const ArmCpu *a, uint64_t spsr, unsigned dest);
/* Watchpoints changed: pages with some leave the TLB's fast path. */
void arm_debug_changed(ArmCpu *a);
/* A debug exception (breakpoint, watchpoint, step, BRK), EC of those from the same level. */
void arm_debug_raise(ArmCpu *a, unsigned ec, uint32_t iss, uint64_t far) G_GNUC_NORETURN;

#endif
