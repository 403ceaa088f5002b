# SPDX-License-Identifier: GPL-2.0-or-later
"""The walk-through of docs/debugging-arm64-kernel.md, with the commands that stand there."""
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading

from session import Failure, Session
from timelimits import SLOW

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def commands(part, port):
    """The gdb commands of the blocks of one part, for another port."""
    with open(os.path.join(ROOT, "docs", "debugging-arm64-kernel.md"), encoding="utf-8") as f:
        blocks = re.findall(rf"^<!-- gdb: {part} -->\n```gdb\n(.*?)^```", f.read(), re.M | re.S)
    lines = "".join(blocks).replace("target remote :1234", f"target remote 127.0.0.1:{port}")
    if len(lines.splitlines()) < 6:
        raise Failure(f"the document has no commands for '{part}'")
    return [part for line in lines.splitlines() for part in ("-ex", line)]


def gdb(part, port, vmlinux, folder, *more):
    done = subprocess.run(["gdb-multiarch", "-q", "-batch", "-ex", "set pagination off", "-ex",
                           "set confirm off", "-ex", "set remotetimeout 60",
                           *more, *commands(part, port), vmlinux],
                          cwd=folder, capture_output=True, text=True, timeout=180 * SLOW)
    return done.stdout + done.stderr


def demand(text, *patterns):
    at = 0
    for pattern in patterns:
        m = re.compile(pattern).search(text, at)
        if not m:
            raise Failure(f"gdb did not say {pattern!r}; it said: {text[-1500:]!r}")
        at = m.end()


class DebugBoots:
    """Mixed into Arm64Boots, which has the kernel and how to start it."""

    def walk(self, part, *options, more=(), cpu="cortex-a72"):
        port = free_port()
        s = Session([self.sosia, "-M", "virt", "-cpu", cpu, "-m", "512", "-nographic", "-gdb",
                     f"tcp:127.0.0.1:{port}", "-kernel", self.kernel, "-initrd",
                     self.initrd, "-append", "console=ttyAMA0 quiet", *options],
                    timeout=200 * SLOW)
        folder = os.path.dirname(self.kernel)
        return s, lambda: gdb(part, port, os.path.join(folder, "vmlinux"),
                              os.path.join(folder, "modules"), *more)

    def boot_arm64_debug_early(self):
        """the debugging walk-through: from the first instruction"""
        # max has random numbers of its own, which alone would be enough for KASLR.
        s, ask = self.walk("early", "-S", cpu="max")
        with s:
            demand(ask(), r"Breakpoint 1[.0-9]*, .*start_kernel", r"#0 .*start_kernel",
                   r"\$1 = \"swapper", r"Old value = SYSTEM_BOOTING",
                   r"New value = SYSTEM_SCHEDULING", r"rest_init", r"#0 .*load_module",
                   r"__do_sys_finit_module", r"Breakpoint \d[.0-9]*, .*virtio_net_driver_init",
                   r"#1 .*do_one_initcall", r"virtio_net_driver_init.* in section \.init\.text of "
                   r"target:/modules/virtio_net\.ko", r"Yes.*/virtio_net\.ko")

    def boot_arm64_debug_late(self):
        """the debugging walk-through: a kernel under KASLR that runs a program, and a module"""
        debug = tempfile.mkdtemp(prefix="sosia-debug-")
        s, ask = self.walk("late", more=("-ex", f"set debug-file-directory {debug}"))
        try:
            done = subprocess.run([os.path.join(ROOT, "scripts", "module-debug"),
                                   os.path.join(os.path.dirname(self.kernel), "modules"), debug],
                                  capture_output=True, text=True, check=False)
            if not re.fullmatch(r"[0-9]+ modules\n", done.stdout + done.stderr):
                raise Failure(f"module-debug: {done.stdout + done.stderr!r}")
            s.expect(rb"(~|/root) # ")
            # With the loop the CPU is in user mode nearly always, where it lacks the kernel (KPTI).
            s.send(b"(sleep 20; ip link set eth0 up) & (while :; do :; done) & "
                   b"grep -w _stext /proc/kallsyms\n")
            where = s.expect(rb"\n([0-9a-f]{16}) ").group(1).decode()
            if where == "ffff800008010000":
                raise Failure("the kernel is where it was linked for: KASLR is not at work")
            reader = threading.Thread(target=lambda: s.read_some(0))
            reader.start()
            said = ask()
            if "not found in" in said: # sections of a module and of its file of lines and types
                raise Failure(f"gdb said: {said[-1500:]!r}")
            demand(said, rf"0x{where} <", r"\$2 = \"swapper",
                   r"virtnet_probe in section \.text of target:/modules/virtio_net\.ko",
                   r"Breakpoint 1, .*start_xmit", r"#0 .*start_xmit", r"start_xmit",
                   debug + r"/\.build-id/[0-9a-f]{2}/[0-9a-f]{38}\.debug")
            reader.join()
        finally:
            s.kill()
            shutil.rmtree(debug)

    def boot_arm64_debug_reverse(self):
        """the debugging walk-through: back to the writes of a variable, and to the beginning"""
        s, ask = self.walk("reverse", "-S", "-reverse")
        with s:
            demand(ask(), r"Breakpoint 1[.0-9]*, .*start_kernel", r"Breakpoint 2.*run_init_process",
                   r"Old value = SYSTEM_RUNNING\s+New value = SYSTEM_FREEING_INITMEM",
                   r"#0 .*kernel_init", r"Old value = SYSTEM_FREEING_INITMEM\s+New value = "
                   r"SYSTEM_SCHEDULING", r"#0 .*kernel_init", r"async_synchronize_full",
                   r"No more reverse-execution history", r"0x0000000040200000 in")
