/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hostile guest on AArch64: system registers, random code at lower ELs, page tables, GICs, PSCI,
 * semihosting, code that is rewritten. It runs at the highest EL there is, and comes back from lower
 * ones by a timer that these do not reach.
 */
#include "hostile.h"

#define MRS(name) ({ u64 v_; __asm__ volatile("mrs %0, " name : "=r"(v_)); v_; })
#define MSR(name, v) ({ __asm__ volatile("msr " name ", %x0" : : "rZ"((u64)(v)) : "memory"); })

void by_el_begin(u64 sctlr);
void enter(u64 *registers, u64 elr, u64 spsr);
u64 call_hvc(u64 a, u64 b, u64 c, u64 d), call_smc(u64 a, u64 b, u64 c, u64 d);
u64 call_host(u64 op, u64 parameter);
void secondary(void);
u64 read_of(u64 addr, u64 kind);

enum { SCTLR_EL1 = 0x30d00800, SCTLR_HIGH = 0x30c50830 };
enum { GICD = 0x8000000, GICC = 0x8010000, ITS = 0x8080000, GICR = 0x80a0000 };

static u32 el(void)
{
    return MRS("currentel") >> 2;
}

static void w32(u64 addr, u64 v) { access(addr, v, 2); }

/* ---- interrupts: a timer brings the CPU back ---- */

static void gic_ready(void)
{
    u32 e = el();
    w32(GICD, setup.gic_version == 3 ? 0x37 : 3);
    if (setup.gic_version == 2) {
        w32(GICD + 0x100, -1);
        w32(GICC + 4, 0xff);
        w32(GICC, below(2) ? 3 : 0xf);
        if (below(8))
            w32(GICC + 0x10, read_of(GICC + 0xc, 2));
        return;
    }
    u64 r = GICR + cpu_data()->index * 0x20000;
    w32(r + 0x14, 0);
    w32(r + 0x10100, -1);
    if (!below(4))
        w32(r + 0x10080, rnd());
    if (e == 3)
        MSR("s3_6_c12_c12_5", 0xf);     /* ICC_SRE_EL3 */
    if (e >= 2)
        MSR("s3_4_c12_c9_5", 0xf);      /* ICC_SRE_EL2 */
    MSR("s3_0_c12_c12_5", 7);
    __asm__ volatile("isb");
    MSR("s3_0_c4_c6_0", 0xff);          /* ICC_PMR_EL1 */
    MSR("s3_0_c12_c12_6", 1);           /* ICC_IGRPEN0_EL1, ICC_IGRPEN1_EL1 */
    MSR("s3_0_c12_c12_7", 1);
    if (e == 3)
        MSR("s3_6_c12_c12_7", 3);
    if (below(8)) {
        MSR("s3_0_c12_c8_1", MRS("s3_0_c12_c8_0"));
        MSR("s3_0_c12_c12_1", MRS("s3_0_c12_c12_0"));
    }
}

static void timer(u64 ticks)
{
    u32 e = el();
    if (e == 3) {
        MSR("cntps_tval_el1", ticks);
        MSR("cntps_ctl_el1", 1);
    } else if (e == 2) {
        MSR("cnthp_tval_el2", ticks);
        MSR("cnthp_ctl_el2", 1);
    } else {
        MSR("cntp_tval_el0", ticks);
        MSR("cntp_ctl_el0", 1);
        MSR("cntkctl_el1", 0);
    }
}

void target_begin(void)
{
    u32 e = el();
    by_el_begin(e == 1 ? SCTLR_EL1 : SCTLR_HIGH);
    if (e >= 2)
        MSR("hcr_el2", 0x80000038 | (below(2) ? 0 : rnd() & 0x7fffff7ff));
    if (e == 3)
        MSR("scr_el3", 0x40e | (below(4) ? 1 : rnd() & 0x3bff1));
    __asm__ volatile("isb");
    if (!below(8))
        __asm__ volatile("tlbi alle1\n\tdsb sy" : : : "memory");
}

void target_end(void)
{
    if (cpu_data()->index) {
        call_smc(0x84000002, 0, 0, 0);
        call_hvc(0x84000002, 0, 0, 0);
    } else {
        call_smc(0x84000008, 0, 0, 0);
        call_hvc(0x84000008, 0, 0, 0);
        call_host(0x18, 0x20026);
    }
    while (1)
        __asm__ volatile("wfi");
}

/* ---- system registers ---- */

static u32 *scratch_code(void)
{
    return (u32 *)((u8 *)cpu_data() + 0x2000);
}

