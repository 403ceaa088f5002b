// SPDX-License-Identifier: GPL-2.0-or-later
// Flags of additions and subtractions with carry (ADCS, SBCS) in every place where they are asked
// for: by MRS, by each condition, by the next carry, by CCMP, in another block, and in the SPSR of
// an exception. All go into a sum over a grid of operands; what it has to be, the reference says.
    .include "guest.inc"

    // x19 = hash(x19, value)
    .macro MIX value
    ror x19, x19, #59
    eor x19, x19, \value
    add x19, x19, x19, lsl #3
    .endm
    .macro MIX_FLAGS
    mrs x9, nzcv
    MIX x9
    .endm
    .macro SET_CARRY
    cmp x25, #1                // C = x25
    .endm
    .macro MIX_COND cc, insn, w
    SET_CARRY
    \insn \w\()9, \w\()23, \w\()24
    cset x10, \cc
    MIX x10
    .endm
    .macro EACH insn, w
    SET_CARRY
    \insn \w\()9, \w\()23, \w\()24
    MIX x9
    SET_CARRY
    \insn \w\()9, \w\()23, \w\()24
    MIX_FLAGS
    .irp cc, eq, ne, cs, cc, mi, pl, vs, vc, hi, ls, ge, lt, gt, le
    MIX_COND \cc, \insn, \w
    .endr
    // The carry goes on, with a result that overwrites an operand
    SET_CARRY
    mov x11, x23
    mov x12, x24
    \insn \w\()11, \w\()11, \w\()12
    \insn \w\()12, \w\()11, \w\()12
    \insn \w\()13, \w\()12, \w\()zr
    adc x14, xzr, xzr
    MIX x11
    MIX x12
    MIX x13
    MIX x14
    // Chosen by what came of it; and the next one's flags by CCMP
    SET_CARRY
    \insn \w\()zr, \w\()23, \w\()24
    ccmp \w\()23, \w\()24, #9, hi
    MIX_FLAGS
    SET_CARRY
    \insn \w\()zr, \w\()23, \w\()24
    ccmn \w\()23, \w\()24, #6, lt
    \insn \w\()9, \w\()24, \w\()23
    MIX x9
    // In another block, and in the SPSR
    SET_CARRY
    \insn \w\()9, \w\()23, \w\()24
    b 1f
1:  cset x10, lt
    MIX x10
    SET_CARRY
    \insn \w\()9, \w\()23, \w\()24
    svc #0
    adrp x9, trap_spsr
    ldr x9, [x9, :lo12:trap_spsr]
    MIX x9
    MIX_FLAGS
    .endm

test:
    mov x19, #0
    ADDR x20, grid
    mov x21, #N_GRID
rows:
    ldr x23, [x20], #8
    ADDR x22, grid
    mov x26, #N_GRID
columns:
    ldr x24, [x22], #8
    mov x25, #0
carries:
    EACH adcs, x
    EACH sbcs, x
    EACH adcs, w
    EACH sbcs, w
    add x25, x25, #1
    cmp x25, #2
    b.ne carries
    subs x26, x26, #1
    b.ne columns
    subs x21, x21, #1
    b.ne rows
    bl forget_trap
    CHECK "sums, carries and flags of the grid", x19, 0x7a728328e3b35ba4
    FINISH

    .data
    .align 3
grid:
    .quad 0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff
    .quad 0x8000000000000000, 0x80000000ffffffff, 0xfffffffffffffffe, 0xffffffffffffffff
    .equ N_GRID, (. - grid) / 8
