# SPDX-License-Identifier: GPL-2.0-or-later
"""Noise on sockets: HMP, QMP, gdb's protocol, character devices; and what all that leaves behind."""
import json
import os
import select
import socket
import sys
import time
import tomllib

from fuzz_program import Failure, LIMIT, Program, ROOT, shown

sys.path.insert(0, os.path.join(ROOT, "scripts"))
import asm                                                              # noqa: E402
import gen_isa                                                          # noqa: E402

with open(os.path.join(ROOT, "monitor", "schema", "commands.toml"), "rb") as f:
    COMMANDS = tomllib.load(f)["command"]
with open(os.path.join(ROOT, "monitor", "schema", "types.toml"), "rb") as f:
    TYPES = tomllib.load(f)

# It prints, computes and stores for ever.
GUEST = """
    la s0, data
    li s1, 0x10000000
loop:
    addi a0, a0, 1
    sd a0, 0(s0)
    andi a1, a0, 63
    addi a1, a1, 32
    sb a1, 0(s1)
    call step
    j loop
step:
    mul a2, a0, a1
    ld a3, 0(s0)
    ret
    .align 3
data:
    nop
    nop
    nop
    nop
"""


def program(build, tmp, *more, serial="null"):
    a = asm.Assembler(gen_isa.load(os.path.join(ROOT, "target", "riscv", "riscv.isa")), 0x80000000)
    a.assemble(GUEST.splitlines(True))
    with open(os.path.join(tmp, "kernel"), "wb") as f:
        f.write(asm.elf(bytes(a.out), a.base, 0))
    with open(os.path.join(tmp, "disk"), "wb") as f:
        f.truncate(1 << 20)
    return Program(build, tmp, "riscv64", "-M", "virt", "-m", "32", "-bios", "none", "-kernel",
                   "kernel", "-smp", "2", "-display", "none", "-serial", serial, "-snapshots", "snaps",
                   "-drive", "file=disk,format=raw,if=none,id=d0", "-device",
                   "virtio-blk-device,drive=d0,id=disk0", "-netdev", "user,id=n0,restrict=on", "-device",
                   "virtio-net-device,netdev=n0,id=net0", "-chardev", "ringbuf,id=ring,size=256", *more)


# ---- HMP ----

NUMBERS = ["0", "1", "-1", "0x80000000", "0x80000000+8*2", "$pc", "$a0+4", "$nosuch", "0x7fffffffffffffff",
           "0xffffffffffffffff", "1/0", "1%0", "-9223372036854775808/-1", "((((((1))))))", "(" * 500,
           "~" * 500 + "1", "1<<99", "1 2", "$", "'a'", "0x", "08", "9" * 50, "$x31", "$mstatus", "1.5",
           "0x10000000", "0x100000", "1-", "*", "-%0", "1" + "+1" * 300]
FORMATS = ["/x", "/4i", "/1000i", "/8gx", "/3wd", "/2hu", "/bo", "/c", "/s", "/99999999999x", "/-1x", "/",
           "/zz", "/i", "/16xb", "/0x"]
WORDS = ["", "d0", "n0", "ring", "disk0", "net0", "compat_monitor0", "serial0", "x", "all", "help", "none",
         "on", "off", "-f", "-a", "-n", "-v", "--", "-", "/machine", "/machine/unattached",
         "/machine/peripheral/disk0", "../", "type", "virtio-rng-pci", "null,id=x", "user,id=x",
         "ringbuf,id=y,size=3", "virtio-blk-device,drive=d0", "tcp::0-:22", "n0 tcp:127.0.0.1:0-:22", "in_asm",
         "%s%n", "\"a b\"", "\"", "\\", "'", "a" * 3000, "\t", "ä", "\x7f", "s1", "s2", "1M", "-1", "99999999T",
         "file:out", "out", "unix:gdb2,server=on,wait=off", "guest_errors"]
# quit ends the program; these two stop at nothing that a test could wait for.
HMP_LEFT_OUT = {"quit", "q"}


