# SPDX-License-Identifier: GPL-2.0-or-later
"""gdb's remote protocol from the side of gdb, for tests."""
import os
import re
import socket
import sys
import time

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from timelimits import LIMIT                                            # noqa: E402


class Failure(Exception):
    pass


class Rsp:
    def __init__(self, path, features="multiprocess+;swbreak+;hwbreak+"):
        deadline = time.monotonic() + LIMIT
        while True:
            self.sock = socket.socket(socket.AF_UNIX)
            try:
                self.sock.connect(path)
                break
            except OSError:
                self.sock.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        self.sock.settimeout(LIMIT)
        self.buf = b""
        self.ack = True
        if features is not None:
            self.supported = self.ask("qSupported:" + features)

    def close(self):
        self.sock.close()

    def byte(self):
        while not self.buf:
            chunk = self.sock.recv(65536)
            if not chunk:
                raise Failure("the connection was closed")
            self.buf = chunk
        c, self.buf = self.buf[:1], self.buf[1:]
        return c

    def send(self, data):
        data = data.encode() if isinstance(data, str) else data
        self.sock.sendall(b"$" + data + b"#%02x" % (sum(data) & 255))
        if self.ack and (c := self.byte()) != b"+":
            raise Failure(f"{data[:40]!r}: {c!r} for an acknowledgement")

    def raw(self, data):
        self.sock.sendall(data)

    def receive(self):
        while (c := self.byte()) != b"$":
            if c not in b"+":
                raise Failure(f"{c!r} in front of a packet")
        data = b""
        while (c := self.byte()) != b"#":
            data += c
        want = self.byte() + self.byte()
        if int(want, 16) != sum(data) & 255:
            raise Failure(f"wrong checksum of {data[:40]!r}")
        if self.ack:
            self.raw(b"+")
        return data

    def ask(self, data):
        self.send(data)
        return self.receive().decode("latin-1")

    def ok(self, data):
        if (answer := self.ask(data)) != "OK":
            raise Failure(f"{data!r}: {answer!r}")

    def stop(self, data, timeout=LIMIT):
        """Sends a packet that lets the machine go; the stop reply as a dict."""
        self.sock.settimeout(timeout)
        self.send(data)
        return self.stopped()

    def stopped(self):
        m = re.fullmatch(r"T([0-9a-f]{2})(.*)", answer := self.receive().decode("latin-1"))
        if not m:
            raise Failure(f"{answer!r} is no stop reply")
        reply = dict(p.split(":", 1) for p in m[2].split(";") if p)
        reply["signal"] = int(m[1], 16)
        return reply

    def reg(self, num):
        return int.from_bytes(bytes.fromhex(self.ask(f"p{num:x}")), "little")

    def set_reg(self, num, value):
        self.ok(f"P{num:x}={value.to_bytes(8, 'little').hex()}")

    def pc(self):
        return self.reg(32)

    def read(self, addr, n):
        return bytes.fromhex(self.ask(f"m{addr:x},{n:x}"))

    def word(self, addr):
        return int.from_bytes(self.read(addr, 8), "little")

    def document(self, what, piece=0x200):
        text, at = "", 0
        while True:
            part = self.ask(f"qXfer:{what}:{at:x},{piece:x}")
            if part[:1] not in ("m", "l"):
                raise Failure(f"qXfer:{what}: {part!r}")
            at += len(part) - 1
            body = re.sub(r"}(.)", lambda m: chr(ord(m[1]) ^ 0x20), part[1:], flags=re.S)
            at -= len(part) - 1 - len(body)
            text += body
            if part[0] == "l":
                return text

    def monitor(self, line):
        self.send("qRcmd," + line.encode().hex())
        out = b""
        while (part := self.receive()) != b"OK":
            if not part.startswith(b"O"):
                raise Failure(f"monitor {line}: {part!r}")
            out += bytes.fromhex(part[1:].decode())
        return out.decode()
