/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watchdog timer of the Intel 6300ESB I/O Controller Hub, a PCI function.
 * Intel 6300ESB ICH Datasheet (300641), chapter 16.
 *
 * A 35-bit counter of PCI clocks in two stages: the end of the first one is for an interrupt, that
 * of the second drives WDT_TOUT# low, which does what the user chose (-watchdog-action). Where the
 * user lets the guest go on, a reload raises the pin and begins anew.
 *
 * Left out: the first stage's interrupt, which goes to inputs that only a PC has (APIC 1 pin 10,
 * SMI); its status bit is there.
 */
#include "hw/pci.h"
#include "softmmu/run.h"
#include "util/bits.h"

/* PCI configuration space (16.4). */
enum { WDT_CONFIG = 0x60, WDT_LOCK = 0x68 };
enum { CONFIG_FAST = 1 << 2, CONFIG_OUTPUT_OFF = 1 << 5, CONFIG_BITS = 0x27 };
enum { LOCK_LOCKED = 1, LOCK_ENABLE = 2, LOCK_FREE_RUNNING = 4, LOCK_BITS = 7 };

/* Memory (16.5). */
enum { KEY_1 = 0x80, KEY_2 = 0x86, RELOAD = 1 << 8, TIMEOUT = 1 << 9 };
enum { PRELOAD_MASK = 0xfffff, MMIO_SIZE = 16 };

/*
 * No shorter round in free-running mode: 1 us, as the chip can, would be all that a host does.
 * The pin's edges, but for the first, show nowhere.
 */
enum { SHORTEST_ROUND = 1000000 };

typedef struct I6300esb {
    PciDevice pci;
    MemoryRegion regs;
    Timer *timer;
    uint32_t preload[2];
    uint32_t int_status;
    uint8_t lock;      /* WDT_LOCK, as far as it was not locked */
    uint8_t keys;      /* how many of the two were written */
    uint8_t stage;     /* 1 or 2; 0: stands still */
    bool timed_out;    /* outlives a reset, so that the guest sees what it was reset for */
    bool tout_low;     /* WDT_TOUT# */
} I6300esb;

static void start(I6300esb *s, unsigned stage)
{
    /* Zero counts as well: a period is one more than the preload value (16.5.1). */
    unsigned shift = s->pci.config[WDT_CONFIG] & CONFIG_FAST ? 5 : 15;
    uint64_t clocks = ((uint64_t)s->preload[stage - 1] + 1) << shift;
    int64_t ns = (int64_t)(clocks * 1000 / 33); /* at 33 MHz */
    if (s->lock & LOCK_FREE_RUNNING)
        ns = MAX(ns, SHORTEST_ROUND);
    s->stage = stage;
    timer_mod(s->timer, clock_ns(CLOCK_VIRTUAL) + ns);
}

static void stop(I6300esb *s)
{
    s->stage = 0;
    timer_del(s->timer);
}

/* In free-running mode there is but the second stage (16.4.17). */
static void begin(I6300esb *s)
{
    start(s, s->lock & LOCK_FREE_RUNNING ? 2 : 1);
}

static void expired(void *opaque)
{
    I6300esb *s = opaque;
    if (s->stage == 1) {
        s->int_status = 1;
        start(s, 2);
        return;
    }
    bool before = s->tout_low, free_running = s->lock & LOCK_FREE_RUNNING;
    s->timed_out = true;
    s->tout_low = !free_running || !before;
    if (free_running)
        start(s, 2);
    else
        stop(s);
    if (s->tout_low && !before && !(s->pci.config[WDT_CONFIG] & CONFIG_OUTPUT_OFF))
        vm_watchdog_expired();
}

/* ---- registers ---- */

/* Only the write behind the two keys is taken. */
static bool unlocked(I6300esb *s)
{
    bool open = s->keys == 2;
    s->keys = 0;
    return open;
}

static void write_preload(void *dev, unsigned index, uint64_t value)
{
    I6300esb *s = dev;
    if (unlocked(s))
        s->preload[index] = value & PRELOAD_MASK;
}

static void write_int_status(void *dev, unsigned index, uint64_t value)
{
    I6300esb *s = dev;
    if (unlocked(s))
        s->int_status &= ~(uint32_t)value;
}

static uint64_t read_reload(void *dev, unsigned index)
{
    I6300esb *s = dev;
    return s->timed_out ? TIMEOUT : 0;
}

