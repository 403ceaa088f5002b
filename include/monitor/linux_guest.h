/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a Linux guest's kernel says of itself in its memory: which modules it has loaded, and where.
 * Needs neither symbols nor nokaslr. All of it is the guest's: nothing is believed without bounds.
 * Main thread, main lock held; the machine should stand still.
 */
#ifndef MONITOR_LINUX_GUEST_H
#define MONITOR_LINUX_GUEST_H

#include "accel/cpu.h"

enum { LINUX_NAME = 64, LINUX_BUILD_ID = 64 };

typedef struct LinuxGuest LinuxGuest;

typedef struct LinuxSection {
    char name[LINUX_NAME];
    uint64_t addr, size;
} LinuxSection;

typedef struct LinuxModule {
    char name[LINUX_NAME];
    uint64_t at;                /* struct module */
    uint64_t base;              /* the lowest section's address */
    uint64_t symtab, strtab;    /* of its kallsyms: Elf64_Sym, and the names */
    uint32_t symbols;
    unsigned build_id_len;      /* 0: it has none */
    uint8_t build_id[LINUX_BUILD_ID];
    GArray *sections;           /* of LinuxSection, by address; those that are in memory now */
    GArray *gone;               /* of LinuxSection: the others */
} LinuxModule;

/*
 * The guest's kernel as cpu (or another one) sees it. NULL: there is none that could be read, and
 * *why says why (one line). search: false uses only what was found before, which takes no time.
 * The result is good until the machine runs.
 */
LinuxGuest *linux_guest(Cpu *cpu, bool search, const char **why);
/* Where the guest's kernel begins; false: not known, or none runs at its own addresses yet. */
bool linux_kernel_base(vaddr *base);
/* Is the kernel that was found still there, though no CPU may see it just now (KPTI)? */
bool linux_guest_known(void);
/* Its vmcoreinfo, as the dump of a crashed kernel has it; NULL: none was found. */
const char *linux_vmcoreinfo(void);
enum { LINUX_UTS_NAMES = 6, LINUX_UTS_LEN = 65 };
/* struct new_utsname: system, node, release, version, machine, domain; false: not known. */
bool linux_utsname(char names[LINUX_UTS_NAMES][LINUX_UTS_LEN]);
/* How far from where it was linked for the kernel is, which begins at base; false: not known. */
bool linux_slide(uint64_t base, uint64_t *slide);
/* The function that is called when a module is in place and has not run yet; 0: not known. */
uint64_t linux_do_init_module(const LinuxGuest *g);
/* Of LinuxModule; free with g_ptr_array_unref. */
GPtrArray *linux_modules(const LinuxGuest *g);
/* Reads what is there, page by page; the rest becomes 0. How many bytes came from the guest. */
size_t linux_read_some(const LinuxGuest *g, uint64_t va, void *to, size_t len);

#endif
