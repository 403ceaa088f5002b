// SPDX-License-Identifier: GPL-2.0-or-later
// WFE: the event register, the trap that only a real wait takes, and waits that a store or a SEV of
// another processor ends.
// args: -smp 2
// reference: BAD wfe of EL0
    .equ SMP, 2
    .equ CTL, 0
    .include "guest.inc"

    // x19: counter's frequency. Waits until \ms have passed since x21.
    .macro UNTIL ms
    mov x0, #\ms
    mul x0, x0, x19
    mov x1, #1000
    udiv x0, x0, x1
1:  isb
    mrs x1, cntvct_el0
    sub x1, x1, x21
    cmp x1, x0
    b.lo 1b
    .endm

test:
    mrs x19, cntfrq_el0
    sevl
    ENTER_EL0
    wfe                             // ends: the register is set
    svc #0
    ADDR x20, trap_count
    ldr x21, [x20]
    CHECK "wfe with an event does not trap", x21, 1
    sevl
    wfe
    ENTER_EL0                       // whose ERET sets it once more
    wfe
    wfe
    svc #0
    ldr x21, [x20]
    CHECK "wfe of EL0 traps without one", x21, 3

    // The other one waits in a loop for a store, without a SEV.
    mrs x21, cntvct_el0
    UNTIL 30
    ADDR x20, flag
    mov w1, #1
    stlr w1, [x20]
2:  ldr w1, [x20, #4]
    cbz w1, 2b
    CHECK "a store ends a long wait", x1, 1

    // Again, until a SEV; it answers with the SEV that this one waits for.
    mrs x21, cntvct_el0
    UNTIL 30
    mov w1, #2
    stlr w1, [x20]
    sev
3:  ldr w1, [x20, #4]
    cmp w1, #2
    b.eq 4f
    wfe
    b 3b
4:  CHECK "a sev ends a long wait", x1, 2
    FINISH

secondary:
    ADDR x20, flag
1:  ldar w1, [x20]
    cbnz w1, 2f
    wfe
    b 1b
2:  mov w1, #1
    dmb ish
    str w1, [x20, #4]
3:  ldar w1, [x20]
    cmp w1, #2
    b.eq 4f
    wfe
    b 3b
4:  mov w1, #2
    dmb ish
    str w1, [x20, #4]
    sev
5:  wfi
    b 5b
    .data
    .align 3
flag: .word 0, 0