def hmp_argument(rng, spec):
    kind = spec.split(":")[-1].rstrip("?") or "S"
    if rng.random() < 0.1:
        return rng.choice(WORDS)
    if kind == "/":
        return rng.choice(FORMATS)
    if kind in ("i", "l", "o"):
        return rng.choice(NUMBERS)
    if kind == "F":
        return "out"
    if kind.startswith("-"):
        return rng.choice(("", kind))
    return rng.choice(WORDS)


def safe_files(line):
    """Nothing but files of the test's folder."""
    return line.replace("/dev/", "dev").replace("file:/", "file:").replace("path=/", "path=")


def hmp_line(rng):
    k = rng.randrange(16)
    if k == 0:
        return "".join(chr(rng.choice((*range(32, 127), 0xe9, 0x100))) for _ in range(rng.randrange(80)))
    c = rng.choice([c for c in COMMANDS if "hmp" in c])
    name = rng.choice(c["hmp"].split("|"))
    if name in HMP_LEFT_OUT:
        name = "info"
    words = [name]
    specs = c.get("hmp_args", "").split(",") if c.get("hmp_args") else []
    fmt = ""
    for spec in specs:
        word = hmp_argument(rng, spec)
        if spec.endswith("/"):
            fmt = word
        else:
            words.append(word)
    if fmt:
        words[0] += fmt
    if k == 1 and words:
        words.insert(rng.randrange(len(words) + 1), rng.choice(WORDS + NUMBERS))
    if k == 2 and len(words) > 1:
        words.pop()
    line = " ".join(words)
    if k == 3:
        at = rng.randrange(len(line) + 1)
        line = line[:at] + chr(rng.randrange(32, 127)) + line[at:]
    return safe_files(line.replace("\n", " "))


def quits(line):
    """`quit` may come of a mutation; `q` too."""
    return line.split() and line.split()[0] in ("q", "quit")


def until_prompt(s, line, deadline):
    data = b""
    while not data.endswith(b"(qemu) "):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([s], [], [], left)[0]:
            raise Failure(f"HMP: no prompt after {shown(line)}: {shown(data)}")
        chunk = s.recv(1 << 16)
        if not chunk:
            raise Failure(f"HMP was closed after {shown(line)}")
        data = (data + chunk)[-100000:]
    return data


def hmp(build, tmp, rng, count):
    p = program(build, tmp, "-monitor", "unix:hmp,server=on,wait=off")
    try:
        s = p.connect("hmp")
        until_prompt(s, "", time.monotonic() + LIMIT)
        for i in range(count):
            line = hmp_line(rng)
            if quits(line):
                continue
            if rng.random() < 0.3:
                p.hmp(line)
            else:
                s.sendall(line.encode("utf-8", "replace") + b"\r")
                try:
                    until_prompt(s, line, time.monotonic() + LIMIT)
                except Failure as f:
                    p.check(line)
                    raise f
            if i % 50 == 49:
                p.check(line)
        # Keys of all kinds, with escape sequences, tabs and control characters: then a line of sense.
        for _ in range(count // 20):
            keys = bytes(rng.choice((9, 9, 27, 91, 65, 66, 51, 126, 8, 127, 1, 5, 11, 21, 12, 105, 110, 32,
                                     rng.randrange(256))) for _ in range(rng.randrange(200)))
            s.sendall(keys.replace(b"\r", b"").replace(b"\n", b"").replace(b"q", b""))
            while select.select([s], [], [], 0.001)[0]:     # who does not listen is not listened to
                if not s.recv(1 << 16):
                    p.check("keys")
                    raise Failure("HMP was closed by keys")
        s.sendall(b"\x05\x15\x15info status\r")
        end = time.monotonic() + LIMIT
        data = b""
        while b"VM status" not in data:
            if time.monotonic() > end or not select.select([s], [], [], LIMIT)[0]:
                raise Failure(f"HMP: no answer after keys: {shown(data)}")
            chunk = s.recv(1 << 16)
            if not chunk:
                p.check("keys")
                raise Failure("HMP was closed by keys")
            data = (data + chunk)[-100000:]
        s.close()
        p.check(line)
        p.end(by_signal=True)
    finally:
        p.kill()


# ---- QMP ----

QMP_LEFT_OUT = {"quit", "human-monitor-command", "set-action"}     # actions: a reset may end it
JSON_BITS = ["{", "}", "[", "]", ",", ":", '"', "'", "null", "true", "nul", "1e999", "-", "0123", "1.", "\\u00",
             '"\\ud800"', '"\\u0000"', "\x00", "\x1f", "{" * 2000, "[" * 2000, '{"a":' * 1100, "9" * 5000, "%i",
             '"execute"', '"arguments"', '"id"', "\xff", "\xed\xa0\x80", "//", "#", "\n", "1" * 40, "-0", "NaN"]


def qmp_value(rng, kind, depth=0):
    k = rng.randrange(12)
    if k == 0 or depth > 4:
        return rng.choice((None, True, -1, 1.5, 1 << 64, -(1 << 63), "x", [], {}, [[[]]], "ä", {"a": 1}, 1e308))
    if kind.startswith("["):
        return [qmp_value(rng, kind[1:-1], depth + 1) for _ in range(rng.randrange(3))]
    if kind in ("int", "size") or kind.startswith(("int", "uint")):
        return rng.choice((0, 1, -1, 8, 0x80000000, 1 << 31, 1 << 63, (1 << 64) - 1, 4096))
    if kind == "bool":
        return rng.random() < 0.5
    if kind in TYPES["enum"]:
        return rng.choice(TYPES["enum"][kind])
    if kind in TYPES["struct"]:
        return qmp_members(rng, TYPES["struct"][kind], depth + 1)
    if kind == "any":
        return rng.choice((0, "x", {}, [], None))
    return safe_files(rng.choice(WORDS))


def qmp_members(rng, members, depth=0):
    out = {}
    for name, kind in members.items():
        if rng.random() < (0.6 if name.startswith("*") else 0.92):
            out[name.lstrip("*")] = "out" if name == "filename" else qmp_value(rng, kind, depth)
    if rng.random() < 0.1:
        out[rng.choice(("x", "", "id", "execute"))] = qmp_value(rng, "any", depth)
    return out


def qmp_message(rng):
    """Bytes that are a request, or nearly."""
    k = rng.randrange(12)
    if k == 0:
        return "".join(rng.choice(JSON_BITS) for _ in range(rng.randrange(1, 20))).encode("latin-1")
    c = rng.choice([c for c in COMMANDS if "qmp" in c and c["qmp"] not in QMP_LEFT_OUT])
    request = {"execute": c["qmp"]}
    if "args" in c or k == 1:
        request["arguments"] = qmp_members(rng, c.get("args", {"x": "any"}))
    if k == 2:
        request[rng.choice(("id", "exec-oob", "arguments", "control", "execute"))] = qmp_value(rng, "any")
    data = json.dumps(request, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    if k == 3:
        data = data.replace(b'"', b"'")
    if k in (4, 5, 6):
        b = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(b))
            bit = rng.choice(JSON_BITS).encode("latin-1")
            b[at:at + rng.choice((0, 0, 1, 5))] = bit if rng.random() < 0.7 else bytes([rng.randrange(256)])
        data = bytes(b)
    return data + rng.choice((b"\n", b"", b"\r\n", b" "))


def qmp(build, tmp, rng, count):
    p = program(build, tmp, "-chardev", "socket,path=noise,id=noise,server=on,wait=off",
                "-mon", "chardev=noise,mode=control,pretty=on")
    try:
        sent = []
        i = 0
        while i < count:
            s = p.connect("noise")
            if rng.random() < 0.9:
                s.sendall(b'{"execute":"qmp_capabilities"}')
            for _ in range(rng.randrange(1, 40)):
                message = qmp_message(rng)
                if b"quit" in message:
                    continue
                i += 1
                sent = sent[-5:] + [message]
                parts = [message]
                if rng.random() < 0.2:
                    at = rng.randrange(len(message) + 1)
                    parts = [message[:at], message[at:]]
                try:
                    for part in parts:
                        s.sendall(part)
                    while select.select([s], [], [], 0)[0]:
                        if not s.recv(1 << 16):
                            p.check(b" ".join(sent))
                            raise Failure(f"QMP was closed after {shown(sent, 3000)}")
                except (TimeoutError, BlockingIOError, BrokenPipeError, ConnectionResetError) as e:
                    p.check(b" ".join(sent))
                    raise Failure(f"QMP: {e!r} after {shown(sent, 3000)}") from None
            s.close()
            p.check(b" ".join(sent))
        p.end()
    finally:
        p.kill()


# ---- gdb ----

PACKETS = ["?", "g", "m80000000,40", "m0,ffffffff", "mffffffffffffffff,8", "M80000100,4:01020304", "X80000100,4:abcd",
           "X80000100,0:", "p0", "p20", "pffffffff", "P1=0000000000000000", "Hg1", "Hgp1.1", "Hc-1", "Hg0", "T1", "T99",
           "qC", "qSupported:multiprocess+;swbreak+;hwbreak+;vContSupported+;PacketSize=ffffffff", "qfThreadInfo",
           "qsThreadInfo", "qThreadExtraInfo,1", "qXfer:features:read:target.xml:0,1000",
           "qXfer:features:read:target.xml:ffffffff,1000", "qXfer:features:read:nosuch.xml:0,10",
           "qXfer:features:read:target.xml:0,ffffffffffffffff", "qXfer:libraries-svr4:read::0,100",
           "qXfer:memory-map:read::0,100", "qXfer:threads:read::0,10", "qXfer:exec-file:read:1:0,10",
           "qRcmd,696e666f20737461747573", "qRcmd,zz", "qRcmd,", "qAttached:1", "qTStatus", "qSymbol::",
           "qOffsets", "QStartNoAckMode", "QNonStop:1", "vCont?", "vCont;c", "vCont;s:1;c", "vCont;s:p1.1;c:p1.-1",
           "vCont;r80000000,80000010:1", "vCont;c:1;s:2;c", "vCont;x", "vCont;", "vCont", "c", "s", "c80000000", "C05", "S05",
           "vCtrlC", "vKill;1", "D;2", "Z0,80000010,4", "Z1,80000014,4", "Z2,80000040,8", "Z3,0,ffffffffffffffff",
           "Z4,80000000,0", "z0,80000010,4", "z1,80000014,4", "z2,80000040,8", "Z9,0,0", "z0,1,1", "Z0,", "bc", "bs", "!",
           "R00", "e", "qMemoryRegionInfo:80000000", "qMemoryRegionInfo:ffffffffffffffff", "qHostInfo",
           "qRegisterInfo0", "qRegisterInfofff", "qProcessInfo", "jThreadsInfo", "vFile:open:61,0,0", "QPassSignals:1;2",
           "qSearch:memory:80000000;1000;ab", "qCRC:80000000,ffffffff", "qCRC:80000000,100", "x80000000,10", "vMustReplyEmpty",
           "QListThreadsInStopReply", "qPhyMemMode", "qqemu.PhyMemMode", "Qqemu.PhyMemMode:1",
           "qqemu.sstepbits", "Qqemu.sstep=7", "Qqemu.sstep=ffffffffff", "QEnvironment:a", "vRun;", "A1,1,1", "k x"]


def packet(rng):
    data = bytearray(rng.choice(PACKETS).encode())
    k = rng.randrange(10)
    if k < 5:
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(data) + 1)
            kind = rng.randrange(5)
            if kind == 0:
                data[at:at] = rng.choice((b"ffffffffffffffff", b"-1", b";", b",", b":", b"0" * 40, b"p", b".",
                                          b"}", b"*", b"\x00", b"80000000", b"a" * 5000))
            elif kind == 1 and at < len(data):
                del data[at:at + rng.randrange(1, 8)]
            elif kind == 2 and at < len(data):
                data[at] = rng.randrange(256)
            elif kind == 3:
                data[at:at] = bytes(data[:rng.randrange(len(data) + 1)])
            elif at < len(data):
                data[at] = rng.choice(b"0123456789abcdef,;:.-")
    if data[:1] in (b"k", b"D") or b"vKill" in data or b"qRcmd" in data and b"71" in data:
        return b"?"     # these end the session, or the program
    return bytes(data)


def frame(rng, data):
    escaped = b"".join(bytes([0x7d, b ^ 0x20]) if b in b"#$}*" else bytes([b]) for b in data)
    if rng.random() < 0.1:
        escaped = data
    total = sum(escaped) & 255
    if rng.random() < 0.05:
        total = rng.randrange(256)
    raw = b"$" + escaped + b"#%02x" % total
    k = rng.randrange(60)
    if k == 0:
        raw = raw[:rng.randrange(len(raw) + 1)]
    elif k == 1:
        raw = bytes(rng.randrange(256) for _ in range(rng.randrange(100)))
    elif k == 2:
        raw = b"\x03" + raw
    elif k == 3:
        raw = b"$" + b"m" * rng.choice((5000, 100000)) + b"#00"
    elif k == 4:
        raw = b"%Stop:T05#00" + raw
    return raw + rng.choice((b"", b"", b"+", b"-", b"+++"))


def gdb_alive(s, what):
    """After noise: an interrupt, then a request that has one answer."""
    end = time.monotonic() + LIMIT
    mark = b"$qC#b4"
    data, asked = b"", 0
    while time.monotonic() < end:
        if time.monotonic() > asked + 2:
            asked = time.monotonic()
            s.sendall(b"+#00\x03" + mark)
        if select.select([s], [], [], 0.2)[0]:
            chunk = s.recv(1 << 16)
            if not chunk:
                raise Failure(f"gdb's connection was closed after {shown(what, 3000)}")
            data += chunk
            if chunk.count(b"#"):
                s.sendall(b"+" * chunk.count(b"#"))
            if b"$QC" in data:
                return
            data = data[-100000:]
    raise Failure(f"gdb: no answer after {shown(what, 3000)}: {shown(data)}")


