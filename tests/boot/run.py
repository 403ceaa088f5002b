#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots real kernels and firmware (Debian packages, fetched by scripts/check) and prints TAP.

    run.py --build DIR [--only TEXT] [--times N] [--broken]
"""
import argparse
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
from session import Failure, Session  # noqa: E402

CACHE = os.environ.get("SOSIA_CACHE", os.path.join(ROOT, ".cache"))
SLOW = float(os.environ.get("SOSIA_TEST_SLOWNESS", "1"))  # sanitizer builds, busy machines
PROMPT = rb"~ # "


class Boots:
    """The cases. Each is a method boot_*; its doc string is its name in the output."""

    def __init__(self, build):
        self.sosia = os.path.join(build, "sosia-system-riscv64")
        self.kernel = os.path.join(CACHE, "riscv64", "kernel")
        self.tmp = tempfile.TemporaryDirectory(prefix="sosia-boot-")
        self.initrd = os.path.join(self.tmp.name, "initrd.gz")
        subprocess.run(["bash", "-c", '. "$1/scripts/lib.sh" && make_initrd riscv64 '
                        '"$1/scripts/demo-init" "$2"', "bash", ROOT, self.initrd], check=True)

    def path(self, name):
        return os.path.join(self.tmp.name, name)

    def linux(self, *more, append="", timeout=120):
        return Session([self.sosia, "-M", "virt", "-m", "512", "-kernel", self.kernel, "-initrd",
                        self.initrd, "-append", "console=ttyS0 quiet " + append, "-nographic",
                        *more], timeout=timeout * SLOW)

    def shell(self, session, command, expected):
        session.expect(PROMPT)
        session.send(command.encode() + b"\n")
        session.expect(b"\r\n" + expected)

    def shell_and_off(self, *more, cpus=1):
        s = self.linux(*more)
        try:
            self.shell(s, "grep -c ^processor /proc/cpuinfo", b"%d\r\n" % cpus)
            s.expect(PROMPT)
            s.send(b"poweroff\n")
            s.wait_exit(0)
        finally:
            s.kill()

    def boot_smp1(self):
        """Linux to a shell and power-off, 1 hart"""
        self.shell_and_off("-smp", "1")

    def boot_smp2(self):
        """Linux to a shell and power-off, 2 harts"""
        self.shell_and_off("-smp", "2", cpus=2)

    def boot_smp4(self):
        """Linux to a shell and power-off, 4 harts"""
        self.shell_and_off("-smp", "4", cpus=4)

    def boot_smp8(self):
        """Linux to a shell and power-off, 8 harts"""
        self.shell_and_off("-smp", "8", cpus=8)

    def boot_sv39(self):
        """Linux with Sv39 only"""
        self.shell_and_off("-cpu", "rv64,sv48=off,sv57=off")

    def boot_icount(self):
        """Linux under -icount shift=0"""
        self.shell_and_off("-icount", "shift=1,sleep=off")

    def boot_reboot(self):
        """reboot with -no-reboot ends with status 0"""
        s = self.linux("-no-reboot")
        try:
            s.expect(PROMPT)
            s.send(b"reboot\n")
            s.wait_exit(0)
        finally:
            s.kill()

    def boot_panic(self):
        """a kernel without root panics and -no-reboot ends the run"""
        s = Session([self.sosia, "-M", "virt", "-m", "256", "-kernel", self.kernel, "-append",
                     "console=ttyS0 panic=-1", "-nographic", "-no-reboot"], timeout=120 * SLOW)
        try:
            s.expect(rb"Kernel panic")
            s.wait_exit(0)
        finally:
            s.kill()

    def boot_disk(self):
        """virtio-blk: ext2 made, written, read back after a reboot of the machine"""
        disk = self.path("disk.img")
        with open(disk, "wb") as f:
            f.truncate(32 << 20)
        drive = ["-drive", f"file={disk},format=raw,if=none,id=d0",
                 "-device", "virtio-blk-device,drive=d0"]
        for step in ("mke2fs /dev/vda >/dev/null && mount /dev/vda /tmp && "
                     "seq 100000 | md5sum > /tmp/sum && umount /tmp && echo done-1",
                     "mount /dev/vda /tmp && seq 100000 | md5sum | cmp - /tmp/sum && echo done-2"):
            s = self.linux(*drive)
            try:
                self.shell(s, step, b"done-")
                s.expect(PROMPT)
                s.send(b"poweroff\n")
                s.wait_exit(0)
            finally:
                s.kill()

    def boot_monitor(self):
        """Ctrl-A c reaches the monitor; info status, stop, cont, quit"""
        s = self.linux()
        try:
            s.expect(PROMPT)
            s.send(b"\x01c")
            s.expect(rb"\(qemu\) ")
            for line, answer in ((b"info status", rb"VM status: running"), (b"stop", rb"\(qemu\) "),
                                 (b"info status", rb"VM status: paused"), (b"cont", rb"\(qemu\) "),
                                 (b"info version", rb"7\.2"), (b"info registers", rb"pc ")):
                s.send(line + b"\n")
                s.expect(answer)
            s.send(b"quit\n")
            s.wait_exit(0)
        finally:
            s.kill()

    def boot_escape(self):
        """Ctrl-A x ends the program with status 0"""
        s = self.linux()
        try:
            s.expect(PROMPT)
            s.send(b"\x01x")
            s.expect(rb"Terminated")
            s.wait_exit(0)
        finally:
            s.kill()

    def boot_uboot(self):
        """U-Boot reaches its prompt"""
        s = Session([self.sosia, "-M", "virt", "-m", "512", "-nographic", "-kernel",
                     "/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf"], timeout=60 * SLOW)
        try:
            s.expect(rb"Hit any key")
            s.send(b"\n")
            s.expect(rb"=> ")
            s.send(b"version\n")
            s.expect(rb"U-Boot 20")
            s.send(b"poweroff\n")
            s.wait_exit(0)
        finally:
            s.kill()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", required=True)
    ap.add_argument("--only", default="")
    ap.add_argument("--times", type=int, default=1)
    ap.add_argument("--broken", action="store_true", help="one case that must fail")
    args = ap.parse_args()
    boots = Boots(os.path.abspath(args.build))
    cases = [(n, getattr(boots, n)) for n in dir(boots) if n.startswith("boot_") and args.only in n]
    if args.broken:
        cases = [("broken", lambda: boots.shell_and_off("-smp", "1", cpus=3))]
    print(f"1..{len(cases) * args.times}")
    number = failures = 0
    for _ in range(args.times):
        for name, case in cases:
            number += 1
            title = (case.__doc__ or name).strip()
            try:
                case()
                print(f"ok {number} - {title}", flush=True)
            except Failure as failure:
                failures += 1
                print(f"# {failure}\nnot ok {number} - {title}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
