# SPDX-License-Identifier: GPL-2.0-or-later
# The guest that comes with the program: shows console, memory, processor and timer interrupts at
# work on -M virt, at EL1 with the MMU off. Assembled by scripts/asm_a64.py, in whose sources '#'
# begins a comment: numbers are written without it.

start:
    adr x0, stack
    mov x1, 4096
    add x0, x0, x1
    add sp, x0, 0
    adr x0, vectors
    msr vbar_el1, x0
    adr x0, hello
    bl print

# Processor: Fibonacci numbers, the last of which must be right.
    adr x0, fib_text
    bl print
    mov x19, 0
    mov x20, 1
    mov x21, 90
fib:
    add x0, x19, x20
    mov x19, x20
    mov x20, x0
    subs x21, x21, 1
    b.ne fib
    mov x0, x19
    bl print_number
    mov x1, 2880067194370816120
    cmp x19, x1
    b.ne failed
    adr x0, newline
    bl print

# Memory: half a MiB is filled with a sequence and read back.
    adr x0, memory_text
    bl print
    adr x19, stack
    mov x1, 4096
    add x19, x19, x1
    mov x20, 65536
    mov x21, 1
    mov x22, 6364136223846793005
    mov x23, x19
fill:
    mul x21, x21, x22
    add x21, x21, 1
    str x21, [x23], 8
    subs x20, x20, 1
    b.ne fill
    mov x20, 65536
    mov x21, 1
    mov x23, x19
verify:
    mul x21, x21, x22
    add x21, x21, 1
    ldr x0, [x23], 8
    cmp x0, x21
    b.ne failed
    subs x20, x20, 1
    b.ne verify
    adr x0, memory_end
    bl print

# Timer: five interrupts, 20 ms apart, through the GICv2: PPI 27.
    adr x0, timer_text
    bl print
    mov x25, 5
    mov x26, 0x08000000
    mov x27, 0x08010000
    mov w0, 1
    str w0, [x26]
    str w0, [x27]
    mov w0, 0x08000000
    str w0, [x26, 0x100]
    mov w0, 0xff
    str w0, [x27, 4]
    mov x24, 1250000
    msr cntv_tval_el0, x24
    mov x0, 1
    msr cntv_ctl_el0, x0
    msr daifclr, 2
sleep:
    wfi
    cbnz x25, sleep
    msr daifset, 2
    adr x0, well
    bl print
off:
    mov x0, 0x84000008
    hvc 0
forever:
    b forever

failed:
    adr x0, failed_text
    bl print
    b off

# Prints the text at x0.
print:
    mov x9, 0x09000000
print_next:
    ldrb w10, [x0], 1
    cbz w10, print_end
print_wait:
    ldr w11, [x9, 0x18]
    tbnz w11, 5, print_wait
    strb w10, [x9]
    b print_next
print_end:
    ret

# Prints x0 in decimal.
print_number:
    sub sp, sp, 48
    str x30, [sp]
    add x11, sp, 47
    strb wzr, [x11]
    mov x12, 10
digit:
    udiv x13, x0, x12
    msub x14, x13, x12, x0
    add x14, x14, 48
    sub x11, x11, 1
    strb w14, [x11]
    mov x0, x13
    cbnz x0, digit
    mov x0, x11
    bl print
    ldr x30, [sp]
    add sp, sp, 48
    ret

# Only the timer may come here: IRQ from the current level with its own stack pointer.
interrupt:
    ldr w1, [x27, 12]
    mov w2, 27
    cmp w1, w2
    b.ne failed
    msr cntv_tval_el0, x24
    sub x25, x25, 1
    mov x9, 0x09000000
    mov w10, 46
    strb w10, [x9]
    str w1, [x27, 16]
    cbnz x25, again
    mov x0, 0
    msr cntv_ctl_el0, x0
again:
    eret

hello:       .string "\r\nSosia's own guest: an AArch64 machine without an operating system\r\n"
fib_text:    .string "processor: Fibonacci number 90 is "
memory_text: .string "memory: half a MiB written and read back"
memory_end:  .string ", as it should be"
newline:     .string "\r\n"
timer_text:  .string "\r\ntimer interrupts: "
well:        .string "\r\ndemo: all well\r\n"
failed_text: .string "\r\ndemo: FAILED\r\n"
    .align 2048
vectors:
    b failed
    .align 512
    b failed
    .align 128
    b interrupt
    .align 2048
stack:
