# SPDX-License-Identifier: GPL-2.0-or-later
# A guest that knows when its memory is not of one moment: it counts, writes each number to the next
# of 256 pages, and finds there the number of 256 rounds ago. Now and then it prints the number; "B"
# for ever if it found another one. Assembled by snapshots.py; -M virt -bios none.

start:
    csrrs t0, mhartid, zero
    bne t0, zero, sleep
    li s0, 0x80200000
    li s1, 0
    li s2, 256
    li s3, 0x10000000
    li s4, 0x3ffff
loop:
    addi s1, s1, 1
    andi t0, s1, 255
    slli t0, t0, 12
    add t0, t0, s0
    blt s1, s2, first
    ld t1, 0(t0)
    sub t2, s1, s2
    bne t1, t2, bad
    ld t1, 1024(t0)
    bne t1, t2, bad
first:
    sd s1, 0(t0)
    sd s1, 1024(t0)
    and t3, s1, s4
    bne t3, zero, loop
    li s5, 60
digits:
    srl t1, s1, s5
    andi t1, t1, 15
    li t2, 10
    blt t1, t2, low
    addi t1, t1, 39
low:
    addi t1, t1, 48
    sb t1, 0(s3)
    addi s5, s5, -4
    bge s5, zero, digits
    li t1, 10
    sb t1, 0(s3)
    j loop

bad:
    li t1, 66
    sb t1, 0(s3)
    j bad

sleep:
    wfi
    j sleep
