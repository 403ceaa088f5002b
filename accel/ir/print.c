/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IR as text, for -d op and failing tests. One line per operation. */
#include "accel/ir/internal.h"

#include <inttypes.h>

static const char type_suffix[][6] = { "i32", "i64", "f32", "f64", "v128", "" };
static const char *const cond_name[] = { "eq", "ne", "lt", "ge", "le", "gt",
                                         "ltu", "geu", "leu", "gtu", "tsteq", "tstne" };
static const char *const rmw_name[] = { "swap", "add", "and", "or", "xor", "andn",
                                        "smin", "smax", "umin", "umax" };
static const char *const fcmp_name[] = { "eq", "lt", "le", "eq_sig", "lt_quiet", "le_quiet" };
static const char *const minmax_name[] = { "number", "propagate", "minnum" };
static const char *const rm_name[] = { "rne", "rtz", "rdn", "rup", "rmm", "rto", "?", "dyn" };
static const char *const jump_name[] = { "jump", "call", "ret" };

/* Malformed IR is printed too (the verifier's message goes with it), so every index is checked. */
#define NAME(table, i) ((i) < G_N_ELEMENTS(table) ? table[i] : "?")

static void print_ref(const IrFunc *f, IrRef r, FILE *out)
{
    if (r == IR_NONE)
        fputs("_", out);
    else if (ir_is_temp(r))
        fprintf(out, "t%u", r);
    else if (ir_is_slot(r))
        fprintf(out, "%s", ir_slot_index(r) < f->n_slots ? f->slots[ir_slot_index(r)].name : "?");
    else if ((r & 0x3fffu) < f->n_consts)
        fprintf(out, "0x%" PRIx64, ir_const_value(f, r));
    else
        fputs("?", out);
}

static void print_memop(IrMemOp m, FILE *out)
{
    fprintf(out, " .%u%s%s%s%s%s%s%s%s", 8 * ir_mo_bytes(m), m & IR_MO_SIGN ? "s" : "",
            m & IR_MO_BE ? ",be" : "", m & IR_MO_ALIGN ? ",align" : "",
            m & IR_MO_ATOMIC ? ",atomic" : "", m & IR_MO_ACQUIRE ? ",acq" : "",
            m & IR_MO_RELEASE ? ",rel" : "", m & IR_MO_SEQ ? ",seq" : "",
            m & IR_MO_RMW_FAULT ? ",wfault" : "");
    if (m & IR_MO_IDX)
        fprintf(out, ",idx%u", m >> IR_MO_IDX_SHIFT & 15);
}

static void print_operands(const IrFunc *f, const IrInsn *i, FILE *out)
{
    const IrRef r[] = { i->a, i->b, i->c, i->d };
    const char *sep = " ";
    for (unsigned n = 0; n < 4; n++) {
        if (r[n] == IR_NONE)
            continue;
        fputs(sep, out);
        print_ref(f, r[n], out);
        sep = ", ";
    }
}

