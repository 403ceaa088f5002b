#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What people read of guest and host code: x/i and -d in_asm,op,out_asm, beside objdump.

    disas.py --build DIR [--broken]
"""
import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from timelimits import LIMIT                                            # noqa: E402

# Shown but not run; then what powers off.
SOURCE = {
    "aarch64": """
    b off
    add x1, x2, x3, lsl #4
    ldp x29, x30, [sp], #16
    msr tpidr_el0, x1
    cbz x1, _start
    fmadd d1, d2, d3, d4
off:
    mov w0, #8
    movk w0, #0x8400, lsl #16
    hvc #0
""",
    "riscv64": """
    jal zero, off
    add a0, a1, a2
    ld s0, -16(sp)
    csrrw t0, mstatus, t1
    fmadd.d fa0, fa1, fa2, fa3
    lr.w a0, (a1)
    bne a0, a1, _start
off:
    lui t0, 0x100
    lui t1, 0x5
    addi t1, t1, 0x555
    sw t1, 0(t0)
""",
}
RAM = {"aarch64": 0x40100000, "riscv64": 0x80000000}
CC_FLAGS = {"aarch64": [], "riscv64": ["-march=rv64gc", "-mabi=lp64d"]}
# A line of objdump, or of ours.
LINE = re.compile(r"^\s*(?:0x)?([0-9a-f]+):\s+((?:[0-9a-f]{2,} ?)+)\s+\(?([a-z.0-9]+)", re.M)

HOST = ["-m", "i386:x86-64"] if platform.machine() == "x86_64" else ["-m", "aarch64"]


class Failure(Exception):
    pass


def run(argv, **more):
    p = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT, **more)
    if p.returncode:
        raise Failure(f"{argv[0]}: exit {p.returncode}: {p.stderr[-300:]}")
    return p.stdout


def listing(text):
    """{address: (its bytes, mnemonic)}"""
    return {int(m[1], 16): (m[2].replace(" ", ""), m[3]) for m in LINE.finditer(text)}


class Case:
    def __init__(self, build, arch, tmp, broken):
        self.arch, self.tmp = arch, tmp
        self.sosia = os.path.join(os.path.abspath(build), "sosia-system-" + arch)
        source, self.elf = os.path.join(tmp, arch + ".S"), os.path.join(tmp, arch + ".elf")
        with open(source, "w") as f:
            f.write(".option norvc\n" * (arch == "riscv64") + ".global _start\n_start:\n" +
                    SOURCE[arch])
        run([f"{arch}-linux-gnu-gcc", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none",
             f"-Wl,-Ttext={RAM[arch]:#x}", *CC_FLAGS[arch], "-o", self.elf, source])
        self.wanted = listing(run([f"{arch}-linux-gnu-objdump", "-Mno-aliases", "-d", self.elf]))
        if broken:
            self.wanted = {pc: (code, "nop") for pc, (code, _) in self.wanted.items()}

    def machine(self, *words, **more):
        bios = ["-bios", "none"] if self.arch == "riscv64" else ["-cpu", "cortex-a57"]
        return run([self.sosia, "-M", "virt", *bios, "-display", "none", "-kernel", self.elf,
                    "-serial", "none", *words], **more)

    def check(self, pc, got):
        if got != self.wanted[pc]:
            raise Failure(f"{pc:#x}: {got}, objdump has {self.wanted[pc]}")

    def monitor(self):
        """x/i"""
        shown = listing(self.machine("-S", "-monitor", "stdio",
                                     input=f"x/{len(self.wanted)}i {RAM[self.arch]:#x}\nquit\n"))
        for pc in self.wanted:
            self.check(pc, shown.get(pc))

    def log(self):
        """-d in_asm,op,out_asm"""
        path = os.path.join(self.tmp, "log")
        self.machine("-d", "in_asm,op,out_asm", "-D", path, "-monitor", "none")
        with open(path) as f:
            text = f.read()
        guest = {pc: got for pc, got in listing(text).items() if pc in self.wanted}
        if len(guest) < 4:
            raise Failure(f"{len(guest)} instructions were logged")
        for pc, got in guest.items():
            self.check(pc, got)
        blocks = re.findall(r"^OUT: \[size=(\d+)\].*\n((?:0x.*\n)+)", text, re.M)
        if not blocks or "OP:" not in text:
            raise Failure(f"{len(blocks)} blocks of host code, and intermediate code "
                          f"{'OP:' in text}")
        for size, lines in blocks:
            self.host(int(size), listing(lines))

    def host(self, size, ours):
        code = os.path.join(self.tmp, "code")
        with open(code, "wb") as f:
            f.write(b"".join(bytes.fromhex(b) for b, _ in ours.values()))
        if os.path.getsize(code) != size:
            raise Failure(f"{os.path.getsize(code)} bytes of {size} are shown")
        theirs = listing(run(["objdump", "-D", "-w", "-b", "binary", *HOST, code]))
        base = min(ours)
        if [pc - base for pc in ours] != list(theirs):
            raise Failure("objdump sees other instructions in the host's code")


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True)
    p.add_argument("--broken", action="store_true", help="expect other mnemonics")
    args = p.parse_args()
    n = failed = 0
    with tempfile.TemporaryDirectory(prefix="sosia-disas-") as tmp:
        for arch in RAM:
            case = Case(args.build, arch, tmp, args.broken)
            for look in (case.monitor, case.log):
                n += 1
                try:
                    look()
                    print(f"ok {n} - {arch} {look.__doc__}")
                except Failure as e:
                    failed += 1
                    print(f"not ok {n} - {arch} {look.__doc__}\n# {e}")
    print(f"1..{n}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
