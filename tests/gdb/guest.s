# SPDX-License-Identifier: GPL-2.0-or-later
# A guest to debug: hart 0 counts in a loop with a call, under a timer interrupt every 100 us; the
# others count in a loop of their own. Assembled by run.py; -M virt -bios none.

start:
    csrrs t0, mhartid, zero
    bne t0, zero, other
    la sp, stack
    la s0, counter
    la t0, trap
    csrrw zero, mtvec, t0
    li s6, 0x200bff8
    li s7, 0x2004000
    sd zero, 0(s7)
    li t0, 128
    csrrs zero, mie, t0
    csrrsi zero, mstatus, 8
loop:
    ld t1, 0(s0)
loaded:
    addi t1, t1, 1
    sd t1, 0(s0)
stored:
    call leaf
returned:
    ld t2, 16(s0)
    j loop

leaf:
    nop
    nop
    ret

sleep:
    wfi
    j sleep

other:
    la s1, others
other_loop:
    ld t1, 0(s1)
    addi t1, t1, 1
    sd t1, 0(s1)
    j other_loop

    .align 8
trap:
    ld t5, 0(s6)
    li t6, 1000
    add t5, t5, t6
    sd t5, 0(s7)
trap_end:
    mret

    .align 64
counter:
    .zero 8
neighbour:
    .zero 8
constant:
    .string "Sosia\x00\x00"
    .align 64
others:
    .zero 64
    .align 16
    .zero 256
stack:
