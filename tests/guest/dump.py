#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Dumps of memory (dump-guest-memory) against what the machine holds, read by Python and gdb.

    dump.py --build DIR [--broken] [-v]

A program without firmware sets registers and page tables and spins. A text beside it is what Linux
keeps in memory about itself, which a dump takes along. kdump files are read as
makedumpfile's and crash's documents describe them.
"""
import argparse
import json
import os
import resource
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from timelimits import LIMIT                                            # noqa: E402
MARK, RAM = 0x1122334455667788, 32 << 20
ARM = """
    .global _start
_start:
    ldr x0, =table
    msr ttbr0_el1, x0
    mov x0, #0xff
    msr mair_el1, x0
    ldr x0, =0x800019           // 39 bits, TTBR0 only
    msr tcr_el1, x0
    isb
    mrs x0, sctlr_el1
    orr x0, x0, #1
    msr sctlr_el1, x0
    isb
    ldr x5, =0x1122334455667788
spin:
    b spin
    .balign 4096
table:
    .quad 0, 0x40000401, 0x40000401
    .fill 509, 8, 0
"""
RISCV = """
    .option norvc
    .global _start
_start:
    la t1, table
    srli t1, t1, 12
    li t2, 8 << 60
    or t1, t1, t2
    csrw satp, t1
    li t0, 0x1122334455667788
spin:
    j spin
    .balign 4096
table:
    .quad 0, 0, 0x200000cf, 0x200000cf
    .fill 508, 8, 0
