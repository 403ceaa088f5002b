/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The A64 processor for gdb: features and numbers as in "AArch64 Features" of gdb's manual,
 * appendix G. The system registers are those of the table (sysreg.h) that the processor has.
 */
#include <string.h>

#include "accel/disas.h"
#include "target/arm/sysreg.h"

enum {
    NUM_SP = 31, NUM_PC = 32, NUM_CPSR = 33, NUM_V0 = 34, NUM_FPSR = NUM_V0 + 32, NUM_FPCR,
    NUM_PAUTH, NUM_SYSREG = NUM_PAUTH + 4,
};
#define FEATURE_CORE "org.gnu.gdb.aarch64.core"
#define FEATURE_FPU "org.gnu.gdb.aarch64.fpu"
#define FEATURE_PAUTH "org.gnu.gdb.aarch64.pauth_v2"
#define FEATURE_SYSTEM "org.sosia.aarch64.system-registers"

size_t arm_disas(GString *out, const uint8_t *code, size_t len, uint64_t pc)
{
    return disas_a64(out, code, len, pc);
}

/* --- types --- */

static const char core_types[] =
    "<flags id=\"cpsr_flags\" size=\"4\">"
    "<field name=\"SP\" start=\"0\" end=\"0\"/><field name=\"EL\" start=\"2\" end=\"3\"/>"
    "<field name=\"nRW\" start=\"4\" end=\"4\"/><field name=\"F\" start=\"6\" end=\"6\"/>"
    "<field name=\"I\" start=\"7\" end=\"7\"/><field name=\"A\" start=\"8\" end=\"8\"/>"
    "<field name=\"D\" start=\"9\" end=\"9\"/><field name=\"BTYPE\" start=\"10\" end=\"11\"/>"
    "<field name=\"SSBS\" start=\"12\" end=\"12\"/><field name=\"IL\" start=\"20\" end=\"20\"/>"
    "<field name=\"SS\" start=\"21\" end=\"21\"/><field name=\"PAN\" start=\"22\" end=\"22\"/>"
    "<field name=\"UAO\" start=\"23\" end=\"23\"/><field name=\"DIT\" start=\"24\" end=\"24\"/>"
    "<field name=\"TCO\" start=\"25\" end=\"25\"/><field name=\"V\" start=\"28\" end=\"28\"/>"
    "<field name=\"C\" start=\"29\" end=\"29\"/><field name=\"Z\" start=\"30\" end=\"30\"/>"
    "<field name=\"N\" start=\"31\" end=\"31\"/></flags>\n";

#define LANES(id, type, n) "<vector id=\"" id "\" type=\"" type "\" count=\"" n "\"/>"
#define BOTH(name, u, s) "<field name=\"u\" type=\"" u "\"/><field name=\"s\" type=\"" s "\"/>"
static const char fpu_types[] =
    LANES("v2d", "ieee_double", "2") LANES("v2u", "uint64", "2") LANES("v2i", "int64", "2")
    LANES("v4f", "ieee_single", "4") LANES("v4u", "uint32", "4") LANES("v4i", "int32", "4")
    LANES("v8f", "ieee_half", "8") LANES("v8u", "uint16", "8") LANES("v8i", "int16", "8")
    LANES("v16u", "uint8", "16") LANES("v16i", "int8", "16")
    LANES("v1u", "uint128", "1") LANES("v1i", "int128", "1")
    "<union id=\"vnd\"><field name=\"f\" type=\"v2d\"/>" BOTH("d", "v2u", "v2i") "</union>"
    "<union id=\"vns\"><field name=\"f\" type=\"v4f\"/>" BOTH("s", "v4u", "v4i") "</union>"
    "<union id=\"vnh\"><field name=\"f\" type=\"v8f\"/>" BOTH("h", "v8u", "v8i") "</union>"
    "<union id=\"vnb\">" BOTH("b", "v16u", "v16i") "</union>"
    "<union id=\"vnq\">" BOTH("q", "v1u", "v1i") "</union>"
    "<union id=\"aarch64v\"><field name=\"d\" type=\"vnd\"/><field name=\"s\" type=\"vns\"/>"
    "<field name=\"h\" type=\"vnh\"/><field name=\"b\" type=\"vnb\"/>"
    "<field name=\"q\" type=\"vnq\"/></union>\n";

const char *arm_gdb_types(const char *feature)
{
    if (!strcmp(feature, FEATURE_CORE))
        return core_types;
    return strcmp(feature, FEATURE_FPU) ? NULL : fpu_types;
}

/* --- the list --- */

static bool shown(const ArmCpu *a, const ArmSysReg *r)
{
    return r->enc >> 14 >= 2 && !r->no_gdb && r->access & 15 && arm_sysreg_present(a, r) &&
           strncmp(r->name, "RES_", 4);
}

