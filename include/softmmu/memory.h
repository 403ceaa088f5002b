/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest physical memory: regions, address spaces, RAM pages, DMA.
 *
 * A MemoryRegion is a range of RAM, ROM, MMIO, an alias into another region, or a container of
 * subregions with priorities. An AddressSpace flattens one root region into a sorted array of
 * sections, which readers use without a lock (RCU-like: a new array is published, the old one is
 * freed when no vCPU is inside; see memory_section_lookup).
 *
 * All RAM and ROM comes from RamBlocks. Every 4 KiB RAM page has a number that is unique
 * in the process (RamBlock.first_page + offset / 4096) and a byte of flags; the accelerator keys
 * translated code by it, and snapshots find what was written by it.
 *
 * Threads: the map is changed on the main thread with the main lock held. Lookup, DMA and RAM
 * flags may be used by any thread. MMIO callbacks run with the main lock held.
 */
#ifndef SOFTMMU_MEMORY_H
#define SOFTMMU_MEMORY_H

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef uint64_t hwaddr; /* guest physical address */

enum { RAM_PAGE_BITS = 12, RAM_PAGE_SIZE = 1 << RAM_PAGE_BITS };

/* What became of an access. */
typedef enum MemResult {
    MEM_OK,
    MEM_DECODE_ERROR, /* nothing there */
    MEM_BUS_ERROR,    /* something is there and refused it */
} MemResult;

typedef struct MmioOps {
    /*
     * offset is within the region, size 1, 2, 4 or 8, value in guest little-endian order
     * (bits above size are ignored on write and must be zero on read).
     */
    MemResult (*read)(void *opaque, hwaddr offset, unsigned size, uint64_t *value);
    MemResult (*write)(void *opaque, hwaddr offset, unsigned size, uint64_t value);
    /* Sizes that the device takes; others are split or widened by the dispatcher. 0: 1 and 8. */
    uint8_t min_size, max_size;
    bool unaligned; /* the device takes unaligned offsets itself; else such accesses are split */
} MmioOps;

typedef struct RamBlock {
    char *name;          /* unique; the snapshot finds it by this */
    uint8_t *host;       /* mapping of the whole block, page aligned */
    uint64_t size;       /* multiple of RAM_PAGE_SIZE */
    uint64_t first_page; /* number of its first RAM page */
    int fd;              /* the file given by the user, or -1: private memory */
    bool pieces;         /* made of several mappings, of a snapshot's files */
    bool shared;         /* stores go to that file: others may see them, and make some */
    struct RamBlock *next;
} RamBlock;

typedef enum MemoryKind {
    MEMORY_CONTAINER, MEMORY_RAM, MEMORY_ROM, MEMORY_MMIO, MEMORY_ALIAS,
    MEMORY_ROMD, /* reads as ROM, writes go to MMIO (flash); may switch to MMIO reads */
} MemoryKind;

typedef struct MemoryRegion MemoryRegion;
struct MemoryRegion {
    const char *name; /* owned by the region */
    MemoryKind kind;
    uint64_t size;    /* bytes; UINT64_MAX stands for 2^64 */
    bool enabled;
    bool romd_reads_direct; /* MEMORY_ROMD: reads hit RAM (array mode) */
    /* In the container: */
    MemoryRegion *container;
    hwaddr addr;
    int priority; /* higher wins where subregions overlap */
    GPtrArray *subregions;
    /* Alias: */
    MemoryRegion *alias;
    hwaddr alias_offset;
    /* RAM, ROM, ROMD: */
    RamBlock *ram;
    /* MMIO, ROMD: */
    const MmioOps *ops;
    void *opaque;
};

typedef struct AddressSpace AddressSpace;

/* The one system bus of the machine. Created by memory_init. */
extern AddressSpace *address_space_memory;
MemoryRegion *memory_system_root(void);
void memory_init(void);
/*
 * Arm's secure physical address space, for machines that have one: what is in this container hides
 * the system bus, which is behind it. Created by the first call. From then on new vCPUs have an
 * address space with both: that of secure accesses begins at HWADDR_SECURE.
 */
