// SPDX-License-Identifier: GPL-2.0-or-later
// The same two pages of code for EL0 at many addresses, in two address spaces: every address that the
// code sees (adr, links, literals, causes of exceptions) has to be the one that it is executed at. Then
// pages change places, and the code changes, from outside and by its own hand.
// cpu: max
    .arch armv8.5-a
    .include "guest.inc"
    .equ V1, 0x100000000        // 4 GiB
    .equ V2, 0x5555554000
    .equ V3, 0x7ffff62000
    .equ V4, 0x00400000         // where programs are that are not position-independent
    .equ PAGE_FLAGS, 0x3 | 1 << 6 | 3 << 8 | 1 << 10 | 1 << 11 | 1 << 53 // EL0 RWX, not global
    .equ GUARD, 1 << 50
    .equ RECORDS, 4             // exceptions of one run
    .equ PLACES, 14             // addresses that one run sees

    .section .rodata.code, "a"
    .align 3
places:                         // those of `other` are the same
    .text

    // x27: 1 + number of the first check that failed, of all runs since the last RESULT
    .macro RUN space, va, kind
    ADDR x0, space_\space
    ldr x0, [x0]
    msr ttbr0_el1, x0
    isb
    LI x19, \va
    mov x20, #\kind
    bl run
    .endm
    .macro RESULT name
    bl home
    CHECK "\name", x27, 0
    mov x27, #0
    .endm
    .macro MAP space, va, page, flags=0
    ADDR x0, table_\space\()_\va
    add x0, x0, #(\va >> 12 & 511) * 8
    ADDR x1, \page
    LI x2, PAGE_FLAGS | \flags
    bl map
    .endm
    .macro RUN_ALL kind
    RUN a, V1, \kind
    RUN a, V2, \kind
    RUN a, V3, \kind
    RUN a, V4, \kind
    RUN b, V2, \kind
    RUN b, V3, \kind
    .endm

test:
    mrs x0, ttbr0_el1
    ADDR x1, space_home
    str x0, [x1]
    ADDR x0, moved_vectors
    msr vbar_el1, x0
    isb
    mov x27, #0
    bl make_spaces
    RUN a, V1, 1
    RESULT "at the first address"
    RUN a, V2, 1
    RESULT "at a second one"
    RUN_ALL 1
    RESULT "at all addresses"
    mov x26, #50
1:  RUN_ALL 1
    subs x26, x26, #1
    b.ne 1b
    RESULT "at all addresses, many times"

    // Other pages at the same address
    bl home
    MAP a, V2, other
    RUN a, V2, 2
    RESULT "another page at the same address"
    RUN b, V2, 1
    RESULT "the first one there in another address space"
    MAP a, V2, code
    RUN a, V2, 1
    RUN a, V1, 1
    RESULT "the first one again"
    MAP a, V3, code, GUARD
    RUN a, V3, 1
    RUN a, V2, 1
    RUN b, V3, 1
    RESULT "one of them guarded"

    // Code that changes under all its addresses
    mov w1, #3
    bl patch
    RUN_ALL 3
    RESULT "changed by others"
    mov w1, #1
    bl patch
    RUN_ALL 1
    RESULT "changed back"
    // By itself: a store through another address to what it is about to execute
    ADDR x0, space_a
    ldr x0, [x0]
    msr ttbr0_el1, x0
    isb
    mov x26, #20
1:  LI x19, V1
    LI x22, V3
    tbz x26, #0, 2f
    LI x19, V3
    LI x22, V2
2:  bl run_self
    subs x26, x26, #1
    b.ne 1b
    RESULT "changed by itself"
    bl home
    ADDR x0, vectors
    msr vbar_el1, x0
    FINISH

home:
    ADDR x0, space_home
    ldr x0, [x0]
    msr ttbr0_el1, x0
    isb
    ret

    // w1: movz x20, #w1 into the code
patch:
    ADDR x2, space_a
    ldr x2, [x2]
    msr ttbr0_el1, x2
    isb
    ADDR x0, patch_code
    lsl w1, w1, #5
    mov w2, #20
    orr w1, w1, w2
    movk w1, #0xd280, lsl #16
    LI x2, V1
    ADDR x3, code
    sub x0, x0, x3
    add x0, x0, x2
    mrs x2, pan
    msr pan, #0
    str w1, [x0]
    msr pan, x2
    b sync
    // x0: an address with code that was stored to
sync:
    dc cvau, x0
    dsb ish
    ic ivau, x0
    dsb ish
    isb
    ret

    // x0: leaf entry, x1: page, x2: flags
