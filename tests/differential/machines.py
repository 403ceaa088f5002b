# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs bare-metal programs on Sosia's engines and on the reference, and gives their output.

Programs are for `virt`, write to its serial port and power off.
"""
import os
import shutil
import struct
import subprocess
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from timelimits import LIMIT                                            # noqa: E402

ELF_MACHINE = {"riscv64": 243, "aarch64": 183}


def elf(arch, code, base):
    """A static ELF file with one segment, entered at its start."""
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01" + bytes(9), 2,
                         ELF_MACHINE[arch], 1, base, 64, 0, 5, 64, 56, 1, 64, 0, 0)
    size = len(code)
    segment = struct.pack("<IIQQQQQQ", 1, 7, 4096, base, base, size, size, 4096)
    return (header + segment).ljust(4096, b"\0") + code


class Machine:
    """name, and what it can't do: extensions left out of programs for it."""

    def __init__(self, name, argv, lacks=()):
        self.name, self.argv, self.lacks = name, argv, set(lacks)

    def run(self, kernel, extra=()):
        """Output of the program as text; a machine that hangs or dies gives a line that says so."""
        argv = [*self.argv, "-M", "virt", "-m", "64", "-display", "none", "-monitor", "none",
                "-serial", "stdio", "-kernel", kernel, *extra]
        try:
            p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, timeout=LIMIT)
        except subprocess.TimeoutExpired as e:
            return (e.stdout or b"").decode(errors="replace") + f"\n({self.name}: no end)"
        out = p.stdout.decode(errors="replace")
        if p.returncode:
            error = p.stderr.decode(errors="replace")[-500:]
            out += f"\n({self.name}: exit {p.returncode}: {error})"
        return out


def engines(build, arch, cpu):
    """The JIT, the interpreter, the JIT without optimiser, the JIT forgetting things at random."""
    path = os.path.join(os.path.abspath(build), "sosia-system-" + arch)
    if not os.access(path, os.X_OK):
        sys.exit(f"{path} is missing: build it first")
    bios = ["-bios", "none"] if arch == "riscv64" else []
    return [Machine(name, [path, "-accel", accel, "-cpu", cpu, *bios]) for name, accel in (
        ("tcg", "tcg,x-verify-ir=on"), ("interp", "interp"),
        ("tcg-plain", "tcg,x-no-optimize=on,x-verify-ir=on"),
        ("tcg-chaos", "tcg,x-pic=all,x-tiny-tlb=on,x-random-flush=20,x-random-evict=20"))]


def reference(arch, cpu, lacks):
    """Debian's QEMU 7.2 or newer; None if it isn't installed."""
    path = shutil.which("qemu-system-" + arch)
    bios = ["-bios", "none"] if arch == "riscv64" else []
    return path and Machine("reference", [path, "-accel", "tcg", "-cpu", cpu, *bios], lacks)
