#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How small programs get into memory, start without an MMU and call the host; also on the reference.

    loaders.py --build DIR [--broken] [-v]

-bios, -device loader and guest-loader, semihosting of both guests. A program tells by its exit
status; where the reference is no oracle, the case says so.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from timelimits import LIMIT                                            # noqa: E402

CC = {"aarch64": "aarch64-linux-gnu-gcc", "riscv64": "riscv64-linux-gnu-gcc"}
FLAGS = ("-nostdlib -static -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments "
         "-Wl,-z,max-page-size=4096").split()

# Exits with the status in w20; `block` is 16 bytes for the call.
ARM = """
    .global _start
_start:
    mov w20, #7
    {body}
    LDA x1, block
    mov x2, #0x26
    movk x2, #2, lsl #16
    stp x2, x20, [x1]
    mov w0, #0x18
    hlt #0xf000
    b .
"""
ARM_HEAD = """
    .macro LDA r, s
    ldr \\r, ={ram:#x}
    .endm
    .equ block, 0
"""
UNALIGNED = """
    ldr x3, =0x40300001
    mov x4, #42
    str x4, [x3]
    ldr x20, [x3]
    ldr x3, =0x40300800
    dc zva, x3
"""
RISCV = """
    .option norvc
    .global _start
_start:
    la t0, trap
    csrw mtvec, t0
    {body}
exit:
    li t0, 0x80300000
    li t1, 0x20026
    sd t1, 0(t0)
    sd s0, 8(t0)
    li a0, 0x18
    mv a1, t0
    {call}
    j .
    .balign 4
trap:
    li t0, 0x100000         # the test finisher: status 3
    li t1, 0x33333
    sw t1, 0(t0)
    j .
"""
CALL = """
    .balign 16
    slli x0, x0, 0x1f
    ebreak
    srai x0, x0, 7
"""
WRITE0 = """
    li a0, 4
    la a1, text
    """ + CALL + """
    .pushsection .rodata
text: .asciz "hello\\n"
    .popsection
"""


class Case:
    """argv behind the program's name; what it must print, and its status (None: any but 0)."""

    def __init__(self, name, arch, argv, status, out="", reference=True):
        self.name, self.arch, self.argv, self.status = name, arch, argv, status
        self.out, self.reference = out, reference


class Maker:
    def __init__(self, tmp):
        self.tmp, self.n = tmp, 0

    def program(self, arch, text, base, raw, entry="_start"):
        self.n += 1
        path = os.path.join(self.tmp, f"p{self.n}")
        with open(path + ".S", "w", encoding="ascii") as f:
            f.write(text)
        march = ["-march=armv8-a"] if arch == "aarch64" else ["-march=rv64imac_zicsr", "-mabi=lp64",
                                                              "-mcmodel=medany"]
        subprocess.run([CC[arch], *FLAGS, *march, f"-Wl,-Ttext={base:#x},-e,{entry}", "-o", path + ".elf",
                        path + ".S"], check=True)
        if not raw:
            return path + ".elf"
        subprocess.run([CC[arch][:-3] + "objcopy", "-O", "binary", path + ".elf", path], check=True)
        return path

    def arm(self, body, base=0x40200000, raw=True, ram=0x40300100):
        return self.program("aarch64", ARM_HEAD.format(ram=ram) + ARM.format(body=body), base, raw)

    def riscv(self, body, call=CALL, base=0x80000000, raw=False, entry="_start"):
        return self.program("riscv64", RISCV.format(body=body, call=call), base, raw, entry)

    def file(self, name, content):
        path = os.path.join(self.tmp, name)
        with open(path, "wb") as f:
            f.write(content)
        return path


ARM_VIRT = ["-M", "virt", "-cpu", "cortex-a57", "-semihosting"]
RISCV_VIRT = ["-M", "virt", "-bios", "none"]


def loader(**props):
    return ["-device", ",".join(["loader", *(f"{k.replace('_', '-')}={v}" for k, v in props.items())])]


