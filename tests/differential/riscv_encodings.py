# SPDX-License-Identifier: GPL-2.0-or-later
"""The instruction table against an assembler's: what binutils' disassembler calls each encoding.

Words come from the table (every row) and from a random generator (where both must agree that there
is no instruction). Extensions younger than the binutils at hand are left out.
"""
import os
import random
import re
import shutil
import subprocess
import tempfile

from riscv_program import ISA

MARCH = ["m", "a", "f", "d", "c", "zicsr", "zifencei", "zihintpause", "zicbom", "zicbop", "zicboz",
         "zawrs", "zba", "zbb", "zbc", "zbs", "zfhmin", "svinval", "zicond", "zfa", "zacas"]
# What binutils prints otherwise: hints and pairs that it has one name for.
SAME = {"c.addi": {"c.nop"}, "zext.h": {"packw"}, "c.slli": {"c.slli64"}, "c.srli": {"c.srli64"},
        "c.srai": {"c.srai64"}}
# Conversions that are always exact: binutils wants a zero where the manual has a rounding mode.
EXACT = {"fcvt.d.s", "fcvt.d.w", "fcvt.d.wu", "fcvt.s.h", "fcvt.d.h"}
FP_OPCODES = {0x43, 0x47, 0x4b, 0x4f, 0x53}


def agree(ours, theirs, word):
    if ours and theirs:
        return ours == re.sub(r"\.(aq|rl|aqrl)$", "", theirs) or theirs in SAME.get(ours, ()) or (
            ours == "fence" and theirs == "fence.tso")
    if theirs is None:      # both, or ours has what binutils is strict about
        return ours in (None, "fence", "fence.i", *EXACT)
    # Reserved rounding modes, and c.addi16sp by zero.
    return (word & 0x7f in FP_OPCODES and word >> 12 & 7 in (5, 6)) or word == 0x6101


def available():
    return shutil.which("riscv64-linux-gnu-as") and shutil.which("riscv64-linux-gnu-objdump")


def supported_march(tmp):
    """The extensions that the assembler knows."""
    known = []
    for e in MARCH:
        if len(e) == 1:
            known.append(e)
            continue
        p = subprocess.run(["riscv64-linux-gnu-as", f"-march=rv64imafdc_{e}", "-o",
                            os.path.join(tmp, "x.o"), os.devnull], capture_output=True)
        if p.returncode == 0:
            known.append(e)
    return known


def disassemble(words, march, tmp):
    """[(word, width)] -> mnemonics, None where there is no instruction."""
    source, obj = os.path.join(tmp, "w.s"), os.path.join(tmp, "w.o")
    with open(source, "w") as f:
        for word, width in words:
            f.write(f".insn {width // 8}, {word:#x}\n")
    subprocess.run(["riscv64-linux-gnu-as", "-march=rv64" + "".join(
        e if len(e) == 1 else "_" + e for e in ["i", *march]), "-o", obj, source], check=True)
    out = subprocess.run(["riscv64-linux-gnu-objdump", "-d", "-M", "no-aliases,numeric", obj],
                         check=True, capture_output=True, text=True).stdout
    lines = re.findall(r"^\s*[0-9a-f]+:\s+([0-9a-f]+)\s+(\S+)", out, re.M)
    assert len(lines) == len(words), "objdump grouped bytes otherwise than asked"
    return [None if m.startswith((".", "unimp", "c.unimp")) else m for _, m in lines]


def check(seed=1, per_row=20, n_random=10000):
    """Differences as text lines."""
    rng, bad = random.Random(seed), []
    with tempfile.TemporaryDirectory() as tmp:
        march = supported_march(tmp)
        have = {*march, "s"}
        words = []
        for row in ISA.rows:
            if row.needs(have):
                words += [(row.random(rng), row.width) for _ in range(per_row)]
        for _ in range(n_random):
            word = rng.getrandbits(32) | 3
            if word & 31 != 31:
                words.append((word, 32))
        words += [(w, 16) for w in range(65536) if w & 3 != 3]
        for (word, width), theirs in zip(words, disassemble(words, march, tmp)):
            row = ISA.decode(word, width, have)
            ours = row.name if row else None
            if not agree(ours, theirs, word):
                bad.append(f"{word:0{width // 4}x}: ours {ours}, binutils {theirs}")
    return bad
