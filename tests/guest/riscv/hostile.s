# SPDX-License-Identifier: GPL-2.0-or-later
# A guest that means harm, in machine mode on -M virt -bios none: garbage to every device, random
# code, page tables, CSRs and PMP, code that is rewritten all the time. Random numbers come from a
# seed. tests/fault/hostile.py assembles it and fills in the tables marked "filled in".
#
# No register keeps its value from one action to the next: s11 points to the hart's own data, which
# is [0] random state, [8] actions left, [64] registers for random code. t5 and t6 belong to trap.

start:
    la s11, harts
    csrrs t0, mhartid, zero
    slli t1, t0, 12
    add s11, s11, t1
    la t1, seed
    ld t2, 0(t1)
    addi t0, t0, 1
    mul t2, t2, t0
    sd t2, 0(s11)
    ld t2, 8(t1)
    sd t2, 8(s11)
# PMP entry 0 takes this program from S and U mode, entry 15 gives them the rest.
    li t0, 0x20001fff
    csrrw zero, 0x3b0, t0
    li t0, 0x18
    csrrw zero, 0x3a0, t0
    li t0, -1
    csrrw zero, 0x3bf, t0
    li t0, 0x1f00000000000000
    csrrw zero, 0x3a2, t0
loop:
    la s11, harts
    csrrs t0, mhartid, zero
    slli t1, t0, 12
    add s11, s11, t1
    li t1, 4000
    add sp, s11, t1
    la t1, trap
    csrrw zero, mtvec, t1
    li t1, 0x6000
    csrrw zero, mstatus, t1
    li t1, 0x2004000
    slli t0, t0, 3
    add t1, t1, t0
    li t0, 0x200bff8
    ld t0, 0(t0)
    li t2, 5000
    add t0, t0, t2
    sd t0, 0(t1)
    li t0, 0x80
    csrrw zero, mie, t0
    ld t0, 8(s11)
    addi t0, t0, -1
    sd t0, 8(s11)
    blt t0, zero, finish
    call rand
    andi a0, a0, 63
    la t0, actions
    slli a0, a0, 3
    add t0, t0, a0
    ld t0, 0(t0)
    jalr ra, t0, 0
    j loop

finish:
    li t0, 0x100000
    li t1, 0x5555
    sw t1, 0(t0)
    j finish

# An exception in this program skips the instruction, anything else starts a new action.
    .align 8
trap:
    csrrs t6, mcause, zero
    blt t6, zero, loop
    csrrs t6, mstatus, zero
    slli t6, t6, 51
    srli t6, t6, 62
    addi t6, t6, -3
    bne t6, zero, loop
    csrrs t6, mepc, zero
    la t5, start
    bltu t6, t5, loop
    la t5, code_end
    bgeu t6, t5, loop
    addi t6, t6, 4
    csrrw zero, mepc, t6
    mret

# a0: a random number. Changes a1.
rand:
    ld a0, 0(s11)
    slli a1, a0, 13
    xor a0, a0, a1
    srli a1, a0, 7
    xor a0, a0, a1
    slli a1, a0, 17
    xor a0, a0, a1
    sd a0, 0(s11)
    srli a1, a0, 20
    xor a0, a0, a1
    ret

# a0: a number that somebody may take for something. Changes a1 to a3.
value:
    addi sp, sp, -16
    sd ra, 0(sp)
    call rand
    srli a3, a0, 8
    andi a2, a0, 15
    li a1, 4
    bltu a2, a1, value_small
    li a1, 6
    bltu a2, a1, value_bit
    li a1, 11
    bltu a2, a1, value_ram
    li a1, 13
    bltu a2, a1, value_device
    li a1, 14
    bltu a2, a1, value_minus
    j value_end
value_small:
    andi a0, a3, 31
    j value_end
value_bit:
    li a0, 1
    sll a0, a0, a3
    li a1, 0x80000000
    bne a0, a1, value_end
    li a0, 0x80100000
    j value_end
value_ram:
    li a1, 0x1ffffff
    and a0, a3, a1
    andi a2, a2, 1
    beq a2, zero, value_byte
    srli a0, a0, 12
    slli a0, a0, 12
value_byte:
    li a1, 0x80100000
    or a0, a0, a1
    j value_end
value_device:
    call device
    j value_end
value_minus:
    andi a0, a3, 255
    sub a0, zero, a0
value_end:
    ld ra, 0(sp)
    addi sp, sp, 16
    ret

# a0: an address in a device. Changes a1 to a3.
device:
    addi sp, sp, -16
    sd ra, 0(sp)
    call rand
    mv a2, a0
    call rand
    andi a2, a2, 127
    slli a2, a2, 4
    la a3, devices
    add a3, a3, a2
    ld a2, 8(a3)
    and a0, a0, a2
    ld a2, 0(a3)
    add a0, a0, a2
    ld ra, 0(sp)
    addi sp, sp, 16
    ret

# ---- actions ----

# One access of any kind to any device.
do_device:
    addi sp, sp, -32
    sd ra, 0(sp)
    li s0, 32
device_next:
    call value
    mv s1, a0
    call device
    mv s2, a0
    call rand
    andi s3, a0, 31
    call access
    addi s0, s0, -1
    bne s0, zero, device_next
    ld ra, 0(sp)
    addi sp, sp, 32
    ret

# Access number s3 of s1 at s2.
access:
    li t0, 12
    bltu s3, t0, access_word
    la t0, access_table
    slli t1, s3, 3
    add t0, t0, t1
    jalr zero, t0, 0
access_word:
    srli s2, s2, 2
    slli s2, s2, 2
    sw s1, 0(s2)
    ret
access_table:
    sb s1, 0(s2)
    ret
    sh s1, 0(s2)
    ret
    sd s1, 0(s2)
    ret
    lb t0, 0(s2)
    ret
    lh t0, 0(s2)
    ret
    lw t0, 0(s2)
    ret
    ld t0, 0(s2)
    ret
    amoadd.w t0, s2, s1, 0, 0
    ret
    amoswap.d t0, s2, s1, 1, 1
    ret
    lr.w t0, s2, zero, 0, 0
    ret
    sc.w t0, s2, s1, 0, 0
    ret
    lr.d t0, s2, zero, 0, 0
    ret
    sc.d t0, s2, s1, 0, 0
    ret
    cbo.zero s2
    ret
    fld t0, 0(s2)
    ret
    fsd t0, 0(s2)
    ret
    fsw t0, 1(s2)
    ret
    amocas.q t1, s2, s0, 0, 0
    ret
    lw t0, 0(s2)
    ret
    lw t0, 0(s2)
    ret
    sw s1, 0(s2)
    ret
    sw s1, 1(s2)
    ret
    sw s1, 2(s2)
    ret
    sd s1, 1(s2)
    ret
    sh s1, 3(s2)
    ret
    ld t0, 5(s2)
    ret
    sw s1, 0(s2)
    ret
    sw s1, 0(s2)
    ret
    sw s1, 0(s2)
    ret
    sw s1, 0(s2)
    ret
    sw s1, 0(s2)
    ret
    sw s1, 0(s2)
    ret

# s0: rings for a queue, filled with descriptors that may be worth following.
rings:
    addi sp, sp, -16
    sd ra, 0(sp)
    call rand
    andi a0, a0, 15
    slli a0, a0, 14
    li s0, 0x80400000
    add s0, s0, a0
    li s1, 128
    mv s2, s0
rings_descriptor:
    call value
    sd a0, 0(s2)
    call value
    andi a2, a0, 7
    beq a2, zero, rings_long
    srli a0, a0, 3
    andi a0, a0, 127
rings_long:
    sw a0, 8(s2)
    call rand
    mv a2, a0
    andi a0, a0, 3
    srli a2, a2, 8
    andi a3, a2, 15
    bne a3, zero, rings_flags
    mv a0, a2
rings_flags:
    sh a0, 12(s2)
    srli a2, a2, 4
    andi a2, a2, 127
    sh a2, 14(s2)
    addi s2, s2, 16
    addi s1, s1, -1
    bne s1, zero, rings_descriptor
# available ring at 4096: flags, index, entries
    li a2, 4096
    add s2, s0, a2
    call rand
    andi a2, a0, 1
    sh a2, 0(s2)
    srli a2, a0, 8
    andi a2, a2, 63
    sh a2, 2(s2)
    li s1, 128
rings_available:
    call rand
    andi a0, a0, 63
    sh a0, 4(s2)
    addi s2, s2, 2
    addi s1, s1, -1
    bne s1, zero, rings_available
    ld ra, 0(sp)
    addi sp, sp, 16
    ret

