/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest architecture for tests of the engine: 16 integer and 4 FP registers, instructions of 2
 * and 4 bytes, page tables in a C array.
 *
 * Instructions: byte 0 opcode, byte 1 rd, byte 2 rs, byte 3 signed immediate. INC has 2 bytes.
 */
#ifndef TESTS_FAKE_TARGET_H
#define TESTS_FAKE_TARGET_H

#include <string.h>

#include "accel/accel.h"
#include "accel/cpu.h"
#include "accel/ir.h"
#include "accel/tlb.h"
#include "accel/translate.h"
#include "softmmu/memory.h"
#include "softmmu/run.h"

enum { FAKE_N_REGS = 16, FAKE_N_FREGS = 4, FAKE_PAGES = 4096, FAKE_SPACES = 24, FAKE_N_IDX = 2 };

typedef struct FakePage {
    uint64_t pa; /* of the 4 KiB page */
    bool valid, r, w, x, global, user;
    uint8_t bits;
    uint16_t extent; /* nonzero: no_tlb */
} FakePage;

typedef struct FakeCpu {
    Cpu cpu;
    uint64_t r[FAKE_N_REGS];
    uint64_t f[FAKE_N_FREGS];
    uint64_t pc;
    unsigned asid, idx;
    bool paging;
    /* what happened */
    unsigned n_faults, n_unaligned, n_bus_errors, n_traps, n_interrupts;
    vaddr fault_va;
    MmuAccess fault_access;
    unsigned n_walks;
    bool stop_on_fault; /* exit_reason becomes HALTED, so that exec returns */
} FakeCpu;

static FakePage fake_pages[FAKE_SPACES][FAKE_PAGES];

enum { FAKE_SLOT_R = 0, FAKE_SLOT_F = FAKE_N_REGS, FAKE_SLOT_PC = FAKE_N_REGS + FAKE_N_FREGS,
       FAKE_N_SLOTS };

#define R_(n) { "r" #n, offsetof(FakeCpu, r[n]), IR_I64, n < 8 ? n : -1 }
#define F_(n) { "f" #n, offsetof(FakeCpu, f[n]), IR_F64, -1 }
static const IrSlot fake_slots[FAKE_N_SLOTS] = {
    R_(0), R_(1), R_(2), R_(3), R_(4), R_(5), R_(6), R_(7), R_(8), R_(9), R_(10), R_(11), R_(12),
    R_(13), R_(14), R_(15), F_(0), F_(1), F_(2), F_(3),
    { "pc", offsetof(FakeCpu, pc), IR_I64, -1 },
};

enum {
    OP_NOP, OP_ADDI, OP_ADD, OP_LD, OP_ST, OP_BNE, OP_JMP, OP_JR, OP_HALT, OP_TRAP, OP_LIS, OP_LDB,
    OP_STB, OP_SWAP, OP_ADDW, OP_INC = 0x80,
};
static inline uint32_t enc(unsigned op, unsigned rd, unsigned rs, int imm)
{
    return op | rd << 8 | rs << 16 | (uint32_t)(uint8_t)imm << 24;
}

static uint64_t fake_halt(Cpu *cpu)
{
    cpu->exit_reason = CPU_EXIT_HALTED;
    cpu_loop_exit(cpu);
}
static const IrHelper fake_helper_halt = { "halt", (void *)fake_halt, 0, false,
                                           IR_READS | IR_WRITES | IR_FAULTS };

/* To address 0x100 with the old pc in r15. */
static uint64_t fake_trap(Cpu *cpu)
{
    FakeCpu *c = (FakeCpu *)cpu;
    c->n_traps++;
    c->r[15] = c->pc;
    c->pc = 0x100;
    cpu_loop_exit(cpu);
}
static const IrHelper fake_helper_trap = { "trap", (void *)fake_trap, 0, false,
                                           IR_READS | IR_WRITES | IR_FAULTS };