def gdb(build, tmp, rng, count):
    p = program(build, tmp, "-gdb", "unix:gdb,server=on,wait=off")
    try:
        i = 0
        while i < count:
            s = p.connect("gdb")
            sent = []
            if rng.random() < 0.3:
                s.sendall(b"+$QStartNoAckMode#b0+")
            for _ in range(rng.randrange(1, 60)):
                i += 1
                raw = frame(rng, packet(rng))
                sent = sent[-12:] + [raw]
                s.sendall(raw)
                while select.select([s], [], [], 0.0005)[0]:
                    chunk = s.recv(1 << 16)
                    if not chunk:
                        p.check(sent)
                        raise Failure(f"gdb's connection was closed after {shown(sent, 3000)}")
                    s.sendall(b"+" * chunk.count(b"#"))
                if rng.random() < 0.02:
                    p.qmp(rng.choice(("stop", "cont", "system_reset", "query-cpus-fast")))
            if rng.random() < 0.7:
                gdb_alive(s, sent)
            s.close()
            p.check(sent)
        p.end()
    finally:
        p.kill()


# ---- character devices ----

def chardev(build, tmp, rng, count):
    """Clients of a serial port, a telnet one and a mux that come, send nonsense and go."""
    p = program(build, tmp, "-chardev", "socket,id=t,path=telnet,server=on,wait=off,telnet=on", "-device",
                "virtio-serial-device", "-device", "virtconsole,chardev=t", "-chardev",
                "socket,id=mux,path=mux,server=on,wait=off,mux=on", "-serial", "chardev:mux", "-mon",
                "chardev=mux", "-qmp", "unix:noise,server=on,wait=off", serial="unix:serial,server=on,wait=off")
    try:
        for i in range(count):
            name = rng.choice(("telnet", "mux", "serial", "noise"))
            s = p.connect(name)
            try:
                for _ in range(rng.randrange(4)):
                    n = rng.choice((1, 10, 300, 20000))
                    data = bytes(rng.choice((255, 251, 253, 250, 240, 1, 3, 24, 31, 65, 10, rng.randrange(256)))
                                 for _ in range(n))
                    if name in ("noise", "mux"):  # escape x and quit are for the user
                        data = data.replace(b"\x01", b"").replace(b"q", b"")
                    s.settimeout(0.2)
                    s.sendall(data)
                    if rng.random() < 0.5 and select.select([s], [], [], 0.01)[0]:
                        s.recv(rng.choice((1, 100, 65536)))
            except OSError:
                pass            # the guest takes nothing in
            if rng.random() < 0.3:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            s.close()
            if i % 10 == 9:
                p.check(name)
        p.end()
    finally:
        p.kill()