# A virtio-mmio device driven properly, but for what is in its queues, and then less properly.
do_virtio:
    addi sp, sp, -32
    sd ra, 0(sp)
    call rand
    andi s4, a0, 7
    slli s4, s4, 12
    li a1, 0x10001000
    add s4, s4, a1
    sw zero, 0x70(s4)
    li a0, 3
    sw a0, 0x70(s4)
    lw a0, 4(s4)
    addi s6, a0, -1
    li a0, 4096
    sw a0, 0x28(s4)
    sw zero, 0x14(s4)
    lw s5, 0x10(s4)
    call rand
    and s5, s5, a0
    sw zero, 0x24(s4)
    sw s5, 0x20(s4)
    li a0, 1
    sw a0, 0x14(s4)
    lw s5, 0x10(s4)
    call rand
    ori a0, a0, 1
    and s5, s5, a0
    li a0, 1
    sw a0, 0x24(s4)
    sw s5, 0x20(s4)
    li a0, 11
    sw a0, 0x70(s4)
    li s7, 0
virtio_queue:
    sw s7, 0x30(s4)
    call rand
    andi a0, a0, 7
    addi a0, a0, 1
    li a1, 1
    sll a0, a1, a0
    sw a0, 0x38(s4)
    call rings
    beq s6, zero, virtio_legacy
    sw s0, 0x80(s4)
    sw zero, 0x84(s4)
    li a1, 4096
    add a0, s0, a1
    sw a0, 0x90(s4)
    sw zero, 0x94(s4)
    add a0, a0, a1
    sw a0, 0xa0(s4)
    sw zero, 0xa4(s4)
    call rand
    andi a0, a0, 7
    bne a0, zero, virtio_ready
    call value
    sw a0, 0x90(s4)
virtio_ready:
    li a0, 1
    sw a0, 0x44(s4)
    j virtio_next
virtio_legacy:
    li a0, 4096
    sw a0, 0x3c(s4)
    srli a0, s0, 12
    sw a0, 0x40(s4)
virtio_next:
    addi s7, s7, 1
    li a0, 6
    bltu s7, a0, virtio_queue
    li a0, 15
    sw a0, 0x70(s4)
    li s8, 32
virtio_kick:
    call rand
    andi a0, a0, 7
    sw a0, 0x50(s4)
    call rand
    andi a0, a0, 3
    bne a0, zero, virtio_more
    call rings
    call rand
    andi a0, a0, 0x1ff
    srli a0, a0, 2
    slli a0, a0, 2
    add s2, s4, a0
    call value
    sw a0, 0(s2)
virtio_more:
    addi s8, s8, -1
    bne s8, zero, virtio_kick
    ld ra, 0(sp)
    addi sp, sp, 32
    ret

# A PCI function is configured at random; if it has the virtio layout, its queues are driven.
do_pci:
    addi sp, sp, -32
    sd ra, 0(sp)
    call rand
    andi s4, a0, 7
    slli s5, s4, 17
    slli s4, s4, 15
    li a0, 0x30000000
    add s4, s4, a0
    li a0, 0x40000000
    add s5, s5, a0
    sw s5, 0x20(s4)
    sw zero, 0x24(s4)
    li a0, 0x10000
    add a0, a0, s5
    sw a0, 0x14(s4)
    li a0, 7
    sw a0, 4(s4)
    sb zero, 20(s5)
    li a0, 3
    sb a0, 20(s5)
    li a0, 1
    sw a0, 0(s5)
    lw s6, 4(s5)
    sw a0, 8(s5)
    call rand
    ori a0, a0, 1
    and a0, a0, s6
    sw a0, 12(s5)
    sw zero, 8(s5)
    sw zero, 0(s5)
    lw s6, 4(s5)
    call rand
    and a0, a0, s6
    sw a0, 12(s5)
    li a0, 11
    sb a0, 20(s5)
    li s7, 0
pci_queue:
    sh s7, 22(s5)
    call rand
    andi a0, a0, 7
    li a1, 2
    sll a0, a1, a0
    sh a0, 24(s5)
    call rand
    andi a0, a0, 3
    sh a0, 26(s5)
    call rings
    sw s0, 32(s5)
    sw zero, 36(s5)
    li a1, 4096
    add a0, s0, a1
    sw a0, 40(s5)
    sw zero, 44(s5)
    add a0, a0, a1
    sw a0, 48(s5)
    sw zero, 52(s5)
    li a0, 1
    sh a0, 28(s5)
    addi s7, s7, 1
    li a0, 4
    bltu s7, a0, pci_queue
    li a0, 15
    sb a0, 20(s5)
    li s8, 24
    li a0, 0x3000
    add s9, s5, a0
pci_kick:
    call rand
    andi a0, a0, 3
    slli a1, a0, 2
    add a1, a1, s9
    sh a0, 0(a1)
# configuration space, and BARs
    call rand
    andi a0, a0, 0xff
    srli a0, a0, 2
    slli a0, a0, 2
    add s2, s4, a0
    call rand
    andi a0, a0, 7
    bne a0, zero, pci_bar
    call value
    sw a0, 0(s2)
pci_bar:
    call rand
    li a1, 0x1ffff
    and a0, a0, a1
    add s2, s5, a0
    call value
    mv s1, a0
    call rand
    andi s3, a0, 31
    call access
    addi s8, s8, -1
    bne s8, zero, pci_kick
    ld ra, 0(sp)
    addi sp, sp, 32
    ret

# fw_cfg DMA with random control words, lengths and addresses; sometimes they are sensible.
do_fw_cfg:
    addi sp, sp, -16
    sd ra, 0(sp)
    li s4, 0x10100000
    li s5, 0x80180000
    li s6, 8
fw_cfg_next:
    call rand
    mv s7, a0
    andi a0, a0, 31
    slli a1, s7, 11
    li a2, 0x3f0000
    and a1, a1, a2
    or a0, a0, a1
    slli a0, a0, 32
    call rand
    slli a0, a0, 32
    srli a0, a0, 32
    srli a1, s7, 24
    andi a1, a1, 7
    beq a1, zero, fw_cfg_long
    andi a0, a0, 1023
fw_cfg_long:
    andi a1, s7, 31
    slli a2, s7, 43
    srli a2, a2, 58
    slli a2, a2, 16
    or a1, a1, a2
    slli a1, a1, 32
    or a0, a0, a1
    rev8 a0, a0, zero
    sd a0, 0(s5)
    call value
    rev8 a0, a0, zero
    sd a0, 8(s5)
    call rand
    andi a0, a0, 7
    beq a0, zero, fw_cfg_wild
    rev8 a0, s5, zero
    sd a0, 16(s4)
    j fw_cfg_more
fw_cfg_wild:
    call value
    rev8 a0, a0, zero
    sd a0, 16(s4)
fw_cfg_more:
    addi s6, s6, -1
    bne s6, zero, fw_cfg_next
    ld ra, 0(sp)
    addi sp, sp, 16
    ret

# Commands to the flash chips.
do_flash:
    addi sp, sp, -16
    sd ra, 0(sp)
    li s0, 24
flash_next:
    call rand
    li a1, 0x3ffffff
    and s2, a0, a1
    srli a0, a0, 30
    andi a1, a0, 3
    bne a1, zero, flash_near
    srli s2, s2, 14
flash_near:
    li a1, 0x20000000
    add s2, s2, a1
    srli a0, a0, 2
    andi a1, a0, 31
    la a2, flash_commands
    add a2, a2, a1
    lbu s1, 0(a2)
    slli a2, s1, 16
    or s1, s1, a2
    srli a0, a0, 5
    andi s3, a0, 31
    call access
    addi s0, s0, -1
    bne s0, zero, flash_next
    ld ra, 0(sp)
    addi sp, sp, 16
    ret

# s0: the start of random code, of s1 words from the table `rows`.
random_code:
    addi sp, sp, -16
    sd ra, 0(sp)
    call rand
    li a1, 0xfffffc
    and s0, a0, a1
    srli a0, a0, 30
    andi a1, a0, 3
    bne a1, zero, random_far
    slli s0, s0, 48
    srli s0, s0, 48
random_far:
    li a1, 0x81000000
    add s0, s0, a1
    andi s1, a0, 255
    addi s1, s1, 16
    mv s2, s0
    mv s3, s1
random_word:
    call rand
    mv a2, a0
    call rand
    andi a1, a2, 15
    beq a1, zero, random_raw
    srli a2, a2, 8
    li a1, 1023
    and a2, a2, a1
    slli a2, a2, 3
    la a1, rows
    add a1, a1, a2
    lwu a2, 4(a1)
    and a0, a0, a2
    lwu a2, 0(a1)
    or a0, a0, a2
random_raw:
    sw a0, 0(s2)
    addi s2, s2, 4
    addi s3, s3, -1
    bne s3, zero, random_word
    ld ra, 0(sp)
    addi sp, sp, 16
    ret

# Random code in U or S mode (in M mode too if `wild` says so) with random registers.
do_code:
    call random_code
    fence.i
    la a0, wild
    ld s4, 0(a0)
    call rand
    mv s5, a0
    andi a0, a0, 7
    bne a0, zero, code_here
    call value
    mv s0, a0
    j code_entry
code_here:
    srli a0, s5, 8
    andi a0, a0, 62
    add s0, s0, a0
code_entry:
    csrrw zero, mepc, s0
    addi s0, s11, 64
    li s1, 32
code_register:
    call value
    sd a0, 0(s0)
    addi s0, s0, 8
    addi s1, s1, -1
    bne s1, zero, code_register
    call rand
    li a1, 0x7e67e0
    and a0, a0, a1
    li a1, 0x1800
    and a1, a0, a1
    beq a1, zero, code_go
    li a2, 0x800
    beq a1, a2, code_go
    bne s4, zero, code_go
    li a2, -6145
    and a0, a0, a2
code_go:
    ori a0, a0, 0x80
    csrrw zero, mstatus, a0
    la t0, loop
    csrrw zero, 0x141, t0
    addi x31, s11, 64
    ld x1, 8(x31)
    ld x2, 16(x31)
    ld x3, 24(x31)
    ld x4, 32(x31)
    ld x5, 40(x31)
    ld x6, 48(x31)
    ld x7, 56(x31)
    ld x8, 64(x31)
    ld x9, 72(x31)
    ld x10, 80(x31)
    ld x11, 88(x31)
    ld x12, 96(x31)
    ld x13, 104(x31)
    ld x14, 112(x31)
    ld x15, 120(x31)
    ld x16, 128(x31)
    ld x17, 136(x31)
    ld x18, 144(x31)
    ld x19, 152(x31)
    ld x20, 160(x31)
    ld x21, 168(x31)
    ld x22, 176(x31)
    ld x23, 184(x31)
    ld x24, 192(x31)
    ld x25, 200(x31)
    ld x26, 208(x31)
    ld x27, 216(x31)
    ld x28, 224(x31)
    ld x29, 232(x31)
    ld x30, 240(x31)
    ld x31, 248(x31)
    mret

# Harmless code that changes the words after it while it runs, called over and over.
do_rewrite:
    addi sp, sp, -16
    sd ra, 0(sp)
    call rand
    li a1, 0xfffffc
    and s0, a0, a1
    srli a0, a0, 30
    andi a1, a0, 1
    bne a1, zero, rewrite_far
    slli s0, s0, 46
    srli s0, s0, 46
rewrite_far:
    li a1, 0x81000000
    add s0, s0, a1
    srli s4, a0, 4
    andi s4, s4, 63
    addi s4, s4, 8
    mv s2, s0
    mv s3, s4
rewrite_word:
    call rand
    andi a2, a0, 127
    slli a2, a2, 2
    la a1, harmless
    add a1, a1, a2
    lw a2, 0(a1)
    sw a2, 0(s2)
    addi s2, s2, 4
    addi s3, s3, -1
    bne s3, zero, rewrite_word
    li a0, 0x8067
    sw a0, 0(s2)
    call rand
    andi a0, a0, 1
    beq a0, zero, rewrite_calls
    fence.i
rewrite_calls:
    li s5, 8
rewrite_call:
    call rand
    andi a2, a0, 127
    slli a2, a2, 2
    la a1, harmless
    add a1, a1, a2
    lw t1, 0(a1)
    call rand
    remu a0, a0, s4
    slli a0, a0, 2
    add t0, s0, a0
    la a1, rewrite_store
    lw a2, 0(a1)
    call rand
    andi a1, a0, 1
    beq a1, zero, rewrite_outside
    la a1, rewrite_store
    lw a2, 0(a1)
    sw a2, 0(s0)
rewrite_outside:
    andi a1, a0, 6
    bne a1, zero, rewrite_jump
    sw t1, 0(t0)
    fence.i
rewrite_jump:
    jalr ra, s0, 0
    addi s5, s5, -1
    bne s5, zero, rewrite_call
    ld ra, 0(sp)
    addi sp, sp, 16
    ret
rewrite_store:
    sw t1, 0(t0)

# Random page tables and satp; accesses through them as S or U would make them.
do_pages:
    addi sp, sp, -16
    sd ra, 0(sp)
    li s5, 8
pages_entry:
    call rand
    andi s0, a0, 3
    slli s0, s0, 12
    li a1, 0x80200000
    add s0, s0, a1
    srli a0, a0, 8
    li a1, 511
    and a1, a0, a1
    slli a1, a1, 3
    add s2, s0, a1
    srli a0, a0, 9
    andi a1, a0, 3
    srli a0, a0, 2
    li a2, 0x1fff
    and a2, a2, a0
    srli a0, a0, 13
    bne a1, zero, pages_ram
    andi a2, a2, 3
    li a1, 0x200
    add a2, a2, a1
