/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux guests. kernel.c finds the kernel and its symbols, btf.c knows its structs, modules.c walks
 * its list of modules.
 */
#ifndef MONITOR_LINUX_INT_H
#define MONITOR_LINUX_INT_H

#include "monitor/linux_guest.h"

/* Offsets in bytes; -1: this kernel has no such member. */
typedef struct LinuxLayout {
    /* struct module */
    int64_t list, name, state, self, sect_attrs, kallsyms, mem, core_layout, init_layout, crcs,
        percpu_size;
    /* struct mod_kallsyms */
    int64_t symtab, num_symtab, strtab;
    /* A piece of memory: struct module_memory (an array; since 6.4), or struct module_layout. */
    int64_t mem_base, mem_size;
    uint32_t mem_stride, mem_count;
    /* struct module_sect_attrs: an array with a count, or (since 6.14) one of pointers. */
    int64_t nsections, attrs, pointers, address;
    uint32_t attr_stride;
} LinuxLayout;

enum { LINUX_STATE_LIVE, LINUX_STATE_COMING, LINUX_STATE_GOING, LINUX_STATE_UNFORMED };

struct LinuxGuest {
    Cpu *cpu;
    uint64_t modules, do_init_module;
    LinuxLayout layout;
};

bool linux_read(const LinuxGuest *g, uint64_t va, void *to, size_t len);
uint64_t linux_read64(const LinuxGuest *g, uint64_t va); /* 0 where nothing is */
uint32_t linux_read32(const LinuxGuest *g, uint64_t va);

/* Reads the BTF at va, and from it the layout; false: it does not tell. */
bool linux_layout(const LinuxGuest *g, uint64_t va, LinuxLayout *l);
/* The first bytes of every kernel's BTF. */
extern const uint8_t linux_btf_magic[12];
/* Is a struct module at va? */
bool linux_is_module(const LinuxGuest *g, uint64_t va);

#endif
