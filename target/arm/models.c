/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processors of -cpu: ID registers as the cores' technical reference manuals give them, minus
 * what is not modelled here (AArch32 at any level, SVE, SME, MTE, trace, SPE), and what of it
 * decoding asks for.
 */
#include <string.h>

#include "target/arm/cpu.h"
#include "target/arm/models.h"
#include "util/error.h"

/* ID_AA64PFR0_EL1: AArch64 only at EL0 to EL3; EL2, EL3 and GIC go by what the board has. */
enum { PFR0_ELS = 0x1111 };

/* v8.0: 4 KiB and 64 KiB granules only, 40 or 44 bits of physical address, 16-bit ASIDs. */
#define V80_IDS                                                                                \
    .aa64dfr0 = 0x10305106, .aa64isar0 = 0x11120, .dczid = 4, .aa64pfr0 = PFR0_ELS
/* v8.2 with RAS, dot product, FP16. */
#define V82_IDS                                                                                \
    .aa64dfr0 = 0x10305408, .aa64isar0 = 0x100010211120, .aa64isar1 = 0x100001,                \
    .aa64mmfr1 = 0x10212122, .aa64mmfr2 = 0x1011, .dczid = 4

static const ArmModel arm_models[] = {
    {
        .name = "cortex-a35", .doc = "Arm Cortex-A35 r1p0 (ARMv8.0-A)",
        .compatible = "arm,cortex-a35", .pmcr = 0x410a3000, .impdef = ARM_IMPDEF_A57,
        .id = { .midr = 0x411fd040, .ctr = 0x84448004, .clidr = 0x0a200023,
                .aa64mmfr0 = 0x101122, V80_IDS },
        .ccsidr = { 0x700fe01a, 0x201fe00a, 0x703fe03a },
    },
    {
        .name = "cortex-a53", .doc = "Arm Cortex-A53 r0p4 (ARMv8.0-A)",
        .compatible = "arm,cortex-a53", .pmcr = 0x41033000, .impdef = ARM_IMPDEF_A57,
        .id = { .midr = 0x410fd034, .ctr = 0x84448004, .clidr = 0x0a200023,
                .aa64mmfr0 = 0x1122, V80_IDS },
        .ccsidr = { 0x700fe01a, 0x201fe00a, 0x707fe07a },
    },
    {
        .name = "cortex-a55", .doc = "Arm Cortex-A55 r2p0 (ARMv8.2-A)",
        .compatible = "arm,cortex-a55", .pmcr = 0x41453000, .impdef = ARM_IMPDEF_DSU,
        .id = { .midr = 0x412fd050, .ctr = 0x84448004, .clidr = 0x82000023,
                .aa64pfr0 = 0x10110000 | PFR0_ELS, .aa64pfr1 = 0x10, .aa64mmfr0 = 0x101122,
                V82_IDS },
        .ccsidr = { 0x700fe01a, 0x200fe01a, 0x703fe07a },
    },
    {
        .name = "cortex-a57", .doc = "Arm Cortex-A57 r1p0 (ARMv8.0-A)",
        .compatible = "arm,cortex-a57", .pmcr = 0x41013000, .impdef = ARM_IMPDEF_A57,
        .id = { .midr = 0x411fd070, .ctr = 0x8444c004, .clidr = 0x0a200023,
                .aa64mmfr0 = 0x1124, V80_IDS },
        .ccsidr = { 0x701fe00a, 0x201fe012, 0x70ffe07a },
    },
    {
        .name = "cortex-a72", .doc = "Arm Cortex-A72 r0p3 (ARMv8.0-A)",
        .compatible = "arm,cortex-a72", .pmcr = 0x41023000, .impdef = ARM_IMPDEF_A57,
        .id = { .midr = 0x410fd083, .ctr = 0x8444c004, .clidr = 0x0a200023,
                .aa64mmfr0 = 0x1124, V80_IDS },
        .ccsidr = { 0x701fe00a, 0x201fe012, 0x707fe07a },
    },
    {
        .name = "cortex-a76", .doc = "Arm Cortex-A76 r4p1 (ARMv8.2-A)",
        .compatible = "arm,cortex-a76", .pmcr = 0x410b3000, .impdef = ARM_IMPDEF_DSU,
        .id = { .midr = 0x414fd0b1, .ctr = 0x8444c004, .clidr = 0x82000023,
                .aa64pfr0 = 0x1100000010110000 | PFR0_ELS, .aa64pfr1 = 0x10,
                .aa64mmfr0 = 0x101122, V82_IDS },
        .ccsidr = { 0x701fe01a, 0x201fe01a, 0x707fe03a },
    },
    {
        .name = "neoverse-n1", .doc = "Arm Neoverse N1 r4p1 (ARMv8.2-A)",
        .compatible = "arm,neoverse-n1", .pmcr = 0x410c3000, .impdef = ARM_IMPDEF_DSU,
        .id = { .midr = 0x414fd0c1, .ctr = 0x8444c004, .clidr = 0x82000023,
                .aa64pfr0 = 0x1100000010110000 | PFR0_ELS, .aa64mmfr0 = 0x101125, V82_IDS,
                .aa64pfr1 = 0x20 },
        .ccsidr = { 0x701fe01a, 0x201fe01a, 0x70ffe03a },
    },
    {
        /*
         * Implementer 0, part "Q Q" and so on as software knows this processor from elsewhere;
         * what is on is all that there is.
         */
        .name = "max", .doc = "Everything that is implemented (ARMv8.6-A and some more)",
        .compatible = "arm,armv8", .pmcr = 0x41013000, .impdef = ARM_IMPDEF_A57,
        .id = { .midr = 0x000f0510, .ctr = 0x8444c004, .clidr = 0x0a200023,
                .aa64dfr0 = 0x10305509, .dczid = 4,
                .aa64pfr0 = 0x1101000010110000 | PFR0_ELS, .aa64pfr1 = 0x21,
                .aa64isar0 = 0x1221111110212120, .aa64isar1 = 0x0011111101211012,
                .aa64mmfr0 = 0x32310201126, .aa64mmfr1 = 0x0000001010211122,
                .aa64mmfr2 = 0x1021011110011011 },
        .ccsidr = { 0x701fe00a, 0x201fe012, 0x70ffe07a },
    },
};

