#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Noise from seeds: what users, scripts and debuggers send, and files with something wrong.

    fuzz.py --build DIR [--kind NAME] [--seed N[-M]] [--count N] [--broken] [--long]

Kinds: those of KINDS below, and "guest", which is guests.py with a few short runs. Each run prints one
line of TAP. Without options it is the short form that the test tiers run; --long goes on with more
of everything. What must hold: the program ends neither by a signal nor with a sanitizer's or GLib's
complaint; a refused command line or file gives one line and status 1, and nothing was started; after
any noise on a socket the next well-formed request is answered.
"""
import argparse
import os
import random
import shutil
import sys
import tempfile

import fuzz_files
import fuzz_line
import fuzz_socket
import guests
from fuzz_program import Failure

# name: (function of (build, tmp, rng, count), count of the short form, of --long)
KINDS = {
    "command-line": (fuzz_line.command_line, 60, 2000),
    "files": (fuzz_files.files, 60, 2000),
    "hmp": (fuzz_socket.hmp, 400, 10000),
    "qmp": (fuzz_socket.qmp, 400, 10000),
    "gdb": (fuzz_socket.gdb, 300, 10000),
    "chardev": (fuzz_socket.chardev, 40, 1000),
    "leaks": (fuzz_socket.leaks, 30, 1000),
}
GUESTS = [("aarch64", "devices"), ("aarch64", "virtio"), ("aarch64", "system"), ("riscv64", "virtio")]


def guest(build, top, seed, seconds):
    """(name, why) of each of the short runs with hostile guests."""
    for arch, kind in GUESTS:
        if not shutil.which(guests.ARCHS[arch].cc):
            yield f"guest {arch} {kind} # SKIP needs {guests.ARCHS[arch].cc}", None
            continue
        elf = os.path.join(top, arch)
        setup = guests.compile_guest(guests.ARCHS[arch], elf)
        tmp = tempfile.mkdtemp(prefix="run-", dir=top)
        run = guests.Run(build, arch, kind, seed, tmp, (elf, setup))
        why, _ = run.run(seconds)
        shutil.rmtree(tmp)
        yield f"guest {arch} {kind}, seed {seed}", why and " ".join(run.argv) + "\n" + why


def main():
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--build", required=True)
    ap.add_argument("--kind", choices=[*KINDS, "guest"])
    ap.add_argument("--seed", default="1")
    ap.add_argument("--count", type=int)
    ap.add_argument("--long", action="store_true")
    ap.add_argument("--broken", action="store_true", help="a run that must fail")
    args = ap.parse_args()
    build = os.path.abspath(args.build)
    first, _, last = args.seed.partition("-")
    failures = number = 0

    def result(name, why):
        nonlocal failures, number
        number += 1
        if why:
            failures += 1
            print("# " + why[-12000:].replace("\n", "\n# "))
        print(f"{'not ok' if why else 'ok'} {number} - {name}", flush=True)

    for seed in range(int(first), int(last or first) + 1):
        for kind, (function, few, many) in KINDS.items():
            if args.kind not in (None, kind):
                continue
            rng = random.Random(f"{kind} {seed}")
            with tempfile.TemporaryDirectory(prefix="sosia-fuzz-") as tmp:
                why = None
                try:
                    if args.broken:
                        raise Failure("broken on purpose")
                    function(build, tmp, rng, args.count or (many if args.long else few))
                except (Failure, OSError) as e:
                    why = f"{e}"
            result(f"{kind}, seed {seed}", why)
            if args.broken:
                break
        if args.kind in (None, "guest") and not args.broken:
            with tempfile.TemporaryDirectory(prefix="sosia-fuzz-") as top:
                for name, why in guest(build, top, seed, 60 if args.long else 2):
                    result(name, why)
    print(f"1..{number}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
