/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accelerators (-accel): what executes vCPUs. tcg (the JIT), interp (the IR interpreter, the
 * reference) and kvm have this shape.
 */
#ifndef ACCEL_ACCEL_H
#define ACCEL_ACCEL_H

#include "accel/cpu.h"

typedef struct Accel {
    const char *name, *doc;
    const char *const *options; /* NULL-terminated "name=doc", e.g. "tb-size=..." */
    /* False with a reason if it can't run here (no /dev/kvm, wrong target). */
    bool (*init)(const TargetOps *target, GHashTable *opts, GError **error);
    bool (*cpu_init)(Cpu *cpu, GError **error);
    /* Runs until something needs the vCPU loop; called and returns without the main lock. */
    CpuExit (*exec)(Cpu *cpu);
    void (*kick)(Cpu *cpu);        /* beyond exit_request; NULL: nothing more to do */
    void (*state_to_cpu)(Cpu *cpu);/* fetch architectural state into the struct; NULL: it is there */
    void (*cpu_to_state)(Cpu *cpu);
    void (*info)(GString *out);    /* `info jit`; NULL */
    bool threads;                  /* one host thread per vCPU is possible */
} Accel;

void accel_register(const Accel *a);
#define ACCEL_REGISTER(a)                                                                      \
    static void __attribute__((constructor)) register_##a(void) { accel_register(&a); }
GPtrArray *accels(void);
char *accel_options_help(const char *name, GError **error); /* -accel NAME,help; caller frees */
/* Tries "kvm:tcg" or one name with options, in order; says what it falls back to. */
bool accel_select(const char *list, const TargetOps *t, GHashTable *opts, GError **error);
extern const Accel *accel_current;

/* -icount shift=N|auto,sleep=on|off. Call before CPUs are made. */
bool icount_configure(const char *opts, GError **error);
bool icount_enabled(void);
/* Instructions done by all vCPUs. Exact on the vCPU thread, else as of the last stop. */
uint64_t icount_total(void);
/* Snapshot: sets it while the machine is stopped. Virtual time stays as it is. */
void icount_set_total(uint64_t n);

#endif
