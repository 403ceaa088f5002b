#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest programs with expected state, on the JIT, the interpreter and the reference.

    run.py --build DIR [--only NAME] [--broken] [-v]

A program prints "ok NAME" or "BAD NAME: got ... want ..." per check and "done" at its end. Lines
'# KEY: VALUE' at the head of its source say how it is built and run:
    march:      for the assembler, beyond the default
    cpu:        more of -cpu for all machines
    args:       more arguments for all machines
    reference:  beginnings of lines, separated by |, that the reference is known to get wrong, or
                "skip REASON"
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "differential"))
import machines                                                         # noqa: E402

MARCH = "rv64imafdc_zicsr_zifencei_zihintpause_zba_zbb_zbc_zbs_zfhmin"
CC = "riscv64-linux-gnu-gcc"


def head(path):
    keys = {}
    with open(path) as f:
        for line in f:
            m = re.match(r"# (\w+): (.*)", line)
            if m:
                keys[m[1]] = m[2]
            elif not line.startswith("#"):
                break
    return keys


def build(path, keys, tmp):
    out = os.path.join(tmp, os.path.basename(path) + ".elf")
    folder = os.path.dirname(path)
    p = subprocess.run([CC, "-nostdlib", "-static", "-no-pie", "-mabi=lp64", "-mcmodel=medany",
                    f"-march={keys.get('march', MARCH)}", "-I", folder, "-Wl,--build-id=none",
                    "-Wl,--no-warn-rwx-segments", "-T", os.path.join(folder, "guest.ld"), "-o",
                    out, path], cwd=folder, capture_output=True, text=True)
    return (None, p.stderr) if p.returncode else (out, None)


def wrong(output, excused=()):
    """What is wrong with a program's output, or None."""
    bad = [line for line in output.splitlines()
           if not line.startswith("ok ") and line != "done" and line and
           not any(line.startswith(e) for e in excused)]
    if "done" not in output.splitlines():
        bad.append("no end; last: " + output[-200:])
    return "\n".join(bad) or None


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True)
    p.add_argument("--only")
    p.add_argument("--broken", action="store_true")
    p.add_argument("-v", action="store_true", help="print what programs print")
    args = p.parse_args()
    sources = sorted(glob.glob(os.path.join(HERE, "riscv", "*.S")))
    everyone = [*machines.engines(args.build), machines.reference()]
    n = failed = 0

    def result(name, why):
        nonlocal n, failed
        n += 1
        failed += why is not None
        print(f"{'not ok' if why else 'ok'} {n} - {name}", flush=True)
        for line in (why or "").splitlines():
            print(f"# {line}")

    if not shutil.which(CC):
        print(f"1..1\nok 1 - guest programs # SKIP needs {CC}")
        return 0
    with tempfile.TemporaryDirectory(prefix="sosia-guest-") as tmp:
        for path in sources:
            name, keys = os.path.basename(path)[:-2], head(path)
            if args.only and name != args.only or (name == "broken") != args.broken:
                continue
            kernel, error = build(path, keys, tmp)
            if error:
                result(f"riscv/{name} is assembled", error)
                continue
            for m in everyone:
                excuses = keys.get("reference", "")
                if not m or m.name == "reference" and excuses.startswith("skip"):
                    continue
                more = keys.get("args", "").split()
                if "cpu" in keys:
                    at = m.argv.index("-cpu") + 1
                    m = machines.Machine(m.name, [*m.argv[:at], m.argv[at] + "," + keys["cpu"],
                                                  *m.argv[at + 1:]])
                out = m.run(kernel, more)
                if args.v:
                    print(out)
                result(f"riscv/{name} on {m.name}",
                       wrong(out, [e for e in excuses.split("|") if e]
                             if m.name == "reference" else ()))
    print(f"1..{n}")
    return 1 if failed or not n else 0


if __name__ == "__main__":
    sys.exit(main())
