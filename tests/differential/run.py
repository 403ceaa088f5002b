#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Differential tests: the same random programs on the JIT, the interpreter and the reference.

    run.py --build DIR [--guest NAME] [--seeds N] [--first-seed S] [--size N] [--engine-only]
           [--broken]

Prints TAP. A program that differs is made as small as it can be and printed; its seed and --size
make it again. Programs for --engine-only also have what the reference doesn't know.
"""
import argparse
import os
import random
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import machines                                                         # noqa: E402
import arm_program                                                      # noqa: E402
import riscv_encodings                                                  # noqa: E402
import riscv_program                                                    # noqa: E402

SHRINK_RUNS = 150


class Guest:
    """What programs are for: a processor model, here and of the reference."""

    def __init__(self, name, arch, module, cpu, reference_cpu, lacks, reference_lacks):
        self.name, self.arch, self.module = name, arch, module
        self.cpu, self.reference_cpu = cpu, reference_cpu
        self.have = {e for row in module.ISA.rows for alt in row.ext_sets() for e in alt} - lacks
        self.reference_lacks = reference_lacks


A72_LACKS = {e for row in arm_program.ISA.rows for alt in row.ext_sets() for e in alt} - {
    "i", "crc32"}
GUESTS = [
    Guest("riscv", "riscv64", riscv_program, "rv64", "rv64,h=off,v=off,Zfhmin=on,svinval=on",
          set(), {"zfa", "zacas", "zicond", "zawrs", "zicbom", "zicboz", "zicbop"}),
    Guest("cortex-a72", "aarch64", arm_program, "cortex-a72", "cortex-a72", A72_LACKS, set()),
    Guest("max", "aarch64", arm_program, "max", "max", {"wfxt"}, set()),
]


class Comparison:
    def __init__(self, guest, seed, machine_list, have, tmp):
        self.guest, self.seed, self.machines, self.have = guest, seed, machine_list, have
        self.module = guest.module
        self.mode = self.module.MODES[seed % len(self.module.MODES)]
        self.kernel = os.path.join(tmp, "program.elf")
        self.runs = 0

    def states(self, items):
        with open(self.kernel, "wb") as f:
            f.write(machines.elf(self.guest.arch, self.module.program(
                random.Random(self.seed), items, self.mode, self.have), self.module.BASE))
        self.runs += 1
        return [self.module.describe(m.run(self.kernel)) for m in self.machines]

    def differs(self, items):
        """Lines that tell the machines apart; none if they agree."""
        states = self.states(items)
        names = [m.name for m in self.machines]
        first, lines = states[0], []
        for name, state in zip(names[1:], states[1:]):
            for key in {**first, **state}:
                a, b = first.get(key, "-"), state.get(key, "-")
                if a != b:
                    lines.append(f"{key}: {names[0]} {a}, {name} {b}")
        return lines

    def shrink(self, items):
        """Fewer items that still differ, by leaving out ever smaller runs of them."""
        step = len(items) // 2
        while step:
            at = 0
            while at < len(items) and self.runs < SHRINK_RUNS:
                fewer = items[:at] + items[at + step:]
                if self.differs(fewer):
                    items = fewer
                else:
                    at += step
            step //= 2
        return items


def run_seed(guest, seed, size, machine_list, tmp):
    """None, or what differs as text."""
    careful = any(m.name == "reference" for m in machine_list)
    have = guest.have - guest.reference_lacks if careful else guest.have
    items = guest.module.random_items(random.Random(seed), have, size, careful)
    comparison = Comparison(guest, seed, machine_list, have, tmp)
    if not comparison.differs(items):
        return None
    items = comparison.shrink(items)
    lines = comparison.differs(items)
    text = [f"seed {seed} in {comparison.mode.upper()} mode, shrunk to:"]
    text += [f"    {w}" for item in items for w in item.flat()]
    return "\n".join(text + lines[:20])


class Liar(machines.Machine):
    """A machine that is wrong about one register: the tests must see it."""

    def run(self, kernel, extra=()):
        out = super().run(kernel, extra)
        return out[:200] + ("0" if out[200:201] != "0" else "1") + out[201:]


class Tap:
    def __init__(self):
        self.n = self.failed = 0

    def result(self, name, why):
        self.n += 1
        self.failed += why is not None
        print(f"{'not ok' if why else 'ok'} {self.n} - {name}", flush=True)
        for line in (why or "").splitlines():
            print(f"# {line}", flush=True)

    def skip(self, name, why):
        self.n += 1
        print(f"ok {self.n} - {name} # SKIP {why}", flush=True)


def compare(tap, guest, args, tmp):
    engines = machines.engines(args.build, guest.arch, guest.cpu)
    reference = machines.reference(guest.arch, guest.reference_cpu, guest.reference_lacks)
    if args.broken:
        liar = Liar("liar", engines[0].argv)
        tap.result(f"{guest.name}: an engine that lies",
                   run_seed(guest, 1, 20, [engines[1], liar], tmp))
        return
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        if reference and not args.engine_only:
            tap.result(f"{guest.name} seed {seed} against the reference",
                       run_seed(guest, seed, args.size, [reference, *engines], tmp))
        tap.result(f"{guest.name} seed {seed} on both engines",
                   run_seed(guest, seed, args.size, engines, tmp))


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True)
    p.add_argument("--guest", choices=[g.name for g in GUESTS], help="only this one")
    p.add_argument("--seeds", type=int, default=5)
    p.add_argument("--first-seed", type=int, default=1)
    p.add_argument("--size", type=int, default=600)
    p.add_argument("--engine-only", action="store_true")
    p.add_argument("--broken", action="store_true")
    args = p.parse_args()
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="sosia-diff-") as tmp:
        if not args.broken and args.guest in (None, "riscv"):
            if riscv_encodings.available():
                tap.result("encodings", "\n".join(riscv_encodings.check()[:20]) or None)
            else:
                tap.skip("encodings", "needs riscv64-linux-gnu-as and -objdump")
        for guest in GUESTS:
            if args.guest in (None, guest.name):
                compare(tap, guest, args, tmp)
    print(f"1..{tap.n}")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
