/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices: one file each, made of a DeviceType with tables.
 *
 * A device's struct begins with a Device. Life: device_new (properties at their defaults) ->
 * device_set_prop -> device_realize (checks properties, creates regions and timers; may fail) ->
 * reset -> running -> unrealize. Main lock held throughout, MMIO included.
 *
 * A device sees clocks and timers (softmmu/run.h), its interrupt pins, DMA through dev->dma, and
 * backends given as properties. It never sees GSources, file descriptors, host time, CPUs or
 * boards. That is what lets it run alone under a test clock.
 */
#ifndef HW_DEVICE_H
#define HW_DEVICE_H

#include "hw/irq.h"
#include "hw/state.h"
#include "softmmu/memory.h"

typedef struct Device Device;
typedef struct DeviceType DeviceType;
typedef struct Bus Bus;

/* ---- registers ---- */

/*
 * One row of a register table. With `has_field`, reads give the member and writes store
 * (old & ~mask) | (value & mask); mask 0 makes it read-only. A callback takes over that
 * direction. `w1c` bits are cleared by writing ones. Rows with count > 1 repeat every `stride`
 * bytes (callbacks get the index). Accesses outside all rows, of a size that `sizes` does not
 * allow, or in a direction a row does not have, are guest errors: logged once per kind, reads
 * give 0, writes are ignored.
 */
typedef struct Reg {
    const char *name; /* as in the datasheet */
    uint32_t offset;
    uint8_t width;    /* bytes: 1, 2, 4, 8 */
    uint8_t sizes;    /* bitmask of access sizes allowed (1|2|4|8); 0: just width. Narrower
                         accesses take the part of the register that they address */
    bool has_field;
    size_t field;     /* offset in the device struct of a uintN_t of this width */
    uint64_t mask, w1c, reset;
    uint32_t count, stride; /* count 0 is 1, stride 0 the width */
    uint64_t (*read)(void *dev, unsigned index);
    void (*write)(void *dev, unsigned index, uint64_t value);
    bool write_only;  /* reads are guest errors */
    bool merge;       /* a computed register: narrow writes merge with what .read gives */
    bool no_reset;    /* the field keeps its value over reset */
    bool transient;   /* the field isn't saved (derived) */
} Reg;

/* REG(S, offset, NAME, width, member, .mask = ..., ...): a register that lives in a member. */
#define REG(S, off, nm, w, m, ...)                                                             \
    { .name = #nm, .offset = (off), .width = (w), .has_field = true, .field = offsetof(S, m),  \
      __VA_ARGS__ }
