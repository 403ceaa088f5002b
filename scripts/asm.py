#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A small RISC-V assembler over target/riscv/riscv.isa, for guests that are built with the program
and must not need a cross compiler.

    asm.py ISA SOURCE OUTPUT.elf [ADDRESS]

One instruction a line, operands in the order of the table's formats but written as usual:
    label:  addi t0, t1, 4      ld a0, 8(sp)      beq a0, a1, label      csrrw a0, mtvec, a1
Pseudo: li REG, NUMBER   la REG, label   mv, j label, call label, ret, nop
Data: .string "text"   .align N   .zero N
The result is an ELF executable of one segment.
"""
import re
import struct
import sys

import gen_isa

ABI = ("zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 "
       "s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6").split()
REGS = {**{n: i for i, n in enumerate(ABI)}, **{f"x{i}": i for i in range(32)}}
CSRS = {"mstatus": 0x300, "misa": 0x301, "mie": 0x304, "mtvec": 0x305, "mscratch": 0x340,
        "mepc": 0x341, "mcause": 0x342, "mtval": 0x343, "mip": 0x344, "mhartid": 0xf14}
STORES = {"sb", "sh", "sw", "sd"}
BRANCHES = {"beq", "bne", "blt", "bge", "bltu", "bgeu", "jal"}


class Assembler:
    def __init__(self, isa, base):
        self.isa, self.base = isa, base
        self.labels, self.out = {}, bytearray()

    def value(self, text):
        if text in REGS:
            return REGS[text]
        if text in CSRS:
            return CSRS[text]
        if text in self.labels or re.fullmatch(r"[A-Za-z_]\w*", text):
            return self.labels.get(text, self.base)
        return int(text, 0)

    def insn(self, name, **operands):
        self.out += struct.pack("<I", self.isa.by_name[name].encode(**operands))

    def pc(self):
        return self.base + len(self.out)

    def li(self, rd, value):
        """Loads a constant: at most lui, addi, and pairs of shift and add."""
        value = (value + (1 << 63)) % (1 << 64) - (1 << 63)
        low = (value + 0x800 & 0xfff) - 0x800
        if -2048 <= value < 2048:
            self.insn("addi", rd=rd, rs1=0, imm=value)
        elif -1 << 31 <= value < 1 << 31:
            high = (value - low + (1 << 31)) % (1 << 32) - (1 << 31)
            self.insn("lui", rd=rd, imm=high)
            if low:
                self.insn("addiw", rd=rd, rs1=rd, imm=low)
        else:
            self.li(rd, value - low >> 12)
            self.insn("slli", rd=rd, rs1=rd, imm=12)
            if low:
                self.insn("addi", rd=rd, rs1=rd, imm=low)

    def line(self, text):
        while m := re.match(r"\s*(\w+):", text):
            self.labels[m[1]] = self.pc()
            text = text[m.end():]
        if not (text := text.strip()):
            return
        name, _, rest = text.partition(" ")
        if name == ".string":
            self.out += rest.strip()[1:-1].encode().decode("unicode_escape").encode() + b"\0"
            return
        if name in (".align", ".zero"):
            n = int(rest, 0)
            self.out += bytes(-len(self.out) % n if name == ".align" else n)
            return
        args = [a.strip() for a in rest.split(",")] if rest.strip() else []
        if args and (m := re.fullmatch(r"(-?\w*)\((\w+)\)", args[-1])):
            args[-1:] = [m[2], m[1] or "0"]
        self.operation(name, args)

    def operation(self, name, args):
        v = [self.value(a) for a in args]
        if name == "li":
            self.li(v[0], v[1])
        elif name == "la":
            distance = v[1] - self.pc()
            low = (distance + 0x800 & 0xfff) - 0x800
            self.insn("auipc", rd=v[0], imm=distance - low)
            self.insn("addi", rd=v[0], rs1=v[0], imm=low)
        elif name == "mv":
            self.insn("addi", rd=v[0], rs1=v[1], imm=0)
        elif name == "nop":
            self.insn("addi", rd=0, rs1=0, imm=0)
        elif name == "ret":
            self.insn("jalr", rd=0, rs1=1, imm=0)
        elif name in ("j", "call"):
            self.insn("jal", rd=int(name == "call"), imm=v[0] - self.pc())
        elif name in STORES:
            self.insn(name, rs2=v[0], rs1=v[1], imm=v[2])
        else:
            if name in BRANCHES:
                v[-1] -= self.pc()
            names = list(self.isa.by_name[name].fmt.specs)
            if len(names) != len(v):
                raise gen_isa.IsaError(f"{name} takes {', '.join(names) or 'nothing'}")
            self.insn(name, **dict(zip(names, v)))

    def assemble(self, lines):
        """Twice: the second time labels are known, and sizes do not depend on them."""
        for _ in range(2):
            self.out = bytearray()
            for number, text in enumerate(lines, 1):
                try:
                    self.line(re.sub(r'#(?=(?:[^"]*"[^"]*")*[^"]*$).*', "", text.rstrip("\n")))
                except (gen_isa.IsaError, KeyError, ValueError, IndexError) as e:
                    sys.exit(f"line {number}: {text.strip()}: {e}")


def elf(code, base, room, machine=243):
    """ELF64 (for RISC-V) with one loadable segment, `room` bytes of zeros behind the code."""
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, machine, 1, base, 64, 0, 0,
                         64, 56, 1, 64, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 7, 120, base, base, len(code), len(code) + room, 8)
    return header + segment + code


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    base = int(sys.argv[4], 0) if len(sys.argv) == 5 else 0x80000000
    assembler = Assembler(gen_isa.load(sys.argv[1]), base)
    with open(sys.argv[2], encoding="utf-8") as f:
        assembler.assemble(f.readlines())
    with open(sys.argv[3], "wb") as f:
        f.write(elf(bytes(assembler.out), base, 1 << 20))


if __name__ == "__main__":
    main()
