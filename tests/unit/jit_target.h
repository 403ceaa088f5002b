/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A made-up target for the JIT's tests: 32 integer registers of which 8 are pinned, 32 FP and 32
 * vector registers, a little RAM at its own address, nothing to decode. What isn't RAM faults; code that
 * is looked up by the engine just stops.
 */
#ifndef TESTS_JIT_TARGET_H
#define TESTS_JIT_TARGET_H

#include <string.h>

#include "accel/accel.h"
#include "accel/fp.h"
#include "accel/tlb.h"
#include "accel/translate.h"
#include "softmmu/run.h"

#define TOY_RAM_BASE 0x40000000ULL
#define TOY_CODE 0x10000ULL
enum { TOY_RAM_SIZE = 4 * 4096, TOY_CODE_SIZE = 4 * 4096 };
enum { TOY_X0 = 0, TOY_F0 = 32, TOY_V0 = 64, TOY_PC = 96, TOY_N_SLOTS = 97 };
enum { TOY_FETCH = 1, TOY_ACCESS = 2, TOY_UNALIGNED = 3 }; /* fault kinds, plus MmuAccess << 4 */

typedef struct ToyCpu {
    Cpu cpu;
    uint64_t x[32], f[32];
    _Alignas(16) IrV128 v[32];
    uint64_t pc, fault_va;
    unsigned fault_kind;
} ToyCpu;

static IrSlot toy_slots[TOY_N_SLOTS];
static MemoryRegion toy_memory, toy_code;

static void G_GNUC_NORETURN toy_fault(Cpu *cpu, uint64_t va, unsigned kind)
{
    ToyCpu *t = (ToyCpu *)cpu;
    t->fault_va = va;
    t->fault_kind = kind;
    cpu_loop_exit(cpu);
}

static uint64_t toy_stop(Cpu *cpu)
{
    toy_fault(cpu, 0, TOY_FETCH);
}
static const IrHelper toy_helper_stop = { "stop", (void *)toy_stop, 0, false,
                                          IR_READS | IR_WRITES | IR_FAULTS };

static void toy_translate_insn(TransCtx *t)
{
    ir_insn(t->f, t->pc, 4);
    ir_call(t->f, &toy_helper_stop, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    ir_exit_loop(t->f);
    t->pc += 4;
    t->end = true;
}

static bool toy_translate(Cpu *cpu, vaddr va, MmuAccess access, int idx, bool debug, MmuResult *r)
{
    bool code = va >= TOY_CODE && va < TOY_CODE + TOY_CODE_SIZE;
    bool ram = va >= TOY_RAM_BASE && va < TOY_RAM_BASE + TOY_RAM_SIZE;
    if (access == MMU_EXEC ? !code : !ram) {
        return false;
    }
    r->paddr = va;
    r->page_bits = 12;
    r->r = r->w = ram;
    r->x = code;
    return true;
}

static void G_GNUC_NORETURN toy_raise_mmu_fault(Cpu *cpu, vaddr va, MmuAccess access, int idx,
                                                const MmuResult *r)
{
    toy_fault(cpu, access == MMU_EXEC ? 0 : va,
              access == MMU_EXEC ? TOY_FETCH : TOY_ACCESS | access << 4);
}

static void G_GNUC_NORETURN toy_raise_unaligned(Cpu *cpu, vaddr va, MmuAccess access)
{
    toy_fault(cpu, va, TOY_UNALIGNED | access << 4);
}

static void G_GNUC_NORETURN toy_raise_bus_error(Cpu *cpu, vaddr va, hwaddr pa, MmuAccess access,
                                                MemResult why)
{
    toy_fault(cpu, va, TOY_ACCESS | access << 4);
}

static int toy_idx(Cpu *cpu)
{
    return 0;
}

static bool toy_no(Cpu *cpu)
{
    return false;
}

static const char *toy_model(unsigned i, const char **doc)
{
    *doc = "for tests";
    return i ? NULL : "toy";
}

static bool toy_configure(Cpu *cpu, const char *model, GError **error)
{
    return true;
}

static void toy_reset(Cpu *cpu)
{
    TlbKey key = { .root = { 1 } };
    cpu_fp_update(cpu);
    cpu_set_translation(cpu, &key, 0, &key, 0, 0);
}

static uint64_t toy_get_pc(Cpu *cpu)
{
    return ((ToyCpu *)cpu)->pc;
}

static void toy_set_pc(Cpu *cpu, uint64_t pc)
{
    ((ToyCpu *)cpu)->pc = pc;
}

static const StateField toy_state[] = { { NULL } };

static const TargetOps toy_target = {
    .name = "toy", .cpu_size = sizeof(ToyCpu), .slots = toy_slots, .n_slots = TOY_N_SLOTS,
    .pc_slot = TOY_PC, .n_mmu_idx = 1, .max_insn_len = 4, .state = toy_state,
    .model = toy_model, .configure = toy_configure, .init = toy_reset, .reset = toy_reset,
    .loaded = toy_reset, .get_pc = toy_get_pc, .set_pc = toy_set_pc,
    .translate_insn = toy_translate_insn, .translate = toy_translate,
    .raise_mmu_fault = toy_raise_mmu_fault, .raise_unaligned = toy_raise_unaligned,
    .raise_bus_error = toy_raise_bus_error, .fetch_mmu_idx = toy_idx, .data_mmu_idx = toy_idx,
    .has_work = toy_no, .take_interrupt = toy_no,
};

static uint8_t *toy_ram(void)
{
    return toy_memory.ram->host;
}

static Cpu *toy_machine(void)
{
    static char names[TOY_N_SLOTS][8];
    GError *error = NULL;
    for (unsigned i = 0; i < 64; i++) {
        bool fp = i >= TOY_F0;
        unsigned n = i & 31;
        g_snprintf(names[i], sizeof names[i], fp ? "f%u" : "x%u", n);
        toy_slots[i] = (IrSlot){ names[i],
                                 (uint32_t)(fp ? offsetof(ToyCpu, f[n]) : offsetof(ToyCpu, x[n])),
                                 fp ? IR_F64 : IR_I64,
                                 (int8_t)(i >= 8 && i < 16 ? (int)i - 8 : -1) };
    }
    for (unsigned i = 0; i < 32; i++) {
        static char v_names[32][8];
        g_snprintf(v_names[i], sizeof v_names[i], "v%u", i);
        toy_slots[TOY_V0 + i] = (IrSlot){ v_names[i], (uint32_t)offsetof(ToyCpu, v[i]), IR_V128,
                                          -1 };
    }
    toy_slots[TOY_PC] = (IrSlot){ "pc", offsetof(ToyCpu, pc), IR_I64, -1 };
    main_loop_init();
    memory_init();
    g_assert_true(memory_region_init_ram(&toy_memory, "ram", TOY_RAM_SIZE, &error));
    g_assert_true(memory_region_init_ram(&toy_code, "code", TOY_CODE_SIZE, &error));
    memory_region_add(memory_system_root(), TOY_RAM_BASE, &toy_memory, 0);
    memory_region_add(memory_system_root(), TOY_CODE, &toy_code, 0);
    g_assert_true(accel_select("tcg", &toy_target, NULL, &error));
    return cpu_new(&toy_target, "toy", &error);
}

#endif
