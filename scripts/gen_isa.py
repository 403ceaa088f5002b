#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Instruction tables (target/*/*.isa): checks, decoder, documentation, encoder.

As a program it turns one table into C (operand structs, trans prototypes, decoder, names) and a
documentation table. As a module it is what tests make instructions with: load(), Row.encode(),
Row.random(), Isa.decode().

The table. '#' starts a comment. Directives:

  %isa NAME                    prefix of everything generated (riscv -> riscv_decode32, ...)
  %extension C-EXPR            condition for an extension; '{}' is its name. "i" is always there
  %guard FLAG C-EXPR           rows with this flag also need this condition; '{rm}' is operand rm
  %before FLAG C-STATEMENT     emitted before the trans function of rows with this flag ('*': all)
  %args CLASS NAME...          operand struct <Isa>Args<CLASS>
  %format FMT CLASS NAME=SPEC... [CONSTRAINT...]     where operands of that class are found

SPEC is a list of bit ranges from the most significant one down, joined by commas: 's31,7,30:25<<1'.
A leading 's' sign-extends, '<<n' shifts left, '+n' adds (after the shift), '#n' is a constant.

Rows:

  NAME FMT PATTERN... EXTENSIONS [=TRANS] [over:NAME] [CONSTRAINT...] [FLAG...]

PATTERN: 0 and 1 fixed, '.' operand, 'x' ignored; spaces are free; its length is the encoding's.
EXTENSIONS: 'zba', 'c+d' (both), 'a|zaamo' (either). A CONSTRAINT ('rd!=0', 'rd&1==0') that fails
makes the encoding reserved for this row. =TRANS names another row's semantics (same CLASS).
over:NAME: this row takes some encodings of NAME when its extensions are there, and leaves them to
NAME otherwise. Any other overlap of two rows is an error.
"""
import argparse
import re
import sys


class IsaError(Exception):
    pass


class Spec:
    """Where one operand is in the instruction word."""

    def __init__(self, text):
        self.text = text
        self.const = self.add = self.shift = 0
        self.signed = False
        self.ranges = []            # (high, low), most significant first
        if text.startswith('#'):
            self.const = int(text[1:], 0)
            self.bits = self.mask = 0
            return
        m = re.fullmatch(r'(s?)([0-9:,]+)(?:<<(\d+))?(?:\+(\d+))?', text)
        if not m:
            raise IsaError(f'operand position "{text}" is not understood')
        self.signed = bool(m[1])
        for part in m[2].split(','):
            high, _, low = part.partition(':')
            self.ranges.append((int(high), int(low or high)))
        self.shift, self.add = int(m[3] or 0), int(m[4] or 0)
        self.bits = sum(h - l + 1 for h, l in self.ranges)
        self.mask = 0
        for h, l in self.ranges:
            field = ((1 << (h - l + 1)) - 1) << l
            if h < l or self.mask & field:
                raise IsaError(f'operand position "{text}": bad or repeated bits')
            self.mask |= field

    def extract(self, word):
        if not self.ranges:
            return self.const
        v = 0
        for h, l in self.ranges:
            v = v << (h - l + 1) | (word >> l & ((1 << (h - l + 1)) - 1))
        if self.signed and v >> (self.bits - 1):
            v -= 1 << self.bits
        return (v << self.shift) + self.add

    def place(self, value):
        """The word's bits for this value; IsaError if it cannot be encoded."""
        if not self.ranges:
            if value != self.const:
                raise IsaError(f'{value} is not encodable: fixed to {self.const}')
            return 0
        v = value - self.add
        low = -(1 << (self.bits - 1)) if self.signed else 0
        if v & ((1 << self.shift) - 1) or not low <= v >> self.shift < low + (1 << self.bits):
            raise IsaError(f'{value} does not fit {self.text}')
        v = v >> self.shift & ((1 << self.bits) - 1)
        word, left = 0, self.bits
        for h, l in self.ranges:
            left -= h - l + 1
            word |= (v >> left & ((1 << (h - l + 1)) - 1)) << l
        return word

    def c_expr(self):
        if not self.ranges:
            return str(self.const)
        parts, left = [], self.bits
        for i, (h, l) in enumerate(self.ranges):
            n = h - l + 1
            left -= n
            if i == 0 and self.signed:
                part = f'(int32_t)(w << {31 - h}) >> {32 - n}' if n < 32 else '(int32_t)w'
                parts.append(f'(uint32_t)({part}) << {left + self.shift}')
            else:
                field = f'(w >> {l} & {(1 << n) - 1:#x})' if l else f'(w & {(1 << n) - 1:#x})'
                parts.append(f'{field} << {left + self.shift}' if left + self.shift else field)
        e = ' | '.join(parts)
        if self.add:
            e = f'({e}) + {self.add}'
        return f'(int32_t)({e})'


