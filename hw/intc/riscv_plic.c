/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V platform-level interrupt controller.
 * RISC-V Platform-Level Interrupt Controller Specification 1.0.0; SiFive FU540-C000 manual,
 * chapter "Platform-Level Interrupt Controller (PLIC)".
 *
 * All gateways are level-sensitive: a request is passed on once, and again after completion if
 * the line is still high. Contexts are given by hart-config, one word per hart and a letter per
 * privilege mode ("MS,MS"); output pin N belongs to the Nth letter.
 */
#include <string.h>

#include "hw/device.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/log.h"

enum {
    MAX_SOURCES = 1024,
    MAX_CONTEXTS = 128,
    ENABLE_WORDS = 0x80 / 4, /* of one context in the map */
    PRIORITY_MASK = 7,
};

typedef struct RiscvPlic {
    Device dev;
    char *hart_config;
    uint32_t num_sources; /* with source 0, which doesn't exist */
    uint32_t num_contexts;
    uint32_t words;       /* of a bitmap of sources */
    uint32_t n_enables;   /* num_contexts * words */
    uint32_t *priority;
    uint32_t *enable;     /* [context][word] */
    uint32_t *threshold;
    uint32_t level[MAX_SOURCES / 32];   /* input pins */
    uint32_t pending[MAX_SOURCES / 32];
    uint32_t claimed[MAX_SOURCES / 32]; /* the gateway waits for completion */
} RiscvPlic;

static bool bit_test(const uint32_t *map, unsigned n)
{
    return map[n / 32] >> (n % 32) & 1;
}

static void bit_put(uint32_t *map, unsigned n, bool value)
{
    map[n / 32] = (map[n / 32] & ~(1u << (n % 32))) | (uint32_t)value << (n % 32);
}

/* The pending and enabled source of highest priority above `above`; the lowest of equals. */
static unsigned best_source(RiscvPlic *s, unsigned context, uint32_t above)
{
    unsigned best = 0;
    for (unsigned w = 0; w < s->words; w++) {
        uint32_t bits = s->pending[w] & s->enable[context * s->words + w];
        for (; bits; bits &= bits - 1) {
            unsigned n = w * 32 + __builtin_ctz(bits);
            if (s->priority[n] > above) {
                above = s->priority[n];
                best = n;
            }
        }
    }
    return best;
}

static void update_context(RiscvPlic *s, unsigned context)
{
    int level = best_source(s, context, s->threshold[context]) != 0;
    if (s->dev.irq[context].level != level)
        irq_set(&s->dev.irq[context], level);
}

static void update(RiscvPlic *s)
{
    for (unsigned i = 0; i < s->num_contexts; i++)
        update_context(s, i);
}

static void plic_gpio_in(void *dev, int n, int level)
{
    RiscvPlic *s = dev;
    if (n <= 0 || (uint32_t)n >= s->num_sources)
        return;
    bit_put(s->level, n, level);
    /* A request that was passed on stays when its line falls (1.0.0, "Interrupt Gateways"). */
    if (level && !bit_test(s->claimed, n) && !bit_test(s->pending, n)) {
        bit_put(s->pending, n, true);
        update(s);
    }
}

static uint64_t read_priority(void *dev, unsigned i)
{
    RiscvPlic *s = dev;
    return i < s->num_sources ? s->priority[i] : 0;
}

static void write_priority(void *dev, unsigned i, uint64_t value)
{
    RiscvPlic *s = dev;
    if (!i || i >= s->num_sources)
        return;
    s->priority[i] = value & PRIORITY_MASK;
    update(s);
}

static uint64_t read_enable(void *dev, unsigned i)
{
    RiscvPlic *s = dev;
    unsigned context = i / ENABLE_WORDS, w = i % ENABLE_WORDS;
    return context < s->num_contexts && w < s->words ? s->enable[context * s->words + w] : 0;
}