#define HWADDR_SECURE ((hwaddr)1 << 62)
MemoryRegion *memory_secure_root(void);
/* As a loader sees memory: the secure address space if there is one, else address_space_memory. */
extern AddressSpace *address_space_loader;
/* What vCPUs get: all that there is. */
extern AddressSpace *address_space_cpu;

/* Regions are caller-allocated (in a device's struct) and initialised by one of these. */
void memory_region_init_container(MemoryRegion *r, const char *name, uint64_t size);
bool memory_region_init_ram(MemoryRegion *r, const char *name, uint64_t size, GError **error);
/* RAM in a file (memory-backend-file, -memfd), which must be large enough; fd goes to the region
 * unless this fails. */
bool memory_region_init_ram_file(MemoryRegion *r, const char *name, uint64_t size, int fd,
                                 bool shared, GError **error);
bool memory_region_init_rom(MemoryRegion *r, const char *name, uint64_t size, GError **error);
bool memory_region_init_romd(MemoryRegion *r, const char *name, uint64_t size, const MmioOps *ops,
                             void *opaque, GError **error);
void memory_region_init_mmio(MemoryRegion *r, const char *name, uint64_t size, const MmioOps *ops,
                             void *opaque);
void memory_region_init_alias(MemoryRegion *r, const char *name, MemoryRegion *target,
                              hwaddr offset, uint64_t size);
/* Takes r out of its container and gives up its RAM; r may then be freed. */
void memory_region_deinit(MemoryRegion *r);
void memory_region_add(MemoryRegion *container, hwaddr addr, MemoryRegion *r, int priority);
void memory_region_del(MemoryRegion *container, MemoryRegion *r);
void memory_region_set_enabled(MemoryRegion *r, bool enabled);
void memory_region_set_addr(MemoryRegion *r, hwaddr addr);
void memory_region_romd_set_direct(MemoryRegion *r, bool direct);
/* Batches map changes: the flat views are rebuilt, and vCPUs' TLBs flushed, at the last commit. */
void memory_transaction_begin(void);
void memory_transaction_commit(void);

AddressSpace *address_space_new(MemoryRegion *root, const char *name);
void address_space_free(AddressSpace *as);

/* One contiguous piece of an address space with the same meaning. */
typedef struct MemorySection {
    hwaddr start, last;    /* in the address space, inclusive */
    MemoryRegion *region;  /* never an alias or container; NULL: nothing there */
    uint64_t offset;       /* of start within region */
    uint8_t *host;         /* of start, where reads are plain memory, else NULL */
    uint64_t ram_page;     /* page number of start (start is then page aligned), if host */
    bool writable;         /* host may be written directly (subject to the page flags) */
} MemorySection;

/* Grows after every change of any address space's map, for those who keep a section. */
extern _Atomic uint32_t memory_map_version;

/* The section that holds addr. The result is a copy and stays valid until the map changes. */
MemorySection memory_section_lookup(AddressSpace *as, hwaddr addr);

/*
 * Physical accesses by devices, loaders, debuggers and the CPU's slow path. May span sections.
 * RAM is copied with the page flags honoured; MMIO takes the main lock if it is not held.
 */
MemResult address_space_read(AddressSpace *as, hwaddr addr, void *buf, uint64_t len);
MemResult address_space_write(AddressSpace *as, hwaddr addr, const void *buf, uint64_t len);
/* As write, but also writes ROM and flash contents (loaders, debuggers). */
MemResult address_space_write_rom(AddressSpace *as, hwaddr addr, const void *buf, uint64_t len);
/* One access of 1, 2, 4 or 8 bytes, as a CPU makes it (little-endian value). */
MemResult address_space_load(AddressSpace *as, hwaddr addr, unsigned size, uint64_t *value);
MemResult address_space_store(AddressSpace *as, hwaddr addr, unsigned size, uint64_t value);

