/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tries every encoding of MRS and MSR at every exception level, with the controls of several
 * configurations, and prints what came of it: "CONFIG EL r|w ENCODING" and the value read, "ok", or
 * "trap LEVEL ESR". Plain UNDEFINED (at the level's default target) prints nothing.
 *
 * sysreg.py appends the list: encoding, a word, MRS, RET, MSR, RET; and an encoding 0 at its end. An
 * MSR writes what MRS gave before, or the address of some scratch memory.
 */
#define END 0x123
.macro print_char c
    mov w0, #\c
    bl putc
.endm

.globl _start
_start:
    ldr x0, =stack
    mov sp, x0
    adr x0, vectors3
    msr vbar_el3, x0
    ldr x0, =vectors2
    msr vbar_el2, x0
    ldr x0, =vectors1
    msr vbar_el1, x0
    ldr x20, =configs
next_config:
    mov w21, #3
    /* With TRVM EL1's handler can't read its syndrome: UNDEFINED is what there may be. */
    ldr x0, [x20, #24]
    ubfx x29, x0, #30, #1
next_level:
#ifdef NO_EL2
    cmp w21, #2
    b.ne 1f
    mov w21, #1
1:
#endif
    /* What is the same for all: Non-secure, AArch64, HVC; FP works. */
    mov x0, #0x531
    orr x0, x0, #3 << 16
    ldr x1, [x20, #0]
    orr x0, x0, x1
    msr scr_el3, x0
    ldr x0, [x20, #8]
    msr cptr_el3, x0
    ldr x0, [x20, #16]
    msr mdcr_el3, x0
    ldr x0, [x20, #24]
    mov x1, #1 << 31
    orr x0, x0, x1
    msr hcr_el2, x0
    ldr x0, [x20, #32]
    msr cptr_el2, x0
    ldr x0, [x20, #40]
    msr mdcr_el2, x0
    ldr x0, [x20, #48]
    msr cnthctl_el2, x0
    ldr x0, [x20, #56]
    ldr x1, =0x30d00800
    orr x0, x0, x1
    msr sctlr_el1, x0
    msr sctlr_el2, x0
    ldr x0, [x20, #64]
    msr cntkctl_el1, x0
    ldr x0, [x20, #72]
    msr pmuserenr_el0, x0
    mov x0, #3 << 20
    msr cpacr_el1, x0
    msr mdscr_el1, xzr
    isb
    mov x0, #0x3c0
    cbz w21, 1f
    orr x0, x0, x21, lsl #2
    orr x0, x0, #1
1:  msr spsr_el3, x0
    adr x0, run
    msr elr_el3, x0
    ldr x0, =stack
    msr sp_el1, x0
    msr sp_el2, x0
    eret
level_done:
    mov x0, #0x3cd
    msr spsr_el3, x0
    subs w21, w21, #1
    cbz x29, 4f
    b.gt next_level /* EL1's handler can't tell there how EL0 ends */
    b 5f
4:  b.mi 5f
    ldr x0, [x20, #24]
    tbz x0, #27, next_level
    cmp w21, #1 /* there is no EL1 with HCR_EL2.TGE */
    b.ne next_level
    mov w21, #0
    b next_level
5:  add x20, x20, #80
    ldr x0, =configs_end
    cmp x20, x0
    b.lo next_config
    ldr x0, =done_text
2:  ldrb w19, [x0], #1
    cbz w19, 3f
    mov x25, x0
    mov w0, w19
    bl putc
    mov x0, x25
    b 2b
3:  mov x0, #0x18
    ldr x1, =exit_block
    hlt #0xf000
    b .

/* At the level under test. x22: encoding, x23: its two instructions. */
run:
    ldr x24, =instructions
each:
    ldr w22, [x24], #8
    cbz w22, 4f
    mov x23, x24
    ldr x26, =scratch
    mov x0, x26
    mov x10, #0
    mov w27, #'r'
    blr x23
    cbz x10, 1f
    bl report
    ldr x0, =scratch
    b 2f
1:  mov x26, x0
    bl report
    mov x0, x26
2:  ldr x26, =scratch
    mov x10, #0
    mov w27, #'w'
    add x25, x23, #8
    blr x25
    bl report
    add x24, x24, #16
    b each
4:  cbz w21, 3f
    cmp w21, #3
    b.eq level_done
    smc #END
3:  svc #END
    b .

/* x10: syndrome or 0, x11: the level it was taken to, x26: value */
report:
    mov x28, x30
    /* Plain UNDEFINED at the default level. */
    mov w0, #0x02000000
    cmp w10, w0
    b.ne 1f
    mov w0, #1
    cmp w21, #0
    csel w0, w0, w21, eq
    cmp w11, w0
    b.eq 9f
1:  ldr x0, =configs
    sub x0, x20, x0
    mov x1, #80
    udiv x0, x0, x1
    add w0, w0, #'A'
    bl putc
    print_char ' '
    add w0, w21, #'0'
    bl putc
    print_char ' '
    mov w0, w27
    bl putc
    print_char ' '
    mov w0, w22
    mov w1, #4
    bl hex
    print_char ' '
    cbnz x10, 2f
    cmp w27, #'w'
    b.eq 3f
    mov x0, x26
    mov w1, #16
    bl hex
    b 4f
2:  print_char 't'
    print_char ' '
    add w0, w11, #'0'
    bl putc
    print_char ' '
    mov w0, w10
    mov w1, #8
    bl hex
    b 4f
3:  print_char 'o'
    print_char 'k'
4:  print_char 10
9:  ret x28

putc:
    ldr x1, =0x09000000
1:  ldr w13, [x1, #0x18]
    tbnz w13, #5, 1b /* the FIFO is full */
    strb w0, [x1]
    ret
hex:
    mov x15, x30
    mov x2, x0
    mov w3, w1
1:  sub w3, w3, #1
    lsl w4, w3, #2
    lsr x0, x2, x4
    and w0, w0, #15
    cmp w0, #10
    add w5, w0, #'0'
    add w6, w0, #'a' - 10
    csel w0, w5, w6, lo
    bl putc
    cbnz w3, 1b
    ret x15
.ltorg

.macro vectors level
.balign 2048
vectors\level:
.rept 16
.balign 128
    b handler\level
.endr
.endm
.macro handler level
handler\level:
.if \level == 1
    cbz x29, 2f
    mov w12, #0x02000000
    b 1f
2:
.endif
    mrs x12, esr_el\level
    lsr w13, w12, #26
    and w14, w12, #0xffff
    cmp w14, #END
    b.ne 1f
    cmp w13, #0x15
    b.eq end\level
    cmp w13, #0x17
    b.eq end\level
1:  mov x10, x12
    mov w11, #\level
    mrs x12, elr_el\level
    add x12, x12, #4
    msr elr_el\level, x12
    eret
.endm
vectors 1
vectors 2
vectors 3
handler 1
handler 2
handler 3
end1:
end2:
    smc #END
end3:
    b level_done
.ltorg

.balign 8
configs: /* SCR CPTR3 MDCR3 HCR CPTR2 MDCR2 CNTHCTL SCTLR CNTKCTL PMUSERENR */
    .quad 0, 0, 0, 0, 0x33ff & ~0x400, 6, 3, 0x0405c200, 0x303, 15 /* A: nothing traps */
    .quad 0, 0, 0, 0, 0x33ff & ~0x400, 6, 3, 0, 0, 0 /* B: EL1's controls of EL0 */
    .quad 0, 0, 0, 0x037f8000, 0x800033ff, 0xe66, 0, 0x0405c200, 0x303, 15 /* C: EL2's */
    .quad 0x4000, 0x80000000, 0x10640, 0, 0x33ff & ~0x400, 6, 3, 0x0405c200, 0x303, 15 /* D: EL3's */
#ifdef VHE
    .quad 0, 0, 0, 0x400000000, 0x300000, 6, 0xfff, 0x0405c200, 0x303, 15 /* E: E2H */
    .quad 0, 0, 0, 0x408000000, 0x300000, 6, 0xfff, 0x0405c200, 0x303, 15 /* F: E2H, TGE */
#endif
    .quad 0, 0, 0, 0x44000000, 0x33ff & ~0x400, 6, 3, 0x0405c200, 0x303, 15 /* last: TVM, TRVM */
configs_end:
exit_block:
    .quad 0x20026, 0
done_text:
    .asciz "done\n"
.balign 4096
scratch:
    .skip 4096
    .skip 8192
stack:
.balign 8
instructions:
