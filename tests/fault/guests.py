#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that means harm (tests/guest/hostile), with the user's side as restless.

    guests.py --build DIR [--arch NAME] [--kind NAME] [--seed N[-M]] [--seconds S] [--keep]

It drives every device of its board with nonsense and with requests that are nearly right, runs random
code, and changes system registers and page tables. Meanwhile the machine is reset, paused, looked at
and saved. The emulator must neither die nor stop listening, and nothing outside the shared folder
may be read or changed.
"""
import argparse
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCE = os.path.join(ROOT, "tests", "guest", "hostile")
sys.path[:0] = [os.path.join(ROOT, "scripts"), os.path.join(ROOT, "tests")]
import gen_isa                                                          # noqa: E402
from timelimits import LIMIT                                            # noqa: E402

FLAGS = ("-O1 -ffreestanding -nostdlib -static -no-pie -fno-stack-protector -Wall -Wextra -Werror "
         "-fno-tree-loop-distribute-patterns -Wno-unused-parameter -Wl,--build-id=none "
         "-Wl,--no-warn-rwx-segments").split()
N_DEVICES, N_ACTIONS, N_WORDS, N_ENCODINGS = 128, 64, 2048, 1024
ONLY = {"folder": 9, "net": 1, "screen": 16, "scsi": 8}
COMMON = ["device", "virtio", "virtio_pci", "pci", "fw_cfg", "flash"]


class Arm:
    cc = "aarch64-linux-gnu-gcc"
    flags = "-mgeneral-regs-only -mstrict-align -march=armv8.2-a -mno-outline-atomics".split()
    actions = [*COMMON, "sysreg", "code", "pages", "its", "psci", "host", "storm", "fill", "wait"]
    kinds = {
        "devices": {"device": 6, "virtio": 3, "virtio_pci": 3, "pci": 2, "fw_cfg": 1, "flash": 1,
                    "its": 4, "wait": 1},
        "virtio": {"virtio": 6, "virtio_pci": 6},
        "folder": {"virtio": 6, "virtio_pci": 6},
        "net": {"virtio": 6, "virtio_pci": 6},
        "screen": {"virtio": 6, "virtio_pci": 6},
        "scsi": {"virtio": 6, "virtio_pci": 6},
        "code": {"code": 8, "storm": 1, "psci": 1},
        "system": {"sysreg": 6, "pages": 4, "code": 4, "wait": 2, "psci": 1, "its": 1},
        "storm": {"storm": 8, "fill": 2, "wait": 1},
        "host": {"host": 6, "psci": 3, "code": 1},
        "all": {name: 1 for name in actions},
    }
    ram = 0x40000000
    places = [
        (0x08000000, 0xfff, 8), (0x08000000, 0xffff, 2), (0x08010000, 0xff, 5), (0x08010000, 0x1fff, 1),
        (0x08020000, 0xfff, 2), (0x08030000, 0x1ff, 3), (0x08040000, 0xff, 3), (0x08080000, 0x1ff, 4),
        (0x08080000, 0x1ffff, 1), (0x080a0000, 0x1ff, 3), (0x080b0000, 0xfff, 3),
        (0x080a0000, 0x7ffff, 3), (0x080a0000, 0xffffff, 1), (0x09000000, 0x7f, 6),
        (0x09000000, 0xfff, 2), (0x09010000, 0x1f, 3), (0x09010000, 0xfff, 1), (0x09020000, 0x1f, 5),
        (0x09030000, 0x7ff, 3), (0x09030000, 0xfff, 1), (0x09040000, 0x7f, 2), (0x09080000, 3, 1),
        (0x090b0000, 0xfff, 2), (0x0a000000, 0x3fff, 8), (0x0e000000, 0xffffff, 1),
        (0x00000000, 0x7ffffff, 2), (0x10000000, 0xfffff, 6), (0x10000000, 0x3fffffff, 1),
        (0x3eff0000, 0xffff, 2), (0x4010000000, 0x7ffff, 5), (0x4010000000, 0xfffffff, 1),
        (0x8000000000, 0xffffff, 1), (0x7ffffffff000, 0x1fff, 1),
    ]

    @staticmethod
    def words():
        rows = []
        for name in ("arm", "simd"):
            isa = gen_isa.load(os.path.join(ROOT, "target", "arm", name + ".isa"))
            rows += [(r.value, r.fmt.mask | r.ignored) for r in isa.rows]
        return rows

    @staticmethod
    def encoding(rng):
        op0 = rng.choice((1, 2, 3, 3, 3, 3, 3, 3))
        if op0 == 1:
            crn = rng.choice((7, 8, 8))
            return (0xd5080000 | rng.choice((0, 0, 3, 4, 4, 6)) << 16 | crn << 12 | rng.randrange(16) << 8 |
                    rng.randrange(8) << 5)
        if op0 == 2:
            op1, crn = rng.choice(((0, 0), (0, 0), (0, 0), (0, 1), (0, 7), (3, 0), (4, 0)))
        else:
            op1 = rng.choice((0, 0, 0, 3, 3, 4, 4, 5, 6))
            crn = rng.choice((1, 1, 2, 3, 4, 4, 5, 6, 9, 9, 10, 12, 12, 12, 13, 14, 14, 14, 15))
        word = (0xd5000000 | op0 << 19 | op1 << 16 | crn << 12 | rng.randrange(16) << 8 |
                rng.randrange(8) << 5)
        return word | (rng.random() < 0.25) << 21

    @staticmethod
    def options(rng, kind):
        gic = rng.choice((2, 3))
        secure, virtualization = rng.choice(((0, 0), (0, 1), (1, 0), (1, 1), (1, 1)))
        cpu = rng.choice(("cortex-a72", "max", "max", "cortex-a53", "neoverse-n1"))
        smp = rng.choice((1, 2, 2, 3))
        args = ["-M", f"virt,gic-version={gic},secure={'on' if secure else 'off'},virtualization="
                f"{'on' if virtualization else 'off'}", "-cpu", cpu, "-smp", str(smp)]
        if kind == "host" or rng.random() < 0.5:
            args += ["-semihosting-config", "enable=on,target=native" +
                     (",userspace=on" if rng.random() < 0.5 else "")]
        setup = {"virtio": 0x0a000000, "virtio_step": 0x200, "virtio_count": 32,
                 "ecam": 0x4010000000, "pci_window": 0x10000000, "fw_cfg": 0x09020000, "flash": 0,
                 "gic": gic, "uart": 0x09000000, "finisher": 0}
        return args, setup


class Riscv:
    cc = "riscv64-linux-gnu-gcc"
    flags = "-march=rv64ima_zicsr_zifencei -mabi=lp64 -mcmodel=medany -mstrict-align".split()
    actions = [*COMMON, "csr", "wait"]
    kinds = {
        "devices": {"device": 6, "virtio": 3, "virtio_pci": 3, "pci": 2, "fw_cfg": 1, "flash": 1,
                    "wait": 1},
        "virtio": {"virtio": 6, "virtio_pci": 6},
        "folder": {"virtio": 6, "virtio_pci": 6},
        "net": {"virtio": 6, "virtio_pci": 6},
        "screen": {"virtio": 6, "virtio_pci": 6},
        "scsi": {"virtio": 6, "virtio_pci": 6},
    }
    ram = 0x80000000
    places = [
        (0x10000000, 7, 8), (0x101000, 0x3f, 5), (0x2000000, 0xffff, 2), (0x2004000, 0x1f, 4),
        (0xc000000, 0x1ff, 4), (0xc002000, 0x1ff, 4), (0xc200000, 0x3fff, 5), (0x10100000, 0x1f, 4),
        (0x20000000, 0x3ffffff, 2), (0x30000000, 0x7ffff, 8), (0x3000000, 0xffff, 2),
        (0x40000000, 0xfffff, 8), (0x1000, 0xffff, 1), (0x10001000, 0x7fff, 8),
    ]

    @staticmethod
    def words():
        return [(0x13, 0)]

    @staticmethod
    def encoding(rng):
        return rng.choice((0x300, 0x304, 0x305, 0x340, 0x341, 0x342, 0x343, 0x344, 0x180, 0x3a0, 0x3b0,
                           0x7a0, 0x320, 0xb00, 0xb02, 0x30a, 0x14d)) << 20

    @staticmethod
    def options(rng, kind):
        args = ["-M", "virt", "-bios", "none", "-smp", str(rng.choice((1, 2, 2, 3)))]
        setup = {"virtio": 0x10001000, "virtio_step": 0x1000, "virtio_count": 8, "ecam": 0x30000000,
                 "pci_window": 0x40000000, "fw_cfg": 0x10100000, "flash": 0x20000000, "gic": 0,
                 "uart": 0x10000000, "finisher": 0x100000}
        return args, setup


ARCHS = {"aarch64": Arm, "riscv64": Riscv}


def compile_guest(arch, out):
    name = "arm" if arch is Arm else "riscv"
    subprocess.run([arch.cc, *FLAGS, *arch.flags, "-T", os.path.join(SOURCE, name + ".ld"), "-o", out,
                    *(os.path.join(SOURCE, f) for f in (name + ".S", name + ".c", "hostile.c",
                                                        "messages.c"))], check=True)
    p = subprocess.run([arch.cc.replace("gcc", "nm"), out], check=True, capture_output=True, text=True)
    return int(re.search(r"^([0-9a-f]+) \w setup$", p.stdout, re.M)[1], 16)


def offset_of(data, address):
    """Of a loaded address in an ELF file."""
    phoff, = struct.unpack_from("<Q", data, 32)
    for i in range(struct.unpack_from("<H", data, 56)[0]):
        kind, _, offset, vaddr, _, size = struct.unpack_from("<IIQQQQ", data, phoff + 56 * i)
        if kind == 1 and vaddr <= address < vaddr + size:
            return address - vaddr + offset
    raise ValueError("setup is not in the file")


def weighted(pairs, n, rng):
    bag = [x for x, weight in pairs for _ in range(weight)]
    return (bag * n)[:n] if len(bag) < n else rng.sample(bag, n)


class Run:
    """One guest: its files, its command line, what was done to it and what came of it."""

    def __init__(self, build, arch_name, kind, seed, tmp, elf):
        self.arch, self.kind, self.tmp = ARCHS[arch_name], kind, tmp
        self.rng = random.Random(f"{arch_name} {kind} {seed}")
        self.sosia = os.path.join(os.path.abspath(build), f"sosia-system-{arch_name}")
        self.canary = self.rng.randbytes(16)
        self.argv = [self.sosia, *self.options(seed, elf)]

    def path(self, name):
        return os.path.join(self.tmp, name)

    def image(self, name, size):
        with open(self.path(name), "wb") as f:
            f.truncate(size)
        return self.path(name)

    def share(self, name):
        top = self.path(name)
        for folder in ("dir", "deep/deep/deep", "swap"):
            os.makedirs(os.path.join(top, folder))
        for file in ("file", "dir/file", "swap/secret"):
            with open(os.path.join(top, file), "w") as f:
                f.write("content\n")
        for link, target in (("out", self.path("outside")), ("outfile", self.path("outside/secret")),
                             ("link", "file"), ("loop", "loop"), ("dir/up", "../../outside")):
            os.symlink(target, os.path.join(top, link))
        os.mkfifo(os.path.join(top, "fifo"))
        return top

    def options(self, seed, elf):
        rng = self.rng
        os.makedirs(self.path("outside"))
        with open(self.path("outside/secret"), "wb") as f:
            f.write(self.canary)
        os.makedirs(self.path("tftp/dir"))
        os.symlink(self.path("outside/secret"), self.path("tftp/outfile"))
        with open(self.path("tftp/file"), "wb") as f:
            f.write(bytes(3000))
        board, setup = self.arch.options(rng, self.kind)
        with open(elf[0], "rb") as f:
            data = bytearray(f.read())
        words, places = self.arch.words(), weighted([(p[:2], p[2]) for p in self.arch.places], N_DEVICES, rng)
        actions = [self.arch.actions.index(a)
                   for a in weighted(self.arch.kinds[self.kind].items(), N_ACTIONS, rng)]
        blob = struct.pack("<16Q", rng.getrandbits(64) | 1, 1 << 40, self.arch.ram, 64 << 20,
                           setup["virtio"], setup["virtio_step"], setup["virtio_count"], setup["ecam"],
                           setup["pci_window"], setup["fw_cfg"], setup["flash"], setup["gic"],
                           setup["uart"], setup["finisher"], 1, ONLY.get(self.kind, 0))
        blob += bytes(b ^ 0xff for b in self.canary) + bytes(actions)
        blob += b"".join(struct.pack("<QQ", *p) for p in places)
        blob += b"".join(struct.pack("<II", *rng.choice(words)) for _ in range(N_WORDS))
        blob += b"".join(struct.pack("<I", self.arch.encoding(rng)) for _ in range(N_ENCODINGS))
        at = offset_of(data, elf[1])
        data[at:at + len(blob)] = blob
        with open(self.path("kernel"), "wb") as f:
            f.write(data)
        accel = rng.choice(("tcg", "tcg", "tcg,tb-size=1", "tcg,x-tiny-tlb=on",
                            "tcg,x-random-flush=20,x-random-evict=2000", "tcg,x-regions=on", "interp"))
        icount = rng.random() < 0.1 and "tb-size" not in accel
        modern = rng.random() < 0.5
        pci = self.arch is Riscv or rng.random() < 0.6

        slots = [setup["virtio_count"]]

        def device(name, *props):
            form = "pci" if pci and (not slots[0] or rng.random() < 0.5) else "device"
            slots[0] -= form == "device"
            more = ["packed=on"] if rng.random() < 0.1 else []
            place = [f"bus={rng.choice(behind)}"] if form == "pci" and behind and rng.random() < 0.4 else []
            if place and place[0][4:] not in ("conventional", "express"):
                behind.remove(place[0][4:])
            return ["-device", ",".join([f"virtio-{name}-{form}", *props, *more, *place])]

        bridges, behind = [], []
        if rng.random() < 0.7:
            for n in range(4):
                behind.append(f"port{n}")
                bridges += ["-device", f"pcie-root-port,id=port{n},chassis={n + 1},addr={16 + n:x}"]
            behind.append(rng.choice(("conventional", "express")))
            bridges += ["-device", "pci-bridge,id=conventional,chassis_nr=1,addr=14" if behind[-1] ==
                        "conventional" else "pcie-pci-bridge,id=express,addr=14"]
        model = rng.choice(("none", "passthrough", "mapped-xattr"))
        return [
            *board, "-m", "64", "-kernel", self.path("kernel"), "-display", "none", "-serial",
            f"file:{self.path('serial')}", "-monitor", "none", "-nodefaults", "-accel", accel, "-qmp",
            f"unix:{self.path('qmp')},server=on,wait=off", "-snapshots", self.path("snapshots"),
            "-d", "guest_errors", "-D", "/dev/null",
            *(["-icount", "shift=0,sleep=off"] if icount else []),
            *(["-global", "virtio-mmio.force-legacy=false"] if modern else []),
            "-drive", f"file={self.image('disk0', 4 << 20)},format=raw,if=none,id=d0,discard=unmap",
            "-drive", f"file={self.image('disk1', 4 << 20)},format=raw,if=none,id=d1,readonly=on",
            *(["-drive", f"file={self.image('flash', 32 << 20 if self.arch is Riscv else 64 << 20)},"
               "format=raw,if=pflash,unit=1"]),
            "-chardev", "null,id=c0", "-chardev", f"socket,id=c1,path={self.path('port')},server=on,wait=off",
            "-chardev", "ringbuf,id=c2,size=4096", *bridges,
            *device("blk", "drive=d0"), *device("blk", "drive=d1"), *device("rng", "max-bytes=1000",
                                                                         "period=100"),
            "-drive", f"file={self.image('disk2', 4 << 20)},format=raw,if=none,id=d2,discard=unmap",
            "-drive", f"file={self.image('disk3', 4 << 20)},format=raw,if=none,id=d3,media=cdrom",
            *device("scsi", "id=sc0", f"num_queues={rng.choice((1, 1, 3))}"),
            "-device", "scsi-hd,drive=d2,bus=sc0.0,scsi-id=0,id=hd0",
            "-device", "scsi-cd,drive=d3,bus=sc0.0,scsi-id=1,id=cd0",
            *(["-drive", f"file={self.image('disk4', 4 << 20)},format=raw,if=none,id=d4,discard=unmap",
               "-device", "nvme,serial=x,drive=d4"] if pci else []),
            *device("serial", "id=s0"), "-device", "virtconsole,chardev=c0,bus=s0.0",
            "-device", "virtserialport,chardev=c1,bus=s0.0,name=port",
            "-device", "virtserialport,chardev=c2,bus=s0.0,name=ring",
            "-netdev", f"user,id=n0,restrict=on,tftp={self.path('tftp')},hostname=guest",
            *device("net", "netdev=n0"),
            "-fsdev", f"local,id=f0,path={self.share('share0')},security_model={model}",
            *device("9p", "fsdev=f0", "mount_tag=a"),
            "-fsdev", f"local,id=f1,path={self.share('share1')},security_model=none,readonly=on",
            *device("9p", "fsdev=f1", "mount_tag=b"),
            *device("keyboard"), *device("mouse"), *device("tablet"),
            *device("gpu", "id=g0", "max_outputs=2", "max_hostmem=4M"), "-device", "ramfb",
            *device("balloon", "free-page-reporting=on", "id=b0"), "-device", "vmcoreinfo",
            *(["-device", "pvpanic-pci", "-action", "panic=none"] if pci else []),
        ]

    # ---- the user's side ----

    def swap(self, stop):
        """A folder within the shared one is now a folder, now a link to the outside."""
        top = self.path("share0")
        at, real, link = (os.path.join(top, n) for n in ("swap", ".real", ".link"))
        while not stop.wait(0.001):
            try:
                os.rename(at, real)
                os.symlink(self.path("outside"), link)
                os.rename(link, at)
                time.sleep(0.0005)
                os.unlink(at)
                os.rename(real, at)
            except OSError:     # the guest is at it too
                for p in (at, link):
                    try:
                        os.unlink(p)
                    except OSError:
                        pass
                try:
                    os.rename(real, at)
                except OSError:
                    pass

    def command(self, name, /, **args):
        line = json.dumps({"execute": name, **({"arguments": args} if args else {})})
        self.qmp.sendall(line.encode() + b"\n")
        while True:
            while b"\n" not in self.buf:
                chunk = self.qmp.recv(65536)
                if not chunk:
                    raise ConnectionError("QMP was closed")
                self.buf += chunk
            answer, self.buf = self.buf.split(b"\n", 1)
            answer = json.loads(answer)
            if "event" not in answer:
                return answer

    def user(self, end):
        """Resets, pauses, looks, saves; returns when it is time, or raises OSError."""
        self.buf = b""
        self.qmp = socket.socket(socket.AF_UNIX)
        self.qmp.settimeout(LIMIT)
        while True:
            try:
                self.qmp.connect(self.path("qmp"))
                break
            except OSError:
                if self.proc.poll() is not None or time.monotonic() > end + LIMIT:
                    raise
                time.sleep(0.02)
        with self.qmp:
            self.qmp.recv(4096)
            self.command("qmp_capabilities")
            saved = 0
            looks = ["info registers -a", "info mtree -f", "info qtree", "info pci", "info tlb", "info mem",
                     "info jit", "info irq", "info pic", "info network", "info usernet", "x/4i $pc",
                     "xp/8gx 0x8000000", "info block", "info cpus", "info roms",
                     "dump-guest-memory /dev/null", "dump-guest-memory -p /dev/null", "info balloon",
                     "balloon 40", "balloon 64", "qom-set b0 guest-stats-polling-interval 1",
                     "qom-get b0 guest-stats"]
            while time.monotonic() < end:
                time.sleep(self.rng.random() * 0.4)
                k = self.rng.randrange(15)
                for _ in range(self.rng.randrange(3)):      # devices come and go
                    n = self.rng.randrange(4)
                    if self.rng.random() < 0.5:
                        self.command("device_add", driver=self.rng.choice(
                            ("virtio-rng-pci", "virtio-serial-pci", "virtio-keyboard-pci")), id=f"hot{n}",
                            bus=f"port{n}")
                    else:
                        self.command("device_del", id=f"hot{n}")
                if k < 4:
                    self.command("system_reset")
                elif k < 6:
                    self.command("stop")
                    self.command("human-monitor-command", **{"command-line": self.rng.choice(looks)})
                    self.command("cont")
                elif k < 8:
                    self.command("human-monitor-command", **{"command-line": self.rng.choice(looks)})
                elif k == 8:
                    saved += 1
                    self.command("human-monitor-command", **{"command-line": f"savevm s{saved & 1}"})
                elif k == 9 and saved:
                    self.command("human-monitor-command", **{"command-line": "loadvm s1"})
                    self.command("cont")
                elif k == 10:
                    self.command("set_link", name="n0", up=self.rng.random() < 0.7)
                elif k == 11:
                    line = self.rng.choice(["sendkey ctrl-alt-f1-a-b-c 1", "mouse_move 5 6 1", "mouse_button 7",
                                            "mouse_button 0", "info mice",
                                            f"screendump {self.path('screen')} -f png g0",
                                            f"screendump {self.path('screen')} g0 1"])
                    self.command("human-monitor-command", **{"command-line": line})
                elif k == 12:
                    self.medium()
                elif k == 13:
                    self.command("device_del", id="x0")
                    self.command("device_add", driver="scsi-cd", bus="sc0.0", id="x0")
                else:
                    self.command("system_powerdown")

    def medium(self):
        k = self.rng.randrange(4)
        force = self.rng.random() < 0.5
        if k == 0:
            self.command("eject", id="cd0", force=force)
        elif k == 1:
            self.command("blockdev-open-tray", id="cd0", force=force)
        elif k == 2:
            self.command("blockdev-close-tray", id="cd0")
        else:
            self.command("blockdev-change-medium", id="cd0", filename=self.path("disk3"), format="raw",
                         force=force)

    def run(self, seconds):
        """(what went wrong or None, how it ended)"""
        stop = threading.Event()
        swapper = threading.Thread(target=self.swap, args=(stop,), daemon=True)
        cwd = self.path("cwd")      # of semihosting
        os.makedirs(os.path.join(cwd, "dir"))
        how, why = "by itself", None
        with open(self.path("err"), "w+b") as err:
            self.proc = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                                         cwd=cwd)
            swapper.start()
            try:
                self.user(time.monotonic() + seconds)
            except (OSError, ValueError) as e:
                try:
                    self.proc.wait(LIMIT)
                except subprocess.TimeoutExpired:
                    why = f"the monitor: {e!r}"
            if self.proc.poll() is None:
                how = "after SIGTERM"
                self.proc.send_signal(signal.SIGTERM)
                try:
                    self.proc.wait(LIMIT)
                except subprocess.TimeoutExpired:
                    self.proc.send_signal(signal.SIGABRT)
                    self.proc.wait()
                    why = "does not end after SIGTERM"
            stop.set()
            swapper.join()
            err.seek(0)
            text = err.read().decode(errors="replace")
        # A guest that may call the host may end the program with any status.
        fine = range(256) if "-semihosting-config" in self.argv else (0,)
        if why or self.proc.returncode not in fine:
            return f"{why or ''} status {self.proc.returncode}: {text[-8000:]}", how
        if re.search("ERROR: |WARNING: |runtime error|CRITICAL|ThreadSanitizer", text):
            return f"reports: {text[:8000]}", how
        with open(self.path("serial"), "rb") as f:
            if b"LEAK" in f.read():
                return "a file outside the shared folder was read", how
        with open(self.path("outside/secret"), "rb") as f:
            if f.read() != self.canary or os.listdir(self.path("outside")) != ["secret"]:
                return f"the outside was changed: {os.listdir(self.path('outside'))}", how
        return None, how


def main():
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--build", required=True)
    ap.add_argument("--arch", choices=ARCHS)
    ap.add_argument("--kind")
    ap.add_argument("--seed", default="1")
    ap.add_argument("--seconds", type=float, default=5)
    ap.add_argument("--keep", action="store_true", help="print the command and keep its files")
    args = ap.parse_args()
    first, _, last = args.seed.partition("-")
    failures = 0
    with tempfile.TemporaryDirectory(prefix="sosia-guests-") as top:
        elves = {}
        for name, arch in ARCHS.items():
            if args.arch in (None, name):
                if not shutil.which(arch.cc):
                    sys.exit(f"{arch.cc} is missing")
                elf = os.path.join(top, name)
                elves[name] = (elf, compile_guest(arch, elf))
        if args.keep:
            tmp = tempfile.mkdtemp(prefix="sosia-guests-")
            print(" ".join(Run(args.build, args.arch, args.kind, int(first), tmp, elves[args.arch]).argv))
            return 0
        for seed in range(int(first), int(last or first) + 1):
            for name, elf in elves.items():
                for kind in [args.kind] if args.kind else ARCHS[name].kinds:
                    tmp = tempfile.mkdtemp(prefix="run-", dir=top)
                    run = Run(args.build, name, kind, seed, tmp, elf)
                    why, how = run.run(args.seconds)
                    failures += why is not None
                    print(f"{'not ok' if why else 'ok'} - {name} {kind} {seed} ended {how}", flush=True)
                    if why:
                        print(" ".join(run.argv), why, sep="\n", flush=True)
                    shutil.rmtree(tmp)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