static void write_reload(void *dev, unsigned index, uint64_t value)
{
    I6300esb *s = dev;
    if (value == KEY_1) {
        s->keys = 1;
    } else if (value == KEY_2 && s->keys == 1) {
        s->keys = 2;
    } else if (unlocked(s)) {
        if (value & TIMEOUT)
            s->timed_out = false;
        if (value & RELOAD && s->lock & LOCK_ENABLE) {
            s->tout_low = false;
            begin(s);
        }
    }
}

static const Reg i6300esb_regs[] = {
    REG(I6300esb, 0x00, PRELOAD_VALUE, 4, preload, .count = 2, .sizes = 7, .mask = PRELOAD_MASK,
        .reset = PRELOAD_MASK, .write = write_preload),
    REG(I6300esb, 0x08, GENERAL_INTERRUPT_STATUS, 4, int_status, .sizes = 7, .w1c = 1,
        .write = write_int_status),
    REG_FN(0x0c, RELOAD, 2, .sizes = 7, .read = read_reload, .write = write_reload),
    REG_END,
};

static MemResult regs_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    return reg_read(opaque, i6300esb_regs, offset, size, value);
}

static MemResult regs_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    return reg_write(opaque, i6300esb_regs, offset, size, value);
}

static const MmioOps regs_ops = { .read = regs_read, .write = regs_write, .min_size = 1,
                                  .max_size = 4 };

/* WDT_LOCK keeps what it has once its first bit is set, until a reset (16.4.17). */
static void config_written(PciDevice *pci, unsigned offset, unsigned size)
{
    I6300esb *s = (I6300esb *)pci;
    if (offset > WDT_LOCK || offset + size <= WDT_LOCK)
        return;
    uint8_t before = s->lock;
    if (!(before & LOCK_LOCKED))
        s->lock = pci->config[WDT_LOCK];
    pci->config[WDT_LOCK] = s->lock;
    if (!(s->lock & LOCK_ENABLE))
        stop(s);
    else if (!(before & LOCK_ENABLE))
        begin(s);
}

/* ---- life ---- */

static bool i6300esb_realize(void *dev, GError **error)
{
    I6300esb *s = dev;
    s->pci.wmask[WDT_CONFIG] = CONFIG_BITS;
    s->pci.wmask[WDT_LOCK] = LOCK_BITS;
    memory_region_init_mmio(&s->regs, "i6300esb", MMIO_SIZE, &regs_ops, s);
    pci_add_bar(&s->pci, 0, PCI_BAR_MEM32, &s->regs);
    s->timer = timer_new(CLOCK_VIRTUAL, expired, s);
    return true;
}

static void i6300esb_unrealize(void *dev)
{
    I6300esb *s = dev;
    timer_free(s->timer);
    memory_region_deinit(&s->regs);
}

static void i6300esb_reset(void *dev)
{
    I6300esb *s = dev;
    stop(s);
    s->lock = s->keys = 0;
    s->tout_low = false;
}

static void i6300esb_loaded(void *dev)
{
    I6300esb *s = dev;
    s->lock &= LOCK_BITS;
    s->pci.config[WDT_LOCK] = s->lock;
    for (unsigned i = 0; i < ARRAY_LEN(s->preload); i++)
        s->preload[i] &= PRELOAD_MASK;
    if (s->stage > 2 || !(s->lock & LOCK_ENABLE) || !timer_pending(s->timer))
        stop(s);
}

static const Prop i6300esb_props[] = {
    PCI_PROPS(I6300esb, pci),
    PROP_LAST,
};

static const StateField i6300esb_state[] = {
    PCI_STATE(I6300esb, pci),
    STATE(I6300esb, lock), STATE(I6300esb, keys), STATE(I6300esb, stage),
    STATE(I6300esb, timed_out), STATE(I6300esb, tout_low), STATE_TIMER_PTR(I6300esb, timer),
    { .type = STATE_END },
};

static const PciClass i6300esb_class = {
    .vendor_id = 0x8086, .device_id = 0x25ab, .class_code = 0x088000,
    .config_written = config_written,
};

static const DeviceType i6300esb_type = {
    .name = "i6300esb", .doc = "watchdog timer of Intel's 6300ESB I/O controller hub",
    .category = CATEGORY_WATCHDOG, .user_creatable = true, .hotpluggable = true, .bus_type = "pci",
    .size = sizeof(I6300esb), .version = 1, .regs = i6300esb_regs, .props = i6300esb_props,
    .state = i6300esb_state, .realize = i6300esb_realize, .unrealize = i6300esb_unrealize,
    .reset = i6300esb_reset, .loaded = i6300esb_loaded, .class_data = &i6300esb_class,
};
DEVICE_REGISTER(i6300esb_type)
