#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Migration: a guest that counts goes on in another program, over every kind of connection; what is
cancelled, breaks or does not fit leaves it where it was; streams that are damaged are refused.

    migrate.py --build DIR [--case NAME] [--seed N]
"""
import argparse
import os
import random
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import counting
from counting import Failure
from timelimits import LIMIT

HERE = os.path.dirname(os.path.abspath(__file__))
CC = "-O1 -ffreestanding -fno-stack-protector -nostdlib -static -no-pie -Wl,--build-id=none " \
     "-Wl,--no-warn-rwx-segments -Wl,-z,max-page-size=4096"
BOARDS = {
    "riscv64": (["-bios", "none"], "-mcmodel=medany", "0x80000000"),
    "aarch64": (["-cpu", "cortex-a72"], "-mgeneral-regs-only", "0x40200000"),
}


class Machine(counting.Machine):
    """One that moves, or the place for it."""

    def __init__(self, case, *words, fds=()):
        super().__init__(case, *case.board, "-m", "64", *words, fds=fds)
        self.ask("migrate-set-capabilities", capabilities=[{"capability": "events", "state": True}])

    def said(self):
        """The events so far, each in a line with its data."""
        return [" ".join([e["event"], *map(str, e.get("data", {}).values())]) for e in self.events]

    def wait_event(self, *which):
        while not any(e in which for e in self.said()):
            self.message()
        return next(e for e in self.said() if e in which)

    def state(self):
        return self.ask("query-status")["status"]

    def last(self):
        number, numbers = super().last(), self.numbers()
        if any(b - a != 1 << 15 for a, b in zip(numbers, numbers[1:])):
            raise Failure(f"numbers are missing or come twice: {numbers[-5:]}")
        return number

    def expect_migrated(self, to):
        """Of the source: where it stopped, the other one goes on."""
        self.wait_event("MIGRATION completed", "MIGRATION failed")
        if self.state() != "postmigrate":
            raise Failure(f"source: {self.state()}, {self.ask('query-migrate')}")
        mine = [e for e in self.said() if e.startswith(("MIGRATION ", "STOP", "RESUME"))]
        if mine != ["MIGRATION setup", "MIGRATION active", "STOP", "MIGRATION completed"]:
            raise Failure(f"source: {mine}")
        to.wait_event("MIGRATION completed")
        theirs = to.said()
        if theirs != ["MIGRATION setup", "MIGRATION active", "RESUME", "MIGRATION completed"]:
            if theirs != ["MIGRATION active", "RESUME", "MIGRATION completed"]:
                raise Failure(f"destination: {theirs}")
        # What it prints joins what the source printed, but for a line that was under way.
        self.drain()
        last, first = self.numbers()[-1], to.first()
        if not last < first <= last + (2 << 15):
            raise Failure(f"{first:#x} after {last:#x}")


class Cases:
    def __init__(self, build, tmp, arch, seed):
        self.arch, self.tmp, self.rng = arch, tmp, random.Random(seed)
        self.sosia = os.path.join(build, f"sosia-system-{arch}")
        self.board, flag, at = BOARDS[arch]
        self.guest = os.path.join(tmp, "guest.elf")
        self.machines = []
        subprocess.run([f"{arch}-linux-gnu-gcc", *CC.split(), flag, f"-Wl,-Ttext={at}", "-o",
                        self.guest, os.path.join(HERE, "migrate.c"), "-T",
                        os.path.join(HERE, "migrate.ld")], check=True)

    def end(self):
        for m in self.machines:
            m.proc.kill()
            m.proc.wait()
        self.machines = []

    def path(self, name):
        return os.path.join(self.tmp, name)

    def go(self, uri, *words, incoming=None, fds=(), fd=None):
        to = Machine(self, *words, "-incoming", incoming or uri, fds=fds)
        source = Machine(self, *words)
        source.last()
        if fd:
            source.qmp("getfd", fd=fd, fdname="there")
        source.ask("migrate", uri=uri)
        source.expect_migrated(to)
        return source, to

    # ---- ways ----

    def tcp(self):
        """With a disk: it is the destination's, then the source's again."""
        disk = self.path("disk.img")
        subprocess.run(["truncate", "-s", "1M", disk], check=True)
        words = ["-drive", f"file={disk},format=raw,if=none,id=d", "-device",
                 "virtio-blk-device,drive=d", "-device", "virtio-net-device,netdev=n", "-netdev", "user,id=n"]
        listener = Machine(self, *words, "-incoming", "tcp:127.0.0.1:0")
        port = listener.ask("query-migrate")["socket-address"][0]["port"]
        source = Machine(self, *words)
        source.last()
        source.ask("migrate", uri=f"tcp:127.0.0.1:{port}")
        source.expect_migrated(listener)
        said = source.qmp("cont")
        if "in use by another" not in said.get("error", {}).get("desc", ""):
            raise Failure(f"two programs have the disk: {said}")
        stats = source.ask("query-migrate")
        if stats["ram"]["remaining"] or stats["ram"]["transferred"] < 1 << 20:
            raise Failure(f"{stats}")
        listener.proc.kill()
        listener.proc.wait()
        source.ask("cont")
        source.last()

    def unix(self):
        source, to = self.go("unix:" + self.path("sock"), "-smp", "2")
        # And back.
        back = Machine(self, "-smp", "2", "-incoming", "unix:" + self.path("sock2"))
        to.events.clear()
        to.ask("migrate", uri="unix:" + self.path("sock2"))
        to.expect_migrated(back)
        del source

    def exec_file(self):
        """Into a file, gzip'ed, and from it as often as one likes; stopped and running."""
        name = shlex.quote(self.path("state.gz"))
        source = Machine(self)
        source.last()
        source.ask("migrate", uri=f"exec:gzip -1 > {name}")
        source.wait_event("MIGRATION completed", "MIGRATION failed")
        for words, state in (([], "running"), (["-S"], "paused")):
            to = Machine(self, *words, "-incoming", "defer")
            to.ask("migrate-incoming", uri=f"exec:gzip -dc {name}")
            to.wait_event("MIGRATION completed")
            if to.state() != state:
                raise Failure(f"{to.state()} with {words}")
            if words:
                to.ask("cont")
            to.last()
        source.events.clear()
        source.ask("cont")
        source.last()
        source.ask("stop")
        source.ask("migrate", uri="file:" + self.path("plain"))
        source.wait_event("MIGRATION completed")
        to = Machine(self, "-incoming", "file:" + self.path("plain"))
        to.wait_event("MIGRATION completed")
        if to.state() != "paused":
            raise Failure(f"{to.state()} where the source was paused")
        to.ask("cont")
        to.last()

    def fd(self):
        a, b = socket.socketpair()
        self.go("fd:there", incoming=f"fd:{b.fileno()}", fds=(b.fileno(),), fd=a.fileno())
        r, w = os.pipe()
        self.go("fd:there", incoming=f"fd:{r}", fds=(r,), fd=w)

    def options(self):
        """compress, pause-before-switchover, auto-converge."""
        caps = [{"capability": c, "state": True}
                for c in ("compress", "pause-before-switchover", "auto-converge",
                          "late-block-activate")]
        to = Machine(self, "-incoming", "unix:" + self.path("o"))
        source = Machine(self)
        source.last()
        source.ask("migrate-set-capabilities", capabilities=caps)
        source.ask("migrate", uri="unix:" + self.path("o"))
        source.wait_event("MIGRATION pre-switchover")
        if source.state() != "finish-migrate":
            raise Failure(source.state())
        source.ask("migrate-continue", state="pre-switchover")
        to.wait_event("MIGRATION completed")
        to.last()
        for c in ("xbzrle", "multifd", "postcopy-ram"):
            said = source.qmp("migrate-set-capabilities",
                              capabilities=[{"capability": c, "state": True}])
            if c not in said.get("error", {}).get("desc", ""):
                raise Failure(f"{c}: {said}")

    # ---- what goes wrong ----

    def slow(self, uri):
        """A source that would take long."""
        m = Machine(self)
        m.last()
        m.ask("migrate-set-parameters", **{"max-bandwidth": 1 << 20, "downtime-limit": 1})
        m.ask("migrate", uri=uri)
        m.wait_event("MIGRATION active")
        return m

    def goes_on(self, m, state):
        m.wait_event(f"MIGRATION {state}")
        if m.state() != "running":
            raise Failure(m.state())
        m.last()

    def cancel(self):
        """At any moment; and one that does not converge until it may stand still for longer."""
        for wait in (0, 0.05, 0.3):
            to = Machine(self, "-incoming", "unix:" + self.path("c"))
            m = self.slow("unix:" + self.path("c"))
            time.sleep(wait)
            if "error" not in m.qmp("migrate", uri="exec:cat"):
                raise Failure("two migrations at once")
            m.ask("migrate_cancel")
            self.goes_on(m, "cancelled")
            if to.proc.wait(LIMIT) != 1:
                raise Failure("the destination of a cancelled migration lives")
        m.events.clear()
        m.ask("migrate", uri="exec:sleep 100")
        m.ask("migrate_cancel")
        self.goes_on(m, "cancelled")
        to = Machine(self, "-incoming", "unix:" + self.path("c"))
        m.events.clear()
        m.ask("migrate", uri="unix:" + self.path("c"))
        m.wait_event("MIGRATION_PASS 2")
        m.ask("migrate-set-parameters", **{"max-bandwidth": 1 << 30, "downtime-limit": 2000})
        m.expect_migrated(to)

    def killed(self):
        """The destination dies, or the command fails, or does not take everything."""
        for wait in (0, 0.1):
            to = Machine(self, "-incoming", "unix:" + self.path("k"))
            m = self.slow("unix:" + self.path("k"))
            time.sleep(wait)
            to.proc.kill()
            self.goes_on(m, "failed")
            if not m.ask("query-migrate").get("error-desc"):
                raise Failure("no reason given")
        m.ask("migrate-set-parameters", **{"max-bandwidth": 0, "downtime-limit": 2000})
        for uri in ("exec:exit 3", "exec:cat > /dev/null; exit 3", "exec:head -c 100000 > /dev/null",
                    "unix:" + self.path("nobody"), "tcp:127.0.0.1:1", "file:" + self.path("no/where")):
            m.events.clear()
            m.ask("migrate", uri=uri)
            self.goes_on(m, "failed")

    def refused(self):
        """Another machine: the source hears why, and goes on."""
        to = Machine(self, "-incoming", "unix:" + self.path("r"), "-device", "virtio-rng-device")
        m = Machine(self)
        m.last()
        m.ask("migrate", uri="unix:" + self.path("r"))
        self.goes_on(m, "failed")
        why = m.ask("query-migrate")["error-desc"]
        if "virtio-rng" not in why or to.proc.wait(LIMIT) != 1:
            raise Failure(why)

    def damaged(self):
        """One line and status 1, whatever is wrong with a stream."""
        name, other = self.path("whole"), self.path("broken")
        m = Machine(self)
        m.last()
        m.ask("migrate", uri="file:" + name)
        m.wait_event("MIGRATION completed")
        with open(name, "rb") as f:
            whole = f.read()
        for i in range(24):
            data = bytearray(whole)
            if i % 3 == 0:
                del data[self.rng.randrange(len(data)):]
            elif i % 3 == 1:
                at = self.rng.randrange(self.rng.choice((100, 3000, len(data))))
                data[at] ^= 1 << self.rng.randrange(8)
            else:
                a, b = sorted(self.rng.randrange(len(data)) for _ in range(2))
                del data[a:b + 1]
            with open(other, "wb") as f:
                f.write(data)
            p = subprocess.run([self.sosia, "-M", "virt", *self.board, "-kernel", self.guest,
                                "-display", "none", "-m", "64", "-monitor", "none", "-serial",
                                "null", "-incoming", "file:" + other], capture_output=True,
                               text=True, timeout=LIMIT, check=False)
            if p.returncode != 1 or len(p.stderr.splitlines()) != 1:
                raise Failure(f"{i}: status {p.returncode}: {p.stderr}")


CASES = ("tcp", "unix", "exec_file", "fd", "options", "cancel", "killed", "refused", "damaged")


def names():
    return [(arch, name) for arch in BOARDS for name in CASES
            if shutil.which(f"{arch}-linux-gnu-gcc")]


def run(build, tmp, arch, name, seed=1):
    """None, or what went wrong."""
    with tempfile.TemporaryDirectory(dir=tmp) as folder:
        cases = Cases(os.path.abspath(build), folder, arch, seed)
        try:
            getattr(cases, name)()
            return None
        except (Failure, OSError, subprocess.SubprocessError) as failure:
            return f"{failure}"
        finally:
            cases.end()


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True)
    p.add_argument("--case", choices=CASES)
    p.add_argument("--arch", choices=list(BOARDS))
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    chosen = [(a, n) for a, n in names() if args.arch in (None, a) and args.case in (None, n)]
    print(f"1..{len(chosen)}")
    failed = 0
    for number, (arch, name) in enumerate(chosen, 1):
        bad = run(args.build, None, arch, name, args.seed)
        failed += bad is not None
        if bad:
            print("# " + bad.replace("\n", "\n# "))
        print(f"{'not ok' if bad else 'ok'} {number} - {arch} {name}", flush=True)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