const char *arm_model_name(unsigned i, const char **doc)
{
    if (i >= ARRAY_LEN(arm_models))
        return NULL;
    if (doc)
        *doc = arm_models[i].doc;
    return arm_models[i].name;
}

/* --- features --- */

/* What decoding asks for: a field of an ID register that is at least `min`. */
typedef struct FeatureRow {
    size_t feature, reg;
    uint8_t shift, min;
    bool is_signed;
} FeatureRow;
#define F(name, reg_, shift_, min_)                                                            \
    { offsetof(ArmCpu, feat.name), offsetof(ArmCpu, id.reg_), shift_, min_, false }

static const FeatureRow feature_rows[] = {
    F(aes, aa64isar0, 4, 1), F(pmull, aa64isar0, 4, 2), F(sha1, aa64isar0, 8, 1),
    F(sha256, aa64isar0, 12, 1), F(sha512, aa64isar0, 12, 2), F(crc32, aa64isar0, 16, 1),
    F(lse, aa64isar0, 20, 2), F(rdm, aa64isar0, 28, 1), F(sha3, aa64isar0, 32, 1),
    F(sm3, aa64isar0, 36, 1), F(sm4, aa64isar0, 40, 1), F(dotprod, aa64isar0, 44, 1),
    F(fhm, aa64isar0, 48, 1), F(flagm, aa64isar0, 52, 1), F(flagm2, aa64isar0, 52, 2),
    F(tlbios, aa64isar0, 56, 1), F(tlbirange, aa64isar0, 56, 2), F(rng, aa64isar0, 60, 1),
    F(dpb, aa64isar1, 0, 1), F(dpb2, aa64isar1, 0, 2), F(pauth, aa64isar1, 4, 1),
    F(jscvt, aa64isar1, 12, 1), F(fcma, aa64isar1, 16, 1), F(rcpc, aa64isar1, 20, 1),
    F(rcpc2, aa64isar1, 20, 2), F(frintts, aa64isar1, 32, 1), F(sb, aa64isar1, 36, 1),
    F(predres, aa64isar1, 40, 1), F(bf16, aa64isar1, 44, 1), F(i8mm, aa64isar1, 52, 1),
    F(wfxt, aa64isar2, 0, 2), F(ssbs, aa64pfr1, 4, 1), F(bti, aa64pfr1, 0, 1),
    F(mte, aa64pfr1, 8, 1), F(fp16, aa64pfr0, 20, 1), F(dit, aa64pfr0, 48, 1),
    F(pan, aa64mmfr1, 20, 1), F(pan2, aa64mmfr1, 20, 2), F(vhe, aa64mmfr1, 8, 1),
    F(lor, aa64mmfr1, 16, 1), F(xnx, aa64mmfr1, 28, 1), F(hafdbs, aa64mmfr1, 0, 1),
    F(dbm, aa64mmfr1, 0, 2), F(uao, aa64mmfr2, 4, 1), F(ttst, aa64mmfr2, 28, 1),
    F(lse2, aa64mmfr2, 32, 1), F(e0pd, aa64mmfr2, 60, 1), F(fgt, aa64mmfr0, 56, 1),
    F(ecv, aa64mmfr0, 60, 1), F(lpa, aa64mmfr2, 16, 1), F(lpa2, aa64mmfr0, 28, 1),
};
#undef F

