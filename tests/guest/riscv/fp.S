# SPDX-License-Identifier: GPL-2.0-or-later
# Floating point: FS, rounding modes, NaN boxes, flags.
    .include "guest.inc"
    .macro FS want
    csrr s1, mstatus
    srli s2, s1, 13
    andi s2, s2, 3
    .endm
test:
    li s0, 0x6000
    csrc mstatus, s0
    .option push
    .option norvc
    fadd.d f1, f2, f3
    TRAPPED "fadd with FS off", 2, 0x023170d3
    fld f1, 0(sp)
    TRAPPED "fld with FS off", 2, 0x00013087
    csrr s1, fcsr
    TRAPPED "fcsr with FS off", 2, 0x003024f3
    fmv.x.d s1, f1
    TRAPPED "fmv.x.d with FS off", 2, 0xe20084d3
    .option pop
    li s0, 0x2000
    csrs mstatus, s0
    fmv.x.d s3, f1
    fsd f1, 0(sp)
    csrr s3, fcsr
    FS
    CHECK "reading leaves FS initial", s2, 1
    fmv.d.x f1, zero
    FS
    CHECK "writing makes FS dirty", s2, 3
    srli s1, s1, 63
    CHECK "SD", s1, 1
    li s0, 0x2000
    csrc mstatus, s0
    FS
    CHECK "FS clean", s2, 2
    # A loop in clean mode; the first round makes it dirty
    li s4, 10
    li s5, 1
    fcvt.d.l f2, s5
    csrc mstatus, s0
    fmv.d.x f1, zero