static void write_enable(void *dev, unsigned i, uint64_t value)
{
    RiscvPlic *s = dev;
    unsigned context = i / ENABLE_WORDS, w = i % ENABLE_WORDS;
    if (context >= s->num_contexts || w >= s->words)
        return;
    if (w == 0)
        value &= ~1ULL;
    if (w == s->words - 1)
        value &= MASK(s->num_sources - w * 32);
    s->enable[context * s->words + w] = value;
    update_context(s, context);
}

static uint64_t read_threshold(void *dev, unsigned i)
{
    RiscvPlic *s = dev;
    return i < s->num_contexts ? s->threshold[i] : 0;
}

static void write_threshold(void *dev, unsigned i, uint64_t value)
{
    RiscvPlic *s = dev;
    if (i >= s->num_contexts)
        return;
    s->threshold[i] = value & PRIORITY_MASK;
    update_context(s, i);
}

static uint64_t read_claim(void *dev, unsigned i)
{
    RiscvPlic *s = dev;
    if (i >= s->num_contexts)
        return 0;
    /* The threshold has no say here (1.0.0, "Interrupt Claim Process"). */
    unsigned n = best_source(s, i, 0);
    if (n) {
        bit_put(s->pending, n, false);
        bit_put(s->claimed, n, true);
        update(s);
    }
    return n;
}

static void write_complete(void *dev, unsigned i, uint64_t value)
{
    RiscvPlic *s = dev;
    if (i >= s->num_contexts)
        return;
    /* Ignored for a source that isn't enabled here ("Interrupt Completion"). */
    if (!value || value >= s->num_sources ||
        !bit_test(&s->enable[i * s->words], value)) {
        if (!(s->dev.logged & 0x10000))
            log_guest_error(s->dev.path, "context %u completes source %u, which isn't enabled", i,
                            (unsigned)value);
        s->dev.logged |= 0x10000;
        return;
    }
    if (!bit_test(s->claimed, value))
        return;
    bit_put(s->claimed, value, false);
    if (bit_test(s->level, value)) {
        bit_put(s->pending, value, true);
        update(s);
    }
}

static const Reg plic_regs[] = {
    REG_FN(0x200004, CLAIM, 4, .count = MAX_CONTEXTS, .stride = 0x1000, .read = read_claim,
           .write = write_complete),
    REG_FN(0x200000, THRESHOLD, 4, .count = MAX_CONTEXTS, .stride = 0x1000,
           .read = read_threshold, .write = write_threshold),
    REG_FN(0x2000, ENABLE, 4, .count = MAX_CONTEXTS * ENABLE_WORDS, .read = read_enable,
           .write = write_enable),
    REG(RiscvPlic, 0x1000, PENDING, 4, pending, .count = MAX_SOURCES / 32),
    REG_FN(0x0000, PRIORITY, 4, .count = MAX_SOURCES, .read = read_priority,
           .write = write_priority),
    REG_END,
};

static const Prop plic_props[] = {
    PROP(RiscvPlic, "hart-config", hart_config, PROP_STRING, "MS",
         "privilege modes of each hart, separated by commas"),
    PROP(RiscvPlic, "num-sources", num_sources, PROP_U32, "96", "interrupt sources, with source 0"),
    PROP_LAST,
};

static const StateField plic_state[] = {
    STATE_VAR_ARRAY_U32(RiscvPlic, priority, num_sources),
    STATE_VAR_ARRAY_U32(RiscvPlic, enable, n_enables),
    STATE_VAR_ARRAY_U32(RiscvPlic, threshold, num_contexts),
    STATE_ARRAY(RiscvPlic, level),
    STATE_ARRAY(RiscvPlic, claimed),
    { .type = STATE_END },
};

