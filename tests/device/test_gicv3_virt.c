/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GICv3's virtual CPU interfaces against IHI 0069, chapter 6. */
#include "gicv3.h"

#define PENDING (1ull << 62)
#define ACTIVE (1ull << 63)
#define HW (1ull << 61)
#define GROUP1 (1ull << 60)
#define EOI (1ull << 41)

static Device *dev;

/* A guest at EL1 whose interrupts are the hypervisor's; groups on, nothing masked. */
static void as_guest(void)
{
    view.hcr_el2 = HCR_IMO | HCR_FMO;
    at_el(1, false);
}

static void as_hypervisor(void)
{
    at_el(2, false);
}

static uint64_t lr(uint64_t state, unsigned p, unsigned id)
{
    return state | (uint64_t)p << 48 | id;
}

static uint64_t read_lr(unsigned n)
{
    as_hypervisor();
    uint64_t v = rs(LR(n));
    as_guest();
    return v;
}

static void write_ich(uint32_t reg, uint64_t v)
{
    as_hypervisor();
    ws(reg, v);
    as_guest();
}

static uint64_t read_ich(uint32_t reg)
{
    as_hypervisor();
    uint64_t v = rs(reg);
    as_guest();
    return v;
}

static void setup(void)
{
    if (!dev)
        dev = make_gic((const char *const[]){ "num-cpu=2", "num-irq=96",
                                              "has-virtualization-extensions=on", NULL });
    use(dev, 2, 96);
    wr(CTLR, 3);
    write_ich(HCR, 1);
    ws(PMR, 0xff);
    ws(IGRPEN0, 1);
    ws(IGRPEN1, 1);
}

static void test_registers(void)
{
    setup();
    g_assert_cmphex(rs(PMR), ==, 0xf8);
    g_assert_cmphex(rs(ICTLR), ==, 0x8c00);
    g_assert_cmphex(rs(BPR0), ==, 2);
    g_assert_cmphex(rs(BPR1), ==, 3);
    g_assert_cmphex(read_ich(VMCR), ==, 0xf84c000b);
    ws(ICTLR, 3);
    g_assert_cmphex(read_ich(VMCR), ==, 0xf84c021b);
    ws(BPR0, 5);
    g_assert_cmphex(rs(BPR1), ==, 6);
    ws(BPR1, 3); /* ignored with CBPR */
    ws(ICTLR, 0);
    g_assert_cmphex(rs(BPR1), ==, 3);
    ws(BPR1, 0);
    g_assert_cmphex(rs(BPR1), ==, 3);
    write_ich(VMCR, UINT64_MAX);
    g_assert_cmphex(read_ich(VMCR), ==, 0xf8fc021b);
    write_ich(VMCR, 0);
    g_assert_cmphex(read_ich(VMCR), ==, 0x4c0008);
    g_assert_cmphex(rs(IGRPEN1), ==, 0);
    write_ich(HCR, UINT64_MAX);
    g_assert_cmphex(read_ich(HCR), ==, 0xf8007cff);
    write_ich(LR(2), UINT64_MAX);
    g_assert_cmphex(read_ich(LR(2)), ==, 0xf0f81fffffffffff);
    /* The physical interface is another one. */
    as_hypervisor();
    g_assert_cmphex(rs(PMR), ==, 0);
    g_assert_cmphex(rs(IGRPEN1), ==, 0);
    assert_record_holds(gic);
}