static void do_sysreg(void)
{
    u32 *code = scratch_code();
    for (int i = 0; i < 48; i++) {
        u32 word = setup.encodings[below(N_ENCODINGS)];
        u64 v = below(2) ? value() : rnd() ^ rnd() << 32;
        /* Translation on, with what tables? Seldom: it is the end of this CPU. */
        if ((word & 0xfff8ffe0) == 0xd5181000 && below(256))
            v = (v | 0x30c00800) & ~0x2000001UL;
        code[0] = word;
        code[1] = 0xd50041bf | 0xd5004000;      /* msr spsel, #1 */
        code[2] = below(2) ? 0xd5033fdf : 0xd503201f;
        code[3] = 0xd65f03c0;
        __asm__ volatile("dsb sy\n\tisb" : : : "memory");
        ((u64(*)(u64))code)(v);
    }
    if (el() == 3)          /* not the secure registers of the others */
        MSR("scr_el3", 0x40f);
}

/* ---- random code at lower ELs ---- */

static u64 random_code(void)
{
    u32 *p = at(AT_CODE + (rnd() & (below(2) ? 0xfffc : 0xfffffc)));
    u32 n = 16 + below(240);
    for (u32 i = 0; i < n; i++) {
        const u32 *row = setup.words[below(N_WORDS)];
        p[i] = below(16) ? row[0] | (rnd() & row[1]) : rnd();
    }
    return (u64)p;
}

static void go(u64 pc)
{
    static const u64 modes[4][2] = { { 0, 0 }, { 0, 0 }, { 0, 5 }, { 5, 9 } };
    u64 *registers = (u64 *)((u8 *)cpu_data() + 0x1000);
    u32 e = el();
    for (int i = 0; i < 31; i++)
        registers[i] = value();
    gic_ready();
    timer(2000 + below(20000));
    u64 spsr = modes[e][below(2)];
    if (e == 3 && below(2))
        spsr = 0;
    if (!below(16))
        spsr = rnd() & 15;
    spsr |= rnd() & 0xf0000000;
    if (e > 1 && below(2))
        spsr |= rnd() & 0x3c0;
    if (!below(8))
        spsr |= rnd() & 0x3f00000;
    MSR("sp_el0", value());
    if (e >= 2) {
        MSR("vbar_el1", below(2) ? value() & ~0x7ffUL : setup.ram + AT_CODE);
        MSR("sp_el1", value());
    }
    enter(registers, pc, spsr);
}

static void do_code(void)
{
    u64 pc = random_code();
    __asm__ volatile("dsb sy\n\tic iallu\n\tisb" : : : "memory");
    if (!below(8))
        pc = value();
    go(below(16) ? pc & ~3UL : pc);
}

/* ---- translation ---- */

static u64 table_address(void)
{
    switch (below(8)) {
    case 0:
        return device() & ~0xfffUL;
    case 1:
        return setup.ram + setup.ram_size - 0x1000;
    case 2:
        return rnd() & 0xfffffffff000;
    case 3:
        return setup.ram + 0x1800000 + (rnd() & 0x1fff000);
    default:
        return setup.ram + AT_TABLES + (rnd() & 0x1f000);
    }
}

static void fill_tables(void)
{
    u64 *p = at(AT_TABLES);
    for (int i = 0; i < 0x20000 / 8; i++)
        p[i] = (below(8) ? table_address() : rnd()) | (below(8) ? 0x703 ^ (rnd() & 0xc2) : rnd() & 0xfff) |
               (below(4) ? 0 : rnd() << 48);
}

