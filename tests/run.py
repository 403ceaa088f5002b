#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the test tiers and counts.

    run.py --build DIR [--tier NAME[,NAME...]] [--jobs N] [-v]

Every test program prints TAP ("ok 1 - name", "not ok 2 - name"). A program that crashes, hangs or
prints fewer results than it planned counts as one more failure. For each tier a case that is
broken on purpose must go red; that it does is a test of its own.

The last line is "N passed, N failed"; exit status 0 if nothing failed and something passed.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RESULT = re.compile(r"^(ok|not ok)\b\s*\d*\s*-?\s*(.*?)(\s*#\s*(SKIP|TODO)\b.*)?$", re.I | re.M)
PLAN = re.compile(r"^1\.\.(\d+)", re.M)
# Of glib's random numbers: a run can be repeated. A program by itself takes a new one each time.
SEED = "R02S" + "".join(f"{n:08x}" for n in range(1, 5))


def around(out, results, n):
    """What a program said of a test: before its result (glib) or after it (ours)."""
    start = results[n - 1].end() if n else 0
    end = results[n + 1].start() if n + 1 < len(results) else len(out)
    return out[max(start, results[n].start() - 1500):min(end, results[n].end() + 1500)].strip()


class Program:
    """One test program of a tier."""

    def __init__(self, name, argv, timeout, broken=False):
        self.name, self.argv, self.timeout, self.broken = name, argv, timeout, broken

    def run(self):
        """Returns (passed names, failed (name, why) pairs, skipped names, seconds)."""
        start = time.monotonic()
        try:
            p = subprocess.run(self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, timeout=self.timeout)
            out, status = p.stdout.decode(errors="replace"), p.returncode
        except subprocess.TimeoutExpired as e:
            out, status = (e.stdout or b"").decode(errors="replace"), "timeout"
        passed, failed, skipped = [], [], []
        results = list(RESULT.finditer(out))
        for n, result in enumerate(results):
            verdict, name, _, directive = result.groups()
            if (directive or "").upper() == "SKIP":
                skipped.append(name)
            elif verdict == "ok":
                passed.append(name)
            else:
                failed.append((name, around(out, results, n)))
        planned = PLAN.search(out)
        seen = len(passed) + len(failed) + len(skipped)
        if status == "timeout":
            failed.append((self.name, f"no end within {self.timeout} s\n{out[-2000:]}"))
        elif status != 0 and not failed:
            failed.append((self.name, f"exit status {status}\n{out[-2000:]}"))
        elif planned and seen < int(planned.group(1)) and not failed:
            failed.append((self.name, f"planned {planned.group(1)} tests, ran {seen}"))
        elif not seen:
            failed.append((self.name, f"no results\n{out[-2000:]}"))
        if self.broken:
            passed, failed, skipped = self.must_be_red(passed, failed)
        return passed, failed, skipped, time.monotonic() - start

    def must_be_red(self, passed, failed):
        name = f"{self.name} goes red"
        return ([name], [], []) if failed else ([], [(name, f"passed: {passed}")], [])


def tiers(build):
    def built(tier):
        for path in sorted(glob.glob(os.path.join(build, "tests", tier, "test_*"))):
            if os.access(path, os.X_OK) and os.path.isfile(path):
                broken = os.path.basename(path) == "test_broken"
                yield Program(f"{tier}/{os.path.basename(path)}", [path, "--tap", "--seed", SEED], 120,
                              broken)

    def script(tier, timeout, *args, broken=False, name="run"):
        path = os.path.join(HERE, tier, f"{name}.py")
        called = tier if name == "run" else f"{tier}/{name}"
        if os.path.exists(path):
            yield Program(f"{called}{' (broken case)' if broken else ''}",
                          [sys.executable, path, "--build", build, *args], timeout, broken)

    lint = os.path.join(os.path.dirname(HERE), "scripts", "lint")
    clang = [sys.executable, f"{lint}-clang", "--build", build]
    yield "lint", [Program("lint", [sys.executable, lint], 60), Program("lint clang", clang, 900),
                   Program("lint clang (broken case)", [*clang, "--broken"], 60, True)]
    yield "unit", list(built("unit"))
    yield "device", list(built("device"))
    for name, timeout in (("guest", 600), ("differential", 600), ("fault", 600),
                          ("gdb", 300), ("boot", 1800)):
        programs = [*script(name, timeout), *script(name, 300, "--broken", broken=True)]
        if name == "guest":
            programs += [*script(name, 300, name="sysreg"),
                         *script(name, 300, "--broken", broken=True, name="sysreg")]
        if name == "fault":
            programs += [*script(name, 300, name="fuzz"),
                         *script(name, 300, "--broken", broken=True, name="fuzz")]
        if name == "differential":
            programs += [*script(name, 300, name="arm_fp"),
                         *script(name, 300, "--broken", broken=True, name="arm_fp"),
                         *script(name, 300, "--seeds", "3", name="gic"),
                         *script(name, 300, "--seeds", "1", "--broken", broken=True, name="gic")]
        if name == "guest":
            programs += [*script(name, 120, name="suite"),
                         *script(name, 120, "--broken", broken=True, name="suite"),
                         *script(name, 120, name="loaders"),
                         *script(name, 120, "--broken", broken=True, name="loaders"),
                         *script(name, 120, name="bootorder"),
                         *script(name, 120, "--broken", broken=True, name="bootorder"),
                         *script(name, 120, name="virtqueue"),
                         *script(name, 120, "--broken", broken=True, name="virtqueue"),
                         *script(name, 60, name="commands"),
                         *script(name, 60, "--broken", broken=True, name="commands"),
                         *script(name, 60, name="disas"),
                         *script(name, 60, "--broken", broken=True, name="disas"),
                         *script(name, 120, name="dump"),
                         *script(name, 120, "--broken", broken=True, name="dump"),
                         *script(name, 300, name="mmu"),
                         *script(name, 300, "--broken", broken=True, name="mmu")]
        yield name, programs


def main():
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--build", required=True)
    ap.add_argument("--tier")
    ap.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    ap.add_argument("-v", action="store_true", help="name every test")
    args = ap.parse_args()
    wanted = args.tier.split(",") if args.tier else None
    known = dict(tiers(os.path.abspath(args.build)))
    for name in wanted or []:
        if name not in known:
            sys.exit(f"run.py: there is no tier '{name}'; there are {', '.join(known)}")
    n_passed = n_failed = n_skipped = 0
    for tier, programs in known.items():
        if wanted and tier not in wanted:
            continue
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            results = list(pool.map(lambda p: (p, p.run()), programs))
        passed = failed = 0
        for program, (ok, bad, skipped, seconds) in results:
            passed += len(ok)
            failed += len(bad)
            n_skipped += len(skipped)
            for name in skipped:
                print(f"skipped  {program.name}: {name}")
            for name in ok if args.v else []:
                print(f"passed   {program.name}: {name}")
            for name, why in bad:
                print(f"FAILED   {program.name}: {name}")
                print("    " + why.replace("\n", "\n    "))
        print(f"-- {tier}: {passed} passed, {failed} failed, {time.monotonic() - start:.0f} s",
              flush=True)
        n_passed += passed
        n_failed += failed
    skipped = f", {n_skipped} skipped" if n_skipped else ""
    print(f"{n_passed} passed, {n_failed} failed{skipped}")
    return 1 if n_failed or not n_passed else 0


if __name__ == "__main__":
    sys.exit(main())