static void test_delivery(void)
{
    setup();
    write_ich(LR(0), lr(PENDING | GROUP1, 0x80, 27));
    g_assert_cmpstr(vpins(0), ==, "virq");
    g_assert_cmpuint(rs(IAR0), ==, NONE);
    g_assert_cmpuint(rs(HPPIR0), ==, NONE);
    g_assert_cmpuint(rs(HPPIR1), ==, 27);
    g_assert_cmpuint(rs(IAR1), ==, 27);
    g_assert_cmpstr(vpins(0), ==, "");
    g_assert_cmphex(read_lr(0), ==, lr(ACTIVE | GROUP1, 0x80, 27));
    g_assert_cmphex(rs(AP1R0), ==, 1 << 16);
    g_assert_cmphex(rs(RPR), ==, 0x80);
    /* Preempted by one of Group 0. */
    write_ich(LR(1), lr(PENDING, 0x40, 30));
    g_assert_cmpstr(vpins(0), ==, "vfiq");
    g_assert_cmpuint(rs(IAR1), ==, NONE);
    g_assert_cmpuint(rs(IAR0), ==, 30);
    ws(EOIR1, 30); /* not the group that runs */
    g_assert_cmphex(rs(RPR), ==, 0x40);
    ws(EOIR0, 30);
    g_assert_cmphex(rs(RPR), ==, 0x80);
    g_assert_cmphex(read_lr(1), ==, lr(0, 0x40, 30));
    ws(EOIR1, 27);
    g_assert_cmphex(read_ich(ELRSR), ==, 0xf);
    /* Masked, disabled, switched off. */
    write_ich(LR(0), lr(PENDING | GROUP1, 0x80, 27));
    ws(PMR, 0x80);
    g_assert_cmpstr(vpins(0), ==, "");
    ws(PMR, 0x88);
    g_assert_cmpstr(vpins(0), ==, "virq");
    ws(IGRPEN1, 0);
    g_assert_cmpstr(vpins(0), ==, "");
    g_assert_cmpuint(rs(IAR1), ==, NONE);
    ws(IGRPEN1, 1);
    write_ich(HCR, 0);
    g_assert_cmpstr(vpins(0), ==, "");
    g_assert_cmpuint(rs(IAR1), ==, NONE);
    write_ich(HCR, 1);
    /* Pending and active: not again. */
    write_ich(LR(0), lr(PENDING | ACTIVE | GROUP1, 0x80, 27));
    g_assert_cmpstr(vpins(0), ==, "");
    /* A virtual LPI has no active state. */
    write_ich(LR(0), lr(PENDING | GROUP1, 0x80, 8200));
    g_assert_cmpuint(rs(IAR1), ==, 8200);
    g_assert_cmphex(read_lr(0), ==, lr(GROUP1, 0x80, 8200));
    ws(EOIR1, 8200);
    g_assert_cmphex(rs(RPR), ==, 0xff);
    /* A special number in a list register goes away. */
    write_ich(LR(0), lr(PENDING | GROUP1, 0x80, 1021));
    g_assert_cmpuint(rs(IAR1), ==, NONE);
    g_assert_cmphex(read_lr(0), ==, lr(GROUP1, 0x80, 1021));
    g_assert_cmphex(rs(RPR), ==, 0xff);
    /* Only this processor's. */
    on_cpu(1);
    as_guest();
    g_assert_cmpuint(rs(HPPIR1), ==, NONE);
}