static bool plic_realize(void *dev, GError **error)
{
    RiscvPlic *s = dev;
    for (const char *c = s->hart_config; *c; c++) {
        if (*c == ',')
            continue;
        if (!strchr("MHSU", *c))
            return error_set(error, "riscv.sifive.plic: hart-config has '%c'; modes are M, H, S, U",
                             *c);
        s->num_contexts++;
    }
    if (!s->num_contexts || s->num_contexts > MAX_CONTEXTS)
        return error_set(error, "riscv.sifive.plic: hart-config has %u contexts; 1 to %d are "
                         "possible", s->num_contexts, MAX_CONTEXTS);
    if (s->num_sources < 2 || s->num_sources > MAX_SOURCES)
        return error_set(error, "riscv.sifive.plic: num-sources must be from 2 to %d, not %u",
                         MAX_SOURCES, s->num_sources);
    s->words = (s->num_sources + 31) / 32;
    s->n_enables = s->num_contexts * s->words;
    s->priority = g_new0(uint32_t, s->num_sources);
    s->enable = g_new0(uint32_t, s->n_enables);
    s->threshold = g_new0(uint32_t, s->num_contexts);
    device_set_irqs(&s->dev, s->num_contexts);
    return true;
}

static void plic_unrealize(void *dev)
{
    RiscvPlic *s = dev;
    g_free(s->priority);
    g_free(s->enable);
    g_free(s->threshold);
}

static void plic_reset(void *dev)
{
    RiscvPlic *s = dev;
    memset(s->priority, 0, s->num_sources * sizeof(uint32_t));
    memset(s->enable, 0, s->n_enables * sizeof(uint32_t));
    memset(s->threshold, 0, s->num_contexts * sizeof(uint32_t));
    memset(s->claimed, 0, sizeof s->claimed);
    /* Lines that are high now are requests again. */
    memcpy(s->pending, s->level, sizeof s->pending);
    for (unsigned i = 0; i < s->num_contexts; i++)
        irq_set(&s->dev.irq[i], 0);
}

static void plic_loaded(void *dev)
{
    RiscvPlic *s = dev;
    /* A record may say anything: what the write paths guarantee holds here too. */
    for (unsigned i = 0; i < s->num_sources; i++)
        s->priority[i] &= i ? PRIORITY_MASK : 0;
    for (unsigned i = 0; i < s->num_contexts; i++) {
        s->enable[i * s->words] &= ~1u;
        s->enable[i * s->words + s->words - 1] &= MASK(s->num_sources - (s->words - 1) * 32);
        irq_set(&s->dev.irq[i], best_source(s, i, s->threshold[i]) != 0);
    }
}

static void plic_info_pic(void *dev, GString *out)
{
    const RiscvPlic *s = dev;
    for (unsigned n = 1; n < s->num_sources; n++) {
        if (!bit_test(s->pending, n) && !bit_test(s->claimed, n))
            continue;
        g_string_append_printf(out, "  source %u:%s%s%s, priority %u, for contexts", n,
                               bit_test(s->pending, n) ? " pending" : "",
                               bit_test(s->claimed, n) ? " claimed" : "",
                               bit_test(s->level, n) ? ", line high" : "", s->priority[n]);
        for (unsigned i = 0; i < s->num_contexts; i++)
            if (bit_test(&s->enable[i * s->words], n))
                g_string_append_printf(out, " %u", i);
        g_string_append_c(out, '\n');
    }
    for (unsigned i = 0; i < s->num_contexts; i++)
        g_string_append_printf(out, "  context %u: output %d, threshold %u\n", i,
                               s->dev.irq[i].level, s->threshold[i]);
}

static const DeviceType riscv_plic_type = {
    .name = "riscv.sifive.plic", .doc = "RISC-V platform-level interrupt controller (1.0.0)",
    .fdt_compatible = "sifive,plic-1.0.0", .size = sizeof(RiscvPlic), .mmio_size = 0x600000,
    .gpio_ins = MAX_SOURCES, .version = 1, .regs = plic_regs, .props = plic_props,
    .state = plic_state, .realize = plic_realize, .unrealize = plic_unrealize,
    .reset = plic_reset, .loaded = plic_loaded, .gpio_in = plic_gpio_in,
    .info_pic = plic_info_pic,
};
DEVICE_REGISTER(riscv_plic_type)
