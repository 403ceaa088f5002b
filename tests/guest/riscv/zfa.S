# SPDX-License-Identifier: GPL-2.0-or-later
# Zfa and Zicond, by .insn: the assembler may not know them. Expected values from the manual's text.
# reference: skip QEMU 7.2 has neither
    .include "guest.inc"
    .macro FLI fmt, n
    .insn r 0x53, 0, \fmt, f1, x\n, x1
    .endm
    .macro FLI_S n, want
    FLI 0x78, \n
    fmv.x.w s1, f1
    CHECK "fli.s \n", s1, \want
    .endm
    .macro FLI_D n, want
    FLI 0x79, \n
    fmv.x.d s1, f1
    CHECK "fli.d \n", s1, \want
    .endm
test:
    FLI_S 0, -0x40800000
    FLI_S 1, 0x00800000
    FLI_S 2, 0x37800000
    FLI_S 3, 0x38000000
    FLI_S 4, 0x3b800000
    FLI_S 5, 0x3c000000
    FLI_S 6, 0x3d800000
    FLI_S 7, 0x3e000000
    FLI_S 8, 0x3e800000
    FLI_S 11, 0x3ee00000
    FLI_S 15, 0x3f600000
    FLI_S 16, 0x3f800000
    FLI_S 20, 0x40000000
    FLI_S 22, 0x40400000
    FLI_S 23, 0x40800000
    FLI_S 26, 0x43000000
    FLI_S 28, 0x47000000
    FLI_S 29, 0x47800000
    FLI_S 30, 0x7f800000
    FLI_S 31, 0x7fc00000
    FLI_D 0, 0xbff0000000000000
    FLI_D 1, 0x0010000000000000
    FLI_D 2, 0x3ef0000000000000
    FLI_D 12, 0x3fe0000000000000
    FLI_D 29, 0x40f0000000000000
    FLI_D 30, 0x7ff0000000000000
    FLI_D 31, 0x7ff8000000000000
    csrwi fcsr, 0

    # 2.5 and -0.3
    li s0, 0x4004000000000000
    fmv.d.x f1, s0
    .insn r 0x53, 0, 0x21, f2, f1, x4       # fround.d rne
    fmv.x.d s1, f2
    CHECK "fround.d rne 2.5", s1, 0x4000000000000000
    .insn r 0x53, 3, 0x21, f2, f1, x4       # rup
    fmv.x.d s1, f2
    CHECK "fround.d rup 2.5", s1, 0x4008000000000000
    .insn r 0x53, 4, 0x21, f2, f1, x4       # rmm
    fmv.x.d s1, f2
    CHECK "fround.d rmm 2.5", s1, 0x4008000000000000
    frflags s1
    CHECK "fround.d raises nothing", s1, 0
    .insn r 0x53, 7, 0x21, f2, f1, x5       # froundnx.d dyn
    frflags s1
    CHECK "froundnx.d is inexact", s1, 1
    csrwi fflags, 0
    li s0, 0xbfd3333333333333
    fmv.d.x f1, s0
    .insn r 0x53, 0, 0x21, f2, f1, x4
    fmv.x.d s1, f2
    CHECK "fround.d -0.3", s1, 0x8000000000000000
    fcvt.s.d f1, f1
    .insn r 0x53, 2, 0x20, f2, f1, x4       # fround.s rdn
    fmv.x.d s1, f2
    CHECK "fround.s rdn -0.3", s1, 0xffffffffbf800000
    csrwi fflags, 0

    # fminm, fmaxm: a NaN wins
    li s0, 0x7ff8000000000000
    fmv.d.x f1, s0
    fmv.d.x f2, zero
    .insn r 0x53, 2, 0x15, f3, f1, f2
    fmv.x.d s1, f3
    CHECK "fminm.d nan", s1, 0x7ff8000000000000
    fneg.d f4, f2
    .insn r 0x53, 3, 0x15, f3, f4, f2
    fmv.x.d s1, f3
    CHECK "fmaxm.d of zeros", s1, 0
    # fleq, fltq: quiet
    .insn r 0x53, 4, 0x51, x9, f1, f2
    CHECK "fleq.d nan", s1, 0
    frflags s2
    CHECK "fleq.d is quiet", s2, 0
    .insn r 0x53, 5, 0x51, x9, f4, f2
    CHECK "fltq.d of zeros", s1, 0
    .insn r 0x53, 4, 0x51, x9, f4, f2
    CHECK "fleq.d of zeros", s1, 1

    # fcvtmod.w.d: 2^32 + 5, then infinity
    li s0, 0x41f0000000500000
    fmv.d.x f1, s0
    .insn r 0x53, 1, 0x61, x9, f1, x8
    CHECK "fcvtmod.w.d", s1, 5
    frflags s2
    CHECK "fcvtmod.w.d out of range", s2, 16
    csrwi fflags, 0
    li s0, 0xc1e0000000000000
    fmv.d.x f1, s0
    .insn r 0x53, 1, 0x61, x9, f1, x8
    CHECK "fcvtmod.w.d of -2^31", s1, -0x80000000
    frflags s2
    CHECK "which is exact", s2, 0
    li s0, 0x7ff0000000000000
    fmv.d.x f1, s0
    .insn r 0x53, 1, 0x61, x9, f1, x8
    CHECK "fcvtmod.w.d of infinity", s1, 0
    .word 0xc28084d3                        # the same with rm 0
    TRAPPED "fcvtmod.w.d wants rtz", 2, 0xc28084d3

    # Zicond
    li s2, 5
    .insn r 0x33, 5, 7, x9, x18, x0
    CHECK "czero.eqz by x0", s1, 0
    .insn r 0x33, 5, 7, x9, x18, x18
    CHECK "czero.eqz", s1, 5
    .insn r 0x33, 7, 7, x9, x18, x18
    CHECK "czero.nez", s1, 0
    .insn r 0x33, 7, 7, x9, x18, x0
    CHECK "czero.nez by x0", s1, 5
    FINISH