"""
# compiler, program, where it is, machine, size of the registers, index of x5, e_machine, alias
GUESTS = {
    "aarch64": ("aarch64-linux-gnu-gcc", ARM, 0x40080000, ["-cpu", "cortex-a72"], 34, 5, 183, 0x80000000),
    "riscv64": ("riscv64-linux-gnu-gcc", RISCV, 0x80000000, ["-bios", "none"], 32, 5, 243, 0xc0000000),
}


# Of _stext dumps ask only whether a page is there. The names lie 1032 bytes behind the text's begin.
INFO = ("OSRELEASE=6.1.0\nPAGESIZE=4096\nSYMBOL(_stext)={ram:x}\nSYMBOL(init_uts_ns)={uts:x}\n"
        "OFFSET(uts_namespace.name)=8\n")
INFO_AT = 16 << 20      # from the start of RAM
NAMES = ["Linux", "node", "6.1.0", "#1 SMP", "other", "domain"]


class Wrong(Exception):
    pass


def check(what, got, want):
    if got != want:
        raise Wrong(f"{what}: got {got!r}, want {want!r}")


class Machine:
    def __init__(self, build, arch, tmp, limit=None):
        cc, source, start, args, *_ = GUESTS[arch]
        elf, path = os.path.join(tmp, arch + ".elf"), os.path.join(tmp, "qmp")
        info_at = (start & ~0xfffff) + INFO_AT
        self.info = INFO.format(ram=start & ~0xfffff, uts=info_at + 1024).encode()
        with open(elf + ".info", "wb") as f:
            f.write(self.info.ljust(1032, b"\0") + b"".join(n.encode().ljust(65, b"\0") for n in NAMES))
        if not os.path.exists(elf):
            with open(elf + ".S", "w") as f:
                f.write(source)
            subprocess.run([cc, "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none",
                            "-Wl,--no-warn-rwx-segments", "-Wl,-z,max-page-size=4096",
                            f"-Wl,-Ttext={start:#x}", "-o", elf, elf + ".S"], check=True)
        if os.path.exists(path):
            os.unlink(path)
        self.proc = subprocess.Popen(
            [os.path.join(build, "sosia-system-" + arch), "-M", "virt", "-m", "32M", "-smp", "2", *args,
             "-display", "none", "-serial", "none", "-kernel", elf, "-device",
             f"loader,file={elf}.info,addr={info_at:#x},force-raw=on", "-gdb",
             f"unix:{path}.gdb,server=on,wait=off", "-qmp", f"unix:{path},server=on,wait=off"],
            stdin=subprocess.DEVNULL)
        self.events, end = [], time.monotonic() + LIMIT
        self.sock = socket.socket(socket.AF_UNIX)
        while self.sock.connect_ex(path):
            if time.monotonic() > end:
                raise Wrong("no machine")
            time.sleep(0.01)
        self.sock.settimeout(LIMIT)
        self.file = self.sock.makefile("rwb")
        self.file.readline()
        self.ask("qmp_capabilities")
        if limit:
            resource.prlimit(self.proc.pid, resource.RLIMIT_FSIZE, (limit, limit))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.proc.kill()
        self.proc.wait()

    def ask(self, name, **args):
        self.file.write(json.dumps({"execute": name, "arguments": args}).encode() + b"\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "event" not in answer:
                return answer
            self.events.append(answer)

    def hmp(self, line):
        return self.ask("human-monitor-command", **{"command-line": line})["return"]

    def dump(self, path, **args):
        return self.ask("dump-guest-memory", paging=args.pop("paging", False), protocol="file:" + path,
                        **args)

    def wait_status(self, status):
        end = time.monotonic() + LIMIT
        while (got := self.ask("query-status")["return"]["status"]) != status:
            check("status", time.monotonic() < end or got, True)
            time.sleep(0.01)

    def wait_event(self, name):
        while not any(e["event"] == name for e in self.events):
            self.events.append(json.loads(self.file.readline()))
        return next(e for e in self.events if e["event"] == name)


def read_elf(data):
    """Loads as (vaddr, paddr, bytes), notes as (name, type, bytes)."""
    check("magic", data[:6], b"\x7fELF\x02\x01")
    kind, machine = struct.unpack_from("<HH", data, 16)
    check("type", kind, 4)
    at, = struct.unpack_from("<Q", data, 32)
    size, n = struct.unpack_from("<HH", data, 54)
    loads, notes = [], []
    for i in range(n):
        t, _, off, va, pa, filesz, memsz, _ = struct.unpack_from("<IIQQQQQQ", data, at + i * size)
        check("whole segment", (memsz, off + filesz <= len(data)), (filesz, True))
        if t == 1:
            loads.append((va, pa, data[off:off + filesz]))
            continue
        end = off + filesz
        while off < end:
            nlen, dlen, t = struct.unpack_from("<III", data, off)
            off += 12
            name, off = data[off:off + nlen - 1].decode(), off + (nlen + 3 & ~3)
            notes.append((name, t, data[off:off + dlen]))
            off += dlen + 3 & ~3
    return machine, loads, notes


def read_kdump(data, base, size):
    """Physical memory [base, base + size), the notes, what they say of the kernel, its names."""
    check("flat signature", data[:16].rstrip(b"\0"), b"makedumpfile")
    records, at = {}, 4096
    while True:
        off, n = struct.unpack_from(">qq", data, at)
        if off == -1:
            break
        records[off] = data[at + 16:at + 16 + n]
        at += 16 + n
    check("nothing behind the end", at + 16, len(data))
    image = bytearray(max(o + len(r) for o, r in records.items()))
    for off, r in records.items():
        image[off:off + len(r)] = r
    check("signature", image[:12], b"KDUMP   \6\0\0\0")
    _, block, sub, maps, _ = struct.unpack_from("<IIIII", image, 424)
    info = struct.unpack_from("<QIIQQQQQQQQQQQ", image, block)
    descs = (1 + sub + maps) * block
    bitmap = image[(1 + sub) * block:(1 + sub + maps // 2) * block]
    check("bitmaps alike", image[(1 + sub + maps // 2) * block:descs], bitmap)
    found, i = bytearray(), 0
    for pfn in range(len(bitmap) * 8):
        if not bitmap[pfn // 8] >> pfn % 8 & 1:
            continue
        off, n, flags, _ = struct.unpack_from("<QIIQ", image, descs + i * 24)
        i += 1
        if base <= pfn * block < base + size:
            page = image[off:off + n]
            found += zlib.decompress(page) if flags & 1 else page
    return bytes(found), image[info[7]:info[7] + info[8]], bytes(image[info[5]:info[5] + info[6]]), \
        [image[i:i + 65].rstrip(b"\0").decode() for i in range(12, 12 + 390, 65)]


def read_all(fd, got):
    """Of a FIFO, from its first writer to its last one's end."""
    with open(fd, "rb", buffering=0) as f:
        while select.select([f], [], [], LIMIT)[0] and (piece := f.read(1 << 20)):
            got.append(piece)


