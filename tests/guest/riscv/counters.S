# SPDX-License-Identifier: GPL-2.0-or-later
# mcycle and minstret under software's hands (priv 3.1.10, 3.1.12), and the registers of triggers,
# of which there are none.
# reference: BAD minstret: |BAD instret|BAD the field of|BAD inhibited|BAD mcountinhibit|BAD no trigger
    .include "guest.inc"
test:
    # The next instruction reads what was written, however long that takes
    csrwi minstret, 0
    csrr s0, minstret
    CHECK "minstret: read after write", s0, 0
    li s1, -1
    csrw minstret, s1
    csrr s0, instret
    CHECK "instret: read after write", s0, -1
    csrwi minstret, 8
    csrrsi s0, minstret, 3
    csrr s1, minstret
    CHECK "minstret: set bits: old", s0, 8
    CHECK "minstret: set bits: new", s1, 11
    # and goes on from there
    csrwi minstret, 5
    csrr s0, minstret
    li t0, 100000
1:  addi t0, t0, -1
    bnez t0, 1b
    csrr s1, minstret
    sltu s2, s0, s1
    CHECK "minstret goes on", s2, 1
    csrr s0, mcycle
    csrr s1, cycle
    sltu s2, s1, s0
    CHECK "cycle does not go back", s2, 0

    # Stopped counters keep what they have and what is written
    csrwi mcountinhibit, 5
    csrr s0, mcountinhibit
    CHECK "mcountinhibit", s0, 5
    csrr s0, mcycle
    csrr s1, minstret
    li t0, 1000
1:  addi t0, t0, -1
    bnez t0, 1b
    csrr s2, mcycle
    csrr s3, minstret
    sub s2, s2, s0
    sub s3, s3, s1
    CHECK "inhibited mcycle", s2, 0
    CHECK "inhibited minstret", s3, 0
    li s0, 77
    csrw mcycle, s0
    csrw minstret, s0
    nop
    csrr s1, mcycle
    csrr s2, minstret
    CHECK "inhibited mcycle: written", s1, 77
    CHECK "inhibited minstret: written", s2, 77
    csrwi mcountinhibit, 0
    li t0, 100000
1:  addi t0, t0, -1
    bnez t0, 1b
    csrr s1, minstret
    sltu s2, s0, s1
    CHECK "minstret again", s2, 1

    # How software looks for triggers
    call forget_trap
    csrw tselect, zero
    csrr s0, tselect
    CHECK "tselect", s0, 0
    csrr s0, tdata1
    CHECK "no trigger: tdata1", s0, 0
    li s1, -1
    csrw tdata1, s1
    csrr s0, tdata1
    CHECK "no trigger: tdata1 written", s0, 0
    csrr s0, 0x7a4
    CHECK "no trigger: tinfo", s0, 1
    NO_TRAP "tselect, tdata1, tinfo"
    csrr s0, 0x7b0
    TRAPPED "dcsr", 2, 0x7b002473
    j finish