static void fake_translate_insn(TransCtx *t)
{
    IrFunc *f = t->f;
    uint64_t pc = t->pc;
    unsigned op = trans_fetch8(t, pc), rd = trans_fetch8(t, pc + 1) & 15;
    if (op & 0x80) {
        ir_insn(f, pc, 2);
        ir_emit(f, IR_add, IR_I64, IR_SLOT(rd), IR_SLOT(rd), ir_const(f, 1));
        t->pc += 2;
        return;
    }
    uint16_t rest = trans_fetch16(t, pc + 2);
    unsigned rs = rest & 15;
    int imm = (int8_t)(rest >> 8);
    IrRef d = IR_SLOT(rd), s = IR_SLOT(rs);
    ir_insn(f, pc, 4);
    t->pc += 4;
    switch (op) {
    case OP_ADDI:
        ir_emit(f, IR_add, IR_I64, d, s, ir_const(f, (uint64_t)(int64_t)imm));
        break;
    case OP_ADD:
        ir_emit(f, IR_add, IR_I64, d, d, s);
        break;
    case OP_ADDW: {
        IrRef x = ir_op2(f, IR_add, IR_I32, d, s);
        ir_emit(f, IR_sext32, IR_I64, d, x, IR_NONE);
        break;
    }
    case OP_LIS:
        ir_mov(f, d, ir_const(f, (uint64_t)(int64_t)imm << 12));
        break;
    case OP_LD:
        ir_ld(f, IR_I64, d, s, imm, IR_MO_64);
        break;
    case OP_ST:
        ir_st(f, IR_I64, d, s, imm, IR_MO_64);
        break;
    case OP_LDB:
        ir_ld(f, IR_I64, d, s, imm, IR_MO_8);
        break;
    case OP_STB:
        ir_st(f, IR_I64, d, s, imm, IR_MO_8);
        break;
    case OP_SWAP: {
        IrRef old = ir_temp(f, IR_I64);
        ir_rmw(f, IR_I64, IR_RMW_ADD, old, s, d, IR_MO_64 | IR_MO_ALIGN);
        ir_mov(f, d, old);
        break;
    }
    case OP_BNE:
        ir_exit_if(f, IR_I64, IR_NE, d, s, pc + (uint64_t)(imm * 4));
        break;
    case OP_JMP:
        ir_exit_jump(f, pc + (uint64_t)(imm * 4));
        t->end = true;
        break;
    case OP_JR:
        ir_exit_ind(f, s, IR_JUMP);
        t->end = true;
        break;
    case OP_HALT:
        ir_call(f, &fake_helper_halt, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
        ir_exit_loop(f);
        t->end = true;
        break;
    case OP_TRAP:
        ir_call(f, &fake_helper_trap, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
        ir_exit_loop(f);
        t->end = true;
        break;
    default:
        break;
    }
}

static bool fake_translate(Cpu *cpu, vaddr va, MmuAccess access, int idx, bool debug, MmuResult *r)
{
    FakeCpu *c = (FakeCpu *)cpu;
    c->n_walks++;
    r->page_bits = 12;
    if (!c->paging) {
        r->paddr = va;
        r->r = r->w = r->x = true;
        return true;
    }
    const FakePage *p = &fake_pages[c->asid][(va >> 12) % FAKE_PAGES];
    bool ok = va >> 12 < FAKE_PAGES && p->valid && (idx == 0 || p->user) &&
              (access == MMU_READ ? p->r : access == MMU_WRITE ? p->w : p->x);
    if (!ok)
        return false;
    r->paddr = p->pa | (va & 0xfff);
    r->r = p->r;
    r->w = p->w;
    r->x = p->x;
    r->global = p->global;
    r->page_bits = p->bits ? p->bits : 12;
    if (p->extent) {
        r->no_tlb = true;
        r->extent = (va & 0xfff) < p->extent ? p->extent - (va & 0xfff) : 0;
        return r->extent != 0;
    }
    return true;
}

static void G_GNUC_NORETURN fake_leave(FakeCpu *c)
{
    if (c->stop_on_fault)
        c->cpu.exit_reason = CPU_EXIT_HALTED;
    cpu_loop_exit(&c->cpu);
}

static void G_GNUC_NORETURN fake_raise_mmu_fault(Cpu *cpu, vaddr va, MmuAccess access, int idx,
                                                 const MmuResult *r)
{
    FakeCpu *c = (FakeCpu *)cpu;
    c->n_faults++;
    c->fault_va = va;
    c->fault_access = access;
    fake_leave(c);
}

static void G_GNUC_NORETURN fake_raise_unaligned(Cpu *cpu, vaddr va, MmuAccess access)
{
    FakeCpu *c = (FakeCpu *)cpu;
    c->n_unaligned++;
    c->fault_va = va;
    c->fault_access = access;
    fake_leave(c);
}

static void G_GNUC_NORETURN fake_raise_bus_error(Cpu *cpu, vaddr va, hwaddr pa, MmuAccess access,
                                                 MemResult why)
{
    FakeCpu *c = (FakeCpu *)cpu;
    c->n_bus_errors++;
    c->fault_va = va;
    c->fault_access = access;
    fake_leave(c);
}

/* To be called after paging, asid or idx changed. */
static void fake_update(FakeCpu *c)
{
    TlbKey key = { .root = { c->paging ? 0x1000 + c->asid : 0 }, .asid = c->asid,
                   .regime = c->paging };
    cpu_set_translation(&c->cpu, &key, c->idx, &key, c->idx, c->idx | c->paging << 1);
}

static int fake_idx(Cpu *cpu)
{
    return ((FakeCpu *)cpu)->idx;
}

static bool fake_has_work(Cpu *cpu)
{
    return atomic_load(&cpu->interrupt_request);
}

/* Interrupt 1: vector 0x200, old pc in r14, request cleared. */
static bool fake_take_interrupt(Cpu *cpu)
{
    FakeCpu *c = (FakeCpu *)cpu;
    if (!(atomic_load(&cpu->interrupt_request) & 1))
        return false;
    cpu_clear_interrupt(cpu, 1);
    c->n_interrupts++;
    c->r[14] = c->pc;
    c->pc = 0x200;
    return true;
}

static const char *fake_model(unsigned i, const char **doc)
{
    *doc = "for tests";
    return i ? NULL : "fake";
}

static bool fake_configure(Cpu *cpu, const char *model, GError **error)
{
    return true;
}

static void fake_reset(Cpu *cpu)
{
    FakeCpu *c = (FakeCpu *)cpu;
    memset(c->r, 0, sizeof c->r);
    memset(c->f, 0, sizeof c->f);
    c->pc = 0;
    c->asid = c->idx = 0;
    c->paging = false;
    fake_update(c);
}

static void fake_init(Cpu *cpu)
{
    fake_reset(cpu);
}

static void fake_loaded(Cpu *cpu)
{
    fake_update((FakeCpu *)cpu);
}

static uint64_t fake_get_pc(Cpu *cpu)
{
    return ((FakeCpu *)cpu)->pc;
}

static void fake_set_pc(Cpu *cpu, uint64_t pc)
{
    ((FakeCpu *)cpu)->pc = pc;
}

static void fake_dump(Cpu *cpu, GString *out)
{
    g_string_append(out, "fake\n");
}

static bool fake_reg_by_name(Cpu *cpu, const char *name, uint64_t *value)
{
    return false;
}

static const StateField fake_state[] = {
    STATE_ARRAY(FakeCpu, r), STATE_ARRAY(FakeCpu, f), STATE(FakeCpu, pc), { NULL },
};

static const TargetOps fake_target = {
    .name = "fake", .cpu_size = sizeof(FakeCpu), .slots = fake_slots, .n_slots = FAKE_N_SLOTS,
    .pc_slot = FAKE_SLOT_PC, .n_mmu_idx = FAKE_N_IDX, .max_insn_len = 4, .state = fake_state,
    .model = fake_model, .configure = fake_configure, .init = fake_init, .reset = fake_reset,
    .loaded = fake_loaded, .get_pc = fake_get_pc, .set_pc = fake_set_pc,
    .translate_insn = fake_translate_insn, .translate = fake_translate,
    .raise_mmu_fault = fake_raise_mmu_fault, .raise_unaligned = fake_raise_unaligned,
    .raise_bus_error = fake_raise_bus_error, .fetch_mmu_idx = fake_idx, .data_mmu_idx = fake_idx,
    .has_work = fake_has_work, .take_interrupt = fake_take_interrupt, .dump = fake_dump,
    .reg_by_name = fake_reg_by_name, .disas_unit = 4,
};

/* ---- a machine: 4 MiB of RAM at 0, ROM at 0x40000000, an MMIO scratch device at 0x50000000 ---- */

enum { FAKE_RAM_SIZE = 4 << 20 };
#define FAKE_ROM 0x40000000ULL
#define FAKE_MMIO 0x50000000ULL

static uint64_t fake_mmio_cell;
static unsigned fake_mmio_reads, fake_mmio_writes;

static MemResult fake_mmio_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    fake_mmio_reads++;
    if (offset >= 0x800)
        return MEM_BUS_ERROR;
    *value = size == 8 ? fake_mmio_cell : fake_mmio_cell & ((1ULL << 8 * size) - 1);
    return MEM_OK;
}

static MemResult fake_mmio_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    fake_mmio_writes++;
    if (offset >= 0x800)
        return MEM_BUS_ERROR;
    fake_mmio_cell = value;
    return MEM_OK;
}

