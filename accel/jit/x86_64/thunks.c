/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Code that all blocks share: the way in and out of generated code, slow paths of memory
 * accesses, lookups.
 *
 * System V calling convention: rdi, rsi, rdx, rcx, r8; rbx, rbp, r12-r15 are kept by C. A fault
 * in C code leaves by cpu_loop_exit, which abandons the frame of the enter thunk; its catcher calls
 * jit_host_recover. Cpu.scratch[0] is nonzero while the guest's MXCSR is loaded, scratch[1] holds
 * the C world's.
 */
#include <cpuid.h>
#include <stddef.h>

#include "accel/fp.h"
#include "emit.h"

Thunks thunks;
HostFeatures host;

typedef struct ThunkGen {
    Asm a;
    const IrSlot *slots;
    int32_t bias;
    int32_t pc_offset;
} ThunkGen;

static Mem tg_cpu(const ThunkGen *g, size_t offset)
{
    return mem_bd(RBP, (int32_t)offset - g->bias);
}

static Mem tg_pin(const ThunkGen *g, unsigned pin)
{
    return tg_cpu(g, g->slots[pin_slot[pin]].offset);
}

static void store_pins(ThunkGen *g)
{
    for (unsigned p = 0; p < IR_N_PINS; p++) {
        if (pin_slot[p] >= 0) {
            asm_store(&g->a, tg_pin(g, p), pin_regs[p]);
        }
    }
}

/* mask: host registers wanted */
static void load_pins(ThunkGen *g, uint32_t mask)
{
    for (unsigned p = 0; p < IR_N_PINS; p++) {
        if (pin_slot[p] >= 0 && (mask >> pin_regs[p] & 1)) {
            asm_load(&g->a, pin_regs[p], tg_pin(g, p));
        }
    }
}

enum { CALLER_SAVED = 1u << R8 | 1u << R9 | 1u << R10 | 1u << R11, ALL_REGS = 0xffff };

static void call_c(ThunkGen *g, const void *fn)
{
    const uint8_t *next = jit_rx(g->a.p) + 5;
    intptr_t rel = (intptr_t)fn - (intptr_t)next;
    if (rel == (int32_t)rel) {
        asm8(&g->a, 0xe8);
        asm32(&g->a, (uint32_t)rel);
    } else {
        asm_mov_ri(&g->a, RAX, (uintptr_t)fn);
        asm_rr(&g->a, 0xff, 2, RAX);
    }
}

static void arg_cpu(ThunkGen *g)
{
    asm_rm(&g->a, OP_LEA | O_W, RDI, mem_bd(RBP, -g->bias));
}

static void load_tlb(ThunkGen *g)
{
    asm_load(&g->a, R14, tg_cpu(g, offsetof(Cpu, tlb)));
}

/* Where blocks expect it that want to know where they are. */
static void load_pc(ThunkGen *g)
{
    asm_load(&g->a, RCX, mem_bd(RBP, g->pc_offset));
}

static const uint8_t *begin(ThunkGen *g)
{
    asm_nop(&g->a, (unsigned)(-(uintptr_t)g->a.p & 15));
    return g->a.p;
}

static const uint8_t saved_regs[] = { RBX, RBP, R12, R13, R14, R15 };

/* void enter(Cpu *cpu, const void *entry) */
static void make_enter(ThunkGen *g)
{
    Asm *a = &g->a;
    const uint8_t *at = begin(g);
    for (unsigned i = 0; i < G_N_ELEMENTS(saved_regs); i++) {
        if (saved_regs[i] & 8) {
            asm8(a, 0x41);
        }
        asm8(a, 0x50 | (saved_regs[i] & 7));
    }
    asm_alu_ri(a, true, G_SUB, RSP, FRAME_SIZE);
    asm_rm(a, OP_LEA | O_W, RBP, mem_bd(RDI, g->bias));
    asm_rm(a, 0xae | O_0F, 2, tg_cpu(g, offsetof(Cpu, mxcsr)));
    asm_mov_mi(a, true, tg_cpu(g, offsetof(Cpu, scratch[0])), 1);
    load_tlb(g);
    load_pins(g, ALL_REGS);
    load_pc(g);
    asm_rr(a, 0xff, 4, RSI);
    jit.enter = (void (*)(Cpu *, const void *))(uintptr_t)jit_rx(at);
}