class Constraint:
    PATTERN = re.compile(r'(\w+)(?:&(\w+))?(==|!=)(\w+)')

    def __init__(self, text):
        m = self.PATTERN.fullmatch(text)
        self.text, self.name, self.equal = text, m[1], m[3] == '=='
        self.mask = int(m[2], 0) if m[2] else None
        self.value = int(m[4], 0)

    def holds(self, operands):
        v = operands[self.name]
        if self.mask is not None:
            v &= self.mask
        return (v == self.value) == self.equal

    def c_expr(self):
        lhs = f'a.{self.name}' if self.mask is None else f'(a.{self.name} & {self.mask})'
        return f'{lhs} {"==" if self.equal else "!="} {self.value}'


class Format:
    def __init__(self, name, cls, specs, constraints):
        self.name, self.cls, self.specs, self.constraints = name, cls, specs, constraints
        self.mask = 0
        for s in specs.values():
            self.mask |= s.mask


class Row:
    def __init__(self, name, fmt, pattern, ext, rest, line):
        self.name, self.fmt, self.line = name, fmt, line
        self.ext = ext
        self.width = len(pattern)
        self.pattern = pattern
        self.mask = int(''.join('1' if c in '01' else '0' for c in pattern), 2)
        self.value = int(''.join('1' if c == '1' else '0' for c in pattern), 2)
        operand_bits = int(''.join('1' if c == '.' else '0' for c in pattern), 2)
        self.ignored = int(''.join('1' if c == 'x' else '0' for c in pattern), 2)
        self.trans, self.over, self.flags = name, None, []
        self.constraints = list(fmt.constraints)
        for word in rest:
            if word.startswith('='):
                self.trans = word[1:]
            elif word.startswith('over:'):
                self.over = word[5:]
            elif Constraint.PATTERN.fullmatch(word):
                self.constraints.append(Constraint(word))
            else:
                self.flags.append(word)
        if self.width not in (16, 32):
            raise IsaError(f'pattern has {self.width} bits')
        if operand_bits != fmt.mask:
            raise IsaError(f"pattern's operand bits {operand_bits:#x} are not those of format "
                           f'{fmt.name} ({fmt.mask:#x})')
        for c in self.constraints:
            if c.name not in fmt.specs:
                raise IsaError(f'constraint {c.text}: no operand {c.name}')

    @property
    def c_name(self):
        return re.sub(r'\W', '_', self.name)

    @property
    def c_trans(self):
        return re.sub(r'\W', '_', self.trans)

    def ext_sets(self):
        """Alternatives, each a list of extensions."""
        return [alt.split('+') for alt in self.ext.split('|')]

    def needs(self, have):
        """Is the row there, given a set of extensions?"""
        return any(all(e == 'i' or e in have for e in alt) for alt in self.ext_sets())

    def operands(self, word):
        return {n: s.extract(word) for n, s in self.fmt.specs.items()}

    def matches(self, word):
        if word & self.mask != self.value:
            return False
        ops = self.operands(word)
        return all(c.holds(ops) for c in self.constraints)

    def encode(self, **operands):
        word, seen = self.value, {}
        for n, s in self.fmt.specs.items():
            if n in operands:
                bits = s.place(operands[n])
                if s.mask & ~seen.get('mask', 0) == 0 and word & s.mask != bits:
                    raise IsaError(f'{self.name}: operands disagree on shared bits')
                word |= bits
                seen['mask'] = seen.get('mask', 0) | s.mask
        unknown = set(operands) - set(self.fmt.specs)
        if unknown:
            raise IsaError(f'{self.name}: no operand {unknown}')
        if not self.matches(word):
            raise IsaError(f'{self.name} {operands}: reserved encoding')
        return word

    def random(self, rng, choose=None):
        """A valid encoding. choose(row, operand name, Spec) may return a value or None."""
        for _ in range(10000):
            word = self.value | (rng.getrandbits(self.width) & (self.fmt.mask | self.ignored))
            if choose:
                for n, s in self.fmt.specs.items():
                    v = choose(self, n, s)
                    if v is not None:
                        try:
                            word = word & ~s.mask | s.place(v)
                        except IsaError:
                            pass
            if self.matches(word):
                return word
        raise IsaError(f'{self.name}: found no valid encoding')

    def disjoint(self, other):
        """Can no word match both? Exact for the constraints that tables use."""
        common = self.mask & other.mask
        if (self.value ^ other.value) & common:
            return True
        for a, b in ((self, other), (other, self)):
            for c in a.constraints:
                s = a.fmt.specs[c.name]
                looked_at = s.mask if c.mask is None or s.add else s.place(c.mask)
                if looked_at & ~(b.mask | a.mask):
                    continue            # the other row leaves some of its bits open
                v = s.extract(b.value | a.value)
                if not c.holds({c.name: v}):
                    return True
        return False


