#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Drives a machine over its serial console on standard input and output.

    session.py [--log FILE] [--timeout S] [STEP...] -- COMMAND...

STEPs are done in order:
    --expect TEXT   wait until TEXT appears in what came since the last match
    --match REGEX   the same with a regular expression
    --send TEXT     type TEXT and Return
    --key TEXT      type TEXT as it is (\\x01 and the like are understood)
    --sleep S       wait
    --exit N        the program ends by itself with status N
Exit status 0 if all steps went well, else 1 after one line that tells which did not.
"""
import os
import re
import selectors
import subprocess
import sys
import time

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from timelimits import LIMIT  # noqa: E402


class Failure(Exception):
    pass


class Session:
    """A program on pipes, with what it wrote and was not matched yet. `with` ends it."""

    def __init__(self, argv, log=None, timeout=60):
        self.proc = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT)
        self.pending = b""
        self.all = b""
        self.log = open(log, "wb") if log else None
        self.end = time.monotonic() + timeout
        self.timeout = timeout
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.proc.stdout, selectors.EVENT_READ)

    def read_some(self, limit):
        """Adds what comes within `limit` seconds; False at the end of output."""
        if not self.selector.select(max(0, limit)):
            return True
        chunk = os.read(self.proc.stdout.fileno(), 65536)
        self.pending += chunk
        self.all += chunk
        if self.log:
            self.log.write(chunk)
            self.log.flush()
        return bool(chunk)

    def expect(self, pattern, what=None, dotall=False):
        regex = re.compile(pattern, re.DOTALL if dotall else 0)
        while True:
            m = regex.search(self.pending)
            if m:
                self.pending = self.pending[m.end():]
                return m
            left = self.end - time.monotonic()
            if left <= 0:
                raise Failure(f"no {what or pattern!r} within {self.timeout} s; last output: "
                              f"{self.all[-300:]!r}")
            if not self.read_some(left):
                raise Failure(f"the program ended before {what or pattern!r}; last output: "
                              f"{self.all[-300:]!r}")

    def expect_text(self, text):
        return self.expect(re.escape(text.encode()), text)

    def send(self, data):
        self.proc.stdin.write(data)
        self.proc.stdin.flush()

    def wait_exit(self, status):
        while self.read_some(self.end - time.monotonic()):
            if time.monotonic() >= self.end:
                raise Failure(f"did not end within {self.timeout} s; last output: "
                              f"{self.all[-300:]!r}")
        got = self.proc.wait(LIMIT)
        if got != status:
            raise Failure(f"exit status is {got}, not {status}; last output: {self.all[-300:]!r}")

    def power_off(self, prompt):
        """At a shell's prompt; the program ends with it."""
        self.expect(prompt)
        self.send(b"poweroff\n")
        self.wait_exit(0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait()


def main(argv):
    steps, log, timeout = [], None, 60
    i = 0
    while i < len(argv) and argv[i] != "--":
        if i + 1 >= len(argv) or not argv[i].startswith("--"):
            sys.exit(__doc__)
        key, value = argv[i][2:], argv[i + 1]
        i += 2
        if key == "log":
            log = value
        elif key == "timeout":
            timeout = float(value)
        elif key in ("expect", "match", "send", "key", "sleep", "exit"):
            steps.append((key, value))
        else:
            sys.exit(__doc__)
    if i + 1 >= len(argv):
        sys.exit(__doc__)
    try:
        with Session(argv[i + 1:], log, timeout) as session:
            for key, value in steps:
                if key == "expect":
                    session.expect_text(value)
                elif key == "match":
                    session.expect(value.encode())
                elif key == "send":
                    session.send(value.encode() + b"\n")
                elif key == "key":
                    session.send(value.encode().decode("unicode_escape").encode("latin-1"))
                elif key == "sleep":
                    time.sleep(float(value))
                elif key == "exit":
                    session.wait_exit(int(value))
    except Failure as failure:
        print(f"session: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