map:
    orr x1, x1, x2
    str x1, [x0]
    add x1, x1, #4096           // and the page behind it, and one for data
    str x1, [x0, #8]
    ADDR x1, values
    orr x1, x1, x2
    str x1, [x0, #16]
    dsb ishst
    tlbi vmalle1
    dsb ish
    isb
    ret

    .macro TABLE space, va
    ADDR x0, root_\space
    ADDR x1, middle_\space\()_\va
    ADDR x2, table_\space\()_\va
    orr x3, x1, #3
    .if \va >> 30
    str x3, [x0, #(\va >> 30 & 511) * 8]
    .else
    str x3, [x0]
    .endif
    orr x3, x2, #3
    str x3, [x1, #(\va >> 21 & 511) * 8]
    .endm
    .macro SPACE space, asid
    ADDR x0, root_\space        // the program itself, as it is
    ADDR x1, tables
    ldr x1, [x1, #8]
    str x1, [x0, #8]
    TABLE \space, V1
    TABLE \space, V2
    TABLE \space, V3
    TABLE \space, V4
    MAP \space, V1, code
    MAP \space, V2, code
    MAP \space, V3, code
    MAP \space, V4, code
    ADDR x0, root_\space
    LI x1, \asid << 48
    orr x0, x0, x1
    ADDR x1, space_\space
    str x0, [x1]
    .endm
make_spaces:
    mov x28, x30
    SPACE a, 1
    SPACE b, 2
    mov x30, x28
    ret

    // To EL0 at x0; back when it says SVC
go:
    ADDR x1, moved_n
    str xzr, [x1]
    msr elr_el1, x0
    LI x1, 0x3c0
    msr spsr_el1, x1
    adr x0, 1f
    msr tpidr_el1, x0
    eret
1:  ret x24

    // x19: where; x20: what patch is expected to say
run:
    mov x25, x30
    add x21, x19, #8192
    ADDR x0, values
    mov x1, #PLACES
1:  str xzr, [x0], #8
    subs x1, x1, #1
    b.ne 1b
    mov x23, x20
    mov x0, x19
    adr x24, 2f
    b go
2:  cbnz x0, 9f
    ADDR x1, values
    ADDR x2, places
3:  ldr x4, [x2], #8
    add x4, x4, x19
    ldr x5, [x1], #8
    cmp x4, x5
    b.ne 9f
    add x0, x0, #1
    cmp x0, #PLACES
    b.lt 3b
    mov x0, #100                // all exceptions that there should be, and no more
    ADDR x1, moved_n
    ldr x1, [x1]
    cmp x1, #RECORDS
    b.ne 9f
    ADDR x1, records
    ADDR x2, expected
4:  ldp x4, x5, [x2], #16       // ESR, offset of ELR
    ldp x6, x7, [x1], #16
    cmp x4, x6
    b.ne 9f
    add x5, x5, x19
    cmp x5, x7
    b.ne 9f
    add x0, x0, #1
    cmp x0, #100 + RECORDS
    b.lt 4b
    ret x25
9:  cbnz x27, 1f
    add x27, x0, #1
1:  ret x25

run_self:
    mov x25, x30
    ADDR x0, self
    ADDR x1, code
    sub x0, x0, x1
    add x0, x0, x19
    ADDR x2, self_patch
    sub x2, x2, x1
    add x22, x22, x2
    adr x24, 2f
    b go
2:  cbz x0, 1f
    cbnz x27, 1f
    add x27, x0, #1
1:  ret x25

    .align 11
moved_vectors:
    .rept 16
    .align 7
    b moved_trap
    .endr
moved_trap:
    msr tpidrro_el0, x0
    mrs x0, esr_el1
    lsr x0, x0, #26
    cmp x0, #0x15
    b.eq 2f
    ADDR x0, moved_n
    stp x1, x2, [x0, #8]
    ldr x1, [x0]
    add x2, x1, #1
    str x2, [x0]
    cmp x1, #RECORDS
    b.ge 1f
    ADDR x2, records
    add x2, x2, x1, lsl #4
    mrs x1, esr_el1
    str x1, [x2]
    mrs x1, elr_el1
    str x1, [x2, #8]
1:  mrs x1, elr_el1
    add x1, x1, #4
    msr elr_el1, x1
    ldp x1, x2, [x0, #8]
    mrs x0, tpidrro_el0
    eret
2:  mrs x0, tpidr_el1
    msr elr_el1, x0
    LI x0, 0x3c5
    msr spsr_el1, x0
    mrs x0, tpidrro_el0
    eret
    .ltorg

    // Notes `reg`, which should be where `label` is; n counts these
    .macro PLACE n, reg, label, page
    str \reg, [x21, #8 * \n]
    .pushsection .rodata.\page, "a"
    .quad \label - \page
    .popsection
    .endm
    // The code at both pages, which differ in what they give for x20
    .macro PAGE name, kind
    .balign 4096
\name:
    bti jc
    b 1f
\name\()_here:
    bti c
    adr x2, \name\()_here
    ret
1:  adr x1, 1b
    PLACE 0, x1, 1b, \name
    adrp x1, \name
    PLACE 1, x1, \name, \name
    add x1, x1, #:lo12:\name\()_near
    PLACE 2, x1, \name\()_near, \name
    bl \name\()_near
2:  PLACE 3, x30, 2b, \name
    PLACE 4, x2, 2b, \name
    bl \name\()_far             // in the next page
3:  PLACE 5, x30, 3b, \name
    PLACE 6, x2, 3b, \name
    adr x3, \name\()_far
    blr x3
4:  PLACE 7, x2, 4b, \name
    PLACE 8, x3, \name\()_far, \name
    // A constant is the address of one place, wherever the code is that has it.
    mov x0, #44
    movz x3, #(V2 & 0xffff) + 8 // here
    movk x3, #V2 >> 16 & 0xffff, lsl #16
    movk x3, #V2 >> 32, lsl #32
    blr x3
    cmp x2, x3
    b.ne \name\()_end
    // Loops: within the page, and over both
    mov x4, #300
5:  subs x4, x4, #1
    adr x1, .
    b.ne 5b
    PLACE 9, x1, 5b + 4, \name
    mov x4, #300
6:  bl \name\()_far
7:  subs x4, x4, #1
    b.ne 6b
    PLACE 10, x2, 7b, \name
    // Literals: general, signed, vector
    mov x0, #43
    ldr x1, \name\()_literal
    ldrsw x2, \name\()_literal
    ldr d0, \name\()_literal
    fmov x3, d0
    cmp x1, x3
    sxtw x3, w1
    ccmp x2, x3, #0, eq
    b.ne \name\()_end
    // Exceptions
    mov x1, #0x700000
\name\()_load:
    ldr x2, [x1, #16]
\name\()_break:
    brk #7
\name\()_undefined:
    .inst 0x00000001
    // What others change
patch_\name:
    movz x20, #\kind
    mov x0, #40
    cmp x20, x23
    b.ne \name\()_end
    b \name\()_more
\name\()_near:
    mov x2, x30
    ret
    .balign 8
\name\()_literal:
    .quad 0x123456789abcdef0 + \kind
\name\()_end:
    svc #0
    .if \kind == 1
    // Stores to what comes next through x22, then executes it
self:
    LI x2, 0xd2800000           // mov x0, #0
    LI x3, 0xd28006e0           // mov x0, #55
    str w3, [x22]
    bl self_sync
    bl self_patch
    sub x5, x0, #55
    str w2, [x22]
    bl self_sync
    bl self_patch
    add x0, x0, x5
    cbz x5, 1f
    mov x0, #41
1:  svc #0
self_sync:
    dc cvau, x22
    dsb ish
    ic ivau, x22
    dsb ish
    isb
    ret
self_patch:
    mov x0, #0
    ret
    .ltorg
    .endif
    .org \name + 4096 - 16
\name\()_more:
    nop
    bl \name\()_near
\name\()_back:
    PLACE 11, x2, \name\()_back, \name
\name\()_last:
    adr x3, .
\name\()_next:                  // the next page
    PLACE 12, x3, \name\()_last, \name
    adr x3, \name\()_back
    PLACE 13, x3, \name\()_back, \name
    mov x1, #0x700000
\name\()_store:
    str x1, [x1, #32]
    mov x0, #0
    svc #0
\name\()_far:
    bti c
    mov x2, x30
    ret
    .endm
    PAGE code, 1
    PAGE other, 2
    .balign 4096

    .section .rodata
    .align 3
expected:
    .quad 0x92000006, code_load - code
    .quad 0xf2000007, code_break - code
    .quad 0x02000000, code_undefined - code
    .quad 0x92000046, code_store - code
    .data
    .align 4
space_a: .quad 0
space_b: .quad 0
space_home: .quad 0
moved_n: .quad 0, 0, 0
    .align 4
records: .skip RECORDS * 16
    .bss
    .balign 4096
values: .skip 4096
    .macro TABLES space, va
middle_\space\()_\va: .skip 4096
table_\space\()_\va: .skip 4096
    .endm
root_a: .skip 4096
root_b: .skip 4096
    TABLES a, V1
    TABLES a, V2
    TABLES a, V3
    TABLES a, V4
    TABLES b, V1
    TABLES b, V2
    TABLES b, V3
    TABLES b, V4
