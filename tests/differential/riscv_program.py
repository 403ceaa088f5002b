# SPDX-License-Identifier: GPL-2.0-or-later
"""Random RISC-V programs from the instruction table, and the machine code around them.

A program sets all registers, enters its mode (M bare, or S or U with Sv39), runs the random body
with a trap handler that notes every trap and goes on behind the instruction, then prints all
registers, the notes and its data as hex.

Registers with a fixed use in the body: x2 and x8 point into the data, x31 counts loops.
"""
import struct

from body import (Asm, Group, IsaError, Loop, MASK64, Word, dump, layout, load_isa,
                  random_integer)

ISA = load_isa("riscv/riscv.isa")
BASE = 0x80000000
DATA_SIZE = 4096            # that the body reads and writes, across two pages
HALF = DATA_SIZE // 2
CONSTS = 1024               # offset from the middle of the data where only loads go
DUMP = BASE + 0x100000
TABLES = BASE + 0x104000    # page tables: root, middle, leaf
PAGES = (BASE + 0x109000, BASE + 0x108000)  # of the data when there is paging
MIDDLE = {"m": BASE + 0x109000, "s": 0x40001000, "u": 0x40001000}
MODES = ("m", "m", "u", "s")
LOG_MAX = 48
POINTERS = (2, 8)
RESERVED = (*POINTERS, 31)
UART, TEST = 0x10000000, 0x100000
BAD_ADDRESS = 0x08000000    # nothing is there

D_SPECIAL = [0, 1 << 63, 0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000,
             0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000001, 0x7ff0000000000001,
             0xfff4000000000000, 1, 0x000fffffffffffff, 0x0010000000000000, 0x8010000000000001,
             0x7fefffffffffffff, 0x3fe0000000000000, 0x4000000000000000, 0x3ff8000000000000,
             0x41dfffffffc00000, 0x41e0000000000000, 0xc1e0000000200000, 0x43e0000000000000,
             0xc3e0000000000000, 0x43f0000000000000, 0x3ff0000000000001, 0x36a0000000000000,
             0x47efffffe0000000, 0x380fffffc0000000, 0x3cb0000000000000, 0x3ca0000000000001]
S_SPECIAL = [0, 1 << 31, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001,
             0x7f800001, 0xffa00000, 1, 0x007fffff, 0x00800000, 0x80800001, 0x7f7fffff, 0x3f000000,
             0x40000000, 0x3fc00000, 0x4effffff, 0x4f000000, 0xcf000001, 0x5f000000, 0xdf000000,
             0x5f800000, 0x3f800001, 0x33800000, 0x477fe000, 0x38800000, 0x33000000]

REFERENCE_WRONG = {"ctzw"}  # QEMU 7.2: looks at all 64 bits
INT_DEST_FP = ("feq", "flt", "fle", "fclass", "fcvt.w", "fcvt.l", "fmv.x", "fcvtmod")


def fp_special(rng):
    k = rng.randrange(8)
    if k < 2:
        return rng.choice(D_SPECIAL)
    if k < 5:
        return 0xffffffff00000000 | rng.choice(S_SPECIAL)
    if k == 5:     # near one: sums and products that round
        return 0x3fe0000000000000 + rng.getrandbits(54)
    if k == 6:
        return 0xffffffff00000000 | 0x3f000000 + rng.getrandbits(25)
    return rng.getrandbits(64)


# --- assembler and bodies ------------------------------------------------------------------------

class RiscvAsm(Asm):
    def __init__(self, pc):
        super().__init__(ISA, pc)

    def li(self, rd, value):
        """Any 64-bit constant below 2^63, by loading it from beside the code."""
        if -2048 <= value < 2048:
            self("addi", rd=rd, rs1=0, imm=value)
            return
        value &= MASK64
        self("auipc", rd=rd, imm=0)
        self("ld", rd=rd, rs1=rd, imm=12)
        self("jal", rd=0, imm=12)
        self.code += struct.pack("<Q", value)


def fixed(name, **operands):
    return Word(ISA.by_name[name], ISA.by_name[name].encode(**operands))


class CountedLoop(Loop):
    def start(self):
        return fixed("addi", rd=31, rs1=0, imm=self.count)

    def end(self, back):
        return [fixed("addi", rd=31, rs1=31, imm=-1), fixed("bne", rs1=31, rs2=0, imm=back - 4)]