# ---- what stays ----

def leaks(build, tmp, rng, count):
    """Descriptors and memory stay level over many rounds of what can be made and taken away."""
    p = program(build, tmp, "-gdb", "unix:gdb,server=on,wait=off", "-chardev",
                "socket,path=noise,id=noise,server=on,wait=off", "-mon", "chardev=noise,mode=control")

    def connections():
        with p.connect("gdb") as s:
            s.sendall(b"+$?#3f")
            s.recv(100)
            s.sendall(b"+$Z0,80000010,4#00+$D#44")
            s.recv(100)
        with p.connect("noise") as s:
            s.recv(1000)
            s.sendall(b'{"execute":"qmp_capabilities"}{"execute":"query-chardev"}')
            s.recv(1000)

    def backends():
        for kind, data in (("ringbuf", {"size": 4096}), ("null", {}), ("pty", {}),
                           ("socket", {"addr": {"type": "unix", "data": {"path": "sock"}}, "server": True,
                                       "wait": False})):
            p.qmp("chardev-add", id="x", backend={"type": kind, "data": data})
            p.qmp("chardev-remove", id="x")
        p.hmp("netdev_add user,id=x,restrict=on")
        p.hmp("hostfwd_add x tcp:127.0.0.1:0-:22")
        p.hmp("netdev_del x")
        p.hmp("gdbserver none")
        p.hmp("gdbserver unix:gdb,server=on,wait=off")

    def devices():
        p.hmp("device_add virtio-rng-pci,id=rng9")
        p.hmp("device_del rng9")
        p.hmp("info qtree")
        p.hmp("x/10i $pc")

    def snapshots():
        p.hmp("savevm one")
        p.hmp("loadvm one")
        p.qmp("cont")
        p.hmp("delvm one")

    def resets():
        p.qmp("system_reset")
        p.qmp("stop")
        p.qmp("cont")

    try:
        rounds = (connections, backends, devices, snapshots, resets)
        for _ in range(max(5, count // 10)):
            for step in rounds:
                step()
        fds, rss = p.fds(), p.rss()
        for step in rounds:
            for _ in range(count if step is not snapshots else max(1, count // 4)):
                step()
            p.check(step.__name__)
            end = time.monotonic() + LIMIT
            while p.fds() > fds and time.monotonic() < end:     # what was closed is noticed soon
                time.sleep(0.05)
            if p.fds() > fds:
                raise Failure(f"{step.__name__}: {p.fds()} descriptors, were {fds}")
            # A sanitizer keeps what was freed for a while; that is some MiB.
            if p.rss() > rss + 40 + count // 20:
                raise Failure(f"{step.__name__}: {p.rss()} MiB, were {rss}")
        p.end()
    finally:
        p.kill()