class Isa:
    def __init__(self, name):
        self.name = name
        self.ext_expr = '0'
        self.guards, self.before, self.classes, self.formats = {}, {}, {}, {}
        self.rows, self.by_name, self.buckets = [], {}, {}

    def widths(self):
        return sorted({r.width for r in self.rows})

    def decode(self, word, width, have=None):
        """The row of a word (None: reserved), with the extensions in `have` (None: all)."""
        found = None
        if width not in self.buckets:       # rows by the bits that all of them fix
            rows = [r for r in self.rows if r.width == width]
            mask, table = (1 << width) - 1, {}
            for r in rows:
                mask &= r.mask
            for r in rows:
                table.setdefault(r.value & mask, []).append(r)
            self.buckets[width] = mask, table
        mask, table = self.buckets[width]
        for r in table.get(word & mask, ()):
            if r.matches(word) and (have is None or r.needs(have)):
                if found is None or r.over == found.name:
                    found = r
        return found


def load(path):
    isa = Isa('isa')
    with open(path) as f:
        for number, line in enumerate(f, 1):
            line = re.sub(r'(^|\s)#(?!\d).*', '', line).strip()
            if not line:
                continue
            try:
                parse_line(isa, line, number)
            except (IsaError, ValueError, KeyError, IndexError) as e:
                raise IsaError(f'{path}:{number}: {e}') from None
    check(isa, path)
    return isa


def parse_line(isa, line, number):
    words = line.split()
    if words[0] == '%isa':
        isa.name = words[1]
    elif words[0] == '%extension':
        isa.ext_expr = line.split(None, 1)[1]
    elif words[0] in ('%guard', '%before'):
        table = isa.guards if words[0] == '%guard' else isa.before
        table[words[1]] = line.split(None, 2)[2]
    elif words[0] == '%args':
        isa.classes[words[1]] = words[2:]
    elif words[0] == '%format':
        names = isa.classes[words[2]]
        specs, constraints = {}, []
        for w in words[3:]:
            if Constraint.PATTERN.fullmatch(w):
                constraints.append(Constraint(w))
            else:
                n, spec = w.split('=', 1)
                specs[n] = Spec(spec)
        if sorted(specs) != sorted(names):
            raise IsaError(f'format {words[1]} must give exactly the operands {names}')
        isa.formats[words[1]] = Format(words[1], words[2], specs, constraints)
    elif words[0].startswith('%'):
        raise IsaError(f'unknown directive {words[0]}')
    else:
        if words[0] in isa.by_name:
            raise IsaError(f'second row {words[0]}')
        if words[1] not in isa.formats:
            raise IsaError(f'no format {words[1]}')
        i = 2
        while i < len(words) and re.fullmatch(r'[01.x]+', words[i]):
            i += 1
        row = Row(words[0], isa.formats[words[1]], ''.join(words[2:i]), words[i], words[i + 1:],
                  number)
        isa.rows.append(row)
        isa.by_name[row.name] = row


def check(isa, path):
    for r in isa.rows:
        if r.over and r.over not in isa.by_name:
            raise IsaError(f'{path}:{r.line}: over:{r.over}: no such row')
        target = isa.by_name.get(r.trans)
        if r.trans != r.name and target and target.fmt.cls != r.fmt.cls:
            raise IsaError(f'{path}:{r.line}: {r.name} and {r.trans} differ in operands')
        for other in isa.rows:
            if other is r:
                break
            if other.width != r.width or r.disjoint(other):
                continue
            if r.over != other.name and other.over != r.name:
                raise IsaError(f'{path}:{r.line}: {r.name} overlaps {other.name} '
                               f'(line {other.line})')


