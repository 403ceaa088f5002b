# SPDX-License-Identifier: GPL-2.0-or-later
"""A booted arm64 Linux with a screen, a keyboard and a tablet."""
import os
import time

from session import Failure
from timelimits import SLOW
from snapshot import Monitor

PROMPT = rb"(~|/root) # "
WIDTH, HEIGHT = 1280, 800


class ScreenBoots:
    def picture(self, monitor):
        """The rows of a screendump."""
        path = self.path("screen.ppm")
        monitor.hmp(f"screendump {path}")
        with open(path, "rb") as f:
            data = f.read()
        head = b"P6\n%d %d\n255\n" % (WIDTH, HEIGHT)
        if not data.startswith(head) or len(data) != len(head) + 3 * WIDTH * HEIGHT:
            raise Failure(f"not the picture that the guest has: {data[:20]!r}")
        data = data[len(head):]
        return [data[i:i + 3 * WIDTH] for i in range(0, len(data), 3 * WIDTH)]

    def expect_colour(self, monitor, byte):
        """Of all of it."""
        end = time.monotonic() + 20 * SLOW
        while any(row != bytes([byte]) * len(row) for row in self.picture(monitor)):
            if time.monotonic() > end:
                raise Failure(f"the screen does not become {byte}")
            time.sleep(0.1)

    def boot_arm64_screen(self):
        """arm64 Linux on virtio-gpu: screendump, over savevm; virtio-keyboard and -tablet"""
        with self.linux("virt", "-device", "virtio-gpu-pci,id=g0", "-device", "virtio-keyboard-pci",
                        "-device", "virtio-tablet-device", "-global", "virtio-mmio.force-legacy=false",
                        "-qmp", f"unix:{self.path('screenqmp')},server=on,wait=off",
                        "-snapshots", self.path("screensnaps")) as s:
            s.expect(PROMPT)
            m = Monitor(self.path("screenqmp"), s)
            s.send(b"cd /lib/modules/screen; for i in $(cat order); do insmod $i; done; cd; "
                   b"echo 0 > /sys/class/graphics/fbcon/cursor_blink; "
                   # In pieces of many lines: Linux 6.1 forgets to show one that ends a line.
                   b"fill() { tr '\\0' $1 < /dev/zero | dd of=/dev/fb0 bs=102400 count=40 "
                   b"iflag=fullblock 2>/dev/null; }; fill y; "
                   b"of() { basename $(dirname $(dirname $(grep -l $1 /sys/class/input/event*/device/name))); }; "
                   b"read_events() { head -c $(($2 * 24)) /dev/input/$(of $1) | od -An -v -tu2 -w24 | "
                   b"awk '{print $9, $10, $11}' | tr '\\n' ';'; }; echo dra''wn\n")
            s.expect(b"drawn")
            self.expect_colour(m, ord("y"))
            m.hmp("savevm a")
            s.send(b"fill n; echo fil''led\n")
            s.expect(b"filled")
            self.expect_colour(m, ord("n"))
            m.hmp("loadvm a")
            self.expect_colour(m, ord("y"))
            m.hmp("cont")
            s.send(b"\n")
            s.expect(PROMPT)
            s.send(b"read_events Keyboard 4 & sleep 1; echo rea''dy; wait\n")
            s.expect(b"ready")
            m.hmp("sendkey shift-q 20")
            s.expect(b"1 42 1;0 0 0;1 16 1;0 0 0;")
            s.send(b"read_events Tablet 4 & sleep 1; echo rea''dy; wait\n")
            s.expect(b"ready")
            place = [{"type": "abs", "data": {"axis": axis, "value": 30000}} for axis in "xy"]
            m.ask("input-send-event", events=[*place, {"type": "btn", "data": {"button": "left",
                                                                               "down": True}}])
            s.expect(b"3 0 30000;3 1 30000;1 272 1;0 0 0;")
            s.send(b"fill z\n")
            self.expect_colour(m, ord("z"))
            s.send(b"poweroff\n")
            s.wait_exit(0)
