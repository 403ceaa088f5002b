/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's memory as a file for debuggers (dump-guest-memory): softmmu/dump.
 *
 * The machine stands still while it is written, as in QEMU, by a thread: monitors go on. Main
 * thread, main lock held.
 */
#ifndef SOFTMMU_DUMP_H
#define SOFTMMU_DUMP_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum DumpFormat { DUMP_ELF, DUMP_KDUMP_ZLIB } DumpFormat;

typedef struct DumpRequest {
    int fd;                 /* to write to; goes to dump_start, whatever becomes of it */
    DumpFormat format;
    bool paging;            /* ELF: virtual addresses, of the CPUs' page tables */
    bool filter;            /* ELF: [begin, begin + length) of physical memory only */
    uint64_t begin, length;
} DumpRequest;

/* Begins it. What becomes of it: dump_status, and done (error is NULL if all went well). */
typedef void DumpDone(void *opaque, const GError *error);
bool dump_start(const DumpRequest *r, DumpDone *done, void *opaque, GError **error);
/* Waits until none is being written; devices and other monitors go on meanwhile. */
void dump_wait(void);
bool dump_in_progress(void);

typedef enum DumpStatus { DUMP_NONE, DUMP_ACTIVE, DUMP_COMPLETED, DUMP_FAILED } DumpStatus;
/* Of the last one; bytes of memory. */
DumpStatus dump_status(uint64_t *completed, uint64_t *total);

/*
 * The guest told where its kernel keeps an ELF note about itself (VMCOREINFO), for the dump;
 * size 0: it has none.
 */
void dump_set_guest_note(uint64_t paddr, uint32_t size);

#endif
