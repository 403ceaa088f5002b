/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GICv3: the physical CPU interfaces (IHI 0069, 4.6 to 4.8 and 12.2), whose registers are system
 * registers of the processors. gicv3_sysreg.c has decided about access before a function here
 * runs.
 */
#include "hw/intc/gicv3.h"
#include "util/bits.h"

#define SCR_NS BIT(0)
#define SCR_IRQ BIT(1)
#define SCR_FIQ BIT(2)
enum { CTLR_CBPR = 1, CTLR_EOIMODE = 2, CTLR_FIXED = (GICV3_PRIORITY_BITS - 1) << 8 | 1 << 11 |
       1 << 15 };
enum { CTLR3_NDS = 1 << 17, CTLR3_CBPR_S = 1, CTLR3_CBPR_NS = 2, CTLR3_EOIMODE_EL3 = 4, CTLR3_EOIMODE_S = 8,
       CTLR3_EOIMODE_NS = 16 };
enum { SECURE, NONSECURE }; /* copies of banked registers */

/* The copy of a banked register that an access means: at EL3 SCR_EL3.NS says. */
static unsigned bank(const Gicv3Cpu *c, const ArmGicView *v)
{
    if (!c->gic->security)
        return NONSECURE;
    if (v->el == 3)
        return v->scr_el3 & SCR_NS ? NONSECURE : SECURE;
    return v->secure ? SECURE : NONSECURE;
}

static int group1(const Gicv3Cpu *c, const ArmGicView *v)
{
    return bank(c, v) == NONSECURE ? GICV3_G1NS : GICV3_G1S;
}

/* Group 0 is EL3's, so that this level sees half of the priorities (4.8.1). */
static bool ns_view(const Gicv3Cpu *c, const ArmGicView *v)
{
    return c->gic->security && !v->secure && v->el < 3 && (v->scr_el3 & SCR_FIQ);
}

/* ---- priorities ---- */

static uint8_t group_mask(const Gicv3Cpu *c, int group)
{
    if (group == GICV3_G1NS && !c->cbpr[NONSECURE])
        return (uint8_t)(0xff << c->bpr1[NONSECURE]);
    if (group == GICV3_G1S && !c->cbpr[SECURE])
        return (uint8_t)(0xff << (c->bpr1[SECURE] + 1));
    return (uint8_t)(0xff << (c->bpr0 + 1));
}

/* The group whose interrupt runs at the highest active priority, or -1. */
static int active_group(const Gicv3Cpu *c)
{
    static const int order[] = { GICV3_G0, GICV3_G1S, GICV3_G1NS };
    int best = -1;
    for (unsigned i = 0; i < GICV3_GROUPS; i++) {
        int g = order[i];
        if (c->apr[g] && (best < 0 || __builtin_ctz(c->apr[g]) < __builtin_ctz(c->apr[best])))
            best = g;
    }
    return best;
}

static unsigned running_priority(const Gicv3Cpu *c)
{
    int g = active_group(c);
    return g < 0 ? GIC_NO_PRIORITY : (unsigned)__builtin_ctz(c->apr[g]) << 3;
}

static bool signals(Gicv3Cpu *c, Gicv3Best best)
{
    if (best.priority >= c->pmr)
        return false;
    unsigned running = running_priority(c);
    uint8_t mask = group_mask(c, gicv3_irq_group(c, best.irq));
    return running == GIC_NO_PRIORITY || (best.priority & mask) < (running & mask);
}

/* FIQ or IRQ (4.6.2): Group 0, and Group 1 of a state that the processor isn't in, are FIQs. */
static bool by_fiq(const Gicv3Cpu *c, int group)
{
    if (group == GICV3_G0)
        return true;
    if (c->gic->ds)
        return false;
    if (c->el == 3)
        return true;
    return c->secure ? group == GICV3_G1NS : group == GICV3_G1S;
}

void gicv3_update_cpu(Gicv3Cpu *c)
{
    Gicv3Best best = gicv3_highest(c);
    bool on = signals(c, best);
    bool fiq = on && by_fiq(c, gicv3_irq_group(c, best.irq));
    gicv3_drive(c, ARM_GIC_OUT_IRQ, on && !fiq);
    gicv3_drive(c, ARM_GIC_OUT_FIQ, fiq);
}

/* ---- acknowledge ---- */

/*
 * The INTID to show for the best candidate at ICC_IAR<n> and ICC_HPPIR<n>, or a special one
 * (the manual's CheckGroup0ForSpecialIdentifiers and CheckGroup1ForSpecialIdentifiers).
 */