/*
 * On whose behalf this thread makes MMIO accesses, for devices whose registers depend on it
 * (interrupt controllers with banked registers, message signalled interrupts). The accelerator
 * sets the first two before every access of a vCPU; elsewhere (debuggers) they are what they were.
 */
typedef struct MemoryInitiator {
    uint32_t cpu;       /* number of the vCPU */
    bool secure;        /* Arm: the access is to the secure physical address space */
    uint32_t requester; /* PCI: bus << 8 | devfn, while a device's message is delivered */
} MemoryInitiator;
extern __thread MemoryInitiator memory_initiator;

/*
 * Zero-copy DMA: maps up to *len bytes of RAM at addr; *len becomes what one piece can give.
 * NULL where it isn't RAM (bounce through read/write then). unmap notes what was written.
 */
void *address_space_map(AddressSpace *as, hwaddr addr, uint64_t *len, bool write);
void address_space_unmap(AddressSpace *as, void *host, uint64_t len, bool write);

/* ---- RAM pages ---- */

enum {
    RAM_PAGE_CODE = 1,  /* translated code was made from it: stores must call ram_page_written */
    RAM_PAGE_TABLE = 4, /* translation tables that somebody watches; the first store ends that */
    RAM_PAGE_CLEAN = 2, /* not written since ram_dirty_log_start: the first store must be noted */
};
/* While any is set, no TLB may hold a writable fast entry for the page. */
enum { RAM_PAGE_SLOW_WRITE = RAM_PAGE_CODE | RAM_PAGE_CLEAN | RAM_PAGE_TABLE };

extern _Atomic uint8_t *ram_page_flags; /* by page number; room reserved for all RAM at once */
extern uint64_t ram_page_count;
RamBlock *ram_blocks(void);
RamBlock *ram_block_by_page(uint64_t page);
uint8_t *ram_page_host(uint64_t page);

/*
 * To be called after (data) bytes [offset, offset + len) of the page were stored by anyone but
 * the fast path: clears CLEAN, and if CODE tells the accelerator (hook below). Any thread.
 */
void ram_page_written(uint64_t page, unsigned offset, unsigned len);

/* Hooks of the accelerator. Either may be NULL. */
typedef struct MemoryHooks {
    void (*code_written)(uint64_t page, unsigned offset, unsigned len); /* any thread */
    void (*map_changed)(AddressSpace *as);     /* main lock held: flush TLBs */
    void (*pages_made_clean)(void);            /* flush fast writable TLB entries everywhere */
    void (*table_written)(void);               /* any thread: a page lost TABLE */
} MemoryHooks;
void memory_set_hooks(const MemoryHooks *hooks);

/* Marks all pages CLEAN; a page without CLEAN is dirty. */
void ram_dirty_log_start(void);
static inline bool ram_page_dirty(uint64_t page)
{
    return !(atomic_load_explicit(&ram_page_flags[page], memory_order_relaxed) & RAM_PAGE_CLEAN);
}

/*
 * Logs of what was written, as many as there are users (snapshots, checkpoints). Main lock; whoever
 * needs an exact answer has paused the vCPUs and drained the block layer.
 */
typedef struct RamDirtyLog RamDirtyLog;
RamDirtyLog *ram_dirty_log_new(void); /* begins empty: all writes from now on */
void ram_dirty_log_free(RamDirtyLog *log); /* NULL is fine */
/* Brings all logs up to date. The cost is that of the pages written since the last time. */
void ram_dirty_log_sync(void); /* marks all pages CLEAN again */
/* As of the last sync. Pages that are newer than the log count as written. */
bool ram_dirty_log_test(const RamDirtyLog *log, uint64_t page);
/* The first page from `page` on, and below end, that was written; end: none. */
uint64_t ram_dirty_log_next(const RamDirtyLog *log, uint64_t page, uint64_t end);
void ram_dirty_log_clear(RamDirtyLog *log); /* forgets everything */
void ram_dirty_log_or(RamDirtyLog *to, const RamDirtyLog *from);

/* info mtree */
void memory_print_tree(GString *out, bool flat);

#endif
