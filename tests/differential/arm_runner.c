/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs A64 cases from standard input on one of our engines, and writes the states after them: the
 * counterpart of arm_oracle.S, see arm_cases.py for the record.
 *
 *   arm_runner ACCEL [OPTION=VALUE...]
 *
 * A processor at EL1 on a bus with two pieces of RAM and a table that maps them as normal memory.
 * A case ends in WFI; one that takes an exception instead is reported in `stopped` (ESR_EL1).
 */
#include <stdio.h>
#include <string.h>

#include "accel/accel.h"
#include "softmmu/memory.h"
#include "softmmu/run.h"
#include "target/arm/cpu.h"

#define CODE 0x30000000ULL
#define LITERALS (CODE + 0x800)
#define DATA 0x20000000ULL
#define MIDDLE (DATA + 0xf00)
#define TABLE 0x10000000ULL
enum { WFI = 0xd503207f, N_INSNS = 8, N_MEMORY = 512 };

typedef struct Record {
    uint32_t n_insns, unused, insns[N_INSNS];
    uint64_t x[31], nzcv, fpcr, fpsr, stopped, v[32][2];
    uint8_t memory[N_MEMORY];
} Record;

static void fail(const char *what, GError *error)
{
    fprintf(stderr, "arm_runner: %s%s%s\n", what, error ? ": " : "", error ? error->message : "");
    exit(1);
}

static ArmCpu *machine(int argc, char **argv)
{
    static MemoryRegion code, data, table;
    GHashTable *opts = g_hash_table_new(g_str_hash, g_str_equal);
    const TargetOps *target = target_find("aarch64");
    GError *error = NULL;
    ArmCpu *a;
    Cpu *cpu;

    for (int i = 2; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (!equals)
            fail("options are NAME=VALUE", NULL);
        *equals = '\0';
        g_hash_table_insert(opts, argv[i], equals + 1);
    }
    main_loop_init();
    memory_init();
    if (!memory_region_init_ram(&code, "code", 0x10000, &error) ||
        !memory_region_init_ram(&data, "data", 0x10000, &error) ||
        !memory_region_init_ram(&table, "table", 0x1000, &error))
        fail("memory", error);
    memory_region_add(memory_system_root(), CODE, &code, 0);
    memory_region_add(memory_system_root(), DATA, &data, 0);
    memory_region_add(memory_system_root(), TABLE, &table, 0);
    /* One block of 1 GiB: normal memory, inner shareable, AF (DDI 0487 D8.3). */
    address_space_store(address_space_memory, TABLE, 8, 1 << 10 | 3 << 8 | 1);
    if (!accel_select(argv[1], target, opts, &error))
        fail("accelerator", error);
    cpu = cpu_new(target, "max", &error);
    if (!cpu)
        fail("processor", error);
    arm_cpu_set_levels(cpu, false, false);
    target->reset(cpu);
    a = arm_cpu(cpu);
    a->mair[1] = 0xff;
    a->ttbr0[1] = TABLE;
    a->tcr[1] = 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23; /* 39 bits, cached, no upper range */
    a->sctlr[1] |= 1 << 12 | 1 << 2 | 1;                  /* I, C, M */
    a->cpacr = 3 << 20;
    target->loaded(cpu);
    return a;
}

static void run(ArmCpu *a, Record *r)
{
    uint32_t words[N_INSNS + 1], wfi = WFI;
    unsigned n = MIN(r->n_insns, N_INSNS);

    memcpy(words, r->insns, 4 * n);
    words[n] = wfi;
    address_space_write(address_space_memory, CODE, words, 4 * (n + 1));
    address_space_write(address_space_memory, LITERALS, r->memory, N_MEMORY);
    address_space_write(address_space_memory, MIDDLE, r->memory, N_MEMORY);
    memcpy(a->x, r->x, sizeof a->x);
    memcpy(a->v, r->v, sizeof a->v);
    arm_set_nzcv(a, (uint32_t)r->nzcv);
    arm_set_fpcr(a, r->fpcr);
    arm_set_fpsr(a, r->fpsr);
    a->pc = CODE;
    a->vbar[1] = CODE + 0x8000;
    a->cpu.halted = false;
    a->cpu.exit_reason = CPU_EXIT_NONE;
    for (unsigned tries = 0; accel_current->exec(&a->cpu) != CPU_EXIT_HALTED && tries < 100; tries++)
        a->cpu.exit_request = 0;
    r->stopped = a->pc == CODE + 4 * (n + 1) ? 0 : a->esr[1] ? a->esr[1] : 1;
    memcpy(r->x, a->x, sizeof a->x);
    memcpy(r->v, a->v, sizeof a->v);
    r->nzcv = arm_nzcv(a);
    r->fpcr = a->fpcr;
    r->fpsr = arm_fpsr(a);
    address_space_read(address_space_memory, MIDDLE, r->memory, N_MEMORY);
}

int main(int argc, char **argv)
{
    ArmCpu *a;
    Record r;
    uint32_t wfi = WFI;

    if (argc < 2)
        fail("usage: arm_runner ACCEL [OPTION=VALUE...]", NULL);
    a = machine(argc, argv);
    for (uint64_t at = 0; at < 0x800; at += 4) /* exception vectors */
        address_space_write(address_space_memory, CODE + 0x8000 + at, &wfi, 4);
    while (fread(&r, sizeof r, 1, stdin) == 1) {
        run(a, &r);
        if (fwrite(&r, sizeof r, 1, stdout) != 1)
            fail("standard output", NULL);
    }
    return 0;
}
