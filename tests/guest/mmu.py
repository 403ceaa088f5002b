#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A64 translation on random tables: AT, and accesses at all levels, here and on the reference.

    mmu.py --build DIR [--configs N] [--seed S] [--cpu NAME] [--broken] [-v]

The programs in mmu/ print each answer; all engines must print what the reference prints, but for
what it is known to get wrong (see the rules in normal_*).
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from timelimits import LIMIT                                            # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
CC = "aarch64-linux-gnu-gcc"
CPUS = ["cortex-a57", "neoverse-n1", "max"]
FLAGS = ("-nostdlib -static -no-pie -ffreestanding -O1 -mgeneral-regs-only -mstrict-align "
         "-march=armv8-a -Wl,--build-id=none -Wl,--no-warn-rwx-segments").split()
# Accesses in the order of mmu/mmu_access.c
LDADD, CIVAC, ZVA = 5, 7, 8
# in that of mmu/levels.c
BR, AT_R, AT_W = 6, 8, 9


def build(program, configs, seed, tmp):
    out = os.path.join(tmp, program + ".elf")
    folder = os.path.join(HERE, "mmu")
    common = program.split("_")[0]
    p = subprocess.run([CC, *FLAGS, "-T", common + ".ld", f"-DCONFIGS={configs}", f"-DSEED={seed}",
                        "-o", out, common + "_start.S", program + ".c"], cwd=folder,
                       capture_output=True, text=True)
    return (None, p.stderr) if p.returncode else (out, None)


def run(argv, machine, kernel):
    argv = [*argv, "-M", machine, "-m", "512", "-display", "none", "-monitor",
            "none", "-serial", "stdio", "-kernel", kernel]
    try:
        p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, timeout=LIMIT)
    except subprocess.TimeoutExpired as e:
        return (e.stdout or b"").decode(errors="replace") + "\nno end\n"
    return p.stdout.decode(errors="replace") + p.stderr.decode(errors="replace")


def normal_par(par, refined=True):
    """PAR_EL1 of an AT that found something."""
    attr = par >> 56
    if par and not par & 1:
        if not attr & 0xf0 or attr in (0x44, 0x40):
            par |= 0x180 # Device and non-cacheable are outer shareable
        if refined and not attr & 0xf0:
            par &= ~(0xc << 56) # its type, where stage 1 is non-cacheable
    return f"{par:x}"


def normal_walk(line):
    """One line of mmu.c without what the reference has wrong."""
    f = line.split()
    if f and f[0] == "trap":
        # Stage 2 faults of a walk have stage 1's level there, and not always the S1PTW bit.
        f[1] = f"{int(f[1], 16) & ~0x83:x}"
    elif len(f) == 4 and f[0] != "config":
        par = int(f[3], 16)
        f[3] = "s1ptw" if par & 0x301 == 0x301 else normal_par(par)
    return " ".join(f)


def normal_access(line):
    """One line of mmu_access.c: config, which, va, ESR, FAR, HPFAR, HVC."""
    f = line.split()
    if len(f) != 7 or f[0] != "config":
        return line
    op = int(f[1], 16) >> 4 & 0xff
    esr = int(f[3], 16)
    if op == CIVAC:
        return "dc civac" # does not fault there
    if op == ZVA and (esr & 0x3f in (0x21, 0x10) or esr >> 26 == 0x15 or esr >> 26 == 0x16):
        return "dc zva" # Device memory makes no alignment fault there
    if op == LDADD and esr >> 26 in (0x24, 0x25):
        return "ldadd aborts" # WnR, and which of two faults: it reads first there
    if esr & 0x80 and esr >> 26 in (0x20, 0x24):
        esr &= ~3 # the level of a stage 2 fault of a walk
    f[3] = f"{esr:x}"
    return " ".join(f)


def normal_levels(line):
    """One line of levels.c: AT, or an access: config, which, va, ESR, FAR or PAR, HPFAR, level."""
    f = line.split()
    if len(f) == 4 and f[0] != "config":
        f[3] = normal_par(int(f[3], 16), refined=False)
    elif len(f) == 7 and f[0] == "config" and int(f[6], 16) <= 3:
        op = int(f[1], 16) >> 4 & 0xff
        esr = int(f[3], 16)
        if esr >> 26 in (0x24, 0x25) and f[6] == "2":
            esr &= ~0x1ffc000 # ISV and more, which only stage 2 aborts have
        if op == BR and esr in (0x5a000002, 0x02000000):
            return "hvc" # from EL3 it goes to EL2 there, and is defined in secure EL1
        if op in (AT_R, AT_W) and esr >> 26 == 0x15:
            f[4] = normal_par(int(f[4], 16), refined=False)
        f[3] = f"{esr:x}"
    return " ".join(f)


def difference(want, got, normal):
    a = [normal(x) for x in want.splitlines()]
    b = [normal(x) for x in got.splitlines()]
    if a == b and a[-1:] == ["done"]:
        return None
    lines, config = [], ""
    for i in range(max(len(a), len(b))):
        x, y = (a[i] if i < len(a) else "-"), (b[i] if i < len(b) else "-")
        if x == y:
            config = x if x.startswith("config") and len(x.split()) > 5 else config
            continue
        lines.append(f"line {i + 1} under {config}: reference {x}, here {y}")
        if len(lines) == 8:
            break
    return "\n".join(lines) or "no end: " + (b[-1] if b else "nothing")


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True)
    p.add_argument("--configs", type=int, default=8)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--cpu", action="append")
    p.add_argument("--broken", action="store_true", help="spoil an answer: the test must fail")
    args = p.parse_args()
    ours = os.path.join(os.path.abspath(args.build), "sosia-system-aarch64")
    reference = shutil.which("qemu-system-aarch64")
    if not shutil.which(CC) or not reference:
        print(f"1..1\nok 1 - A64 translation # SKIP needs {CC} and qemu-system-aarch64")
        return 0
    n = failed = 0
    with tempfile.TemporaryDirectory(prefix="sosia-mmu-") as tmp:
        for program, normal, machine in (
                ("mmu", normal_walk, "virt,virtualization=on"),
                ("mmu_access", normal_access, "virt,virtualization=on"),
                ("levels", normal_levels, "virt,virtualization=on,secure=on")):
            kernel, error = build(program, args.configs, args.seed, tmp)
            if error:
                sys.exit(error)
            for cpu in args.cpu or CPUS:
                want = run([reference, "-accel", "tcg", "-cpu", cpu], machine, kernel)
                for accel in ("tcg", "interp"):
                    got = run([ours, "-accel", accel, "-cpu", cpu], machine, kernel)
                    if args.broken:
                        got = got.replace("80", "81")
                    why = difference(want, got, normal)
                    n += 1
                    failed += why is not None
                    print(f"{'not ok' if why else 'ok'} {n} - {program} on {cpu}, {accel}",
                          flush=True)
                    for line in (why or "").splitlines():
                        print(f"# {line}")
    print(f"1..{n}")
    return 1 if failed or not n else 0


if __name__ == "__main__":
    sys.exit(main())
