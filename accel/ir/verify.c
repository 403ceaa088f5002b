/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks the rules of accel/ir.h. For tests, for chaos modes and for whoever debugs a translator;
 * not run on every block.
 *
 * Basic blocks end at label, br and brcond. exit_if does not end one: temps live across it.
 */
#include "accel/ir/internal.h"

#include <stdarg.h>

typedef struct Verifier {
    const IrFunc *f;
    unsigned at;       /* index of the operation looked at */
    unsigned bb;       /* number of the basic block, from 1 */
    unsigned *defined; /* by temp: basic block that defines it, 0 if none yet */
    uint8_t *label;    /* by label: LABEL_* */
    bool in_insn;      /* an insn marker was seen */
} Verifier;

enum { LABEL_WANTED = 1, LABEL_PLACED = 2 };

static __thread char message[160];

static bool bad(Verifier *v, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
static bool bad(Verifier *v, const char *fmt, ...)
{
    int n = snprintf(message, sizeof message, "op %u (%s): ", v->at,
                     v->f->insns[v->at].op < IR_N_OPS ? ir_op_names[v->f->insns[v->at].op] : "?");
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message + n, sizeof message - n, fmt, ap);
    va_end(ap);
    return false;
}

static bool is_int(unsigned t)
{
    return t == IR_I32 || t == IR_I64;
}

static bool is_fp(unsigned t)
{
    return t == IR_F32 || t == IR_F64;
}

static bool is_vec_ref(const Verifier *v, IrRef r)
{
    if (ir_is_slot(r))
        return ir_slot_index(r) < v->f->n_slots && v->f->slots[ir_slot_index(r)].type == IR_V128;
    return ir_is_temp(r) && r < v->f->n_temps && v->f->temp_type[r] == IR_V128;
}

static bool check_use(Verifier *v, IrRef r, char which)
{
    if (r == IR_NONE)
        return bad(v, "operand %c is missing", which);
    if (ir_is_const(r))
        return (r & 0x3fffu) < v->f->n_consts && r < IR_CONST_BASE + 0x4000u ? true :
               bad(v, "operand %c: no such constant", which);
    if (ir_is_slot(r))
        return ir_slot_index(r) < v->f->n_slots ? true : bad(v, "operand %c: no such slot", which);
    if (r >= v->f->n_temps)
        return bad(v, "operand %c: no such temp", which);
    if (!v->defined[r])
        return bad(v, "t%u is used before it is assigned", r);
    if (v->defined[r] != v->bb)
        return bad(v, "t%u is used outside its basic block", r);
    return true;
}

static bool check_operands(Verifier *v, const IrInsn *i, unsigned n)
{
    const IrRef r[] = { i->a, i->b, i->c, i->d };
    for (unsigned k = 0; k < 4; k++) {
        if (k < n) {
            if (!check_use(v, r[k], "abcd"[k]))
                return false;
        } else if (r[k] != IR_NONE) {
            return bad(v, "operand %c is not used by this operation", "abcd"[k]);
        }
    }
    return true;
}

/* The type of what the operation leaves in dst. VOID: raw bits, any register will do. */
static IrType result_type(const IrInsn *i)
{
    switch (i->op) {
    case IR_mov: case IR_select: case IR_ld: case IR_call:
        return IR_VOID;
    case IR_fcmp: case IR_setcond: case IR_fcmp_nzcv: case IR_nzcv_add: case IR_nzcv_sub:
    case IR_nzcv_logic: case IR_nzcv_addc: case IR_carry:
        return IR_I32; /* fits anything */
    case IR_funbox:
        return IR_F32;
    case IR_fbox:
        return IR_VOID;
    default:
        return i->type;
    }
}

