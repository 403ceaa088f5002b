# SPDX-License-Identifier: GPL-2.0-or-later
"""Snapshots of a booted arm64 Linux with its devices at work, in one program and the next."""
import hashlib
import json
import os
import random
import socket
import time

from session import Failure, Session
from timelimits import SLOW

PROMPT = rb"(~|/root) # "
CPUS = 4
DISK = b"".join(b"%015d\n" % i for i in range(1 << 16))

# What each device is asked afterwards; the same before, so that nothing is first used then.
PROBE = ("echo disk-$(dd if=/dev/vda bs=64k iflag=direct 2>/dev/null | md5sum | cut -c1-32); "
         "echo rng-$(head -c 64 /dev/hwrng | wc -c); cat /h/file; "
         "tftp -g -r file -l /tmp/f 10.0.2.2; cat /tmp/f; echo to-the-console-$N > /dev/hvc0; "
         "echo kept-$(cat /tmp/kept); echo probed-$((N))")


class Monitor:
    """QMP on a socket."""

    def __init__(self, path, session):
        self.sock = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + 20 * SLOW
        while True:
            try:
                self.sock.connect(path)
                break
            except OSError:
                if time.monotonic() > end or session.proc.poll() is not None:
                    session.read_some(1)
                    raise Failure(f"no machine: {session.all[-300:]!r}") from None
                time.sleep(0.01)
        self.sock.settimeout(60 * SLOW)
        self.file = self.sock.makefile("rwb")
        self.file.readline()
        self.ask("qmp_capabilities")

    def send(self, name, **args):
        self.file.write(json.dumps({"execute": name, "arguments": args}).encode() + b"\n")
        self.file.flush()

    def ask(self, name, **args):
        self.send(name, **args)
        while True:
            line = self.file.readline()
            if not line:
                raise Failure("the monitor was closed")
            answer = json.loads(line)
            if "event" not in answer:
                return answer

    def hmp(self, line):
        said = self.ask("human-monitor-command", **{"command-line": line})["return"]
        if said:
            raise Failure(f"{line}: {said!r}")


class Counters:
    """Reads what one counter per CPU prints: each goes up by one, from one line to the next."""

    def __init__(self):
        self.last = {}

    def read(self, s, rounds=4):
        """Until each has counted so often. Fails where one skips."""
        seen = dict.fromkeys(range(CPUS), 0)
        while min(seen.values()) < rounds:
            m = s.expect(rb"<([0-9]+) ([0-9]+)>")
            cpu, n = (int(x) for x in m.groups())
            if cpu in self.last and n != self.last[cpu] + 1:
                raise Failure(f"counter {cpu}: {n} after {self.last[cpu]}")
            self.last[cpu] = n
            seen[cpu] += 1

    def copy(self):
        c = Counters()
        c.last = dict(self.last)
        return c


