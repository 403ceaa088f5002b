#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What firmware is told about booting (bootindex=, -boot), beside the reference.

    bootorder.py --build DIR [--broken] [-v]

A program prints the files of fw_cfg, after each reset again. They must be the reference's byte for
byte, and so must the monitors' replies in between.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from timelimits import LIMIT                                            # noqa: E402

CC = {"aarch64": ["aarch64-linux-gnu-gcc", "-mgeneral-regs-only", "-mstrict-align",
                  "-Wl,-Ttext=0x40200000", "-DUART=0x9000000ul", "-DFW_CFG=0x9020000ul"],
      "riscv64": ["riscv64-linux-gnu-gcc", "-march=rv64imac_zicsr", "-mabi=lp64",
                  "-mcmodel=medany", "-Wl,-Ttext=0x80000000", "-DUART=0x10000000ul",
                  "-DFW_CFG=0x10100000ul"]}
FLAGS = ("-O1 -fno-toplevel-reorder -ffreestanding -nostdlib -static -no-pie -Wl,--build-id=none "
         "-Wl,--no-warn-rwx-segments -Wl,-z,max-page-size=4096").split()
# Enters run() with a stack.
START = r"""
#ifdef __aarch64__
__asm__(".global _start\n_start: ldr x0, =0x40400000\nmov sp, x0\nbl run\n"
        "1: wfi\nb 1b\n.ltorg");
#else
__asm__(".global _start\n_start: li sp, 0x80400000\ncall run\n"
        "1: wfi\nj 1b");
#endif
"""
PROGRAM = START + r"""
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
enum { DIRECTORY = 0x19, MENU = 0x0e, FILES = 64, SHOWN = 1024 };
static struct { u32 size; u16 key; char name[57]; } files[FILES];
static void put(char c) { *(volatile u8 *)UART = c; }
static void text(const char *s) { while (*s) put(*s++); }
static void hex(u32 v, int digits) { while (digits--) put("0123456789abcdef"[v >> 4 * digits & 15]); }
static void select(u16 key) { *(volatile u16 *)(FW_CFG + 8) = (u16)(key << 8 | key >> 8); }
static u8 next(void) { return *(volatile u8 *)FW_CFG; }
static u32 next32(void) { u32 v = 0; for (int i = 0; i < 4; i++) v = v << 8 | next(); return v; }
void run(void)
{
    select(DIRECTORY);
    u32 n = next32();
    for (u32 i = 0; i < n && i < FILES; i++) {
        files[i].size = next32();
        files[i].key = next32() >> 16;
        for (int j = 0; j < 56; j++)
            files[i].name[j] = next();
    }
    for (u32 i = 0; i < n && i < FILES; i++) {
        text(files[i].name);
        put(' ');
        select(files[i].key);
        for (u32 j = 0; j < files[i].size && j < SHOWN; j++)
            hex(next(), 2);
        put('\n');
    }
    select(MENU);
    text("menu ");
    hex(next(), 2);
    text("\nEND\n");
}
"""
SHOWN = ("boot", "bios-geometry", "etc/boot", "menu")


def disks(names):
    return [x for n in names for x in ("-blockdev", f"driver=null-co,read-zeroes=on,node-name={n}")]


def reset():
    return {"execute": "system_reset"}


def index(path, value=None):
    args = {"path": path, "property": "bootindex"}
    return {"execute": "qom-get", "arguments": args} if value is None else \
        {"execute": "qom-set", "arguments": {**args, "value": value}}


def add(**args):
    return {"execute": "device_add", "arguments": args}


# Name, disks, arguments, and what is asked between dumps.
CASES = [
    ("every kind of device", "abcdef",
     "-netdev user,id=n0 -netdev user,id=n1 -device virtio-blk-pci,drive=a,bootindex=3 "
     "-device virtio-blk-device,drive=b,bootindex=1 -device virtio-rng-pci "
     "-device virtio-net-pci,netdev=n0,bootindex=2,romfile= -device virtio-scsi-pci,id=s0 "
     "-device scsi-hd,drive=c,bus=s0.0,bootindex=9 "
     "-device scsi-cd,drive=d,bus=s0.0,scsi-id=10,lun=3,bootindex=0 "
     "-device virtio-scsi-device,id=s1 -device scsi-hd,drive=e,bus=s1.0,lun=2,bootindex=7 "
     "-device nvme,serial=x,drive=f,bootindex=4 "
     "-device virtio-net-device,netdev=n1,bootindex=2147483647", ()),
    ("bridges, strict", "abcd",
     "-boot strict=on -device pcie-root-port,id=rp,chassis=1,multifunction=on,addr=4 "
     "-device pcie-root-port,id=rp1,chassis=2,addr=4.3 "
     "-device virtio-blk-pci,drive=a,bus=rp,bootindex=3 -device virtio-scsi-pci,bus=rp1,id=s "
     "-device scsi-hd,bus=s.0,drive=b,bootindex=2 -device pcie-pci-bridge,id=br "
     "-device virtio-blk-pci,bus=br,addr=3,drive=c,bootindex=10 "
     "-device pcie-root-port,id=rp2,chassis=3 -device x3130-upstream,bus=rp2,id=up "
     "-device xio3130-downstream,bus=up,id=down,chassis=7 "
     "-device nvme,serial=x,bus=down,drive=d,bootindex=5", ()),
    ("menu and times", "", "-boot menu=on,splash-time=5000 -boot reboot-timeout=777,order=dc", ()),
    ("-machine boot", "", "-M boot.menu=on,boot.strict=on", ()),
    ("a set at run time", "ab", "-device virtio-blk-pci,drive=a,id=d0,bootindex=1 "
     "-device virtio-blk-device,drive=b,id=d1,bootindex=-1",
     [index("/machine/peripheral/d0"), index("d1"), index("d1", 0), index("d1"), reset(),
      index("d0", 0), index("d0", 1), index("d0", 5), index("d0", -1), reset(), index("d0"),
      index("d0", "x"), index("d0", 5000000000), index("d0", -7), index("d0")]),
    ("plugged at run time", "abc", "-device pcie-root-port,id=rp,chassis=1 "
     "-device virtio-scsi-pci,id=s -device nvme,serial=z,drive=c,bootindex=2",
     [add(driver="virtio-blk-pci", id="h0", drive="a", bus="rp", bootindex=1),
      add(driver="scsi-hd", id="h1", drive="b", bus="s.0", bootindex=1),
      add(driver="scsi-hd", id="h1", drive="b", bus="s.0", bootindex=3), reset(),
      {"execute": "device_del", "arguments": {"id": "h1"}}, reset(), reset()]),
    ("an index given twice", "ab", "-device virtio-blk-pci,drive=a,bootindex=3 "
     "-device virtio-blk-device,drive=b,bootindex=3", ()),
]