class Generator:
    def __init__(self, rng, have, careful):
        self.rng, self.careful = rng, careful
        self.rows = [r for r in ISA.rows if r.needs(have)
                     and not (careful and r.name in REFERENCE_WRONG)]
        skip = {"branch", "jump", "trap", "priv", "csr", "amo", "load", "store", "wait", "cbo"}
        self.plain = [r for r in self.rows if not skip & set(r.flags) and r.name != "c.addi16sp"]
        self.plain_int = [r for r in self.plain if "fp" not in r.flags]
        self.plain_fp = [r for r in self.plain if "fp" in r.flags]

        def with_flag(flag):
            return [r for r in self.rows if flag in r.flags]
        self.loads, self.stores, self.amos = (with_flag(f) for f in ("load", "store", "amo"))
        self.branches, self.traps = with_flag("branch"), with_flag("trap")

    def register(self):
        while True:
            n = self.rng.randrange(32)
            if n not in RESERVED:
                return n

    def choose(self, row, name, spec):
        specs = row.fmt.specs
        fp = "fp" in row.flags
        if name == "rd" and spec.bits:
            fp_dest = fp and not row.name.startswith(INT_DEST_FP) and "store" not in row.flags
            if fp_dest:
                return self.rng.randrange(32) if spec.bits == 5 else None
            while True:
                n = self.rng.choice(range(8, 16)) if spec.bits == 3 else self.rng.randrange(32)
                if n not in RESERVED:
                    return n
        if name == "rs1" and ("load" in row.flags or "store" in row.flags) and spec.bits:
            return 8 if spec.bits == 3 else self.rng.choice(POINTERS)
        if name == "rs1" and spec.bits and spec.mask == getattr(specs.get("rd"), "mask", None):
            return None
        if name == "imm" and "store" in row.flags and spec.bits == 12:
            return self.rng.randrange(-2048, CONSTS - 8)
        if name == "imm" and "load" in row.flags and spec.bits == 12:
            return self.rng.choice((self.rng.randrange(-2048, 2040),
                                    CONSTS + 8 * self.rng.randrange(120)))
        if name == "rm" and spec.bits:
            return self.rng.choice((0, 1, 2, 3, 4, 7, 7, 7))
        return None

    def one(self, row):
        for _ in range(100):
            word = row.random(self.rng, self.choose)
            ops = row.operands(word)
            if "load" not in row.flags and "store" not in row.flags and "fp" not in row.flags and (
                    ops.get("rd") in RESERVED):
                continue
            return Word(row, word)
        raise IsaError(f"{row.name}: no usable operands")

    def atomic(self):
        rng, row = self.rng, self.rng.choice(self.amos)
        size = {"w": 4, "d": 8, "q": 16}[row.name[-1]]
        offset = rng.randrange(-2048, CONSTS - 16) // size * size
        if not self.careful and rng.randrange(12) == 0:
            offset += rng.randrange(1, size)    # misaligned
        addr = self.register() or 9
        words = [fixed("addi", rd=addr, rs1=rng.choice(POINTERS), imm=offset)]
        operands = {"aq": rng.randrange(2), "rl": rng.randrange(2)}

        def even():
            while True:
                n = rng.randrange(0, 32, 2)
                if n not in RESERVED and n + 1 not in RESERVED and n != addr and n + 1 != addr:
                    return n
        if row.name.startswith(("lr", "sc")):
            suffix = row.name[2:]
            result = rng.choice((0, self.register()))
            words.append(fixed("lr" + suffix, rd=0 if result == addr else result, rs1=addr,
                               **operands))
            if rng.randrange(3) == 0:
                value = rng.randrange(32)
                words.append(fixed("sd", rs1=addr, rs2=value, imm=0))
            if rng.randrange(4) == 0:
                words.append(fixed("addi", rd=addr, rs1=addr, imm=size))
            words.append(fixed("sc" + suffix, rd=self.register(), rs1=addr,
                               rs2=rng.randrange(32), **operands))
        elif row.name == "amocas.q":
            words.append(fixed(row.name, rd=even(), rs1=addr, rs2=even(), **operands))
        else:
            words.append(fixed(row.name, rd=self.register(), rs1=addr,
                               rs2=rng.randrange(32), **operands))
        return Group(words)

    def jump(self):
        rng = self.rng
        kind = rng.randrange(4)
        if kind == 0:
            w = fixed("jal", rd=self.register(), imm=0)
            w.skip = rng.randrange(1, 5)
            return Group([w])
        if kind == 1:
            word = ISA.by_name["c.j"].value
            return Group([Word(ISA.by_name["c.j"], word, rng.randrange(1, 5))])
        reg = self.register() or 1
        words = [fixed("auipc", rd=reg, imm=0)]
        words.append(fixed("jalr", rd=self.register(), rs1=reg, imm=0))
        words[-1].skip, words[-1].origin = rng.randrange(1, 4), 4
        return Group(words)

    def csr(self):
        rng = self.rng
        number = rng.choice((1, 1, 2, 3, 3))
        row = rng.choice(("csrrw", "csrrs", "csrrc", "csrrwi", "csrrsi", "csrrci"))
        if row.endswith("i"):
            src = rng.choice((0, 1, 2, 3, 4, 8, 16, 31)) if number != 2 else rng.choice(
                (0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 7))
        else:
            src = rng.choice((0, 0, rng.randrange(32)))
        return Group([fixed(row, rd=self.register(), csr=number, rs1=src)])

    def bad(self):
        """Something that traps."""
        rng = self.rng
        kind = rng.randrange(4 if self.careful else 5)
        if kind == 0:
            return Group([self.one(rng.choice(self.traps))])
        if kind == 1:
            reg = self.register() or 5
            row = rng.choice([r for r in self.loads + self.stores if r.width == 32])
            ops = row.operands(self.one(row).word)
            if ops.get("rd") == reg and "fp" not in row.flags:
                ops["rd"] = 0
            ops.update(rs1=reg, imm=8 * rng.randrange(8))
            return Group([fixed("lui", rd=reg, imm=BAD_ADDRESS), Word(row, row.encode(**ops))])
        if kind == 2:
            word = rng.choice((0x8000006b, 0x0000000b, 0x00007003, 0x02005053, 0xc0001073))
            return Group([Word(ISA.by_name["lui"], word)])
        if kind == 3:
            word = rng.choice((0, 0x8000, 0x6001, 0x4002, 0x9c41))
            return Group([Word(ISA.by_name["c.li"], word)])
        row = rng.choice([r for r in self.amos if r.name.startswith("amo")])
        return self.atomic_at_bad(row)

    def atomic_at_bad(self, row):
        reg = 9
        ops = {"rd": 0, "rs1": reg, "rs2": 10, "aq": 1, "rl": 0}
        return Group([fixed("lui", rd=reg, imm=BAD_ADDRESS), Word(row, row.encode(**ops))])

    def idiom(self):
        """What compilers make of rotations and extensions without Zbb, and what is nearly that."""
        rng = self.rng
        regs = [self.register() or 9 for _ in range(3)]
        source, a, b = (rng.choice(regs) for _ in range(3))
        w, width = rng.choice((("w", 32), ("", 64)))
        n = rng.randrange(1, width)
        m = width - n if rng.randrange(4) else rng.randrange(1, width)
        right = "srai" if rng.randrange(4) == 0 else "srli"
        words = [fixed("slli" + w, rd=a, rs1=source, imm=n),
                 fixed(right + w, rd=b, rs1=rng.choice((source, source, a)), imm=m)]
        if rng.randrange(2):
            words.reverse()
        words += [self.one(rng.choice(self.plain_int)) for _ in range(rng.randrange(2))]
        join = rng.choice(("or", "or", "xor", "addw", "add"))
        words.append(fixed(join, rd=rng.choice(regs), rs1=a, rs2=b))
        return Group(words)

    def item(self, depth=0):
        rng = self.rng
        k = rng.randrange(100)
        if k < 5:
            return self.idiom()
        if k < 34:
            return Group([self.one(rng.choice(self.plain_int))])
        if k < 58:
            return Group([self.one(rng.choice(self.plain_fp))])
        if k < 70:
            return Group([self.one(rng.choice(self.loads))])
        if k < 78:
            return Group([self.one(rng.choice(self.stores))])
        if k < 84:
            w = self.one(rng.choice(self.branches))
            w.skip = rng.randrange(1, 6)
            return Group([w])
        if k < 87:
            return self.jump()
        if k < 92:
            return self.atomic()
        if k < 95:
            return self.csr()
        if k < 97:
            return self.bad()
        if k < 98 or depth:
            reg = self.register()
            return Group([fixed("lui", rd=reg, imm=rng.getrandbits(19) << 12)])
        return CountedLoop(rng.randrange(2, 40),
                           [self.item(1) for _ in range(rng.randrange(1, 10))])

    def items(self, n):
        return [self.item() for _ in range(n)]


