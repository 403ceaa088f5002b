# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that are broken: kernels, firmware, device trees, RAM disks, flash images."""
import gzip
import os
import struct
import subprocess
import sys

from fuzz_program import Failure, LIMIT, Program, ROOT, refused_or_fine

sys.path.insert(0, os.path.join(ROOT, "tests", "differential"))
import machines                                                         # noqa: E402


def image(arch):
    """A Linux Image: arm64's and riscv's headers of 64 bytes, with PE's beginning."""
    body = bytearray(8192)
    if arch == "aarch64":
        struct.pack_into("<IIQQQQQQII", body, 0, 0x91005a4d, 0x14000010, 0, 1 << 16, 10, 0, 0, 0, 0x644d5241, 64)
    else:
        struct.pack_into("<IIQQQIIQ", body, 0, 0x5a4d, 0x6f, 0x200000, 1 << 16, 0, 2, 0, 0)
        body[48:56], body[56:60] = b"RISCV\0\0\0", b"RSC\x05"
        struct.pack_into("<I", body, 60, 64)
    body[64:68] = b"PE\0\0"
    return bytes(body)


def elf(arch):
    """Two segments, a section table, symbols."""
    base = 0x40200000 if arch == "aarch64" else 0x80000000
    data = bytearray(machines.elf(arch, bytes(256), base))
    struct.pack_into("<Q", data, 40, len(data))         # sections
    struct.pack_into("<HHH", data, 58, 64, 3, 1)
    names = b"\0.symtab\0.strtab\0"
    at = len(data) + 3 * 64
    for kind, offset, size, link, entry in ((0, 0, 0, 0, 0), (3, at, len(names), 0, 0), (2, at + 64, 48, 1, 24)):
        data += struct.pack("<IIQQQQIIQQ", 1, kind, 0, 0, offset, size, link, 0, 8, entry)
    data += names.ljust(64, b"\0") + bytes(24) + struct.pack("<IBBHQQ", 1, 2, 0, 1, base, 8)
    return bytes(data)


def fdt(build, tmp, arch):
    path = os.path.join(tmp, f"{arch}.dtb")
    subprocess.run([os.path.join(build, f"sosia-system-{arch}"), "-M", f"virt,dumpdtb={path}", "-m", "64",
                    "-display", "none", *(["-bios", "none"] if arch == "riscv64" else [])], check=True, capture_output=True,
                   timeout=LIMIT)
    with open(path, "rb") as f:
        return f.read()


INTERESTING = (0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
               0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0xfffffffffffff000, 64, 4096)


def broken(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        k = rng.randrange(7)
        # Headers are at the start of most of them.
        at = rng.randrange(len(data) if rng.random() < 0.5 else min(len(data), 256)) if data else 0
        if k == 0:
            del data[at:]
        elif k == 1 and data:
            data[at] ^= 1 << rng.randrange(8)
        elif k == 2:
            size = rng.choice((2, 4, 8))
            data[at:at + size] = (rng.choice(INTERESTING) & (1 << 8 * size) - 1).to_bytes(
                size, rng.choice(("little", "big")))
        elif k == 3:
            data[at:at + 8] = rng.randbytes(8)
        elif k == 4:
            data += rng.randbytes(rng.randrange(5000))
        elif k == 5:
            data[at:at + rng.randrange(64)] = b""
        else:
            data[at:at] = data[:rng.randrange(min(len(data) + 1, 512))]
    return bytes(data)


def shrinking(build, tmp):
    """A kernel that is written anew while the machine runs, then a reset."""
    path = os.path.join(tmp, "shrinks")
    with open(path, "wb") as f:
        f.write(machines.elf("riscv64", b"\x6f\0\0\0" * (1 << 20), 0x80000000))
    p = Program(build, tmp, "riscv64", "-M", "virt", "-m", "32", "-bios", "none", "-kernel", path, "-display",
                "none", "-serial", "null")
    try:
        p.check("start")
        os.truncate(path, 10000)
        p.qmp("system_reset")
        p.check("a reset with a shorter kernel")
        if "has become shorter" not in p.text():
            raise Failure(f"nothing is said of a shorter kernel: {p.text()}")
        p.end()
    finally:
        p.kill()


def files(build, tmp, rng, count):
    shrinking(build, tmp)
    seeds = {}
    for arch in ("riscv64", "aarch64"):
        seeds[arch] = {"elf": elf(arch), "image": image(arch), "gzip": gzip.compress(image(arch)),
                       "fdt": fdt(build, tmp, arch), "noise": rng.randbytes(5000), "text": b"#!/bin/sh\n" * 50,
                       "pe": b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + rng.randbytes(500)}
    refused = 0
    for i in range(count):
        arch = rng.choice(list(seeds))
        kinds = seeds[arch]
        argv = [os.path.join(build, f"sosia-system-{arch}"), "-M", "virt", "-m", rng.choice(("32", "64", "128")),
                "-display", "none", "-S", "-qmp", "stdio", "-monitor", "none", "-serial", "null"]
        options = {"-kernel": ("elf", "image", "gzip", "noise", "pe", "text", "fdt"),
                   "-bios": ("elf", "noise", "pe", "gzip"), "-initrd": ("gzip", "noise", "text"), "-dtb": ("fdt", "noise"),
                   "-drive": ("noise", "fdt", "elf")}
        chosen = rng.sample(list(options), rng.choice((1, 2)))
        if ("-initrd" in chosen or "-dtb" in chosen) and "-kernel" not in chosen:
            chosen.append("-kernel")
        for n, option in enumerate(chosen):
            path = os.path.join(tmp, f"file{n}")
            data = kinds[rng.choice(options[option])]
            if len(chosen) == 1 or rng.random() < 0.6:
                data = broken(rng, data)
            with open(path, "wb") as f:
                f.write(data)
            if option == "-drive":
                path = f"file={path},format={rng.choice(('raw', 'raw', 'qcow2', 'vmdk'))},if=" + rng.choice(
                    ("pflash", "pflash", "virtio", "none"))
            argv += [option, path]
        if arch == "riscv64" and "-bios" not in chosen and rng.random() < 0.7:
            argv += ["-bios", "none"]
        refused += refused_or_fine(argv, tmp)[0]
    if not 0 < refused < count:
        raise Failure(f"{refused} of {count} were refused: is this noise?")
