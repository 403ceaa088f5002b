/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GICv3: LPIs in the redistributors (IHI 0069, 5.1).
 *
 * While LPIs are on, what is pending is held here and the configuration table is cached, as the
 * architecture allows; a byte of it is read anew when its LPI becomes pending and when software
 * invalidates it. The pending table in memory is read when LPIs are switched on and written when
 * they are switched off. All redistributors share one configuration table (GICR_TYPER.
 * CommonLPIAff is 0).
 */
#include "hw/intc/gicv3.h"
#include "util/bits.h"
#include "util/error.h"

#include <string.h>

enum { WORDS = GICV3_LPIS / 64, LPI_ENABLE = 1, LPI_PRIORITY = 0xfc };
enum { PENDING_START = GICV3_FIRST_LPI / 8 }; /* in the table in memory */
#define PROPBASER_ADDR 0x000ffffffffff000ull
#define PENDBASER_ADDR 0x000fffffffff0000ull
#define PENDBASER_PTZ BIT(62)

bool gicv3_dma(Device *dev, hwaddr at, void *buf, uint64_t len, bool write)
{
    for (uint8_t *p = buf; len;) {
        uint64_t n = len;
        void *host = address_space_map(dev->dma, at, &n, write);
        if (!host)
            return false;
        if (write)
            memcpy(host, p, n);
        else
            memcpy(p, host, n);
        address_space_unmap(dev->dma, host, n, write);
        at += n;
        p += n;
        len -= n;
    }
    return true;
}

unsigned gicv3_lpi_bits(const Gicv3Cpu *c)
{
    if (!(c->ctlr & GICR_ENABLE_LPIS))
        return 0;
    unsigned bits = MIN((c->propbaser & 0x1f) + 1, GICV3_ID_BITS);
    return bits >= 14 ? bits : 0;
}

static bool valid(const Gicv3Cpu *c, unsigned irq)
{
    return irq >= GICV3_FIRST_LPI && irq < 1u << gicv3_lpi_bits(c);
}

static bool is_pending(const Gicv3Cpu *c, unsigned i)
{
    return c->lpi_pending && (c->lpi_pending[i / 64] >> (i % 64) & 1);
}

bool gicv3_lpi_is_pending(const Gicv3Cpu *c, unsigned irq)
{
    return valid(c, irq) && is_pending(c, irq - GICV3_FIRST_LPI);
}

static void put_pending(Gicv3Cpu *c, unsigned i, bool pending)
{
    if (!c->lpi_pending)
        c->lpi_pending = g_new0(uint64_t, WORDS);
    unsigned w = i / 64;
    c->lpi_pending[w] = bits_set(c->lpi_pending[w], i % 64, 1, pending);
    c->lpi_words[w / 64] = bits_set(c->lpi_words[w / 64], w % 64, 1, c->lpi_pending[w] != 0);
}

/* Calls fn for each pending LPI, by its number less 8192. */
static void each_pending(const Gicv3Cpu *c, void (*fn)(unsigned i, void *arg), void *arg)
{
    for (unsigned s = 0; s < G_N_ELEMENTS(c->lpi_words); s++) {
        for (uint64_t words = c->lpi_words[s]; words; words &= words - 1) {
            unsigned w = s * 64 + __builtin_ctzll(words);
            for (uint64_t map = c->lpi_pending[w]; map; map &= map - 1)
                fn(w * 64 + __builtin_ctzll(map), arg);
        }
    }
}

/* ---- selection ---- */

static Gicv3Best as_candidate(const Gicv3 *s, unsigned i)
{
    uint8_t config = s->lpi_config[i], p = config & LPI_PRIORITY;
    if (!(config & LPI_ENABLE))
        return (Gicv3Best){ GIC_NO_PRIORITY, GIC_ID_NONE };
    /* The table is non-secure software's. */
    return (Gicv3Best){ (s->ds ? p : gic_priority_from_ns(p)) & GICV3_PRIORITY_MASK,
                        GICV3_FIRST_LPI + i };
}

static void consider(unsigned i, void *arg)
{
    Gicv3Cpu *c = arg;
    Gicv3Best b = as_candidate(c->gic, i);
    if (b.priority < c->best_lpi.priority ||
        (b.priority == c->best_lpi.priority && b.irq < c->best_lpi.irq))
        c->best_lpi = b;
}

void gicv3_lpi_find_best(Gicv3Cpu *c)
{
    c->best_lpi = (Gicv3Best){ GIC_NO_PRIORITY, GIC_ID_NONE };
    if (gicv3_lpi_bits(c))
        each_pending(c, consider, c);
}

static void fetch_config(Gicv3Cpu *c, unsigned i)
{
    uint8_t config = 0; /* a table that isn't in memory enables nothing */
    gicv3_dma(&c->gic->dev, (c->propbaser & PROPBASER_ADDR) + i, &config, 1, false);
    c->gic->lpi_config[i] = config;
}

