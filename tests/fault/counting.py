# SPDX-License-Identifier: GPL-2.0-or-later
"""A program with a guest that prints a counter, one number a line, seen by its output and by QMP."""
import array
import fcntl
import json
import os
import re
import select
import socket
import subprocess
import sys
import termios
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.append(os.path.join(ROOT, "tests"))
from timelimits import LIMIT                                            # noqa: E402

LINE = re.compile(rb"^([0-9a-f]{16})\n", re.M)


class Failure(Exception):
    pass


class Machine:
    """case: has the program (sosia), the guest, a folder (tmp), and a list of its machines."""

    def __init__(self, case, *words, fds=()):
        path = os.path.join(case.tmp, f"qmp{len(case.machines)}")
        self.out, self.events, self.lock = b"", [], threading.Lock()
        self.proc = subprocess.Popen(
            [case.sosia, "-M", "virt", "-kernel", case.guest, "-display", "none", "-monitor", "none",
             "-serial", "stdio", "-qmp", f"unix:{path},server=on,wait=off", *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=fds)
        case.machines.append(self)
        threading.Thread(target=self.collect, daemon=True).start()
        self.sock = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + LIMIT
        while True:
            try:
                self.sock.connect(path)
                break
            except OSError:
                if self.proc.poll() is not None or time.monotonic() > end:
                    raise Failure("no machine: " + self.error()) from None
                time.sleep(0.01)
        self.sock.settimeout(LIMIT)
        self.file = self.sock.makefile("rb")
        try:
            self.file.readline()
            self.qmp("qmp_capabilities")
        except OSError:
            self.proc.wait(LIMIT)
            raise Failure("no machine: " + self.error()) from None

    def error(self):
        self.kill()
        return self.proc.stderr.read().decode(errors="replace").strip()

    def kill(self):
        self.proc.kill()
        self.proc.wait()

    def collect(self):
        fd = self.proc.stdout.fileno()
        while select.select([fd], [], []):
            with self.lock:
                chunk = os.read(fd, 65536)
                self.out += chunk
            if not chunk:
                break

    def drain(self):
        """`out` has all that the program has written until now."""
        waiting = array.array("i", [1])
        while waiting[0]:
            with self.lock:
                fcntl.ioctl(self.proc.stdout, termios.FIONREAD, waiting)
            time.sleep(0.001 if waiting[0] else 0)

    def forget(self):
        """What comes is of another time."""
        self.drain()
        with self.lock:
            self.out = b""

    # ---- QMP ----

    def request(self, name, fd=None, **args):
        line = json.dumps({"execute": name, "arguments": args}).encode() + b"\n"
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd else []
        self.sock.sendmsg([line], rights)

    def message(self):
        line = self.file.readline()
        if not line:
            raise Failure("the program ended: " + self.error())
        answer = json.loads(line)
        if "event" in answer:
            self.events.append(answer)
        return answer

    def qmp(self, name, fd=None, **args):
        self.request(name, fd, **args)
        while "event" in (answer := self.message()):
            pass
        return answer

    def ask(self, name, **args):
        answer = self.qmp(name, **args)
        if "error" in answer:
            raise Failure(f"{name}: {answer['error']['desc']}")
        return answer["return"]

    def hmp(self, line):
        return self.ask("human-monitor-command", **{"command-line": line})

    # ---- the guest ----

    def first(self):
        """The first number since the start, or since forget."""
        self.last()
        return self.numbers()[0]

    def numbers(self):
        return [int(n, 16) for n in LINE.findall(self.out)]

    def last(self):
        """The number printed last, after one more was printed."""
        start, end = len(self.out), time.monotonic() + LIMIT
        while not LINE.search(self.out, self.out.find(b"\n", start) + 1 or len(self.out)):
            if time.monotonic() > end or self.proc.poll() is not None:
                raise Failure(f"the guest is silent: {self.out[-100:]}")
            time.sleep(0.005)
        if b"B" in self.out:
            raise Failure("the guest found memory of another moment")
        return self.numbers()[-1]
