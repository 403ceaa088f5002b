/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bare metal, entered at EL2 with the MMU off: mmu_walks.h with the real AT instructions. */
#include "mmu_walks.h"
#include "mmu_bare.h"

#ifndef CONFIGS
#define CONFIGS 40
#endif
#ifndef SEED
#define SEED 1
#endif

void start(void)
{
    uint64_t ids[4] = { get_id(ID_MMFR0), get_id(ID_MMFR1) & ~(15ULL << 40),
                        get_id(ID_MMFR2) & ~(15ULL << 32), get_id(ID_ISAR1) };

    __asm__ volatile("msr sctlr_el2, %0\n isb" : : "r"(0x30c50830ULL) : "memory");
    print_config(0xfff, ids, 4);
    run_walks(SEED, CONFIGS);
    puts_("done\n");
    power_off();
}