void gicv3_lpi_set_pending(Gicv3Cpu *c, unsigned irq, bool pending)
{
    if (!valid(c, irq))
        return;
    unsigned i = irq - GICV3_FIRST_LPI;
    put_pending(c, i, pending);
    if (pending) {
        fetch_config(c, i);
        if (c->best_lpi.irq == irq && as_candidate(c->gic, i).priority != c->best_lpi.priority)
            gicv3_lpi_find_best(c);
        else
            consider(i, c);
    } else if (c->best_lpi.irq == irq) {
        gicv3_lpi_find_best(c);
    }
    gicv3_update_cpu(c);
}

void gicv3_lpi_invalidate(Gicv3Cpu *c, unsigned irq)
{
    if (!valid(c, irq))
        return;
    unsigned i = irq - GICV3_FIRST_LPI;
    fetch_config(c, i);
    if (is_pending(c, i)) {
        gicv3_lpi_find_best(c);
        gicv3_update_cpu(c);
    }
}

void gicv3_lpi_invalidate_all(Gicv3 *s)
{
    Gicv3Cpu *first = NULL;
    for (unsigned i = 0; i < s->num_cpu && !first; i++)
        if (gicv3_lpi_bits(&s->cpu[i]))
            first = &s->cpu[i];
    if (!first)
        return;
    unsigned n = (1u << gicv3_lpi_bits(first)) - GICV3_FIRST_LPI;
    if (!gicv3_dma(&s->dev, first->propbaser & PROPBASER_ADDR, s->lpi_config, n, false))
        memset(s->lpi_config, 0, GICV3_LPIS);
    for (unsigned i = 0; i < s->num_cpu; i++) {
        gicv3_lpi_find_best(&s->cpu[i]);
        gicv3_update_cpu(&s->cpu[i]);
    }
}

typedef struct Move {
    Gicv3Cpu *to;
} Move;

static void move_one(unsigned i, void *arg)
{
    Gicv3Cpu *to = ((Move *)arg)->to;
    if (valid(to, GICV3_FIRST_LPI + i)) {
        put_pending(to, i, true);
        consider(i, to);
    }
}

static void clear_pending(Gicv3Cpu *c)
{
    if (c->lpi_pending)
        memset(c->lpi_pending, 0, WORDS * sizeof(uint64_t));
    memset(c->lpi_words, 0, sizeof c->lpi_words);
    c->best_lpi = (Gicv3Best){ GIC_NO_PRIORITY, GIC_ID_NONE };
}

void gicv3_lpi_move_all(Gicv3Cpu *from, Gicv3Cpu *to)
{
    if (from == to || !gicv3_lpi_bits(from))
        return;
    Move m = { to };
    each_pending(from, move_one, &m);
    clear_pending(from);
    gicv3_update_cpu(from);
    gicv3_update_cpu(to);
}

/* ---- life ---- */

void gicv3_lpi_reset(Gicv3Cpu *c)
{
    clear_pending(c);
}

void gicv3_lpi_enable(Gicv3Cpu *c, bool on)
{
    uint8_t table[GICV3_LPIS / 8];
    hwaddr at = (c->pendbaser & PENDBASER_ADDR) + PENDING_START;
    if (on) {
        c->ctlr |= GICR_ENABLE_LPIS;
        unsigned bits = gicv3_lpi_bits(c);
        unsigned n = bits ? ((1u << bits) - GICV3_FIRST_LPI) / 8 : 0;
        if (!(c->pendbaser & PENDBASER_PTZ) &&
            gicv3_dma(&c->gic->dev, at, table, n, false)) {
            for (unsigned i = 0; i < n * 8; i++)
                if (table[i / 8] >> (i % 8) & 1)
                    put_pending(c, i, true);
        }
        gicv3_lpi_invalidate_all(c->gic);
        return;
    }
    unsigned bits = gicv3_lpi_bits(c);
    if (bits && c->lpi_pending) {
        memcpy(table, c->lpi_pending, sizeof table);
        gicv3_dma(&c->gic->dev, at, table, ((1u << bits) - GICV3_FIRST_LPI) / 8, true);
    }
    c->ctlr &= ~GICR_ENABLE_LPIS;
    clear_pending(c);
    gicv3_update_cpu(c);
}

/* The record holds the numbers of those that are pending. */
static void save_one(unsigned i, void *arg)
{
    uint8_t b[2];
    store_le16(b, i);
    g_byte_array_append(arg, b, sizeof b);
}

void gicv3_lpi_save(const Gicv3Cpu *c, GByteArray *out)
{
    each_pending(c, save_one, out);
}

bool gicv3_lpi_load(Gicv3Cpu *c, const uint8_t *data, size_t len, GError **error)
{
    if (len % 2)
        return error_set(error, "the list of pending LPIs is cut short");
    clear_pending(c);
    for (; len; data += 2, len -= 2) {
        if (load_le16(data) >= GICV3_LPIS)
            return error_set(error, "there is no LPI %u", GICV3_FIRST_LPI + load_le16(data));
        put_pending(c, load_le16(data), true);
    }
    return true;
}
