// SPDX-License-Identifier: GPL-2.0-or-later
// Alignment of SP and PC, unprivileged accesses, branch tags, changed code, undefined words.
// reference: BAD sp|BAD ldr x0, [sp]
    .equ CTL, 0
    .equ TCR, 1 << 37
    .include "guest.inc"
test:
    // SP that isn't a multiple of 16: only accesses are checked
    mov x19, sp
    sub x20, x19, #8
    mov sp, x20
    ldr x21, [sp]
    mov sp, x19
    TRAPPED "ldr x0, [sp]", 0x9a000000
    mov sp, x20
    str x21, [sp, #-16]!
    mov x22, sp
    mov sp, x19
    sub x22, x22, x20
    CHECK "sp is left alone", x22, 0
    TRAPPED "sp with writeback", 0x9a000000
    mov sp, x20
    ldp x21, x22, [sp], #16
    mov sp, x19
    TRAPPED "sp of a pair", 0x9a000000
    mov sp, x20
    prfm pldl1keep, [sp]
    mov sp, x19
    NO_TRAP "sp of a prefetch"
    sub sp, sp, #32
    str x21, [sp, #8]
    sub x20, sp, #8
    str x21, [sp]
    mov sp, x20
    str x21, [sp]
    mov sp, x19
    TRAPPED "sp made wrong in a block", 0x9a000000

    // PC
    ADDR x20, trap_resume
    adr x21, 1f
    str x21, [x20]
    adr x21, test
    add x21, x21, #2
    br x21
1:  ADDR x20, trap_far
    ldr x20, [x20]
    sub x20, x20, x21
    CHECK "pc: FAR", x20, 0
    TRAPPED "pc", 0x8a000000

    // A tag, which TCR_EL1.TBI0 makes branches ignore
    adr x21, 2f
    orr x21, x21, #0x78 << 56
    br x21
2:  adr x22, .
    lsr x22, x22, #56
    CHECK "tag of a branch", x22, 0
    adr x21, 3f
    orr x21, x21, #0x78 << 56
    msr elr_el1, x21
    mrs x22, CurrentEL
    LI x22, 0x3c5
    msr spsr_el1, x22
    eret
3:  adr x22, .
    lsr x22, x22, #56
    CHECK "tag of a return", x22, 0
    bl 4f
4:  orr x30, x30, #0x30 << 56
    add x30, x30, #12
    ret
    lsr x22, x30, #56
    CHECK "x30 keeps its tag", x22, 0x30

    // LDTR and STTR: as EL0
    ADDR x20, user_page
    LI x21, 0x8182838485868788
    str x21, [x20]
    ldtr x22, [x20]
    CHECK "ldtr of EL0's page", x22, 0x8182838485868788
    ldtrsb w22, [x20]
    CHECK "ldtrsb w", x22, 0xffffff88
    ldtrsw x22, [x20, #4]
    CHECK "ldtrsw", x22, 0xffffffff81828384
    ADDR x20, cell
    ldtr x22, [x20]
    TRAPPED "ldtr of EL1's page", 0x9600000f
    sttrb w21, [x20]
    TRAPPED "sttrb to EL1's page", 0x9600004f
    ENTER_EL0
    ADDR x20, user_page
    ldtrh w22, [x20]
    ldr x23, [x20]
    svc #0
    CHECK "ldtrh at EL0", x22, 0x8788

    // EL0: what it may not
    ENTER_EL0
    ADDR x20, cell
    ldr x22, [x20]
    svc #0
    ADDR x20, trap_count
    ldr x21, [x20]
    ENTER_EL0
    mrs x22, currentel
    eret
    hvc #0
    smc #0
    msr spsel, #0
    mrs x22, sctlr_el1
    msr daifset, #2
    svc #0
    ldr x22, [x20]
    sub x22, x22, x21
    CHECK "exceptions at EL0", x22, 8
    bl forget_trap

    // Code that is written is seen behind the barriers
    adrp x20, user_page
    LI x21, 0xd65f03c0d2800020   // mov x0, #1; ret
    str x21, [x20]
    LI x22, 0xd65f03c0d2800040   // mov x0, #2; ret
    LI x23, 2
    // Executable, for EL1 only: the page's entry
    ADDR x24, tables + 8192
    ubfx x25, x20, #12, #9
    ldr x26, [x24, x25, lsl #3]
    LI x27, 3 << 53 | 1 << 6
    bic x26, x26, x27
    str x26, [x24, x25, lsl #3]
    dsb ish
    tlbi vmalle1
    dsb ish
    isb
    blr x20
    CHECK "new code", x0, 1
    str x22, [x20]
    dc cvau, x20
    dsb ish
    ic ivau, x20
    dsb ish
    isb
    blr x20
    CHECK "changed code", x0, 2

    // As the first instruction of a block
    mov x0, #1
    isb
    clz w21, w0
    CHECK "clz", x21, 31
    rbit w21, w0
    clz w21, w21
    CHECK "rbit and clz", x21, 0

    // Undefined words
    udf #7
    TRAPPED "udf", 0x2000000
    .inst 0x1ac01c40
    TRAPPED "unallocated", 0x2000000
    brk #0x123
    TRAPPED "brk", 0xf2000123
    svc #0x4567
    TRAPPED "svc", 0x56004567
    smc #0
    TRAPPED "smc without EL3", 0x2000000
    FINISH
    .data
    .align 4
cell: .quad 0, 0
