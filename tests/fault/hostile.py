#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that means harm (tests/guest/riscv/hostile.s): made from a seed, run, and looked after.

    hostile.py --build DIR [--engine NAME] [--kind NAME] [--seed N[-M]] [--seconds S] [--count N]

What the guest does to itself is its own business; the emulator must neither die of a signal nor
stop listening. A run ends by itself with status 0, or, after some seconds, by SIGTERM, likewise.
"""
import argparse
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "scripts"), os.path.join(ROOT, "tests")]
import asm                                                              # noqa: E402
import gen_isa                                                          # noqa: E402
from timelimits import LIMIT                                            # noqa: E402

# How often each action comes, by kind of guest. "wild" runs random code in machine mode, where it
# may well end its own program.
KINDS = {
    "devices": {"do_device": 6, "do_virtio": 3, "do_pci": 3, "do_fw_cfg": 2, "do_flash": 2,
                "do_wait": 1},
    "code": {"do_code": 4, "do_rewrite": 1},
    "rewriting": {"do_rewrite": 8, "do_code": 1},
    "privilege": {"do_csr": 4, "do_pages": 4, "do_code": 3, "do_wait": 1},
    "all": {"do_device": 4, "do_virtio": 2, "do_pci": 2, "do_fw_cfg": 1, "do_flash": 2,
            "do_code": 6, "do_rewrite": 3, "do_pages": 3, "do_csr": 3, "do_wait": 1},
    "wild": {"do_code": 6, "do_csr": 4, "do_pages": 2, "do_device": 2},
}
# Address, mask of offsets, weight.
DEVICES = [
    (0x10000000, 7, 8), (0x10000000, 0xff, 2), (0x101000, 0x3f, 5), (0x101000, 0xfff, 1),
    (0x100004, 0x3f, 1), (0x2000000, 0x1f, 2), (0x2004000, 0x1f, 4), (0x200bff8, 7, 2),
    (0x2000000, 0xffff, 2), (0xc000000, 0x1ff, 4), (0xc001000, 0x1ff, 2), (0xc002000, 0x1ff, 4),
    (0xc200000, 0x3fff, 5), (0xc000000, 0x5fffff, 1), (0x10100000, 0x1f, 7),
    (0x20000000, 0x3ffffff, 3), (0x20000000, 0xff, 3), (0x30000000, 0x3f8ff, 10),
    (0x30000000, 0xfffffff, 1), (0x3000000, 0xffff, 2), (0x40000000, 0xfffff, 8),
    (0x40000000, 0x3fffffff, 1), (0x1000, 0xffff, 1), (0x400000000, 0xfffff, 1),
    *((0x10001000 + 0x1000 * i, 0x1ff, 5) for i in range(8)),
]
CSRS = [0x001, 0x002, 0x003, 0x100, 0x104, 0x105, 0x106, 0x10a, 0x140, 0x141, 0x142, 0x143, 0x144,
        0x14d, 0x180, 0x300, 0x301, 0x302, 0x303, 0x304, 0x305, 0x306, 0x30a, 0x320, 0x323, 0x340,
        0x341, 0x342, 0x343, 0x344, 0x3a0, 0x3a2, *range(0x3b0, 0x3c0), 0x7a0, 0x7a1, 0x7a2, 0x7a3,
        0xb00, 0xb02, 0xb03, 0xc00, 0xc01, 0xc02, 0xf11, 0xf14, 0x747, 0x757, 0x017, 0x180, 0x180]
FLASH_COMMANDS = bytes([0x10, 0x20, 0x20, 0x28, 0x40, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0x98, 0xb0,
                        0xb8, 0xc0, 0xd0, 0xd0, 0xd0, 0xe8, 0xe8, 0xe8, 0xf0, 0xff, 0xff, 0, 1, 2,
                        0x0f, 0x1f, 0x2f, 0x55, 0xaa])


def row_words(isa, rng):
    """1024 pairs of value and mask of random bits, each row about equally often."""
    narrow = [r for r in isa.rows if r.width == 16]
    wide = [r for r in isa.rows if r.width == 32]
    while True:
        for r in rng.sample(wide, len(wide)):
            yield r.value, r.fmt.mask | r.ignored
        for r in rng.sample(narrow, len(narrow)):
            other = rng.choice(narrow)
            yield r.value | other.value << 16, r.fmt.mask | other.fmt.mask << 16


def harmless_word(isa, rng):
    """Arithmetic on a0 to a5."""
    row = isa.by_name[rng.choice(["addi", "add", "sub", "xor", "ori", "mul", "sltu", "andi",
                                  "divu", "addiw"])]
    def choose(row, name, spec):
        return rng.choice(range(10, 16)) if name in ("rd", "rs1", "rs2") else None
    return row.random(rng, choose)


def program(kind, seed, count):
    """The guest as an ELF file."""
    isa = gen_isa.load(os.path.join(ROOT, "target", "riscv", "riscv.isa"))
    rng = random.Random(f"{kind} {seed}")
    a = asm.Assembler(isa, 0x80000000)
    with open(os.path.join(ROOT, "tests", "guest", "riscv", "hostile.s"), encoding="utf-8") as f:
        a.assemble(f.readlines())

    def fill(label, data):
        at = a.labels[label] - a.base
        a.out[at:at + len(data)] = data

    def weighted(pairs, n):
        bag = [x for x, weight in pairs for _ in range(weight)]
        return (bag * n)[:n] if len(bag) < n else rng.sample(bag, n)

    fill("seed", struct.pack("<QQQ", rng.getrandbits(64) | 1, count, kind == "wild"))
    fill("actions", b"".join(struct.pack("<Q", a.labels[name])
                             for name in weighted(KINDS[kind].items(), 64)))
    fill("devices", b"".join(struct.pack("<QQ", *d)
                             for d in weighted([(d[:2], d[2]) for d in DEVICES], 128)))
    fill("flash_commands", FLASH_COMMANDS)
    fill("csrs", b"".join(struct.pack("<H", c) for c in weighted([(c, 1) for c in CSRS], 128)))
    fill("harmless", b"".join(struct.pack("<I", harmless_word(isa, rng)) for _ in range(128)))
    words = row_words(isa, rng)
    fill("rows", b"".join(struct.pack("<II", *next(words)) for _ in range(1024)))
    return asm.elf(bytes(a.out), a.base, 0)


def arguments(kind, seed, engine, tmp):
    """Options for a machine with something of everything; some of them depend on the seed."""
    def image(name, size):
        path = os.path.join(tmp, name)
        with open(path, "wb") as f:
            f.truncate(size)
        return path

    rng = random.Random(f"arguments {kind} {seed}")
    accel = engine
    if engine == "tcg":
        accel += ",tb-size=1" if kind in ("rewriting", "code") or rng.random() < 0.5 else ""
    if rng.random() < 0.25:
        accel += ",x-tiny-tlb=on"
    return ["-M", "virt", "-m", "64", "-bios", "none", "-display", "none", "-monitor", "none",
            "-serial", "null", "-no-reboot", "-accel", accel, "-smp", str(rng.choice([1, 1, 2, 3])),
            *(["-icount", "shift=0,sleep=off"] if rng.random() < 0.125 else []),
            *(["-global", "virtio-mmio.force-legacy=false"] if rng.random() < 0.5 else []),
            "-drive", f"file={image('disk0', 4 << 20)},format=raw,if=none,id=d0",
            "-drive", f"file={image('disk1', 4 << 20)},format=raw,if=none,id=d1",
            "-drive", f"file={image('flash', 32 << 20)},format=raw,if=pflash,unit=1",
            "-chardev", "null,id=c0", "-chardev", "null,id=c1",
            "-device", "virtio-blk-device,drive=d0", "-device", "virtio-rng-device",
            "-device", "virtio-serial-device,id=s0", "-device", "virtconsole,chardev=c0,bus=s0.0",
            "-device", "virtio-blk-pci,drive=d1,disable-legacy=off", "-device", "virtio-rng-pci",
            "-device", "virtio-serial-pci,id=s1",
            "-device", "virtserialport,chardev=c1,bus=s1.0,name=p"]


def run(sosia, kind, seed, engine, seconds, count, tmp):
    """None, or what went wrong."""
    kernel = os.path.join(tmp, "hostile.elf")
    with open(kernel, "wb") as f:
        f.write(program(kind, seed, count))
    argv = [sosia, *arguments(kind, seed, engine, tmp), "-kernel", kernel]
    with open(os.path.join(tmp, "err"), "w+b") as err:
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=err, stderr=err)
        how = "by itself"
        try:
            p.wait(seconds)
        except subprocess.TimeoutExpired:
            how = "after SIGTERM"
            p.send_signal(signal.SIGTERM)
            try:
                p.wait(LIMIT)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
                how = "not after SIGTERM, but by SIGKILL"
        err.seek(0)
        text = err.read().decode(errors="replace")
    if p.returncode:
        return f"status {p.returncode}, ended {how}: {text[-6000:]}", how
    if "ERROR: " in text or "WARNING: " in text or "runtime error" in text:
        return f"reports: {text[:6000]}", how
    return None, how


def main():
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--build", required=True)
    ap.add_argument("--engine", default="tcg")
    ap.add_argument("--kind", help="one of " + ", ".join(KINDS))
    ap.add_argument("--seed", default="1")
    ap.add_argument("--seconds", type=float, default=5)
    ap.add_argument("--count", type=int, default=20000, help="actions of each hart")
    ap.add_argument("--keep", action="store_true", help="print the command and keep its files")
    args = ap.parse_args()
    sosia = os.path.join(os.path.abspath(args.build), "sosia-system-riscv64")
    first, _, last = args.seed.partition("-")
    if args.keep:
        tmp = tempfile.mkdtemp(prefix="sosia-hostile-")
        kind, seed = args.kind or "all", int(first)
        kernel = os.path.join(tmp, "hostile.elf")
        with open(kernel, "wb") as f:
            f.write(program(kind, seed, args.count))
        print(" ".join([sosia, *arguments(kind, seed, args.engine, tmp), "-kernel", kernel]))
        return 0
    failures = 0
    for seed in range(int(first), int(last or first) + 1):
        for kind in [args.kind] if args.kind else KINDS:
            with tempfile.TemporaryDirectory(prefix="sosia-hostile-") as tmp:
                why, how = run(sosia, kind, seed, args.engine, args.seconds, args.count, tmp)
            failures += why is not None
            print(f"{'not ok' if why else 'ok'} - {args.engine} {kind} {seed} ended {how}",
                  flush=True)
            if why:
                print(why, flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
