/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the tests of target/riscv: a hart on a small bus, and a model of PMP that goes byte by byte,
 * written from the manual alone (priv 3.7).
 */
#ifndef TESTS_UNIT_RISCV_TEST_H
#define TESTS_UNIT_RISCV_TEST_H

#include <string.h>

#include "accel/accel.h"
#include "softmmu/memory.h"
#include "softmmu/run.h"
#include "target/riscv/cpu.h"

enum { TEST_RAM_SIZE = 4 << 20, TEST_ROM_SIZE = 4096 };
#define TEST_RAM 0x80000000ULL
#define TEST_ROM 0x1000ULL

static inline void test_bus(void)
{
    static MemoryRegion ram, rom;
    static bool done;

    if (done)
        return;
    done = true;
    main_loop_init();
    memory_init();
    g_assert_true(memory_region_init_ram(&ram, "ram", TEST_RAM_SIZE, NULL));
    g_assert_true(memory_region_init_rom(&rom, "rom", TEST_ROM_SIZE, NULL));
    memory_region_add(memory_system_root(), TEST_RAM, &ram, 0);
    memory_region_add(memory_system_root(), TEST_ROM, &rom, 0);
    g_assert_true(accel_select("interp", target_find("riscv64"), NULL, NULL));
}

/* A hart after reset. */
static inline RiscvCpu *test_hart(const char *model)
{
    GError *error = NULL;
    Cpu *cpu;

    test_bus();
    cpu = cpu_new(target_find("riscv64"), model, &error);
    g_assert_no_error(error);
    g_assert_nonnull(cpu);
    riscv_cpu_set_reset_vector(cpu, TEST_RAM);
    cpu->target->reset(cpu);
    return riscv_cpu(cpu);
}

static inline uint64_t random_u64(GRand *g)
{
    return (uint64_t)g_rand_int(g) << 32 | g_rand_int(g);
}

/* --- the PMP model --- */

/* Does entry n of these registers match the byte at addr? */
static inline bool model_pmp_matches(const uint8_t *cfg, const uint64_t *addr, int n, uint64_t byte)
{
    uint64_t word = byte >> 2, size;

    switch (cfg[n] >> 3 & 3) {
    case 0:
        return false;
    case 1:
        return word >= (n ? addr[n - 1] : 0) && word < addr[n];
    case 2:
        return word == addr[n];
    default: /* yyy0111: as many words as there are ones below, and twice that */
        for (size = 2; addr[n] & size >> 1; size *= 2)
            continue;
        return word / size == addr[n] / size;
    }
}

/* The entry that decides about the byte, or -1. */
static inline int model_pmp_entry(const uint8_t *cfg, const uint64_t *addr, uint64_t byte)
{
    for (int n = 0; n < 16; n++)
        if (model_pmp_matches(cfg, addr, n, byte))
            return n;
    return -1;
}

static inline bool model_pmp_allows(const uint8_t *cfg, const uint64_t *addr, uint64_t pa,
                                    unsigned len, unsigned access, bool m_mode)
{
    int entry = 16;

    /* The lowest-numbered entry that matches any byte has to match all of them. */
    for (unsigned i = 0; i < len; i++)
        for (int n = 0; n < entry; n++)
            if (model_pmp_matches(cfg, addr, n, pa + i))
                entry = n;
    if (entry == 16)
        return m_mode;
    for (unsigned i = 0; i < len; i++)
        if (!model_pmp_matches(cfg, addr, entry, pa + i))
            return false;
    if (m_mode && !(cfg[entry] & 0x80))
        return true;
    return cfg[entry] >> access & 1;
}

#endif
