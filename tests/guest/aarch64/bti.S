// SPDX-License-Identifier: GPL-2.0-or-later
// Branch targets in guarded pages that come and go (FEAT_BTI): the very first branch to one, and the
// same code at the same address, guarded and not.
// cpu: max
// reference: BAD no longer guarded
    .arch armv8.5-a
    .include "guest.inc"
    .equ ALIAS, 0x400000
    .macro MAP flags
    adrp x19, tables + 4096
    LI x20, 0x402007c1 | \flags
    str x20, [x19, #24]
    dsb ishst
    tlbi vmalle1
    dsb ish
    isb
    .endm
    .macro CALL name, label, esr
    adr x21, \label
    LI x22, ALIAS
    add x21, x21, x22
    ADDR x23, trap_resume
    adr x24, 8f
    str x24, [x23]
    blr x21
8:
    .if \esr != -1
    TRAPPED "\name", \esr
    .else
    str xzr, [x23]
    NO_TRAP "\name"
    .endif
    .endm
test:
    MAP 1 << 50
    CALL "the first branch to a guarded page", to_none, 0x36000002
    CALL "a call's target", to_c, -1
    MAP 0
    CALL "no longer guarded", to_none, -1
    MAP 1 << 50
    CALL "guarded again", to_none, 0x36000002
    // A return's target need not be marked
    adr x24, 1f
    adr x30, to_none
    LI x22, ALIAS
    add x30, x30, x22
    ret
1:  NO_TRAP "ret to another"
    FINISH
to_none:
    ret x24
to_c:
    bti c
    ret x24
