# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of A64 floating point and AdvSIMD: a few instructions and the state before them.

A case is one record (RECORD below), which arm_oracle.S and arm_runner.c execute and give back with
the state afterwards. Words come from the instruction table; registers are few, so that instructions
depend on each other, and their contents favour what is special in floating point.
"""
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "scripts"))
import gen_isa                                                          # noqa: E402

ISA = gen_isa.load(os.path.join(ROOT, "target/arm/simd.isa"))
MAX_INSNS = 8
MEMORY = 512
RECORD = struct.Struct("<II8I31Q4Q64Q512s")
LITERALS = 0x800            # offset of the copy of memory behind the code
MIDDLE = 0x20000f00         # the memory
BASES = (9, 10)             # registers that point into it
INDEXES = (11, 12, 13)      # small offsets; the last may be negative
FPCR_MODES = 3 << 22
FPCR_FZ16, FPCR_FZ, FPCR_DN, FPCR_AHP = 1 << 19, 1 << 24, 1 << 25, 1 << 26

HALF = [0, 0x8000, 0x3c00, 0xbc00, 0x7c00, 0xfc00, 0x7e00, 0xfe01, 0x7c01, 0xfd00, 1, 0x8001, 0x3ff,
        0x83ff, 0x400, 0x8401, 0x7bff, 0xfbff, 0x3800, 0x4000, 0x3c01, 0x3555, 0x63ff, 0x77ff,
        0x7800, 0x5bff, 0x200, 0x100, 0xff, 0x4200, 0xc200, 0x1400, 0x7400]
SINGLE = [0, 1 << 31, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001,
          0x7f800001, 0xffa00000, 1, 0x80000001, 0x007fffff, 0x00800000, 0x80800001, 0x7f7fffff,
          0xff7fffff, 0x3f000000, 0x40000000, 0x3fc00000, 0x40400000, 0x4effffff, 0x4f000000,
          0xcf000000, 0xcf000001, 0x4f7fffff, 0x4f800000, 0x5f000000, 0xdf000000, 0x5f800000,
          0x3f800001, 0x33800000, 0x477fe000, 0x477fefff, 0x477ff000, 0x38800000, 0x33000000,
          0x33000001, 0x387fffff, 0x00200000, 0x001fffff, 0x00400000, 0x7e800000, 0x7e7fffff,
          0x7f000000, 0x0c800000, 0x1fffffff, 0x20000000]
DOUBLE = [0, 1 << 63, 0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000,
          0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000001, 0x7ff0000000000001,
          0xfff4000000000000, 1, 0x8000000000000001, 0x000fffffffffffff, 0x0010000000000000,
          0x8010000000000001, 0x7fefffffffffffff, 0xffefffffffffffff, 0x3fe0000000000000,
          0x4000000000000000, 0x4008000000000000, 0x3ff8000000000000, 0x41dfffffffc00000,
          0x41e0000000000000, 0xc1e0000000000000, 0xc1e0000000200000, 0x41efffffffe00000,
          0x43e0000000000000, 0xc3e0000000000000, 0x43f0000000000000, 0x43dfffffffffffff,
          0x3ff0000000000001, 0x36a0000000000000, 0x369fffffffffffff, 0x47efffffe0000000,
          0x47efffffefffffff, 0x47effffff0000000, 0x380fffffc0000000, 0x3810000000000000,
          0x3cb0000000000000, 0x3ca0000000000001, 0x0004000000000000, 0x0003ffffffffffff,
          0x7fd0000000000000, 0x7fcfffffffffffff, 0x40effc0000000000, 0x40f0000000000000]
INTEGER = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
           0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff,
           0xffffffff80000000, 0x8080808080808080, 0x7f807f807f807f80, 0x8000800080008000,
           0x8000000080000000, 0x0123456789abcdef, 0xfefdfcfbfaf9f8f7, 0x40000000, 0x4000000000000000]


def element(rng, size):
    """A number of 2, 4 or 8 bytes."""
    table, fraction, bits = {2: (HALF, 10, 16), 4: (SINGLE, 23, 32), 8: (DOUBLE, 52, 64)}[size]
    k = rng.randrange(8)
    if k < 4:
        return rng.choice(table)
    if k < 6:               # near one
        bias = (1 << (bits - fraction - 2)) - 1
        exp = bias + rng.randrange(-3, 4)
        return rng.getrandbits(1) << (bits - 1) | exp << fraction | rng.getrandbits(fraction)
    if k == 6:              # any exponent, few bits
        exp = rng.getrandbits(bits - fraction - 1)
        return rng.getrandbits(1) << (bits - 1) | exp << fraction | \
            rng.getrandbits(4) << (fraction - 4)
    return rng.getrandbits(bits)


def doubleword(rng, kind):
    if kind in (2, 4, 8):
        v = 0
        for _ in range(8 // kind):
            v = v << 8 * kind | element(rng, kind)
        return v
    if rng.randrange(2):
        return rng.choice(INTEGER)
    if kind == 1:           # small lanes, for table lookups and shifts
        return sum((rng.choice((0, 1, 7, 8, 15, 16, 31, 32, 47, 63, 64, 128, 200, 248, 255))
                    << 8 * i) for i in range(8))
    return rng.getrandbits(64)


# What QEMU 7.2 gets wrong. FCVTZS (scalar, fixed point, half) writes a negative result's sign to
# bits 31:16, too; FJCVTZS sets Z for a subnormal that FZ made zero (FPToFixedJS).
WRONG_IF_NEGATIVE, WRONG_IF_FLUSHED = "fcvtzs.sih", "fjcvtzs"


class Case:
    def __init__(self, words, rng, kind=None):
        self.words = words
        self.x = [rng.choice((rng.getrandbits(64), rng.choice(INTEGER), rng.getrandbits(6)))
                  for _ in range(31)]
        for r in BASES:
            self.x[r] = MIDDLE + MEMORY // 2 + rng.choice((0, 0, 8, 16, 1, -3))
        for r in INDEXES:
            self.x[r] = rng.choice((0, 1, 3, 4, 8, -8 & (1 << 64) - 1 if r == INDEXES[-1] else 2))
        self.nzcv = rng.getrandbits(4) << 28
        # Half the cases have the usual modes, the others any of them.
        self.fpcr = rng.choice((0, 0, 0, rng.getrandbits(27) & (
            FPCR_MODES | FPCR_FZ16 | FPCR_FZ | FPCR_DN | FPCR_AHP), rng.getrandbits(2) << 22))
        self.fpsr = rng.choice((0, 0, 0x10, 0x0800009f))
        self.v = []
        for _ in range(32):
            k = kind if kind is not None and rng.randrange(4) else rng.choice((0, 1, 2, 4, 8))
            self.v += [doubleword(rng, k), doubleword(rng, k)]
        self.memory = b"".join(struct.pack("<Q", doubleword(rng, rng.choice((0, 1, 2, 4, 8))))
                               for _ in range(MEMORY // 8))

        names = {ISA.decode(w, 32).name for w in words}
        if WRONG_IF_NEGATIVE in names:
            self.v = [v & 0x7fff7fff7fff7fff for v in self.v]
        if WRONG_IF_FLUSHED in names:
            self.fpcr &= ~FPCR_FZ

    def pack(self, count=None):
        n = len(self.words) if count is None else count
        words = list(self.words[:n]) + [0] * (MAX_INSNS - n)
        return RECORD.pack(n, 0, *words, *self.x, self.nzcv, self.fpcr, self.fpsr, 0, *self.v,
                           self.memory)


def state(record):
    """The fields of a record by name."""
    f = RECORD.unpack(record)
    s = {f"x{i}": f[10 + i] for i in range(31)}
    s.update(nzcv=f[41], fpcr=f[42], fpsr=f[43], stopped=f[44])
    for i in range(32):
        s[f"v{i}"] = f[46 + 2 * i] << 64 | f[45 + 2 * i]
    s["memory"] = f[109]
    return s


# --- words ---------------------------------------------------------------------------------------

def chooser(rng, position, vregs=8):
    def choose(row, name, spec):
        cls = row.fmt.cls
        if not spec.ranges:
            return None
        if cls == "V":
            return rng.randrange(vregs) if name in ("rd", "rn", "rm") and spec.bits >= 4 and \
                "ccm" not in row.fmt.name else None
        if name == "rn":
            return rng.choice(BASES)
        if name == "rm":
            post = row.fmt.name.startswith(("m", "l")) and cls == "VEC"
            return rng.choice(INDEXES + ((31,) if post else ()))
        if name == "imm" and row.fmt.name == "ml":
            return LITERALS - 4 * position + 4 * rng.randrange(100)
        if name == "imm" and not row.fmt.name.startswith("mr"):
            unit = 1 << spec.shift
            low = -128 if spec.signed else 0
            return rng.randrange(max(low // unit, -(1 << spec.bits - 1)),
                                 min(144 // unit, (1 << spec.bits - spec.signed) - 1) + 1) * unit
        if name == "rt":
            return rng.randrange(vregs)
        if name == "rt2":
            return 8 + rng.randrange(vregs)
        return None
    return choose


def word(rng, row, position=0, vregs=8):
    while True:
        w = row.random(rng, chooser(rng, position, vregs))
        uxtw = row.trans == "ldst_reg" and w >> 13 & 7 == 2
        if ISA.decode(w, 32) is row and not (uxtw and w >> 16 & 31 == INDEXES[-1]):
            return w


def kind_of(row, w):
    """What doubleword() should make for the instruction's operands."""
    if row.name.startswith("tb"):
        return 1
    if row.name[0] == "f" or row.name.startswith(("scvtf", "ucvtf", "bf")):
        return {1: 2, 2: 4, 3: 8}.get(row.operands(w).get("size", 0) & 3, 4)
    return None
