/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GICv3: the registers that the distributor has for SPIs and each redistributor for its private
 * interrupts (IHI 0069, 12.9 and 12.11).
 */
#include "hw/intc/gicv3.h"
#include "util/bits.h"

enum { SGIS = 0xffff };

static uint32_t present(const Gicv3 *s, const Gicv3Bank *b)
{
    if (b->cpu)
        return UINT32_MAX;
    unsigned first = b->word * 32;
    return first && first < s->num_irq ? (uint32_t)MASK(MIN(s->num_irq - first, 32u)) : 0;
}

uint32_t gicv3_visible(const Gicv3 *s, const Gicv3Bank *b, unsigned nsacr)
{
    uint32_t map = present(s, b);
    if (!gicv3_ns(s))
        return map;
    /* A redistributor's GICR_NSACR is about sending SGIs only. */
    uint32_t allowed = b->group;
    for (unsigned i = 0; i < 32 && !b->cpu && nsacr && (b->nsacr[0] | b->nsacr[1]); i++)
        allowed |= (uint32_t)((b->nsacr[i / 16] >> (i % 16 * 2) & 3) >= nsacr) << i;
    return map & allowed;
}

/* What secure software lets non-secure software do with its interrupts (GICD_NSACR). */
static unsigned nsacr_needed(Gicv3BankReg reg)
{
    switch (reg) {
    case GICV3_SET_PENDING:
        return 1;
    case GICV3_CLEAR_PENDING:
    case GICV3_SET_ACTIVE:
    case GICV3_CLEAR_ACTIVE:
        return 2;
    default:
        return 0;
    }
}

static uint32_t read_priorities(const Gicv3 *s, const Gicv3Bank *b, unsigned part, uint32_t seen)
{
    uint32_t v = 0;
    for (unsigned n = 0; n < 4; n++) {
        uint8_t p = b->priority[part * 4 + n];
        if (seen >> (part * 4 + n) & 1)
            v |= (uint32_t)(gicv3_ns(s) ? gic_priority_to_ns(p) : p) << (8 * n);
    }
    return v;
}

uint32_t gicv3_bank_read(const Gicv3 *s, const Gicv3Bank *b, Gicv3BankReg reg, unsigned part)
{
    if (!b)
        return 0;
    uint32_t seen = gicv3_visible(s, b, nsacr_needed(reg)), v = 0;
    switch (reg) {
    case GICV3_GROUP:
        return gicv3_ns(s) ? 0 : b->group & seen;
    case GICV3_GRPMOD: /* of two security states only */
        return gicv3_ns(s) || s->ds ? 0 : b->grpmod & seen;
    case GICV3_NSACR:
        return gicv3_ns(s) || s->ds ? 0 : b->nsacr[part];
    case GICV3_SET_ENABLE:
    case GICV3_CLEAR_ENABLE:
        return b->enabled & seen;
    case GICV3_SET_PENDING:
    case GICV3_CLEAR_PENDING:
        return (b->latch | (b->level & ~b->edge)) & seen;
    case GICV3_SET_ACTIVE:
    case GICV3_CLEAR_ACTIVE:
        return b->active & seen;
    case GICV3_PRIORITY:
        return read_priorities(s, b, part, seen);
    case GICV3_CONFIG: /* two bits per interrupt; the upper one says that it is edge-triggered */
        for (unsigned n = 0; n < 16; n++)
            v |= ((b->edge & seen) >> (part * 16 + n) & 1) << (2 * n + 1);
        return v;
    }
    return 0;
}

static void write_config(Gicv3Bank *b, unsigned part, uint32_t may, uint32_t v)
{
    uint32_t edge = 0;
    for (unsigned n = 0; n < 16; n++)
        edge |= (v >> (2 * n + 1) & 1) << (part * 16 + n);
    may &= 0xffffu << (part * 16);
    if (b->cpu)
        may &= ~SGIS; /* always edge-triggered */
    b->edge = (b->edge & ~may) | (edge & may);
}

static void write_priorities(const Gicv3 *s, Gicv3Bank *b, unsigned part, uint32_t may, uint32_t v)
{
    for (unsigned n = 0; n < 4; n++) {
        uint8_t p = v >> (8 * n);
        if (may >> (part * 4 + n) & 1)
            b->priority[part * 4 + n] =
                (gicv3_ns(s) ? gic_priority_from_ns(p) : p) & GICV3_PRIORITY_MASK;
    }
}

/* An SPI of another group goes by another group's rules of distribution. */
static void reroute(Gicv3 *s, const Gicv3Bank *b, uint32_t bits)
{
    for (; bits && !b->cpu; bits &= bits - 1)
        gicv3_route(s, b->word * 32 + __builtin_ctz(bits));
}

void gicv3_bank_write(Gicv3 *s, Gicv3Bank *b, Gicv3BankReg reg, unsigned part, uint32_t v)
{
    if (!b)
        return;
    uint32_t may = gicv3_visible(s, b, nsacr_needed(reg)), changed = UINT32_MAX;
    switch (reg) {
    case GICV3_GROUP:
        if (gicv3_ns(s))
            return;
        b->group = v & may;
        reroute(s, b, may);
        break;
    case GICV3_GRPMOD:
        if (gicv3_ns(s) || s->ds)
            return;
        b->grpmod = v & may;
        reroute(s, b, may);
        break;
    case GICV3_NSACR:
        if (!gicv3_ns(s) && !s->ds)
            b->nsacr[part] = v;
        return;
    case GICV3_SET_ENABLE:
        b->enabled |= changed = v & may;
        break;
    case GICV3_CLEAR_ENABLE:
        b->enabled &= ~(changed = v & may);
        break;
    case GICV3_SET_PENDING:
        b->latch |= changed = v & may;
        break;
    case GICV3_CLEAR_PENDING:
        b->latch &= ~(changed = v & may);
        break;
    case GICV3_SET_ACTIVE:
        b->active |= changed = v & may;
        break;
    case GICV3_CLEAR_ACTIVE:
        b->active &= ~(changed = v & may);
        break;
    case GICV3_PRIORITY:
        write_priorities(s, b, part, may, v);
        changed = 0xfu << (part * 4);
        break;
    case GICV3_CONFIG:
        write_config(b, part, may, v);
        changed = 0xffffu << (part * 16);
        break;
    }
    gicv3_bank_changed(s, b, changed);
}
