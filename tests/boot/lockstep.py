#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots a guest twice in deterministic time and compares the vCPUs' state all along.

    lockstep.py --sosia PROGRAM [--every N] [--a 'OPTIONS'] [--b 'OPTIONS'] -- GUEST OPTIONS...

By default once with the JIT and once with the interpreter. Ends with 1 at the first difference and
says between which instruction counts it is; run again with a smaller --every to come closer.
"""
import argparse
import itertools
import os
import signal
import subprocess
import sys
import tempfile

FIXED = ["-seed", "7", "-rtc", "base=2024-01-01,clock=vm", "-display", "none", "-monitor", "none",
         "-serial", "null", "-no-reboot", "-d", "hash"]


def compare(sosia, guest, a=(), b=("-accel", "interp"), every=1 << 16, timeout=300):
    """The number of equal hashes, and a text about the first difference or None."""
    with tempfile.TemporaryDirectory(prefix="sosia-lockstep-") as tmp:
        runs = []
        for name, options in (("a", a), ("b", b)):
            fifo = os.path.join(tmp, name)
            os.mkfifo(fifo)
            runs.append(subprocess.Popen(
                ["timeout", str(timeout), sosia, *guest, *FIXED, "-icount",
                 f"shift=1,sleep=off,x-hash={every}", "-D", fifo, *options],
                stdin=subprocess.DEVNULL, start_new_session=True))
        try:
            with open(os.path.join(tmp, "a")) as fa, open(os.path.join(tmp, "b")) as fb:
                n = 0
                for la, lb in itertools.zip_longest(fa, fb):
                    if la != lb:
                        return n, f"a: {str(la).strip()}\nb: {str(lb).strip()}"
                    n += 1
            ends = [run.wait() for run in runs]
            return n, None if ends == [0, 0] else f"ended with {ends}"
        finally:
            for run in runs:
                if run.poll() is None:
                    os.killpg(run.pid, signal.SIGKILL)
                    run.wait()


def main():
    ap = argparse.ArgumentParser(usage=__doc__)
    ap.add_argument("--sosia", required=True)
    ap.add_argument("--every", type=int, default=1 << 16)
    ap.add_argument("--a", default="")
    ap.add_argument("--b", default="-accel interp")
    ap.add_argument("guest", nargs="+")
    args = ap.parse_args()
    n, difference = compare(args.sosia, args.guest, args.a.split(), args.b.split(), args.every)
    print(f"{n} equal hashes")
    if difference:
        print(difference)
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