static void make_leave(ThunkGen *g)
{
    Asm *a = &g->a;
    thunks.leave = begin(g);
    store_pins(g);
    asm_rm(a, 0xae | O_0F, 3, tg_cpu(g, offsetof(Cpu, mxcsr)));
    asm_rm(a, 0xae | O_0F, 2, tg_cpu(g, offsetof(Cpu, scratch[1])));
    asm_mov_mi(a, true, tg_cpu(g, offsetof(Cpu, scratch[0])), 0);
    asm_alu_ri(a, true, G_ADD, RSP, FRAME_SIZE);
    for (unsigned i = G_N_ELEMENTS(saved_regs); i-- > 0;) {
        if (saved_regs[i] & 8) {
            asm8(a, 0x41);
        }
        asm8(a, 0x58 | (saved_regs[i] & 7));
    }
    asm8(a, 0xc3);
}

static const uint8_t temp_regs[] = { RAX, RCX, RDX, RSI, RDI };

/* A call from a slow path: all general registers survive. Frame cells as in emit.h. */
static void slow_begin(ThunkGen *g)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(temp_regs); i++) {
        asm8(&g->a, 0x50 | temp_regs[i]);
    }
    store_pins(g);
    arg_cpu(g);
}

enum { SLOW_FRAME = 8 * (1 + 5) }; /* return address and saved registers */

static void slow_end(ThunkGen *g, bool result)
{
    if (result) {
        asm_store(&g->a, mem_bd(RSP, SLOW_FRAME + FRAME_RESULT), RAX);
    }
    load_pins(g, CALLER_SAVED);
    load_tlb(g);
    for (unsigned i = G_N_ELEMENTS(temp_regs); i-- > 0;) {
        asm8(&g->a, 0x58 | temp_regs[i]);
    }
    asm8(&g->a, 0xc3);
}

static void arg_frame(ThunkGen *g, unsigned reg, int32_t cell, bool w)
{
    asm_rm(&g->a, OP_MOV | (w ? O_W : 0), reg, mem_bd(RSP, SLOW_FRAME + cell));
}

static uint64_t slow_rmw(Cpu *cpu, vaddr va, uint64_t value, uint32_t memop)
{
    return cpu_atomic_rmw(cpu, va, value, memop & 0xffffff, (IrRmw)(memop >> 24));
}

static void make_slow(ThunkGen *g)
{
    thunks.load = begin(g);
    slow_begin(g);
    arg_frame(g, RSI, FRAME_RESULT, true);
    arg_frame(g, RDX, FRAME_MEMOP, false);
    call_c(g, cpu_load);
    slow_end(g, true);

    thunks.store = begin(g);
    slow_begin(g);
    arg_frame(g, RSI, FRAME_RESULT, true);
    arg_frame(g, RDX, FRAME_ARG0, true);
    arg_frame(g, RCX, FRAME_MEMOP, false);
    call_c(g, cpu_store);
    slow_end(g, false);

    thunks.rmw = begin(g);
    slow_begin(g);
    arg_frame(g, RSI, FRAME_RESULT, true);
    arg_frame(g, RDX, FRAME_ARG0, true);
    arg_frame(g, RCX, FRAME_MEMOP, false);
    call_c(g, slow_rmw);
    slow_end(g, true);

    thunks.cas = begin(g);
    slow_begin(g);
    arg_frame(g, RSI, FRAME_RESULT, true);
    arg_frame(g, RDX, FRAME_ARG0, true);
    arg_frame(g, RCX, FRAME_ARG1, true);
    arg_frame(g, R8, FRAME_MEMOP, false);
    call_c(g, cpu_atomic_cas);
    slow_end(g, true);

    thunks.load16 = begin(g);
    slow_begin(g);
    arg_frame(g, RSI, FRAME_RESULT, true);
    asm_rm(&g->a, OP_LEA | O_W, RDX, mem_bd(RSP, SLOW_FRAME + FRAME_VEC));
    arg_frame(g, RCX, FRAME_MEMOP, false);
    call_c(g, cpu_load16);
    slow_end(g, false);

    thunks.store16 = begin(g);
    slow_begin(g);
    arg_frame(g, RSI, FRAME_RESULT, true);
    asm_rm(&g->a, OP_LEA | O_W, RDX, mem_bd(RSP, SLOW_FRAME + FRAME_VEC));
    arg_frame(g, RCX, FRAME_MEMOP, false);
    call_c(g, cpu_store16);
    slow_end(g, false);

    /* desc in result, operands and result in the frame's vectors */
    thunks.vec_soft = begin(g);
    slow_begin(g);
    arg_frame(g, RSI, FRAME_RESULT, true);
    asm_rm(&g->a, OP_LEA | O_W, RDX, mem_bd(RSP, SLOW_FRAME + FRAME_VEC));
    call_c(g, jit_vec_soft);
    slow_end(g, false);

    /* desc, a, b, c in result, memop, arg0, arg1 */
    thunks.fp_soft = begin(g);
    slow_begin(g);
    arg_frame(g, RSI, FRAME_RESULT, true);
    arg_frame(g, RDX, FRAME_MEMOP, true);
    arg_frame(g, RCX, FRAME_ARG0, true);
    arg_frame(g, R8, FRAME_ARG1, true);
    call_c(g, jit_fp_soft);
    slow_end(g, true);
}