/* The table's rows by gdb's number, the same for all processors of a machine. */
static const ArmSysReg *nth_sysreg(const ArmCpu *a, unsigned i)
{
    static const ArmCpu *of;
    static GPtrArray *list;

    if (!list)
        list = g_ptr_array_new();
    if (!of) {
        const ArmSysReg *r;
        of = a;
        for (unsigned k = 0; (r = arm_sysreg_nth(k)); k++)
            if (shown(a, r))
                g_ptr_array_add(list, (void *)r);
    }
    return i < list->len ? list->pdata[i] : NULL;
}

static bool describe(GdbReg *out, const char *feature, const char *group, const char *type,
                     unsigned num, unsigned bits)
{
    out->feature = feature;
    out->group = group;
    out->type = type;
    out->num = (uint16_t)num;
    out->bits = (uint16_t)bits;
    return true;
}

static bool core_reg(unsigned i, GdbReg *out)
{
    if (i < 31)
        g_snprintf(out->name, sizeof out->name, "x%u", i);
    else
        g_strlcpy(out->name, i == NUM_SP ? "sp" : i == NUM_PC ? "pc" : "cpsr", sizeof out->name);
    return describe(out, FEATURE_CORE, "general",
                    i < 31 ? "int" : i == NUM_SP ? "data_ptr" : i == NUM_PC ? "code_ptr"
                                                                            : "cpsr_flags",
                    i, i == NUM_CPSR ? 32 : 64);
}

bool arm_gdb_reg(Cpu *cpu, unsigned i, GdbReg *out)
{
    static const char *const pauth[] = { "pauth_dmask", "pauth_cmask", "pauth_dmask_high",
                                         "pauth_cmask_high" };
    ArmCpu *a = arm_cpu(cpu);
    const ArmSysReg *r;

    *out = (GdbReg){ .bits = 64 };
    if (i <= NUM_CPSR)
        return core_reg(i, out);
    if (i < NUM_FPSR) {
        g_snprintf(out->name, sizeof out->name, "v%u", i - NUM_V0);
        return describe(out, FEATURE_FPU, "float", "aarch64v", i, 128);
    }
    if (i <= NUM_FPCR) {
        g_strlcpy(out->name, i == NUM_FPSR ? "fpsr" : "fpcr", sizeof out->name);
        return describe(out, FEATURE_FPU, "float", "int", i, 32);
    }
    i -= NUM_PAUTH;
    if (a->feat.pauth) {
        if (i < 4) {
            g_strlcpy(out->name, pauth[i], sizeof out->name);
            return describe(out, FEATURE_PAUTH, NULL, NULL, NUM_PAUTH + i, 64);
        }
        i -= 4;
    }
    r = nth_sysreg(a, i);
    if (!r)
        return false;
    g_strlcpy(out->name, r->name, sizeof out->name);
    return describe(out, FEATURE_SYSTEM, "system", NULL, NUM_SYSREG + i, 64);
}

/* --- values --- */

/* Bits of a pointer that hold its authentication code, in the lower or upper range. */
static uint64_t pauth_mask(const ArmCpu *a, bool high, bool data)
{
    uint64_t tcr = a->tcr[1];
    unsigned size = 64 - (tcr >> (high ? 16 : 0) & 63);
    bool tbi = tcr >> (37 + high) & 1 && (data || !(tcr >> (51 + high) & 1));

    return MASK(tbi ? 56 : 64) & ~(1ULL << 55) & ~MASK(MIN(size, 55));
}

void arm_gdb_read(Cpu *cpu, unsigned num, uint8_t *bytes)
{
    ArmCpu *a = arm_cpu(cpu);
    const ArmSysReg *r;

    if (num < NUM_SP) {
        store_le64(bytes, a->x[num]);
    } else if (num == NUM_SP) {
        store_le64(bytes, a->sp);
    } else if (num == NUM_PC) {
        store_le64(bytes, a->pc);
    } else if (num == NUM_CPSR) {
        store_le32(bytes, (uint32_t)(a->pstate | arm_nzcv(a) |
                                     arm_btype(a) << PSTATE_BTYPE_SHIFT));
    } else if (num < NUM_FPSR) {
        store_le64(bytes, a->v[num - NUM_V0].d[0]);
        store_le64(bytes + 8, a->v[num - NUM_V0].d[1]);
    } else if (num <= NUM_FPCR) {
        store_le32(bytes, (uint32_t)(num == NUM_FPSR ? arm_fpsr(a) : a->fpcr));
    } else if (num < NUM_SYSREG) {
        unsigned i = num - NUM_PAUTH;
        store_le64(bytes, pauth_mask(a, i & 2, !(i & 1)));
    } else {
        r = nth_sysreg(a, num - NUM_SYSREG);
        store_le64(bytes, r ? arm_sysreg_peek(a, r) : 0);
    }
}

