// SPDX-License-Identifier: GPL-2.0-or-later
// Self-hosted debug at EL1: breakpoints, watchpoints, their masks, OS lock, PSTATE.D (DDI 0487 D2).
// reference: BAD OS lock keeps it off|BAD load that covers it
    .include "guest.inc"
    .equ BREAK_EL1, 1 | 1 << 1 | 0xf << 5
    .equ WATCH_EL1, 1 | 1 << 1
    .equ STORES, 2 << 3
    .equ LOADS, 1 << 3
    .equ MASKED, 1 << 9             // PSTATE.D

    .macro SET_MDSCR value
    LI x0, \value
    msr mdscr_el1, x0
    isb
    .endm

test:
    msr oslar_el1, xzr
    isb
    msr daifclr, #8
    SET_MDSCR 1 << 13 | 1 << 15     // KDE, MDE

    // Breakpoints
    adr x0, at_break
    msr dbgbvr2_el1, x0
    LI x0, BREAK_EL1
    msr dbgbcr2_el1, x0
    isb
    mov x21, #5
    bl called
    CHECK "breakpoint comes before the instruction", x21, 5
    TRAPPED "breakpoint", 0xc6000022
    msr daifset, #8
    mov x21, #5
    bl called
    msr daifclr, #8
    CHECK "PSTATE.D masks it", x21, 6
    NO_TRAP "masked breakpoint"
    mov x0, #1
    msr oslar_el1, x0
    isb
    mov x21, #5
    bl called
    CHECK "OS lock keeps it off", x21, 6
    msr oslar_el1, xzr
    isb
    bl called
    TRAPPED "breakpoint again", 0xc6000022
    LI x0, 1 | 2 << 1 | 0xf << 5    // EL0 only
    msr dbgbcr2_el1, x0
    isb
    mov x21, #5
    bl called
    CHECK "breakpoint for EL0", x21, 6
    // Linked to a context
    LI x0, 1 | 1 << 1 | 0xf << 5 | 5 << 16 | 1 << 20
    msr dbgbcr2_el1, x0
    mov x0, #77
    msr dbgbvr5_el1, x0
    LI x0, 1 | 3 << 1 | 0xf << 5 | 3 << 20
    msr dbgbcr5_el1, x0
    mov x0, #76
    msr contextidr_el1, x0
    isb
    mov x21, #5
    bl called
    CHECK "breakpoint of another context", x21, 6
    mov x0, #77
    msr contextidr_el1, x0
    isb
    bl called
    TRAPPED "breakpoint of this context", 0xc6000022
    msr dbgbcr2_el1, xzr
    msr dbgbcr5_el1, xzr
    isb
    mov x21, #5
    bl called
    CHECK "no breakpoint", x21, 6

    // Watchpoints
    ADDR x20, watched
    str xzr, [x20]
    msr dbgwvr1_el1, x20
    LI x0, WATCH_EL1 | STORES | 0xff << 5
    msr dbgwcr1_el1, x0
    isb
    ldr x1, [x20]
    NO_TRAP "load at a watchpoint of stores"
    mov x1, #1
    str x1, [x20]
    ADDR x22, trap_far
    ldr x22, [x22]
    sub x22, x22, x20
    CHECK "watchpoint: FAR", x22, 0
    TRAPPED "store at a watchpoint", 0xd6000062
    msr dbgwcr1_el1, xzr
    isb
    ldr x22, [x20]
    CHECK "watchpoint comes before the store", x22, 0
    LI x0, WATCH_EL1 | STORES | LOADS | 0x10 << 5
    msr dbgwcr1_el1, x0
    isb
    strb w1, [x20, #3]
    strb w1, [x20, #5]
    NO_TRAP "stores beside the watched byte"
    strb w1, [x20, #4]
    TRAPPED "store to the watched byte", 0xd6000062
    ldr x22, [x20]
    TRAPPED "load that covers it", 0xd6000022
    stp x1, x1, [x20, #-8]
    TRAPPED "pair that covers it", 0xd6000062
    LI x0, WATCH_EL1 | STORES | 0xff << 5 | 6 << 24
    msr dbgwcr1_el1, x0
    isb
    str x1, [x20, #64]
    NO_TRAP "store behind the mask"
    str x1, [x20, #56]
    TRAPPED "store under the mask", 0xd6000062
    SET_MDSCR 0
    str x1, [x20]
    NO_TRAP "watchpoints off"
    FINISH

    .align 8
called:
at_break:
    add x21, x21, #1
    ret

    .data
    .align 12
    .skip 256
watched:
    .skip 256