# --- whole programs ------------------------------------------------------------------------------

SAVE = 0x200    # in the dump area: x28..x30, log pointer, log end, end of the body, behind it
LOG = 0x240
DUMP_SIZE = LOG + LOG_MAX * 24


def write_handler(a):
    a("csrrw", rd=31, csr=0x340, rs1=31)
    for i, r in enumerate((28, 29, 30)):
        a("sd", rs1=31, rs2=r, imm=SAVE + 8 * i)
    a("csrrs", rd=29, csr=0x341, rs1=0)
    a("ld", rd=30, rs1=31, imm=SAVE + 40)
    a("beq", to="end", rs1=29, rs2=30)
    a("ld", rd=30, rs1=31, imm=SAVE + 24)
    for i, csr in enumerate((0x342, 0x343, 0x341)):     # mcause, mtval, mepc
        a("csrrs", rd=29, csr=csr, rs1=0)
        a("sd", rs1=30, rs2=29, imm=8 * i)
    a("addi", rd=30, rs1=30, imm=24)
    a("ld", rd=28, rs1=31, imm=SAVE + 32)
    a("bgeu", to="full", rs1=30, rs2=28)
    a("sd", rs1=31, rs2=30, imm=SAVE + 24)
    a.label("full")
    a("lhu", rd=30, rs1=29, imm=0)
    a("andi", rd=30, rs1=30, imm=3)
    a("addi", rd=28, rs1=0, imm=3)
    a("addi", rd=29, rs1=29, imm=2)
    a("bne", to="out", rs1=30, rs2=28)
    a("addi", rd=29, rs1=29, imm=2)
    a("jal", to="out", rd=0)
    a.label("end")
    a.li(28, 3 << 11)
    a("csrrs", rd=0, csr=0x300, rs1=28)
    a("ld", rd=29, rs1=31, imm=SAVE + 48)
    a.label("out")
    a("csrrw", rd=0, csr=0x341, rs1=29)
    for i, r in enumerate((28, 29, 30)):
        a("ld", rd=r, rs1=31, imm=SAVE + 8 * i)
    a("csrrw", rd=31, csr=0x340, rs1=31)
    a("mret")


