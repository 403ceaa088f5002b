#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest programs with expected state, on the JIT, the interpreter and the reference.

    run.py --build DIR [--guest riscv|aarch64] [--only NAME] [--broken] [-v]

A program prints "ok NAME" or "BAD NAME: got ... want ..." per check and "done" at its end. Lines
'# KEY: VALUE' (or '// KEY: VALUE') at the head of its source say how it is built and run:
    march:      for the assembler, beyond the default
    cpu:        more of -cpu for all machines; with a model's name: instead of the default
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


class Guest:
    def __init__(self, folder, arch, cc, flags, march, cpu, reference_cpu):
        self.folder, self.arch, self.cc, self.flags, self.march = folder, arch, cc, flags, march
        self.cpu, self.reference_cpu = cpu, reference_cpu


GUESTS = [
    Guest("riscv", "riscv64", "riscv64-linux-gnu-gcc", ["-mabi=lp64", "-mcmodel=medany"],
          "rv64imafdc_zicsr_zifencei_zihintpause_zba_zbb_zbc_zbs_zfhmin", "rv64",
          "rv64,h=off,v=off,Zfhmin=on,svinval=on"),
    Guest("aarch64", "aarch64", "aarch64-linux-gnu-gcc", [], "armv8-a", "cortex-a72",
          "cortex-a72"),
]


def head(path):
    keys = {}
    with open(path) as f:
        for line in f:
            m = re.match(r"(?:#|//) (\w+): (.*)", line)
            if m:
                keys[m[1]] = m[2]
            elif not line.startswith(("#", "//")):
                break
    return keys


def build(guest, path, keys, tmp):
    out = os.path.join(tmp, os.path.basename(path) + ".elf")
    folder = os.path.dirname(path)
    c = ["-O1", "-ffreestanding", "-fno-stack-protector"] if path.endswith(".c") else []
    p = subprocess.run([guest.cc, "-nostdlib", "-static", "-no-pie", *guest.flags, *c,
                    f"-march={keys.get('march', guest.march)}", "-I", folder,
                    "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments", "-T",
                    os.path.join(folder, "guest.ld"), "-o", out, path], cwd=folder,
                   capture_output=True, text=True)
    return (None, p.stderr) if p.returncode else (out, None)


def wrong(output, excused=()):
    """What is wrong with a program's output, or None."""
    bad = [line for line in output.splitlines()
           if not line.startswith("ok ") and line != "done" and line and
           not any(line.startswith(e) for e in excused)]
    if "done" not in output.splitlines():
        bad.append("no end; last: " + output[-200:])
    return "\n".join(bad) or None


class Tap:
    def __init__(self):
        self.n = self.failed = 0

    def result(self, name, why):
        self.n += 1
        self.failed += why is not None
        print(f"{'not ok' if why else 'ok'} {self.n} - {name}", flush=True)
        for line in (why or "").splitlines():
            print(f"# {line}")

    def skip(self, name, why):
        self.n += 1
        print(f"ok {self.n} - {name} # SKIP {why}", flush=True)


def with_cpu(m, cpu):
    at = m.argv.index("-cpu") + 1
    more = m.argv[at] + "," + cpu if "=" in cpu else cpu
    return machines.Machine(m.name, [*m.argv[:at], more, *m.argv[at + 1:]])


def run_program(tap, guest, path, keys, everyone, args, tmp):
    name = f"{guest.folder}/{os.path.basename(path)[:-2]}"
    kernel, error = build(guest, path, keys, tmp)
    if error:
        tap.result(f"{name} is assembled", error)
        return
    excuses = keys.get("reference", "")
    for m in everyone:
        if not m or m.name == "reference" and excuses.startswith("skip"):
            continue
        if "cpu" in keys:
            m = with_cpu(m, keys["cpu"])
        out = m.run(kernel, keys.get("args", "").split())
        if args.v:
            print(out)
        tap.result(f"{name} on {m.name}", wrong(out, [e for e in excuses.split("|") if e]
                                                if m.name == "reference" else ()))


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True)
    p.add_argument("--guest", choices=[g.folder for g in GUESTS], help="only these programs")
    p.add_argument("--only")
    p.add_argument("--broken", action="store_true")
    p.add_argument("-v", action="store_true", help="print what programs print")
    args = p.parse_args()
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="sosia-guest-") as tmp:
        for guest in GUESTS:
            if args.guest not in (None, guest.folder):
                continue
            if not shutil.which(guest.cc):
                tap.skip(f"{guest.folder} programs", f"needs {guest.cc}")
                continue
            everyone = [*machines.engines(args.build, guest.arch, guest.cpu),
                        machines.reference(guest.arch, guest.reference_cpu, ())]
            for path in sorted(glob.glob(os.path.join(HERE, guest.folder, "*.[Sc]"))):
                name = os.path.basename(path)[:-2]
                if args.only and name != args.only or (name == "broken") != args.broken:
                    continue
                run_program(tap, guest, path, head(path), everyone, args, tmp)
    print(f"1..{tap.n}")
    return 1 if tap.failed or not tap.n else 0


if __name__ == "__main__":
    sys.exit(main())