static const MmioOps fake_mmio_ops = { fake_mmio_read, fake_mmio_write, 1, 8, false };
static MemoryRegion fake_ram, fake_rom, fake_mmio;

static inline uint8_t *fake_host(hwaddr pa)
{
    return fake_ram.ram->host + pa;
}

static inline uint64_t fake_ram_page(hwaddr pa)
{
    return fake_ram.ram->first_page + (pa >> 12);
}

/* Takes the main lock, which the test then holds as the main thread does. */
static FakeCpu *fake_machine(const char *accel, unsigned n_cpus)
{
    GError *error = NULL;
    main_loop_init();
    memory_init();
    g_assert_true(memory_region_init_ram(&fake_ram, "ram", FAKE_RAM_SIZE, &error));
    g_assert_true(memory_region_init_rom(&fake_rom, "rom", 0x1000, &error));
    memory_region_init_mmio(&fake_mmio, "mmio", 0x1000, &fake_mmio_ops, NULL);
    memory_region_add(memory_system_root(), 0, &fake_ram, 0);
    memory_region_add(memory_system_root(), FAKE_ROM, &fake_rom, 0);
    memory_region_add(memory_system_root(), FAKE_MMIO, &fake_mmio, 0);
    g_assert_true(accel_select(accel, &fake_target, NULL, &error));
    for (unsigned i = 0; i < n_cpus; i++)
        g_assert_nonnull(cpu_new(&fake_target, "fake", &error));
    return (FakeCpu *)cpus[0];
}

static inline void fake_map(unsigned asid, vaddr va, uint64_t pa, const char *how)
{
    fake_pages[asid][va >> 12] = (FakePage){
        .pa = pa, .valid = true, .r = strchr(how, 'r'), .w = strchr(how, 'w'),
        .x = strchr(how, 'x'), .global = strchr(how, 'g'), .user = strchr(how, 'u'),
    };
}

#endif
