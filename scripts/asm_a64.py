#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A small A64 assembler over target/arm/arm.isa, as asm.py is for RISC-V: for guests that are
built with the program and must not need a cross compiler.

    asm_a64.py ISA SOURCE OUTPUT.elf [ADDRESS]

    mov x0, NUMBER          mov x0, x1             adr x0, label
    add x0, x1, #4          add x0, x1, x2         sub, subs, adds alike; cmp x0, x1
    mul, udiv x0, x1, x2    madd, msub x0, x1, x2, x3
    ldr x0, [sp, #8]        ldr w0, [x1], #4       ldrb w0, [x1]      and str, strb
    b label, bl label, b.ne label, cbz x0, label, tbnz w0, #5, label, ret
    mrs x0, vbar_el1        msr vbar_el1, x0       msr daifclr, #2
    wfi, isb, eret, hvc #0
Numbers may be written without '#'. Data: as asm.py.
"""
import re
import sys

import gen_isa
from asm import Assembler, elf

CONDITIONS = "eq ne cs cc mi pl vs vc hi ls ge lt gt le al".split()
# op0, op1, CRn, CRm, op2 (DDI 0487, D19)
SYSTEM = {"vbar_el1": (3, 0, 12, 0, 0), "elr_el1": (3, 0, 4, 0, 1), "esr_el1": (3, 0, 5, 2, 0),
          "cntv_tval_el0": (3, 3, 14, 3, 0), "cntv_ctl_el0": (3, 3, 14, 3, 1)}
PSTATE = {"daifset": (3, 6), "daifclr": (3, 7)}
AARCH64 = 183


class A64Assembler(Assembler):
    @staticmethod
    def register(text):
        """Number and width bit of a register, or None."""
        if m := re.fullmatch(r"([xw])(\d+|zr)|(sp)", text):
            return (31 if m[3] or m[2] == "zr" else int(m[2])), int(m[1] != "w")
        return None

    def number(self, text):
        text = text.lstrip("#")
        if re.fullmatch(r"[A-Za-z_]\w*", text):
            return self.labels.get(text, self.base) - self.pc()
        return int(text, 0)

    def memory(self, name, args):
        rt, wide = self.register(args[0])
        size = 0 if name.endswith("b") else 2 + wide
        m = re.fullmatch(r"\[(\w+)(?:,\s*#?(\w+))?\](?:,\s*#?(-?\w+))?", ", ".join(args[1:]))
        rn = self.register(m[1])[0]
        if m[3]:
            self.insn(name[:3] + "_post", size=size, rt=rt, rn=rn, imm=int(m[3], 0))
        else:
            self.insn(name[:3] + "_u", size=size, rt=rt, rn=rn, imm=int(m[2] or "0", 0) >> size)

    def move(self, args):
        rd, wide = self.register(args[0])
        if source := self.register(args[1]):
            self.insn("add_i", sf=wide, sh=0, imm=0, rn=source[0], rd=rd)
            return
        value = int(args[1].lstrip("#"), 0)
        for hw in range(4 if wide else 2):
            self.insn("movk" if hw else "movz", sf=wide, hw=hw, imm=value >> 16 * hw & 0xffff,
                      rd=rd)

    def arithmetic(self, name, args):
        if name == "cmp":
            name, args = "subs", ["xzr" if args[0][0] != "w" else "wzr"] + args
        (rd, wide), rn = self.register(args[0]), self.register(args[1])[0]
        if rm := self.register(args[2]):
            self.insn(name + "_r", sf=wide, type=0, rm=rm[0], amount=0, rn=rn, rd=rd)
        else:
            self.insn(name + "_i", sf=wide, sh=0, imm=self.number(args[2]), rn=rn, rd=rd)

    def system(self, name, args):
        if args[0] in PSTATE:
            op1, op2 = PSTATE[args[0]]
            self.insn("msr_imm", op1=op1, imm=self.number(args[1]), op2=op2)
            return
        op0, op1, crn, crm, op2 = SYSTEM[args[name == "mrs"]]
        self.insn(name, key=(op0 - 2) << 14 | op1 << 11 | crn << 7 | crm << 3 | op2,
                  rt=self.register(args[name == "msr"])[0])

    def operation(self, name, args):
        if name in ("ldr", "str", "ldrb", "strb"):
            self.memory(name, args)
        elif name == "mov":
            self.move(args)
        elif name in ("add", "adds", "sub", "subs", "cmp"):
            self.arithmetic(name, args)
        elif name in ("mul", "madd", "msub", "udiv"):
            regs = [self.register(a) for a in args]
            operands = dict(zip(("rd", "rn", "rm", "ra"), (r[0] for r in regs)), sf=regs[0][1])
            if name == "mul":
                name, operands["ra"] = "madd", 31
            self.insn(name, **operands)
        elif name in ("mrs", "msr"):
            self.system(name, args)
        elif name == "adr":
            self.insn("adr", rd=self.register(args[0])[0], imm=self.number(args[1]))
        elif name in ("b", "bl"):
            self.insn(name, imm=self.number(args[0]))
        elif name.startswith("b."):
            self.insn("b_cond", cond=CONDITIONS.index(name[2:]), imm=self.number(args[0]))
        elif name in ("cbz", "cbnz"):
            rt, wide = self.register(args[0])
            self.insn(name, sf=wide, rt=rt, imm=self.number(args[1]))
        elif name in ("tbz", "tbnz"):
            self.insn(name, rt=self.register(args[0])[0], bit=self.number(args[1]),
                      imm=self.number(args[2]))
        elif name == "ret":
            self.insn("ret", rn=30)
        elif name == "wfi":
            self.insn("hint", imm=3)
        elif name == "hvc":
            self.insn("hvc", imm=self.number(args[0]))
        else:
            self.insn(name)


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    base = int(sys.argv[4], 0) if len(sys.argv) == 5 else 0x40200000
    assembler = A64Assembler(gen_isa.load(sys.argv[1]), base)
    with open(sys.argv[2], encoding="utf-8") as f:
        assembler.assemble(f.readlines())
    with open(sys.argv[3], "wb") as f:
        f.write(elf(bytes(assembler.out), base, 1 << 20, AARCH64))


if __name__ == "__main__":
    main()