static void test_deactivation(void)
{
    setup();
    /* A hardware interrupt. */
    as_hypervisor();
    ws(PMR, 0xff);
    ws(IGRPEN1, 1);
    ws(ICTLR, 2); /* drop and deactivate apart, as hypervisors do */
    group(40, 1);
    edge(40, true);
    set_bit(ISENABLER, 40);
    set_bit(ISPENDR, 40);
    g_assert_cmpuint(rs(IAR1), ==, 40);
    ws(EOIR1, 40);
    ws(LR(0), lr(PENDING | GROUP1 | HW | 40ull << 32, 0x80, 50));
    as_guest();
    g_assert_cmpuint(rs(IAR1), ==, 50);
    g_assert_true(bit(ISACTIVER, 40));
    ws(EOIR1, 50);
    g_assert_false(bit(ISACTIVER, 40));
    g_assert_cmphex(read_lr(0) >> 62, ==, 0);
    /* With the guest's own separate deactivation. */
    ws(ICTLR, 2);
    write_ich(LR(0), lr(PENDING | GROUP1, 0x80, 50));
    g_assert_cmpuint(rs(IAR1), ==, 50);
    ws(EOIR1, 50);
    g_assert_cmphex(read_lr(0), ==, lr(ACTIVE | GROUP1, 0x80, 50));
    ws(DIR_, 50);
    g_assert_cmphex(read_lr(0), ==, lr(GROUP1, 0x80, 50));
    /* What is in no list register is counted. */
    ws(DIR_, 51);
    g_assert_cmphex(read_ich(HCR), ==, 1 | 1 << 27);
    ws(ICTLR, 0);
    ws(DIR_, 51);
    g_assert_cmphex(read_ich(HCR), ==, 1 | 1 << 27);
    ws(AP1R0, 1);
    ws(EOIR1, 52);
    g_assert_cmphex(read_ich(HCR), ==, 1 | 2 << 27);
    ws(EOIR1, 52); /* nothing runs */
    g_assert_cmphex(read_ich(HCR), ==, 1 | 2 << 27);
    assert_record_holds(gic);
}

static void test_maintenance(void)
{
    setup();
    write_ich(LR(0), lr(PENDING | GROUP1 | EOI, 0x80, 27));
    g_assert_cmpuint(rs(IAR1), ==, 27);
    g_assert_cmpint(out(0, ARM_GIC_OUT_MAINT), ==, 0);
    ws(EOIR1, 27);
    g_assert_cmpint(out(0, ARM_GIC_OUT_MAINT), ==, 1);
    g_assert_cmphex(read_ich(MISR), ==, 1);
    g_assert_cmphex(read_ich(EISR), ==, 1);
    g_assert_cmphex(read_ich(ELRSR), ==, 0xe);
    write_ich(LR(0), 0);
    g_assert_cmpint(out(0, ARM_GIC_OUT_MAINT), ==, 0);
    static const struct { uint32_t hcr, vmcr; unsigned lr0, lr1; uint32_t misr; } cases[] = {
        { 2, 0, 0, 0, 2 }, { 2, 0, 1, 0, 2 }, { 2, 0, 1, 1, 0 }, { 2, 0, 1, 2, 0 },
        { 4 | 1 << 27, 0, 0, 0, 4 }, { 4, 0, 0, 0, 0 }, { 8, 0, 0, 0, 8 }, { 8, 0, 1, 0, 0 },
        { 8, 0, 2, 0, 8 }, { 16, 1, 0, 0, 16 }, { 16, 0, 0, 0, 0 }, { 32, 0, 0, 0, 32 },
        { 32, 1, 0, 0, 0 }, { 64, 2, 0, 0, 64 }, { 64, 1, 0, 0, 0 }, { 128, 1, 0, 0, 128 },
        { 128, 2, 0, 0, 0 }, { 0xfe, 0, 0, 0, 0xaa },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        write_ich(HCR, cases[i].hcr | 1);
        write_ich(VMCR, cases[i].vmcr);
        write_ich(LR(0), lr((uint64_t)cases[i].lr0 << 62, 0x40, 30));
        write_ich(LR(1), lr((uint64_t)cases[i].lr1 << 62, 0x40, 31));
        g_assert_cmphex(read_ich(MISR), ==, cases[i].misr);
        g_assert_cmpint(out(0, ARM_GIC_OUT_MAINT), ==, cases[i].misr != 0);
    }
    write_ich(HCR, 0x20);
    g_assert_cmpint(out(0, ARM_GIC_OUT_MAINT), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gicv3/virtual/registers", test_registers);
    g_test_add_func("/gicv3/virtual/delivery", test_delivery);
    g_test_add_func("/gicv3/virtual/deactivation", test_deactivation);
    g_test_add_func("/gicv3/virtual/maintenance", test_maintenance);
    return g_test_run();
}
