#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's commands beside the reference's: what is missing must be missing on purpose.

    commands.py --build DIR [--broken]
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from timelimits import LIMIT                                            # noqa: E402

# What is missing, and why. A name that has come to be there must leave this list.
MISSING = {
    "qmp": {
        "no VNC or SPICE server to hand a client to": "add_client",
        "disks": "block-dirty-bitmap-* block-latency-histogram-set block-set-write-threshold "
                 "block_set_io_throttle blockdev-create blockdev-reopen blockdev-snapshot-* "
                 "x-blockdev-* x-debug-*",
        "migration and dirty pages": "calc-dirty-rate query-dirty-rate client_migrate_info",
        "Xen and COLO": "xen-* query-xen-replication-status",
    },
    "help": {
        "disks": "block_set_io_throttle qemu-io snapshot_blkdev_internal "
                 "snapshot_delete_blkdev_internal",
        "migration and dirty pages": "calc_dirty_rate client_migrate_info",
        "errors of PCI Express": "pcie_aer_inject_error",
        "sound": "wavcapture",
        "a profile of locks": "sync-profile",
    },
    "info": {
        "migration and dirty pages": "dirty_rate",
    },
}
HEAD = re.compile(r"^([a-zA-Z?][\w?|-]*)(?: .*)? -- ", re.M)


NIC = {"path": "/machine/peripheral/nic0/virtio-backend"}
DEVICES = ["-netdev", "user,id=n0", "-device", "virtio-net-pci,id=nic0,netdev=n0", "-device",
           "i6300esb,id=wd", "-device", "virtio-rng-device,id=r0"]
# Replies that are to be the same; what a reference has that we need not have is taken out.
SAME = [("query-pci", {}), ("query-rx-filter", {"name": "nic0"}), ("x-query-virtio", {}),
        ("x-query-virtio-queue-status", {**NIC, "queue": 1}), ("query-vnc", {}),
        ("query-spice", {}), ("x-query-virtio-queue-element", {**NIC, "queue": 1}),
        ("x-query-virtio-queue-element", {**NIC, "queue": 99, "index": 3}),
        ("query-replay", {}), ("query-rx-filter", {"name": "n0"}), ("watchdog-set-action", {}),
        ("x-query-virtio-queue-status", {**NIC, "queue": 99}), ("set_password", {
            "protocol": "vnc", "password": "x"}), ("yank", {"instances": [{"type": "migration"}]})]
MODELS = ["max", "cortex-a35", "cortex-a53", "cortex-a72", "cortex-a76", "neoverse-n1"]


def talk(program, commands, *more):
    lines = [{"execute": "qmp_capabilities"}]
    lines += [{"execute": name, "arguments": a} for name, a in commands] + [{"execute": "quit"}]
    p = subprocess.run([program, "-M", "virt", "-S", "-nodefaults", "-display", "none", "-qmp",
                        "stdio", *more], input="\n".join(map(json.dumps, lines)), stdout=subprocess.PIPE,
                       stderr=subprocess.DEVNULL, timeout=LIMIT, text=True)
    replies = [r for r in map(json.loads, p.stdout.splitlines()) if "return" in r or "error" in r]
    return [r.get("return", r.get("error")) for r in replies][1:-1]


def ask(program):
    """Three sets of names: QMP's, HMP's, HMP's of info."""
    hmp = [("human-monitor-command", {"command-line": line}) for line in ("help", "info")]
    commands, text, info = talk(program, [("query-commands", {}), *hmp])
    names = {n for m in HEAD.findall(text.replace("\r", "")) for n in m.split("|")}
    info = re.sub(r"^info ", "", info.replace("\r", ""), flags=re.M)
    return {"qmp": {c["name"] for c in commands}, "help": names, "info": set(HEAD.findall(info))}


def comparable(reply):
    """Without an option ROM (BAR 6), the size of the legacy window, which holds what there is, and
    `broadcast-allowed`, which the reference tells the wrong way round; in any order."""
    if isinstance(reply, list):
        return sorted((comparable(r) for r in reply
                       if not (isinstance(r, dict) and r.get("bar") == 6)), key=repr)
    if isinstance(reply, dict):
        skip = {"broadcast-allowed", *(["size"] if reply.get("type") == "io" else [])}
        return {k: comparable(v) for k, v in sorted(reply.items()) if k not in skip}
    return reply


def models(program):
    """Properties of processors that both can have."""
    asked = [("query-cpu-model-expansion", {"type": "full", "model": {"name": m, **props}})
             for m in MODELS for props in ({}, {"props": {"pmu": False}})]
    asked.append(("query-cpu-model-expansion", {"type": "full", "model": {
        "name": "max", "props": {"pauth-impdef": True}}}))
    return [{k: v for k, v in r["model"]["props"].items() if not k.startswith("sve")}
            for r in talk(program, asked)]


def pattern(names):
    return re.compile("|".join(re.escape(n).replace(r"\*", ".*") for n in names) or "$^")


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True)
    p.add_argument("--broken", action="store_true", help="forget a command: the test must fail")
    args = p.parse_args()
    n = failed = 0

    def check(name, bad):
        nonlocal n, failed
        n += 1
        failed += bool(bad)
        for line in bad:
            print(f"# {line}")
        print(f"{'not ok' if bad else 'ok'} {n} - {name}")

    for arch in ("aarch64", "riscv64"):
        reference = shutil.which(f"qemu-system-{arch}")
        if not reference:
            n += 1
            print(f"ok {n} - commands of {arch} # SKIP needs qemu-system-{arch}")
            continue
        theirs = ask(reference)
        ours = ask(os.path.join(os.path.abspath(args.build), f"sosia-system-{arch}"))
        if args.broken:
            ours["qmp"].discard("query-pci")
        for kind, known in MISSING.items():
            excused = pattern([w for words in known.values() for w in words.split()])
            missing = theirs[kind] - ours[kind]
            bad = [f"{m} is missing" for m in sorted(missing) if not excused.fullmatch(m)]
            if len(theirs[kind]) < 60:
                bad.append(f"the reference lists only {len(theirs[kind])}")
            bad += [f"{w} is excused, and not missing" for words in known.values()
                    for w in words.split() if not any(pattern([w]).fullmatch(m) for m in missing)]
            check(f"{kind} of {arch}", bad)
        sosia = os.path.join(os.path.abspath(args.build), f"sosia-system-{arch}")
        replies = zip(SAME, talk(sosia, SAME, *DEVICES), talk(reference, SAME, *DEVICES))
        check(f"replies of {arch}", [f"{what}: {a}, not {b}" for what, a, b in replies
                                     if comparable(a) != comparable(b)])
        for option in ("action", "boot", "smp", "rtc", "overcommit"):
            a, b = (subprocess.run([p, "-M", "virt", f"-{option}", "help"], timeout=LIMIT, text=True,
                                   stdout=subprocess.PIPE).stdout for p in (sosia, reference))
            check(f"-{option} help of {arch}", [] if a == b else [f"{a!r}, not {b!r}"])
        if arch == "aarch64":
            pairs = zip(models(sosia), models(reference))
            check("processors' properties", [f"{a}, not {b}" for a, b in pairs if a != b])
    print(f"1..{n}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
