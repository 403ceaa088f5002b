#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots real kernels and firmware (Debian packages, fetched by scripts/check) and prints TAP.

    run.py --build DIR [--only TEXT] [--times N] [--broken]
"""
import argparse
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
from lockstep import compare  # noqa: E402
from arm64 import Arm64Boots  # noqa: E402
from disks import make_esp, make_extlinux  # noqa: E402
import stress  # noqa: E402
from session import Failure, Session  # noqa: E402
from timelimits import SLOW  # noqa: E402

CACHE = os.environ.get("SOSIA_CACHE", os.path.join(ROOT, ".cache"))
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
        with self.linux(*more) as s:
            self.shell(s, "grep -c ^processor /proc/cpuinfo", b"%d\r\n" % cpus)
            s.power_off(PROMPT)

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

    def boot_small_caches(self):
        """Linux with next to no TLB and a code cache of 1 MiB, 2 harts"""
        self.shell_and_off("-smp", "2", "-accel", "tcg,tb-size=1,x-tiny-tlb=on", cpus=2)

    def boot_forgetful(self):
        """Linux while TLB and code are dropped at random, 2 harts"""
        self.shell_and_off("-smp", "2", "-accel", "tcg,x-random-flush=20,x-random-evict=20000",
                           cpus=2)

    def boot_lockstep(self):
        """Linux on 2 harts: JIT and interpreter agree all along; another seed is noticed"""
        guest = ["-M", "virt", "-m", "256", "-smp", "2", "-kernel", self.kernel, "-initrd",
                 self.initrd, "-append", "console=ttyS0 quiet rdinit=/bin/busybox -- sh -c "
                 '"busybox seq 20000 | busybox sha256sum; busybox poweroff -f"']
        n, difference = compare(self.sosia, guest, timeout=240 * SLOW)
        if difference or n < 1000:
            raise Failure(f"after {n} equal hashes: {difference}")
        if not compare(self.sosia, guest, b=("-seed", "8"))[1]:
            raise Failure("two different guests look the same")

    def boot_reboot(self):
        """reboot with -no-reboot ends with status 0"""
        with self.linux("-no-reboot") as s:
            s.expect(PROMPT)
            s.send(b"reboot\n")
            s.wait_exit(0)

    def boot_panic(self):
        """a kernel without root panics and -no-reboot ends the run"""
        with Session([self.sosia, "-M", "virt", "-m", "256", "-kernel", self.kernel, "-append",
                      "console=ttyS0 panic=-1", "-nographic", "-no-reboot"],
                     timeout=120 * SLOW) as s:
            s.expect(rb"Kernel panic")
            s.wait_exit(0)

    def disk_twice(self, node, *device):
        disk = self.path("disk.img")
        with open(disk, "wb") as f:
            f.truncate(32 << 20)
        drive = ["-drive", f"file={disk},format=raw,if=none,id=d0", *device]
        for step in (f"mke2fs /dev/{node} >/dev/null && mount /dev/{node} /tmp && "
                     "seq 100000 | md5sum > /tmp/sum && umount /tmp && echo done-1",
                     f"mount /dev/{node} /tmp && seq 100000 | md5sum | cmp - /tmp/sum && "
                     "echo done-2"):
            with self.linux(*drive) as s:
                self.shell(s, step, b"done-")
                s.power_off(PROMPT)

    def boot_network(self):
        """user network: DHCP, TFTP, a forward each way, frames in a pcap file"""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                forward = free.getsockname()[1]
            os.makedirs(self.path("tftp"), exist_ok=True)
            with open(self.path("tftp/file"), "w") as f:
                f.write("from-tftp\n")
            pcap = self.path("net.pcap")
            with self.linux("-nic", "user,id=n0,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:"
                            f"{forward}-:7,tftp={self.path('tftp')}", "-object",
                            f"filter-dump,id=f0,netdev=n0,file={pcap}") as s:
                self.shell(s, "ip link set eth0 up; echo 'test $1 = bound && ifconfig $interface $ip"
                           " netmask $subnet && route add default gw $router && echo bound-$ip-$dns'"
                           " > /tmp/s; (echo '#!/bin/sh'; cat /tmp/s) > /tmp/dhcp; chmod +x /tmp/dhcp;"
                           " udhcpc -i eth0 -n -q -s /tmp/dhcp", b"(.*\r\n)*bound-10.0.2.15-10.0.2.3")
                self.shell(s, "tftp -g -r file -l /tmp/f 10.0.2.2; cat /tmp/f", b"(.*\r\n)*from-tftp")
                s.expect(PROMPT)
                s.send(b"seq 200000 | nc 10.0.2.2 %d\n" % listener.getsockname()[1])
                listener.settimeout(30 * SLOW)
                with listener.accept()[0] as peer:
                    data = b"".join(iter(lambda: peer.recv(65536), b""))
                if data != b"".join(b"%d\n" % i for i in range(1, 200001)):
                    raise Failure(f"{len(data)} bytes came out of the guest, or wrong ones")
                s.expect(PROMPT)
                s.send(b"nc -l -p 7 -e cat &\n")
                s.expect(PROMPT)
                for _ in range(50):
                    try:            # until the guest's server listens
                        with socket.create_connection(("127.0.0.1", forward)) as client:
                            client.settimeout(5 * SLOW)
                            client.sendall(b"echo?\n")
                            if client.recv(100) == b"echo?\n":
                                break
                    except OSError:
                        time.sleep(0.2)
                else:
                    raise Failure("the forwarded port does not answer")
                s.send(b"poweroff\n")
                s.wait_exit(0)
        with open(pcap, "rb") as f:
            if f.read(4) != b"\xd4\xc3\xb2\xa1" or os.path.getsize(pcap) < 1000000:
                raise Failure("the pcap file is not what it should be")

    def boot_folder(self):
        """9p: a host folder read and written, one with mapped owners, one read-only"""
        for folder in ("share", "mapped"):
            os.makedirs(self.path(folder), exist_ok=True)
        with open(self.path("share/file"), "w") as f:
            f.write("from-the-host\n")
        model = "security_model=none"
        with self.linux("-virtfs", f"local,path={self.path('share')},mount_tag=host,{model}",
                        "-fsdev",
                        f"local,id=m,path={self.path('mapped')},security_model=mapped-xattr",
                        "-device", "virtio-9p-device,fsdev=m,mount_tag=mapped", "-virtfs",
                        f"local,path={self.path('share')},mount_tag=ro,{model},readonly=on") as s:
            self.shell(s, "mkdir /h /m /r; for t in host:h mapped:m ro:r; do mount -t 9p -o "
                       "trans=virtio,version=9p2000.L ${t%:*} /${t#*:}; done; cat /h/file",
                       b"from-the-host")
            self.shell(s, "(cd /h; seq 200000 | cat > a; mkdir d; mv a d/b; ln -s d/b l; md5sum < l); "
                       "seq 200000 | md5sum", rb"([0-9a-f]{32})  -\r\n\1  -")
            self.shell(s, "(cd /m; mknod n b 8 1; echo x > o; chown 1000:1001 o; chmod 4755 o; "
                       "stat -c %u:%g:%a:%t:%T o n) | tr '\\n' ,", b"1000:1001:4755:0:0,0:0:644:8:1,")
            self.shell(s, "echo x > /r/new || cat /r/file", b"(.*\r\n)*from-the-host")
            s.power_off(PROMPT)
        with open(self.path("share/d/b")) as f:
            if f.read() != "".join(f"{i}\n" for i in range(1, 200001)):
                raise Failure("what the guest wrote is not there")
        if os.path.exists(self.path("share/new")):
            raise Failure("a read-only folder was written")

    def boot_disk(self):
        """virtio-blk: ext2 made, written, read back after a reboot of the machine"""
        self.disk_twice("vda", "-device", "virtio-blk-device,drive=d0")

    def boot_disk_pci(self):
        """virtio-blk on PCI: the same"""
        self.disk_twice("vda", "-device", "virtio-blk-pci,drive=d0")

    def boot_stress(self):
        """programs of stress-ng that check themselves, all at once on 2 harts"""
        image = os.path.join(CACHE, "riscv64", "stress.img")
        with self.linux("-smp", "2", *stress.drive(image)) as s:
            stress.stress(s, PROMPT, seconds=10)

    def boot_installer(self):
        """Debian's installer asks for the language"""
        kernel, initrd = (os.path.join(CACHE, "riscv64", "installer", n)
                          for n in ("linux", "initrd.gz"))
        with Session([self.sosia, "-M", "virt", "-m", "1G", "-smp", "2", "-kernel", kernel,
                      "-initrd", initrd, "-append", "console=ttyS0 quiet", "-nographic"],
                     timeout=240 * SLOW) as s:
            s.expect(rb"Select a language")

    def boot_uboot_disk(self):
        """U-Boot loads Linux from ext4 on a virtio disk, by extlinux.conf"""
        start, size = 2048, 96 << 11    # sectors
        disk = make_extlinux(self.path("files"), self.kernel, self.initrd, "console=ttyS0 quiet",
                             start << 9)
        with open(disk, "r+b") as f:    # one active partition of type Linux
            f.seek(446)
            f.write(struct.pack("<B3sB3sII", 0x80, b"\0\2\0", 0x83, b"\0\2\0", start, size))
            f.seek(510)
            f.write(b"\x55\xaa")
        with Session([self.sosia, "-M", "virt", "-m", "512", "-nographic", "-kernel",
                      "/usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin", "-drive",
                      f"file={disk},format=raw,if=none,id=d0", "-device",
                      "virtio-blk-device,drive=d0"], timeout=120 * SLOW) as s:
            s.expect(rb"Retrieving file: /Image")
            s.power_off(PROMPT)

    def boot_uboot_machine_mode(self):
        """U-Boot as -bios reaches its prompt"""
        with Session([self.sosia, "-M", "virt", "-m", "512", "-nographic", "-bios",
                      "/usr/lib/u-boot/qemu-riscv64/u-boot.bin"], timeout=60 * SLOW) as s:
            s.expect(rb"Hit any key")
            s.send(b"\n")
            s.expect(rb"=> ")
            s.send(b"poweroff\n")
            s.wait_exit(0)

    def boot_edk2_grub(self):
        """EDK2 in flash, GRUB from a virtio disk behind a root port, Linux, 2 harts"""
        variables = self.path("vars.fd")
        shutil.copy(os.path.join(CACHE, "riscv64", "edk2-vars.fd"), variables)
        disk = make_esp(self.path("esp"), os.path.join(CACHE, "riscv64", "grub.efi"),
                        "BOOTRISCV64.EFI", self.kernel, self.initrd, "console=ttyS0 quiet")
        with Session([self.sosia, "-M", "virt", "-m", "512", "-smp", "2", "-nographic", "-drive",
                      "if=pflash,unit=0,format=raw,readonly=on,file="
                      + os.path.join(CACHE, "riscv64", "edk2-code.fd"), "-drive",
                      f"if=pflash,unit=1,format=raw,file={variables}", "-drive",
                      f"file={disk},format=raw,if=none,id=d0", "-device",
                      "pcie-root-port,id=pci.1,chassis=1,addr=8", "-device",
                      "virtio-blk-pci,drive=d0,bus=pci.1"], timeout=180 * SLOW) as s:
            self.shell(s, "grep -c ^processor /proc/cpuinfo; ls -d /sys/firmware/efi",
                       rb"2\r\n/sys/firmware/efi")
            s.power_off(PROMPT)

    def boot_monitor(self):
        """Ctrl-A c reaches the monitor; info status, stop, cont, quit"""
        with self.linux() as s:
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

    def boot_escape(self):
        """Ctrl-A x ends the program with status 0"""
        with self.linux() as s:
            s.expect(PROMPT)
            s.send(b"\x01x")
            s.expect(rb"Terminated")
            s.wait_exit(0)

    def boot_golden_line(self):
        """xv6's command line runs a bare-metal kernel"""
        disk = self.path("fs.img")
        with open(disk, "wb") as f:
            f.truncate(1 << 20)
        demo = os.path.join(os.path.dirname(self.sosia), "tests", "guest", "riscv", "demo.elf")
        with Session([self.sosia, "-machine", "virt", "-bios", "none", "-kernel", demo, "-m",
                      "128M", "-smp", "3", "-nographic", "-global", "virtio-mmio.force-legacy=false",
                      "-drive", f"file={disk},if=none,format=raw,id=x0",
                      "-device", "virtio-blk-device,drive=x0,bus=virtio-mmio-bus.0"],
                     timeout=20 * SLOW) as s:
            s.expect(rb"demo: all well")
            s.wait_exit(0)

    def boot_libvirt_probe(self):
        """the command line by which libvirt asks what a program can do"""
        sock, pidfile = self.path("probe.sock"), self.path("probe.pid")
        subprocess.run([self.sosia, "-S", "-no-user-config", "-nodefaults", "-nographic",
                        "-machine", "none,accel=kvm:tcg", "-qmp",
                        f"unix:{sock},server=on,wait=off", "-pidfile", pidfile, "-daemonize"],
                       check=True, timeout=20 * SLOW, stderr=subprocess.DEVNULL)
        with socket.socket(socket.AF_UNIX) as qmp:
            qmp.settimeout(20 * SLOW)
            qmp.connect(sock)
            lines = qmp.makefile("rwb")
            if b'"QMP"' not in lines.readline():
                raise Failure("no QMP greeting")
            for command in (b"qmp_capabilities", b"query-version", b"query-machines", b"quit"):
                lines.write(b'{"execute": "' + command + b'"}\r\n')
                lines.flush()
                answer = lines.readline()
                if not answer.startswith(b'{"return"') or not answer.endswith(b"\r\n"):
                    raise Failure(f"{command} answered {answer[:100]}")

    def boot_uboot(self):
        """U-Boot reaches its prompt"""
        with Session([self.sosia, "-M", "virt", "-m", "512", "-nographic", "-kernel",
                      "/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf"], timeout=60 * SLOW) as s:
            s.expect(rb"Hit any key")
            s.send(b"\n")
            s.expect(rb"=> ")
            s.send(b"version\n")
            s.expect(rb"U-Boot 20")
            s.send(b"poweroff\n")
            s.wait_exit(0)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", required=True)
    ap.add_argument("--only", default="")
    ap.add_argument("--times", type=int, default=1)
    ap.add_argument("--broken", action="store_true", help="one case that must fail")
    args = ap.parse_args()
    build = os.path.abspath(args.build)
    boots = Boots(build)
    all_boots = [boots]
    if os.path.exists(os.path.join(build, "sosia-system-aarch64")):
        all_boots.append(Arm64Boots(build))
    cases = [(n, getattr(b, n)) for b in all_boots for n in dir(b)
             if n.startswith("boot_") and args.only in n]
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
            except (Failure, OSError, subprocess.SubprocessError) as failure:
                failures += 1
                print(f"# {failure}\nnot ok {number} - {title}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
