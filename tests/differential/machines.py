# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a bare-metal RISC-V program on Sosia's engines and on the reference, and gives its output.

Programs write to the 16550 of `virt` and power off through its test device.
"""
import os
import shutil
import struct
import subprocess
import sys

BASE = 0x80000000
TIMEOUT = 20


def elf(code, entry=BASE):
    """A static ELF file with one segment at BASE."""
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01" + bytes(9), 2, 243, 1, entry,
                         64, 0, 5, 64, 56, 1, 64, 0, 0)
    size = len(code)
    segment = struct.pack("<IIQQQQQQ", 1, 7, 4096, BASE, BASE, size, size, 4096)
    return (header + segment).ljust(4096, b"\0") + code


class Machine:
    """name, and what it can't do: extensions left out of programs for it."""

    def __init__(self, name, argv, lacks=()):
        self.name, self.argv, self.lacks = name, argv, set(lacks)

    def run(self, kernel, extra=()):
        """Output of the program as text; a machine that hangs or dies gives a line that says so."""
        argv = [*self.argv, "-M", "virt", "-m", "32", "-bios", "none", "-display", "none",
                "-monitor", "none", "-serial", "stdio", "-kernel", kernel, *extra]
        try:
            p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, timeout=TIMEOUT)
        except subprocess.TimeoutExpired as e:
            return (e.stdout or b"").decode(errors="replace") + f"\n({self.name}: no end)"
        out = p.stdout.decode(errors="replace")
        if p.returncode:
            error = p.stderr.decode(errors="replace")[-500:]
            out += f"\n({self.name}: exit {p.returncode}: {error})"
        return out


def engines(build):
    """The JIT, the interpreter, the JIT without optimiser, the JIT forgetting things at random."""
    path = os.path.join(os.path.abspath(build), "sosia-system-riscv64")
    if not os.access(path, os.X_OK):
        sys.exit(f"{path} is missing: build it first")
    return [Machine(name, [path, "-accel", accel, "-cpu", "rv64"]) for name, accel in (
        ("tcg", "tcg,x-verify-ir=on"), ("interp", "interp"),
        ("tcg-plain", "tcg,x-no-optimize=on,x-verify-ir=on"),
        ("tcg-chaos", "tcg,x-tiny-tlb=on,x-random-flush=20,x-random-evict=20"))]


def reference():
    """Debian's QEMU 7.2 or newer; None if it isn't installed."""
    path = shutil.which("qemu-system-riscv64")
    if not path:
        return None
    return Machine("reference", [path, "-accel", "tcg", "-cpu",
                                 "rv64,h=off,v=off,Zfhmin=on,svinval=on"],
                   ["zfa", "zacas", "zicond", "zawrs", "zicbom", "zicboz", "zicbop"])