def cases(make):
    arm, riscv = ARM_VIRT, RISCV_VIRT
    plain, elf = make.arm(""), make.arm("", raw=False)
    at0 = make.arm("", base=0, raw=True)
    word = make.arm("ldr x3, =0x40600000\nldrb w20, [x3]")
    calls = [*riscv, "-semihosting"]
    yield Case("-bios in flash", "aarch64", [*arm, "-bios", at0], 7)
    yield Case("-bios in secure flash", "aarch64",
               ["-M", "virt,secure=on", *arm[2:], "-bios", at0], 7)
    yield Case("a plain file and a processor that starts there", "aarch64",
               [*arm, *loader(file=plain, addr=0x40200000, cpu_num=0)], 7)
    yield Case("an ELF goes where it wants to be", "aarch64", [*arm, *loader(file=elf, cpu_num=0)], 7)
    yield Case("force-raw", "aarch64",
               [*arm, *loader(file=elf, addr=0x40200000 - 0x1000, force_raw="on"),
                *loader(addr=0x40200000, cpu_num=0)], 7)
    for props, status in ((dict(data=0x1234, data_len=2), 0x34),
                          (dict(data=0x1234, data_len=4, data_be="on"), 0),
                          (dict(data=0x1234, data_len=2, data_be="on"), 0x12)):
        # The reference takes the upper bytes of 64 bits.
        yield Case(f"a value {props}", "aarch64",
                   [*arm, *loader(file=word, addr=0x40200000, cpu_num=0),
                    *loader(addr=0x40600000, **props)], status, reference=status != 0x12)
    yield Case("unaligned accesses and DC ZVA with the MMU off", "aarch64",
               [*arm, *loader(file=make.arm(UNALIGNED), addr=0x40200000, cpu_num=0)], 42)
    heads = [("arm64", 56, b"ARM\x64"), ("RISC-V", 56, b"RSC\5"), ("x86", 514, b"HdrS")]
    for kind, at, magic in heads:
        image = make.file("kernel-" + kind, b"MZ".ljust(at, b"\0") + magic.ljust(1024, b"\0"))
        for arch, argv, own in (("aarch64", arm, "arm64"), ("riscv64", riscv, "RISC-V")):
            if kind != own:
                yield Case(f"{arch} refuses a kernel for {kind}", arch, [*argv, "-kernel", image], 1,
                           f"is a Linux kernel for {kind}", reference=False)
    zboot = make.file("zboot", b"MZ\0\0zimg".ljust(24, b"\0") + b"zstd22".ljust(1000, b"\0"))
    yield Case("a packed kernel", "aarch64", [*arm, "-kernel", zboot], 1, "packed with 'zstd22'",
               reference=False)
    yield Case("a plain file on riscv64", "riscv64",
               [*calls, *loader(file=make.riscv("li s0, 9", raw=True, base=0x80200000),
                                addr=0x80200000, cpu_num=0)], 9)
    yield Case("semihosting: text and exit", "riscv64",
               [*calls, "-kernel", make.riscv("li s0, 42" + WRITE0)], 42, "hello\n")
    # Without firmware a hart begins at the start of RAM, whatever the ELF header says; what QEMU
    # starts in the middle of nothing is entered where it wants to be.
    late = ".global late\nli s0, 8\nj exit\nlate: li s0, 9"
    elf = make.riscv(late, entry="late")
    yield Case("-kernel begins at the start of RAM", "riscv64", [*calls, "-kernel", elf], 8)
    yield Case("-bios begins at the start of RAM", "riscv64",
               ["-M", "virt", "-semihosting", "-bios", elf], 8)
    yield Case("a program elsewhere begins at its entry", "riscv64",
               [*calls, "-kernel", make.riscv(late, entry="late", base=0x80200000)], 9,
               reference=False)
    yield Case("no semihosting, no call", "riscv64",
               [*riscv, "-kernel", make.riscv("li s0, 42")], 3)
    yield Case("an ebreak among other instructions is a breakpoint", "riscv64",
               [*calls, "-kernel", make.riscv("li s0, 42", call="nop\nebreak\nnop")], 3)
    short = make.riscv("li s0, 42", call=CALL.replace("ebreak", ".option rvc\nc.ebreak\nc.nop\n"
                                                                ".option norvc"))
    yield Case("a short ebreak is a breakpoint", "riscv64", [*calls, "-kernel", short], 3)
    yield Case("refused: a processor of a machine without one", "aarch64",
               ["-M", "none", *loader(addr=0, cpu_num=0)], 1, "cpu-num=0", False)
    none = os.path.join(make.tmp, "none")
    for props, text in ((dict(file=none, addr=0x40200000), "none"),
                        (dict(file=plain, addr=0x100000000000), "no memory"),
                        (dict(file=plain, addr=0x40200000, cpu_num=3), "cpu-num=3"),
                        (dict(addr=0x40200000, data=5), "data-len="),
                        (dict(addr=0x40200000, data=5, data_len=9), "at most 8"),
                        (dict(file=plain, data=5, data_len=4), "exclude each other"),
                        (dict(addr=0x40200000), "nothing to do")):
        yield Case(f"refused: {' '.join(props)}", "aarch64", [*arm, *loader(**props)], 1, text, False)