static bool check_dst(Verifier *v, const IrInsn *i)
{
    bool wanted = ir_op_formats[i->op][0] == 'D' || i->op == IR_setcond || i->op == IR_select ||
                  i->op == IR_call;
    if (i->dst == IR_NONE) {
        bool may_drop = !wanted || i->op == IR_call || ir_op_flags[i->op] & IR_OPF_F ||
                        ir_op_sets_fp_flags(i->op);
        return may_drop ? true : bad(v, "a pure operation without dst");
    }
    if (!wanted)
        return bad(v, "dst where there is no result");
    if (ir_is_const(i->dst))
        return bad(v, "dst is a constant");
    if (is_vec_ref(v, i->dst) != (i->type == IR_V128))
        return bad(v, "a vector is written by operations of type V128 and by these only");
    if (ir_is_slot(i->dst))
        return ir_slot_index(i->dst) < v->f->n_slots ? true : bad(v, "dst: no such slot");
    if (i->dst >= v->f->n_temps)
        return bad(v, "dst: no such temp");
    if (v->defined[i->dst])
        return bad(v, "t%u is assigned twice", i->dst);
    IrType t = v->f->temp_type[i->dst], r = result_type(i);
    if (t >= IR_VOID)
        return bad(v, "t%u has no type", i->dst);
    unsigned width = i->op == IR_call ? 64 : ir_type_bits(r == IR_VOID ? i->type : r);
    if (width > ir_type_bits(t))
        return bad(v, "t%u is too narrow for the result", i->dst);
    if (r != IR_VOID && is_fp(r) != is_fp(t))
        return bad(v, "t%u is of the wrong kind (integer or FP)", i->dst);
    if (r != IR_VOID && is_fp(r) && r != t)
        return bad(v, "t%u is of the wrong FP type", i->dst);
    return true;
}

static bool check_memop(Verifier *v, const IrInsn *i)
{
    unsigned size = i->memop & IR_MO_SIZE;
    if (i->memop >> 17)
        return bad(v, "memop has unknown bits");
    if (i->memop >> IR_MO_IDX_SHIFT & 15 && !(i->memop & IR_MO_IDX))
        return bad(v, "memop has an access mode but not IR_MO_IDX");
    if (size > IR_MO_128 || (size == IR_MO_128 && i->type != IR_V128))
        return bad(v, "access size");
    if (i->type == IR_V128 && (i->memop & IR_MO_SIGN || (size == IR_MO_128 && i->memop & IR_MO_BE)))
        return bad(v, "sign extension or byte order of a vector access");
    if (i->op == IR_st && i->type == IR_V128 && !is_vec_ref(v, i->b))
        return bad(v, "operand b is not a vector");
    if (8u << size > ir_type_bits(i->type))
        return bad(v, "access is wider than its type");
    if (is_fp(i->type) && 8u << size != ir_type_bits(i->type))
        return bad(v, "FP access is not of the size of its type");
    if ((i->op == IR_rmw || i->op == IR_cas) && !is_int(i->type))
        return bad(v, "atomic operation on an FP type or a vector");
    if (i->op == IR_rmw && i->aux > IR_RMW_UMAX)
        return bad(v, "no such atomic operation");
    if (!v->in_insn)
        return bad(v, "may fault before the first insn marker");
    return true;
}

static bool check_rounding(Verifier *v, const IrInsn *i, unsigned extra)
{
    if (i->aux & ~(7u | extra))
        return bad(v, "unknown bits in aux");
    return (i->aux & 7) != 6 ? true : bad(v, "no such rounding mode");
}

/* Most that elements may have, as log2 of bytes; IR_VE_*. */
static unsigned vec_max_size(unsigned op)
{
    switch (op) {
    case IR_vpmul: case IR_vcnt: case IR_vrbit: case IR_vtbl1: case IR_vtbl2:
        return IR_VE_8;
    case IR_vmul: case IR_vsmull: case IR_vumull: case IR_vsmull2: case IR_vumull2: case IR_vsxtl:
    case IR_vuxtl: case IR_vsxtl2: case IR_vuxtl2: case IR_vxtn: case IR_vsqxtn: case IR_vuqxtn:
    case IR_vsqxtun: case IR_vsaddlp: case IR_vuaddlp: case IR_vclz: case IR_vcls:
    case IR_vsqdmulh: case IR_vavgs: case IR_vavgu: case IR_vavgs_r: case IR_vavgu_r:
    case IR_vhsubs: case IR_vhsubu:
        return IR_VE_32;
    default:
        return IR_VE_64;
    }
}

