/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random vector operations for test_jit.c: every one, all element sizes, what aux and imm allow. */
#ifndef TESTS_JIT_VEC_H
#define TESTS_JIT_VEC_H

static IrRef slot_v(void)
{
    return IR_SLOT(TOY_V0 + (below(2) ? below(5) : below(32)));
}

static IrRef vec_operand(Gen *g)
{
    for (unsigned try = 0; try < 3 && g->n_temps; try++) {
        IrRef t = g->temps[below(g->n_temps)];
        if (g->f->temp_type[t] == IR_V128) {
            return t;
        }
    }
    return slot_v();
}

static bool vec_op_takes_vec(unsigned op, unsigned which)
{
    return op != IR_vzext && op != IR_vmake && op != IR_vdup && !(op == IR_vins && which == 1);
}

/* Is the operation a legal one? The verifier knows. */
static bool vec_valid(const IrFunc *like, const IrInsn *in)
{
    static IrFunc *f;
    if (!f) {
        f = ir_func_new(like->slots, like->n_slots, like->pc_slot);
    }
    ir_func_clear(f);
    ir_insn(f, 0, 4);
    IrInsn *i = ir_emit(f, IR_mov, IR_I64, IR_NONE, IR_NONE, IR_NONE);
    *i = *in;
    bool is_int = i->type != IR_V128;
    i->dst = is_int ? IR_SLOT(1) : IR_SLOT(TOY_V0);
    const char *fmt = ir_op_formats[i->op];
    i->a = vec_op_takes_vec(i->op, 0) ? IR_SLOT(TOY_V0) : IR_SLOT(1);
    i->b = fmt[1] != 'B' ? IR_NONE : vec_op_takes_vec(i->op, 1) ? IR_SLOT(TOY_V0) : IR_SLOT(1);
    i->c = fmt[1] == 'B' && fmt[2] == 'C' ? IR_SLOT(TOY_V0) : IR_NONE;
    i->d = IR_NONE;
    ir_exit_loop(f);
    return !ir_verify(f);
}

static void gen_vec_memory(Gen *g)
{
    IrFunc *f = g->f;
    int64_t offset;
    IrRef a = address(g, &offset);
    IrMemOp m = below(3) ? IR_MO_128 : below(4);
    if (chance(25)) {
        m |= IR_MO_ALIGN;
    }
    if (chance(5) && (m & IR_MO_SIZE) != IR_MO_128) {
        m |= IR_MO_BE;
    }
    if (below(2)) {
        ir_ld(f, IR_V128, below(2) ? slot_v() : new_temp(g, IR_V128), a, offset, m);
    } else {
        ir_st(f, IR_V128, vec_operand(g), a, offset, m);
    }
}

/* Of the operations, one in g->vec_first .. g->vec_last. */
static void gen_vec(Gen *g)
{
    IrFunc *f = g->f;
    IrInsn in;
    if (chance(5)) {
        ir_emit(f, IR_mov, IR_V128, below(2) ? slot_v() : new_temp(g, IR_V128), vec_operand(g),
                IR_NONE);
        return;
    }
    do {
        unsigned op = g->vec_first + below(g->vec_last - g->vec_first + 1u);
        bool fp = op >= IR_vfabs && op <= IR_vfcvtn;
        bool to_int = op == IR_vget || (op >= IR_vaddv && op <= IR_vuminv);
        static const uint8_t imms[] = { 1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64 };
        in = (IrInsn){ .op = (uint8_t)op, .type = to_int ? IR_I64 - below(2) : IR_V128,
                       .type2 = IR_VOID };
        if (fp) {
            in.type2 = below(2) ? IR_F32 : IR_F64;
            in.aux = (uint16_t)(op == IR_vfcmp ? below(6) :
                                op == IR_vfmin || op == IR_vfmax ? below(3) :
                                (chance(70) ? IR_RM_DYN : below(6)) | below(4) << 3);
        } else {
            in.type2 = op == IR_vzext ? below(4) : IR_VOID;
            in.aux = (uint16_t)(below(4) | (chance(30) ? IR_V_ROUND : 0) |
                                (chance(30) ? IR_V_SIGN : 0));
        }
        in.aux |= chance(30) ? IR_V_LOW64 : 0;
        in.imm = op == IR_vins_lane ? below(16) | below(16) << 8 :
                 chance(50) ? 0 : below(2) ? below(66) : imms[below(G_N_ELEMENTS(imms))];
    } while (!vec_valid(f, &in));
    IrRef r[3] = { IR_NONE, IR_NONE, IR_NONE };
    const char *fmt = ir_op_formats[in.op];
    unsigned n = fmt[1] != 'B' ? 1 : fmt[2] == 'C' ? 3 : 2;
    for (unsigned k = 0; k < n; k++) {
        r[k] = vec_op_takes_vec(in.op, k) ? vec_operand(g) :
               in.op == IR_vzext && in.type2 >= IR_F32 ? fp_operand(g, in.type2) : any_int(g);
    }
    in.dst = in.type != IR_V128 ? dst_int(g, in.type) : below(2) ? slot_v() : new_temp(g, IR_V128);
    in.a = r[0];
    in.b = r[1];
    in.c = r[2];
    in.d = IR_NONE;
    *ir_emit(f, (IrOp)in.op, in.type, in.dst, in.a, in.b) = in;
}

static void random_vectors(IrV128 v[32])
{
    for (unsigned i = 0; i < 32; i++) {
        switch (below(4)) {
        case 0:
            v[i].d[0] = special_f64();
            v[i].d[1] = special_f64();
            break;
        case 1:
            for (unsigned k = 0; k < 4; k++) {
                v[i].w[k] = special_f32();
            }
            break;
        case 2:
            v[i].d[0] = special_int();
            v[i].d[1] = special_int();
            break;
        default:
            for (unsigned k = 0; k < 16; k++) {
                static const uint8_t bytes[] = { 0, 1, 0x7f, 0x80, 0xff, 15, 16, 31, 0xf0, 2 };
                v[i].b[k] = below(2) ? (uint8_t)rnd() : bytes[below(G_N_ELEMENTS(bytes))];
            }
            break;
        }
    }
}

#endif
