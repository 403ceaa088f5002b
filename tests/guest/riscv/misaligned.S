# SPDX-License-Identifier: GPL-2.0-or-later
# Plain accesses at any address, within a page and across two.
# args: -m 32
    .include "guest.inc"
test:
    la s0, page + 4096
    li s1, 0x8182838485868788
    sd s1, -3(s0)
    ld s2, -3(s0)
    CHECK "ld across pages", s2, 0x8182838485868788
    lw s2, -2(s0)
    CHECK "lw across pages", s2, -0x7b7a7979
    lwu s2, -2(s0)
    CHECK "lwu across pages", s2, 0x84858687
    lh s2, -1(s0)
    CHECK "lh across pages", s2, -0x7a7a
    lhu s2, -1(s0)
    CHECK "lhu across pages", s2, 0x8586
    lb s2, 0(s0)
    CHECK "lb", s2, -0x7b
    sw s1, -1(s0)
    sh s1, -1(s0)
    lbu s3, -1(s0)
    CHECK "sh across pages, low", s3, 0x88
    lbu s3, 0(s0)
    CHECK "sh across pages, high", s3, 0x87
    sw s1, 1(s0)
    lwu s3, 1(s0)
    CHECK "sw odd", s3, 0x85868788
    addi s4, s0, -7
    sd s1, 0(s4)
    fld f1, 0(s4)
    fmv.x.d s3, f1
    CHECK "fld across pages", s3, 0x8182838485868788
    flw f1, 1(s4)
    fmv.x.d s3, f1
    CHECK "flw is boxed", s3, 0xffffffff84858687
    flh f1, 1(s4)
    fmv.x.d s3, f1
    CHECK "flh is boxed", s3, 0xffffffffffff8687
    fsd f1, 3(s4)
    ld s3, 3(s4)
    CHECK "fsd across pages", s3, 0xffffffffffff8687
    NO_TRAP "all of them"
    # Into nowhere from RAM's last bytes
    li s5, 0x80000000 + (32 << 20) - 4
    li s6, 0x12345678
    sw s6, 0(s5)
    sd s1, 0(s5)
    la t0, trap_cause
    ld s7, 0(t0)
    CHECK "across the end of RAM", s7, 7
    FINISH
    .bss
    .align 12
page: .skip 8192
