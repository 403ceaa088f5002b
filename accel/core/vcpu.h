/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between vcpu.c (vCPUs and their threads) and icount.c (one thread for all of them). */
#ifndef ACCEL_CORE_VCPU_H
#define ACCEL_CORE_VCPU_H

#include "accel/cpu.h"

/* What a vCPU thread sleeps on: a futex that every kick sets. */
typedef struct CpuWaker {
    _Atomic uint32_t word, sleeping;
} CpuWaker;

/* To be called before looking for reasons to run, then waker_wait if there is none. */
static inline void waker_clear(CpuWaker *w)
{
    atomic_exchange(&w->word, 0);
}
void waker_wake(CpuWaker *w);
/* Sleeps until woken after waker_clear; at most ns, if that isn't negative. True: woken. */
bool waker_wait(CpuWaker *w, int64_t ns);

/* Runs what cpu_run_on queued. On the vCPU's thread. */
void vcpu_run_work(Cpu *cpu);
/* What cpu_request asked for. On the vCPU's thread, which has not acknowledged a stop. */
void vcpu_serve(Cpu *cpu);
/* May it execute now? Acknowledges a request to stop; else serves requests, and ends the halted state
 * if there is work. */
bool vcpu_ready(Cpu *cpu);
/* What follows from the reason why exec returned. */
void vcpu_after_exec(Cpu *cpu, CpuExit why);

/* -icount: the one thread. */
void icount_thread_start(void);
/* The vCPU in turn has a request to itself. */
void icount_kicked_itself(void);
extern CpuWaker icount_waker;
extern _Atomic(Cpu *) icount_running; /* that executes just now */

#endif
