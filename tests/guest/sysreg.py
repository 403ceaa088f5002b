#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Encodings of A64 system registers at all exception levels, here and on the reference.

    sysreg.py --build DIR [--cpu NAME] [--all] [--broken] [-v]

arm/sysreg.S prints what an access gives: a value, ok, or an exception with its syndrome. Both
machines must say the same but for what `justified` lists, with a reason each.
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

HERE = os.path.dirname(os.path.abspath(__file__))
CC = "aarch64-linux-gnu-gcc"
FLAGS = ("-nostdlib -static -no-pie -march=armv8-a -Wl,--build-id=none "
         "-Wl,--no-warn-rwx-segments -Wl,-Ttext=0x40080000").split()


def enc(op0, op1, crn, crm, op2):
    return op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2


def name(e):
    return f"S{e >> 14}_{e >> 11 & 7}_C{e >> 7 & 15}_C{e >> 3 & 15}_{e & 7}"


# Encodings by class. Regular expressions on name(); whole match.
IGNORED_VALUE = [
    (r"S3_3_C14_C0_[1256]|S3_[3457]_C14_C[23]_[012]", "counts"),
    (r"S3_0_C0_C[123]_.", "AArch32's identification: there is no AArch32 here"),
    (r"S3_0_C0_C4_[01]", "ID_AA64PFRn: AArch64 only, no SVE"),
    (r"S3_[0456]_C1_C0_0", "SCTLR: reset values that manuals leave open"),
    (r"S3_6_C12_C0_1", "RVBAR_EL3: an ELF kernel's entry is not made the reset vector there"),
    (r"S3_6_C12_C12_4|S3_0_C12_C12_4", "ICC_CTLR: affinities and nDS"),
    (r"S3_0_C12_C[89]_.|S3_0_C12_C1[0-9]_.|S3_[46]_C12_C[89]_.|S3_[46]_C12_C1[0-9]_.",
     "the GIC has its own tests"),
    (r"S3_3_C9_C13_0|S3_3_C9_C13_2", "counts"),
    (r"S3_4_C0_C0_[05]|S3_0_C0_C0_0", "MIDR"),
    (r"S2_0_C7_C[89]_6", "claim tags"),
    (r"S3_0_C7_C4_0", "PAR_EL1, after AT"),
    (r"S3_0_C4_C1_0|S3_4_C4_C1_0|S3_6_C4_C1_0|S3_[05]_C4_C0_.|S3_[46]_C4_C0_.",
     "stack pointers, ELR, SPSR as the program goes"),
    (r"S3_[0456]_C5_C2_0|S3_[046]_C6_C0_0", "syndromes as the program goes"),
    (r"S3_4_C1_C1_[02]", "HCR_EL2.RW and the ones of CPTR_EL2 are fixed"),
    (r"S3_3_C4_C2_0", "NZCV"),
    (r"S2_0_C0_C2_0", "MDCCINT: the reference leaves the destination alone"),
]
IGNORED = [
    (r"S2_0_C0_C[036]_2|S2_3_C0_C[45]_0|S2_0_C1_C4_4|S2_0_C7_C(8|9|14)_6",
     "debug registers that every processor has and the reference has not"),
    (r"S2_4_C0_C7_0|S3_4_C3_C0_0|S3_4_C5_C0_1|S3_4_C5_C3_0",
     "DBGVCR32, DACR32, IFSR32, FPEXC32: only with AArch32 at EL1"),
    (r"S3_6_C12_C0_2", "RMR_EL3"),
    (r"S3_0_C15_C.*|S3_6_C15_C8_.|S3_1_C1[15].*", "implementation defined"),
    (r"S3_3_C4_C2_6", "SSBS: by ID_AA64PFR1_EL1.SSBS there is no register"),
    (r"S1_.*", "SYS: what the reference calls a no-op checks its address here"),
    (r"S3_0_C12_C[89]_.|S3_0_C12_C1[0-9]_.|S3_[46]_C12_C[89]_.|S3_[46]_C12_C1[0-9]_.|S3_0_C4_C6_0",
     "the GIC has its own tests"),
]


def matches(table, e):
    return any(re.fullmatch(p, name(e)) for p, _ in table)


def justified(key, ours, theirs):
    """A difference that is right."""
    config, level, way, code = key
    e = int(code, 16)
    if matches(IGNORED, e):
        return True
    if config == "C" and re.fullmatch(r"S3_._C1[15]_.*", name(e)):
        return True # HCR_EL2.TIDCP, which the reference ignores
    if config in "CD" and re.fullmatch(r"S3_3_C9_C1[23]_.|S3_3_C14_C8_.", name(e)):
        return True # PMUSERENR_EL0.ER, CR, SW do not override MDCR_ELx.TPM
    if config not in "EF" and re.fullmatch(r"S3_5_.*", name(e)):
        return True # _EL12 and _EL02 are UNDEFINED without HCR_EL2.E2H
    if config == "F" and level == "0" and name(e) == "S3_3_C4_C2_1":
        return True # DAIF at EL0: SCTLR_EL2 has no UMA
    if ours and theirs and way == "r" and not ours.startswith("t") and not theirs.startswith("t"):
        return matches(IGNORED_VALUE, e)
    return False