/* As Linux' user_pt_regs and user_fpsimd_state: the registers of gdb's first two features. */
void arm_core_regs(Cpu *cpu, GByteArray *general, GByteArray *fp)
{
    uint8_t b[16] = { 0 };

    for (unsigned num = 0; num <= NUM_CPSR; num++) {
        memset(b, 0, sizeof b);
        arm_gdb_read(cpu, num, b);
        g_byte_array_append(general, b, 8);
    }
    for (unsigned num = NUM_V0; num < NUM_FPSR; num++) {
        arm_gdb_read(cpu, num, b);
        g_byte_array_append(fp, b, sizeof b);
    }
    memset(b, 0, sizeof b); /* two reserved words behind the two */
    arm_gdb_read(cpu, NUM_FPSR, b);
    arm_gdb_read(cpu, NUM_FPCR, b + 4);
    g_byte_array_append(fp, b, sizeof b);
}

/* PSTATE from a debugger: what a return from an exception could bring, and levels that exist. */
static void write_cpsr(ArmCpu *a, uint32_t v)
{
    unsigned el = v >> PSTATE_EL_SHIFT & 3;
    uint64_t bits = PSTATE_DAIF | PSTATE_IL | PSTATE_SS | (a->feat.pan ? PSTATE_PAN : 0) |
                    (a->feat.uao ? PSTATE_UAO : 0) | (a->feat.ssbs ? PSTATE_SSBS : 0) |
                    (a->feat.dit ? PSTATE_DIT : 0);

    arm_set_nzcv(a, v);
    if (a->feat.bti)
        arm_set_btype(a, v >> PSTATE_BTYPE_SHIFT);
    a->pstate = (a->pstate & ~bits) | (v & bits);
    if ((el != 2 || a->has_el2) && (el != 3 || a->has_el3))
        arm_set_el(a, el, el && v & PSTATE_SP);
    arm_update_mode(a);
    arm_check_interrupts(a);
}

void arm_gdb_write(Cpu *cpu, unsigned num, const uint8_t *bytes)
{
    ArmCpu *a = arm_cpu(cpu);
    const ArmSysReg *r;

    if (num < NUM_SP) {
        a->x[num] = load_le64(bytes);
    } else if (num == NUM_SP) {
        a->sp = load_le64(bytes);
    } else if (num == NUM_PC) {
        a->pc = load_le64(bytes);
    } else if (num == NUM_CPSR) {
        write_cpsr(a, load_le32(bytes));
    } else if (num < NUM_FPSR) {
        a->v[num - NUM_V0].d[0] = load_le64(bytes);
        a->v[num - NUM_V0].d[1] = load_le64(bytes + 8);
    } else if (num == NUM_FPSR) {
        arm_set_fpsr(a, load_le32(bytes));
    } else if (num == NUM_FPCR) {
        arm_set_fpcr(a, load_le32(bytes));
    } else if (num >= NUM_SYSREG) {
        r = nth_sysreg(a, num - NUM_SYSREG);
        if (r)
            arm_sysreg_poke(a, r, load_le64(bytes));
    }
}

bool arm_kernel_vectors(Cpu *cpu, vaddr *va)
{
    ArmCpu *a = arm_cpu(cpu);
    unsigned el = a->has_el2 && a->hcr & HCR_E2H && a->vbar[2] >> 63 ? 2 : 1;

    *va = a->vbar[el];
    return a->sctlr[el] & SCTLR_M && *va >> 63;
}

/*
 * The image's header is at its start ("Booting AArch64 Linux": ARM\x64 at byte 56). That is aligned to
 * 64 KiB at least. Newer kernels don't map the header, which lies before the rest in RAM, and give
 * its memory away in the end: then the image began at the 2 MiB boundary right below what is mapped
 * (or the mapping goes on to something else).
 */
bool arm_kernel_base(Cpu *cpu, vaddr va, vaddr *base)
{
    enum { STEP = 0x10000, MAX_STEPS = 1024, IMAGE_ALIGN = 2 << 20, MIN_IMAGE = 1 << 20 };
    hwaddr pa = 0, at;

    va = ALIGN_DOWN(va, STEP);
    for (unsigned i = 0; i < MAX_STEPS && va >> 63; i++, va -= STEP) {
        uint8_t header[64];
        bool mapped = cpu_debug_translate(cpu, va, &at) && (!i || at + STEP == pa);
        if (!mapped && (!i || pa < STEP))
            return false;
        pa = i ? pa - STEP : at;
        if (address_space_read(cpu->as, pa, header, sizeof header) == MEM_OK &&
            !memcmp(header + 56, "ARM\x64", 4)) {
            *base = va;
            return true;
        }
        if (!mapped) { /* under KPTI the vectors may lie apart, without an image */
            *base = va;
            return !(va & (IMAGE_ALIGN - 1)) && cpu_debug_translate(cpu, va + MIN_IMAGE, &at) &&
                   at == pa + MIN_IMAGE;
        }
    }
    return false;
}
