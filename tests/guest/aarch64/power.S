// SPDX-License-Identifier: GPL-2.0-or-later
// A processor that goes off in an interrupt's handler and on again (PSCI, DEN 0022: all of the
// core is as after a reset): its GICv3 CPU interface is reset as well, the redistributor is not.
// args: -smp 2 -machine gic-version=3
    .equ SMP, 2
    .include "guest.inc"
    .equ GICD, 0x08000000
    .equ GICR, 0x080a0000 + 0x20000     // of processor 1
    .equ SGIS, GICR + 0x10000
    .equ CPU_OFF, 0x84000002
    .equ CPU_ON, 0xc4000003
    .equ AFFINITY_INFO, 0xc4000004

test:
    ADDR x20, before
1:  ldar x0, [x20]
    cbz x0, 1b
2:  LI x0, AFFINITY_INFO
    mov x1, #1
    mov x2, #0
    hvc #0
    cmp x0, #1
    b.ne 2b
    LI x0, CPU_ON
    mov x1, #1
    adr x2, secondary_start
    hvc #0
    mov x21, x0
    CHECK "on again", x21, 0
    ADDR x20, after
3:  ldar x0, [x20]
    cbz x0, 3b
    ADDR x20, before
    ldr x21, [x20, #8]
    CHECK "an SGI is acknowledged", x21, 5
    ldr x21, [x20, #16]
    CHECK "its priority is active", x21, 1 << (0xa0 >> 3)
    ADDR x20, after
    ldr x21, [x20, #8]
    CHECK "ICC_PMR_EL1", x21, 0
    ldr x21, [x20, #16]
    CHECK "ICC_IGRPEN1_EL1", x21, 0
    ldr x21, [x20, #24]
    CHECK "ICC_AP1R0_EL1", x21, 0
    ldr x21, [x20, #32]
    CHECK "ICC_RPR_EL1", x21, 0xff
    ldr x21, [x20, #40]
    CHECK "ICC_CTLR_EL1.EOImode", x21, 0
    ldr x21, [x20, #48]
    CHECK "the SGI is active still", x21, 1 << 5
    ldr x21, [x20, #56]
    CHECK "and goes on being enabled", x21, 1 << 5
    FINISH

secondary:
    ADDR x20, before
    ldr x0, [x20]
    cbnz x0, second
    LI x1, GICD
    mov w0, #0x12                       // ARE, EnableGrp1
    str w0, [x1]
    LI x1, GICR
    str wzr, [x1, #0x14]                // GICR_WAKER
1:  ldr w0, [x1, #0x14]
    tbnz w0, #2, 1b
    LI x1, SGIS
    mov w0, #-1
    str w0, [x1, #0x80]                 // GICR_IGROUPR0
    LI x0, 0xa0a0a0a0
    str w0, [x1, #0x404]                // GICR_IPRIORITYR1
    mov w0, #1 << 5
    str w0, [x1, #0x100]                // GICR_ISENABLER0
    mov x0, #0xf0
    msr S3_0_C4_C6_0, x0                // ICC_PMR_EL1
    mov x0, #2
    msr S3_0_C12_C12_4, x0              // ICC_CTLR_EL1
    mov x0, #1
    msr S3_0_C12_C12_7, x0              // ICC_IGRPEN1_EL1
    isb
    LI x0, 5 << 24 | 1 << 1
    msr S3_0_C12_C11_5, x0              // ICC_SGI1R_EL1
    isb
2:  mrs x0, S3_0_C12_C12_0              // ICC_IAR1_EL1
    cmp x0, #1023
    b.eq 2b
    str x0, [x20, #8]
    mrs x0, S3_0_C12_C9_0               // ICC_AP1R0_EL1
    str x0, [x20, #16]
    mov x0, #1
    stlr x0, [x20]
    LI x0, CPU_OFF
    hvc #0

second:
    ADDR x20, after
    mrs x0, S3_0_C4_C6_0
    str x0, [x20, #8]
    mrs x0, S3_0_C12_C12_7
    str x0, [x20, #16]
    mrs x0, S3_0_C12_C9_0
    str x0, [x20, #24]
    mrs x0, S3_0_C12_C11_3              // ICC_RPR_EL1
    str x0, [x20, #32]
    mrs x0, S3_0_C12_C12_4
    and x0, x0, #2
    str x0, [x20, #40]
    LI x1, SGIS
    ldr w0, [x1, #0x300]                // GICR_ISACTIVER0
    str x0, [x20, #48]
    ldr w0, [x1, #0x100]
    str x0, [x20, #56]
    mov x0, #1
    stlr x0, [x20]
1:  wfi
    b 1b
    .data
    .align 7
before: .quad 0, 0, 0
    .align 7
after: .quad 0, 0, 0, 0, 0, 0, 0, 0
