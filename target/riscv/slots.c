/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cells of hart state that IR knows by number. Eight registers that compiled code uses most
 * (arguments, stack and frame pointer) stay in host registers in generated code.
 */
#include "target/riscv/cpu.h"

#define X(n, p)                                                                                \
    [SLOT_X0 + n] = { "x" #n, offsetof(RiscvCpu, x) + 8 * n, IR_I64, p },
#define F(n)                                                                                   \
    [SLOT_F0 + n] = { "f" #n, offsetof(RiscvCpu, f) + 8 * n, IR_F64, -1 },
#define CELL(slot, member) [slot] = { #member, offsetof(RiscvCpu, member), IR_I64, -1 }

const IrSlot riscv_slots[RISCV_N_SLOTS] = {
    /* clang-format off */
    X(0, -1) X(1, -1) X(2, 6) X(3, -1) X(4, -1) X(5, -1) X(6, -1) X(7, -1)
    X(8, 7) X(9, -1) X(10, 0) X(11, 1) X(12, 2) X(13, 3) X(14, 4) X(15, 5)
    X(16, -1) X(17, -1) X(18, -1) X(19, -1) X(20, -1) X(21, -1) X(22, -1) X(23, -1)
    X(24, -1) X(25, -1) X(26, -1) X(27, -1) X(28, -1) X(29, -1) X(30, -1) X(31, -1)
    F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15)
    F(16) F(17) F(18) F(19) F(20) F(21) F(22) F(23) F(24) F(25) F(26) F(27) F(28) F(29) F(30) F(31)
    /* clang-format on */
    CELL(SLOT_PC, pc),
    CELL(SLOT_PAGE, cpu.code_page),
    CELL(SLOT_RES_ADDR, res_addr),
    CELL(SLOT_RES_VALUE, res_value),
    CELL(SLOT_PRIV, priv),
    CELL(SLOT_MIP, mip),
    CELL(SLOT_MIP_SOFT, mip_soft),
#undef X
#define X(n) CELL(SLOT_##n, n),
    RISCV_CSR_CELLS(X)
#undef X
};