static void derive_features(ArmCpu *a)
{
    static const uint8_t pa_bits[] = { 32, 36, 40, 42, 44, 48, 52 };

    memset(&a->feat, 0, sizeof a->feat);
    for (unsigned i = 0; i < ARRAY_LEN(feature_rows); i++) {
        const FeatureRow *f = &feature_rows[i];
        uint64_t reg = *(const uint64_t *)(const void *)((const char *)a + f->reg);
        unsigned field = reg >> f->shift & 15;
        /* 0xf says that there is none in the fields that may be so. */
        *(bool *)((char *)a + f->feature) = field != 15 && field >= f->min;
    }
    a->pa_bits = pa_bits[MIN(a->id.aa64mmfr0 & 15, ARRAY_LEN(pa_bits) - 1)];
    a->va_bits = a->feat.lpa || a->feat.lpa2 ? 52 : 48;
}

/* --- -cpu NAME,property=value --- */

static bool parse_switch(const char *name, const char *value, bool *on, GError **error)
{
    static const char *const yes[] = { "on", "true", "yes", "y" };
    static const char *const no[] = { "off", "false", "no", "n" };

    for (unsigned i = 0; i < ARRAY_LEN(yes); i++) {
        *on = !strcmp(value, yes[i]);
        if (*on || !strcmp(value, no[i]))
            return true;
    }
    return error_set(error, "-cpu: %s=%s must be on or off", name, value);
}

/* Fields of ID registers that a property clears when it is off. */
typedef struct Property {
    const char *name;
    bool (*apply)(ArmCpu *a, bool on);
    const char *refusal;
} Property;

static bool apply_pmu(ArmCpu *a, bool on)
{
    a->has_pmu = on;
    if (!on)
        a->id.aa64dfr0 &= ~0xf00ULL;
    return true;
}

static bool apply_aarch64(ArmCpu *a, bool on)
{
    return on;
}

/* APA and API, GPA and GPI: the algorithm of the architecture, or one of our own. */
static bool apply_pauth(ArmCpu *a, bool on)
{
    if (!on)
        a->id.aa64isar1 &= ~0xff000ff0ULL;
    return !on || a->id.aa64isar1 & 0xff0;
}

static bool apply_pauth_impdef(ArmCpu *a, bool on)
{
    uint64_t isar1 = a->id.aa64isar1, apa = isar1 >> 4 & 15, gpa = isar1 >> 24 & 15;

    if (!on || !apa)
        return !on;
    a->id.aa64isar1 = (isar1 & ~0xff000ff0ULL) | apa << 8 | gpa << 28;
    return true;
}

/* TGRAN4, TGRAN16 and those of stage 2: 52-bit addresses, or these pages without. */
static bool apply_lpa2(ArmCpu *a, bool on)
{
    bool has = bits_get(a->id.aa64mmfr0, 28, 4) == 1;

    if (!on && has) {
        a->id.aa64mmfr0 = bits_set(a->id.aa64mmfr0, 20, 4, 1);
        a->id.aa64mmfr0 = bits_set(a->id.aa64mmfr0, 28, 4, 0);
        a->id.aa64mmfr0 = bits_set(a->id.aa64mmfr0, 32, 4, 2);
        a->id.aa64mmfr0 = bits_set(a->id.aa64mmfr0, 40, 4, 2);
    }
    return !on || has;
}

static bool apply_absent(ArmCpu *a, bool on)
{
    return !on;
}

