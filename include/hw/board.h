/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boards (-machine): one file each, registered by constructor.
 */
#ifndef HW_BOARD_H
#define HW_BOARD_H

#include "hw/device.h"

typedef struct Machine {
    const struct BoardType *board;
    const char *target;      /* "riscv64" */
    uint64_t ram_size;       /* bytes */
    unsigned cpus, max_cpus, sockets, cores, threads;
    const char *cpu_model;   /* text of -cpu, or NULL for the board's default */
    const char *kernel, *initrd, *append, *dtb, *bios; /* NULL: not given */
    const char *dumpdtb;
    bool debug_start;        /* -S with a gdb stub: somebody wants to see the kernel start */
    const char *uuid;        /* text of -uuid, or NULL */
    const char *pflash[2];   /* drive ids, or NULL */
    GHashTable *opts;        /* board-specific -machine options: char * -> char * */
    MemoryRegion ram;
    bool ram_in_file, ram_shared; /* RAM is mapped from ram_fd, stores going there or not */
    int ram_fd;
    struct DeviceTree *fdt;  /* softmmu/fdt.h; NULL on boards without one */
    void *board_state;       /* the board's own struct */
} Machine;

typedef struct BoardType {
    const char *name;   /* "virt" */
    const char *alias;
    const char *doc;
    const char *target; /* "riscv64" */
    const char *default_cpu;
    unsigned max_cpus;
    uint64_t default_ram; /* bytes */
    const char *ram_id;   /* name of RAM as a region and as an object */
    const char *const *options; /* NULL-terminated "name=doc" of board-specific options */
    size_t state_size;
    bool (*init)(Machine *m, GError **error); /* builds it all, CPUs included */
    /* Where -serial N goes is the board's: it calls serial_hd(N). */
} BoardType;

void board_type_register(const BoardType *t);
#define BOARD_REGISTER(t)                                                                      \
    static void __attribute__((constructor)) register_##t(void) { board_type_register(&t); }
/* m->ram, as the user wants it. */
bool machine_init_ram(Machine *m, GError **error);
const BoardType *board_type_find(const char *target, const char *name);
GPtrArray *board_types(void);

extern Machine *current_machine;
/* Of -machine, beside the board's own. */
extern const char *const machine_common_options[];

#endif
