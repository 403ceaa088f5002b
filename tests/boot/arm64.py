# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot cases of aarch64; run.py runs them."""
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile

from debug import DebugBoots
from disks import make_esp, make_extlinux
from session import Failure, Session
from timelimits import SLOW
from screen import ScreenBoots
import stress
from snapshot import SnapshotBoots

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CACHE = os.environ.get("SOSIA_CACHE", os.path.join(ROOT, ".cache"))
EFI = "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"
UBOOT = "/usr/lib/u-boot/qemu_arm64/u-boot.bin"
PROMPT = rb"(~|/root) # "


class Arm64Boots(DebugBoots, ScreenBoots, SnapshotBoots):
    """Each method boot_arm64_* is a case; its doc string is its name in the output."""

    def __init__(self, build):
        self.build = build
        self.sosia = os.environ.get("SOSIA_ARM64", os.path.join(build, "sosia-system-aarch64"))
        self.kernel = os.path.join(CACHE, "arm64", "kernel")
        self.tmp = tempfile.TemporaryDirectory(prefix="sosia-boot-")
        self.initrd = self.path("initrd.gz")
        subprocess.run(["bash", "-c", '. "$1/scripts/lib.sh" && make_initrd arm64 '
                        '"$1/scripts/demo-init" "$2"', "bash", ROOT, self.initrd], check=True)

    def path(self, name):
        return os.path.join(self.tmp.name, name)

    def session(self, machine, *more, timeout=120):
        return Session([self.sosia, "-M", machine, "-m", "512", "-nographic", *more],
                       timeout=timeout * SLOW)

    def linux(self, machine, *more, append=""):
        return self.session(machine, "-kernel", self.kernel, "-initrd", self.initrd, "-append",
                            "console=ttyAMA0 quiet " + append, *more)

    @staticmethod
    def run(s, *steps, off=True):
        """Commands at the shell, each with what it must print; then power-off."""
        with s:
            for command, expected in steps:
                s.expect(PROMPT)
                s.send(command.encode() + b"\n")
                s.expect(rb"\r\n" + expected)
            if off:
                s.power_off(PROMPT)

    def shell_and_off(self, machine, *more, cpus=1, steps=()):
        self.run(self.linux(machine, *more), ("grep -c ^processor /proc/cpuinfo",
                                              b"%d\r\n" % cpus), *steps)

    # ---- processors and interrupt controllers ----

    def boot_arm64_smp1_a53(self):
        """arm64 Linux to a shell and power-off, cortex-a53, GICv2"""
        self.shell_and_off("virt", "-cpu", "cortex-a53")

    def boot_arm64_smp2_a57(self):
        """arm64 Linux, 2 CPUs, cortex-a57, GICv2; MSI-X through GICv2m"""
        self.shell_and_off("virt", "-cpu", "cortex-a57", "-smp", "2", "-device", "virtio-rng-pci",
                           cpus=2, steps=[("grep -c MSI /proc/interrupts", rb"[1-9]")])

    def boot_arm64_smp4_gicv3(self):
        """arm64 Linux, 4 CPUs, cortex-a72, GICv3; MSI-X through the ITS"""
        self.shell_and_off("virt,gic-version=3", "-cpu", "cortex-a72", "-smp", "4", "-device",
                           "virtio-rng-pci", cpus=4,
                           steps=[("grep -c ITS-MSI /proc/interrupts", rb"[1-9]")])

    def boot_arm64_smp8_max(self):
        """arm64 Linux, 8 CPUs, max, GICv3"""
        self.shell_and_off("virt,gic-version=max", "-cpu", "max", "-smp", "8", cpus=8)

    def boot_arm64_el2(self):
        """arm64 Linux started at EL2, 2 CPUs"""
        self.shell_and_off("virt,virtualization=on,gic-version=3", "-cpu", "cortex-a72", "-smp",
                           "2", cpus=2)

    def boot_arm64_secure(self):
        """arm64 Linux on a machine with EL3 and EL2, 2 CPUs, GICv2"""
        self.shell_and_off("virt,virtualization=on,secure=on", "-cpu", "cortex-a57", "-smp", "2",
                           cpus=2)

    def boot_arm64_reboot(self):
        """arm64 reboot with -no-reboot ends with status 0"""
        with self.linux("virt", "-cpu", "cortex-a72", "-no-reboot") as s:
            s.expect(PROMPT)
            s.send(b"reboot\n")
            s.wait_exit(0)

    # ---- devices ----

    def device_tree(self, program, machine, more):
        """Lines of the tree that a program makes, without what is random, the platform bus (which
        Sosia's board doesn't have) and the widths of the initrd's addresses."""
        blob = self.path("tree.dtb")
        subprocess.run([program, "-M", f"{machine},dumpdtb={blob}", "-display", "none", *more],
                       check=True, capture_output=True, timeout=60 * SLOW)
        text = subprocess.run(["dtc", "-I", "dtb", "-O", "dts", blob], check=True,
                              capture_output=True, text=True).stdout
        text = re.sub(r"\tplatform-bus@.*?};\n", "", text, flags=re.DOTALL)
        return [line for line in text.splitlines()
                if line and not re.search("rng-seed|kaslr-seed|linux,initrd", line)]

    def boot_arm64_device_tree(self):
        """arm64: the device tree is that of the reference, line by line, for sets of options"""
        kernel = ["-kernel", self.kernel, "-initrd", self.initrd, "-append", "hello world"]
        cases = [
            ("virt", ["-cpu", "cortex-a72"]),
            ("virt", ["-cpu", "cortex-a57", "-smp", "2", "-m", "512"]),
            ("virt,gic-version=3", ["-cpu", "cortex-a72", "-smp", "2"]),
            ("virt,gic-version=max,acpi=off", ["-cpu", "cortex-a53", "-smp", "4", "-m", "2G"]),
            ("virt,secure=on", ["-cpu", "cortex-a72", "-smp", "2"]),
            ("virt,secure=on", ["-cpu", "cortex-a72", "-smp", "2", *kernel]),
            ("virt,virtualization=on",
             ["-cpu", "cortex-a72", "-smp", "8,sockets=2,cores=2,threads=2"]),
            ("virt,virtualization=on,secure=on,gic-version=3", ["-cpu", "cortex-a57", *kernel]),
            ("virt,highmem=off,gic-version=3", ["-cpu", "cortex-a72", "-m", "2G"]),
            ("virt,its=off,gic-version=3", ["-cpu", "cortex-a72", "-smp", "20"]),
            ("virt,gic-version=3", ["-cpu", "cortex-a72", "-smp", "130"]),
            ("virt,dtb-randomness=off", ["-cpu", "cortex-a72", *kernel]),
            ("virt,acpi=off", ["-cpu", "cortex-a72", "-bios", EFI]),
        ]
        for machine, more in cases:
            ours = self.device_tree(self.sosia, machine, more)
            theirs = self.device_tree("qemu-system-aarch64", machine, more)
            if ours != theirs:
                different = [pair for pair in zip(ours, theirs) if pair[0] != pair[1]]
                raise Failure(f"-M {machine} {' '.join(more)}: {different[:3]}")

    def boot_arm64_clock_and_button(self):
        """arm64: the PL031 tells the time; system_powerdown presses the button"""
        with self.linux("virt", "-cpu", "cortex-a72", "-rtc", "base=2020-01-02T03:04:05") as s:
            s.expect(PROMPT)
            s.send(b"date -u +%Y-%m-%d; head -c 24 /dev/input/event0 | wc -c\n")
            s.expect(rb"\r\n2020-01-02")
            s.send(b"\x01c")
            s.expect(rb"\(qemu\) ")
            s.send(b"system_powerdown\n")
            s.expect(rb"\(qemu\) ")
            s.send(b"\x01c")
            s.expect(rb"24\r\n")

    def boot_arm64_disks(self):
        """arm64: ext2 on virtio-mmio and virtio-pci disks, written and read after a reboot"""
        drives = []
        for name, device in (("a", "virtio-blk-device"), ("b", "virtio-blk-pci")):
            disk = self.path(f"disk-{name}.img")
            with open(disk, "wb") as f:
                f.truncate(16 << 20)
            drives += ["-drive", f"file={disk},format=raw,if=none,id={name}", "-device",
                       f"{device},drive={name}"]
        write = ("for d in a b; do mke2fs /dev/vd$d >/dev/null && mount /dev/vd$d /tmp && "
                 "seq 20000 | md5sum >/tmp/sum && umount /tmp && echo done-$d; done")
        read = ("for d in a b; do mount /dev/vd$d /tmp && seq 20000 | md5sum | cmp - /tmp/sum && "
                "umount /tmp && echo done-$d; done")
        for step in (write, read):
            self.run(self.linux("virt,gic-version=3", "-cpu", "cortex-a72", *drives),
                     (step, rb"done-a\r\ndone-b"))

    def boot_arm64_stress(self):
        """arm64: programs of stress-ng that check themselves, all at once on 2 CPUs"""
        image = os.path.join(CACHE, "arm64", "stress.img")
        with self.linux("virt,gic-version=3", "-cpu", "max", "-smp", "2",
                        *stress.drive(image)) as s:
            stress.stress(s, PROMPT, seconds=10)

    # ---- firmware ----

    def check_acpi(self, s):
        """Reads the tables that Linux sees and has iasl take them apart."""
        s.expect(PROMPT)
        s.send(b"cd /sys/firmware/acpi/tables; for t in [A-Z]*; do echo \"== $t\"; base64 $t; done;"
               b" cd; echo ==end\n")
        text = s.expect(rb"\r\n(== .*?)==end\r\n", dotall=True).group(1).decode()
        tables = {}
        for part in text.split("== ")[1:]:
            name, _, data = part.partition("\r\n")
            tables[name] = self.path(f"{name}.aml")
            with open(tables[name], "wb") as f:
                f.write(subprocess.run(["base64", "-di"], input=data.encode(), check=True,
                                       capture_output=True).stdout)
        missing = {"APIC", "DSDT", "FACP", "GTDT", "MCFG", "SPCR", "DBG2", "PPTT"} - tables.keys()
        if missing:
            raise Failure(f"Linux has no ACPI tables {missing}")
        for name, path in tables.items():
            out = subprocess.run(["iasl", "-d", path], capture_output=True, text=True, check=False)
            if out.returncode or "rror" in out.stderr + out.stdout:
                raise Failure(f"iasl about {name}: {out.stdout} {out.stderr}")
        source = self.path("DSDT.dsl")
        out = subprocess.run(["iasl", "-p", self.path("again"), source], capture_output=True,
                             text=True, check=False)
        if "0 Errors, 0 Warnings" not in out.stdout:
            raise Failure(f"iasl about the DSDT: {out.stdout} {out.stderr}")

    @staticmethod
    def hmp(s, command):
        """A command of the monitor on the same terminal; back at the guest's console then."""
        s.send(b"\x01c")
        s.expect(rb"\(qemu\) ")
        s.send(command.encode() + b"\n")
        s.expect(rb"\(qemu\) ")
        s.send(b"\x01c")

    def plug(self, s):
        """A disk comes under a root port and goes again; its name and id can be used a second time."""
        for _ in range(2):
            s.expect(PROMPT)
            self.hmp(s, f"drive_add 0 if=none,id=hot,format=raw,file={self.path('hot')}")
            self.hmp(s, "device_add virtio-blk-pci,id=hot,bus=pci.8,drive=hot")
            s.send(b"until test -b /dev/vdb; do sleep 0.2; done; head -c 7 /dev/vdb; echo\n")
            s.expect(rb"\r\nplugged\r\n")
            s.expect(PROMPT)
            s.send(b"echo 0 > /sys/bus/pci/slots/0-7/power; test -b /dev/vdb || echo gone\n")
            s.expect(rb"\r\ngone\r\n")
        s.expect(PROMPT)

    def boot_arm64_edk2_grub(self):
        """arm64 EDK2, GRUB, Linux with ACPI, as libvirt starts it: disks behind ports come and go"""
        disk = make_esp(self.path("esp"), os.path.join(CACHE, "arm64", "grub.efi"), "BOOTAA64.EFI",
                        self.kernel, self.initrd, "console=ttyAMA0 quiet")
        with open(self.path("hot"), "wb") as f:
            f.write(b"plugged".ljust(1 << 20))
        ports = []
        for n in range(8):
            port = {"driver": "pcie-root-port", "port": 8 + n, "chassis": 1 + n, "id": f"pci.{1 + n}",
                    "bus": "pcie.0", "addr": f"0x1.0x{n}" if n else "0x1"}
            ports += ["-device", json.dumps({**port, **({} if n else {"multifunction": True})})]
        s = self.session("virt,gic-version=3", "-cpu", "cortex-a72", "-smp", "2", "-bios", EFI, *ports,
                         "-device", '{"driver":"virtio-serial-pci","id":"virtio-serial0","bus":"pci.3",'
                         '"addr":"0x0"}',
                         "-blockdev", json.dumps({"driver": "file", "filename": disk, "node-name": "n1"}),
                         "-blockdev", '{"node-name":"n1-format","driver":"raw","file":"n1"}',
                         "-device", '{"driver":"virtio-blk-pci","bus":"pci.4","addr":"0x0",'
                         '"drive":"n1-format","id":"virtio-disk0","bootindex":1}',
                         "-device", '{"driver":"virtio-rng-pci","id":"rng0","bus":"pci.6","addr":"0x0"}',
                         "-smbios", "type=1,serial=sosia-serial", "-net", "none", timeout=180)
        with s:
            self.check_acpi(s)
            for command, expected in (("cat /sys/class/dmi/id/product_serial", rb"sosia-serial"),
                                      ("grep -c ^processor /proc/cpuinfo", rb"2\r\n"),
                                      ("cat /sys/class/input/input0/name", rb"Power Button")):
                s.expect(PROMPT)
                s.send(command.encode() + b"\n")
                s.expect(rb"\r\n" + expected)
            self.plug(s)
            # As acpid does: waits for the key, then switches off.
            s.send(b"(head -c 24 /dev/input/event0 >/tmp/key && poweroff) & sleep 2; echo wait\n")
            s.expect(rb"\r\nwait\r\n")
            s.send(b"\x01c")
            s.expect(rb"\(qemu\) ")
            s.send(b"system_powerdown\n")
            s.wait_exit(0)

    def check_disk(self, s, device, path):
        """The guest reads what is in the file, and what it writes gets there."""
        with open(path, "r+b") as f:
            size = f.seek(0, os.SEEK_END)
            f.seek(0)
            digest = hashlib.md5(f.read(8 << 20)).hexdigest()
            s.expect(PROMPT)
            s.send(f"head -c 8388608 /dev/{device} | md5sum; echo written | dd conv=fsync bs=512 "
                   f"seek={size // 512 - 8} of=/dev/{device} 2>/dev/null; echo do''ne\n".encode())
            s.expect(rb"\r\n" + digest.encode() + rb"  -\r\ndone\r\n")
            f.seek(size - 8 * 512)
            if f.read(8) != b"written\n":
                raise Failure(f"what was written to {device} is not in the file")

    def boot_arm64_edk2_order(self):
        """arm64 EDK2 boots from the disk with the lowest bootindex: scsi-hd, then nvme; both in Linux"""
        disks = {n: make_esp(self.path(n), os.path.join(CACHE, "arm64", "grub.efi"), "BOOTAA64.EFI",
                             self.kernel, self.initrd, f"console=ttyAMA0 quiet from={n}")
                 for n in ("nvme", "scsi")}
        s = self.session("virt", "-cpu", "cortex-a72", "-bios", EFI, "-net", "none", "-drive",
                         f"file={disks['nvme']},format=raw,if=none,id=d0", "-device",
                         "nvme,drive=d0,serial=n,id=n0", "-drive",
                         f"file={disks['scsi']},format=raw,if=none,id=d1", "-device",
                         "virtio-scsi-pci,id=s0", "-device", "scsi-cd,bus=s0.0,bootindex=1", "-device",
                         "scsi-hd,bus=s0.0,drive=d1,bootindex=3", timeout=180)
        try:
            s.expect(PROMPT)
            s.send(b"cat /proc/cmdline; cd /lib/modules/scsi; for i in $(cat order); do "
                   b"insmod $i 2>/dev/null; done; until test -b /dev/sda; do sleep 0.1; done; cd\n")
            s.expect(rb"from=scsi\r\n")
            self.check_disk(s, "sda", disks["scsi"])
            self.check_disk(s, "nvme0n1", disks["nvme"])
            self.hmp(s, "qom-set /machine/peripheral/n0 bootindex 0")
            s.send(b"reboot\n")
            s.expect(rb"Welcome to Linux")
            self.run(s, ("cat /proc/cmdline", rb".*from=nvme"))
        finally:
            s.kill()

    def boot_arm64_edk2_flash(self):
        """arm64 EDK2 in flash, variables in the second; -kernel through fw_cfg"""
        code, variables = self.path("code.fd"), self.path("vars.fd")
        shutil.copy("/usr/share/AAVMF/AAVMF_CODE.fd", code)
        shutil.copy("/usr/share/AAVMF/AAVMF_VARS.fd", variables)
        with open(variables, "rb") as f:
            before = f.read()
        self.run(self.linux("virt", "-cpu", "cortex-a57", "-drive",
                            f"if=pflash,unit=0,format=raw,readonly=on,file={code}", "-drive",
                            f"if=pflash,unit=1,format=raw,file={variables}"),
                 ("ls -d /sys/firmware/efi/efivars", rb"/sys/firmware"))
        with open(variables, "rb") as f:
            if f.read() == before:
                raise Failure("the firmware stored no variables in flash")

    def boot_arm64_edk2_shell(self):
        """arm64 EDK2 without a disk comes to its shell"""
        with self.session("virt", "-cpu", "cortex-a72", "-bios", EFI, "-net", "none") as s:
            s.expect(rb"UEFI Interactive Shell.*ESC", dotall=True)
            s.send(b"\x1b")
            s.expect(rb"Shell> ")

    def boot_arm64_uboot(self):
        """arm64 U-Boot loads Linux from ext4 on a virtio disk, by extlinux.conf"""
        disk = make_extlinux(self.path("files"), self.kernel, self.initrd, "console=ttyAMA0 quiet")
        with self.session("virt", "-cpu", "cortex-a57", "-bios", UBOOT, "-drive",
                          f"file={disk},format=raw,if=none,id=d0", "-device",
                          "virtio-blk-device,drive=d0") as s:
            s.expect(rb"Hit any key")
            s.send(b"\n")
            s.expect(rb"=> ")
            s.send(b"virtio scan; sysboot virtio 0 any ${scriptaddr} /extlinux/extlinux.conf\n")
            s.expect(rb"Retrieving file: /Image")
            s.power_off(PROMPT)

    def boot_arm64_installer(self):
        """arm64: Debian's installer asks for the language"""
        kernel, initrd = (os.path.join(CACHE, "arm64", "installer", n)
                          for n in ("linux", "initrd.gz"))
        with Session([self.sosia, "-M", "virt,gic-version=3", "-cpu", "cortex-a72", "-m", "1G",
                      "-smp", "2", "-kernel", kernel, "-initrd", initrd, "-append",
                      "console=ttyAMA0 quiet", "-nographic"], timeout=240 * SLOW) as s:
            s.expect(rb"Select a language")
