/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Semihosting ("Semihosting for AArch32 and AArch64", ARM 100863): a guest's calls to the host for
 * its console, files, clock and exit. Off unless -semihosting or -semihosting-config asks for it,
 * because it gives the guest the host's files.
 */
#ifndef SOFTMMU_SEMIHOSTING_H
#define SOFTMMU_SEMIHOSTING_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the calling processor lends: its memory, and its way to say how it is. */
typedef struct SemihostGuest {
    bool (*read)(void *opaque, uint64_t va, void *buf, size_t len);
    bool (*write)(void *opaque, uint64_t va, const void *buf, size_t len);
    void *opaque;
    uint64_t ram_base, ram_size; /* for SYS_HEAPINFO; 0: unknown */
    bool user;                   /* an unprivileged level asks (userspace=) */
} SemihostGuest;

bool semihosting_enabled(bool user);
/* One call with 64-bit argument words; what goes into the result register. vCPU's thread, without
 * the main lock. */
uint64_t semihosting_call(const SemihostGuest *g, uint64_t op, uint64_t arg);

struct Cpu;
/* The same for a target's processor at pc, which stops after an exit. */
uint64_t semihosting_cpu_call(struct Cpu *cpu, uint64_t pc, bool user, uint32_t op, uint64_t arg);
/* SemihostGuest.read for a Cpu. */
bool semihosting_read(void *cpu, uint64_t va, void *buf, size_t len);

/* -semihosting (text NULL) and -semihosting-config. Main thread, before the machine runs. */
bool semihosting_configure(const char *text, GError **error);
/* Chardevs exist now; what SYS_GET_CMDLINE says without arg=. */
bool semihosting_start(const char *kernel, const char *append, GError **error);

#endif