def guest_loader(ours, reference, make):
    """Why the device tree is not as it should be, or None."""
    kernel, initrd = make.file("guest", bytes(5000)), make.file("guest-initrd", bytes(77))
    argv = ["-cpu", "cortex-a57", "-display", "none", "-device",
            f"guest-loader,addr=0x42000000,kernel={kernel},bootargs=console=hvc0 x", "-device",
            f"guest-loader,addr=0x43000000,initrd={initrd}"]
    found = []
    for program in (ours, reference):
        blob = os.path.join(make.tmp, "tree.dtb")
        subprocess.run([program, "-M", f"virt,dumpdtb={blob}", *argv], check=True,
                       capture_output=True, timeout=LIMIT)
        dts = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", blob], check=True,
                             capture_output=True, text=True).stdout
        found.append(sorted(line.strip() for node in re.findall(r"module@.*?};", dts, re.S)
                            for line in node.splitlines()))
    return None if found[0] and found[0] == found[1] else f"{found[0]}, wanted {found[1]}"


def run(program, case):
    argv = [program, *case.argv, "-display", "none", "-monitor", "none", "-serial", "none"]
    try:
        p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=LIMIT)
    except subprocess.TimeoutExpired as e:
        return "no end: " + (e.stdout or b"").decode(errors="replace")
    out = p.stdout.decode(errors="replace")
    if p.returncode != case.status or case.out not in out:
        return f"status {p.returncode}, wanted {case.status} and '{case.out}': {out}"
    return None


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True)
    p.add_argument("--broken", action="store_true", help="expect another status: must fail")
    p.add_argument("-v", action="store_true")
    args = p.parse_args()
    missing = [c for c in (*CC.values(), "dtc") if not shutil.which(c)]
    if missing:
        print(f"1..1\nok 1 - loaders # SKIP needs {' '.join(missing)}")
        return 0
    n = failed = 0

    def result(name, why):
        nonlocal n, failed
        n += 1
        failed += why is not None
        print(f"{'not ok' if why else 'ok'} {n} - {name}", flush=True)
        for line in (why or "").splitlines():
            print(f"# {line}")

    with tempfile.TemporaryDirectory(prefix="sosia-loaders-") as tmp:
        make = Maker(tmp)
        for case in cases(make):
            if args.broken:
                case.status += 1
            ours = os.path.join(os.path.abspath(args.build), "sosia-system-" + case.arch)
            reference = shutil.which("qemu-system-" + case.arch)
            result(f"{case.name} on Sosia", run(ours, case))
            if case.reference and reference:
                result(f"{case.name} on the reference", run(reference, case))
            if args.broken:
                break
        arm = shutil.which("qemu-system-aarch64")
        if arm and not args.broken:
            result("guest-loader's nodes are those of the reference",
                   guest_loader(os.path.join(os.path.abspath(args.build), "sosia-system-aarch64"),
                                arm, make))
    print(f"1..{n}")
    return 1 if failed or not n else 0


if __name__ == "__main__":
    sys.exit(main())
