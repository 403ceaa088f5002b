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
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RESULT = re.compile(r"^(ok|not ok)\b\s*\d*\s*-?\s*(.*?)(\s*#\s*(SKIP|TODO)\b.*)?$", re.I | re.M)
PLAN = re.compile(r"^1\.\.(\d+)", re.M)
# Of glib's random numbers: a run can be repeated. A program by itself takes a new one each time.
SEED = "R02S" + "".join(f"{n:08x}" for n in range(1, 5))
# Seconds until a program counts as hung: far beyond what a busy machine needs.
HUNG = 1800
# Tools answer in English, files are UTF-8.
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", "TERM": "dumb"}
# The programs of each tier that is not C: tests/TIER/NAME.py.
SCRIPTS = {
    "guest": ["run", "sysreg", "suite", "loaders", "bootorder", "virtqueue", "commands", "disas",
              "dump", "mmu"],
    "differential": ["run", "arm_fp", "gic"],
    "fault": ["run", "fuzz"],
    "gdb": ["run"],
    "boot": ["run"],
}


def around(out, results, n):
    """What a program said of a test: before its result (glib) or after it (ours)."""
    start = results[n - 1].end() if n else 0
    end = results[n + 1].start() if n + 1 < len(results) else len(out)
    return out[max(start, results[n].start() - 1500):min(end, results[n].end() + 1500)].strip()


class Program:
    """One test program of a tier. It runs in a process group of its own, with all that it starts."""

    running = set()

    def __init__(self, name, argv, broken=False):
        self.name, self.argv, self.broken = name, argv, broken

    @classmethod
    def end_all(cls):
        for p in list(cls.running):
            os.killpg(p.pid, signal.SIGKILL)

    def output(self):
        """What it writes, and its status."""
        with subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=ENVIRONMENT, process_group=0) as p:
            self.running.add(p)
            try:
                out, _ = p.communicate(timeout=HUNG)
                status = p.returncode
            except subprocess.TimeoutExpired:
                os.killpg(p.pid, signal.SIGKILL)
                out, _ = p.communicate()
                status = "hung"
            finally:
                self.running.discard(p)
        return out.decode(errors="replace"), status

    def run(self):
        """Returns (passed names, failed (name, why) pairs, skipped names, seconds)."""
        start = time.monotonic()
        out, status = self.output()
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
        if status == "hung":
            failed.append((self.name, f"no end within {HUNG} s\n{out[-2000:]}"))
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
                yield Program(f"{tier}/{os.path.basename(path)}", [path, "--tap", "--seed", SEED],
                              broken)

    def script(tier, name, broken):
        path = os.path.join(HERE, tier, f"{name}.py")
        called = tier if name == "run" else f"{tier}/{name}"
        argv = [sys.executable, path, "--build", build, *(["--broken"] if broken else [])]
        return Program(f"{called}{' (broken case)' if broken else ''}", argv, broken)

    lint = os.path.join(os.path.dirname(HERE), "scripts", "lint")
    clang = [sys.executable, f"{lint}-clang", "--build", build]
    yield "lint", [Program("lint", [sys.executable, lint]), Program("lint clang", clang),
                   Program("lint clang (broken case)", [*clang, "--broken"], True)]
    yield "unit", list(built("unit"))
    yield "device", list(built("device"))
    for tier, names in SCRIPTS.items():
        yield tier, [script(tier, name, broken) for name in names for broken in (False, True)]


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
            try:
                results = list(pool.map(lambda p: (p, p.run()), programs))
            except KeyboardInterrupt:
                pool.shutdown(wait=False, cancel_futures=True)
                Program.end_all()
                raise
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
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("run.py: interrupted")