def build(arch, tmp, program, *more):
    source, out = os.path.join(tmp, "files.c"), os.path.join(tmp, arch)
    with open(source, "w", encoding="ascii") as f:
        f.write(program)
    subprocess.run([*CC[arch], *FLAGS, *more, "-o", out, source], check=True)
    return out


class Run:
    """One machine: its dumps (the last of each file that counts), replies and last words."""

    def __init__(self, program, arch, kernel, args, steps, tmp):
        self.serial = os.path.join(tmp, "serial")
        open(self.serial, "w", encoding="ascii").close()
        board = ["-cpu", "cortex-a57"] if arch == "aarch64" else ["-bios", "none"]
        with open(os.path.join(tmp, "errors"), "w+", encoding="utf-8") as errors:
            self.p = subprocess.Popen(
                [program, "-M", "virt", "-nodefaults", "-display", "none", *board, "-qmp", "stdio",
                 "-serial", f"file:{self.serial}", "-kernel", kernel, *args],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
            try:
                self.replies, resets = [], 1
                self.say({"execute": "qmp_capabilities"})
                self.wait(resets)
                for step in steps:
                    self.replies.append(self.say(step))
                    if step == reset():
                        resets += 1
                        self.wait(resets)
                self.say({"execute": "quit"})
                self.p.wait(LIMIT)
            finally:
                self.p.kill()
                self.p.wait()
            errors.seek(0)
            # Behind the program's name; the reference warns of disks that nobody uses.
            self.error = [line.split(": ", 1)[-1] for line in errors.read().splitlines()[:1]]
        with open(self.serial, encoding="ascii") as f:
            # The reference leaves an empty last line where a device has gone.
            self.dumps = [[re.sub("0a00$", "00", line) for line in dump.splitlines()
                           if line.startswith(SHOWN)]
                          for dump in f.read().split("END\n")[:-1]]

    def say(self, command):
        try:
            self.p.stdin.write(json.dumps(command) + "\n")
            self.p.stdin.flush()
        except BrokenPipeError:
            return None
        for line in self.p.stdout:
            reply = json.loads(line)
            if "return" in reply or "error" in reply:
                return reply.get("return", reply.get("error", {}).get("desc"))
        return None

    def wait(self, n):
        until = time.monotonic() + LIMIT
        while self.p.poll() is None and time.monotonic() < until:
            with open(self.serial, encoding="ascii") as f:
                if f.read().count("END\n") >= n:
                    return
            time.sleep(0.01)

    def result(self):
        return self.dumps, self.replies, self.error


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True)
    p.add_argument("--broken", action="store_true", help="ask ours for another index: must fail")
    p.add_argument("-v", action="store_true")
    args = p.parse_args()
    n = failed = 0
    for arch in CC:
        reference = shutil.which(f"qemu-system-{arch}")
        if not reference or not shutil.which(CC[arch][0]):
            n += 1
            print(f"ok {n} - boot files of {arch} # SKIP needs qemu-system-{arch} and {CC[arch][0]}")
            continue
        ours = os.path.join(os.path.abspath(args.build), f"sosia-system-{arch}")
        with tempfile.TemporaryDirectory(prefix="sosia-guest-") as tmp:
            kernel = build(arch, tmp, PROGRAM)
            for name, drives, line, steps in CASES[:1] if args.broken else CASES:
                mine = line.replace("bootindex=9", "bootindex=5") if args.broken else line
                a = Run(ours, arch, kernel, disks(drives) + mine.split(), steps, tmp).result()
                b = Run(reference, arch, kernel, disks(drives) + line.split(), steps, tmp).result()
                n += 1
                bad = a != b or not (b[0] or b[2])
                failed += bad
                if bad or args.v:
                    print(f"# ours {a}\n# reference {b}")
                print(f"{'not ok' if bad else 'ok'} {n} - {arch}: {name}", flush=True)
    print(f"1..{n}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
