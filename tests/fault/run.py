#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What users mistype and files get wrong: each ends with one line that says so and status 1. And
what hostile guests do: the program survives it (hostile.py).

    run.py --build DIR [--broken] [--seed N]
"""
import argparse
import os
import subprocess
import sys
import tempfile

import hostile
from timelimits import LIMIT
import migrate
import scripts
import snapshots


def cases(tmp):
    """(title, arguments, what the one line must contain)"""
    def file(name, data):
        path = os.path.join(tmp, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    missing = os.path.join(tmp, "missing")
    elf = b"\x7fELF\x02\x01\x01" + bytes(9)
    virt = ["-M", "virt", "-display", "none"]
    yield "unknown option", ["-kernl", "x"], "did you mean -kernel"
    yield "unknown machine", ["-M", "vurt"], "did you mean 'virt'"
    yield "unknown machine option", ["-M", "virt,aclit=on"], "aclit"
    yield "unknown CPU", [*virt, "-cpu", "rv65"], "rv65"
    yield "unknown CPU property", [*virt, "-cpu", "rv64,zbaa=on"], "zbaa"
    yield "unknown device", [*virt, "-device", "virtio-blk-devise"], "virtio-blk-device"
    yield "unknown device property", [*virt, "-device", "virtio-rng-device,max-byte=1"], "max-byte"
    yield "unknown accelerator", [*virt, "-accel", "tgc"], "tgc"
    yield "unknown log item", ["-d", "in_asn"], "in_asm"
    yield "missing argument", ["-kernel"], "needs an argument"
    yield "stray blank", ["-M", "virt", ""], "empty"
    yield "missing kernel", [*virt, "-kernel", missing], missing
    yield "folder for a kernel", [*virt, "-kernel", tmp], "directory"
    yield "empty kernel", [*virt, "-kernel", file("empty", b"")], "empty"
    yield "truncated ELF", [*virt, "-kernel", file("short.elf", elf)], "ELF"
    yield "ELF for another machine", [*virt, "-kernel", "/bin/true"], "architecture"
    yield "truncated gzip", [*virt, "-kernel", file("short.gz", b"\x1f\x8b\x08" + bytes(20))], "gzip"
    yield "kernel larger than RAM", [*virt, "-m", "4", "-kernel",
                                     file("large", bytes(8 << 20))], "-m"
    yield "missing firmware", [*virt, "-bios", missing], missing
    yield "missing drive", [*virt, "-drive", f"file={missing},format=raw"], missing
    yield "unknown drive parameter", [*virt, "-drive", "fiel=x"], "fiel"
    yield "qcow2 image", [*virt, "-drive", "format=qcow2,file=" +
                          file("q.qcow2", b"QFI\xfb" + bytes(1000))], "no qcow2 image"
    yield "vmdk image", [*virt, "-drive", "format=vmdk,file=" + file("q.vmdk", b"KDMV" + bytes(1000))], (
        "raw and qcow2")
    yield "append without kernel", [*virt, "-append", "x"], "-kernel"
    yield "too many CPUs", [*virt, "-smp", "100"], "100"
    yield "bad -smp", [*virt, "-smp", "cpus=0"], "-smp"
    yield "-smp that does not multiply out", [*virt, "-smp", "2,sockets=2,cores=2"], "number of CPUs"
    yield "-smp with dies", [*virt, "-smp", "4,dies=2"], "dies"
    yield "unknown -name parameter", [*virt, "-name", "guest=x,proces=y"], "process"
    yield "bad -boot", [*virt, "-boot", "order=cz"], "a to p"
    yield "bad -rtc driftfix", [*virt, "-rtc", "driftfix=some"], "driftfix"
    yield "port that is none", [*virt, "-gdb", "tcp::99999"], "65535"
    yield "help for an object that is not there", ["-object", "rng,help"], "rng"
    yield "help for an accelerator that is not there", ["-accel", "kmv,help"], "kmv"
    yield "bad -m", [*virt, "-m", "12Q"], "12Q"
    yield "unknown chardev", [*virt, "-serial", "sdtio"], "sdtio"
    yield "-serial chardev that is not there", [*virt, "-serial", "chardev:x"], "x"
    yield "-mon without its chardev", [*virt, "-mon", "chardev=m"], "m"
    yield "unknown device for gdb", [*virt, "-gdb", "tpc::1234"], "tcp:"
    yield "gdb on a chardev that is not there", [*virt, "-gdb", "chardev:x"], "-chardev"
    yield "network of another kind", [*virt, "-netdev", "carrier-pigeon,id=n"], "it has: "
    yield "forward that is none", [*virt, "-nic", "user,hostfwd=tcp:22"], "Bad"
    yield "folder that is not there", [*virt, "-virtfs", "local,path=/nowhere,mount_tag=t,"
                                       "security_model=none"], "/nowhere"
    yield "folder without a model", [*virt, "-virtfs", "local,path=/,mount_tag=t"], "security_model"
    yield "device without its drive", [*virt, "-device", "virtio-blk-device"], "drive"
    yield "device with a drive that is not there", [*virt, "-device",
                                                    "virtio-blk-device,drive=zz"], "zz"
    yield "bad icount", [*virt, "-icount", "shift=99"], "icount"


GUESTS = [("tcg", "devices"), ("tcg", "code"), ("tcg", "rewriting"), ("tcg", "privilege"),
          ("tcg", "wild"), ("interp", "all")]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", required=True)
    ap.add_argument("--broken", action="store_true", help="one case that must fail")
    ap.add_argument("--seed", type=int, default=1, help="of the hostile guests")
    args = ap.parse_args()
    sosia = os.path.join(os.path.abspath(args.build), "sosia-system-riscv64")
    with tempfile.TemporaryDirectory(prefix="sosia-fault-") as tmp:
        table = list(cases(tmp)) + list(scripts.refused(tmp))
        written = list(scripts.names(tmp))
        if args.broken:
            written = []
            table = [("broken", ["-kernl", "x"], "a text that no message has")]
        guests = [] if args.broken else GUESTS
        saves = [] if args.broken else snapshots.names()
        moves = [] if args.broken else migrate.names()
        print(f"1..{len(table) + len(guests) + len(saves) + len(moves) + len(written)}")
        failures = 0
        for number, (title, words, text) in enumerate(table, 1):
            try:
                p = subprocess.run([sosia, *words], stdin=subprocess.DEVNULL, capture_output=True,
                                   timeout=LIMIT)
                err = p.stderr.decode(errors="replace").strip()
                lines = [l for l in err.splitlines() if "warning" not in l.lower()]
                bad = (f"status {p.returncode}" if p.returncode != 1 else
                       f"{len(lines)} lines" if len(lines) != 1 else
                       f"no '{text}'" if text not in err else None)
            except subprocess.TimeoutExpired:
                bad, err = "goes on running", ""
            if bad:
                failures += 1
                print(f"# {bad}: {err[-400:]}")
            print(f"{'not ok' if bad else 'ok'} {number} - {title}", flush=True)
        for number, (engine, kind) in enumerate(guests, len(table) + 1):
            bad, _ = hostile.run(sosia, kind, args.seed, engine, 4, 20000, tmp)
            if bad:
                failures += 1
                print("# " + bad.replace("\n", "\n# "))
            print(f"{'not ok' if bad else 'ok'} {number} - survives a hostile guest: {kind}, "
                  f"{engine}, seed {args.seed}", flush=True)
        for number, name in enumerate(saves, len(table) + len(guests) + 1):
            bad = snapshots.run(args.build, tmp, name)
            if bad:
                failures += 1
                print("# " + bad.replace("\n", "\n# "))
            print(f"{'not ok' if bad else 'ok'} {number} - snapshots: {name}", flush=True)
        for number, (arch, name) in enumerate(moves, len(table) + len(guests) + len(saves) + 1):
            bad = migrate.run(args.build, tmp, arch, name)
            if bad:
                failures += 1
                print("# " + bad.replace("\n", "\n# "))
            print(f"{'not ok' if bad else 'ok'} {number} - migration: {arch} {name}", flush=True)
        before = len(table) + len(guests) + len(saves) + len(moves)
        for number, (name, check) in enumerate(written, before + 1):
            bad = check(sosia)
            if bad:
                failures += 1
                print("# " + bad.replace("\n", "\n# "))
            print(f"{'not ok' if bad else 'ok'} {number} - scripts: {name}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
