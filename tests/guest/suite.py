#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The arm64 board as a bare program sees it: timers, PMU, GIC, PSCI, PCI; also on the reference.

    suite.py --build DIR [--broken] [-v]

The checks are in suite/*.c. A chardev "testdev" behind the second UART ends the program here.
"""
import argparse
import glob
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from timelimits import LIMIT                                            # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
CC = "aarch64-linux-gnu-gcc"
FLAGS = ("-nostdlib -static -no-pie -ffreestanding -O1 -mgeneral-regs-only -mstrict-align "
         "-march=armv8-a -Wall -Wextra -Werror -Wl,--build-id=none "
         "-Wl,--no-warn-rwx-segments").split()
TESTDEV = ["-chardev", "testdev,id=t", "-serial", "chardev:t"]
# What the reference is known to get wrong: GICD_TYPER of GICv3 lacks the private interrupts, and an
# overflow of the cycle counter is noticed late.
EXCUSED = ("BAD gic: 288 interrupts", "BAD pmu: 64-bit overflow")


def build(gic, tmp):
    out = os.path.join(tmp, f"suite{gic}.elf")
    folder = os.path.join(HERE, "suite")
    sources = sorted(glob.glob(os.path.join(folder, "*.[cS]")))
    subprocess.run([CC, *FLAGS, "-T", os.path.join(folder, "suite.ld"), f"-DGIC={gic}", "-o", out,
                    *sources], check=True)
    return out


def run(argv, gic, kernel, more):
    argv = [*argv, "-nodefaults", "-M", f"virt,gic-version={gic}", "-smp", "2", "-display", "none",
            "-device", "pci-testdev", "-kernel", kernel, "-serial", "stdio", *more]
    try:
        p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, timeout=LIMIT)
    except subprocess.TimeoutExpired as e:
        return (e.stdout or b"").decode(errors="replace") + "\n(no end)", None
    return p.stdout.decode(errors="replace") + p.stderr.decode(errors="replace"), p.returncode


def wrong(out, status, wanted, excused):
    bad = [x for x in out.split("\n") if x.strip() and x != "done" and not x.startswith("ok ") and
           not x.startswith(excused)]
    if "done" not in out.split("\n"):
        bad.append("no end")
    if status != wanted:
        bad.append(f"status {status}, not {wanted}")
    return bad


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True)
    p.add_argument("--broken", action="store_true", help="spoil an answer: the test must fail")
    p.add_argument("-v", action="store_true")
    args = p.parse_args()
    if not shutil.which(CC):
        print(f"1..1\nok 1 - the board's checks # SKIP needs {CC}")
        return 0
    ours = os.path.join(os.path.abspath(args.build), "sosia-system-aarch64")
    reference = shutil.which("qemu-system-aarch64")
    everyone = [("tcg, cortex-a57", [ours, "-accel", "tcg", "-cpu", "cortex-a57"], TESTDEV, 7),
                ("interp, max", [ours, "-accel", "interp", "-cpu", "max"], TESTDEV, 7)]
    if reference:
        argv = [reference, "-accel", "tcg", "-cpu", "cortex-a57"]
        everyone.append(("the reference", argv, [], 0))
    n = failed = 0
    with tempfile.TemporaryDirectory(prefix="sosia-suite-") as tmp:
        for gic in (2, 3):
            kernel = build(gic, tmp)
            for name, argv, more, status in everyone:
                out, got = run(argv, gic, kernel, more)
                if args.v:
                    print(out)
                if args.broken:
                    out = out.replace("ok gic", "BAD gic")
                bad = wrong(out, got, status, EXCUSED if argv[0] == reference else ("-",))
                n += 1
                failed += bool(bad)
                print(f"{'not ok' if bad else 'ok'} {n} - the board's checks, GICv{gic}, {name}",
                      flush=True)
                for line in bad[:12]:
                    print(f"# {line}")
    print(f"1..{n}")
    return 1 if failed or not n else 0


if __name__ == "__main__":
    sys.exit(main())