def write_output(a, ranges):
    """Hex of memory; then power off."""
    a.li(5, UART)
    for start, length in ranges:
        name = f"out{start:x}"
        a.li(6, start)
        a.li(7, start + length)
        a.label(name)
        a("lbu", rd=8, rs1=6, imm=0)
        for shift in (4, 0):
            a("srli", rd=9, rs1=8, imm=shift)
            a("andi", rd=9, rs1=9, imm=15)
            a("sltiu", rd=10, rs1=9, imm=10)
            a("addi", rd=9, rs1=9, imm=ord("a") - 10)
            digit = f"{name}_{shift}"
            a("beq", to=digit, rs1=10, rs2=0)
            a("addi", rd=9, rs1=9, imm=ord("0") - ord("a") + 10)
            a.label(digit)
            a("sb", rs1=5, rs2=9, imm=0)
        a("addi", rd=6, rs1=6, imm=1)
        a("bltu", to=name, rs1=6, rs2=7)
    a("addi", rd=9, rs1=0, imm=10)
    a("sb", rs1=5, rs2=9, imm=0)
    a.li(5, TEST)
    a.li(6, 0x5555)
    a("sw", rs1=5, rs2=6, imm=0)
    a.label("stop")
    a("jal", to="stop", rd=0)


def data_ranges(mode):
    if mode == "m":
        return [(MIDDLE[mode] - HALF, DATA_SIZE)]
    return [(PAGES[0] + 4096 - HALF, HALF), (PAGES[1], HALF)]


def page_tables(mode, rng):
    """Code where it is; the data's two pages, of which one may be read-only."""
    user = 0x10 if mode == "u" else 0
    tables = bytearray(3 * 4096)

    def entry(table, index, target, flags):
        struct.pack_into("<Q", tables, 4096 * table + 8 * index, target >> 2 | flags)
    entry(0, 1, TABLES + 4096, 1)
    entry(0, 2, BASE, 0xcf | user)
    entry(1, 0, TABLES + 8192, 1)
    read_only = rng.randrange(4)
    for i in (0, 1):
        entry(2, i, PAGES[i], (0xc3 if read_only == i else 0xc7) | user)
    return bytes(tables)


