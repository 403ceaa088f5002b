/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read-modify-write and compare-and-swap: a probe for writing, the host's locked instructions, and
 * C for what is not aligned or not plain RAM.
 */
#include "mem.h"

static void stub_atomic(Emit *e, Stub *s)
{
    bool cas = s->in->op == IR_cas;
    mem_slow_address(e, s);
    mem_slow_value(e, FRAME_ARG0, s->value);
    if (cas) {
        mem_slow_value(e, FRAME_ARG1, s->value2);
    }
    emit_slow_begin(e, s);
    mem_slow_memop(e, s, cas ? 0 : (uint32_t)s->in->aux << 24);
    asm_call(&e->a, cas ? thunks.cas : thunks.rmw);
    emit_slow_end(e, s);
    mem_slow_result(e, s);
    asm_jmp(&e->a, s->resume);
}

/* Loads of operands of atomics are sign-extended if the memop says so. */
static void extend_old(Emit *e, unsigned d, unsigned s)
{
    IrMemOp m = e->in->memop;
    bool i32 = e->in->type == IR_I32;
    switch (m & (IR_MO_SIZE | IR_MO_SIGN)) {
    case IR_MO_8:
        asm_rr(&e->a, OP_MOVZX8, d, s);
        break;
    case IR_MO_16:
        asm_rr(&e->a, OP_MOVZX16, d, s);
        break;
    case IR_MO_8 | IR_MO_SIGN:
        asm_rr(&e->a, OP_MOVSX8 | (i32 ? 0 : O_W), d, s);
        break;
    case IR_MO_16 | IR_MO_SIGN:
        asm_rr(&e->a, OP_MOVSX16 | (i32 ? 0 : O_W), d, s);
        break;
    case IR_MO_32 | IR_MO_SIGN:
        asm_rr(&e->a, i32 ? OP_MOV : OP_MOVSXD, d, s);
        break;
    case IR_MO_32:
        asm_rr(&e->a, OP_MOV, d, s);
        break;
    default:
        asm_mov_rr(&e->a, d, s);
        break;
    }
}

static unsigned sized_op(unsigned op8, unsigned op, unsigned size)
{
    return size == 1 ? op8 | O_B8 : size == 2 ? op | O_66 : size == 4 ? op : op | O_W;
}

enum { LOCK = 0xf0 };

/*
 * The address has to be aligned for the inline path whether the guest insists or not: the page
 * check is made with the alignment bits (unaligned atomics go to C, which decides).
 */
static uint8_t *probe_atomic(Emit *e, MemAddress *ad, unsigned index, unsigned page)
{
    IrInsn aligned = *e->in;
    const IrInsn *saved = e->in;
    aligned.memop |= IR_MO_ALIGN;
    e->in = &aligned;
    uint8_t *site = mem_probe(e, *ad, index, page, MMU_WRITE);
    e->in = saved;
    return site;
}

/* index = host address */
static void full_address(Emit *e, MemAddress ad, unsigned index, unsigned page)
{
    if (ad.base == NO_REG) {
        asm_rr(&e->a, OP_ADD | O_W, index, page);
    } else {
        asm_rm(&e->a, OP_LEA | O_W, index, mem_bid(ad.base, index, 0, (int32_t)ad.offset));
    }
}