1:  fadd.d f1, f1, f2
    addi s4, s4, -1
    bnez s4, 1b
    fcvt.l.d s5, f1
    CHECK "sum of ones", s5, 10
    FS
    CHECK "FS dirty after a loop", s2, 3
    csrwi fcsr, 0
    csrc mstatus, s0
    csrwi fflags, 1
    FS
    CHECK "FS dirty after fflags", s2, 3

    # Rounding modes
    li s0, 1
    fcvt.d.l f1, s0
    li s0, 3
    fcvt.d.l f2, s0
    csrwi fcsr, 0
    fdiv.d f3, f1, f2
    fmv.x.d s1, f3
    CHECK "1/3 to nearest", s1, 0x3fd5555555555555
    csrwi frm, 3
    fdiv.d f3, f1, f2
    fmv.x.d s1, f3
    CHECK "1/3 up", s1, 0x3fd5555555555556
    fdiv.d f3, f1, f2, rne
    fmv.x.d s1, f3
    CHECK "1/3 to nearest, static", s1, 0x3fd5555555555555
    frflags s1
    CHECK "inexact", s1, 1
    csrwi frm, 5
    csrwi fflags, 0
    fadd.d f3, f1, f2, rtz
    NO_TRAP "static mode with a reserved frm"
    fadd.d f3, f1, f2
    TRAPPED "dynamic mode with a reserved frm", 2, 0x0220f1d3
    fsgnj.d f3, f1, f2
    feq.d s1, f1, f2
    NO_TRAP "no rounding with a reserved frm"
    csrr s1, fcsr
    CHECK "fcsr", s1, 0xa0
    csrwi fcsr, 0
    .word 0x0220d1d3
    TRAPPED "reserved static mode", 2, 0x0220d1d3
    fcvt.w.d s1, f3, rmm
    li s0, 5
    fcvt.s.l f1, s0
    li s0, 2
    fcvt.s.l f2, s0
    fdiv.s f1, f1, f2
    fcvt.w.s s1, f1, rmm
    CHECK "2.5 rmm", s1, 3
    fcvt.w.s s1, f1, rne
    CHECK "2.5 rne", s1, 2
    fcvt.w.s s1, f1, rup
    CHECK "2.5 rup", s1, 3
    fcvt.w.s s1, f1, rdn
    CHECK "2.5 rdn", s1, 2

    # NaN boxes
    li s0, 0x3f8000003f800000
    fmv.d.x f1, s0
    fmv.w.x f2, zero
    fadd.s f3, f1, f2
    fmv.x.d s1, f3
    CHECK "an unboxed operand is a NaN", s1, 0xffffffff7fc00000
    fmv.s f3, f1
    fmv.x.d s1, f3
    CHECK "fmv.s of an unboxed one", s1, 0xffffffff7fc00000
    fneg.s f3, f1
    fmv.x.d s1, f3
    CHECK "fneg.s of an unboxed one", s1, 0xffffffffffc00000
    fmv.x.w s1, f1
    CHECK "fmv.x.w takes bits", s1, 0x3f800000
    fclass.s s1, f1
    CHECK "fclass.s of an unboxed one", s1, 0x200
    feq.s s1, f1, f1
    CHECK "feq.s of an unboxed one", s1, 0
    frflags s1
    csrwi fflags, 0
    fsw f1, 0(sp)
    lwu s1, 0(sp)
    CHECK "fsw stores bits", s1, 0x3f800000
    fcvt.d.s f3, f1
    fmv.x.d s1, f3
    CHECK "fcvt.d.s of an unboxed one", s1, 0x7ff8000000000000

    # Integer conversions out of range
    li s0, 0x7ff0000000000000
    fmv.d.x f1, s0
    fcvt.w.d s1, f1
    CHECK "fcvt.w inf", s1, 0x7fffffff
    fcvt.wu.d s1, f1
    CHECK "fcvt.wu inf", s1, -1
    fcvt.lu.d s1, f1
    CHECK "fcvt.lu inf", s1, -1
    fneg.d f1, f1
    fcvt.wu.d s1, f1
    CHECK "fcvt.wu -inf", s1, 0
    fcvt.l.d s1, f1
    CHECK "fcvt.l -inf", s1, -0x8000000000000000
    frflags s1
    CHECK "invalid", s1, 16
    li s0, 0x7ff8000000000000
    fmv.d.x f1, s0
    fcvt.w.d s1, f1
    CHECK "fcvt.w nan", s1, 0x7fffffff
    fcvt.lu.d zero, f1
    csrwi fflags, 0
    li s0, 0xc1dfffffffc00000
    fmv.d.x f1, s0
    fcvt.wu.d zero, f1
    frflags s1
    CHECK "flags though the result goes to x0", s1, 16
    csrwi fflags, 0

    # min and max
    li s0, 0x7ff0000000000001
    fmv.d.x f1, s0
    fmv.d.x f2, zero
    fneg.d f3, f2
    fmin.d f4, f1, f2
    fmv.x.d s1, f4
    CHECK "fmin of a signalling NaN", s1, 0
    frflags s1
    CHECK "its flag", s1, 16
    fmin.d f4, f2, f3
    fmv.x.d s1, f4
    CHECK "fmin of zeros", s1, 0x8000000000000000
    fmax.d f4, f3, f2
    fmv.x.d s1, f4
    CHECK "fmax of zeros", s1, 0
    # Infinity times zero plus a quiet NaN is invalid
    csrwi fflags, 0
    li s0, 0x7ff0000000000000
    fmv.d.x f1, s0
    li s0, 0x7ff8000000000000
    fmv.d.x f5, s0
    fmadd.d f4, f1, f2, f5
    frflags s1
    CHECK "inf * 0 + nan", s1, 16
    # Tininess is detected after rounding
    csrwi fflags, 0
    li s0, 0x001fffffffffffff
    fmv.d.x f1, s0
    li s0, 0x3fe0000000000000
    fmv.d.x f2, s0
    fmul.d f3, f1, f2
    fmv.x.d s1, f3
    CHECK "rounds up to the least normal", s1, 0x0010000000000000
    frflags s1
    CHECK "and underflows", s1, 3
    csrwi fflags, 0
    li s0, 0x3fefffffffffffff
    fmv.d.x f2, s0
    li s0, 0x0010000000000000
    fmv.d.x f1, s0
    fmul.d f3, f1, f2
    frflags s1
    CHECK "exact or tiny after rounding", s1, 3
    FINISH
