# SPDX-License-Identifier: GPL-2.0-or-later
"""A running emulator under noise, and what must never be seen of it."""
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time

COMPLAINT = re.compile(r"ERROR: |WARNING: Thread|runtime error|CRITICAL \*\*|WARNING \*\*|GLib|assert")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.append(os.path.join(ROOT, "tests"))
from timelimits import LIMIT                                            # noqa: E402


class Failure(Exception):
    pass


def no_big_files():
    """Noise that happens to be a command to save memory must not fill the disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def no_leaks():
    """A program that ends with an error leaves its memory to the system."""
    return dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")


def shown(data, n=400):
    text = repr(data)
    return text if len(text) <= n else text[:n // 2] + " ... " + text[-n // 2:]


class Program:
    """Started in `tmp`, with QMP on a socket there."""

    def __init__(self, build, tmp, arch, *args):
        self.tmp = tmp
        self.err = open(os.path.join(tmp, "err"), "w+b")
        self.argv = [os.path.join(build, f"sosia-system-{arch}"), *args, "-qmp",
                     f"unix:{os.path.join(tmp, 'control')},server=on,wait=off"]
        self.proc = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=self.err,
                                     stderr=self.err, cwd=tmp, preexec_fn=no_big_files)
        self.control = None

    def text(self):
        self.err.seek(0)
        return self.err.read().decode(errors="replace")

    def connect(self, name):
        end = time.monotonic() + LIMIT
        while True:
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(LIMIT)
            try:
                s.connect(os.path.join(self.tmp, name))
                return s
            except OSError as e:
                s.close()
                if self.proc.poll() is not None:
                    raise Failure(f"ended with {self.proc.returncode}: {self.text()[-6000:]}") from None
                if time.monotonic() > end:
                    raise Failure(f"no connection to {name}: {e}; {self.text()[-2000:]}") from None
                time.sleep(0.02)

    def qmp(self, name, **args):
        """A well-formed request on a connection of our own; its answer."""
        if not self.control:
            self.control = self.connect("control")
            self.buf = b""
            self.line()
            self.qmp("qmp_capabilities")
        request = {"execute": name, **({"arguments": args} if args else {})}
        self.control.sendall(json.dumps(request).encode() + b"\n")
        while True:
            answer = json.loads(self.line())
            if "event" not in answer:
                return answer

    def line(self):
        while b"\n" not in self.buf:
            try:
                chunk = self.control.recv(65536)
            except ConnectionResetError:
                chunk = b""
            except OSError as e:
                raise Failure(f"QMP does not answer: {e}; {self.text()[-2000:]}") from None
            if not chunk:
                try:
                    self.proc.wait(LIMIT)
                except subprocess.TimeoutExpired:
                    raise Failure("QMP was closed") from None
                raise Failure(f"ended with {self.proc.returncode}: {self.text()[-6000:]}")
            self.buf += chunk
        line, self.buf = self.buf.split(b"\n", 1)
        return line

    def check(self, what):
        """It lives, listens and has not complained."""
        try:
            self.qmp("query-status")
        except Failure as f:
            raise Failure(f"after {shown(what)}: {f}") from None
        if COMPLAINT.search(self.text()):
            raise Failure(f"after {shown(what)}: {self.text()[-8000:]}")

    def hmp(self, line):
        return self.qmp("human-monitor-command", **{"command-line": line})

    def fds(self):
        return len(os.listdir(f"/proc/{self.proc.pid}/fd"))

    def rss(self):
        """In MiB."""
        with open(f"/proc/{self.proc.pid}/statm") as f:
            return int(f.read().split()[1]) * 4096 >> 20

    def end(self, by_signal=False):
        """Ends it; the complaints are looked at once more (leaks are reported now)."""
        try:
            if self.proc.poll() is None:
                if by_signal:
                    self.proc.send_signal(signal.SIGTERM)
                else:
                    try:
                        self.qmp("quit")
                    except Failure:
                        pass
                try:
                    self.proc.wait(LIMIT)
                except subprocess.TimeoutExpired:
                    raise Failure(f"does not end; {self.text()[-2000:]}") from None
            if self.proc.returncode or COMPLAINT.search(self.text()):
                raise Failure(f"ended with {self.proc.returncode}: {self.text()[-8000:]}")
        finally:
            self.kill()

    def kill(self):
        if self.control:
            self.control.close()
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait()
        self.err.close()


def refused_or_fine(argv, tmp, stdin=b'{"execute":"qmp_capabilities"}{"execute":"quit"}'):
    """Runs to the end. Status 0; or 1, one line on stderr and no command was done."""
    def failure(why):
        return Failure(f"{why}: {shown(argv, 3000)}\n{err[-6000:]}")
    err = ""
    try:
        p = subprocess.run(argv, input=stdin, capture_output=True, timeout=LIMIT, cwd=tmp,
                           env=no_leaks(), preexec_fn=no_big_files)
    except subprocess.TimeoutExpired as e:
        err = (e.stderr or b"").decode(errors="replace")
        raise failure("goes on running") from None
    err = p.stderr.decode(errors="replace")
    if p.returncode not in (0, 1):
        raise failure(f"status {p.returncode}")
    if COMPLAINT.search(err):
        raise failure("complains")
    lines = [l for l in err.splitlines() if not re.search(r"warning:|terminating on signal", l)]
    if p.returncode and len(lines) != 1:
        raise failure(f"{len(lines)} lines")
    if p.returncode and b'"return"' in p.stdout:
        raise failure("refused after it had begun")
    return p.returncode, err