static bool check_vec_imm(Verifier *v, const IrInsn *i)
{
    bool low = i->aux & IR_V_LOW64;
    int64_t lanes = 16 >> (i->aux & IR_VE_MASK), bits = 8 << (i->aux & IR_VE_MASK), max = 0;
    switch (i->op) {
    case IR_vshl: max = bits - 1; break;
    case IR_vshr: case IR_vsar: max = bits; break;
    case IR_vdup_lane: case IR_vins: case IR_vget: max = lanes - 1; break;
    case IR_vins_lane:
        return (i->imm & 15) < lanes && i->imm >> 8 >= 0 && i->imm >> 8 < lanes &&
               !(i->imm & 0xf0) ? true : bad(v, "lane numbers");
    case IR_vext: max = low ? 8 : 16; break;
    case IR_vrev: max = 3; break;
    case IR_vfcvt_if: case IR_vfcvt_fi: max = i->type2 == IR_F32 ? 32 : 64; break;
    default: break;
    }
    return i->imm >= 0 && i->imm <= max ? true : bad(v, "imm is out of range");
}

static bool check_vec(Verifier *v, const IrInsn *i)
{
    const IrRef r[] = { i->a, i->b, i->c };
    if (ir_vec_gives_int(i->op) ? !is_int(i->type) : i->type != IR_V128)
        return bad(v, "type");
    for (unsigned k = 0; k < ir_vec_n_operands(i->op); k++)
        if (ir_vec_operand_is_vec(i->op, k) && !is_vec_ref(v, r[k]))
            return bad(v, "operand %c is not a vector", "abc"[k]);
    if (i->op == IR_vzext)
        return i->type2 < IR_V128 ? true : bad(v, "type2");
    if (i->op >= IR_vfabs && i->op <= IR_vfcvtn) {
        unsigned extra = i->op == IR_vfma ? IR_FMA_NEG_PRODUCT | IR_FMA_NEG_ADDEND :
                         i->op == IR_vfcvt_if ? IR_CVT_UNSIGNED :
                         i->op == IR_vfcvt_fi ? IR_CVT_UNSIGNED | IR_CVT_NO_NX :
                         i->op == IR_vfround ? IR_CVT_NO_NX : 0;
        unsigned low = i->aux & 0xff;
        if (!is_fp(i->type2) || i->aux & ~(0xffu | IR_V_LOW64))
            return bad(v, "type2 or aux");
        if (i->op >= IR_vfcvtl && (i->aux & IR_V_LOW64))
            return bad(v, "low64 where the size changes");
        if (i->op == IR_vfcmp ? low > IR_FLE_QUIET : i->op == IR_vfmin || i->op == IR_vfmax ?
            low > IR_MM_MINNUM : low & ~(7u | extra) || (low & 7) == 6)
            return bad(v, "aux");
        return check_vec_imm(v, i);
    }
    if (i->aux & ~(unsigned)(IR_VE_MASK | IR_V_LOW64 | IR_V_SIGN | IR_V_ROUND) ||
        (i->aux & IR_VE_MASK) > vec_max_size(i->op))
        return bad(v, "aux");
    if ((i->op == IR_vpmull || i->op == IR_vpmull2) &&
        (i->aux & IR_VE_MASK) != IR_VE_8 && (i->aux & IR_VE_MASK) != IR_VE_64)
        return bad(v, "element size");
    if (i->op == IR_vsqdmulh && (i->aux & IR_VE_MASK) == IR_VE_8)
        return bad(v, "element size");
    return check_vec_imm(v, i);
}