pages_ram:
    li a1, 0x80000
    add a2, a2, a1
    slli a2, a2, 10
    li a1, 1023
    and a1, a1, a0
    srli a0, a0, 10
    andi a0, a0, 7
    beq a0, zero, pages_raw
    ori a1, a1, 0xc1
    or a2, a2, a1
    sd a2, 0(s2)
    j pages_gigabyte
pages_raw:
    call value
    sd a0, 0(s2)
pages_gigabyte:
    call rand
    li a1, 0x200000df
    andi a2, a0, 0x30
    or a1, a1, a2
    sd a1, 16(s0)
    andi a0, a0, 8
    beq a0, zero, pages_next
    call value
    sd a0, 16(s0)
pages_next:
    addi s5, s5, -1
    bne s5, zero, pages_entry
    call rand
    mv s6, a0
    andi a0, a0, 3
    addi a0, a0, 7
    slli a0, a0, 60
    srli a1, s6, 8
    andi a1, a1, 0x7f
    slli a1, a1, 44
    or a0, a0, a1
    srli a1, s6, 20
    andi a1, a1, 3
    or a0, a0, a1
    li a1, 0x80200
    or a0, a0, a1
    csrrw zero, 0x180, a0
    andi a0, s6, 0x80
    beq a0, zero, pages_flushed
    sfence.vma zero, zero, zero
pages_flushed:
    li s5, 16
pages_access:
    call rand
    li a1, 0xc0800
    and s6, a0, a1
    li a1, 0x20000
    or s6, s6, a1
    call value
    mv s1, a0
    call value
    mv s2, a0
    call rand
    andi s3, a0, 31
    srli a0, a0, 8
    andi a0, a0, 7
    bne a0, zero, pages_high
    slli s2, s2, 25
    srai s2, s2, 25
pages_high:
    csrrs zero, mstatus, s6
    call access
    csrrc zero, mstatus, s6
    call rand
    andi a0, a0, 15
    bne a0, zero, pages_more
    sfence.vma zero, s2, s1
pages_more:
    addi s5, s5, -1
    bne s5, zero, pages_access
    ld ra, 0(sp)
    addi sp, sp, 16
    ret

# Any CSR is written, but for those that keep this program in command (unless `wild`).
do_csr:
    addi sp, sp, -16
    sd ra, 0(sp)
    call rand
    mv s6, a0
    andi a0, a0, 127
    slli a0, a0, 1
    la a1, csrs
    add a1, a1, a0
    lhu s0, 0(a1)
    andi a0, s6, 0x400
    beq a0, zero, csr_listed
    srli s0, s6, 16
    li a0, 0xfff
    and s0, s0, a0
csr_listed:
    la a0, wild
    ld a0, 0(a0)
    bne a0, zero, csr_go
    li a0, 0x305
    beq s0, a0, csr_end
    li a0, 0x3a0
    beq s0, a0, csr_end
    li a0, 0x3b0
    beq s0, a0, csr_end
csr_go:
    call value
    mv s1, a0
    slli a0, s0, 20
    la a1, csr_template
    lw a2, 0(a1)
    srli a1, s6, 40
    andi a1, a1, 3
    slli a1, a1, 12
    li a3, 0x2000
    bltu a1, a3, csr_write
    sub a1, a1, a3
    slli a1, a1, 0
    or a2, a2, a1
csr_write:
    or a0, a0, a2
    slli a1, s11, 52
    srli a1, a1, 57
    li s2, 0x80300000
    csrrs a2, mhartid, zero
    slli a2, a2, 6
    add s2, s2, a2
    sw a0, 0(s2)
    li a0, 0x8067
    sw a0, 4(s2)
    fence.i
    jalr ra, s2, 0
csr_end:
    ld ra, 0(sp)
    addi sp, sp, 16
    ret
csr_template:
    csrrw a0, 0, s1

# The hart waits: for an interrupt that is on, or for none but the timer's.
do_wait:
    li t0, 0xaaa
    csrrw zero, mie, t0
    wfi
    ret
code_end:
    nop

    .align 8
seed:
    .zero 8
count:
    .zero 8
wild:
    .zero 8
# all filled in:
actions:
    .zero 512
devices:
    .zero 2048
flash_commands:
    .zero 32
csrs:
    .zero 256
harmless:
    .zero 512
rows:
    .zero 8192
    .align 4096
harts:
    .zero 16384