class SnapshotBoots:
    """Mixed into Arm64Boots."""

    def snapshot_machine(self, machine, cpu, bus, *more):
        suffix = "-pci" if bus == "pci" else "-device"
        os.makedirs(self.path("snapshare"), exist_ok=True)
        words = [
            "-M", machine, "-cpu", cpu, "-smp", str(CPUS), "-m", "512", "-nographic",
            "-kernel", self.kernel, "-initrd", self.initrd, "-append", "console=ttyAMA0 quiet",
            "-drive", f"file={self.path(f'snap-{bus}.img')},format=raw,if=none,id=d0",
            "-device", f"virtio-blk{suffix},drive=d0",
            "-netdev", f"user,id=n0,tftp={self.path('snapshare')}",
            "-device", f"virtio-net{suffix},netdev=n0",
            "-fsdev", f"local,id=f0,path={self.path('snapshare')},security_model=none",
            "-device", f"virtio-9p{suffix},fsdev=f0,mount_tag=host",
            "-device", f"virtio-rng{suffix}",
            "-device", f"virtio-serial{suffix}",
            "-chardev", f"file,id=c0,path={self.path(f'snapconsole-{bus}')},append=on",
            "-device", "virtconsole,chardev=c0",
            "-qmp", f"unix:{self.path('snapqmp')},server=on,wait=off"]
        if os.path.exists(self.path("snapqmp")):
            os.unlink(self.path("snapqmp"))
        s = Session([self.sosia, *words, *more], timeout=150 * SLOW)
        try:
            return s, Monitor(self.path("snapqmp"), s)
        except BaseException:
            s.kill()
            raise

    def probe(self, s, bus, number):
        """The devices do what they did; at the shell's prompt before and after."""
        s.send(b"N=%d; /tmp/probe\n" % number)
        for line in (b"disk-%s\r\n" % hashlib.md5(DISK).hexdigest().encode(), rb"rng-64\r\n", rb"from-the-host\r\n",
                     rb"from-the-host\r\n", rb"kept-of-then\r\n", rb"probed-%d\r\n" % number):
            s.expect(line)
        end = time.monotonic() + 10 * SLOW
        while True:
            with open(self.path(f"snapconsole-{bus}"), "rb") as f:
                if b"to-the-console-%d" % number in f.read():
                    return
            if time.monotonic() > end:
                raise Failure("nothing comes from the virtio console")
            time.sleep(0.05)

    def snapshot_linux(self, machine, cpu, bus):
        os.makedirs(self.path("snapshare"), exist_ok=True)
        with open(self.path("snapshare/file"), "w", encoding="ascii") as f:
            f.write("from-the-host\n")
        with open(self.path(f"snap-{bus}.img"), "wb") as f:
            f.write(DISK)
        s, m = self.snapshot_machine(machine, cpu, bus)
        try:
            s.expect(PROMPT)
            s.send(b"stty -echo; (echo '#!/bin/sh'; echo '" + PROBE.encode() + b"') > /tmp/probe; "
                   b"chmod +x /tmp/probe; export N; mkdir /h; mount -t 9p -o "
                   b"trans=virtio,version=9p2000.L host /h; ip addr add 10.0.2.15/24 dev eth0; "
                   b"ip link set eth0 up; echo of-then > /tmp/kept\n")
            s.expect(PROMPT)
            self.probe(s, bus, 1)
            s.expect(PROMPT)
            s.send(b"for c in $(seq 0 %d); do taskset -p $((1 << c)) $$ >/dev/null; (n=0; while "
                   b"[ ! -e /tmp/end ]; do n=$((n + 1)); echo \"<$c $n>\"; usleep 5000; done) & "
                   b"done\n" % (CPUS - 1))
            now = Counters()
            now.read(s)
            m.hmp("savevm one")
            one = now.copy()
            now.read(s)
            # Of a later time; the disk as well.
            s.send(b"echo of-later > /tmp/kept; echo overwritten > /dev/vda; sync; echo ok-later\n")
            s.expect(rb"ok-later\r\n")
            m.hmp("savevm two")
            m.hmp("stop")
            m.hmp("loadvm one")
            s.read_some(0.1)
            s.pending = b""
            m.hmp("cont")
            self.goes_on(s, bus, one, 2)
            s.kill()
            s, m = self.snapshot_machine(machine, cpu, bus, "-loadvm", "one")
            self.goes_on(s, bus, one, 3)
            s.power_off(PROMPT)
        finally:
            s.kill()
        with open(self.path(f"snap-{bus}.img"), "rb") as f:
            if f.read() != DISK:
                raise Failure("the disk is not what it was when the snapshot was taken")

    def goes_on(self, s, bus, saved, number):
        """Every counter goes on right behind where it was (a few lines may have been on their way
        when the machine stopped); then the devices are asked."""
        counters = Counters()
        first = {}
        while len(first) < CPUS:
            m = s.expect(rb"<([0-9]+) ([0-9]+)>")
            cpu, n = (int(x) for x in m.groups())
            first.setdefault(cpu, n)
            counters.last[cpu] = n
        for cpu, n in first.items():
            if not saved.last[cpu] <= n < saved.last[cpu] + 400:
                raise Failure(f"counter {cpu} goes on with {n}, and was at {saved.last[cpu]}")
        counters.read(s)
        s.send(b"touch /tmp/end; wait; echo stopped\n")
        s.expect(rb"stopped\r\n")
        s.expect(PROMPT)
        self.probe(s, bus, number)

    def boot_arm64_snapshot_gicv2(self):
        """arm64 Linux goes on after loadvm and -loadvm: 4 CPUs, cortex-a72, GICv2, virtio-mmio"""
        self.snapshot_linux("virt", "cortex-a72", "mmio")

    def boot_arm64_snapshot_gicv3(self):
        """arm64 Linux goes on after loadvm and -loadvm: 4 CPUs, max, GICv3, ITS, virtio-pci"""
        self.snapshot_linux("virt,gic-version=3", "max", "pci")

    # ---- kill -9 ----

    # Writes its round's number to the next of 64 places of the disk, two clusters apart, and finds
    # there the number of 64 rounds ago.
    ROUNDS = (b"i=64; while :; do o=$((i % 64 * 256)); n=$(dd if=/dev/vda bs=512 skip=$o count=1 "
              b"iflag=direct 2>/dev/null | head -c 8); [ $n = $(printf %08d $((i - 64))) ] || "
              b"echo BAD-$i-$n; printf %08d $i | dd of=/dev/vda bs=512 seek=$o conv=sync,notrunc "
              b"oflag=direct 2>/dev/null; echo \"<0 $i>\"; i=$((i + 1)); done\n")

    def rounds(self, s, count):
        """Numbers that ascend by one, and no place of the disk with a wrong one."""
        first = last = None
        while last is None or last < first + count:
            m = s.expect(rb"<0 ([0-9]+)>|BAD[-0-9]*")
            if not m.group(1):
                raise Failure(f"the disk is not of one moment with memory: {m.group(0)}")
            n = int(m.group(1))
            if last is not None and n != last + 1:
                raise Failure(f"{n} after {last}")
            first, last = first or n, n
        return first

    def boot_arm64_snapshot_killed(self):
        """arm64 Linux writing to its disk, killed while it saves: older snapshots and disk are good"""
        rng = random.Random(int(os.environ.get("SOSIA_SEED", "1")))
        kills = int(os.environ.get("SOSIA_KILLS", "4"))
        with open(self.path("snap-killed.img"), "wb") as f:
            for i in range(64):
                f.seek(i * 256 * 512)
                f.write(b"%08d" % i)
            f.truncate(64 * 256 * 512)
        words = ["virt", "cortex-a72", "killed"]
        s, m = self.snapshot_machine(*words)
        complete = {}
        try:
            s.expect(PROMPT)
            s.send(b"stty -echo\n")
            s.expect(PROMPT)
            s.send(self.ROUNDS)
            self.rounds(s, 3)
            m.hmp("savevm base")
            complete["base"] = self.rounds(s, 3)
            for i in range(kills):
                tag = f"k{i}"
                m.send("human-monitor-command", **{"command-line": f"savevm {tag}"})
                time.sleep(rng.random() * 0.25)
                s.kill()
                s, m = self.snapshot_machine(*words, "-loadvm", rng.choice(sorted(complete)))
                self.rounds(s, 2)
                answer = m.ask("human-monitor-command", **{"command-line": "info snapshots"})
                lines = answer["return"].split("\r\n")[2:-1]
                have = {line.split()[1] for line in lines}
                if not complete.keys() <= have or not have <= complete.keys() | {tag} or any(
                        not line.startswith("--") for line in lines):
                    raise Failure(f"kill {i}: {lines} instead of {complete}")
                for t in sorted(have):
                    if t in complete and rng.random() > 0.3:
                        continue
                    m.hmp("stop")
                    s.read_some(0.05)
                    s.pending = b""
                    m.hmp(f"loadvm {t}")
                    m.hmp("cont")
                    n = self.rounds(s, 2)
                    if abs(n - complete.setdefault(t, n)) > 50:
                        raise Failure(f"kill {i}: {t} goes on with {n}, not {complete[t]}")
                while len(complete) > 3:
                    t = rng.choice(sorted(complete))
                    m.hmp(f"delvm {t}")
                    del complete[t]
            self.rounds(s, 66)
        finally:
            s.kill()
