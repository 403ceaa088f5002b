# SPDX-License-Identifier: GPL-2.0-or-later
"""What random programs of all guests are made of: an assembler, and bodies of instructions.

A body is a list of items; items and words know nothing of a guest but its table's rows. A guest's
module (riscv_program, arm_program) chooses what is in a body and writes the program around it.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "scripts"))
import gen_isa                                                          # noqa: E402

IsaError = gen_isa.IsaError
MASK64 = (1 << 64) - 1

INTEGERS = [0, 1, 2, 3, 31, 32, 63, 64, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
            0x80000000, 0x80000001, 0xffffffff, 0x100000000, 0x7fffffff80000000,
            0x7fffffffffffffff, 0x8000000000000000, 0x8000000000000001, 0xfffffffffffffffe,
            0xffffffffffffffff, 0xffffffff80000000, 0xffffffff7fffffff, 0x5555555555555555,
            0x0123456789abcdef]


def load_isa(name):
    """The table of a file below target/."""
    return gen_isa.load(os.path.join(ROOT, "target", name))


def random_integer(rng):
    k = rng.randrange(4)
    if k == 0:
        return rng.getrandbits(64)
    if k == 1:
        return (rng.getrandbits(32) ^ 0x80000000) - 0x80000000 & MASK64
    return rng.choice(INTEGERS)


class Asm:
    """Words with labels; only what the code around a body needs. x() makes a word of a row."""

    def __init__(self, isa, pc):
        self.isa, self.base = isa, pc
        self.code, self.labels, self.fixups = bytearray(), {}, []

    @property
    def pc(self):
        return self.base + len(self.code)

    def __call__(self, name, to=None, **operands):
        if to:
            self.fixups.append((len(self.code), name, to, operands))
            self.code += bytes(4)
        else:
            self.emit(self.isa.by_name[name].encode(**operands), self.isa.by_name[name].width)

    def emit(self, word, width=32):
        self.code += word.to_bytes(width // 8, "little")

    def label(self, name):
        self.labels[name] = self.pc

    def finish(self):
        for at, name, to, operands in self.fixups:
            row = self.isa.by_name[name]
            word = row.encode(imm=self.labels[to] - (self.base + at), **operands)
            self.code[at:at + 4] = word.to_bytes(4, "little")
        return bytes(self.code)


class Word:
    """One instruction; `skip` instructions on is where it jumps, if it does. No row: undefined."""

    def __init__(self, row, word, skip=None):
        self.row, self.word, self.skip = row, word, skip
        self.loop = None    # that it is in, behind the setting of the counter
        self.inner = False  # makes sense only after the instruction before it
        self.origin = 0     # the jump's distance is counted from so many bytes before it

    @property
    def size(self):
        return self.row.width // 8 if self.row else 4

    def jumping(self, distance):
        """The instruction with that distance; IsaError if it does not fit."""
        spec = self.row.fmt.specs["imm"]
        return self.word & ~spec.mask | spec.place(distance + self.origin)

    def __str__(self):
        text = f"{self.word:0{2 * self.size}x}"
        if self.row:
            operands = self.row.operands(self.word).items()
            text += f"  {self.row.name} " + " ".join(f"{n}={v}" for n, v in operands)
        return text + (f" (skips {self.skip})" if self.skip else "")


class Group:
    """Instructions that stay together."""

    def __init__(self, words):
        self.words = words
        for w in words[1:]:
            w.inner = True

    def flat(self):
        return self.words


class Loop:
    """Items that are run `count` times. The guest's module says how it is counted."""

    def __init__(self, count, items):
        self.count, self.items = count, items

    def start(self):
        """The word that sets the counter."""
        raise NotImplementedError

    def end(self, back):
        """The words that count down and branch; from the first of them it is `back` to the body."""
        raise NotImplementedError

    def flat(self):
        words = [self.start()]
        for item in self.items:
            words += item.flat()
        words += self.end(-sum(w.size for w in words[1:]))
        words[-1].inner = True
        for w in words[1:]:
            w.loop = self
        return words


def layout(items):
    """Machine code of a body, with jumps resolved."""
    words = [w for item in items for w in item.flat()]
    at, offsets = 0, []
    for w in words:
        offsets.append(at)
        at += w.size
    offsets.append(at)
    code = bytearray()
    for i, w in enumerate(words):
        word = w.word
        for skip in range(w.skip or 0, 0, -1):
            to = min(i + skip, len(words))
            if to < len(words) and (words[to].inner or words[to].loop not in (None, w.loop)):
                continue
            if w.loop and (to == len(words) or words[to].loop is not w.loop):
                continue
            try:
                word = w.jumping(offsets[to] - offsets[i])
                break
            except IsaError:
                pass
        code += word.to_bytes(w.size, "little")
    return bytes(code)


def dump(output, size):
    """The bytes of a program's output in hex; None if it isn't complete."""
    text = "".join(output.split())
    if len(text) != 2 * size or set(text) - set("0123456789abcdef"):
        return None
    return bytes.fromhex(text)
