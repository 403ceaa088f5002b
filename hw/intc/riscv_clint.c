/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SiFive CLINT: software and timer interrupts of RISC-V harts.
 * SiFive FU540-C000 manual, chapter "Core-Local Interruptor (CLINT)"; RISC-V privileged
 * architecture, "Machine Timer Registers (mtime and mtimecmp)".
 *
 * mtime counts at 10 MHz of virtual time. The harts read it without a lock (the time CSR), so
 * its offset is atomic. After reset mtimecmp is the largest number, so that no timer interrupt
 * is pending before software asks for one (the manual leaves it undefined).
 */
#include "hw/riscv_clint.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "softmmu/run.h"
#include "util/error.h"

enum { NS_PER_TICK = 1000000000 / RISCV_CLINT_HZ };

typedef struct ClintTimer {
    struct RiscvClint *s;
    unsigned hart;
} ClintTimer;

typedef struct RiscvClint {
    Device dev;
    uint32_t num_harts;
    uint32_t msip[RISCV_CLINT_MAX_HARTS];
    uint64_t mtimecmp[RISCV_CLINT_MAX_HARTS];
    _Atomic uint64_t offset; /* mtime minus the ticks of virtual time */
    Timer *timer[RISCV_CLINT_MAX_HARTS];
    ClintTimer *timer_args;
    void (*time_changed)(void *opaque);
    void *time_changed_opaque;
} RiscvClint;

static uint64_t raw_ticks(void)
{
    return (uint64_t)clock_ns(CLOCK_VIRTUAL) / NS_PER_TICK;
}

uint64_t riscv_clint_time(void *opaque)
{
    RiscvClint *s = opaque;
    return raw_ticks() + atomic_load_explicit(&s->offset, memory_order_relaxed);
}

void riscv_clint_on_time_changed(Device *dev, void (*fn)(void *opaque), void *opaque)
{
    RiscvClint *s = (RiscvClint *)dev;
    s->time_changed = fn;
    s->time_changed_opaque = opaque;
}

/* Time is read once: what is ahead must still be so when the timer is set. */
static void update_timer(RiscvClint *s, unsigned hart)
{
    IrqLine *mtip = &s->dev.irq[2 * hart + 1];
    uint64_t now = raw_ticks(), mtime = now + s->offset;
    if (mtime >= s->mtimecmp[hart]) {
        timer_del(s->timer[hart]);
        irq_set(mtip, 1);
        return;
    }
    irq_set(mtip, 0);
    uint64_t left = s->mtimecmp[hart] - mtime;
    if (left <= INT64_MAX / NS_PER_TICK - now)
        timer_mod(s->timer[hart], (int64_t)((now + left) * NS_PER_TICK));
    else
        timer_del(s->timer[hart]); /* later than virtual time can say */
}

static void timer_expired(void *opaque)
{
    ClintTimer *t = opaque;
    update_timer(t->s, t->hart);
}

static void write_msip(void *dev, unsigned i, uint64_t value)
{
    RiscvClint *s = dev;
    if (i >= s->num_harts)
        return;
    s->msip[i] = value & 1;
    irq_set(&s->dev.irq[2 * i], s->msip[i]);
}

static void write_mtimecmp(void *dev, unsigned i, uint64_t value)
{
    RiscvClint *s = dev;
    if (i >= s->num_harts)
        return;
    s->mtimecmp[i] = value;
    update_timer(s, i);
}

static uint64_t read_mtime(void *dev, unsigned i)
{
    return riscv_clint_time(dev);
}

static void write_mtime(void *dev, unsigned i, uint64_t value)
{
    RiscvClint *s = dev;
    atomic_store(&s->offset, value - raw_ticks());
    for (unsigned hart = 0; hart < s->num_harts; hart++)
        update_timer(s, hart);
    if (s->time_changed)
        s->time_changed(s->time_changed_opaque);
}

static const Reg clint_regs[] = {
    REG(RiscvClint, 0x0000, MSIP, 4, msip, .count = RISCV_CLINT_MAX_HARTS, .write = write_msip),
    REG(RiscvClint, 0x4000, MTIMECMP, 8, mtimecmp, .sizes = 4, .count = RISCV_CLINT_MAX_HARTS,
        .reset = UINT64_MAX, .write = write_mtimecmp),
    REG_FN(0xbff8, MTIME, 8, .sizes = 4, .merge = true, .read = read_mtime, .write = write_mtime),
    REG_END,
};

static const Prop clint_props[] = {
    PROP(RiscvClint, "num-harts", num_harts, PROP_U32, "1", "harts that it serves"),
    PROP_LAST,
};

static const StateField clint_state[] = {
    STATE(RiscvClint, offset),
    { .type = STATE_END },
};

static bool clint_realize(void *dev, GError **error)
{
    RiscvClint *s = dev;
    if (!s->num_harts || s->num_harts > RISCV_CLINT_MAX_HARTS)
        return error_set(error, "riscv.clint: num-harts must be from 1 to %d, not %u",
                         RISCV_CLINT_MAX_HARTS, s->num_harts);
    device_set_irqs(&s->dev, 2 * s->num_harts);
    ClintTimer *t = g_new(ClintTimer, s->num_harts);
    for (unsigned i = 0; i < s->num_harts; i++) {
        t[i] = (ClintTimer){ s, i };
        s->timer[i] = timer_new(CLOCK_VIRTUAL, timer_expired, &t[i]);
    }
    s->timer_args = t;
    return true;
}

static void clint_unrealize(void *dev)
{
    RiscvClint *s = dev;
    for (unsigned i = 0; i < s->num_harts; i++)
        timer_free(s->timer[i]);
    g_free(s->timer_args);
}

static void clint_reset(void *dev)
{
    RiscvClint *s = dev;
    for (unsigned i = 0; i < s->num_harts; i++)
        irq_set(&s->dev.irq[2 * i], 0);
    write_mtime(s, 0, 0);
}

static void clint_loaded(void *dev)
{
    RiscvClint *s = dev;
    for (unsigned i = 0; i < s->num_harts; i++) {
        irq_set(&s->dev.irq[2 * i], s->msip[i]);
        update_timer(s, i);
    }
    if (s->time_changed)
        s->time_changed(s->time_changed_opaque);
}

static void clint_info_pic(void *dev, GString *out)
{
    RiscvClint *s = dev;
    g_string_append_printf(out, "  mtime 0x%" PRIx64 "\n", riscv_clint_time(s));
    for (unsigned i = 0; i < s->num_harts; i++)
        g_string_append_printf(out, "  hart %u: MSIP %d, MTIP %d, mtimecmp 0x%" PRIx64 "\n", i,
                               s->dev.irq[2 * i].level, s->dev.irq[2 * i + 1].level,
                               s->mtimecmp[i]);
}

static const DeviceType riscv_clint_type = {
    .name = "riscv.clint", .doc = "SiFive core-local interruptor (FU540-C000 manual)",
    .fdt_compatible = "riscv,clint0", .size = sizeof(RiscvClint), .mmio_size = 0x10000,
    .version = 1, .regs = clint_regs, .props = clint_props, .state = clint_state,
    .realize = clint_realize, .unrealize = clint_unrealize, .reset = clint_reset,
    .loaded = clint_loaded, .info_pic = clint_info_pic,
};
DEVICE_REGISTER(riscv_clint_type)
