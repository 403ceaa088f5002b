#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A64 floating point and AdvSIMD: our engines against qemu-aarch64, instruction by instruction.

    arm_fp.py --build DIR [--rounds N] [--seed S] [--row NAME] [--broken]

Prints TAP: one result per kind of instruction and engine. Every row of simd.isa is executed --rounds
times alone and as often in sequences, with all of FPCR's modes, and the whole state is compared,
FPSR included. A difference is printed with what makes it again.
"""
import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import arm_cases as ac                                                  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
BATCH = 4000
ENGINES = {
    "interp": ["interp"],
    "jit": ["tcg", "x-verify-ir=on"],
    "jit, not optimised": ["tcg", "x-no-optimize=on", "x-verify-ir=on"],
}
GROUPS = {"V": "data processing", "MEM": "loads and stores", "VEC": "structures"}


def build_oracle(folder):
    """The program that qemu-aarch64 runs; None without a compiler or an emulator for it."""
    cc, emulator = shutil.which("aarch64-linux-gnu-gcc"), shutil.which("qemu-aarch64") or \
        shutil.which("qemu-aarch64-static")
    if not cc or not emulator:
        return None
    path = os.path.join(folder, "oracle")
    subprocess.run([cc, "-nostdlib", "-static", "-Wl,-Ttext=0x30100000,--build-id=none,"
                    "--defsym=code=0x30000000", "-o", path, os.path.join(HERE, "arm_oracle.S")],
                   check=True)
    return [emulator, "-cpu", "max", path]


def execute(argv, records):
    p = subprocess.run(argv, input=b"".join(records), stdout=subprocess.PIPE, check=False)
    size = ac.RECORD.size
    out = [p.stdout[i:i + size] for i in range(0, len(p.stdout) - size + 1, size)]
    if len(out) != len(records):
        raise RuntimeError(f"{argv[0]} gave {len(out)} records for {len(records)} "
                           f"(exit status {p.returncode})")
    return out


def differences(a, b):
    """Lines for the fields in which two states differ."""
    sa, sb = ac.state(a), ac.state(b)
    lines = []
    for name, v in sa.items():
        w = sb[name]
        if v == w:
            continue
        if name == "memory":
            at = [i for i in range(len(v)) if v[i] != w[i]]
            lines.append(f"memory differs at {at[:16]}")
        else:
            lines.append(f"{name}: oracle {v:#x}, ours {w:#x}")
    return lines


def describe(case, record, count):
    lines = []
    for i, w in enumerate(case.words[:count]):
        row = ac.ISA.decode(w, 32)
        ops = " ".join(f"{n}={v}" for n, v in row.operands(w).items())
        lines.append(f"{i}: {w:08x} {row.name} {ops}")
        if i == count - 1:
            for n in ("rn", "rm", "ra", "rd"):
                if n in row.operands(w) and row.fmt.cls == "V":
                    r = row.operands(w)[n] & 31
                    lines.append(f"   v{r} = {case.v[2 * r + 1]:016x}_{case.v[2 * r]:016x}")
    lines.append(f"   fpcr {case.fpcr:#x} fpsr {case.fpsr:#x}")
    return lines


class Suite:
    def __init__(self, args, folder):
        self.oracle = build_oracle(folder)
        self.runner = os.path.join(os.path.abspath(args.build), "tests/differential/arm_runner")
        self.args = args

    def ours(self, engine, records):
        return execute([self.runner, *ENGINES[engine]], records)

    def shortest(self, case, engine):
        """How many instructions of the case it takes to differ."""
        for n in range(1, len(case.words) + 1):
            record = [case.pack(n)]
            want, got = execute(self.oracle, record)[0], self.ours(engine, record)[0]
            lines = differences(want, got)
            if lines:
                return n, lines
        return len(case.words), ["differs only together with the cases before it"]

    def check(self, cases, engines):
        """By engine: texts about cases that differ, at most one per row."""
        found = {e: {} for e in engines}
        for at in range(0, len(cases), BATCH):
            batch = cases[at:at + BATCH]
            records = [c.pack() for c in batch]
            want = execute(self.oracle, records)
            if self.args.broken:
                want[0] = want[0][:320] + bytes([want[0][320] ^ 1]) + want[0][321:]
            for e in engines:
                for case, a, b in zip(batch, want, self.ours(e, records)):
                    if a != b and len(found[e]) < self.args.reports:
                        lines = differences(a, b)
                        if not lines:
                            continue
                        n, lines = self.shortest(case, e)
                        name = ac.ISA.decode(case.words[n - 1], 32).name
                        found[e].setdefault(name, describe(case, None, n) + lines[:8])
        return found


def single_cases(rng, rows, rounds):
    cases = []
    for row in rows:
        for _ in range(rounds):
            w = ac.word(rng, row)
            cases.append(ac.Case([w], rng, ac.kind_of(row, w)))
    return cases


def sequences(rng, rows, count):
    cases = []
    rows = [r for r in rows if r.name != ac.WRONG_IF_NEGATIVE]
    for _ in range(count):
        chosen = [rng.choice(rows) for _ in range(rng.randrange(2, ac.MAX_INSNS + 1))]
        words = [ac.word(rng, row, i, 6) for i, row in enumerate(chosen)]
        cases.append(ac.Case(words, rng, rng.choice((None, 0, 2, 4, 4, 8, 8))))
    return cases


def main():
    p = argparse.ArgumentParser(description="A64 FP and AdvSIMD against qemu-aarch64")
    p.add_argument("--build", required=True)
    p.add_argument("--rounds", type=int, default=6)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--row", help="only rows whose names start so")
    p.add_argument("--engine", action="append", choices=ENGINES)
    p.add_argument("--reports", type=int, default=10)
    p.add_argument("--broken", action="store_true", help="one answer is wrong: must fail")
    args = p.parse_args()
    engines = args.engine or (["interp"] if args.broken else list(ENGINES))
    rng = random.Random(args.seed)
    rows = [r for r in ac.ISA.rows if not args.row or r.name.startswith(args.row)]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        suite = Suite(args, folder)
        if not suite.oracle:
            print("1..1\nok 1 - A64 floating point # SKIP no qemu-aarch64 or no compiler for it")
            return 0
        sets = [(text, single_cases(rng, [r for r in rows if r.fmt.cls == cls], args.rounds))
                for cls, text in GROUPS.items()]
        sets.append(("sequences", sequences(rng, rows, args.rounds * len(rows) // 4)))
        if args.broken:
            sets = sets[-1:]
        for text, cases in sets:
            for engine, texts in suite.check(cases, engines).items():
                results.append((f"{text}, {engine} ({len(cases)} cases)", texts))
    print(f"1..{len(results)}")
    failed = False
    for i, (name, texts) in enumerate(results, 1):
        for row, lines in texts.items():
            failed = True
            print(f"# {row}: seed {args.seed}, --rounds {args.rounds}")
            print("\n".join("#   " + line for line in lines))
        print(f"{'not ok' if texts else 'ok'} {i} - {name}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
