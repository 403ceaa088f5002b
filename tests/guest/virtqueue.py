#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""x-query-virtio-queue-element of rings that a program has made, beside the reference.

    virtqueue.py --build DIR [--broken] [-v]
"""
import argparse
import os
import shutil
import sys
import tempfile

from bootorder import CC, START, Run, build

PROGRAM = START + r"""
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
#define REG(offset) (*(volatile u32 *)(VIRTIO + (offset)))
static void desc(u64 table, int i, u64 addr, u32 len, u16 flags, u16 next)
{
    *(volatile u64 *)(table + 16 * i) = addr;
    *(volatile u32 *)(table + 16 * i + 8) = len;
    *(volatile u16 *)(table + 16 * i + 12) = flags;
    *(volatile u16 *)(table + 16 * i + 14) = next;
}
void run(void)
{
    static const u16 avail[] = { 1, 5, 0, 1, 2, 4, 6, 7, 3, 0 };
    REG(0x70) = 3;              /* legacy interface: acknowledged, driver */
    REG(0x20) = 1u << 28;       /* with indirect descriptors */
    REG(0x28) = 4096;
    REG(0x38) = 8;
    REG(0x3c) = 4096;
    REG(0x40) = RING >> 12;
    REG(0x70) = 7;
    desc(RING, 0, 0x1234000, 100, 1, 3);
    desc(RING, 3, 0x5678000, 200, 3, 5);
    desc(RING, 5, 0x9abc000, 300, 2, 0);
    desc(RING, 1, RING + 0x8000, 48, 4, 0);
    desc(RING + 0x8000, 0, 0x1111, 1, 1, 1);
    desc(RING + 0x8000, 1, 0x2222, 2, 1, 2);
    desc(RING + 0x8000, 2, 0x3333, 3, 2, 0);
    desc(RING, 2, 0x10, 1, 1, 2);                   /* a loop */
    desc(RING, 4, 0x20, 7, 1, 99);                  /* out of the table */
    desc(RING, 7, 0x30, 9, 0x8083, 0);              /* flags of a packed ring */
    for (unsigned i = 0; i < sizeof avail / 2; i++)
        ((volatile u16 *)(RING + 128))[i] = avail[i];
    ((volatile u16 *)(RING + 4096))[0] = 1;
    ((volatile u16 *)(RING + 4096))[1] = 9;
    for (const char *s = "END\n"; *s; s++)
        *(volatile u8 *)UART = *s;
}
"""
PLACE = {"aarch64": ["-DVIRTIO=0xa003e00ul", "-DRING=0x40800000ul"],
         "riscv64": ["-DVIRTIO=0x10008000ul", "-DRING=0x80800000ul"]}
RNG = "/machine/peripheral/r0"


def element(queue, **index):
    return {"execute": "x-query-virtio-queue-element",
            "arguments": {"path": RNG, "queue": queue, **index}}


def hmp(*words):
    line = " ".join(["info virtio-queue-element", RNG, *words])
    return {"execute": "human-monitor-command", "arguments": {"command-line": line}}


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True)
    p.add_argument("--broken", action="store_true", help="ask ours for another one: must fail")
    p.add_argument("-v", action="store_true")
    args = p.parse_args()
    steps = [element(0), *(element(0, index=i) for i in (0, 1, 2, 3, 5, 6)), element(1),
             element(5000), hmp("0"), hmp("0", "1"), hmp("9"), hmp("0", "5")]
    mine = [element(0, index=1), *steps[1:]] if args.broken else steps
    n = failed = 0
    for arch in CC:
        reference = shutil.which(f"qemu-system-{arch}")
        n += 1
        if not reference or not shutil.which(CC[arch][0]):
            print(f"ok {n} - queues of {arch} # SKIP needs qemu-system-{arch} and {CC[arch][0]}")
            continue
        ours = os.path.join(os.path.abspath(args.build), f"sosia-system-{arch}")
        with tempfile.TemporaryDirectory(prefix="sosia-guest-") as tmp:
            kernel = build(arch, tmp, PROGRAM, *PLACE[arch])
            a, b = (Run(program, arch, kernel, ["-device", "virtio-rng-device,id=r0"], asked, tmp)
                    for program, asked in ((ours, mine), (reference, steps)))
        different = [f"{s['arguments']}: {x}, not {y}" for s, x, y in zip(steps, a.replies, b.replies)
                     if x != y]
        bad = different or not isinstance(b.replies[0], dict)
        failed += bool(bad)
        for line in different:
            print(f"# {line}")
        print(f"{'not ok' if bad else 'ok'} {n} - queues of {arch}", flush=True)
    print(f"1..{n}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
