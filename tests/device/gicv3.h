/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A GICv3 under test: frames, system registers as a processor makes the accesses. */
#ifndef TESTS_DEVICE_GICV3_H
#define TESTS_DEVICE_GICV3_H

#include "gic.h"

enum { DIST = 0x08000000, REDIST = 0x080a0000, NONE = 1023 };
enum { CTLR = 0, TYPER = 4, IGROUPR = 0x80, ISENABLER = 0x100, ICENABLER = 0x180, ISPENDR = 0x200,
       ICPENDR = 0x280, ISACTIVER = 0x300, ICACTIVER = 0x380, IPRIORITYR = 0x400, ICFGR = 0xc00,
       IGRPMODR = 0xd00, NSACR = 0xe00, IROUTER = 0x6000 };
enum { GICR_TYPER = 8, GICR_WAKER = 0x14, PROPBASER = 0x70, PENDBASER = 0x78, INVLPIR = 0xa0,
       SGI = 0x10000 };

#define ICC(crn, crm, op2) ARM_SYSREG(3, 0, crn, crm, op2)
#define PMR ICC(4, 6, 0)
#define IAR0 ICC(12, 8, 0)
#define EOIR0 ICC(12, 8, 1)
#define HPPIR0 ICC(12, 8, 2)
#define BPR0 ICC(12, 8, 3)
#define AP0R0 ICC(12, 8, 4)
#define AP1R0 ICC(12, 9, 0)
#define DIR_ ICC(12, 11, 1)
#define RPR ICC(12, 11, 3)
#define SGI1R ICC(12, 11, 5)
#define ASGI1R ICC(12, 11, 6)
#define SGI0R ICC(12, 11, 7)
#define IAR1 ICC(12, 12, 0)
#define EOIR1 ICC(12, 12, 1)
#define HPPIR1 ICC(12, 12, 2)
#define BPR1 ICC(12, 12, 3)
#define ICTLR ICC(12, 12, 4)
#define SRE ICC(12, 12, 5)
#define IGRPEN0 ICC(12, 12, 6)
#define IGRPEN1 ICC(12, 12, 7)
#define ICH(crm, op2) ARM_SYSREG(3, 4, 12, crm, op2)
#define SRE2 ICH(9, 5)
#define HAP0R ICH(8, 0)
#define HAP1R ICH(9, 0)
#define HCR ICH(11, 0)
#define VTR ICH(11, 1)
#define MISR ICH(11, 2)
#define EISR ICH(11, 3)
#define ELRSR ICH(11, 5)
#define VMCR ICH(11, 7)
#define LR(n) ICH(12, n)
#define CTLR3 ARM_SYSREG(3, 6, 12, 12, 4)
#define SRE3 ARM_SYSREG(3, 6, 12, 12, 5)
#define IGRPEN13 ARM_SYSREG(3, 6, 12, 12, 7)
#define SCR_NS 1
#define SCR_IRQ 2
#define SCR_FIQ 4
#define HCR_FMO 8
#define HCR_IMO 16

static ArmGicView view = { .el = 1 };
static unsigned cpu_now;

static inline void on_cpu(unsigned cpu)
{
    cpu_now = cpu;
    as_cpu(cpu);
}

/* The processor runs at this level and state; its routing bits stay. */
static inline void at_el(unsigned el, bool secure)
{
    view.el = el;
    view.secure = secure;
    as_secure(secure);
    arm_gicv3_cpu_ops.view_changed(arm_gicv3_cpu(gic, cpu_now), &view);
}

static inline ArmGicAccess try_read(uint32_t reg, uint64_t *v)
{
    return arm_gicv3_cpu_ops.read(arm_gicv3_cpu(gic, cpu_now), reg, &view, v);
}

static inline ArmGicAccess try_write(uint32_t reg, uint64_t v)
{
    return arm_gicv3_cpu_ops.write(arm_gicv3_cpu(gic, cpu_now), reg, &view, v);
}

static inline uint64_t rs(uint32_t reg)
{
    uint64_t v;
    g_assert_cmpint(try_read(reg, &v), ==, ARM_GIC_OK);
    return v;
}