static const Property properties[] = {
    { "pmu", apply_pmu, NULL },
    { "aarch64", apply_aarch64, "there is no AArch32 yet" },
    { "pauth", apply_pauth, "this processor has no pointer authentication; take max" },
    { "pauth-impdef", apply_pauth_impdef,
      "this processor has no pointer authentication; take max" },
    { "sve", apply_absent, "SVE is not implemented yet" },
    { "sme", apply_absent, "SME is not implemented yet" },
    { "lpa2", apply_lpa2, "this processor has no 52-bit addresses with 4 KiB pages; take max" },
    { "cfgend", apply_absent, "processors start little-endian" },
};

static bool parse_property(ArmCpu *a, const char *item, GError **error)
{
    const char *names[ARRAY_LEN(properties) + 1] = { NULL };
    g_autofree char *name = NULL;
    const char *eq = strchr(item, '='), *near;
    bool on = true;

    if (*item == '+' || *item == '-') {
        name = g_strdup(item + 1);
        on = *item == '+';
    } else {
        name = eq ? g_strndup(item, (gsize)(eq - item)) : g_strdup(item);
        if (eq && !parse_switch(name, eq + 1, &on, error))
            return false;
    }
    for (unsigned i = 0; i < ARRAY_LEN(properties); i++) {
        names[i] = properties[i].name;
        if (strcmp(name, names[i]))
            continue;
        return properties[i].apply(a, on) ||
               error_set(error, "-cpu: %s=%s: %s", name, on ? "on" : "off", properties[i].refusal);
    }
    near = error_nearest(name, names);
    return error_set(error, "-cpu: '%s' is no property of %s%s%s%s", name, a->model->name,
                     near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* Names that users of QEMU know, of processors that run no A64 code. */
static bool is_aarch32_only(const char *name)
{
    static const char *const exact[] = { "cortex-a5", "cortex-a7", "cortex-a8", "cortex-a9",
                                         "cortex-a12", "cortex-a15", "cortex-a17", "ti925t" };
    static const char *const begin[] = { "arm9", "arm10", "arm11", "cortex-m", "cortex-r", "pxa2",
                                         "sa11" };

    for (unsigned i = 0; i < ARRAY_LEN(exact); i++)
        if (!strcmp(name, exact[i]))
            return true;
    for (unsigned i = 0; i < ARRAY_LEN(begin); i++)
        if (g_str_has_prefix(name, begin[i]))
            return true;
    return false;
}

static bool no_such_model(const char *name, const char *const *names, GError **error)
{
    const char *near = error_nearest(name, names);

    if (is_aarch32_only(name))
        return error_set(error, "-cpu %s: a processor with AArch32 only, which is not implemented "
                         "yet; 64-bit guests run on cortex-a53, cortex-a72 or max", name);
    if (!strcmp(name, "host"))
        return error_set(error, "-cpu host: needs KVM, which is not in use; max has everything "
                         "that is implemented");
    return error_set(error, "-cpu: there is no AArch64 CPU '%s'; %s%s (-cpu help lists them)", name,
                     near ? "did you mean " : "try ", near ? near : "cortex-a72");
}

bool arm_configure(Cpu *cpu, const char *text, GError **error)
{
    ArmCpu *a = arm_cpu(cpu);
    g_auto(GStrv) items = g_strsplit(text, ",", -1);
    const char *name = items[0] ? items[0] : "";
    const char *names[ARRAY_LEN(arm_models) + 1] = { NULL };

    a->model = NULL;
    for (unsigned i = 0; i < ARRAY_LEN(arm_models); i++) {
        names[i] = arm_models[i].name;
        if (!strcmp(name, names[i]))
            a->model = &arm_models[i];
    }
    if (!a->model)
        return no_such_model(name, names, error);
    a->id = a->model->id;
    a->has_pmu = true;
    for (unsigned i = 1; items[i]; i++)
        if (!parse_property(a, items[i], error))
            return false;
    derive_features(a);
    return true;
}

/* Those that QEMU's models of the same names tell. */
const char *arm_property(Cpu *cpu, unsigned i, bool *on)
{
    const ArmCpu *a = arm_cpu(cpu);
    uint64_t isar1 = a->id.aa64isar1;
    bool impdef = isar1 >> 8 & 15;

    switch (i) {
    case 0:
        *on = true;
        return "aarch64";
    case 1:
        *on = a->has_pmu;
        return "pmu";
    }
    if (!(a->model->id.aa64isar1 & 0xff0)) /* all others are only max's */
        return NULL;
    switch (i) {
    case 2:
        *on = isar1 & 0xff0;
        return "pauth";
    case 3:
        *on = impdef;
        return "pauth-impdef";
    case 4:
        *on = false;
        return "sve";
    }
    return NULL;
}
