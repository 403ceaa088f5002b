# SPDX-License-Identifier: GPL-2.0-or-later
"""What scripts and managers of machines write: option lines that must be taken (or refused with one
line), and descriptors that are handed over."""
import array
import json
import os
import socket
import subprocess
import tempfile

from timelimits import LIMIT


class Machine:
    """A stopped machine and its QMP."""

    def __init__(self, program, words, pass_fds=()):
        self.dir = tempfile.TemporaryDirectory(prefix="sosia-scripts-")
        path = os.path.join(self.dir.name, "qmp")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        self.process = subprocess.Popen(
            [program, "-S", "-display", "none", "-qmp", f"unix:{path}", *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            pass_fds=pass_fds)
        self.sock = None
        while not self.sock and self.process.poll() is None:
            listener.settimeout(0.2)
            try:
                self.sock, _ = listener.accept()
            except socket.timeout:
                pass
        listener.close()
        if self.sock:
            self.sock.settimeout(LIMIT)
            self.lines = self.sock.makefile("rb")
            self.lines.readline()
            self.ask("qmp_capabilities")

    def ask(self, name, fds=(), **arguments):
        """The reply; events are left out."""
        text = json.dumps({"execute": name, "arguments": arguments}).encode() + b"\r\n"
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.sock.sendmsg([text], rights)
        while line := self.lines.readline():
            reply = json.loads(line)
            if "event" not in reply:
                return reply
        return {}

    def end(self):
        """Status and standard error."""
        if self.sock:
            self.ask("quit")
            self.sock.close()
        _, err = self.process.communicate(timeout=LIMIT)
        self.dir.cleanup()
        return self.process.returncode, err.decode(errors="replace")


def taken(tmp):
    """(title, options) that scripts use and that must start."""
    disk = os.path.join(tmp, "disk.img")
    with open(disk, "wb") as f:
        f.truncate(1 << 20)
    ram = os.path.join(tmp, "ram")
    virt = ["-M", "virt", "-nodefaults"]
    yield "libvirt", [
        "-name", "guest=t1,debug-threads=on", "-object", f"secret,id=k,format=raw,file={disk}",
        "-machine", "virt,usb=off,dump-guest-core=off,memory-backend=ram", "-accel", "tcg", "-m",
        "64", "-object", '{"qom-type":"memory-backend-ram","id":"ram","size":67108864}',
        "-overcommit", "mem-lock=off", "-smp", "2,sockets=2,cores=1,threads=1", "-uuid",
        "ba2bd0f9-1ff4-48cd-b28b-0892969b5387", "-no-user-config", "-nodefaults", "-rtc",
        "base=utc", "-no-shutdown", "-no-acpi", "-boot", "strict=on", "-blockdev",
        json.dumps({"driver": "file", "filename": disk, "node-name": "s", "auto-read-only": True,
                    "discard": "unmap"}),
        "-blockdev", '{"node-name":"f","read-only":false,"driver":"raw","file":"s"}', "-device",
        '{"driver":"virtio-blk-device","drive":"f","id":"disk0","bootindex":1}', "-audiodev",
        '{"id":"a","driver":"none"}', "-sandbox",
        "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny", "-msg",
        "timestamp=on"]
    yield "RAM in a file that is shared", [
        *virt, "-m", "64", "-object",
        f"memory-backend-file,id=mem,size=64M,mem-path={ram},share=on", "-numa", "node,memdev=mem"]
    yield "RAM of a memfd, by -machine", [
        *virt, "-m", "64M", "-object", "memory-backend-memfd,id=mem,size=64M,share=on,prealloc=off",
        "-machine", "memory-backend=mem"]
    yield "-mem-path", [*virt, "-m", "32", "-mem-path", tmp, "-mem-prealloc"]
    yield "buildroot for riscv64", [*virt, "-drive", f"file={disk},format=raw,id=hd0", "-device",
                                    "virtio-blk-device,drive=hd0"]
    yield "-cdrom", [*virt, "-cdrom", disk]
    yield "-hdc, -hdd", [*virt, "-drive", f"if=none,format=raw,id=x,file={disk}"]
    yield "-set", [*virt, "-device", "virtio-rng-device,id=r", "-set", "device.r.max-bytes=1024", "-device",
                    "virtio-rng-pci,rombar=0,romfile="]
    yield "-iothread", [*virt, "-object", "iothread,id=io0,poll-max-ns=0", "-drive",
                        f"if=none,format=raw,id=x,file={disk},aio=native,cache=none", "-device",
                        "virtio-blk-device,drive=x,iothread=io0"]
    yield "odds and ends", [
        *virt, "-usb", "-machine", "usb=on,graphics=off,kernel-irqchip=on", "-smp", "4,sockets=2,cores=2",
        "-boot", "order=dc,menu=on,strict=on", "-rtc", "base=utc,driftfix=slew", "-audiodev", "none,id=snd0", "-watchdog-action", "reset", "-only-migratable", "-k",
        "en-us", "-sandbox", "off", "-compat", "deprecated-input=accept", "-overcommit",
        "cpu-pm=on", "-enable-fips", "-action", "reboot=shutdown,shutdown=pause,panic=pause"]


def refused(tmp):
    virt = ["-M", "virt", "-nodefaults", "-display", "none"]
    for words, text in (
            (["-usbdevice", "tablet"], "qemu-xhci"), (["-fda", "x"], "floppy"), (["-sd", "x"], "SD"),
            (["-tpmdev", "emulator,id=t"], "TPM"), (["-readconfig", "x"], "command line"),
            (["-runas", "nobody"], "runuser"), (["-trace", "x"], "-d"), (["-plugin", "x"], "plugin"),
            (["-audiodev", "pa,id=x"], "sound"), (["-overcommit", "mem-lock=on"], "mem-lock"),
            (["-numa", "node", "-numa", "node"], "one node"), (["-spice", "x"], "display"),
            (["-set", "device.x.y=1"], "before"), (["-set", "x"], "GROUP.ID.KEY"),
            (["-add-fd", "fd=99,set=1"], "fd=99"), (["-add-fd", "set=1"], "numbers"),
            (["-m", "64", "-object", "memory-backend-ram,id=m,size=32M", "-machine",
              "memory-backend=m"], "same size"),
            (["-object", "memory-backend-file,id=m,size=32M"], "mem-path"),
            (["-object", f"memory-backend-file,id=m,size=32M,mem-path={tmp}/no/where"], "no/where"),
            (["-object", "secret,id=s"], "data="), (["-watchdog-action", "jump"], "inject-nmi")):
        yield " ".join(words), [*virt, *words], text


def check_taken(program, words):
    m = Machine(program, words)
    status = m.ask("query-status") if m.sock else {}
    code, err = m.end()
    if code or "return" not in status:
        return f"status {code}: {err.strip()[-300:]}"
    return None


HELP = (
    ("-machine help", "virt"), ("-machine virt,help", "aclint"), ("-cpu help", "rv64"),
    ("-accel help", "tcg"), ("-accel tcg,help", "tb-size"), ("-device help", 'name "virtio-blk-pci"'),
    ("-device virtio-blk-pci,help", "drive=<str>"), ("-object help", "rng-random"),
    ("-object rng-random,help", "filename="), ("-chardev help", "socket"), ("-netdev help", "user"),
    ("-nic model=help", "virtio-net-pci"), ("-d help", "guest_errors"), ("-display help", "none"),
    ("-L help", "/usr/share/qemu"), ("-drive format=help", "qcow2"), ("-version", "QEMU emulator"),
)


def check_help(program, words, text):
    p = subprocess.run([program, *words.split()], stdin=subprocess.DEVNULL, capture_output=True,
                       text=True, timeout=LIMIT)
    return None if not p.returncode and text in p.stdout and not p.stderr else (
        f"status {p.returncode}, no '{text}': {p.stdout[-200:]}{p.stderr[-200:]}")


def descriptors(program, tmp):
    """getfd, add-fd and what opens them."""
    path = os.path.join(tmp, "handed.img")
    with open(path, "wb") as f:
        f.truncate(1 << 20)
    fd = os.open(path, os.O_RDWR)
    m = Machine(program, ["-M", "virt", "-nodefaults", "-add-fd", f"fd={fd},set=7,opaque=mine",
                          "-drive", "if=none,id=d,format=raw,file=/dev/fdset/7"], pass_fds=[fd])
    if not m.sock:
        return m.end()[1]
    try:
        sets = m.ask("query-fdsets")["return"]
        assert [s["fdset-id"] for s in sets] == [7] and sets[0]["fds"][0]["opaque"] == "mine", sets
        added = m.ask("add-fd", fds=[fd])["return"]
        assert added["fdset-id"] == 0, added
        assert m.ask("add-fd", fds=[fd], **{"fdset-id": 0})["return"]["fdset-id"] == 0
        sets = m.ask("query-fdsets")["return"]
        assert [len(s["fds"]) for s in sets] == [2, 1], sets
        reply = m.ask("add-fd")
        assert reply["error"]["desc"] == "No file descriptor supplied via SCM_RIGHTS", reply
        reply = m.ask("blockdev-add", driver="file", filename="/dev/fdset/0", **{"node-name": "n"})
        assert reply == {"return": {}}, reply
        assert m.ask("blockdev-del", **{"node-name": "n"}) == {"return": {}}
        reply = m.ask("chardev-add", id="f", backend={"type": "file", "data": {
            "out": "/dev/fdset/0"}})
        assert reply == {"return": {}}, reply
        assert "/dev/fdset/9" in str(m.ask("chardev-add", id="g", backend={
            "type": "file", "data": {"out": "/dev/fdset/9"}})["error"])
        reply = m.ask("blockdev-del", **{"node-name": "n"})
        assert "Failed to find node" in reply["error"]["desc"], reply
        assert m.ask("remove-fd", **{"fdset-id": 0, "fd": added["fd"]}) == {"return": {}}
        assert m.ask("remove-fd", **{"fdset-id": 0}) == {"return": {}}
        reply = m.ask("remove-fd", **{"fdset-id": 0})
        assert "'fdset-id:0' not found" in reply["error"]["desc"], reply
        ours, theirs = socket.socketpair()
        assert m.ask("getfd", fds=[theirs.fileno()], fdname="peer") == {"return": {}}
        theirs.close()
        reply = m.ask("chardev-add", id="c", backend={"type": "socket", "data": {
            "addr": {"type": "fd", "data": {"str": "peer"}}, "server": False}})
        assert "return" in reply, reply
        assert "not found" in m.ask("closefd", fdname="peer")["error"]["desc"]
        assert "digit" in m.ask("getfd", fds=[fd], fdname="1x")["error"]["desc"]
        assert m.ask("getfd", fds=[fd], fdname="x") == {"return": {}}
        assert m.ask("closefd", fdname="x") == {"return": {}}
        ours.close()
    except (AssertionError, KeyError) as e:
        m.end()
        return f"{type(e).__name__}: {e}"
    finally:
        os.close(fd)
    code, err = m.end()
    return f"status {code}: {err}" if code else None


def names(tmp):
    """Titles with functions that return what is wrong."""
    for title, words in taken(tmp):
        yield f"taken: {title}", lambda p, words=words: check_taken(p, words)
    for words, text in HELP:
        yield words, lambda p, words=words, text=text: check_help(p, words, text)
    yield "descriptors", lambda p: descriptors(p, tmp)
