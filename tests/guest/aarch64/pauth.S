// SPDX-License-Identifier: GPL-2.0-or-later
// Pointer authentication and branch targets (FEAT_PAuth, FEAT_BTI).
// cpu: max
    .arch armv8.5-a
    .equ GUARDED, 1 << 50
    .equ CTL, 1 << 31 | 1 << 30 | 1 << 27 | 1 << 13
    .include "guest.inc"
    .macro KEY lo, hi, value
    LI x0, \value
    msr \lo, x0
    mvn x0, x0
    msr \hi, x0
    .endm
test:
    KEY apiakeylo_el1, apiakeyhi_el1, 0x0123456789abcdef
    KEY apibkeylo_el1, apibkeyhi_el1, 0x1123456789abcdef
    KEY apdakeylo_el1, apdakeyhi_el1, 0x2123456789abcdef
    KEY apdbkeylo_el1, apdbkeyhi_el1, 0x3123456789abcdef
    KEY apgakeylo_el1, apgakeyhi_el1, 0x4123456789abcdef
    isb
    // 39 bits of addresses: the code is in bits 63 to 56 and 54 to 39
    LI x19, 0x40201234
    mov x20, #0x777
    mov x21, x19
    pacia x21, x20
    CHECK "pacia", x21, 0x7675070040201234
    mov x22, x21
    autia x22, x20
    CHECK "autia", x22, 0x40201234
    mov x22, x21
    autib x22, x20
    CHECK "autib of another key's", x22, 0x4000000040201234
    mov x22, x21
    autia x22, x19
    CHECK "autia with another modifier", x22, 0x2000000040201234
    mov x22, x21
    xpaci x22
    CHECK "xpaci", x22, 0x40201234
    mov x21, x19
    pacdb x21, x20
    mov x22, x21
    autdb x22, x20
    CHECK "pacdb and autdb", x22, 0x40201234
    mov x21, x19
    pacdza x21
    mov x22, x21
    autdza x22
    CHECK "pacdza and autdza", x22, 0x40201234
    LI x21, 0xffffff8012345678
    mov x22, x21
    pacib x22, x20
    autib x22, x20
    CHECK "an upper address", x22, 0xffffff8012345678
    pacga x21, x19, x20
    CHECK "pacga", x21, 0x1a63f25800000000
    mov x30, x19
    paciasp
    mov x21, x30
    mov x22, sp
    pacia x19, x22
    sub x21, x21, x19
    xpaclri
    mov x22, x30
    CHECK "paciasp is pacia by sp", x21, 0
    CHECK "xpaclri", x22, 0x40201234
    // A size that is out of bounds: 48 bits for pages of 4 KiB, 52 for 64 KiB
    .macro SIZE t1sz, tg1, text, want
    mrs x21, tcr_el1
    bic x22, x21, #0xff0000
    and x22, x22, #~(3 << 30)
    LI x23, (\t1sz << 16 | \tg1 << 30)
    orr x22, x22, x23
    msr tcr_el1, x22
    isb
    LI x24, 0xfffaaec17ffffffe
    xpaci x24
    msr tcr_el1, x21
    isb
    CHECK "\text", x24, \want
    .endm
    SIZE 0, 2, "addresses of 64 bits", 0xffffaec17ffffffe
    SIZE 12, 2, "addresses of 52 bits", 0xffffaec17ffffffe
    SIZE 12, 3, "addresses of 52 bits with 64 KiB", 0xfffaaec17ffffffe
    SIZE 0, 3, "addresses of 64 bits with 64 KiB", 0xfffaaec17ffffffe
    SIZE 16, 2, "addresses of 48 bits", 0xffffaec17ffffffe
    // Calls and returns
    adr x21, callee
    pacia x21, x20
    blraa x21, x20
    CHECK "blraa and retaa", x24, 0x55
    adr x21, callee
    paciza x21
    blraaz x21
    CHECK "blraaz", x24, 0x55
    adr x21, 1f
    pacib x21, x20
    brab x21, x20
    mov x24, #0
1:  bti j
    adr x21, 2f
    pacizb x21
    brabz x21
    mov x24, #0
2:  bti j
    CHECK "brab and brabz", x24, 0x55
    adr x21, 3f
    mov x22, sp
    pacia x21, x22
    msr elr_el1, x21
    LI x22, 0x3c5
    msr spsr_el1, x22
    eretaa
    mov x24, #0
3:  CHECK "eretaa", x24, 0x55
    sb
    NO_TRAP "authenticated branches"
    ADDR x21, cell
    LI x22, 0x1234
    str x22, [x21, #8]
    pacdza x21
    ldraa x22, [x21, #8]
    CHECK "ldraa", x22, 0x1234
    ldraa x22, [x21, #8]!
    ADDR x22, cell
    sub x22, x21, x22
    CHECK "ldraa with writeback", x22, 8
    b branch_targets
callee:
    bti c
    paciasp
    mov x24, #0x55
    retaa

    .macro TARGET name, how, reg, label, esr
    adr \reg, \label
    adr x30, 8f
    ADDR x23, trap_resume
    .if \esr != -1
    adr x24, 8f
    str x24, [x23]
    .endif
    \how \reg
8:  bti j
    .if \esr != -1
    TRAPPED "\name", \esr
    .else
    NO_TRAP "\name"
    .endif
    .endm
branch_targets:
    TARGET "blr to bti c", blr, x20, to_c, -1
    TARGET "blr to bti j", blr, x20, to_j, 0x36000002
    TARGET "blr to bti jc", blr, x20, to_jc, -1
    TARGET "blr to bti", blr, x20, to_none, 0x36000002
    TARGET "blr to paciasp", blr, x20, to_pac, -1
    TARGET "blr to another", blr, x20, to_ret, 0x36000002
    TARGET "br x16 to bti c", br, x16, to_c, -1
    TARGET "br x17 to bti j", br, x17, to_j, -1
    TARGET "br x17 to paciasp", br, x17, to_pac, -1
    TARGET "br x17 to another", br, x17, to_ret, 0x36000001
    TARGET "br to bti c", br, x20, to_c, 0x36000003
    TARGET "br to bti j", br, x20, to_j, -1
    TARGET "br to bti jc", br, x20, to_jc, -1
    TARGET "br to paciasp", br, x20, to_pac, -1
    TARGET "ret to another", ret, x20, to_ret, -1
    mrs x19, sctlr_el1
    orr x19, x19, #1 << 36
    msr sctlr_el1, x19
    isb
    TARGET "br to paciasp with SCTLR.BT1", br, x20, to_pac, 0x36000003
    TARGET "br x17 to paciasp with SCTLR.BT1", br, x17, to_pac, -1
    // What the exception saw
    TARGET "blr to another", blr, x20, to_ret, 0x36000002
    ADDR x19, trap_spsr
    ldr x19, [x19]
    CHECK "SPSR.BTYPE", x19, 0x60000bc5
    // BRK has its own exception; BTYPE is 0 in the handler and after a return
    adr x20, to_brk
    blr x20
    TRAPPED "blr to brk", 0xf2000000
    b out
to_c:
    bti c
    ret
to_j:
    bti j
    ret
to_jc:
    bti jc
    ret
to_none:
    bti
    ret
to_pac:
    paciasp
    autiasp
    ret
to_ret:
    ret
to_brk:
    brk #0
    ret
out:
    FINISH
    .data
    .align 4
cell: .quad 0, 0