# --- C -------------------------------------------------------------------------------------------

def camel(text):
    return ''.join(p[:1].upper() + p[1:] for p in re.split(r'\W|_', text))


def condition(isa, row):
    terms = []
    alts = [' && '.join(isa.ext_expr.format(e) for e in alt if e != 'i') for alt in row.ext_sets()]
    if all(alts):
        terms.append(' || '.join(alts) if len(alts) == 1 else f'({" || ".join(alts)})')
    terms += [c.c_expr() for c in row.constraints]
    for flag in row.flags:
        if flag in isa.guards:
            terms.append(re.sub(r'\{(\w+)\}', r'a.\1', isa.guards[flag]))
    return terms


def emit_leaf(isa, row, decided, pad, out):
    sp = '    ' * pad
    rest = row.mask & ~decided
    outer = f'if ((w & {rest:#x}) == {row.value & rest:#x}) ' if rest else ''
    out.append(f'{sp}{outer}{{ /* {row.name} */')
    args = ', '.join(f'.{n} = {s.c_expr()}' for n, s in row.fmt.specs.items())
    out.append(f'{sp}    const {camel(isa.name)}Args{row.fmt.cls} a = {{ {args or "0"} }};')
    terms = condition(isa, row)
    if terms:
        out.append(f'{sp}    if ({" && ".join(terms)}) {{')
        inner = sp + '        '
    else:
        inner = sp + '    '
    out.append(f'{inner}{isa.name}_insn_count[{isa.name.upper()}_INSN_{row.c_name}]++;')
    for flag in ['*'] + row.flags:
        if flag in isa.before:
            out.append(f'{inner}{isa.before[flag]}')
    out.append(f'{inner}return {isa.name}_trans_{row.c_trans}(t, &a);')
    if terms:
        out.append(f'{sp}    }}')
    out.append(f'{sp}}}')


def best_field(rows, decided):
    """A run of bits that is fixed in all rows and tells most of them apart: (low, bits)."""
    common = (1 << rows[0].width) - 1 & ~decided
    for r in rows:
        common &= r.mask
    best, best_score = None, 1
    bit = 0
    while bit < rows[0].width:
        if not common >> bit & 1:
            bit += 1
            continue
        n = 1
        while n < 8 and common >> (bit + n) & 1:
            n += 1
        score = len({r.value >> bit & ((1 << n) - 1) for r in rows})
        if score > best_score:
            best, best_score = (bit, n), score
        bit += n
    return best


def emit_tree(isa, rows, decided, pad, out):
    sp = '    ' * pad
    field = best_field(rows, decided) if len(rows) > 1 else None
    if not field:
        # A row over another one is tested before it; of the rest the most specific first.
        def rank(r):
            return (r.over is None, -bin(r.mask).count('1'))
        for r in sorted(rows, key=rank):
            emit_leaf(isa, r, decided, pad, out)
        return
    low, n = field
    mask = (1 << n) - 1
    out.append(f'{sp}switch (w >> {low} & {mask:#x}) {{')
    groups = {}
    for r in rows:
        groups.setdefault(r.value >> low & mask, []).append(r)
    for value in sorted(groups):
        out.append(f'{sp}case {value:#x}:')
        emit_tree(isa, groups[value], decided | mask << low, pad + 1, out)
        out.append(f'{sp}    return false;')
    out.append(f'{sp}}}')


