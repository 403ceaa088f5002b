#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Differential tests: the same random programs on the JIT, the interpreter and the reference.

    run.py --build DIR [--seeds N] [--first-seed S] [--size N] [--engine-only] [--broken]

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
import riscv_encodings                                                  # noqa: E402
import riscv_program as rp                                              # noqa: E402

ALL = {e for row in rp.ISA.rows for alt in row.ext_sets() for e in alt}
SHRINK_RUNS = 150


class Comparison:
    def __init__(self, seed, machine_list, tmp):
        self.seed, self.machines = seed, machine_list
        self.mode = rp.MODES[seed % len(rp.MODES)]
        self.kernel = os.path.join(tmp, "program.elf")
        self.runs = 0

    def states(self, items):
        with open(self.kernel, "wb") as f:
            f.write(machines.elf(rp.program(random.Random(self.seed), items, self.mode)))
        self.runs += 1
        return [rp.describe(m.run(self.kernel)) for m in self.machines]

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


def run_seed(seed, size, machine_list, have, tmp):
    """None, or what differs as text."""
    careful = any(m.name == "reference" for m in machine_list)
    items = rp.random_items(random.Random(seed), have, size, careful)
    comparison = Comparison(seed, machine_list, tmp)
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


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True)
    p.add_argument("--seeds", type=int, default=12)
    p.add_argument("--first-seed", type=int, default=1)
    p.add_argument("--size", type=int, default=600)
    p.add_argument("--engine-only", action="store_true")
    p.add_argument("--broken", action="store_true")
    args = p.parse_args()
    engines = machines.engines(args.build)
    reference = machines.reference()
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="sosia-diff-") as tmp:
        if args.broken:
            liar = Liar("liar", engines[0].argv)
            tap.result("an engine that lies", run_seed(1, 20, [engines[1], liar], ALL, tmp))
            print(f"1..{tap.n}")
            return 1 if tap.failed else 0
        if riscv_encodings.available():
            tap.result("encodings", "\n".join(riscv_encodings.check()[:20]) or None)
        else:
            tap.skip("encodings", "needs riscv64-linux-gnu-as and -objdump")
        for seed in range(args.first_seed, args.first_seed + args.seeds):
            if reference and not args.engine_only:
                tap.result(f"riscv seed {seed} against the reference",
                           run_seed(seed, args.size, [reference, *engines], ALL - reference.lacks,
                                    tmp))
            tap.result(f"riscv seed {seed} on both engines",
                       run_seed(seed, args.size, engines, ALL, tmp))
    print(f"1..{tap.n}")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