/* Jumped to between blocks; the next block's entry comes back from C. */
static void lookup_with(ThunkGen *g, const void *fn)
{
    store_pins(g);
    arg_cpu(g);
    call_c(g, fn);
    load_pins(g, CALLER_SAVED);
    load_tlb(g);
    load_pc(g);
    asm_rr(&g->a, 0xff, 4, RAX);
}

static void make_lookups(ThunkGen *g)
{
    thunks.lookup = begin(g); /* pc is in its slot */
    lookup_with(g, code_lookup);
    thunks.link = begin(g);   /* rsi: the JitLink; rcx: the address that it leads to */
    Asm *a = &g->a;
    asm_rm(a, 0x80, G_CMP, mem_bd(RSI, offsetof(JitLink, probe)));
    asm8(a, 0);
    uint8_t *probe = asm_jcc_fwd(a, CC_NE);
    asm_mov_rr(a, RDX, RCX);
    lookup_with(g, jit_link);
    asm_fix32(probe, a->p);
    asm_store(a, mem_bd(RBP, g->pc_offset), RCX);
    asm_mov_rr(a, RAX, RCX);
    asm_shift_ri(a, false, G_SHL, RAX, 4 - jump_shift);
    asm_alu_ri(a, false, G_AND, RAX, (JUMP_CACHE_SIZE - 1) * sizeof(JumpEntry));
    asm_rm(a, OP_ADD | O_W, RAX, tg_cpu(g, offsetof(Cpu, code)));
    asm_rm(a, OP_CMP | O_W, RCX, mem_bd(RAX, offsetof(JumpEntry, pc)));
    asm_jcc(a, CC_NE, thunks.lookup);
    asm_rm(a, 0xff, 4, mem_bd(RAX, offsetof(JumpEntry, entry)));
    /* rsi: JitBlock, rdx: a loop's address; the place to go on at is in the pc slot */
    thunks.hot = begin(g);
    store_pins(g);
    arg_cpu(g);
    call_c(g, jit_hot_loop);
    load_pins(g, CALLER_SAVED);
    asm_jmp(&g->a, thunks.leave);
    /* rsi: a helper that doesn't return */
    thunks.trap = begin(g);
    store_pins(g);
    arg_cpu(g);
    asm_rr(&g->a, 0xff, 2, RSI);
    thunks.stale = begin(g);  /* called from a dead block's entry */
    asm8(&g->a, 0x58 | RSI);
    asm_load(&g->a, RSI, mem_bd(RSI, -5 - 8));
    asm_mov_rr(a, RDX, RCX);
    lookup_with(g, jit_stale);
}

static const uint8_t *constant(ThunkGen *g, uint64_t v)
{
    const uint8_t *at = g->a.p;
    asm64(&g->a, v);
    asm64(&g->a, v);
    return at;
}

static const uint8_t *constant2(ThunkGen *g, uint64_t lo, uint64_t hi)
{
    const uint8_t *at = g->a.p;
    asm64(&g->a, lo);
    asm64(&g->a, hi);
    return at;
}