static unsigned shown(Gicv3Cpu *c, const ArmGicView *v, Gicv3Best best, unsigned n)
{
    if (best.priority == GIC_NO_PRIORITY)
        return GIC_ID_NONE;
    int group = gicv3_irq_group(c, best.irq);
    bool is_secure = !c->gic->ds && group != GICV3_G1NS;
    if (is_secure && !v->secure)
        return GIC_ID_NONE;
    if (n == 0) {
        if (group == GICV3_G0)
            return best.irq;
        if (v->el < 3)
            return GIC_ID_NONE;
        return is_secure ? GICV3_ID_SECURE : GICV3_ID_OTHER_STATE;
    }
    if (group == GICV3_G0 || (!is_secure && !c->gic->ds && v->secure && v->el < 3))
        return GIC_ID_NONE;
    return best.irq;
}

uint64_t gicv3_read_hppir(Gicv3Cpu *c, const ArmGicView *v, unsigned n)
{
    return shown(c, v, gicv3_highest(c), n);
}

uint64_t gicv3_read_iar(Gicv3Cpu *c, const ArmGicView *v, unsigned n)
{
    Gicv3Best best = gicv3_highest(c);
    if (!signals(c, best))
        return GIC_ID_NONE;
    unsigned irq = shown(c, v, best, n);
    if (irq >= GICV3_ID_SECURE && irq <= GIC_ID_NONE)
        return irq;

    int group = gicv3_irq_group(c, irq);
    c->apr[group] |= 1u << ((best.priority & group_mask(c, group)) >> 3);
    Gicv3Bank *b = gicv3_bank(c, irq);
    if (b) {
        b->active |= 1u << (irq % 32);
        b->latch &= ~(1u << (irq % 32));
        gicv3_bank_changed(c->gic, b, 1u << (irq % 32));
    } else {
        gicv3_lpi_set_pending(c, irq, false);
    }
    gicv3_update_cpu(c);
    return irq;
}

uint64_t gicv3_read_rpr(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    unsigned p = running_priority(c);
    if (p == GIC_NO_PRIORITY)
        return GIC_IDLE_PRIORITY;
    if (!ns_view(c, v))
        return p;
    return p & 0x80 ? gic_priority_to_ns(p) : 0;
}

/* ---- end of interrupt ---- */

void gicv3_deactivate(Gicv3Cpu *c, unsigned irq)
{
    Gicv3Bank *b = gicv3_bank(c, irq);
    if (!b)
        return; /* LPIs have no active state */
    b->active &= ~(1u << (irq % 32));
    gicv3_bank_changed(c->gic, b, 1u << (irq % 32));
}

static bool separate_deactivation(const Gicv3Cpu *c, const ArmGicView *v)
{
    return v->el == 3 ? c->eoimode_el3 : c->eoimode[bank(c, v)];
}

/* Only what was acknowledged last can end, at the register of its group, in its state. */
void gicv3_write_eoir(Gicv3Cpu *c, const ArmGicView *v, unsigned n, uint64_t value)
{
    unsigned irq = value & 0xffffff;
    int group = active_group(c);
    if (group < 0 || (irq >= c->gic->num_irq && irq < GICV3_FIRST_LPI))
        return;
    if ((n == 0) != (group == GICV3_G0))
        return;
    if (group == GICV3_G0 ? !c->gic->ds && !v->secure
        : group == GICV3_G1S ? !v->secure : !c->gic->ds && v->secure && v->el < 3)
        return;
    c->apr[group] &= c->apr[group] - 1;
    if (!separate_deactivation(c, v))
        gicv3_deactivate(c, irq);
    gicv3_update_cpu(c);
}

/* Who takes the interrupts of a group decides who may deactivate one (ICC_DIR_EL1). */
static bool may_deactivate(const Gicv3Cpu *c, const ArmGicView *v, int group)
{
    bool el3_takes = v->scr_el3 & (group == GICV3_G0 ? SCR_FIQ : SCR_IRQ);
    if (v->el == 3)
        return true;
    if (v->secure || c->gic->ds)
        return !el3_takes;
    return group == GICV3_G1NS && !el3_takes;
}

void gicv3_write_dir(Gicv3Cpu *c, const ArmGicView *v, unsigned arg, uint64_t value)
{
    unsigned irq = value & 0xffffff;
    if (irq < c->gic->num_irq && separate_deactivation(c, v) &&
        may_deactivate(c, v, gicv3_irq_group(c, irq)))
        gicv3_deactivate(c, irq);
}

/* ---- control ---- */

uint64_t gicv3_read_pmr(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    if (!ns_view(c, v))
        return c->pmr;
    return c->pmr & 0x80 ? gic_priority_to_ns(c->pmr) : 0;
}