static inline void ws(uint32_t reg, uint64_t v)
{
    g_assert_cmpint(try_write(reg, v), ==, ARM_GIC_OK);
}

static inline uint32_t rd(uint32_t at) { return bare_read(DIST + at, 4); }
static inline void wr(uint32_t at, uint32_t v) { bare_write(DIST + at, 4, v); }
static inline void wrb(uint32_t at, uint8_t v) { bare_write(DIST + at, 1, v); }
static inline hwaddr redist(unsigned cpu) { return REDIST + cpu * 0x20000ull; }
static inline uint32_t rr(unsigned cpu, uint32_t at) { return bare_read(redist(cpu) + at, 4); }
static inline void wrr(unsigned cpu, uint32_t at, uint32_t v)
{
    bare_write(redist(cpu) + at, 4, v);
}

/* A bit of a distributor or, for private interrupts, this processor's redistributor register. */
static inline hwaddr bit_at(uint32_t at, unsigned n)
{
    return n < 32 ? redist(cpu_now) + SGI + at : DIST + at + n / 32 * 4;
}
static inline bool bit(uint32_t at, unsigned n)
{
    return bare_read(bit_at(at, n), 4) >> (n % 32) & 1;
}
static inline void set_bit(uint32_t at, unsigned n)
{
    bare_write(bit_at(at, n), 4, 1u << (n % 32));
}
static inline void put_bit(uint32_t at, unsigned n, bool on)
{
    uint32_t v = bare_read(bit_at(at, n), 4), b = 1u << (n % 32);
    bare_write(bit_at(at, n), 4, on ? v | b : v & ~b);
}
static inline void priority(unsigned n, uint8_t p)
{
    bare_write((n < 32 ? redist(cpu_now) + SGI : DIST) + IPRIORITYR + n, 1, p);
}
static inline void edge(unsigned n, bool on)
{
    hwaddr at = (n < 32 ? redist(cpu_now) + SGI : DIST) + ICFGR + n / 16 * 4;
    unsigned sh = n % 16 * 2;
    bare_write(at, 4, (bare_read(at, 4) & ~(3ull << sh)) | (on ? 2ull : 0) << sh);
}
static inline void route(unsigned n, uint64_t to)
{
    bare_write(DIST + IROUTER + 8 * n, 8, to);
}
/* 0: Group 0, 1: non-secure Group 1, 2: secure Group 1 */
static inline void group(unsigned n, unsigned g)
{
    put_bit(IGROUPR, n, g == 1);
    put_bit(IGRPMODR, n, g == 2);
}

static inline void unmap_gic(void)
{
    for (int i = ARM_GIC_DIST; gic && i <= ARM_GIC_REDIST + 1; i++) {
        MemoryRegion *r = i == ARM_GIC_DIST || i >= ARM_GIC_REDIST ? arm_gic_region(gic, i) : NULL;
        if (r && r->container)
            memory_region_del(memory_system_root(), r);
    }
}

/* Maps it and resets it, pins low, in the state that a processor starts in. */
static inline void use(Device *dev, unsigned cpus, unsigned spis)
{
    unmap_gic();
    gic = dev;
    memory_region_add(memory_system_root(), DIST, arm_gic_region(gic, ARM_GIC_DIST), 0);
    memory_region_add(memory_system_root(), REDIST, arm_gic_region(gic, ARM_GIC_REDIST), 0);
    for (unsigned n = 32; n < spis; n++)
        spi(n, 0);
    for (unsigned c = 0; c < cpus; c++)
        for (unsigned n = 16; n < 32; n++)
            ppi(c, n, 0);
    on_cpu(0);
    view = (ArmGicView){ .el = 1 };
    as_secure(false);
    device_reset(gic);
}

static inline Device *make_gic(const char *const *props)
{
    Device *dev = bare_device("arm-gicv3", 0x70000000, props);
    memory_region_del(memory_system_root(), &dev->mmio);
    return dev;
}

#endif
