/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this folder share. */
#ifndef SOFTMMU_DUMP_INT_H
#define SOFTMMU_DUMP_INT_H

#include "accel/cpu.h"
#include "monitor/linux_guest.h"
#include "softmmu/dump.h"

/* ---- the file (output.c) ---- */

/*
 * Written front to back. In a regular file zeros become holes, and the first bytes come last, so
 * that a dump that did not come to its end is none to any tool.
 */
typedef struct DumpOutput {
    int fd;
    bool regular;
    bool holes;            /* a regular file with nothing behind the place where we begin */
    uint64_t base;         /* that place */
    uint64_t at;           /* bytes so far */
    uint8_t head[64];      /* kept back */
    unsigned n_head;
    _Atomic bool *cancel;
} DumpOutput;

void dump_output_init(DumpOutput *o, int fd, _Atomic bool *cancel);
bool dump_write(DumpOutput *o, const void *data, size_t len, GError **error);
bool dump_write_zeros(DumpOutput *o, uint64_t len, GError **error);
/* Closes it; ok: it is complete. */
bool dump_output_close(DumpOutput *o, bool ok, GError **error);

/* ---- what is dumped (plan.c) ---- */

typedef struct DumpRange {
    uint64_t start, size;  /* physical */
    const uint8_t *host;
    uint64_t offset;       /* in the ELF file, from the first */
} DumpRange;

typedef struct DumpMapping {
    uint64_t va, pa, size;
} DumpMapping;

typedef struct DumpPlan {
    const TargetOps *target;
    unsigned n_cpus;
    GArray *ranges;        /* DumpRange, ascending, not touching */
    GArray *mappings;      /* DumpMapping; NULL: addresses are physical */
    GByteArray *notes;     /* ELF notes: those of the CPUs, the guest's own */
    uint64_t info, info_size; /* the text in the guest's note, within notes; 0: none */
    /* The kernel's names; where the release is empty, libkdumpfile does not know the machine. */
    char utsname[LINUX_UTS_NAMES][LINUX_UTS_LEN];
    uint64_t phys_base;
    uint32_t page_size;    /* of the guest's kernel */
    uint64_t total;
    _Atomic uint64_t *done;
} DumpPlan;

enum { DUMP_MAX_MAPPINGS = 1 << 20 };

/* Reads CPUs, map and page tables: the machine stands still. NULL with an error. */
DumpPlan *dump_plan_new(const DumpRequest *r, GError **error);
void dump_plan_free(DumpPlan *p);
bool dump_is_zero(const uint8_t *p, size_t len);

/* ---- formats ---- */
bool dump_elf(const DumpPlan *p, DumpOutput *o, GError **error);
bool dump_kdump(const DumpPlan *p, DumpOutput *o, GError **error);
/* Appends an ELF note. */
void dump_note(GByteArray *out, const char *name, uint32_t type, const void *data, size_t len);

#endif