void gicv3_write_pmr(Gicv3Cpu *c, const ArmGicView *v, unsigned arg, uint64_t value)
{
    uint8_t p = value;
    if (ns_view(c, v)) {
        if (!(c->pmr & 0x80))
            return;
        p = gic_priority_from_ns(p);
    }
    c->pmr = p & GICV3_PRIORITY_MASK;
    gicv3_update_cpu(c);
}

uint64_t gicv3_read_bpr0(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    return c->bpr0;
}

void gicv3_write_bpr0(Gicv3Cpu *c, const ArmGicView *v, unsigned arg, uint64_t value)
{
    c->bpr0 = MAX(value & 7, GICV3_MIN_BPR);
    gicv3_update_cpu(c);
}

/* With CBPR ICC_BPR0_EL1 decides for Group 1 too, and shows through (ICC_BPR1_EL1). */
uint64_t gicv3_read_bpr1(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    unsigned b = bank(c, v);
    if (!c->cbpr[b] || v->el == 3)
        return c->bpr1[b];
    return b == SECURE ? c->bpr0 : MIN(c->bpr0 + 1, 7);
}

void gicv3_write_bpr1(Gicv3Cpu *c, const ArmGicView *v, unsigned arg, uint64_t value)
{
    unsigned b = bank(c, v);
    if (!c->cbpr[b] || v->el == 3)
        c->bpr1[b] = MAX(value & 7, b == SECURE ? GICV3_MIN_BPR : GICV3_MIN_BPR + 1);
    else if (b == SECURE)
        gicv3_write_bpr0(c, v, 0, value);
    gicv3_update_cpu(c);
}

uint64_t gicv3_read_ctlr(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    unsigned b = bank(c, v);
    return CTLR_FIXED | (c->cbpr[b] ? CTLR_CBPR : 0) | (c->eoimode[b] ? CTLR_EOIMODE : 0);
}

/* With two security states CBPR is EL3's to set. */
void gicv3_write_ctlr(Gicv3Cpu *c, const ArmGicView *v, unsigned arg, uint64_t value)
{
    unsigned b = bank(c, v);
    c->eoimode[b] = !!(value & CTLR_EOIMODE);
    if (c->gic->ds)
        c->cbpr[b] = !!(value & CTLR_CBPR);
    gicv3_update_cpu(c);
}

uint64_t gicv3_read_ctlr_el3(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    return CTLR_FIXED | CTLR3_NDS | (c->cbpr[SECURE] ? CTLR3_CBPR_S : 0) |
           (c->cbpr[NONSECURE] ? CTLR3_CBPR_NS : 0) | (c->eoimode_el3 ? CTLR3_EOIMODE_EL3 : 0) |
           (c->eoimode[SECURE] ? CTLR3_EOIMODE_S : 0) |
           (c->eoimode[NONSECURE] ? CTLR3_EOIMODE_NS : 0);
}

void gicv3_write_ctlr_el3(Gicv3Cpu *c, const ArmGicView *v, unsigned arg, uint64_t value)
{
    c->cbpr[SECURE] = !!(value & CTLR3_CBPR_S);
    c->cbpr[NONSECURE] = !!(value & CTLR3_CBPR_NS);
    c->eoimode_el3 = !!(value & CTLR3_EOIMODE_EL3);
    c->eoimode[SECURE] = !!(value & CTLR3_EOIMODE_S);
    c->eoimode[NONSECURE] = !!(value & CTLR3_EOIMODE_NS);
    gicv3_update_cpu(c);
}

static void set_igrpen(Gicv3Cpu *c, int group, bool on)
{
    if (c->igrpen[group] == on)
        return;
    c->igrpen[group] = on;
    gicv3_route_any(c->gic);
    gicv3_cpu_changed(c);
}

uint64_t gicv3_read_igrpen0(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    return c->igrpen[GICV3_G0];
}

void gicv3_write_igrpen0(Gicv3Cpu *c, const ArmGicView *v, unsigned arg, uint64_t value)
{
    set_igrpen(c, GICV3_G0, value & 1);
}

uint64_t gicv3_read_igrpen1(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    return c->igrpen[group1(c, v)];
}

void gicv3_write_igrpen1(Gicv3Cpu *c, const ArmGicView *v, unsigned arg, uint64_t value)
{
    set_igrpen(c, group1(c, v), value & 1);
}

uint64_t gicv3_read_igrpen1_el3(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    return c->igrpen[GICV3_G1NS] | c->igrpen[GICV3_G1S] << 1;
}

void gicv3_write_igrpen1_el3(Gicv3Cpu *c, const ArmGicView *v, unsigned arg, uint64_t value)
{
    set_igrpen(c, GICV3_G1NS, value & 1);
    set_igrpen(c, GICV3_G1S, value >> 1 & 1);
}

