# SPDX-License-Identifier: GPL-2.0-or-later
"""stress-ng in a guest: many programs at once that check what they compute and what the kernel
does for them. The disk with it is made by scripts/lib.sh."""
from session import Failure

# Of each kind one, competing for the CPUs: arithmetic, memory, processes, signals, locks, I/O.
STRESSORS = ("cpu", "fp-error", "vecmath", "matrix", "qsort", "hash", "crypt", "zlib", "str",
             "memcpy", "vm", "mprotect", "stack", "icache", "longjmp", "atomic", "futex", "mutex",
             "sem", "pthread", "fork", "switch", "sigsegv", "sigfpe", "timer", "pipe")


def drive(image):
    return ["-drive", f"file={image},format=raw,if=none,id=stress,readonly=on", "-device",
            "virtio-blk-pci,drive=stress"]


def stress(s, prompt, seconds):
    """In the shell of the session: runs them, then powers off."""
    s.expect(prompt)
    s.send(b"mkdir /d && mount -t ext4 -o ro /dev/vda /d && for m in dev proc sys tmp; do "
           b"mount --bind /$m /d/$m; done; cd /tmp; echo mounted-$?\n")
    s.expect(rb"\r\nmounted-0")
    s.expect(rb"# ")
    jobs = " ".join(f"--{name} 1" for name in STRESSORS)
    s.send(f"chroot /d /usr/bin/stress-ng --verify --temp-path /tmp --timeout {seconds} {jobs}; "
           "echo status-$?\n".encode())
    m = s.expect(rb"(?s)(.*)\r\nstatus-(\d+)")
    if m.group(2) != b"0":
        lines = [line for line in m.group(1).decode(errors="replace").splitlines()
                 if "fail" in line or "error" in line]
        raise Failure(f"stress-ng ended with status {m.group(2).decode()}: {lines[:5]}")
    s.expect(rb"# ")
    s.send(b"poweroff\n")
    s.wait_exit(0)