static void make_vec_constants(ThunkGen *g)
{
    static const struct { VecConst n; uint64_t lo, hi; } c[] = {
        { VC_ABS32, 0x7fffffff7fffffff, 0x7fffffff7fffffff },
        { VC_ABS64, 0x7fffffffffffffff, 0x7fffffffffffffff },
        { VC_SIGN32, 0x8000000080000000, 0x8000000080000000 },
        { VC_SIGN64, 0x8000000000000000, 0x8000000000000000 },
        { VC_MIN32, 0x0080000000800000, 0x0080000000800000 },
        { VC_MIN64, 0x0010000000000000, 0x0010000000000000 },
        { VC_BYTES_70, 0x7070707070707070, 0x7070707070707070 },
        { VC_BYTES_10, 0x1010101010101010, 0x1010101010101010 },
        { VC_BYTES_0F, 0x0f0f0f0f0f0f0f0f, 0x0f0f0f0f0f0f0f0f },
        { VC_BYTES_01, 0x0101010101010101, 0x0101010101010101 },
        { VC_LOW_BYTES, 0x00ff00ff00ff00ff, 0x00ff00ff00ff00ff },
        { VC_LOW_WORDS, 0x0000ffff0000ffff, 0x0000ffff0000ffff },
        { VC_WORDS_1, 0x0001000100010001, 0x0001000100010001 },
        { VC_WORDS_8000, 0x8000800080008000, 0x8000800080008000 },
        { VC_POPCOUNT, 0x0302020102010100, 0x0403030203020201 },
        { VC_REV16_8, 0x0607040502030001, 0x0e0f0c0d0a0b0809 },
        { VC_REV32_8, 0x0405060700010203, 0x0c0d0e0f08090a0b },
        { VC_REV32_16, 0x0504070601000302, 0x0d0c0f0e09080b0a },
        { VC_REV64_8, 0x0001020304050607, 0x08090a0b0c0d0e0f },
        { VC_REV64_16, 0x0100030205040706, 0x09080b0a0d0c0f0e },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(c); i++) {
        thunks.vec[c[i].n] = constant2(g, c[i].lo, c[i].hi);
    }
    for (unsigned n = 0; n < 8; n++) {
        thunks.vec[VC_SHL8 + n] = constant(g, (0xffu << n & 0xff) * 0x0101010101010101u);
        thunks.vec[VC_SHR8 + n] = constant(g, (0xffu >> n) * 0x0101010101010101u);
    }
}

static void make_constants(ThunkGen *g)
{
    begin(g);
    make_vec_constants(g);
    thunks.box = constant(g, 0xffffffff00000000);
    thunks.nan64 = constant(g, 0x7ff8000000000000);
    thunks.nan32 = constant(g, 0x7fc00000);
}

/* clang 14's __builtin_cpu_supports doesn't know it. */
static bool has_lzcnt(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(0x80000001, &a, &b, &c, &d) && c & 1u << 5;
}

void jit_host_init(uint8_t *at, const TargetOps *t)
{
    __builtin_cpu_init();
    host.bmi1 = __builtin_cpu_supports("bmi");
    host.bmi2 = __builtin_cpu_supports("bmi2");
    host.lzcnt = has_lzcnt() && host.bmi1;
    host.popcnt = __builtin_cpu_supports("popcnt");
    host.pclmul = __builtin_cpu_supports("pclmul");
    host.avx = __builtin_cpu_supports("avx");
    host.avx2 = __builtin_cpu_supports("avx2");
    host.ssse3 = __builtin_cpu_supports("ssse3");
    host.sse42 = __builtin_cpu_supports("sse4.2");
    host.fma = __builtin_cpu_supports("fma") && host.avx;
    host.sse41 = __builtin_cpu_supports("sse4.1");

    ra_init(t);
    ThunkGen g = { .a.p = at, .slots = t->slots, .bias = (int32_t)t->slots[0].offset + 128 };
    g.pc_offset = (int32_t)t->slots[t->pc_slot].offset - g.bias;
    make_constants(&g);
    make_enter(&g);
    make_leave(&g);
    make_slow(&g);
    make_lookups(&g);
}

void jit_host_recover(Cpu *cpu)
{
    if (cpu->scratch[0]) {
        uint32_t csr = MXCSR_DEFAULT;
        __asm__ volatile("stmxcsr %0" : "=m"(cpu->mxcsr));
        __asm__ volatile("ldmxcsr %0" : : "m"(csr));
        cpu->scratch[0] = 0;
    }
}
