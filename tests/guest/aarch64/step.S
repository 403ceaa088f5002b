// SPDX-License-Identifier: GPL-2.0-or-later
// Software step: one exception after each instruction of EL0, branches and loops too; and
// PSTATE.IL.
    .include "guest.inc"
    .macro STEPS name, label, count
    ADDR x20, trap_count
    str xzr, [x20]
    mov x0, sp
    msr sp_el0, x0
    LI x0, 0x3c0 | 1 << 21
    msr spsr_el1, x0
    adr x0, \label
    msr elr_el1, x0
    adr x1, 8f
    ADDR x0, step_end
    str x1, [x0]
    mov x19, #0
    eret
8:  ldr x21, [x20]
    CHECK "\name", x21, \count
    bl forget_trap
    .endm
test:
    // The handler of this file comes before that of guest.inc
    ADDR x0, step_vectors
    msr vbar_el1, x0
    mov x0, #1
    msr oslar_el1, xzr
    msr mdscr_el1, x0
    isb
    STEPS "straight", straight, 3
    CHECK "straight: result", x19, 3
    STEPS "branches", branches, 5
    CHECK "branches: result", x19, 1
    STEPS "a loop", loop, 17
    CHECK "a loop: result", x19, 5
    STEPS "a store that faults", memory, 2
    STEPS "flags", flags, 4
    CHECK "flags: result", x19, 7
    msr mdscr_el1, xzr
    adr x0, vectors
    msr vbar_el1, x0
    isb
    // Illegal execution state: set by a return to a state that there is none of
    ADDR x20, trap_resume
    adr x21, 1f
    str x21, [x20]
    LI x0, 0x3cd            // EL3
    msr spsr_el1, x0
    adr x0, 2f
    msr elr_el1, x0
    eret
2:  mov x19, #1
1:  TRAPPED "illegal state", 0x3a000000
    CHECK "nothing was done", x19, 7
    FINISH

straight:
    add x19, x19, #1
    add x19, x19, #1
    add x19, x19, #1
    svc #0
branches:
    cbz x19, 1f
    svc #1
1:  cmp x19, #5
    b.eq straight
    b 2f
    svc #1
2:  mov x19, #1
    svc #0
loop:
    add x19, x19, #1
    cmp x19, #5
    b.lo loop
    adr x30, 1f
    br x30
    nop
1:  svc #0
memory:
    mov x22, #NOWHERE
    mov x19, #0x77
    str x19, [x22]
    svc #0
flags:
    mov x19, #7
    cmp x19, #8
    cset x22, lo
    add x19, x22, #6
    svc #0

    .align 11
step_vectors:
    .rept 16
    .align 7
    b step_entry
    .endr
// Counts steps; an SVC ends
step_entry:
    msr tpidr_el1, x28
    mrs x28, esr_el1
    lsr x28, x28, #26
    cmp x28, #0x32
    b.ne 1f
    ADDR x28, trap_count
    ldr x27, [x28]
    add x27, x27, #1
    str x27, [x28]
    mrs x28, spsr_el1
    orr x28, x28, #1 << 21
    msr spsr_el1, x28
    mrs x28, tpidr_el1
    eret
1:  ADDR x28, step_end
    ldr x28, [x28]
    msr elr_el1, x28
    LI x28, 0x3c5
    msr spsr_el1, x28
    mrs x28, tpidr_el1
    eret
    .data
step_end: .quad 0
