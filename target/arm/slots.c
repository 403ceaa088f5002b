/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cells of A64 state that IR knows by number. Eight registers that compiled code uses most
 * (arguments, stack and frame pointer) stay in host registers in generated code.
 */
#include "target/arm/cpu.h"

#define X(n, p)                                                                                \
    [SLOT_X0 + n] = { "x" #n, offsetof(ArmCpu, x) + 8 * n, IR_I64, p },
#define V(n)                                                                                   \
    [SLOT_V0 + n] = { "v" #n, offsetof(ArmCpu, v) + 16 * n, IR_V128, -1 },
#define CELL(slot, member) [slot] = { #member, offsetof(ArmCpu, member), IR_I64, -1 }

const IrSlot arm_slots[ARM_N_SLOTS] = {
    /* clang-format off */
    X(0, 0) X(1, 1) X(2, 2) X(3, 3) X(4, 4) X(5, 5) X(6, -1) X(7, -1)
    X(8, -1) X(9, -1) X(10, -1) X(11, -1) X(12, -1) X(13, -1) X(14, -1) X(15, -1)
    X(16, -1) X(17, -1) X(18, -1) X(19, -1) X(20, -1) X(21, -1) X(22, -1) X(23, -1)
    X(24, -1) X(25, -1) X(26, -1) X(27, -1) X(28, -1) X(29, 6) X(30, -1)
    V(0) V(1) V(2) V(3) V(4) V(5) V(6) V(7) V(8) V(9) V(10) V(11) V(12) V(13) V(14) V(15)
    V(16) V(17) V(18) V(19) V(20) V(21) V(22) V(23) V(24) V(25) V(26) V(27) V(28) V(29) V(30) V(31)
    /* clang-format on */
    [SLOT_SP] = { "sp", offsetof(ArmCpu, sp), IR_I64, 7 },
    [SLOT_QC] = { "qc", offsetof(ArmCpu, qc), IR_V128, -1 },
    CELL(SLOT_PC, pc),
    CELL(SLOT_PAGE, cpu.code_page),
    CELL(SLOT_CC_OP, cc_op),
    CELL(SLOT_CC_A, cc_a),
    CELL(SLOT_CC_B, cc_b),
    CELL(SLOT_COND, cond),
    CELL(SLOT_BTYPE, btype),
    CELL(SLOT_BTYPE_PC, btype_pc),
    CELL(SLOT_EXCL_ADDR, excl_addr),
    CELL(SLOT_EXCL_VAL0, excl_val[0]),
    CELL(SLOT_EXCL_VAL1, excl_val[1]),
    CELL(SLOT_EXCL_SIZE, excl_size),
    CELL(SLOT_TPIDR_EL0, tpidr_el0),
    CELL(SLOT_TPIDRRO_EL0, tpidrro_el0),
    CELL(SLOT_TPIDR_EL1, tpidr_el1),
    CELL(SLOT_PSTATE, pstate),
    CELL(SLOT_IRQ_LEVEL, irq_level),
    CELL(SLOT_SP_EL0, sp_el[0]),
    CELL(SLOT_ELR_EL1, elr[1]),
    CELL(SLOT_SPSR_EL1, spsr[1]),
    CELL(SLOT_ESR_EL1, esr[1]),
    CELL(SLOT_FAR_EL1, far_[1]),
    CELL(SLOT_CONTEXTIDR_EL1, contextidr[1]),
    CELL(SLOT_TPIDR_EL2, tpidr_el[2]),
    CELL(SLOT_VBAR_EL1, vbar[1]),
    CELL(SLOT_ELR_EL2, elr[2]),
    CELL(SLOT_SPSR_EL2, spsr[2]),
};