static void do_pages(void)
{
    u32 e = el();
    fill_tables();
    for (int i = 0; i < 4; i++) {
        u64 ttbr = table_address() | (below(4) ? 0 : rnd() << 48);
        u64 tcr = below(4) ? 0x0000000580100000UL | 16 | 16 << 16 | (rnd() & 0x3f003f) : rnd();
        if (e == 1)
            break;
        MSR("ttbr0_el1", ttbr);
        MSR("ttbr1_el1", table_address());
        MSR("tcr_el1", tcr);
        MSR("mair_el1", rnd());
        MSR("sctlr_el1", SCTLR_EL1 | 1 | (below(4) ? 0 : rnd() & 0x7ffffff));
        MSR("vttbr_el2", table_address());
        MSR("vtcr_el2", below(2) ? 0x80000000 | below(0x80000) : rnd());
        MSR("hcr_el2", MRS("hcr_el2") | (rnd() & 1));
        u64 va = below(2) ? rnd() & 0x7fffffffffff : -(rnd() & 0x7fffffffffff);
        __asm__ volatile("isb\n\tat s1e1r, %0\n\tat s1e0w, %0\n\tat s12e1r, %0\n\tat s12e0w, %0\n\t"
                         "at s1e2w, %0\n\tisb" : : "r"(va) : "memory");
        if (!below(4))
            go(va & ~3UL);
    }
    /* This EL's own: 1 GiB blocks for RAM and devices, and nonsense around them. */
    u64 *top = at(AT_TABLES + 0x40000 + cpu_data()->index * 0x1000);
    for (int i = 0; i < 512; i++)
        top[i] = table_address() | (rnd() & 0xfff);
    top[0] = 0 | 0x405;
    top[1] = 0x40000000 | 0x701;
    u64 tcr = 25 | 2UL << 32 | (e > 1 ? 0x80800000 | 2 << 16 : 25 << 16 | 2UL << 30);
    if (e == 1) {
        MSR("ttbr0_el1", top), MSR("ttbr1_el1", table_address());
        MSR("tcr_el1", tcr), MSR("mair_el1", 0xff);
        __asm__ volatile("tlbi vmalle1\n\tdsb sy\n\tisb" : : : "memory");
        MSR("sctlr_el1", SCTLR_EL1 | 5);
    } else if (e == 2) {
        MSR("ttbr0_el2", top), MSR("tcr_el2", tcr), MSR("mair_el2", 0xff);
        MSR("hcr_el2", 0x80000038);
        __asm__ volatile("tlbi alle2\n\tdsb sy\n\tisb" : : : "memory");
        MSR("sctlr_el2", SCTLR_HIGH | 5);
    } else {
        MSR("ttbr0_el3", top), MSR("tcr_el3", tcr), MSR("mair_el3", 0xff);
        __asm__ volatile("tlbi alle3\n\tdsb sy\n\tisb" : : : "memory");
        MSR("sctlr_el3", SCTLR_HIGH | 5);
    }
    __asm__ volatile("isb");
    for (int i = 0; i < 32; i++) {
        access(below(2) ? rnd() & 0x7fffffffff : -(rnd() & 0x7fffffffff), value(), below(32));
        if (!below(4))
            top[2 + below(510)] = table_address() | (rnd() & 0xfff);
    }
}

/* ---- the GIC's tables ---- */

static void do_its(void)
{
    if (setup.gic_version != 3)
        return;
    u64 queue = below(8) ? setup.ram + AT_RINGS + 0x1f0000 : table_address();
    u64 r = GICR + below(4) * 0x20000;
    if (!below(4)) {
        access(r + 0x70, table_address() | (rnd() & 0xf9f), 3);
        access(r + 0x78, table_address() | (rnd() & 0xf80) | (rnd() & 1) << 62, 3);
        w32(r, below(2));
    }
    if (!below(3)) {
        w32(ITS, 0);
        for (int i = 0; i < 8; i++)
            access(ITS + 0x100 + 8 * i, table_address() | (rnd() & 0x3ff) |
                   (rnd() & 1) << 63 | (rnd() & 1) << 62, 3);
        access(ITS + 0x80, queue | (rnd() & 0xf) | 1UL << 63, 3);
        w32(ITS, 1);
    }
    static const u8 commands[] = { 0x1, 0x3, 0x4, 0x5, 0x8, 0x8, 0x9, 0x9, 0xa, 0xa, 0xb, 0xb, 0xc, 0xd,
                                   0xe, 0xf, 0x20, 0x21, 0x22, 0x25, 0x29, 0x2a, 0x2d, 0x31 };
    volatile u64 *c = (volatile u64 *)(setup.ram + AT_RINGS + 0x1f0000);
    for (int i = 0; i < 128; i++) {
        c[4 * i] = commands[below(sizeof commands)] | (below(4) ? below(8) : rnd()) << 32;
        c[4 * i + 1] = (below(4) ? below(32) : rnd()) | (below(4) ? 8192 + below(64) : rnd()) << 32;
        c[4 * i + 2] = (below(4) ? table_address() | below(8) | (rnd() & 0xf0000) : rnd()) |
                       (rnd() & 1) << 63;
        c[4 * i + 3] = rnd();
    }
    for (int i = 0; i < 8; i++) {
        access(ITS + 0x88, below(8) ? below(128) << 5 : rnd(), 3);
        w32(ITS + 0x10040, below(64));
        access(below(2) ? ITS + (rnd() & 0x1ffff) : r + (rnd() & 0x1ffff), value(), below(32));
    }
}

/* ---- firmware and host calls ---- */

static u64 call(u64 a, u64 b, u64 c, u64 d)
{
    return below(2) ? call_smc(a, b, c, d) : call_hvc(a, b, c, d);
}

