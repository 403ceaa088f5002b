#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Snapshots: a guest goes on where it was, in the same program and in the next; what does not fit
or is damaged is refused and changes nothing; a program that is killed while it saves leaves what
was there before.

    snapshots.py --build DIR [--kills N] [--case NAME] [--seed N]
"""
import argparse
import glob
import os
import random
import shutil
import signal
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts"))
import asm                                                              # noqa: E402
import counting                                                         # noqa: E402
import gen_isa                                                          # noqa: E402
from counting import Failure                                            # noqa: E402
from timelimits import LIMIT                                            # noqa: E402


class Machine(counting.Machine):
    """With a place for snapshots."""

    def __init__(self, case, *words):
        super().__init__(case, "-bios", "none", "-snapshots", case.store, *words)

    def do(self, line):
        said = self.hmp(line)
        if said:
            raise Failure(f"{line}: {said}")


class Cases:
    def __init__(self, build, tmp, kills, seed):
        self.sosia = os.path.join(build, "sosia-system-riscv64")
        self.top, self.kills, self.rng = tmp, kills, random.Random(seed)
        self.guest = os.path.join(tmp, "guest.elf")
        a = asm.Assembler(gen_isa.load(os.path.join(ROOT, "target/riscv/riscv.isa")), 0x80000000)
        with open(os.path.join(ROOT, "tests/fault/snapshot.s"), encoding="utf-8") as f:
            a.assemble(f.readlines())
        with open(self.guest, "wb") as f:
            f.write(asm.elf(bytes(a.out), 0x80000000, 4096))
        self.machines = []

    def begin(self, name):
        self.tmp = os.path.join(self.top, name)
        self.store = os.path.join(self.tmp, "store")
        os.mkdir(self.tmp)

    def end(self):
        for m in self.machines:
            m.kill()
        self.machines = []
        shutil.rmtree(self.tmp)

    # ---- going on ----

    def goes_on(self, *words):
        m = Machine(self, "-m", "64", *words)
        m.last()
        m.do("savevm one")
        saved = m.last()
        m.do("savevm two")
        m.last()
        for tag in ("one", "two", "one"):
            before = m.last()
            m.do("stop")
            m.forget()
            m.do(f"loadvm {tag}")
            m.do("cont")
            after = m.first()
            if tag == "one" and not after < before:
                raise Failure(f"{after} after loadvm, {before} before")
        m.kill()
        m = Machine(self, "-m", "64", "-loadvm", "one", *words)
        after = m.first()
        if not 0 < after <= saved + (1 << 18):      # the next line
            raise Failure(f"{after} in a new program, {saved} when saved")
        table = m.hmp("info snapshots").split("\r\n")
        if (table[0] != "List of snapshots present on all disks:" or
                table[1] != "ID        TAG               VM SIZE                DATE     VM CLOCK"
                            "     ICOUNT" or not table[2].startswith("--        one  ")):
            raise Failure(f"info snapshots: {table}")

    def tcg(self):
        self.goes_on()

    def interp(self):
        self.goes_on("-accel", "interp")

    def icount(self):
        self.goes_on("-icount", "shift=1")

    def several_cpus(self):
        self.goes_on("-smp", "2")

    def chain(self):
        """Each snapshot needs what older ones wrote; these may go."""
        m = Machine(self, "-m", "64")
        tags = [f"s{i}" for i in range(16)]
        for tag in tags:
            m.last()
            m.do(f"savevm {tag}")
        m.do("savevm s3")
        for tag in tags[:8]:
            m.do(f"delvm {tag}")
        for tag in tags[8:]:
            m.forget()
            m.do(f"loadvm {tag}")
            m.last()
        m.do("savevm again")
        m.kill()
        m = Machine(self, "-m", "64", "-loadvm", "again")
        m.last()
        for tag in [*tags[8:], "again"]:
            m.do(f"delvm {tag}")
        if m.hmp("info snapshots") != "There is no snapshot available.\r\n":
            raise Failure("something is left")
        if glob.glob(os.path.join(self.store, "*")):
            raise Failure(f"files are left: {os.listdir(self.store)}")

    def jobs(self):
        disk = os.path.join(self.tmp, "disk.img")
        with open(disk, "wb") as f:
            f.truncate(1 << 20)
        m = Machine(self, "-m", "64", "-drive", f"file={disk},format=raw,if=virtio,id=d")
        m.last()
        for job in ("save", "load", "delete"):
            args = {"job-id": job, "tag": "t", "devices": ["d"]}
            if job != "delete":
                args["vmstate"] = "d"
            if "error" in (answer := m.qmp(f"snapshot-{job}", **args)):
                raise Failure(f"{answer}")
            end = time.monotonic() + LIMIT
            while m.qmp("query-jobs")["return"][0]["status"] != "concluded":
                if time.monotonic() > end:
                    raise Failure("the job does not end")
                time.sleep(0.02)
            states = [e["data"]["status"] for e in m.events if e["event"] == "JOB_STATUS_CHANGE"]
            if states != ["created", "running", "waiting", "pending", "concluded"]:
                raise Failure(f"{job}: {states}")
            m.qmp("job-dismiss", id=job)
            m.events.clear()

    # ---- what does not fit ----

    def refused(self):
        m = Machine(self, "-m", "64")
        m.last()
        m.do("savevm t")
        m.kill()
        for words, text in ((["-m", "128"], "-m 64M"), (["-m", "64", "-smp", "2"], "-smp 1"),
                            (["-m", "64", "-cpu", "rv64,zba=off"], "-cpu"),
                            (["-m", "64", "-device", "virtio-rng-device"], "virtio-rng")):
            try:
                Machine(self, *words, "-loadvm", "t")
            except Failure as f:
                if text not in str(f) or len(str(f).splitlines()) != 1:
                    raise Failure(f"{words}: {f}") from None
            else:
                raise Failure(f"{words} was not refused")
            m = Machine(self, *words)
            first = m.last()
            if "Error" not in m.hmp("loadvm t") or m.last() < first:
                raise Failure(f"{words} was not refused by loadvm")
            m.kill()

    def damaged(self):
        """One byte or a length is wrong: said, and the machine goes on."""
        m = Machine(self, "-m", "64")
        m.last()
        m.do("savevm t")
        folder = glob.glob(os.path.join(self.store, "*-t"))[0]
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            size = os.path.getsize(path)
            with open(path, "rb") as f:
                whole = f.read() if size < 1 << 20 else None
            for kind in ("byte", "short", "missing", "fifo"):
                at = self.rng.randrange(min(size, 4096 if whole is None else size))
                if whole is None and kind == "byte":
                    at = self.rng.randrange(8)
                if kind == "byte":
                    with open(path, "r+b") as f:
                        f.seek(at)
                        old = f.read(1)
                        f.seek(at)
                        f.write(bytes([old[0] ^ 1 << self.rng.randrange(8)]))
                elif kind == "short":
                    os.truncate(path, size - 1 - self.rng.randrange(min(size, 4096)))
                else:
                    os.rename(path, path + ".away")
                    if kind == "fifo":
                        os.mkfifo(path)
                before = m.last()
                said = m.hmp("loadvm t")
                if not said.startswith("Error: ") or said.count("\n") != 1:
                    raise Failure(f"{name} {kind} at {at}: {said!r}")
                if m.last() < before:
                    raise Failure(f"{name} {kind}: the machine is not as it was")
                if kind in ("missing", "fifo"):
                    os.rename(path + ".away", path)
                elif whole is not None:
                    with open(path, "wb") as f:
                        f.write(whole)
                elif kind == "byte":
                    with open(path, "r+b") as f:
                        f.seek(at)
                        f.write(old)
                else:
                    os.truncate(path, size)
        m.forget()
        m.do("loadvm t")
        m.last()

    # ---- kill -9 ----

    def killed(self):
        """While it saves, or replaces: what was complete before is there, and good."""
        disk = os.path.join(self.tmp, "disk.img")
        with open(disk, "wb") as f:
            f.write(b"content." * 8192)
        words = ["-m", "64", "-drive", f"file={disk},format=raw,if=virtio"]
        m = Machine(self, *words)
        m.last()
        m.do("savevm base")
        complete = {"base"}
        for i in range(self.kills):
            m.last()
            tag = "base" if i % 4 == 3 else f"k{i}"
            delay = self.rng.random() * 0.12
            m.request("human-monitor-command", **{"command-line": f"savevm {tag}"})
            time.sleep(delay)
            m.proc.send_signal(signal.SIGKILL)
            m.proc.wait()
            m = Machine(self, *words, "-loadvm", "base")
            m.last()
            lines = m.hmp("info snapshots").split("\r\n")[2:-1]
            have = {l.split()[1] for l in lines}
            if not complete <= have or not have <= complete | {tag} or any("--" != l[:2] for l in
                                                                           lines):
                raise Failure(f"kill {i} after {delay:.3f} s: {have} of {complete}, {lines}")
            for t in have - complete:
                m.forget()
                m.do(f"loadvm {t}")
                m.last()
                m.do(f"delvm {t}")
            with open(disk, "rb") as f:
                if f.read() != b"content." * 8192:
                    raise Failure("the disk is not what it was")


def names():
    return ["tcg", "interp", "icount", "several_cpus", "chain", "jobs", "refused", "damaged",
            "killed"]


def run(build, tmp, name, kills=8, seed=1):
    """None, or what went wrong."""
    cases = Cases(os.path.abspath(build), tmp, kills, seed)
    cases.begin(name)
    try:
        getattr(cases, name)()
        return None
    except (Failure, OSError) as failure:
        return f"{failure}"
    finally:
        cases.end()


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--build", required=True)
    ap.add_argument("--kills", type=int, default=8)
    ap.add_argument("--case", choices=names())
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args()
    failed = False
    for name in [args.case] if args.case else names():
        with tempfile.TemporaryDirectory(prefix="sosia-snap-") as tmp:
            start = time.monotonic()
            bad = run(args.build, tmp, name, args.kills, args.seed)
            print(f"{'not ok' if bad else 'ok'} - {name} {time.monotonic() - start:.1f} s"
                  f"{': ' + bad if bad else ''}", flush=True)
            failed |= bool(bad)
    return failed


if __name__ == "__main__":
    sys.exit(main())