# (CRn, CRm) where architectures have put something.
PLACES = ([(0, m) for m in range(8)] + [(1, m) for m in range(4)] + [(4, m) for m in range(5)] +
          [(2, m) for m in (0, 1, 2, 3, 4, 6)] + [(3, 0), (4, 6), (5, 1), (5, 2), (5, 3), (6, 0)] +
          [(7, 4), (9, 12), (9, 13), (9, 14), (10, 2), (10, 3), (10, 4), (11, 0), (12, 0), (12, 1)] +
          [(13, 0), (15, 0), (15, 1), (15, 2)] + [(14, m) for m in (0, 1, 2, 3, 8, 12, 15)])


def encodings(full):
    if full:
        return range(0x4000, 0x10000)
    chosen = [e for e in range(0xc000, 0x10000)
              if (e >> 7 & 15, e >> 3 & 15) in PLACES or e % 61 == 7]
    return [e for e in range(0x8000, 0xc000) if e & 0x80 == 0 and e >> 11 & 7 in (0, 3, 4) and
            e >> 7 & 15 < 8 and e >> 3 & 15 < 9] + chosen


def build(full, vhe, el2, tmp):
    path = os.path.join(tmp, "table.S")
    with open(os.path.join(HERE, "arm", "sysreg.S"), encoding="utf-8") as f:
        text = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
        for e in encodings(full):
            base = 0xd5000000 | e << 5
            f.write(f".word {e:#x},0,{base | 1 << 21:#x},0xd65f03c0,{base:#x},0xd65f03c0\n")
        f.write(".word 0, 0\n")
    out = os.path.join(tmp, "sysreg.elf")
    p = subprocess.run([CC, *FLAGS, *(["-DVHE"] if vhe else []),
                        *([] if el2 else ["-DNO_EL2"]), "-o", out, path],
                       capture_output=True, text=True)
    return (None, p.stderr) if p.returncode else (out, None)


def run(program, cpu, el2, kernel):
    virtualization = "on" if el2 else "off"
    argv = [program, "-M", f"virt,secure=on,virtualization={virtualization},gic-version=3", "-cpu",
            cpu, "-semihosting", "-display", "none", "-monitor", "none", "-serial", "stdio", "-kernel",
            kernel]
    try:
        p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, timeout=LIMIT)
    except subprocess.TimeoutExpired as e:
        return (e.stdout or b"").decode(errors="replace"), "did not end"
    out = p.stdout.decode(errors="replace").replace("\r", "")
    return out, None if "done" in out else f"ended early: {p.stderr.decode(errors='replace')}"


def parse(text):
    result = {}
    for line in text.splitlines():
        f = line.split(" ", 4)
        if len(f) == 5:
            result[tuple(f[:4])] = f[4]
    return result


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", required=True)
    p.add_argument("--cpu", action="append")
    p.add_argument("--all", action="store_true", help="really all, and more processors (slow)")
    p.add_argument("--broken", action="store_true")
    p.add_argument("-v", action="store_true")
    a = p.parse_args()
    reference = shutil.which("qemu-system-aarch64")
    if not reference or not shutil.which(CC):
        print(f"1..1\nok 1 - A64 system registers # SKIP no qemu-system-aarch64 or no {CC}")
        return 0
    ours = os.path.join(a.build, "sosia-system-aarch64")
    cpus = a.cpu or (["cortex-a57", "cortex-a76", "max"] if a.all else ["cortex-a76"])
    bad = 0
    cases = [(cpu, True) for cpu in cpus] + [(cpus[0], False)]
    print(f"1..{len(cases)}")
    for number, (cpu, el2) in enumerate(cases, 1):
        vhe = el2 and cpu not in ("cortex-a35", "cortex-a53", "cortex-a57", "cortex-a72")
        with tempfile.TemporaryDirectory() as tmp:
            kernel, error = build(a.all, vhe, el2, tmp)
            if error:
                print("Bail out!", error)
                return 1
            results = []
            for program in (ours, reference):
                out, error = run(program, cpu, el2, kernel)
                if error:
                    print(f"{cpu}: {program} {error}\n{out[-500:]}")
                    return 1
                results.append(parse(out))
        if a.broken:
            results[0].pop(("A", "1", "r", "c684")) # TPIDR_EL1
        keys = sorted(set(results[0]) | set(results[1]))
        wrong = [k for k in keys if results[0].get(k) != results[1].get(k) and
                 not justified(k, results[0].get(k), results[1].get(k))]
        for k in wrong[:None if a.v else 20]:
            print(f"# BAD {cpu} {k[0]} EL{k[1]} {k[2]} {name(int(k[3], 16))}: "
                  f"{results[0].get(k, 'undefined')}, reference {results[1].get(k, 'undefined')}")
        print(f"# {cpu}: {len(keys)} accesses that are not undefined, {len(wrong)} wrong")
        print(f"{'not ok' if wrong else 'ok'} {number} - system registers of {cpu}"
              f"{'' if el2 else ' without EL2'}")
        bad += len(wrong)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