/* Tags of writable RAM imply readability for all our guests' atomics; C sorts out the rest. */
void mem_rmw(Emit *e)
{
    Asm *a = &e->a;
    const IrInsn *in = e->in;
    IrMemOp m = in->memop;
    unsigned size = ir_mo_bytes(m);
    ra_take(e, RAX); /* cmpxchg's; also the page of the probe */
    MemAddress ad = mem_address(e);
    Opnd v = { .kind = OPND_REG, .reg = (uint8_t)ra_gpr(e, 1) };
    unsigned index = ra_alloc(e, CLS_GPR);
    if (mem_always_slow(e->in) || (m & IR_MO_BE)) {
        Stub *s = mem_stub(e, stub_atomic, asm_jmp_fwd(a), ad, index);
        s->value = v;
        s->dst = RAX;
        s->resume = a->p;
        ra_release(e);
        ra_def_end(e, RAX);
        return;
    }
    unsigned page = in->aux == IR_RMW_SWAP || in->aux == IR_RMW_ADD ? RAX
                                                                    : ra_alloc(e, CLS_GPR);
    uint8_t *site = probe_atomic(e, &ad, index, page);
    Stub *s = mem_stub(e, stub_atomic, site, ad, index);
    s->value = v;
    s->dst = RAX;
    Mem to = mem_host(ad, index, page);
    unsigned ops[] = { [IR_RMW_AND] = OP_AND, [IR_RMW_OR] = OP_OR, [IR_RMW_XOR] = OP_XOR };
    unsigned old = RAX;
    if (in->dst == IR_NONE && (in->aux == IR_RMW_ADD || in->aux == IR_RMW_AND ||
                               in->aux == IR_RMW_OR || in->aux == IR_RMW_XOR)) {
        unsigned op = in->aux == IR_RMW_ADD ? OP_ADD_MR : ops[in->aux] - 2;
        asm8(a, LOCK);
        asm_rm(a, sized_op(op - 1, op, size), v.reg, to);
        s->resume = a->p;
        return;
    }
    switch (in->aux) {
    case IR_RMW_SWAP:
    case IR_RMW_ADD:
        if (ad.base == NO_REG) {
            full_address(e, ad, index, page);
            to = mem_bd(index, 0);
        }
        asm_mov_rr(a, RAX, v.reg);
        if (in->aux == IR_RMW_ADD) {
            asm8(a, LOCK);
            asm_rm(a, sized_op(0xc0 | O_0F, 0xc1 | O_0F, size), RAX, to);
        } else {
            asm_rm(a, sized_op(0x86, 0x87, size), RAX, to);
        }
        break;
    default: {
        full_address(e, ad, index, page);
        to = mem_bd(index, 0);
        asm_rm(a, mem_load_op(m & ~(unsigned)IR_MO_SIGN, false), RAX, to);
        uint8_t *again = a->p;
        unsigned w = size == 8 ? O_W : 0;
        switch (in->aux) {
        case IR_RMW_AND:
        case IR_RMW_OR:
        case IR_RMW_XOR:
            asm_mov_rr(a, page, RAX);
            asm_rr(a, ops[in->aux] | O_W, page, v.reg);
            break;
        case IR_RMW_ANDN:
            asm_mov_rr(a, page, v.reg);
            asm_rr(a, 0xf7 | O_W, 2, page);
            asm_rr(a, OP_AND | O_W, page, RAX);
            break;
        default: {
            unsigned cc = in->aux == IR_RMW_SMIN ? CC_L : in->aux == IR_RMW_SMAX ? CC_G
                        : in->aux == IR_RMW_UMIN ? CC_B : CC_A;
            asm_mov_rr(a, page, v.reg);
            /* compare at the operand's own width */
            asm_rr(a, size == 1 ? 0x3a | O_B8 | O_B8RM : size == 2 ? OP_CMP | O_66 : OP_CMP | w,
                   RAX, page);
            asm_rr(a, (OP_CMOV + cc) | O_W, page, RAX);
            break;
        }
        }
        asm8(a, LOCK);
        asm_rm(a, sized_op(0xb0 | O_0F, 0xb1 | O_0F, size), page, to);
        asm_jcc(a, CC_NE, again);
        break;
    }
    }
    extend_old(e, RAX, old);
    s->resume = a->p;
    ra_release(e);
    ra_def_end(e, RAX);
}

void mem_cas(Emit *e)
{
    Asm *a = &e->a;
    const IrInsn *in = e->in;
    IrMemOp m = in->memop;
    unsigned size = ir_mo_bytes(m);
    ra_take(e, RAX);
    MemAddress ad = mem_address(e);
    Opnd expect = { .kind = OPND_REG, .reg = (uint8_t)ra_gpr(e, 1) };
    Opnd value = { .kind = OPND_REG, .reg = (uint8_t)ra_gpr(e, 2) };
    unsigned index = ra_alloc(e, CLS_GPR);
    bool slow = mem_always_slow(e->in) || (m & IR_MO_BE);
    uint8_t *site = slow ? asm_jmp_fwd(a) : probe_atomic(e, &ad, index, RAX);
    Stub *s = mem_stub(e, stub_atomic, site, ad, index);
    s->value = expect;
    s->value2 = value;
    s->dst = RAX;
    if (!slow) {
        if (ad.base == NO_REG) {
            full_address(e, ad, index, RAX);
        }
        Mem to = ad.base == NO_REG ? mem_bd(index, 0) : mem_host(ad, index, RAX);
        asm_mov_rr(a, RAX, expect.reg);
        asm8(a, LOCK);
        asm_rm(a, sized_op(0xb0 | O_0F, 0xb1 | O_0F, size), value.reg, to);
        extend_old(e, RAX, RAX);
    }
    s->resume = a->p;
    ra_release(e);
    ra_def_end(e, RAX);
}
