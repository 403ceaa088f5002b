/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What mmu_walks.h asks for, on the processor itself at EL2. */
#ifndef MMU_BARE_H
#define MMU_BARE_H

#include "mmu_walks.h"

static void put(char c)
{
    *(volatile uint32_t *)0x09000000 = (uint32_t)c;
}
static void puts_(const char *s)
{
    while (*s)
        put(*s++);
}
static void hex(uint64_t v)
{
    int n = 60;

    while (n && !(v >> n))
        n -= 4;
    for (; n >= 0; n -= 4)
        put("0123456789abcdef"[v >> n & 15]);
}

static uint64_t rd(uint64_t pa)
{
    return *(volatile uint64_t *)pa;
}
static void wr(uint64_t pa, uint64_t v)
{
    *(volatile uint64_t *)pa = v;
}

#define MSR(name, v) __asm__ volatile("msr " name ", %0\n isb" : : "r"(v) : "memory")
#define MRS(name) ({ uint64_t v_; __asm__ volatile("mrs %0, " name : "=r"(v_)); v_; })

static void set_reg(enum Reg r, uint64_t v)
{
    switch (r) {
    case R_TCR_EL1: MSR("tcr_el1", v); break;
    case R_SCTLR_EL1: MSR("sctlr_el1", v); break;
    case R_TTBR0: MSR("ttbr0_el1", v); break;
    case R_TTBR1: MSR("ttbr1_el1", v); break;
    case R_MAIR: MSR("mair_el1", v); break;
    case R_VTCR: MSR("vtcr_el2", v); break;
    case R_VTTBR: MSR("vttbr_el2", v); break;
    case R_HCR: MSR("hcr_el2", v); break;
    }
    __asm__ volatile("tlbi alle1\n dsb sy\n isb" : : : "memory");
}

static uint64_t get_id(enum Id id)
{
    switch (id) {
    case ID_MMFR0: return MRS("id_aa64mmfr0_el1");
    case ID_MMFR1: return MRS("id_aa64mmfr1_el1");
    case ID_MMFR2: return MRS("s3_0_c0_c7_2");
    default: return MRS("id_aa64isar1_el1");
    }
}

#define AT(op) __asm__ volatile("at " op ", %0\n isb" : : "r"(va) : "memory")
static uint64_t at(unsigned op, uint64_t va)
{
    switch (op) {
    case 0: AT("s1e1r"); break;
    case 1: AT("s1e1w"); break;
    case 2: AT("s1e0r"); break;
    case 3: AT("s1e0w"); break;
    case 4: __asm__ volatile("sys #0, c7, c9, #0, %0\n isb" : : "r"(va) : "memory"); break;
    case 5: __asm__ volatile("sys #0, c7, c9, #1, %0\n isb" : : "r"(va) : "memory"); break;
    case 6: AT("s12e1r"); break;
    case 7: AT("s12e1w"); break;
    case 8: AT("s12e0r"); break;
    default: AT("s12e0w"); break;
    }
    return MRS("par_el1");
}

#ifndef WALKS_ONLY_TABLES
static void print_walk(unsigned config, unsigned op, uint64_t va, uint64_t par)
{
    hex(config);
    put(' ');
    hex(op);
    put(' ');
    hex(va);
    put(' ');
    hex(par);
    put('\n');
}
#endif

static void print_config(unsigned config, const uint64_t *values, unsigned n)
{
    puts_("config ");
    hex(config);
    for (unsigned i = 0; i < n; i++) {
        put(' ');
        hex(values[i]);
    }
    put('\n');
}

/* A table in memory that isn't there is an external abort: noted, and the AT is passed over. */
void trapped(uint64_t esr, uint64_t far, uint64_t pc)
{
    puts_("trap ");
    hex(esr);
    put(' ');
    hex(far);
    put('\n');
    __asm__ volatile("msr par_el1, xzr");
    if (esr >> 26 != 0x25) {
        puts_("unexpected at ");
        hex(pc);
        puts_("\ndone\n");
        for (;;)
            __asm__ volatile("wfi");
    }
}

static void power_off(void)
{
    register uint64_t x0 __asm__("x0") = 0x84000008;
    __asm__ volatile("smc #0" : "+r"(x0) : : "memory");
}

#endif