def contents(m, tmp, start):
    path = os.path.join(tmp, "ram")
    check("pmemsave", m.ask("pmemsave", val=start, size=RAM, filename=path), {"return": {}})
    with open(path, "rb") as f:
        return f.read()


def dumps(build, arch, tmp, broken):
    _, _, start, _, n_regs, x5, machine, alias = GUESTS[arch]
    ram, path = start & ~0xfffff, os.path.join(tmp, "core")
    with Machine(build, arch, tmp) as m:
        end = time.monotonic() + LIMIT
        while int(m.hmp("p/x $x5" if arch == "aarch64" else "p/x $t0"), 16) != MARK:
            check("the guest gets there", time.monotonic() < end, True)
            time.sleep(0.01)
        check("dump", m.dump(path), {"return": {}})
        want = contents(m, tmp, ram)
        with open(path, "rb") as f:
            core = f.read()
        got_machine, loads, notes = read_elf(core)
        check("machine", got_machine, machine)
        memory = next(b for va, pa, b in loads if pa == ram and va == ram)
        check("memory is what pmemsave gives", memory == want, not broken)
        status = [d for name, t, d in notes if (name, t) == ("CORE", 1)]
        check("CPUs", [struct.unpack_from("<I", s, 32)[0] for s in status], [1, 2])
        check("length of the status", len(status[0]), 112 + 8 * n_regs + 8)
        check("x5", struct.unpack_from("<Q", status[0], 112 + 8 * x5)[0], MARK)
        check("Linux", [d for name, t, d in notes if (name, t) == ("VMCOREINFO", 0)], [m.info])
        check("holes", os.stat(path).st_blocks * 512 < RAM // 8, True)
        check("running again", m.ask("query-status")["return"]["status"], "running")
        done = m.wait_event("DUMP_COMPLETED")["data"]["result"]
        check("event", (done["status"], done["completed"]), ("completed", done["total"]))
        m.ask("stop")

        check("filtered", m.dump(path, begin=ram + 4096, length=8192), {"return": {}})
        with open(path, "rb") as f:
            _, loads, _ = read_elf(f.read())
        check("the part asked for", [(pa, b == want[4096:12288]) for _, pa, b in loads], [(ram + 4096, True)])

        check("paging", m.hmp(f'dump-guest-memory -p "{path}"'), "")
        with open(path, "rb") as f:
            core = f.read()
        _, loads, _ = read_elf(core)
        second = [(pa, len(b), b == want) for va, pa, b in loads if va == alias]
        check("second mapping", second, [(ram, RAM, True)])

        check("kdump", m.hmp(f'dump-guest-memory -z "{path}"'), "")
        with open(path, "rb") as f:
            memory, kdump_notes, info, names = read_kdump(f.read(), ram, RAM)
        check("kdump's memory", memory == want, True)
        check("kdump's Linux", (info, names), (m.info, [*NAMES[:4], arch, *NAMES[5:]]))
        check("kdump's notes", bytes(kdump_notes[20:20 + len(status[0])]), status[0])

        fifo, got = os.path.join(tmp, "fifo"), []
        os.mkfifo(fifo)
        reader = threading.Thread(target=read_all, args=(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK), got))
        reader.start()
        check("to a pipe", m.dump(fifo, paging=True), {"return": {}})
        reader.join(LIMIT)
        check("the same through a pipe", b"".join(got) == core, True)
        os.unlink(fifo)
    if shutil.which("gdb-multiarch"):
        with open(path, "wb") as f:
            f.write(core)
        out = subprocess.run(["gdb-multiarch", "-nx", "-batch", "-ex", "set osabi GNU/Linux",
                              "-ex", f"core-file {path}", "-ex", "p/x $x5", "-ex",
                              f"x/2wx {alias + (start - ram):#x}"],
                             capture_output=True, text=True, timeout=LIMIT).stdout
        words = struct.unpack_from("<II", want, start - ram)
        for text in (f"= {MARK:#x}", f"0x{words[0]:08x}\t0x{words[1]:08x}"):
            check(f"gdb says '{text}'", text in out or out, True)