/* REG_FN(offset, NAME, width, .read = ..., .write = ...): one that is computed. */
#define REG_FN(off, nm, w, ...)                                                                \
    { .name = #nm, .offset = (off), .width = (w), __VA_ARGS__ }
#define REG_END { .name = NULL }

/* ---- properties ---- */

typedef enum PropType {
    PROP_END, PROP_BOOL, PROP_U8, PROP_U16, PROP_U32, PROP_U64, PROP_SIZE /* 4K, 1G -> u64 */,
    PROP_STRING /* char *, owned */, PROP_ENUM /* int, from names */,
    PROP_CHARDEV /* Chardev * */, PROP_DRIVE /* BlockBackend * */, PROP_NETDEV, PROP_MACADDR,
    PROP_ON_OFF_AUTO /* int: 0 off, 1 on, 2 auto */, PROP_PCI_ADDR /* int32: devfn or -1 */,
    PROP_BOOTINDEX /* int32: place in firmware's order, negative: none (hw/boot_order.h) */,
} PropType;

typedef struct Prop {
    const char *name; /* QEMU's spelling */
    PropType type;
    size_t offset;
    const char *def;  /* default, as a user would write it; NULL: zero/NULL */
    const char *doc;
    const char *const *names; /* PROP_ENUM: NULL-terminated */
    const char *node; /* PROP_BOOTINDEX: what firmware boots from, below the device; or NULL */
} Prop;

#define PROP(S, n, m, t, d, help)                                                              \
    { .name = (n), .type = (t), .offset = offsetof(S, m), .def = (d), .doc = (help) }
#define PROP_BOOT(S, m, boot_node)                                                             \
    { .name = "bootindex", .type = PROP_BOOTINDEX, .offset = offsetof(S, m), .def = "-1",      \
      .node = (boot_node) }
#define PROP_LAST { .name = NULL }

/* ---- types ---- */

typedef enum DeviceCategory {
    CATEGORY_MISC, CATEGORY_CPU, CATEGORY_BRIDGE, CATEGORY_USB, CATEGORY_STORAGE,
    CATEGORY_NETWORK, CATEGORY_INPUT, CATEGORY_DISPLAY, CATEGORY_SOUND, CATEGORY_WATCHDOG,
    CATEGORY_N
} DeviceCategory; /* the headings of -device help */

struct DeviceType {
    const char *name;   /* QEMU's: "virtio-blk-device" */
    const char *alias;  /* a second spelling, or NULL */
    const char *doc;    /* one line; names the manual */
    DeviceCategory category;
    bool user_creatable;      /* with -device */
    bool hotpluggable;        /* with device_add */
    const char *bus_type;     /* what it plugs into: "sysbus" (default), "virtio-bus", "pci" */
    const char *fdt_compatible;
    const char *boot_node;    /* on the sysbus: its node for firmware; NULL: name@address */
    size_t size;              /* of the device struct */
    uint32_t mmio_size;       /* of region 0 made from .regs; 0: none or made in realize */
    int irqs;                 /* output pins, dev->irq[0..irqs-1] */
    int gpio_ins;             /* input pins: device_gpio_in(dev, n), handled by .gpio_in */
    uint32_t version;
    const Reg *regs;
    const Prop *props;
    const StateField *state;  /* members that are saved and are no registers */
    bool (*realize)(void *dev, GError **error);
    void (*unrealize)(void *dev);
    void (*reset)(void *dev); /* after registers got their reset values */
    void (*loaded)(void *dev);/* after a snapshot was loaded: recompute what is derived */
    void (*gpio_in)(void *dev, int n, int level);
    void (*info)(void *dev, GString *out); /* extra lines for `info qtree` */
    void (*info_pic)(void *dev, GString *out); /* `info pic`: an interrupt controller's state */
    const void *class_data;   /* of the bus that it plugs into, e.g. const VirtioClass * */
};

struct Device {
    const DeviceType *type;
    char *id;          /* user's id=, or NULL */
    char *path;        /* unique and stable, e.g. "virt/uart0"; names it in snapshots */
    Bus *parent_bus;
    GPtrArray *buses;  /* Bus * that it provides */
    MemoryRegion mmio; /* region 0, if type->mmio_size or realize made one */
    IrqLine *irq;
    int n_irqs;        /* type->irqs, or what device_set_irqs made of it */
    AddressSpace *dma; /* where its DMA goes; the machine's memory by default */
    bool realized;
    bool hotplugged;   /* it came while the machine was there already */
    bool keeps_drive;  /* device_del leaves its -drive */
    uint32_t logged;   /* kinds of guest errors already logged */
    Device *next;      /* all devices, in order of creation */
};

struct Bus {
    const char *type;  /* "sysbus", "virtio-bus", "pci" */
    char *name;        /* "virtio-mmio-bus.0", "pcie.0" */
    Device *owner;     /* NULL: the machine */
    GPtrArray *children;
    int max_children;  /* 0: any number */
    /* Called when a child is realized (before its own realize returns to the caller): the bus
     * assigns an address and maps it. May refuse. */
    bool (*plug)(Bus *bus, Device *child, GError **error);
    /* Called before the child's own realize (parent_bus is set); may be NULL. */
    bool (*preplug)(Bus *bus, Device *child, GError **error);
    /* Before the child's own reset, and before its own loaded; may be NULL. */
    void (*reset_child)(Bus *bus, Device *child);
    void (*child_loaded)(Bus *bus, Device *child);
    void (*child_info)(Bus *bus, Device *child, GString *out); /* lines for `info qtree` */
    void (*unplug)(Bus *bus, Device *child);
    const char *title; /* kind of bus in `info qtree`; NULL: by its type */
    /* A child's node in OpenFirmware's tree (caller frees); NULL: the bus does not show there. */
    char *(*boot_node)(const Bus *bus, const Device *child);
    bool no_hotplug;   /* devices neither come nor go while the machine is there */
    /* device_del: asks the guest, who lets it go later (device_unplug). NULL: it goes at once. */
    bool (*unplug_request)(Bus *bus, Device *child, GError **error);
    void *opaque;      /* of the code that made the bus */
};

/* Every type is registered once, at start, by a constructor: DEVICE_REGISTER(pl031_type). */
void device_type_register(const DeviceType *t);
#define DEVICE_REGISTER(t)                                                                     \
    static void __attribute__((constructor)) register_##t(void) { device_type_register(&t); }
const DeviceType *device_type_find(const char *name); /* by name or alias */
GPtrArray *device_types(void);                        /* all, sorted by name; owned by hw/core */

Device *device_new(const DeviceType *t, const char *id, const char *path);
bool device_set_prop(Device *dev, const char *name, const char *value, GError **error);
char *device_get_prop(Device *dev, const char *name); /* as text; caller frees */
/* Typed setters for board code. */
void device_set_ptr(Device *dev, const char *name, void *p);
/* Puts `to` wherever a property of a device is `from`, a backend. False: none was; to NULL only
 * looks. */
bool device_replace_ptr(void *from, void *to);
void device_set_uint(Device *dev, const char *name, uint64_t v);
/* One member of `from` to `to`, objects with the same properties. Texts are copied, backends shared. */
void prop_copy(void *to, const void *from, const Prop *p);
bool device_realize(Device *dev, Bus *bus, GError **error);
void device_unrealize(Device *dev); /* and frees it */
void device_reset(Device *dev);
void device_reset_tree(Device *dev); /* and all that is on its buses */
/* device_del: what the user may remove goes, now or when the guest has let go of it. */
bool device_unplug_request(Device *dev, GError **error);
/* The end of that: unrealizes, and tells the listener of the device and all that was on it. */
void device_unplug(Device *dev);
void device_set_unplug_listener(void (*fn)(const char *id, const char *path));
void device_map(Device *dev, hwaddr addr); /* region 0 into the machine's memory */
void device_map_secure(Device *dev, hwaddr addr); /* into Arm's secure address space only */
/* In realize: as many output pins as the configuration asks for, instead of type->irqs. */
void device_set_irqs(Device *dev, int n);
IrqSink device_gpio_in(Device *dev, int n);
Device *device_first(void);
Device *device_find(const char *id);       /* by id, then by path */
Bus *bus_new(const char *type, const char *name, Device *owner);
Bus *bus_find(const char *name);
Bus *bus_find_free(const char *type);      /* first with room for one more child */
Bus *bus_main(void);                       /* "sysbus" of the machine */
/* -global driver.prop=value; applied in device_new. */
bool device_add_global(const char *driver, const char *prop, const char *value, GError **error);
/* Creates from "driver,id=x,bus=y,prop=v" (already split); what -device and device_add call. */
Device *device_create_from_opts(GHashTable *opts, GError **error);
char *device_help(const char *type_name, GError **error); /* -device X,help; NULL name: list */
void device_print_tree(GString *out);      /* info qtree */

/* MMIO through a register table; what region 0 uses. For devices with several register sets. */
MemResult reg_read(Device *dev, const Reg *regs, hwaddr offset, unsigned size, uint64_t *value);
MemResult reg_write(Device *dev, const Reg *regs, hwaddr offset, unsigned size, uint64_t value);

/* Record of one device: its registers' fields, .state, and its pins. */
void device_save(Device *dev, GByteArray *out);
bool device_load(Device *dev, const uint8_t *data, size_t len, GError **error);
/*
 * The same in steps, for whoever loads many: all that can be checked without a change; the members
 * (only custom ones can still refuse); and what is derived, once all devices and RAM are loaded.
 */
bool device_check(Device *dev, const uint8_t *data, size_t len, GError **error);
bool device_load_record(Device *dev, const uint8_t *data, size_t len, GError **error);
void device_loaded(Device *dev);
/* While a moment of this very run is put back (a checkpoint): there is nothing to catch up with, and
 * what happens next must be what happened then. */
extern bool device_load_exact;
/* After device_load of all devices: drives every output pin at its loaded level. */
void device_redrive_pins(void);
/*
 * PROP_NETDEV names are looked up by what backend/net gives here. PROP_DRIVE members are claimed
 * by device_realize (and released by unrealize): devices do not call block_claim.
 */
void device_set_netdev_lookup(void *(*find)(const char *id), const char *(*id)(void *netdev));

#endif