static void print_insn(const IrFunc *f, const IrInsn *i, FILE *out)
{
    if (i->op >= IR_N_OPS) {
        fprintf(out, "    ?%u\n", i->op);
        return;
    }
    switch (i->op) {
    case IR_insn:
        fprintf(out, "---- 0x%" PRIx64 " (%u)\n", (uint64_t)i->imm, i->aux);
        return;
    case IR_label:
        fprintf(out, "L%u:\n", i->aux);
        return;
    default:
        break;
    }
    fputs("    ", out);
    if (i->dst != IR_NONE) {
        print_ref(f, i->dst, out);
        fputs(" = ", out);
    }
    fputs(ir_op_names[i->op], out);
    if (i->type < IR_VOID)
        fprintf(out, ".%s", type_suffix[i->type]);
    if (i->op == IR_vzext || (i->op >= IR_vfabs && i->op <= IR_vfcvtn))
        fprintf(out, ".%s", NAME(type_suffix, i->type2));
    else if (ir_op_is_vec(i->op))
        fprintf(out, ".%u", 8u << (i->aux & IR_VE_MASK));
    if (i->op == IR_fcvt_f || i->op == IR_fcvt_fi || i->op == IR_fcvt_if)
        fprintf(out, ".%s", NAME(type_suffix, i->type2));
    if (ir_op_formats[i->op][0] == 'C' && ir_op_formats[i->op][1] == 'C')
        fprintf(out, ".%s", NAME(cond_name, i->cond));
    if (i->op == IR_rmw)
        fprintf(out, ".%s", NAME(rmw_name, i->aux));
    if (i->op == IR_fcmp || i->op == IR_vfcmp)
        fprintf(out, ".%s", NAME(fcmp_name, i->aux & 0xff));
    if (i->op == IR_fmin || i->op == IR_fmax || i->op == IR_vfmin || i->op == IR_vfmax)
        fprintf(out, ".%s", NAME(minmax_name, i->aux & 0xff));
    if (i->op == IR_call)
        fprintf(out, " %s", ((const IrHelper *)(intptr_t)i->imm)->name);
    print_operands(f, i, out);
    switch (i->op) {
    case IR_ld: case IR_st: case IR_rmw: case IR_cas:
        if (i->imm)
            fprintf(out, " @%+" PRId64, i->imm);
        print_memop(i->memop, out);
        break;
    case IR_extract: case IR_sextract: case IR_deposit:
        fprintf(out, " [%u+%u]", i->aux & 0xff, i->aux >> 8);
        break;
    case IR_fadd: case IR_fsub: case IR_fmul: case IR_fdiv: case IR_fsqrt: case IR_fcvt_f:
    case IR_vfadd: case IR_vfsub: case IR_vfmul: case IR_vfdiv: case IR_vfsqrt: case IR_vfabd:
    case IR_vfaddp: case IR_vfcvtl: case IR_vfcvtl2: case IR_vfcvtn:
        fprintf(out, " %s", rm_name[i->aux & 7]);
        break;
    case IR_fma: case IR_vfma:
        fprintf(out, " %s%s%s", rm_name[i->aux & 7], i->aux & IR_FMA_NEG_PRODUCT ? " -ab" : "",
                i->aux & IR_FMA_NEG_ADDEND ? " -c" : "");
        break;
    case IR_fcvt_fi: case IR_fcvt_if: case IR_fround:
    case IR_vfcvt_fi: case IR_vfcvt_if: case IR_vfround:
        fprintf(out, " %s%s%s", rm_name[i->aux & 7], i->aux & IR_CVT_UNSIGNED ? " unsigned" : "",
                i->aux & IR_CVT_NO_NX ? " no-nx" : "");
        if (i->imm)
            fprintf(out, " fbits %d", (int)i->imm);
        break;
    case IR_fence:
        fprintf(out, " 0x%x", i->aux);
        break;
    case IR_br:
        fprintf(out, " L%u", i->aux);
        break;
    case IR_trap_if:
        fprintf(out, " %s", ((const IrHelper *)(intptr_t)i->imm)->name);
        break;
    case IR_brcond:
        fprintf(out, " L%u", (unsigned)i->imm);
        break;
    case IR_exit_if: case IR_exit_jump:
        fprintf(out, " -> 0x%" PRIx64, (uint64_t)i->imm);
        break;
    case IR_exit_ind:
        fprintf(out, " %s", NAME(jump_name, i->aux));
        break;
    case IR_fcmp_nzcv:
        fputs(i->aux & IR_FCMP_SIGNALING ? " signaling" : "", out);
        break;
    default:
        if (ir_op_is_vec(i->op) && i->imm)
            fprintf(out, " #%d", (int)i->imm);
        break;
    }
    if (ir_op_is_vec(i->op))
        fprintf(out, "%s%s%s", i->aux & IR_V_LOW64 ? " low64" : "",
                i->aux & IR_V_SIGN ? " sign" : "", i->aux & IR_V_ROUND ? " round" : "");
    fputc('\n', out);
}

void ir_print(const IrFunc *f, FILE *out)
{
    for (unsigned n = 0; n < f->n; n++)
        print_insn(f, &f->insns[n], out);
}
