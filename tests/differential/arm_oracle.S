/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs A64 cases from standard input for real (that is, on what runs this Linux program) and writes
 * the states after them. See arm_cases.py for the record; its offsets are here:
 *   0 n_insns, 8 insns[8], 40 x[31], 288 nzcv, 296 fpcr, 304 fpsr, 312 unused, 320 v[32],
 *   832 memory[512]
 * Code runs at CODE with a copy of the memory behind it, memory is at DATA.
 */
        .equ CODE, 0x30000000
        .equ LITERALS, CODE + 0x800
        .equ DATA, 0x20000000
        .equ MIDDLE, DATA + 0xf00       /* the memory's place: across two pages */
        .equ SIZE, 1344
        .arch armv8-a

        .macro  sys number
        mov     x8, \number
        svc     0
        .endm

        .macro  map address, protection
        ldr     x0, =\address
        mov     x1, 0x10000
        mov     x2, \protection
        mov     x3, 0x32                /* private, fixed, anonymous */
        mov     x4, -1
        mov     x5, 0
        sys     222
        .endm

        .globl  _start
_start: map     CODE, 7
        map     DATA, 3

next:   ldr     x19, =record
        mov     x20, 0
fill:   mov     x0, 0                   /* a pipe may give less than was asked for */
        add     x1, x19, x20
        mov     x2, SIZE
        sub     x2, x2, x20
        sys     63
        cmp     x0, 0
        ble     done
        add     x20, x20, x0
        cmp     x20, SIZE
        bne     fill

        ldr     x1, =CODE
        ldr     w2, [x19]
        add     x3, x19, 8
1:      cbz     w2, 2f
        ldr     w4, [x3], 4
        str     w4, [x1], 4
        sub     w2, w2, 1
        b       1b
2:      ldr     x4, =after              /* b after */
        sub     x4, x4, x1
        ubfx    x4, x4, 2, 26
        mov     w5, 0x14000000
        orr     w4, w4, w5
        str     w4, [x1]
        ldr     x1, =LITERALS
        ldr     x2, =MIDDLE
        add     x3, x19, 832
        mov     x6, 64
3:      ldr     x4, [x3], 8
        str     x4, [x1], 8
        str     x4, [x2], 8
        subs    x6, x6, 1
        bne     3b
        ldr     x1, =CODE
        add     x2, x1, 0x100
4:      dc      cvau, x1
        dsb     ish
        ic      ivau, x1
        add     x1, x1, 64
        cmp     x1, x2
        bne     4b
        dsb     ish
        isb

        add     x0, x19, 320
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        ldr     q\n, [x0], 16
        .endr
        ldp     x0, x1, [x19, 288]
        msr     nzcv, x0
        msr     fpcr, x1
        ldr     x0, [x19, 304]
        msr     fpsr, x0
        mov     x30, x19
        ldp     x0, x1, [x30, 40]
        ldp     x2, x3, [x30, 56]
        ldp     x4, x5, [x30, 72]
        ldp     x6, x7, [x30, 88]
        ldp     x8, x9, [x30, 104]
        ldp     x10, x11, [x30, 120]
        ldp     x12, x13, [x30, 136]
        ldp     x14, x15, [x30, 152]
        ldp     x16, x17, [x30, 168]
        ldp     x18, x19, [x30, 184]
        ldp     x20, x21, [x30, 200]
        ldp     x22, x23, [x30, 216]
        ldp     x24, x25, [x30, 232]
        ldp     x26, x27, [x30, 248]
        ldp     x28, x29, [x30, 264]
        ldr     x30, [x30, 280]
        b       code                    /* CODE, by --defsym */

after:  msr     tpidr_el0, x30
        ldr     x30, =record
        stp     x0, x1, [x30, 40]
        stp     x2, x3, [x30, 56]
        stp     x4, x5, [x30, 72]
        stp     x6, x7, [x30, 88]
        stp     x8, x9, [x30, 104]
        stp     x10, x11, [x30, 120]
        stp     x12, x13, [x30, 136]
        stp     x14, x15, [x30, 152]
        stp     x16, x17, [x30, 168]
        stp     x18, x19, [x30, 184]
        stp     x20, x21, [x30, 200]
        stp     x22, x23, [x30, 216]
        stp     x24, x25, [x30, 232]
        stp     x26, x27, [x30, 248]
        stp     x28, x29, [x30, 264]
        mrs     x0, tpidr_el0
        str     x0, [x30, 280]
        mrs     x0, nzcv
        mrs     x1, fpcr
        stp     x0, x1, [x30, 288]
        mrs     x0, fpsr
        str     x0, [x30, 304]
        mov     x19, x30
        add     x0, x19, 320
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        str     q\n, [x0], 16
        .endr
        ldr     x2, =MIDDLE
        add     x3, x19, 832
        mov     x6, 64
5:      ldr     x4, [x2], 8
        str     x4, [x3], 8
        subs    x6, x6, 1
        bne     5b

        ldr     x20, =(output)
        ldr     x21, =(used)
        ldr     x22, [x21]              /* gathered: a write for each would be slow */
        add     x0, x20, x22
        mov     x6, SIZE / 8
6:      ldr     x4, [x19], 8
        str     x4, [x0], 8
        subs    x6, x6, 1
        bne     6b
        add     x22, x22, SIZE
        str     x22, [x21]
        ldr     x0, =(SIZE * 256)
        cmp     x22, x0
        bne     next
        bl      flush
        b       next

done:   ldr     x20, =(output)
        ldr     x21, =(used)
        ldr     x22, [x21]
        bl      flush
        mov     x0, 0
        sys     94

flush:  str     xzr, [x21]
7:      cbz     x22, 8f
        mov     x0, 1
        mov     x1, x20
        mov     x2, x22
        sys     64
        add     x20, x20, x0
        sub     x22, x22, x0
        b       7b
8:      ret

        .ltorg
        .bss
        .balign 16
record: .skip   SIZE
used:   .skip   8
output: .skip   SIZE * 256