uint64_t gicv3_read_apr(Gicv3Cpu *c, const ArmGicView *v, unsigned n)
{
    return c->apr[n ? group1(c, v) : GICV3_G0];
}

void gicv3_write_apr(Gicv3Cpu *c, const ArmGicView *v, unsigned n, uint64_t value)
{
    c->apr[n ? group1(c, v) : GICV3_G0] = value;
    gicv3_update_cpu(c);
}

/* ---- software generated interrupts ---- */

/* IHI 0069, 12.1.10: whether a target's configuration lets the SGI through. */
static void send_sgi(Gicv3Cpu *to, unsigned irq, int group, bool ns)
{
    const Gicv3 *s = to->gic;
    int has = gicv3_irq_group(to, irq);
    if (group == GICV3_G1S && has == GICV3_G0)
        group = GICV3_G0;
    if (has != group)
        return;
    unsigned nsacr = to->priv.nsacr[0] >> (2 * irq) & 3;
    if (ns && !s->ds && has != GICV3_G1NS && nsacr < (has == GICV3_G0 ? 1u : 2u))
        return;
    to->priv.latch |= 1u << irq;
    gicv3_bank_changed(to->gic, &to->priv, 1u << irq);
}

/* which: 0 for ICC_SGI0R_EL1, 1 for ICC_SGI1R_EL1, 2 for ICC_ASGI1R_EL1. */
void gicv3_write_sgi(Gicv3Cpu *c, const ArmGicView *v, unsigned which, uint64_t value)
{
    Gicv3 *s = c->gic;
    bool ns = !v->secure; /* EL3 is secure, whatever SCR_EL3.NS says */
    int group = which == 0 ? GICV3_G0 : (which == 1) == ns ? GICV3_G1NS : GICV3_G1S;
    unsigned irq = bits_get(value, 24, 4);
    if (value & BIT(40)) { /* all but itself */
        for (unsigned i = 0; i < s->num_cpu; i++)
            if (&s->cpu[i] != c)
                send_sgi(&s->cpu[i], irq, group, ns);
        return;
    }
    if (bits_get(value, 44, 4)) /* ICC_CTLR_EL1.RSS is 0: Aff0 is below 16 */
        return;
    uint32_t cluster = bits_get(value, 48, 8) << 24 | bits_get(value, 32, 8) << 16 |
                       bits_get(value, 16, 8) << 8;
    for (uint32_t list = value & 0xffff; list; list &= list - 1) {
        Gicv3Cpu *to = gicv3_find(s, cluster | __builtin_ctz(list));
        if (to)
            send_sgi(to, irq, group, ns);
    }
}

/* ---- life ---- */

void gicv3_cpu_reset(Gicv3Cpu *c)
{
    bool ns = c->gic->security && c->gic->reset_nonsecure;
    c->pmr = ns ? 0x80 : 0;
    c->bpr0 = c->bpr1[SECURE] = GICV3_MIN_BPR;
    c->bpr1[NONSECURE] = GICV3_MIN_BPR + 1;
    c->eoimode_el3 = 0;
    for (unsigned i = 0; i < 2; i++)
        c->cbpr[i] = c->eoimode[i] = 0;
    for (unsigned g = 0; g < GICV3_GROUPS; g++)
        c->igrpen[g] = c->apr[g] = 0;
    c->el = c->gic->security ? 3 : c->gic->virtualization ? 2 : 1;
    c->secure = c->gic->security;
    c->scr = c->hcr_el2 = 0;
}

void gicv3_cpu_loaded(Gicv3Cpu *c)
{
    c->ctlr &= 7 << GICR_DPG_SHIFT | (c->gic->lpis ? GICR_ENABLE_LPIS : 0);
    c->waker &= GICR_PROCESSOR_SLEEP | GICR_CHILDREN_ASLEEP;
    c->pmr &= GICV3_PRIORITY_MASK;
    c->bpr0 = MAX(c->bpr0 & 7, GICV3_MIN_BPR);
    c->bpr1[SECURE] = MAX(c->bpr1[SECURE] & 7, GICV3_MIN_BPR);
    c->bpr1[NONSECURE] = MAX(c->bpr1[NONSECURE] & 7, GICV3_MIN_BPR + 1);
    for (unsigned i = 0; i < 2; i++) {
        c->cbpr[i] &= 1;
        c->eoimode[i] &= 1;
    }
    c->eoimode_el3 &= 1;
    for (unsigned g = 0; g < GICV3_GROUPS; g++)
        c->igrpen[g] &= 1;
    c->el &= 3;
}