def emit_header(isa, source):
    name, up = isa.name, isa.name.upper()
    out = ['/* SPDX-License-Identifier: GPL-2.0-or-later */',
           f'/* Made by scripts/gen_isa.py from {source}: operands and semantics. */',
           f'#ifndef {up}_DECODE_H', f'#define {up}_DECODE_H', '',
           '#include <stdbool.h>', '#include <stdint.h>', '',
           '#include "accel/translate.h"', '']
    for cls, names in isa.classes.items():
        body = f'int32_t {", ".join(names)};' if names else 'int32_t none;'
        out.append(f'typedef struct {camel(name)}Args{cls} {{ {body} }} {camel(name)}Args{cls};')
    out += ['', 'enum {']
    out += [f'    {up}_INSN_{r.c_name},' for r in isa.rows]
    out += [f'    {up}_N_INSNS', '};',
            f'extern const char *const {name}_insn_name[{up}_N_INSNS];',
            '/* How often each has been translated; under the translation lock. */',
            f'extern uint32_t {name}_insn_count[{up}_N_INSNS];',
            '/* How instructions look; for the disassembler and tests. */',
            'typedef struct ' + camel(name) + 'Encoding {',
            '    uint32_t mask, value;',
            '    uint8_t width;',
            '    const char *operands; /* names, in the order in which get gives their values */',
            '    void (*get)(uint32_t w, int32_t *v);',
            f'}} {camel(name)}Encoding;',
            f'extern const {camel(name)}Encoding {name}_encoding[{up}_N_INSNS];', '',
            '/* False: reserved, or its extension is off; nothing was emitted. */']
    out += [f'bool {name}_decode{w}(TransCtx *t, uint32_t w);' for w in isa.widths()]
    out.append('')
    seen = set()
    for r in isa.rows:
        if r.c_trans not in seen:
            seen.add(r.c_trans)
            out.append(f'bool {name}_trans_{r.c_trans}(TransCtx *t, '
                       f'const {camel(name)}Args{r.fmt.cls} *a);')
    out += ['', '#endif', '']
    return '\n'.join(out)


def emit_source(isa, source, includes):
    name, up = isa.name, isa.name.upper()
    out = ['/* SPDX-License-Identifier: GPL-2.0-or-later */',
           f'/* Made by scripts/gen_isa.py from {source}: the decoder. */']
    out += [f'#include "{i}"' for i in includes]
    out += ['', f'const char *const {name}_insn_name[{up}_N_INSNS] = {{']
    out += [f'    "{r.name}",' for r in isa.rows]
    out += ['};', f'uint32_t {name}_insn_count[{up}_N_INSNS];', '']
    for f in isa.formats.values():
        gets = ' '.join(f'v[{i}] = {f.specs[n].c_expr()};'
                        for i, n in enumerate(isa.classes[f.cls]))
        out += [f'static void get_{f.name}(uint32_t w, int32_t *v) {{ {gets} }}']
    out += ['', f'const {camel(name)}Encoding {name}_encoding[{up}_N_INSNS] = {{']
    out += [f'    {{ {r.mask:#x}, {r.value:#x}, {r.width}, '
            f'"{" ".join(isa.classes[r.fmt.cls])}", get_{r.fmt.name} }},' for r in isa.rows]
    out += ['};', '']
    for width in isa.widths():
        out += [f'bool {name}_decode{width}(TransCtx *t, uint32_t w)', '{']
        emit_tree(isa, [r for r in isa.rows if r.width == width], 0, 1, out)
        out += ['    return false;', '}', '']
    return '\n'.join(out)


def emit_doc(isa, source):
    out = [f'# Instructions: {isa.name}', '',
           f'Made from {source}. Bits: `.` operand, `x` ignored.', '', '| instruction | encoding | operands | needs | same as |', '|---|---|---|---|---|']
    for r in isa.rows:
        ops = ', '.join(f'{n} [{s.text}]' for n, s in r.fmt.specs.items())
        ops += ''.join(f', {c.text}' for c in r.constraints)
        same = r.trans if r.trans != r.name else ''
        ext = r.ext.replace('|', ' or ')
        out.append(f'| {r.name} | `{r.pattern}` | {ops} | {ext} | {same} |')
    out.append('')
    return '\n'.join(out)


def main():
    p = argparse.ArgumentParser(description='C and documentation from an instruction table')
    p.add_argument('table')
    p.add_argument('--name', help='how generated files call the table', default='')
    p.add_argument('--header')
    p.add_argument('--source')
    p.add_argument('--doc')
    p.add_argument('--include', action='append', default=[], help='of the source; repeatable')
    args = p.parse_args()
    try:
        isa = load(args.table)
    except (IsaError, OSError) as e:
        sys.exit(f'gen_isa.py: {e}')
    name = args.name or args.table
    for path, text in ((args.header, lambda: emit_header(isa, name)),
                       (args.source, lambda: emit_source(isa, name, args.include)),
                       (args.doc, lambda: emit_doc(isa, name))):
        if path:
            with open(path, 'w') as f:
                f.write(text())


if __name__ == '__main__':
    main()
