#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The gdb stub: by packets on a socket, and with gdb itself where it is installed.

    run.py --build DIR [--broken] [--case NAME] [--options "-accel interp"]
"""
import argparse
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CACHE = os.environ.get("SOSIA_CACHE", os.path.expanduser("~/.cache/sosia"))
sys.path[:0] = [HERE, os.path.join(ROOT, "scripts")]
import asm  # noqa: E402
import gen_isa  # noqa: E402
from rsp import Failure, Rsp  # noqa: E402
from timelimits import LIMIT  # noqa: E402

PC, MSCRATCH, MHARTID, PRIV = 32, 65 + 0x340, 65 + 0xf14, 65 + 4096


def same(what, got, want):
    if got != want:
        show = [f"{v:#x}" if isinstance(v, int) else repr(v) for v in (got, want)]
        raise Failure(f"{what}: {show[0]} instead of {show[1]}")


class Tests:
    def __init__(self, build, tmp, options):
        self.options = options.split()
        self.sosia = os.path.join(build, "sosia-system-riscv64")
        self.tmp = tmp
        self.path = os.path.join(tmp, "gdb.sock")
        self.guest = os.path.join(tmp, "guest.elf")
        a = asm.Assembler(gen_isa.load(os.path.join(ROOT, "target/riscv/riscv.isa")), 0x80000000)
        with open(os.path.join(HERE, "guest.s"), encoding="utf-8") as f:
            a.assemble(f.readlines())
        with open(self.guest, "wb") as f:
            f.write(asm.elf(bytes(a.out), 0x80000000, 4096))
        self.at = a.labels
        self.proc = None

    # ---- the machine ----

    def argv(self, *words, device=None):
        return [self.sosia, "-M", "virt", "-display", "none", "-serial", "none", "-monitor",
                "none", "-gdb", device or f"unix:{self.path}", *self.options, *words]

    def start(self, *words, harts=1):
        self.end()
        self.proc = subprocess.Popen(self.argv("-m", "64", "-bios", "none", "-kernel", self.guest,
                                               "-smp", str(harts), *words),
                                     stdin=subprocess.DEVNULL)
        return Rsp(self.path)

    def end(self):
        if self.proc:
            self.proc.kill()
            self.proc.wait()
        self.proc = None
        if os.path.exists(self.path):
            os.unlink(self.path)

    def until(self, what, moved):
        """Tries again until `moved` says so: how soon a processor runs is up to the host."""
        end = time.monotonic() + LIMIT
        while not moved():
            if time.monotonic() > end:
                raise Failure(f"{what}: not within {LIMIT:.0f} s")

    def run_for(self, r, packet, seconds):
        """Lets the machine go, and interrupts it; the stop reply."""
        r.send(packet)
        time.sleep(seconds)
        r.raw(b"\x03")
        return r.stopped()

    def at_loop(self, r):
        """Runs to the guest's loop; the breakpoint is gone then."""
        r.ok(f"Z0,{self.at['loop']:x},4")
        same("stop", r.stop("vCont;c")["thread"], "p1.1")
        r.ok(f"z0,{self.at['loop']:x},4")

    # ---- cases ----

    def registers(self):
        """registers and memory are read and written"""
        r = self.start("-S")
        same("first pc", r.pc(), 0x1000)
        same("length of g", len(r.ask("g")), 33 * 16)
        same("privilege", r.reg(PRIV), 3)
        self.at_loop(r)
        g = bytearray.fromhex(r.ask("g"))
        same("pc in g", int.from_bytes(g[32 * 8:], "little"), self.at["loop"])
        g[5 * 8:6 * 8] = (0x1122334455667788).to_bytes(8, "little")
        r.ok("G" + g.hex())
        same("t0", r.reg(5), 0x1122334455667788)
        r.set_reg(MSCRATCH, 0xabcdef)
        same("mscratch", r.reg(MSCRATCH), 0xabcdef)
        r.set_reg(0, 5)
        same("zero", r.reg(0), 0)
        same("register that is not there", r.ask("pffff"), "E22")
        where = self.at["neighbour"]
        r.ok(f"M{where:x},4:01020304")
        same("m", r.read(where, 4).hex(), "01020304")
        r.ok(b"X%x,4:}\x03}\x04}]\x00" % where)
        same("X", r.read(where, 4), b"\x23\x24\x7d\x00")
        same("x", r.ask(f"x{where:x},4"), "b}\x03}\x04}]\x00")
        same("nothing there", r.ask("m40000000000,8"), "E14")
        text = self.at["constant"]
        same("search", r.ask(f"qSearch:memory:{text - 64:x};1000;Sosia"), f"1,{text:x}")
        same("search in vain", r.ask(f"qSearch:memory:{text - 64:x};1000;Sisia"), "0")
        same("search all", r.ask("qSearch:memory:80000000;ffffffffffffffff;Sisia"), "0")
        r.ok("Qqemu.PhyMemMode:1")
        same("physical", r.read(text, 5), b"Sosia")

    def description(self):
        """the target description names every register, the memory map leaves nothing out"""
        r = self.start("-S")
        doc = ET.fromstring(r.document("features:read:target.xml"))
        features = [f.get("name").rsplit(".", 1)[1] for f in doc.findall("feature")]
        same("features", features, ["cpu", "fpu", "csr", "virtual"])
        names, nums = set(), set()
        for reg in doc.iter("reg"):
            names.add(reg.get("name"))
            nums.add(int(reg.get("regnum")))
        same("names", len(names), len(nums))
        for name in ("pc", "zero", "ft0", "fcsr", "mstatus", "pmpaddr15", "satp", "priv"):
            same(name, name in names, True)
        for num in nums:
            same(f"register {num}", len(r.ask(f"p{num:x}")), 16)
        at = 0
        for m in ET.fromstring(r.document("memory-map:read:")).findall("memory"):
            same("start of memory", int(m.get("start"), 16), at)
            at += int(m.get("length"), 16)
        same("end of memory", at, 1 << 64)

    def breakpoints(self):
        """breakpoints of both kinds are hit once each time round"""
        r = self.start("-S")
        self.at_loop(r)
        loop, stored, counter = self.at["loop"], self.at["stored"], self.at["counter"]
        r.ok(f"Z0,{loop:x},4")
        r.ok(f"Z1,{stored:x},4")
        n = r.word(counter)
        for _ in range(20):
            reply = r.stop("vCont;c")
            n += 1
            same("hwbreak", ("hwbreak" in reply, r.pc()), (True, stored))
            same("count", r.word(counter), n)
            reply = r.stop("c")
            same("swbreak", ("swbreak" in reply, r.pc()), (True, loop))
        r.ok(f"z0,{loop:x},4")
        r.ok(f"z1,{stored:x},4")
        for i in range(2000):
            r.ok(f"Z0,{0x80100000 + 4 * i:x},4")
        r.ok(f"Z0,{self.at['leaf']:x},4")
        for turn in range(20):
            n = r.word(counter)
            r.stop("c")
            same("among many", r.pc(), self.at["leaf"])
            same("none missed", r.word(counter), n + (not turn))
            r.ok(f"z0,{self.at['leaf']:x},4")
            r.ok(f"Z0,{stored:x},4")
            r.stop("c")
            r.ok(f"z0,{stored:x},4")
            r.ok(f"Z0,{self.at['leaf']:x},4")

    def watchpoints(self):
        """watchpoints stop before the access, as gdb expects, and name its very address"""
        r = self.start("-S")
        self.at_loop(r)
        counter, neighbour = self.at["counter"], self.at["neighbour"]
        r.ok(f"Z4,{neighbour:x},8")
        load, store = self.at["loop"], self.at["stored"] - 4
        n = r.word(counter)
        for kind, name, pc in ((2, "watch", store), (3, "rwatch", load)):
            r.ok(f"Z{kind},{counter + 4:x},2")
            for _ in range(20):
                reply = r.stop("vCont;c")
                same(name, (reply.get(name), r.pc()), (f"{counter + 4:x}", pc))
                same("value", r.word(counter), n)
                n += 1
            r.ok(f"z{kind},{counter + 4:x},2")
        r.ok(f"Z4,{counter:x},8")
        for pc in (store, load) * 3: # the last stop was at the load
            reply = r.stop("vCont;c")
            same("awatch", (reply.get("awatch"), r.pc()), (f"{counter:x}", pc))
        for pc, hit in ((load + 4, False), (store, False), (store, True), (store + 4, False)):
            reply = r.stop("vCont;s")
            same("step", ("awatch" in reply, r.pc()), (hit, pc))

    def steps(self):
        """single steps and range steps; no interrupts unless asked for"""
        r = self.start("-S")
        self.at_loop(r)
        at = self.at
        path = [at["loop"] + 4, at["loop"] + 8, at["stored"], at["leaf"], at["leaf"] + 4,
                at["leaf"] + 8, at["returned"], at["returned"] + 4, at["loop"]]
        for _ in range(10):
            for pc in path:
                same("signal", r.stop("vCont;s:p1.1")["signal"], 5)
                same("pc after a step", r.pc(), pc)
        r.stop(f"vCont;r{at['loop']:x},{at['stored'] + 4:x}:p1.1;c")
        same("pc after a range", r.pc(), at["leaf"])
        r.ok(f"Z0,{at['leaf'] + 4:x},4")
        reply = r.stop(f"vCont;r{at['leaf']:x},{at['leaf'] + 12:x}:p1.1")
        same("breakpoint in a range", ("swbreak" in reply, r.pc()), (True, at["leaf"] + 4))
        r.ok(f"z0,{at['leaf'] + 4:x},4")
        r.set_reg(PC, at["sleep"])
        r.stop("s")
        same("pc behind wfi", r.pc(), at["sleep"] + 4)
        r.set_reg(PC, at["loop"])
        same("bits", r.ask("qqemu.sstepbits"), "ENABLE=1,NOIRQ=2,NOTIMER=4")
        r.ok("Qqemu.sstep=1")

        def interrupted():
            r.stop("vCont;s")
            return at["trap"] <= r.pc() <= at["trap_end"]
        if "-icount" not in self.options:
            self.until("interrupt while stepping", interrupted)

    def threads(self):
        """harts are threads that go on one by one or together"""
        r = self.start("-S", harts=3)
        same("list", r.ask("qfThreadInfo"), "mp1.1,p1.2,p1.3")
        same("end of list", r.ask("qsThreadInfo"), "l")
        same("current", r.ask("qC"), "QCp1.1")
        same("info", bytes.fromhex(r.ask("qThreadExtraInfo,p1.2")), b"CPU#1 [running]")
        same("threads", len(ET.fromstring(r.document("threads:read:")).findall("thread")), 3)
        same("dead", r.ask("Tp1.4"), "E22")
        same("dead", r.ask("Hgp1.4"), "E22")
        self.at_loop(r)
        r.ok(f"Z0,{self.at['other_loop']:x},4")
        same("other", r.stop("vCont;c:p1.3")["thread"], "p1.3")
        same("hart", r.reg(MHARTID), 2)
        r.ok(f"z0,{self.at['other_loop']:x},4")
        r.ok("Hgp1.1")
        same("held", r.pc(), self.at["loop"])
        r.ok("Hgp1.3")
        pc = r.pc()
        same("stepped", r.stop("vCont;s:p1.3")["thread"], "p1.3")
        same("stepped", r.pc(), pc + 4)
        before, others = r.word(self.at["counter"]), r.word(self.at["others"])

        def moves(packet, counter, before):
            same("interrupt", self.run_for(r, packet, 0.02)["signal"], 2)
            return r.word(self.at[counter]) > before
        self.until("hart 2 moves", lambda: moves("vCont;c:p1.3", "others", others))
        same("counter while held", r.word(self.at["counter"]), before)
        self.until("counter moves", lambda: moves("vCont;c", "counter", before))
        for _ in range(20):
            r.ok(f"Z0,{self.at['leaf']:x},4")
            same("one of many", r.stop("vCont;c")["thread"], "p1.1")
            r.ok(f"z0,{self.at['leaf']:x},4")
            r.stop("vCont;s:p1.1;c")

    def sessions(self):
        """monitor commands, detaching, connecting again, ends"""
        r = self.start()
        same("held at connect", "paused" in r.monitor("info status"), True)
        same("help", len(r.monitor("help")) > 1000, True)
        same("unknown", "unknown command" in r.monitor("nonsense"), True)
        r.ok(f"Z0,{self.at['loop']:x},4")
        r.ok("D;1")
        r.close()
        r = Rsp(self.path, None)
        same("no multiprocess", r.ask("qC"), "QC1")
        before = r.word(self.at["counter"])
        r.send("c")
        time.sleep(0.02)

        def ran_alone():
            nonlocal r
            r.close() # without a word: the breakpoints go, the machine goes on
            time.sleep(0.02)
            r = Rsp(self.path)
            return r.word(self.at["counter"]) > before
        self.until("it runs by itself", ran_alone)
        r.ok("QStartNoAckMode")
        r.ack = False
        same("no acks", r.ask("qAttached"), "1")
        xml = r.document("features:read:target.xml", 0x4000)
        same("no roles for gdb", "generic=" in xml, False)
        r.ok("QThreadSuffixSupported")
        same("suffix", len(r.ask("p20;thread:1;")), 16)
        regs = {reg.get("generic"): reg for reg in
                ET.fromstring(r.document("features:read:target.xml", 0x4000)).iter("reg")}
        same("lldb's pc", regs["pc"].get("regnum"), "32")
        same("lldb's sp", (regs["sp"].get("name"), regs["sp"].get("dwarf_regnum")), ("sp", "2"))
        same("must be empty", r.ask("vMustReplyEmpty"), "")
        r.send("c")
        time.sleep(0.05)
        self.proc.send_signal(signal.SIGTERM)
        same("end", r.receive(), b"W00;process:1")
        self.proc.wait(LIMIT)
        r = self.start("-S")
        # The connection on which this is asked for is given up for the new one.
        self.path, old = self.path + "2", self.path
        r.send("qRcmd," + f'gdbserver "unix:{self.path}"'.encode().hex())
        r = Rsp(self.path)
        os.path.exists(old) and os.unlink(old)
        same("moved", r.pc(), 0x1000)
        r.send("k")
        same("killed", self.proc.wait(LIMIT), 0)

    def libraries(self):
        """a bare program has no libraries; files are those of libraries, and no others"""
        r = self.start("-S")
        same("offered", "qXfer:libraries-svr4:read+" in r.supported, True)
        self.at_loop(r)
        doc = ET.fromstring(r.document("libraries-svr4:read:"))
        same("root", (doc.tag, doc.get("version"), len(doc)), ("library-list-svr4", "1.0", 0))
        same("plain", len(ET.fromstring(r.document("libraries:read:"))), 0)
        host = [name.encode().hex() for name in ("/etc/passwd", self.guest, "/modules/../etc/passwd",
                                                 "/modules", "", "/modules/\0x.ko")]
        for name in host:
            same("open", r.ask(f"vFile:open:{name},0,0"), "F-1,2")
            same("open to write", r.ask(f"vFile:open:{name},41,1ff"), "F-1,2")
            same("readlink", r.ask(f"vFile:readlink:{name}"), "F-1,2")
            same("unlink", r.ask(f"vFile:unlink:{name}"), "F-1,1e")
        same("setfs", r.ask("vFile:setfs:0"), "F0")
        for packet, answer in (("open:", "F-1,16"), ("open:2f", "F-1,16"), ("open:2f,", "F-1,16"),
                               ("open:2f,0", "F-1,16"), ("open:2g,0,0", "F-1,16"),
                               ("open:2f,0,ffffffffffffffffff", "F-1,16"), ("close:", "F-1,9"),
                               ("close:0", "F-1,9"), ("close:-1", "F-1,9"),
                               ("close:ffffffffffffffff", "F-1,9"), ("pread:", "F-1,9"),
                               ("pread:0,10,0", "F-1,9"), ("pread:1000,10,0", "F-1,9"),
                               ("fstat:0", "F-1,9"), ("fstat:", "F-1,9"), ("readlink:", "F-1,2"),
                               ("pwrite:0,0,x", "F-1,1e"), ("unlink:", "F-1,1e"), ("", ""),
                               ("nonsense:1", ""), ("open", "")):
            same(packet, r.ask("vFile:" + packet), answer)
        # Nothing stops the program on the way to a function that is not there.
        r.ok(f"Z0,{self.at['leaf']:x},4")
        same("stop", "library" in r.stop("vCont;c"), False)

    def garbage(self):
        """no bytes upset the stub"""
        r = self.start("-S", harts=2)
        rng = random.Random(1)
        r.raw(b"$g#00")
        same("wrong checksum", r.byte(), b"-")
        r.send(b"m" + b"1" * 200000)
        same("too long", r.receive(), b"E07")
        r.close()
        letters = b"gGpPmMxXzZHTvqQDs?R!bijk"
        words = [b"vCont;", b"qXfer:features:read:", b"qSearch:memory:", b"qRcmd,", b"Z0,", b"Hg",
                 b"qThreadExtraInfo,", b"QStart", b"qSupported:", b"X", b"Qqemu.sstep=", b"m", b"M",
                 b"P", b"G", b"vAttach;", b"T", b"C", b"S",
                 b"vFile:open:", b"vFile:pread:", b"vFile:", b"qXfer:libraries-svr4:read::"]
        digits = b"0123456789abcdef,;:-.=}*prcsS\x00\xff "
        for turn in range(30):
            r = Rsp(self.path, None)
            stream = b""
            for _ in range(100):
                kind = rng.randrange(4)
                n = rng.randrange(40)
                body = bytes(rng.choice(digits) for _ in range(n))
                if kind == 0:
                    stream += bytes(rng.randrange(256) for _ in range(n)).replace(b"k", b"")
                    continue
                head = rng.choice(words) if kind == 1 else bytes([rng.choice(letters[:18])])
                data = head + (body if kind < 3 else b"f" * n)
                stream += b"$" + data + b"#%02x" % (sum(data) & 255)
            try:
                r.raw(stream)
                r.sock.settimeout(0.05)
                while r.sock.recv(65536):
                    pass
            except OSError:
                pass
            r.close()
            same(f"alive after {turn}", self.proc.poll(), None)
        r = Rsp(self.path)
        same("still there", r.ask("qAttached"), "1")

    def with_gdb(self):
        """gdb: breakpoints, watchpoints, steps, monitor, threads, detach"""
        if not shutil.which("gdb-multiarch"):
            return "gdb-multiarch is not installed"
        at = self.at
        self.start("-S", harts=2).close()
        out = self.gdb("info threads", f"hbreak *{at['loop']:#x}", "continue", "delete",
                       f"watch *(long *){at['counter']:#x}", "continue", "continue",
                       "info registers pc mstatus misa priv ft0", "delete", "stepi", "x/2i $pc",
                       "thread 2", "print $mhartid", "monitor info status", "set $t0 = 77",
                       "print $t0", f"find /b {at['constant'] - 64:#x}, +256, 'S', 'o', 's'",
                       "detach")
        for text in (r"CPU#1 \[running\]", "hit Breakpoint 1,", "hit Hardware watchpoint 2",
                     r"Old value = 0\s+New value = 1",
                     r"Old value = 1\s+New value = 2", r"RV64ACDFIMSU", r"mhartid|= 1",
                     r"VM status: paused \(debug\)", "= 77", f"{at['constant']:#x}", "detached",
                     r"prv:3|priv\s+0x3"):
            if not re.search(text, out):
                raise Failure(f"no {text!r} in:\n{out}")
        # The stub on gdb's own pipe.
        self.end()
        words = self.argv("-m", "64", "-bios", "none", "-kernel", self.guest, "-S", device="stdio")
        out = self.gdb(f"break *{at['leaf']:#x}", "continue", "print/x $pc", "kill",
                       target="| " + shlex.join(words))
        same("breakpoint over a pipe", f"= {at['leaf']:#x}" in out, True)
        return None

    def reverse(self):
        """time goes back: to the last write of a variable, the last breakpoint, one instruction"""
        r = self.start("-S", "-reverse")
        at, counter = self.at, self.at["counter"]
        same("offered", "ReverseContinue+" in
             r.ask("qSupported:multiprocess+;swbreak+;hwbreak+"), True)
        self.at_loop(r)
        # Far enough for several checkpoints and some ten thousand timer interrupts.
        r.ok(f"Z0,{at['returned']:x},4")
        for _ in range(30):
            r.stop("vCont;c")
        r.ok(f"z0,{at['returned']:x},4")
        at_start = r.word(counter)
        self.until("it gets far", lambda: self.run_for(r, "vCont;c", 0.5) and
                   r.word(counter) > at_start + (1 << 22))
        here = (r.pc(), r.word(counter), r.ask("g"))
        # The last write of the counter. gdb takes the step that undoes it by itself.
        r.ok(f"Z2,{counter:x},8")
        stop = r.stop("bc")
        n = r.word(counter)
        same("watchpoint", int(stop.get("watch", "0"), 16), counter)
        same("pc behind the write", r.pc(), at["stored"])
        same("counter there", n, here[1])
        for i in range(1, 4):
            r.stop("bc")
            same(f"counter {i} writes before", (r.pc(), r.word(counter)), (at["stored"], n - i))
        r.ok(f"z2,{counter:x},8")
        # One instruction back and forth is the same place.
        trail = []
        for _ in range(40):
            trail.append((r.pc(), r.ask("g")))
            r.stop("bs")
        for want in reversed(trail):
            r.stop("vCont;s:p1.1")
            same("the same place again", (r.pc(), r.ask("g")), want)
        # A breakpoint, backwards and forwards.
        r.ok(f"Z0,{at['leaf']:x},4")
        r.stop("bc")
        same("breakpoint", r.pc(), at["leaf"])
        back = r.ask("g")
        r.stop("bc")
        r.stop("vCont;c")
        same("there again", r.ask("g"), back)
        r.ok(f"z0,{at['leaf']:x},4")
        # The interrupts come where they came: forward to where it was.
        r.ok(f"Z0,{at['trap']:x},4")
        traps = []
        for _ in range(4):
            r.stop("bc")
            traps.append(r.reg(65 + 0x341))
        for want in reversed(traps[:-1]):
            r.stop("vCont;c")
            same("interrupted instruction", r.reg(65 + 0x341), want)
        r.ok(f"z0,{at['trap']:x},4")
        # To the beginning.
        same("beginning", "replaylog" in r.stop("bc"), True)
        same("first pc", r.pc(), 0x1000)
        if not shutil.which("gdb-multiarch"):
            return None
        self.start("-S", "-reverse").close()
        out = self.gdb(f"hbreak *{at['returned']:#x}", "continue", "continue", "delete",
                       f"watch *(long *){counter:#x}", "reverse-continue", "reverse-continue",
                       "print/x $pc", "reverse-stepi", "print/x $pc")
        for text in (r"Old value = 2\s+New value = 1", r"Old value = 1\s+New value = 0",
                     f"= {at['stored'] - 4:#x}", f"= {at['stored'] - 8:#x}"):
            if not re.search(text, out):
                raise Failure(f"no {text!r} in:\n{out}")
        return None

    def gdb(self, *commands, target=None):
        argv = ["gdb-multiarch", "-nx", "-q", "-batch"]
        for c in ("set confirm off", "set pagination off", f"set remotetimeout {LIMIT:.0f}",
                  "set architecture riscv:rv64",
                  f"target remote {target or self.path}", *commands):
            argv += ["-ex", c]
        p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=2 * LIMIT)
        return p.stdout.decode(errors="replace")

    def broken(self):
        """a breakpoint that is never set"""
        r = self.start("-S")
        same("stop", r.stop("vCont;c", timeout=2), None)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", required=True)
    ap.add_argument("--broken", action="store_true", help="one case that must fail")
    ap.add_argument("--case", action="append", help="only this one")
    ap.add_argument("--options", default="", help="more words for the command line")
    args = ap.parse_args()
    failures = 0
    with tempfile.TemporaryDirectory(prefix="sosia-gdb-") as tmp:
        t = Tests(os.path.abspath(args.build), tmp, args.options)
        cases = [t.broken] if args.broken else [
            t.registers, t.description, t.breakpoints, t.watchpoints, t.steps, t.threads,
            t.sessions, t.libraries, t.garbage, t.with_gdb, t.reverse]
        cases = [c for c in cases if not args.case or c.__name__ in args.case]
        print(f"1..{len(cases)}")
        for number, case in enumerate(cases, 1):
            skip = None
            try:
                skip = case()
                verdict = "ok"
            except (Failure, OSError, subprocess.SubprocessError, ValueError) as e:
                failures += 1
                verdict = "not ok"
                print("# " + f"{type(e).__name__}: {e}".replace("\n", "\n# "))
            finally:
                t.end()
            print(f"{verdict} {number} - {case.__doc__}{f' # SKIP {skip}' if skip else ''}",
                  flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