static bool check_types(Verifier *v, const IrInsn *i)
{
    if (ir_op_is_vec(i->op))
        return check_vec(v, i);
    switch (i->op) {
    case IR_mov:
        if (i->type == IR_V128 && !is_vec_ref(v, i->a))
            return bad(v, "operand a is not a vector");
        return i->type < IR_VOID ? true : bad(v, "type");
    case IR_select:
        return i->type < IR_V128 ? true : bad(v, "type");
    case IR_ld: case IR_st: case IR_rmw: case IR_cas:
        return i->type < IR_VOID ? check_memop(v, i) : bad(v, "type");
    case IR_fadd: case IR_fsub: case IR_fmul: case IR_fdiv: case IR_fsqrt:
        return is_fp(i->type) ? check_rounding(v, i, 0) : bad(v, "type is not FP");
    case IR_fma:
        return is_fp(i->type) ?
               check_rounding(v, i, IR_FMA_NEG_PRODUCT | IR_FMA_NEG_ADDEND) :
               bad(v, "type is not FP");
    case IR_fmin: case IR_fmax:
        return is_fp(i->type) && i->aux <= IR_MM_MINNUM ? true : bad(v, "type or aux");
    case IR_fcmp_nzcv:
        return is_fp(i->type) && i->aux <= IR_FCMP_SIGNALING ? true : bad(v, "type or aux");
    case IR_fround:
        return is_fp(i->type) ? check_rounding(v, i, IR_CVT_NO_NX) : bad(v, "type is not FP");
    case IR_fcmp:
        return !is_fp(i->type) ? bad(v, "type is not FP") :
               i->aux <= IR_FLE_QUIET ? true : bad(v, "no such comparison");
    case IR_fcvt_f:
        return is_fp(i->type) && is_fp(i->type2) && i->type != i->type2 ?
               check_rounding(v, i, 0) : bad(v, "types");
    case IR_fcvt_fi:
        if (i->imm < 0 || i->imm > 64)
            return bad(v, "fraction bits");
        return is_int(i->type) && is_fp(i->type2) ?
               check_rounding(v, i, IR_CVT_UNSIGNED | IR_CVT_NO_NX) : bad(v, "types");
    case IR_fcvt_if:
        if (i->imm < 0 || i->imm > 64)
            return bad(v, "fraction bits");
        return is_fp(i->type) && is_int(i->type2) ?
               check_rounding(v, i, IR_CVT_UNSIGNED) : bad(v, "types");
    case IR_funbox:
        return i->type == IR_F32 ? true : bad(v, "type is not F32");
    case IR_fbox:
        return ir_type_bits(i->type) == 64 && i->type != IR_VOID ? true :
               bad(v, "type is not 64 bits wide");
    case IR_extract: case IR_sextract: case IR_deposit: {
        unsigned start = i->aux & 0xff, len = i->aux >> 8;
        if (!is_int(i->type))
            return bad(v, "type is not integer");
        return len && start + len <= ir_type_bits(i->type) ? true : bad(v, "field range");
    }
    case IR_insn: case IR_fence: case IR_label: case IR_br: case IR_exit_jump: case IR_exit_ind:
    case IR_exit_loop: case IR_exit_lookup: case IR_call:
        return true;
    default:
        return is_int(i->type) ? true : bad(v, "type is not integer");
    }
}

static bool want_label(Verifier *v, uint64_t label)
{
    if (label >= v->f->n_labels)
        return bad(v, "no such label");
    if (v->label[label] & LABEL_PLACED)
        return bad(v, "backward branch");
    v->label[label] |= LABEL_WANTED;
    return true;
}

