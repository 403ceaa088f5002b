# SPDX-License-Identifier: GPL-2.0-or-later
# The guest that comes with the program: shows console, memory, processor and timer interrupts at
# work on -M virt -bios none, in machine mode. Assembled by scripts/asm.py.

start:
    la sp, stack
    la t0, trap
    csrrw zero, mtvec, t0
    la a0, hello
    call print

# Processor: Fibonacci numbers, the last of which must be right.
    la a0, fib_text
    call print
    li s0, 0
    li s1, 1
    li s2, 90
fib:
    add t0, s0, s1
    mv s0, s1
    mv s1, t0
    addi s2, s2, -1
    bne s2, zero, fib
    mv a0, s0
    call print_number
    li t0, 2880067194370816120
    bne s0, t0, failed
    la a0, newline
    call print

# Memory: a MiB is filled with a sequence and read back.
    la a0, memory_text
    call print
    la s0, stack
    li t0, 4096
    add s0, s0, t0
    li s1, 65536
    li s2, 1
    li s4, 6364136223846793005
    mv s3, s0
fill:
    mul s2, s2, s4
    addi s2, s2, 1
    sd s2, 0(s3)
    addi s3, s3, 8
    addi s1, s1, -1
    bne s1, zero, fill
    li s1, 65536
    li s2, 1
    mv s3, s0
verify:
    mul s2, s2, s4
    addi s2, s2, 1
    ld t0, 0(s3)
    bne t0, s2, failed
    addi s3, s3, 8
    addi s1, s1, -1
    bne s1, zero, verify
    la a0, memory_end
    call print

# Timer: five interrupts, 20 ms apart.
    la a0, timer_text
    call print
    li s5, 5
    li s6, 0x200bff8
    li s7, 0x2004000
    ld t0, 0(s6)
    li t1, 200000
    add t0, t0, t1
    sd t0, 0(s7)
    li t0, 128
    csrrs zero, mie, t0
    csrrsi zero, mstatus, 8
sleep:
    wfi
    bne s5, zero, sleep
    csrrci zero, mstatus, 8
    la a0, well
    call print
    li t0, 0x100000
    li t1, 0x5555
    sw t1, 0(t0)
forever:
    wfi
    j forever

failed:
    la a0, failed_text
    call print
    li t0, 0x100000
    li t1, 0x13333
    sw t1, 0(t0)
    j forever

# Only the timer may come here.
    .align 8
trap:
    csrrs t2, mcause, zero
    bge t2, zero, failed
    ld t2, 0(s6)
    li t3, 200000
    add t2, t2, t3
    sd t2, 0(s7)
    addi s5, s5, -1
    li t3, 0x10000000
    li t2, 46
    sb t2, 0(t3)
    bne s5, zero, again
    li t2, -1
    sd t2, 0(s7)
again:
    mret

# Prints the text at a0.
print:
    li t0, 0x10000000
print_next:
    lbu t1, 0(a0)
    beq t1, zero, print_end
print_wait:
    lbu t2, 5(t0)
    andi t2, t2, 32
    beq t2, zero, print_wait
    sb t1, 0(t0)
    addi a0, a0, 1
    j print_next
print_end:
    ret

# Prints a0 in decimal.
print_number:
    addi sp, sp, -48
    sd ra, 0(sp)
    addi t0, sp, 47
    sb zero, 0(t0)
    li t1, 10
digit:
    remu t2, a0, t1
    divu a0, a0, t1
    addi t2, t2, 48
    addi t0, t0, -1
    sb t2, 0(t0)
    bne a0, zero, digit
    mv a0, t0
    call print
    ld ra, 0(sp)
    addi sp, sp, 48
    ret

hello:       .string "\r\nSosia's own guest: a RISC-V machine without an operating system\r\n"
fib_text:    .string "processor: Fibonacci number 90 is "
memory_text: .string "memory: half a MiB written and read back"
memory_end:  .string ", as it should be"
newline:     .string "\r\n"
timer_text:  .string "\r\ntimer interrupts: "
well:        .string "\r\ndemo: all well\r\n"
failed_text: .string "\r\ndemo: FAILED\r\n"
    .align 16
    .zero 4096
stack:
