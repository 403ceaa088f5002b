# SPDX-License-Identifier: GPL-2.0-or-later
"""Random A64 programs from the instruction table, and the machine code around them.

A program turns the MMU on, sets all registers, enters its mode (EL1 or EL0), runs the random body
with vectors that note every exception and go on behind the instruction, then prints all registers,
the notes and its data as hex on the PL011, and powers off.

Registers with a fixed use in the body: x20, x21 and SP point into the data, x22 counts loops.
"""
import struct

from body import (Asm, Group, IsaError, Loop, MASK64, Word, dump, layout, load_isa,
                  random_integer)

ISA = load_isa("arm/arm.isa")
BASE = 0x40200000           # code: a block that EL0 and EL1 may read and execute
DUMP = 0x40400000           # a block for EL1
TABLES = DUMP + 0x10000     # level 1, level 2 of RAM, level 2 and 3 of the data
PAGES = (DUMP + 0x21000, DUMP + 0x20000)    # of the data
DATA = 0x80000000           # where the body sees them
DATA_SIZE = 8192
MIDDLE = DATA + 4096
MODES = ("el1", "el1", "el0", "el0")
LOG_MAX = 64
POINTERS = (20, 21)
LOOPS = 22
RESERVED = (*POINTERS, LOOPS)
UART = 0x09000000
BAD_ADDRESS = 0x8000        # times 65536: nothing is mapped at DATA + some pages

def sysreg(op0, op1, crn, crm, op2):
    """The operand `key` of msr and mrs; of sys without op0."""
    return ((op0 & 1) << 14 if op0 > 1 else 0) | op1 << 11 | crn << 7 | crm << 3 | op2


REGS = {
    "sctlr_el1": (3, 0, 1, 0, 0), "cpacr_el1": (3, 0, 1, 0, 2), "ttbr0_el1": (3, 0, 2, 0, 0),
    "tcr_el1": (3, 0, 2, 0, 2), "spsr_el1": (3, 0, 4, 0, 0), "elr_el1": (3, 0, 4, 0, 1),
    "sp_el0": (3, 0, 4, 1, 0), "esr_el1": (3, 0, 5, 2, 0), "far_el1": (3, 0, 6, 0, 0),
    "mair_el1": (3, 0, 10, 2, 0), "vbar_el1": (3, 0, 12, 0, 0), "tpidr_el1": (3, 0, 13, 0, 4),
    "tpidr_el0": (3, 3, 13, 0, 2), "tpidrro_el0": (3, 3, 13, 0, 3), "nzcv": (3, 3, 4, 2, 0),
    "daif": (3, 3, 4, 2, 1), "currentel": (3, 0, 4, 2, 2), "ctr_el0": (3, 3, 0, 0, 1),
    "dczid_el0": (3, 3, 0, 0, 7), "apiakeylo": (3, 0, 2, 1, 0),
}


# --- assembler and bodies ------------------------------------------------------------------------

class ArmAsm(Asm):
    def __init__(self, pc):
        super().__init__(ISA, pc)

    def align(self, n):
        while self.pc % n:
            self.emit(0xd503201f)

    def li(self, rd, value):
        value &= MASK64
        self("movz", sf=1, rd=rd, hw=0, imm=value & 0xffff)
        for hw in (1, 2, 3):
            if value >> 16 * hw & 0xffff:
                self("movk", sf=1, rd=rd, hw=hw, imm=value >> 16 * hw & 0xffff)

    def msr(self, name, rt):
        self("msr", key=sysreg(*REGS[name]), rt=rt)

    def mrs(self, rt, name):
        self("mrs", key=sysreg(*REGS[name]), rt=rt)

    def ldr(self, rt, rn, offset):
        self("ldr_u", size=3, rt=rt, rn=rn, imm=offset // 8)

    def store(self, rt, rn, offset):
        self("str_u", size=3, rt=rt, rn=rn, imm=offset // 8)

    def add(self, rd, rn, imm):
        if imm < 0:
            self("sub_i", sf=1, rd=rd, rn=rn, imm=-imm, sh=0)
        else:
            self("add_i", sf=1, rd=rd, rn=rn, imm=imm, sh=0)


def fixed(name, **operands):
    return Word(ISA.by_name[name], ISA.by_name[name].encode(**operands))


class CountedLoop(Loop):
    def start(self):
        return fixed("movz", sf=1, rd=LOOPS, hw=0, imm=self.count)

    def end(self, back):
        return [fixed("sub_i", sf=1, rd=LOOPS, rn=LOOPS, imm=1, sh=0),
                fixed("cbnz", sf=1, rt=LOOPS, imm=back - 4)]


PLAIN = ("AddImm", "LogImm", "MovW", "Adr", "Shifted", "R1", "R3", "R4", "Rmif", "Rn", "CondCmp",
         "CondSel", "Crc", "Pac")
DESTS = ("rd",)
UNDEFINED = (0, 0xffff, 0x4a000000 | 0x8000, 0x0b00fc00, 0x9ac00000, 0xd5031fff, 0xd503305f,
             0x88207fff | 0x00400000, 0xd4200001, 0x12400000, 0x54000010)


class Generator:
    def __init__(self, rng, have, careful):
        self.rng, self.careful = rng, careful
        rows = [r for r in ISA.rows if r.needs(have)]

        def of(*classes):
            return [r for r in rows if r.fmt.cls in classes]
        self.plain = of(*PLAIN)
        self.flags = [r for r in of("AddImm", "LogImm", "Shifted", "R3", "CondCmp")
                      if r.fmt.cls == "CondCmp" or "s_" in r.name or r.name in ("adcs", "sbcs")]
        self.users = [r for r in rows if r.fmt.cls in ("CondCmp", "CondSel") or
                      r.name in ("adc", "sbc", "adcs", "sbcs")]
        self.single = [r for r in of("LdSt") if not r.name.startswith((
            "stl", "ldar", "ldlar", "ldap"))]
        self.ordered = [r for r in of("LdSt") if r not in self.single]
        self.literals = of("Lit") + [r for r in rows if r.name.startswith("prf")]
        self.by_reg, self.pairs = of("LdStR"), of("Pair")
        self.atomics = of("Lse", "Cas")
        self.have = have
        # The reference's "max" is without FEAT_LSE2: there unaligned atomic accesses fault.
        self.aligned = careful and "lse" in have

    def register(self):
        while True:
            n = self.rng.randrange(32)
            if n not in RESERVED:
                return n

    def gpr(self, *but):
        """Not 31."""
        while True:
            n = self.rng.randrange(31)
            if n not in RESERVED and n not in but:
                return n

    def choose(self, row, name, spec):
        if name in DESTS and spec.bits:
            while True:
                n = self.register()
                # SP stays what it is.
                if n != 31 or row.fmt.cls not in ("AddImm", "LogImm", "Shifted"):
                    return n
        if name == "sf" and spec.bits:
            return self.rng.randrange(2)
        if name in ("rn", "rm") and spec.bits == 5 and row.fmt.cls != "Pac":
            return self.rng.choice((self.rng.randrange(32), self.rng.randrange(8)))
        return None

    def one(self, row):
        return Word(row, row.random(self.rng, self.choose))

    def plain_item(self):
        return Group([self.one(self.rng.choice(self.plain))])

    def flags_item(self):
        """A setter of flags and users of them, as compilers make them, or apart."""
        rng = self.rng
        words = [self.one(rng.choice(self.flags))]
        for _ in range(rng.randrange(1, 4)):
            k = rng.randrange(4)
            if k == 0:
                words.append(fixed("mrs", key=sysreg(*REGS["nzcv"]), rt=self.gpr()))
            elif k == 1:
                words.append(self.one(rng.choice(self.plain)))
            else:
                words.append(self.one(rng.choice(self.users)))
        if rng.randrange(2):
            w = fixed("b_cond", cond=rng.randrange(16), imm=0)
            w.skip = rng.randrange(1, 4)
            words.append(w)
        return Group(words)

    def base(self, size, aligned=False):
        """A register with an address in the data, the words that set it, room for offsets of 512
        and more on both sides."""
        rng = self.rng
        offset = rng.randrange(-2000, 2000)
        if aligned or rng.randrange(3):
            offset &= -size
        rn = self.gpr()
        name = "sub_i" if offset < 0 else "add_i"
        return rn, [fixed(name, sf=1, rd=rn, rn=rng.choice(POINTERS), imm=abs(offset), sh=0)]

    def encode(self, row, **operands):
        """With random values for the others."""
        for _ in range(1000):
            word = row.random(self.rng, lambda r, n, s: operands.get(n))
            ops = row.operands(word)
            if all(ops[n] == v for n, v in operands.items()):
                return Word(row, word)
        raise IsaError(f"{row.name} {operands}: no encoding")

    def memory(self):
        rng = self.rng
        k = rng.randrange(10)
        if k < 5:
            row = rng.choice(self.single)
            if rng.randrange(2) and not row.name.endswith(("_pre", "_post")):
                rn, words = rng.choice((*POINTERS, 31)), []
            else:
                rn, words = self.base(8)
            operands = {"rn": rn, "rt": self.register()}
            if row.name.endswith(("_pre", "_post")) and operands["rt"] == rn:
                operands["rt"] = 31
            if row.fmt.specs["imm"].bits == 12:
                operands["imm"] = rng.randrange(100)
            words.append(self.encode(row, **operands))
        elif k < 7:
            row = rng.choice(self.pairs)
            if rng.randrange(2) and not row.name.endswith(("_pre", "_post")):
                rn, words = rng.choice((*POINTERS, 31)), []
            else:
                rn, words = self.base(8)
            rt, rt2 = self.gpr(rn), self.register()
            while rt2 in (rt, rn):
                rt2 = self.register()
            words.append(self.encode(row, rn=rn, rt=rt, rt2=rt2))
        elif k < 9:
            rn, words = self.base(8)
            rm = self.gpr(rn)
            if rng.randrange(2):
                words.append(fixed("movz", sf=1, rd=rm, hw=0, imm=rng.randrange(100)))
            else:
                words.append(fixed("movn", sf=rng.randrange(2), rd=rm, hw=0,
                                   imm=rng.randrange(100)))
            words.append(self.encode(rng.choice(self.by_reg), rn=rn, rm=rm, rt=self.register()))
        elif rng.randrange(3) == 0:
            # Literals are of the body itself.
            row = rng.choice(self.literals)
            words = [self.encode(row, rt=self.register(), imm=4 * rng.randrange(-40, 40))
                     if row.fmt.cls == "Lit" else Word(row, row.random(rng))]
        else:
            rn, words = self.base(8, self.aligned)
            row = rng.choice(self.ordered)
            more = {"imm": 0} if self.aligned else {}
            words.append(self.encode(row, rn=rn, rt=self.register(), **more))
        return Group(words)

    def exclusive(self):
        rng = self.rng
        pair = rng.randrange(2)
        size = rng.randrange(2 if pair else 4)
        width = (8 << size) if pair else 1 << size
        rn, words = self.base(width, rng.randrange(8) != 0)
        rs, rt, rt2 = self.gpr(rn), self.gpr(rn), self.gpr(rn)
        while rt2 == rt or rs in (rt, rt2):
            rs, rt2 = self.gpr(rn), self.gpr(rn)
        both = {"rt2": rt2} if pair else {}
        names = ("ldxp", "stxp") if pair else ("ldxr", "stxr")
        words.append(fixed(names[0], size=size, rn=rn, rt=rt, o0=rng.randrange(2), **both))
        k = rng.randrange(8)
        if k == 0:
            words.append(fixed("str_u", size=3, rn=rn, rt=rs, imm=0))
        elif k == 1:
            words.append(fixed("add_i", sf=1, rd=rn, rn=rn, imm=width, sh=0))
        elif k == 2:
            words.append(Word(ISA.by_name["clrex"], 0xd5033f5f))
        elif k == 3:
            words.append(fixed("add_i", sf=1, rd=rt, rn=rt, imm=1, sh=0))
        words.append(fixed(names[1], size=size, rn=rn, rs=rs, rt=rt, o0=rng.randrange(2), **both))
        return Group(words)

    def atomic(self):
        rng, row = self.rng, self.rng.choice(self.atomics)
        size = rng.randrange(2 if row.name == "casp" else 4)
        rn, words = self.base(16 if row.name == "casp" else 8,
                              self.aligned or rng.randrange(8) != 0)
        if row.name == "casp":
            def even():
                while True:
                    n = rng.randrange(0, 32, 2)
                    if not {n, n + 1} & {rn, *RESERVED}:
                        return n
            operands = {"rs": even(), "rt": even()}
        else:
            operands = {"rs": self.gpr(rn), "rt": self.register()}
        if row.name.startswith("cas") and rng.randrange(2):
            for k in range(1 + (row.name == "casp")):
                if operands["rs"] + k < 31:
                    words.append(fixed("ldr_u", size=3, rn=rn, rt=operands["rs"] + k, imm=k))
        words.append(self.encode(row, size=size, rn=rn, **operands))
        return Group(words)

    def jump(self):
        rng = self.rng
        kind = rng.randrange(6)
        if kind == 0:
            w = fixed(rng.choice(("b", "bl")), imm=0)
        elif kind == 1:
            w = fixed(rng.choice(("cbz", "cbnz")), sf=rng.randrange(2), rt=rng.randrange(32), imm=0)
        elif kind == 2:
            w = fixed(rng.choice(("tbz", "tbnz")), bit=rng.randrange(64), rt=rng.randrange(32),
                      imm=0)
        elif kind == 3:
            w = fixed("b_cond", cond=rng.randrange(16), imm=0)
        else:
            reg = self.gpr()
            adr = Word(ISA.by_name["adr"], ISA.by_name["adr"].encode(rd=reg, imm=0),
                       rng.randrange(2, 5))
            return Group([adr, fixed(rng.choice(("br", "blr", "ret")), rn=reg)])
        w.skip = rng.randrange(1, 5)
        return Group([w])

    def system(self):
        rng = self.rng
        k = rng.randrange(8)
        if k == 0:
            return Group([fixed("mrs", key=sysreg(*REGS["nzcv"]), rt=self.gpr())])
        if k == 1:
            return Group([fixed("msr", key=sysreg(*REGS["nzcv"]), rt=rng.randrange(32))])
        if k == 2:
            name = rng.choice(("tpidr_el0", "tpidr_el0", "daif", "currentel", "ctr_el0",
                               "dczid_el0"))
            return Group([fixed("mrs", key=sysreg(*REGS[name]), rt=self.gpr())])
        if k == 3:
            return Group([fixed("msr", key=sysreg(*REGS["tpidr_el0"]), rt=rng.randrange(32))])
        if k == 4:
            hints = [0, 1, 6, 9, 16, 18, 20, 32, 34, 36, 38, 50, 127]
            if "pauth" in self.have:
                hints += [7, 8, 10, 12, 14, *range(24, 32)]
            return Group([fixed("hint", imm=rng.choice(hints))])
        if k == 5:
            rn, words = self.base(64)
            words.append(fixed("sys", key=sysreg(1, 3, 7, 4, 1), rt=rn))    # DC ZVA
            return Group(words)
        if k == 6 and "flagm" in self.have:
            return Group([fixed("msr_imm", op1=0, op2=rng.randrange(3 if "flagm2" in self.have
                                                                    else 1), imm=0)])
        name = rng.choice(("dmb", "dsb", "isb"))
        return Group([fixed(name, imm=rng.randrange(16)) if name != "isb"
                      else Word(ISA.by_name["isb"], 0xd5033fdf)])

    def bad(self):
        """Something that raises an exception."""
        rng = self.rng
        k = rng.randrange(5)
        if k == 0:
            return Group([fixed("svc", imm=rng.getrandbits(16))])
        if k == 1:
            return Group([fixed("brk", imm=rng.getrandbits(16))])
        if k == 2:
            return Group([Word(None, rng.choice(UNDEFINED))])
        reg = self.gpr()
        row = rng.choice(self.single + self.pairs)
        operands = {"rn": reg, "rt": self.gpr(reg)}
        if row in self.pairs:
            operands["rt2"] = self.gpr(reg, operands["rt"])
        return Group([fixed("movz", sf=1, rd=reg, hw=1, imm=BAD_ADDRESS + rng.randrange(2, 9)),
                      self.encode(row, **operands)])

    def mutant(self):
        """An instruction with a few bits inverted: unallocated, or another harmless one."""
        rng = self.rng
        while True:
            word = rng.choice(ISA.rows).random(rng) if rng.randrange(4) else rng.getrandbits(32)
            for _ in range(rng.randrange(1, 4)):
                word ^= 1 << rng.randrange(32)
            group = word >> 25 & 15
            if group & 7 == 7 or (group & 5 == 4 and word >> 26 & 1):
                continue        # FP and AdvSIMD
            if "lse" in self.have and group in (0, 2):
                continue        # SVE and SME, which the reference has with these
            row = ISA.decode(word, 32, self.have)
            if row and row.fmt.cls not in PLAIN:
                continue
            if row and row.operands(word).get("rd") in (*RESERVED, 31):
                continue
            if not row and ISA.decode(word, 32) and "lse" not in self.have:
                if word >> 24 & 0x3f != 0x1a:
                    continue    # an extension's: may be a hint, a load, a system register
            if group == 13 and word >> 24 & 0x1f == 0x19:
                continue        # MTE
            if word >> 22 == 0x354 or word >> 20 == 0xd69:
                continue        # system; QEMU takes more for ERET
            return Group([Word(row, word)])

    def item(self, depth=0):
        rng = self.rng
        k = rng.randrange(102)
        if k >= 100:
            return self.mutant()
        if k < 36:
            return self.plain_item()
        if k < 50:
            return self.flags_item()
        if k < 70:
            return self.memory()
        if k < 75:
            return self.exclusive()
        if k < 79 and self.atomics:
            return self.atomic()
        if k < 87:
            return self.jump()
        if k < 91:
            return self.system()
        if k < 94:
            return self.bad()
        if k < 97 or depth:
            reg = self.gpr()
            return Group([fixed("movn", sf=1, rd=reg, hw=rng.randrange(4),
                                imm=rng.getrandbits(16))])
        return CountedLoop(rng.randrange(2, 40),
                           [self.item(1) for _ in range(rng.randrange(1, 10))])

    def items(self, n):
        return [self.item() for _ in range(n)]


# --- whole programs ------------------------------------------------------------------------------

SAVE = 0x200    # in the dump area: x28..x30, log pointer, log end, end of the body, behind it
LOG = 0x240
ENTRY = 32      # of the log: ESR, FAR, ELR, SPSR
DUMP_SIZE = LOG + LOG_MAX * ENTRY


def write_handler(a):
    a.msr("tpidrro_el0", 30)
    a.mrs(30, "tpidr_el1")
    a.store(28, 30, SAVE)
    a.store(29, 30, SAVE + 8)
    a.mrs(29, "tpidrro_el0")
    a.store(29, 30, SAVE + 16)
    a.mrs(28, "elr_el1")
    a.ldr(29, 30, SAVE + 40)
    a("sub_r", sf=1, rd=29, rn=28, rm=29, type=0, amount=0)
    a("cbz", to="end", sf=1, rt=29)
    a.ldr(29, 30, SAVE + 24)
    for i, name in enumerate(("esr_el1", "far_el1", "elr_el1", "spsr_el1")):
        a.mrs(28, name)
        a.store(28, 29, 8 * i)
    a.add(29, 29, ENTRY)
    a.ldr(28, 30, SAVE + 32)
    a("sub_r", sf=1, rd=28, rn=29, rm=28, type=0, amount=0)
    a("tbz", to="full", bit=63, rt=28)
    a.store(29, 30, SAVE + 24)
    a.label("full")
    # Behind the instruction; an SVC is there already.
    a.mrs(28, "esr_el1")
    a("ubfm", sf=1, n=1, rd=28, rn=28, immr=26, imms=31)
    a.add(28, 28, -0x15)
    a("cbz", to="out", sf=1, rt=28)
    a.mrs(28, "elr_el1")
    a.add(28, 28, 4)
    a.msr("elr_el1", 28)
    a("b", to="out")
    a.label("end")
    a.ldr(28, 30, SAVE + 48)
    a.msr("elr_el1", 28)
    a.mrs(28, "spsr_el1")
    a.store(28, 30, 0)
    a.li(29, 0x3c5)     # EL1h, interrupts masked
    a.msr("spsr_el1", 29)
    a.label("out")
    a.ldr(28, 30, SAVE)
    a.ldr(29, 30, SAVE + 8)
    a.ldr(30, 30, SAVE + 16)
    a("eret")


def write_output(a, ranges):
    """Hex of memory; then power off."""
    a.li(5, UART)
    for start, length in ranges:
        name = f"out{start:x}"
        a.li(6, start)
        a.li(7, length)
        a.label(name)
        a("ldr_post", size=0, rt=8, rn=6, imm=1)
        for shift in (4, 0):
            a("ubfm", sf=1, n=1, rd=9, rn=8, immr=shift, imms=shift + 3)
            a("subs_i", sf=1, rd=10, rn=9, imm=10, sh=0)
            a.add(9, 9, ord("0"))
            a.add(10, 9, ord("a") - 10 - ord("0"))
            a("csel", sf=1, rd=9, rn=9, rm=10, cond=3)
            a("str_u", size=0, rt=9, rn=5, imm=0)
        a.add(7, 7, -1)
        a("cbnz", to=name, sf=1, rt=7)
    a.li(9, 10)
    a("str_u", size=0, rt=9, rn=5, imm=0)
    a.li(0, 0x84000008)     # PSCI SYSTEM_OFF
    a("hvc", imm=0)
    a.label("stop")
    a("b", to="stop")


def page_tables(rng):
    tables = bytearray(4 * 4096)

    def entry(table, index, target, flags):
        struct.pack_into("<Q", tables, 4096 * table + 8 * index, target | flags)
    normal, device = 0x4 | 0x300 | 0x400, 0x400
    never = 3 << 53
    entry(0, 0, 0, 1 | device | never)
    entry(0, 1, TABLES + 4096, 3)
    entry(0, 2, TABLES + 8192, 3)
    entry(1, (BASE >> 21) & 511, BASE, 1 | normal | 3 << 6)
    entry(1, (DUMP >> 21) & 511, DUMP, 1 | normal | never)
    entry(2, 0, TABLES + 12288, 3)
    read_only = rng.randrange(6)
    for i in (0, 1):
        entry(3, i, PAGES[i], 3 | normal | never | (3 if read_only == i else 1) << 6)
    return bytes(tables)


def enable_mmu(a):
    """Only x5 is used."""
    for name, value in (("mair_el1", 0xff00),               # 0: device, 1: normal, write-back
                        ("tcr_el1", 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 2 << 32),
                        ("ttbr0_el1", TABLES), ("cpacr_el1", 3 << 20)):
        a.li(5, value)
        a.msr(name, 5)
    a("isb")


def write_sctlr(a, rng, have):
    value = 0x30d00800 | 1 | 1 << 2 | 1 << 12               # M, C, I
    value |= rng.choice((0, 0, 0, 1 << 1))                  # A
    value |= 1 << 14 | 1 << 15 | 1 << 26                    # DZE, UCT, UCI
    if "pauth" in have:
        value |= rng.getrandbits(2) << 30 | rng.getrandbits(1) << 27 | rng.getrandbits(1) << 13
    a.li(5, value)
    a.msr("sctlr_el1", 5)
    a("isb")


def program(rng, items, mode="el1", have=()):
    """The program's memory image from BASE; rng decides initial registers and data."""
    a = ArmAsm(BASE)
    a("b", to="start")
    a.align(2048)
    vectors = a.pc
    for i in range(16):
        a.align(128)
        a("b", to="handler" if i in (0, 4, 8) else "stop")
    a.label("handler")
    write_handler(a)
    a.label("start")
    a.li(5, vectors)
    a.msr("vbar_el1", 5)
    a.li(5, DUMP)
    a.msr("tpidr_el1", 5)
    enable_mmu(a)
    if "pauth" in have:
        for op2 in range(4):
            for crm in (1, 2, 3) if op2 < 2 else (1, 2):
                a.li(5, rng.getrandbits(64))
                a("msr", key=sysreg(3, 0, 2, crm, op2), rt=5)
    write_sctlr(a, rng, have)
    a.li(5, MIDDLE)
    a.msr("sp_el0", 5)
    a("add_i", sf=1, rd=31, rn=5, imm=0, sh=0)
    a.li(5, 0x3c5 if mode == "el1" else 0x3c0)
    a.msr("spsr_el1", 5)
    a("adr", rd=5, to="body_setup")
    a.msr("elr_el1", 5)
    a("eret")
    a.label("body_setup")
    for n in range(31):
        if n not in RESERVED:
            a.li(n, random_integer(rng))
    for n in POINTERS:
        a.li(n, MIDDLE)
    a.li(LOOPS, 0)
    a("msr", key=sysreg(*REGS["nzcv"]), rt=rng.randrange(31))
    a("msr", key=sysreg(*REGS["tpidr_el0"]), rt=31)
    a.code += layout(items)
    end = a.pc
    a("brk", imm=0)
    after = a.pc
    # x30 is saved by the handler: make the dump at EL1.
    a.msr("tpidrro_el0", 30)
    a.mrs(30, "tpidr_el1")
    for n in range(30):
        a.store(n, 30, 8 + 8 * n)
    a.mrs(0, "tpidrro_el0")
    a.store(0, 30, 8 + 8 * 30)
    a.mrs(0, "tpidr_el0")
    a.store(0, 30, 8 + 8 * 31)
    if mode == "el1":
        a("add_i", sf=1, rd=0, rn=31, imm=0, sh=0)
    else:
        a.mrs(0, "sp_el0")
    a.store(0, 30, 8 + 8 * 32)
    write_output(a, [(DUMP, DUMP_SIZE), (DATA, DATA_SIZE)])
    code = a.finish()
    assert len(code) <= DUMP - BASE
    image = bytearray(PAGES[0] + 4096 - BASE)
    image[:len(code)] = code
    data = b"".join(struct.pack("<Q", random_integer(rng)) for i in range(DATA_SIZE // 8))
    for i, page in enumerate(PAGES):
        image[page - BASE:page - BASE + 4096] = data[4096 * i:4096 * i + 4096]
    struct.pack_into("<QQQQ", image, DUMP - BASE + SAVE + 24, DUMP + LOG,
                     DUMP + LOG + ENTRY * (LOG_MAX - 1), end, after)
    tables = page_tables(rng)
    image[TABLES - BASE:TABLES - BASE + len(tables)] = tables
    return bytes(image)


def random_items(rng, have, n, careful=False):
    """careful: without what QEMU 7.2 gets wrong."""
    return Generator(rng, have, careful).items(n)


FAR_CLASSES = (0x20, 0x21, 0x22, 0x24, 0x25)


def describe(output):
    """{name: value} of a program's output; the whole text if it isn't complete."""
    raw = dump(output, DUMP_SIZE + DATA_SIZE)
    if not raw:
        return {"output": output[-600:]}

    def word(at):
        return struct.unpack_from("<Q", raw, at)[0]
    state = {"pstate": f"{word(0):x}"}
    state.update((f"x{n}", f"{word(8 + 8 * n):x}") for n in range(31))
    state["tpidr_el0"] = f"{word(8 + 8 * 31):x}"
    state["sp"] = f"{word(8 + 8 * 32):x}"
    for i in range(LOG_MAX):
        esr, far, elr, spsr = (word(LOG + ENTRY * i + 8 * k) for k in range(4))
        if elr:
            far = f" far {far:x}" if esr >> 26 in FAR_CLASSES else ""
            state[f"trap{i}"] = f"esr {esr:x}{far} elr {elr:x} spsr {spsr:x}"
    for at in range(0, DATA_SIZE, 8):
        state[f"data[{at:#x}]"] = f"{word(DUMP_SIZE + at):x}"
    return state