/* more: operands beyond the arguments */
static bool check_call(Verifier *v, const IrInsn *i, unsigned more)
{
    const IrHelper *h = (const IrHelper *)(intptr_t)i->imm;
    if (!h || !h->fn)
        return bad(v, "no helper");
    if (h->nargs > (more ? 0 : 4))
        return bad(v, "helper %s has too many arguments", h->name);
    if (i->dst != IR_NONE && !h->has_result)
        return bad(v, "helper %s has no result", h->name);
    if (h->effects & IR_FAULTS && !v->in_insn)
        return bad(v, "may fault before the first insn marker");
    return check_operands(v, i, h->nargs + more);
}

/* Operands, and what else the format asks for. */
static bool check_format(Verifier *v, const IrInsn *i)
{
    switch (i->op) {
    case IR_insn:
        v->in_insn = true;
        return i->aux <= 16 ? check_operands(v, i, 0) : bad(v, "instruction length");
    case IR_fence:
        return i->aux <= IR_FENCE_ALL ? check_operands(v, i, 0) : bad(v, "fence mask");
    case IR_label:
        if (i->aux >= v->f->n_labels)
            return bad(v, "no such label");
        if (v->label[i->aux] & LABEL_PLACED)
            return bad(v, "label is placed twice");
        v->label[i->aux] |= LABEL_PLACED;
        return check_operands(v, i, 0);
    case IR_br:
        return check_operands(v, i, 0) && want_label(v, i->aux);
    case IR_brcond:
        return check_operands(v, i, 2) && want_label(v, (uint64_t)i->imm);
    case IR_call:
        return check_call(v, i, 0);
    case IR_trap_if:
        return check_call(v, i, 2);
    case IR_exit_ind:
        return i->aux <= IR_JUMP_RET ? check_operands(v, i, 1) : bad(v, "kind of jump");
    case IR_exit_jump: case IR_exit_loop: case IR_exit_lookup:
        return check_operands(v, i, 0);
    case IR_select:
        return check_operands(v, i, 4);
    case IR_ld:
        return check_operands(v, i, 1);
    case IR_st: case IR_rmw: case IR_exit_if: case IR_setcond:
        return check_operands(v, i, 2);
    case IR_cas: case IR_fma: case IR_addc: case IR_nzcv_addc: case IR_carry:
        return check_operands(v, i, 3);
    default:
        if (ir_op_is_vec(i->op))
            return check_operands(v, i, ir_vec_n_operands(i->op));
        return check_operands(v, i, ir_op_formats[i->op][1] == 'B' ? 2 : 1);
    }
}

static bool check_insn(Verifier *v)
{
    const IrInsn *i = &v->f->insns[v->at];
    bool last = v->at == v->f->n - 1;
    if (i->op >= IR_N_OPS)
        return bad(v, "no such operation");
    if (!check_types(v, i) || !check_format(v, i) || !check_dst(v, i))
        return false;
    switch (i->op) {
    case IR_setcond: case IR_select: case IR_brcond: case IR_exit_if: case IR_trap_if:
        if (i->cond > IR_TSTNE)
            return bad(v, "no such condition");
        break;
    }
    if (ir_is_temp(i->dst))
        v->defined[i->dst] = v->bb;
    if (i->op == IR_label || i->op == IR_br || i->op == IR_brcond)
        v->bb++;
    if (!!(ir_op_flags[i->op] & IR_OPF_E) != last)
        return bad(v, last ? "the function does not end in an exit" :
                             "an exit before the end of the function");
    return true;
}

const char *ir_verify(const IrFunc *f)
{
    if (!f->n)
        return "empty function";
    Verifier v = { .f = f, .bb = 1 };
    v.defined = g_new0(unsigned, f->n_temps + 1);
    v.label = g_new0(uint8_t, f->n_labels + 1);
    bool ok = true;
    for (v.at = 0; ok && v.at < f->n; v.at++)
        ok = check_insn(&v);
    for (unsigned l = 0; ok && l < f->n_labels; l++) {
        if (v.label[l] == LABEL_WANTED) {
            snprintf(message, sizeof message, "label %u is never placed", l);
            ok = false;
        }
    }
    g_free(v.defined);
    g_free(v.label);
    return ok ? NULL : message;
}