def enter_mode(a, mode):
    """Only x5 is used."""
    if mode != "m":
        a.li(5, 8 << 60 | TABLES >> 12)
        a("csrrw", rd=0, csr=0x180, rs1=5)
        a("sfence.vma", rs1=0, rs2=0)
        a.li(5, -1)
        a("csrrw", rd=0, csr=0x3b0, rs1=5)
        a("csrrwi", rd=0, csr=0x3a0, rs1=0x1f)
    a.li(5, 3 << 11)
    a("csrrc", rd=0, csr=0x300, rs1=5)
    a.li(5, {"m": 3, "s": 1, "u": 0}[mode] << 11)
    a("csrrs", rd=0, csr=0x300, rs1=5)
    a("auipc", rd=5, imm=0)
    a("addi", rd=5, rs1=5, imm=16)
    a("csrrw", rd=0, csr=0x341, rs1=5)
    a("mret")


def program(rng, items, mode="m", _have=()):
    """The program's memory image from BASE; rng decides initial registers and data."""
    a = RiscvAsm(BASE)
    a("jal", to="start", rd=0)
    a.label("handler")
    write_handler(a)
    a.label("start")
    a("auipc", rd=5, imm=0)
    a("addi", rd=5, rs1=5, imm=a.labels["handler"] - (a.pc - 4))
    a("csrrw", rd=0, csr=0x305, rs1=5)
    a.li(5, DUMP)
    a("csrrw", rd=0, csr=0x340, rs1=5)
    a.li(5, 0x6000)                             # FS on
    a("csrrs", rd=0, csr=0x300, rs1=5)
    a.li(5, data_ranges(mode)[0][0])
    for n in range(32):
        a("fld", rd=n, rs1=5, imm=8 * n)
    a.li(5, rng.choice((0, 0, 0x20, 0x41, 0x7f, 0x80)))
    a("csrrw", rd=0, csr=3, rs1=5)
    enter_mode(a, mode)
    for n in range(1, 32):
        if n not in RESERVED:
            a.li(n, random_integer(rng))
    a.li(2, MIDDLE[mode])
    a.li(8, MIDDLE[mode])
    a.li(31, 0)
    a.code += layout(items)
    if len(a.code) % 4:
        a.emit(ISA.by_name["c.addi"].encode(rd=0, imm=0), 16)
    end = a.pc
    a("ecall")
    a.li(31, DUMP)
    for n in range(1, 31):
        a("sd", rs1=31, rs2=n, imm=8 * n)
    for n in range(32):
        a("fsd", rs1=31, rs2=n, imm=256 + 8 * n)
    a("csrrs", rd=5, csr=3, rs1=0)
    a("sd", rs1=31, rs2=5, imm=0)
    write_output(a, [(DUMP, DUMP_SIZE), *data_ranges(mode)])
    code = a.finish()
    assert len(code) <= DUMP - BASE
    image = bytearray(PAGES[0] + 8192 - BASE)
    image[:len(code)] = code
    data = b"".join(struct.pack("<Q", fp_special(rng) if i % 4 else random_integer(rng))
                    for i in range(DATA_SIZE // 8))
    for start, length in data_ranges(mode):
        image[start - BASE:start - BASE + length], data = data[:length], data[length:]
    struct.pack_into("<QQQQ", image, DUMP - BASE + SAVE + 24, DUMP + LOG,
                     DUMP + LOG + 24 * (LOG_MAX - 1), end, end + 4)
    if mode != "m":
        image[TABLES - BASE:TABLES - BASE + 12288] = page_tables(mode, rng)
    return bytes(image)


def random_items(rng, have, n, careful=False):
    """
    careful: without what QEMU 7.2 gets wrong. It reports atomics that are misaligned or where
    nothing is as load faults, and has no fault for an sc without reservation.
    """
    return Generator(rng, have, careful).items(n)


def describe(output):
    """{name: value} of a program's output; the whole text if it isn't complete."""
    raw = dump(output, DUMP_SIZE + DATA_SIZE)
    if not raw:
        return {"output": output[-600:]}

    def word(at):
        return struct.unpack_from("<Q", raw, at)[0]
    state = {"fcsr": f"{word(0):x}"}
    state.update((f"x{n}", f"{word(8 * n):x}") for n in range(1, 31))
    state.update((f"f{n}", f"{word(256 + 8 * n):x}") for n in range(32))
    for i in range(LOG_MAX):
        cause, tval, epc = (word(LOG + 24 * i + 8 * k) for k in range(3))
        if epc:
            if cause == 3:
                tval = 0    # of ebreak: the address or zero, both are right
            state[f"trap{i}"] = f"cause {cause} tval {tval:x} epc {epc:x}"
    for at in range(0, DATA_SIZE, 8):
        state[f"data[{at:#x}]"] = f"{word(DUMP_SIZE + at):x}"
    return state