static void do_psci(void)
{
    for (int i = 0; i < 8; i++) {
        u32 n = below(0x24);
        if ((n == 8 || n == 9 || n == 0x12) && (!setup.may_reset || below(64)))
            continue;
        if (n == 2 && (!cpu_data()->index || below(8)))     /* CPU_OFF */
            continue;
        if (n == 1)                                         /* CPU_SUSPEND */
            gic_ready(), timer(1000);
        u64 f = 0x84000000 | n | (below(2) ? 1 << 30 : 0);
        if (!below(8))
            f = below(2) ? value() : 0x80000000 | below(0x10000);
        call(f, below(2) ? below(8) : value(), value(), value());
    }
    u64 cpu = 1 + below(3);
    call(0xc4000003, cpu, below(16) ? (u64)secondary : value(), below(16) ? cpu : cpu ^ 1);
}

static void do_host(void)
{
    static const char *const paths[] = { "a", "b", ":tt", "", "dir", "dir/x", "%s%n", "nowhere/file" };
    u64 *p = at(AT_BUFFERS + 0x3e0000 + cpu_data()->index * 0x1000);
    for (int i = 0; i < 16; i++) {
        u64 op = below(16) ? below(0x40) : value();
        if (op == 0x18 || op == 0x20 || op == 0x12 || op == 7)  /* exit, system, read a key */
            continue;
        const char *path = paths[below(sizeof paths / sizeof *paths)];
        u64 n = 0;
        while (path[n])
            n++;
        for (int k = 0; k < 8; k++)
            p[k] = below(3) ? below(16) : value();
        if (op == 1 || op == 14 || op == 15) {              /* names */
            p[0] = (u64)path;
            p[1] = op == 1 ? below(16) : n;
            p[op == 1 ? 2 : 1] = below(8) ? n : value();
            p[op == 1 ? 3 : 2] = (u64)paths[0];
            p[op == 1 ? 4 : 3] = 1;
        } else if (op == 5 || op == 6) {                    /* write, read */
            p[0] = below(8);
            p[1] = below(4) ? (u64)p : value();
            p[2] = below(4) ? below(4096) : value();
        }
        call_host(op, below(8) ? (u64)p : value());
    }
}

/* ---- code that changes ---- */

static u32 harmless(void)
{
    static const u32 words[] = { 0x8b000000, 0xcb000000, 0xca000000, 0x8a000000, 0xaa000000, 0x9b007c00,
                                 0x9ac02000, 0x1a9f17e0, 0xd503201f, 0xb9000230, 0x54000040, 0x14000001 };
    u32 w = words[below(sizeof words / sizeof *words)];
    if (!below(64))
        return rnd() & 0xffff;      /* undefined */
    if (w < 0x20000000 || w >= 0xd0000000 || w == 0xb9000230 || w == 0x54000040)
        return w;
    return w | below(16) | below(16) << 5 | below(16) << 16;
}

/* A function of n words at p: harmless ones, then ret. */
static void write_function(u32 *p, u32 n)
{
    for (u32 i = 0; i + 4 < n; i++)
        p[i] = harmless();
    for (u32 i = n - 4; i < n; i++)
        p[i] = 0xd65f03c0;
}

static void call_function(u32 *p, u32 *target)
{
    register u32 *where __asm__("x17") = target;
    register u64 what __asm__("x16") = harmless();
    register u32 *to __asm__("x19") = p;
    __asm__ volatile("blr x19" : "+r"(what), "+r"(where) : "r"(to)
                     : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12",
                       "x13", "x14", "x15", "x30", "cc", "memory");
}

static void do_storm(void)
{
    u32 *base = at(AT_STORM);
    for (int i = 0; i < 32; i++) {
        u32 *slot = base + 64 * below(64);
        if (below(2) || slot[63] != 0xd65f03c0)
            write_function(slot, 64);
        if (below(2))
            __asm__ volatile("ic iallu\n\tdsb sy\n\tisb");
        for (int k = 0; k < 8; k++)
            call_function(slot, below(2) ? slot + below(60) : base + 64 * below(64) + below(60));
    }
}

static void do_fill(void)
{
    u32 *p = at(AT_STORM + 0x40000 + cpu_data()->index * 0x10000);
    u32 n = 5 + below(60);
    for (u32 i = 0; i < 0x10000 / 4 / n; i++, p += n) {
        write_function(p, n);
        call_function(p, p);
    }
}

static void do_wait(void)
{
    gic_ready();
    timer(below(5000));
    if (below(2))
        MSR("cntv_tval_el0", below(5000)), MSR("cntv_ctl_el0", below(4));
    if (below(2))
        __asm__ volatile("msr daifclr, #15\n\twfi\n\twfe\n\tmsr daifset, #15");
    else
        __asm__ volatile("wfe\n\tsev\n\tyield\n\twfi");
}

Action *const target_actions[] = { do_sysreg, do_code, do_pages, do_its, do_psci, do_host, do_storm,
                                   do_fill, do_wait };