def failures(build, arch, tmp, broken):
    path, fifo = os.path.join(tmp, "core"), os.path.join(tmp, "fifo")
    with Machine(build, arch, tmp, limit=1 << 20) as m:
        why = m.dump(path)["error"]["desc"]
        check("too large", why, "dump: failed to write the file: File too large")
        check("nothing left of it", os.stat(path).st_size, 0)
        check("running", m.ask("query-status")["return"]["status"], "running")
        check("failed", m.wait_event("DUMP_COMPLETED")["data"]["error"], why)
        check("info dump", m.hmp("info dump"), "Status: failed\r\n")
        os.mkfifo(fifo)
        check("no reader", "error" in m.dump(fifo), True)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        check("detached", m.dump(fifo, detach=True), {"return": {}})
        check("active", m.ask("query-dump")["return"]["status"], "active")
        check("state", m.ask("query-status")["return"]["status"], "save-vm")
        for command in ("cont", "stop"):
            check(command, m.ask(command)["error"]["desc"], "There is a dump in process, please wait.")
        m.ask("quit")
        check("end", m.proc.wait(LIMIT), 0)
        os.close(reader)
        os.unlink(fifo)


def stopped_meanwhile(build, arch, tmp, broken):
    """A machine that gdb has let run and stopped during a dump is not started by its end."""
    fifo, got = os.path.join(tmp, "fifo"), []
    os.mkfifo(fifo)
    with Machine(build, arch, tmp) as m, socket.socket(socket.AF_UNIX) as gdb:
        fd = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        check("detached", m.dump(fifo, detach=True), {"return": {}})
        m.wait_status("save-vm")
        gdb.connect(os.path.join(tmp, "qmp.gdb"))
        gdb.sendall(b"+$c#63")
        m.wait_status("running")
        gdb.sendall(b"\x03")
        m.wait_status("paused")
        reader = threading.Thread(target=read_all, args=(fd, got))
        reader.start()
        m.wait_event("DUMP_COMPLETED")
        reader.join(LIMIT)
        check("whole", read_elf(b"".join(got))[0], GUESTS[arch][6])
        check("still stopped", m.ask("query-status")["return"]["status"], "paused")
        # The same without gdb goes on, also when the machine was reset.
        m.ask("cont")
        fd = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        m.dump(fifo, detach=True)
        m.ask("system_reset")
        m.wait_status("prelaunch")
        m.events.clear()
        reader = threading.Thread(target=read_all, args=(fd, []))
        reader.start()
        m.wait_event("DUMP_COMPLETED")
        reader.join(LIMIT)
        m.wait_status("running")


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True)
    p.add_argument("--broken", action="store_true", help="expect other memory: must fail")
    p.add_argument("-v", action="store_true")
    args = p.parse_args()
    missing = [g[0] for g in GUESTS.values() if not shutil.which(g[0])]
    if missing:
        print(f"1..1\nok 1 - dumps # SKIP needs {' '.join(missing)}")
        return 0
    n = failed = 0
    for arch in GUESTS:
        for name, test in (("dumps", dumps), ("dumps that fail", failures),
                           ("a stop during a dump", stopped_meanwhile)):
            with tempfile.TemporaryDirectory(prefix="sosia-dump-") as tmp:
                why = None
                try:
                    test(os.path.abspath(args.build), arch, tmp, args.broken)
                except (Wrong, OSError, KeyError, ValueError, IndexError, StopIteration,
                        struct.error, subprocess.SubprocessError) as e:
                    why = f"{type(e).__name__}: {str(e)[:500]}"
            n += 1
            failed += why is not None
            print(f"{'not ok' if why else 'ok'} {n} - {arch}: {name}", flush=True)
            if why:
                print(f"# {why}")
    print(f"1..{n}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
