#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Differential tests of the Arm interrupt controllers: bare-metal programs that read and write
registers at random, from all exception levels, here and on the reference.

    gic.py --build DIR [--only CONFIG] [--seeds N] [--first-seed S] [--ops N] [--keep DIR] [--broken]

Prints TAP. A program prints a line per read: which one, its value or 'trap', and what ISR_EL1 says
of the interrupt lines. Where the manual leaves a choice, or the reference has another opinion than
the manual, programs stay away (see the comments).
"""
import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import machines                                                         # noqa: E402
from timelimits import LIMIT                                            # noqa: E402

CC = "aarch64-linux-gnu-gcc"
DIST, CPU, HYP, VCPU, REDIST = 0x08000000, 0x08010000, 0x08030000, 0x08040000, 0x080a0000
SGI = REDIST + 0x10000

HEAD = """
    .text
    .global _start
    .macro LI reg, value
    ldr \\reg, =\\value
    .endm
_start:
    LI x20, 0x09000000
    LI x0, 0x40f00000
    mov sp, x0
    LI x24, 0x40e00008      // what was acknowledged and hasn't ended
    str xzr, [x24, #-8]
    LI x25, 0x40e80008      // the same of the virtual interface
    str xzr, [x25, #-8]
    mov x26, #0
    mrs x0, CurrentEL
    lsr x0, x0, #2
    mov x22, x0
    cmp x0, #2
    b.lt 1f
    b.eq 2f
    .if HAS_EL3
    adr x1, vectors3
    msr vbar_el3, x1
    .if GICV3
    LI x1, 0xf
    msr S3_6_C12_C12_5, x1
    isb
    .endif
    .endif
2:  .if HAS_EL2
    adr x1, vectors2
    msr vbar_el2, x1
    LI x1, 0x80000000
    msr hcr_el2, x1
    .if GICV3
    LI x1, 0xf
    msr S3_4_C12_C9_5, x1
    isb
    .endif
    .endif
1:  adr x1, vectors1
    msr vbar_el1, x1
    LI x1, 0x30d00800
    msr sctlr_el1, x1
    .if GICV3
    LI x1, 7
    msr S3_0_C12_C12_5, x1
    isb
    .endif
    b program

// Prints "n value isr" (x0 the value); keeps x19 to x29.
show:
    mov x28, x30
    mov x27, x0
    mov x0, x26
    bl hex
    mov x0, x27
    bl hex
    mrs x0, isr_el1
    bl hex
    mov w0, #10
    strb w0, [x20]
    mov x30, x28
    ret
// Notes what an acknowledgement gave (x0), and gives what is to end next (x1). x4 is which register
// of the two that acknowledge or end: 0 or OTHER.
    .equ OTHER, 1 << 40
    .macro STACK name, reg
push\\name:
    and x1, x0, #0x3ff
    cmp x1, #1020
    b.hs 1f
    orr x1, x0, x4
    str x1, [\\reg], #8
1:  ret
pop\\name:
    ldr x1, [\\reg, #-8]
    cbz x1, 1f
    eor x2, x1, x4
    tbnz x2, #40, 1f
    mov w1, w1
    sub \\reg, \\reg, #8
    ret
1:  mov x1, #1023
    ret
    .endm
    STACK 0, x24
    STACK 1, x25
hex:
    mov x1, #60
1:  lsr x2, x0, x1
    cbnz x2, 2f
    subs x1, x1, #4
    b.gt 1b
    mov x1, #0
2:  lsr x2, x0, x1
    and x2, x2, #15
    add x3, x2, #48
    add x4, x2, #87
    cmp x2, #10
    csel x3, x3, x4, lt
    strb w3, [x20]
    subs x1, x1, #4
    b.ge 2b
    mov w0, #32
    strb w0, [x20]
    ret

finish:
    adr x1, end_text
1:  ldrb w0, [x1], #1
    cbz w0, 2f
    strb w0, [x20]
    b 1b
2:  b .
end_text: .asciz "done\\n"

    .macro VECTORS el
    .balign 2048
vectors\\el:
    .rept 16
    .balign 128
    b handler\\el
    .endr
handler\\el:
    mrs x0, esr_el\\el
    lsr x0, x0, #26
    cmp x0, #0x17
    b.eq 1f
    cmp x0, #0x16
    b.eq 1f
    LI x1, 0x7ea90000 + 0x1000 * \\el
    orr x0, x0, x1
    mrs x1, elr_el\\el
    add x1, x1, #4
    msr elr_el\\el, x1
    eret
1:  br x19
    .endm
    VECTORS 1
    .if HAS_EL2
    VECTORS 2
    .endif
    .if HAS_EL3
    VECTORS 3
    .endif
    .ltorg

program:
"""


class Config:
    def __init__(self, name, version, machine, levels, mmio, sysregs):
        self.name, self.version, self.machine, self.levels = name, version, machine, levels
        self.mmio, self.sysregs = mmio, sysregs


class R:
    """A register: where, values that are worth writing, accesses, how often.

    ack: what it gives is what eoi ends, on the physical (0) or virtual (1) interface. To end what
    isn't the last that was acknowledged is unpredictable.
    """

    def __init__(self, at, values=None, read=True, size=4, weight=1, ack=None, eoi=None):
        self.at, self.values, self.read, self.size, self.weight = at, values, read, size, weight
        self.ack, self.eoi = ack, eoi


def any_bits(rng):
    return rng.getrandbits(32) & rng.getrandbits(32)


def few_bits(rng):
    return 1 << rng.randrange(32) | 1 << rng.randrange(32)


def priorities(rng):
    # The reference's GICv3 keeps bits that its processors' interfaces don't have.
    return sum(rng.randrange(0, 16) << (4 + 8 * i) for i in range(4))


def priority_byte(rng):
    return rng.randrange(32) << 3


def one_of(*values):
    return lambda rng: rng.choice(values)


def banks(base, first, step, sgis=True, activate=True):
    """The bitmap registers of a distributor or redistributor frame. Without activate, GICD_ISACTIVER
    is only read."""
    rows = []
    for w in range(first, 3 if step else first + 1):
        at = base + step * w
        pend = few_bits if sgis else lambda r: few_bits(r) & ~0xffff
        rows += [R(at + 0x100, any_bits, weight=2), R(at + 0x180, few_bits),
                 R(at + 0x200, pend, weight=4), R(at + 0x280, pend, weight=2),
                 R(at + 0x300, few_bits if activate else None),
                 R(at + 0x380, any_bits, weight=2),
                 R(at + 0x80, any_bits)]
        for i in range(0, 32, 4):
            rows.append(R(base + 0x400 + (32 * w if step else 0) + i, priorities, weight=.4))
    return rows


def gicv2_rows(secure, virtual):
    # The reference has no GICC_AIAR, AEOIR and AHPPIR, and says 1022 for an interrupt of Group 1
    # that isn't signalled either (without AckCtl). Its GICC_HPPIR looks at GICC_PMR, and
    # its GICC_IAR and GICV_IAR give interrupts of a group that the interface has off.
    ids = one_of(*range(0, 96, 1), 1023, 1022, 40, 41, 33)
    # It also lets an interrupt of a group that the distributor has off hide those of the other.
    # A shared interrupt that GICD_ISACTIVER made active is so for each processor there: an end or
    # GICC_DIR of one is not enough.
    rows = [R(DIST, one_of(3), weight=.2), R(DIST + 4), *banks(DIST, 1, 4, activate=False),
            # The reference dies of SGIs that GICD_ISPENDR made pending.
            *banks(DIST, 0, 0, sgis=False),
            R(DIST + 0xc08, any_bits), R(DIST + 0xc0c, any_bits),
            # The reference doesn't look at NSATT and groups.
            R(DIST + 0xf00, lambda r: 2 << 24 | r.randrange(16), read=False,
              weight=0 if secure else 3),
            R(DIST + 0xf10, any_bits), R(DIST + 0xf14),
            # ... and of zeros written to GICD_SPENDSGIR.
            *(R(DIST + 0xf20 + i, one_of(1), size=1, weight=.2) for i in range(16))]
    rows += [R(CPU, one_of(7, 0xf, 0x207, 0x607, 0x1f), weight=2),
             R(CPU + 4, one_of(0xff, 0xf0, 0x80, 0xa8, 0x40, 0xf8)), R(CPU + 8),
             R(CPU + 0xc, weight=12, ack=0), R(CPU + 0x10, ids, read=False, weight=6, eoi=0), R(CPU + 0x14),
             R(CPU + 0x1c),
             R(CPU + 0xd0), R(CPU + 0xe8), R(CPU + 0x1000, ids, read=False, weight=2)]
    if virtual:
        # An interrupt must not be in two list registers.
        def lr(i):
            return lambda r: (r.choice((0, 1, 1, 1, 2, 3)) << 28 | r.randrange(32) << 23 |
                              r.randrange(2) << 30 | r.randrange(2) << 31 | r.randrange(2) << 19 |
                              (32 + r.randrange(16)) << 10 & 0x7fc00 | r.choice((16 + i, 40 + i)))
        rows += [R(HYP, lambda r: 1 | r.randrange(128) << 1, weight=2), R(HYP + 4),
                 R(HYP + 8, lambda r: any_bits(r) & 0xf800021f | 0xe0480007), R(HYP + 0x10, weight=3),
                 R(HYP + 0x20), R(HYP + 0x30, weight=2), R(HYP + 0xf0)]
        rows += [R(HYP + 0x100 + 4 * i, lr(i), weight=2) for i in range(4)]
        vids = one_of(16, 17, 18, 19, 40, 41, 42, 43)
        rows += [R(VCPU, one_of(7, 0xf, 0x207)), R(VCPU + 4, one_of(0xff, 0x80, 0xf8)),
                 R(VCPU + 8), R(VCPU + 0xc, weight=8, ack=1),
                 R(VCPU + 0x10, vids, read=False, weight=4, eoi=1), R(VCPU + 0x14),
                 R(VCPU + 0x1c),
                 R(VCPU + 0x1000, vids, read=False)]
    return rows


def gicv3_rows(secure):
    rows = [R(DIST, one_of(3, 7, 7, 7), weight=.5), *banks(DIST, 1, 4),
            *banks(SGI, 0, 0), R(DIST + 0xc08, any_bits), R(DIST + 0xc0c, any_bits),
            R(SGI + 0xc00), R(SGI + 0xc04, any_bits),
            R(DIST + 0x6100 + 8 * 8, one_of(0, 0, 1), size=8),
            R(DIST + 0xffe8), R(REDIST + 0xffe8)]
    if not secure: # where it shows GICR_WAKER to non-secure accesses
        rows.append(R(REDIST + 0x14, one_of(0, 0, 2)))
    if secure:
        rows += [R(DIST + 0xd04, any_bits), R(DIST + 0xe08, any_bits), R(SGI + 0xd00, any_bits),
                 R(SGI + 0xe00, any_bits)]
    return rows


def icc(crn, crm, op2):
    return f"S3_0_C{crn}_C{crm}_{op2}"


def ich(crm, op2):
    return f"S3_4_C12_C{crm}_{op2}"


def gicv3_sysregs(el2, el3):
    ids = one_of(*range(0, 96), 1023, 40, 41, 33)
    sgi = lambda r: 1 | r.randrange(16) << 24
    rows = [R(icc(4, 6, 0), one_of(0xff, 0xf0, 0x80, 0xa8, 0x40, 0xf8), weight=2),
            R(icc(12, 12, 0), weight=12, ack=0),
            R(icc(12, 12, 1), ids, read=False, weight=6, eoi=0),
            R(icc(12, 12, 2), weight=2), R(icc(12, 12, 3), one_of(0, 2, 3, 5)),
            R(icc(12, 12, 4), one_of(0, 0, 1, 2, 3)), R(icc(12, 12, 5)),
            R(icc(12, 12, 6), one_of(1)), R(icc(12, 12, 7), one_of(1)),
            R(icc(12, 8, 0), weight=6, ack=0),
            R(icc(12, 8, 1), ids, read=False, weight=3, eoi=0),
            R(icc(12, 8, 2)), R(icc(12, 8, 3), one_of(0, 2, 4)), R(icc(12, 8, 4)),
            R(icc(12, 9, 0)), R(icc(12, 8, 5)), R(icc(12, 11, 1), ids, read=False, weight=3),
            R(icc(12, 11, 3), weight=2), R(icc(12, 11, 5), sgi, read=False, weight=3),
            R(icc(12, 11, 6), sgi, read=False), R(icc(12, 11, 7), sgi, read=False, weight=2)]
    if el2:
        # An interrupt must not be in two list registers.
        def lr(i):
            return lambda r: (r.choice((0, 1, 1, 1, 2, 3)) << 62 | r.randrange(32) << 51 |
                              r.randrange(2) << 60 | r.randrange(2) << 61 | r.randrange(2) << 41 |
                              (32 + r.randrange(16)) << 32 | r.choice((16 + i, 40 + i)))
        # The reference looks at VENG1 for VGrp0D.
        rows += [R(ich(11, 0), lambda r: 1 | r.randrange(128) << 1 & ~0x20 |
                   (r.choice((1 << 10, 1 << 11, 1 << 12, 1 << 14)) if r.random() < .3 else 0),
                   weight=3),
                 R(ich(11, 1)), R(ich(11, 2), weight=2), R(ich(11, 3)), R(ich(11, 5), weight=2),
                 R(ich(11, 7), lambda r: any_bits(r) & 0xf8fc0213 | 0xe0000003, weight=2),
                 R(ich(8, 0)), R(ich(9, 0)), R(ich(9, 5))]
        rows += [R(ich(12, i), lr(i), weight=2) for i in range(4)]
    if el3:
        # Reading it, the reference mixes up its bits of EOImode.
        rows += [R("S3_6_C12_C12_4", one_of(0, 0, 1, 2, 4, 8, 16, 31), read=False), R("S3_6_C12_C12_5"),
                 R("S3_6_C12_C12_7", one_of(3))]
    return rows


CONFIGS = [
    Config("gicv2", 2, "virt,gic-version=2", 1, gicv2_rows(False, False), []),
    Config("gicv2-virtual", 2, "virt,gic-version=2,virtualization=on", 2,
           gicv2_rows(False, True), []),
    Config("gicv2-secure", 2, "virt,gic-version=2,virtualization=on,secure=on", 3,
           gicv2_rows(True, True), []),
    Config("gicv3", 3, "virt,gic-version=3", 1, gicv3_rows(False), gicv3_sysregs(False, False)),
    Config("gicv3-virtual", 3, "virt,gic-version=3,virtualization=on", 2, gicv3_rows(False),
           gicv3_sysregs(True, False)),
    Config("gicv3-secure", 3, "virt,gic-version=3,virtualization=on,secure=on", 3,
           gicv3_rows(True), gicv3_sysregs(True, True)),
]
TIMER = "S3_3_C14_C3_1"


class Program:
    def __init__(self, config, rng):
        self.c, self.rng, self.lines, self.n, self.label = config, rng, [], 0, 0
        self.notes = {}
        self.routed = False  # a higher level would take interrupts: there must not be any
        self.virtual = 0     # HCR_EL2.FMO and IMO, at EL1

    def emit(self, *lines):
        self.lines += ["    " + line for line in lines]

    def note(self, text):
        self.n += 1
        self.notes[self.n] = text
        self.emit("add x26, x26, #1")

    def stack(self, r, n):
        """Which interface an acknowledgement or end is for: names of ICC_* are ICV_*'s too."""
        if isinstance(r.at, int):
            return n
        return int(bool(self.virtual & (8 if "_C8_" in r.at else 16)))

    def which(self, r):
        """IAR0 and EOIR0 belong together: to end otherwise is unpredictable."""
        return "OTHER" if isinstance(r.at, str) and "_C8_" in r.at else "0"

    def regroups(self, r):
        """A virtual binary point must not change while an interrupt is active: the end that belongs
        to it then drops a priority that the reference no longer finds in the list register, which
        it leaves active. ICV_EOIR0_EL1 knows no such condition."""
        return r.at == ich(11, 7) or (self.virtual and r.at in (icc(12, 8, 3), icc(12, 12, 3)))

    def access(self, r, write):
        mmio = isinstance(r.at, int)
        where = hex(r.at) if mmio else r.at
        if write:
            v = r.values(self.rng)
            self.note(f"{where} = {v:#x}")
            if r.eoi is None:
                self.emit(f"LI x1, {v:#x}")
            else:
                self.emit(f"LI x4, {self.which(r)}", f"bl pop{self.stack(r, r.eoi)}")
            self.emit("mov x0, #0")
            if mmio:
                self.emit(f"LI x2, {r.at:#x}", {8: "str x1, [x2]", 4: "str w1, [x2]", 1: "strb w1, [x2]"}[r.size])
            else:
                guard = self.regroups(r)
                if guard:
                    self.emit("ldr x2, [x25, #-8]", "cbnz x2, 9f")
                self.emit(f"msr {r.at}, x1", "isb", *(["9:"] if guard else []))
        else:
            self.note(f"{where}?")
            self.emit("mov x0, #0")
            if mmio:
                self.emit(f"LI x2, {r.at:#x}", {8: "ldr x0, [x2]", 4: "ldr w0, [x2]", 1: "ldrb w0, [x2]"}[r.size])
            else:
                self.emit(f"mrs x0, {r.at}", "isb")
            if r.ack is not None:
                self.emit(f"LI x4, {self.which(r)}", f"bl push{self.stack(r, r.ack)}")
        self.emit("bl show")

    def step(self, rows):
        if self.rng.random() < .06:
            on = self.rng.randrange(2)
            self.note(f"timer {'on' if on else 'off'}")
            self.emit("msr S3_3_C14_C3_2, xzr", f"mov x0, #{on}", f"msr {TIMER}, x0", "isb",
                      "mov x0, #0", "bl show")
            return
        r = self.rng.choices(rows, [row.weight for row in rows])[0]
        if self.routed and r.at == CPU + 4:
            return
        write = r.values and (not r.read or self.rng.random() < .6)
        self.access(r, write)

    def start(self):
        """What makes interrupts likely: all enabled, half of them in each group, level and edge."""
        rng = self.rng
        base = [(DIST + 0x84, rng.getrandbits(32)), (DIST + 0x88, rng.getrandbits(32)),
                (DIST + 0x104, 0xffffffff), (DIST + 0x108, 0xffffffff),
                (DIST + 0xc08, 0xaaaaaaaa)]
        bank = SGI if self.c.version == 3 else DIST
        base += [(bank + 0x80, rng.getrandbits(32)), (bank + 0x100, 0xffffffff)]
        base += [(bank + 0x400 + i, priorities(rng)) for i in range(0, 32, 4)]
        base += [(DIST + 0x420 + i, priorities(rng)) for i in range(0, 64, 4)]
        if self.c.version == 2:
            # A binary point that changes while interrupts are active is another matter. Where the
            # two groups cut priorities differently, the reference compares one that is cut with one
            # that isn't.
            binary_point = rng.randrange(6)
            base += [(DIST, 3), (CPU, 7), (CPU + 4, 0xff), (CPU + 8, binary_point),
                     (CPU + 0x1c, binary_point + 1)]
        else:
            base += [(DIST, 7 if self.c.levels == 3 else 3), (REDIST + 0x14, 0)]
            if self.c.levels == 3:
                base += [(SGI + 0xd00, rng.getrandbits(32)), (DIST + 0xd04, rng.getrandbits(32))]
        for at, v in base:
            self.emit(f"LI x2, {at:#x}", f"LI x1, {v:#x}", "str w1, [x2]")
        if self.c.version == 3:
            regs = [(icc(4, 6, 0), 0xff), (icc(12, 12, 6), 1), (icc(12, 12, 7), 1)]
            if self.c.levels == 3:
                regs.append(("S3_6_C12_C12_7", 3))
            for name, v in regs:
                self.emit(f"LI x1, {v}", f"msr {name}, x1")
            self.emit("isb")

    def mask(self, priority):
        if self.c.version == 2:
            self.emit(f"LI x2, {CPU + 4:#x}", f"mov w1, #{priority}", "str w1, [x2]")
        else:
            self.emit(f"mov x1, #{priority}", f"msr {icc(4, 6, 0)}, x1", "isb")

    def enter(self, el, secure):
        """From the highest level to el: returns by SMC or HVC."""
        self.label += 1
        top = self.c.levels
        spsr = 0x3c0 | el << 2 | 1
        if top == 3:
            scr = 0x430 if secure else 0x431 | self.rng.choice((0, 0, 4, 6))
            self.routed = bool(scr & 6)
            self.note(f"SCR_EL3 = {scr:#x}")
            self.emit(f"LI x1, {scr:#x}", "msr scr_el3, x1")
        if el == 1 and not secure:
            hcr = 0x80000000 | self.rng.choice((0, 0, 8, 16, 24, 24))
            self.virtual = hcr & 24
            self.routed |= bool(self.virtual)
            self.note(f"HCR_EL2 = {hcr:#x}")
            self.emit(f"LI x1, {hcr:#x}", "msr hcr_el2, x1")
        if self.routed:
            self.mask(0)
        self.note(f"EL{el} {'secure' if secure else 'non-secure'}")
        self.emit(f"LI x1, {spsr:#x}", f"msr spsr_el{top}, x1", f"adr x1, to{self.label}",
                  f"msr elr_el{top}, x1", "isb", "eret")
        self.lines.append(f"to{self.label}:")

    def leave(self):
        self.note("back")
        self.emit(f"adr x19, back{self.label}", "smc #0" if self.c.levels == 3 else "hvc #0")
        self.lines.append(f"back{self.label}:")
        if self.routed:
            self.mask(0xff)
        self.routed, self.virtual = False, 0
        if self.c.levels == 3 and self.rng.randrange(2):
            # EL3 sees the other state's copies of banked registers.
            self.emit("LI x1, 0x430", "msr scr_el3, x1", "isb")

    def probe(self, rows):
        """Reads all that can be read without effect, to find out why two machines differ."""
        for r in rows:
            if r.read and r.at not in (CPU + 0xc, VCPU + 0xc, icc(12, 12, 0), icc(12, 8, 0)):
                self.access(r, False)

    def build(self, ops, probe_at=None):
        rows = self.c.mmio + self.c.sysregs
        self.start()
        while self.n < ops:
            places = {1: [(1, False)], 2: [(2, False), (1, False)],
                      3: [(3, True), (1, True), (2, False), (1, False)]}[self.c.levels]
            el, secure = self.rng.choice(places)
            moved = el != self.c.levels
            if moved:
                self.enter(el, secure)
            for _ in range(self.rng.randrange(5, 30)):
                self.step(rows)
                if probe_at and self.n >= probe_at:
                    self.probe(rows)
                    probe_at = None
            if moved:
                self.leave()
            self.emit("b 1f", ".ltorg", "1:")
        self.emit("b finish", ".ltorg")
        head = HEAD.replace("HAS_EL2", str(int(self.c.levels >= 2)))
        head = head.replace("HAS_EL3", str(int(self.c.levels == 3)))
        return head.replace("GICV3", str(int(self.c.version == 3))) + "\n".join(self.lines) + "\n"


def run(binary, config, kernel):
    argv = [binary, "-M", config.machine, "-cpu", "cortex-a57", "-accel", "tcg", "-m", "64",
            "-display", "none", "-monitor", "none", "-serial", "stdio", "-kernel", kernel]
    out = []
    with tempfile.TemporaryFile() as error:
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=error)
        timer = threading.Timer(LIMIT, p.kill)
        timer.start()
        for line in p.stdout:
            out.append(line.decode(errors="replace").strip())
            if out[-1] == "done":
                break
        timer.cancel()
        p.kill()
        p.wait()
        p.stdout.close()
        error.seek(0)
        return out, error.read().decode(errors="replace")


def show_line(line):
    try:
        n, value, isr = (int(x, 16) for x in line.split())
    except ValueError:
        return line
    text = f"trap to EL{value >> 12 & 15}, EC {value & 63:#x}" if value >> 16 == 0x7ea9 \
        else f"{value:#x}"
    return f"{n}: {text}, ISR_EL1 {isr:#x}"


def compare(program, ours, ref):
    """The first difference with what led to it, or None."""
    if "done" not in ref[0]:
        return "the reference didn't end: " + "\n".join(ref[0][-3:]) + ref[1]
    for i, (a, b) in enumerate(zip(ours[0] + ["(nothing)"] * len(ref[0]), ref[0])):
        if a != b:
            n = int(b.split()[0], 16) if b[:1].isalnum() and b != "done" else program.n
            text = [f"{k}: {program.notes[k]}" for k in range(max(1, n - 25), n + 1)]
            return "\n".join(text + ["before: " + show_line(ref[0][i - 1]),
                                     "here:      " + show_line(a),
                                     "reference: " + show_line(b), ours[1]])
    return None


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True)
    p.add_argument("--only")
    p.add_argument("--seeds", type=int, default=3)
    p.add_argument("--first-seed", type=int, default=0)
    p.add_argument("--ops", type=int, default=600)
    p.add_argument("--probe", type=int, help="after this step, read everything")
    p.add_argument("--keep", help="leave programs in this folder")
    p.add_argument("--broken", action="store_true", help="spoil an answer: the test must fail")
    args = p.parse_args()
    if args.broken:
        args.seeds = 1
    ours = os.path.join(os.path.abspath(args.build), "sosia-system-aarch64")
    ref = shutil.which("qemu-system-aarch64")
    if not ref or not shutil.which(CC):
        print("1..0 # SKIP needs qemu-system-aarch64 and " + CC)
        return 0
    n = failed = 0
    with tempfile.TemporaryDirectory(prefix="sosia-gic-") as tmp:
        for config in CONFIGS:
            if args.only and args.only != config.name:
                continue
            for seed in range(args.first_seed, args.first_seed + args.seeds):
                program = Program(config, random.Random(f"{config.name}{seed}"))
                source = os.path.join(args.keep or tmp, f"{config.name}-{seed}.S")
                with open(source, "w") as f:
                    f.write(program.build(args.ops, args.probe))
                kernel = source[:-2] + ".elf"
                subprocess.run([CC, "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none",
                                "-Wl,-Ttext=0x40200000", "-o", kernel, source], check=True)
                out = run(ours, config, kernel)
                if args.broken:
                    out[0][len(out[0]) // 2] += "1"
                why = compare(program, out, run(ref, config, kernel))
                n += 1
                failed += why is not None
                print(f"{'not ok' if why else 'ok'} {n} - {config.name}, seed {seed}", flush=True)
                for line in (why or "").splitlines():
                    print("# " + line)
    print(f"1..{n}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
