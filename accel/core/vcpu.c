/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vCPUs: creation, threads, requests to them, exclusive sections, debug access to their memory.
 *
 * How nothing is lost: whoever wants something from a vCPU first leaves the request (a flag, an
 * interrupt bit, a queued function), then kicks. The thread clears exit_request and its waker
 * before it looks at requests, so that a kick after that keeps it from executing or sleeping.
 */
#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "accel/accel.h"
#include "accel/core/vcpu.h"
#include "softmmu/run.h"
#include "util/bits.h"
#include "util/error.h"

enum { MAX_CPUS = 1024 };

static Cpu *cpu_table[MAX_CPUS];
Cpu **cpus = cpu_table;
unsigned cpu_count;
__thread Cpu *current_cpu;

static bool threads_started;
static unsigned pause_count = 1; /* main lock; the machine is born paused */
static GCond stopped_cond;       /* main lock: some vCPU has stopped */

/* ---- targets ---- */

static GPtrArray *all_targets;

GPtrArray *targets(void)
{
    if (!all_targets)
        all_targets = g_ptr_array_new();
    return all_targets;
}

void target_register(const TargetOps *t)
{
    g_ptr_array_add(targets(), (void *)t);
}

const TargetOps *target_find(const char *name)
{
    for (unsigned i = 0; i < targets()->len; i++) {
        const TargetOps *t = all_targets->pdata[i];
        if (!strcmp(t->name, name))
            return t;
    }
    return NULL;
}

/* ---- sleeping ---- */

void waker_wake(CpuWaker *w)
{
    atomic_store(&w->word, 1);
    if (atomic_load(&w->sleeping))
        syscall(SYS_futex, &w->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

bool waker_wait(CpuWaker *w, int64_t ns)
{
    struct timespec t = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
    atomic_store(&w->sleeping, 1);
    long r = 0;
    if (!atomic_load(&w->word))
        r = syscall(SYS_futex, &w->word, FUTEX_WAIT_PRIVATE, 0, ns < 0 ? NULL : &t, NULL, 0);
    bool timed_out = r < 0 && errno == ETIMEDOUT;
    atomic_store(&w->sleeping, 0);
    return !timed_out;
}

/* ---- requests ---- */

void cpu_kick(Cpu *cpu)
{
    atomic_store(&cpu->exit_request, 1);
    if (cpu == current_cpu) {
        icount_kicked_itself();
        return;
    }
    waker_wake(cpu->waker);
    if (icount_enabled()) {
        /* Another vCPU may have the thread. From that thread itself there is no hurry, and
         * leaving now or later makes no difference to what is executed. */
        Cpu *running = atomic_load(&icount_running);
        if (running && running != current_cpu)
            atomic_store(&running->exit_request, 1);
        return;
    }
    if (accel_current && accel_current->kick)
        accel_current->kick(cpu);
}

void cpu_interrupt(Cpu *cpu, uint32_t mask)
{
    atomic_fetch_or(&cpu->interrupt_request, mask);
    cpu_kick(cpu);
}

void cpu_clear_interrupt(Cpu *cpu, uint32_t mask)
{
    atomic_fetch_and(&cpu->interrupt_request, ~mask);
}

void cpu_request(Cpu *cpu, uint32_t bits)
{
    atomic_fetch_or(&cpu->requests, bits);
    cpu_kick(cpu);
}

void vcpu_serve(Cpu *cpu)
{
    uint32_t bits = atomic_load(&cpu->requests) ? atomic_exchange(&cpu->requests, 0) : 0;
    if (bits)
        cpu->target->serve(cpu, bits);
}

typedef struct CpuWork {
    void (*fn)(Cpu *cpu, void *arg);
    void *arg;
    bool *done; /* main lock */
} CpuWork;

static GCond work_done_cond;

void vcpu_run_work(Cpu *cpu)
{
    for (;;) {
        pthread_mutex_lock(&cpu->work_lock);
        CpuWork *w = g_queue_pop_head(cpu->work);
        pthread_mutex_unlock(&cpu->work_lock);
        if (!w)
            return;
        w->fn(cpu, w->arg);
        if (w->done) {
            main_lock();
            *w->done = true;
            g_cond_broadcast(&work_done_cond);
            main_unlock();
        }
        g_free(w);
    }
}

static void queue_work(Cpu *cpu, void (*fn)(Cpu *cpu, void *arg), void *arg, bool *done)
{
    CpuWork *w = g_new(CpuWork, 1);
    *w = (CpuWork){ fn, arg, done };
    pthread_mutex_lock(&cpu->work_lock);
    g_queue_push_tail(cpu->work, w);
    pthread_mutex_unlock(&cpu->work_lock);
    cpu_kick(cpu);
}

void cpu_run_on(Cpu *cpu, void (*fn)(Cpu *cpu, void *arg), void *arg)
{
    if (!threads_started)
        fn(cpu, arg); /* only the main thread is there yet */
    else
        queue_work(cpu, fn, arg, NULL);
}

void cpu_run_on_sync(Cpu *cpu, void (*fn)(Cpu *cpu, void *arg), void *arg)
{
    if (!threads_started || cpu == current_cpu) {
        fn(cpu, arg);
        return;
    }
    bool done = false;
    main_lock();
    queue_work(cpu, fn, arg, &done);
    while (!done)
        main_cond_wait(&work_done_cond);
    main_unlock();
}

/* ---- threads ---- */

bool vcpu_ready(Cpu *cpu)
{
    if (atomic_load(&cpu->stop)) {
        if (!atomic_load(&cpu->stopped)) {
            main_lock();
            if (atomic_load(&cpu->stop)) {
                atomic_store(&cpu->stopped, true);
                g_cond_broadcast(&stopped_cond);
            }
            main_unlock();
        }
        return false;
    }
    vcpu_serve(cpu);
    if (cpu->halted) {
        if (!cpu->target->has_work(cpu))
            return false;
        cpu->halted = false;
    }
    return true;
}

void vcpu_after_exec(Cpu *cpu, CpuExit why)
{
    cpu->exit_reason = why;
    switch (why) {
    case CPU_EXIT_HALTED:
        cpu->halted = true;
        break;
    case CPU_EXIT_DEBUG:
        vm_request_stop(RUN_STATE_DEBUG);
        break;
    case CPU_EXIT_YIELD:
        if (cpu->yield_us && !icount_enabled())
            waker_wait(cpu->waker, cpu->yield_us * (int64_t)1000);
        else
            g_thread_yield();
        cpu->yield_us = 0;
        break;
    case CPU_EXIT_NONE:
    case CPU_EXIT_BUDGET:
        break;
    }
}

static gpointer vcpu_thread(gpointer arg)
{
    Cpu *cpu = arg;
    current_cpu = cpu;
    while (!cpu->unplugged) {
        waker_clear(cpu->waker);
        atomic_exchange(&cpu->exit_request, 0);
        vcpu_run_work(cpu);
        if (vcpu_ready(cpu))
            vcpu_after_exec(cpu, accel_current->exec(cpu));
        else
            waker_wait(cpu->waker, -1);
    }
    return NULL;
}

static void thread_start(Cpu *cpu)
{
    char *name = g_strdup_printf("CPU %u/%s", cpu->index, accel_current->name);
    cpu->thread = g_thread_new(name, vcpu_thread, cpu);
    g_free(name);
}

/* At the first start, when there are all vCPUs: nothing of theirs needs a lock before. */
static void threads_start(void)
{
    threads_started = true;
    if (icount_enabled()) {
        icount_thread_start();
        return;
    }
    for (unsigned i = 0; i < cpu_count; i++)
        thread_start(cpus[i]);
}

void cpus_pause_all(void)
{
    pause_count++;
    if (!threads_started)
        return;
    for (unsigned i = 0; i < cpu_count; i++) {
        atomic_store(&cpus[i]->stop, true);
        cpu_kick(cpus[i]);
    }
    for (unsigned i = 0; i < cpu_count; i++) {
        while (!atomic_load(&cpus[i]->stopped) && cpus[i] != current_cpu)
            main_cond_wait(&stopped_cond);
    }
}

void cpus_resume_all(void)
{
    g_assert(pause_count > 0);
    if (--pause_count)
        return;
    for (unsigned i = 0; i < cpu_count; i++) {
        if (cpus[i]->held)
            continue;
        atomic_store(&cpus[i]->stop, false);
        atomic_store(&cpus[i]->stopped, false);
    }
    if (!threads_started)
        threads_start();
    for (unsigned i = 0; i < cpu_count; i++)
        cpu_kick(cpus[i]);
}

void cpu_stop_current(void)
{
    if (!current_cpu)
        return;
    main_lock();
    if (icount_enabled()) {
        /* The others share its thread, and how far they come must not depend on when the main
         * thread carries the request out. */
        for (unsigned i = 0; i < cpu_count; i++)
            atomic_store(&cpus[i]->stop, true);
    }
    atomic_store(&current_cpu->stop, true);
    atomic_store(&current_cpu->exit_request, 1);
    main_unlock();
}

/* ---- creation ---- */

static void cpu_reset(void *opaque)
{
    Cpu *cpu = opaque;
    atomic_store(&cpu->interrupt_request, 0);
    atomic_store(&cpu->requests, 0);
    cpu->halted = false;
    cpu->exit_reason = CPU_EXIT_NONE;
    cpu->target->reset(cpu);
}

static void cpu_free(Cpu *cpu)
{
    g_queue_free(cpu->work);
    g_array_free(cpu->breakpoints, true);
    g_array_free(cpu->watchpoints, true);
    g_free(cpu->guest_watch);
    if (cpu->waker != &icount_waker)
        g_free(cpu->waker);
    pthread_mutex_destroy(&cpu->work_lock);
    free(cpu);
}

Cpu *cpu_new(const TargetOps *t, const char *model, GError **error)
{
    if (cpu_count == MAX_CPUS) {
        error_set(error, "no more than %d vCPUs are supported; use a smaller -smp", MAX_CPUS);
        return NULL;
    }
    size_t size = ALIGN_UP(t->cpu_size, 64);
    Cpu *cpu = aligned_alloc(64, size);
    if (!cpu)
        g_error("out of memory");
    memset(cpu, 0, size);
    cpu->target = t;
    cpu->index = cpu_count;
    cpu->as = address_space_cpu;
    cpu->mxcsr = 0x1f80; /* all exceptions masked, to nearest: SDM vol. 1, 10.2.3 */
    cpu->work = g_queue_new();
    pthread_mutex_init(&cpu->work_lock, NULL);
    cpu->waker = icount_enabled() ? &icount_waker : g_new0(CpuWaker, 1);
    cpu->breakpoints = g_array_new(false, false, sizeof(vaddr));
    cpu->watchpoints = g_array_new(false, false, sizeof(CpuWatchpoint));
    if (icount_enabled())
        cpu->cflags |= CF_ICOUNT;
    atomic_store(&cpu->stop, true);
    atomic_store(&cpu->stopped, true);
    if (!t->configure(cpu, model, error) || !accel_current->cpu_init(cpu, error)) {
        cpu_free(cpu);
        return NULL;
    }
    t->init(cpu);
    cpus[cpu_count++] = cpu;
    vm_add_reset_handler(RESET_STAGE_CPUS, cpu_reset, cpu);
    return cpu;
}

/* ---- memory as the vCPU sees it, for debuggers ---- */

bool cpu_debug_translate(Cpu *cpu, vaddr va, hwaddr *pa)
{
    const TargetOps *t = cpu->target;
    MmuResult r = { 0 };
    if (!t->translate(cpu, va, MMU_READ, t->data_mmu_idx(cpu), true, &r)) {
        /* Execute-only, or the fetch translation differs. */
        r = (MmuResult){ 0 };
        if (!t->translate(cpu, va, MMU_EXEC, t->fetch_mmu_idx(cpu), true, &r))
            return t->debug_translate && t->debug_translate(cpu, va, pa);
    }
    /* No physical memory is up there, but kernels are: as another mode would see it. */
    if (va >> 63 && r.paddr >> 63 && t->debug_translate)
        return t->debug_translate(cpu, va, pa);
    *pa = (r.paddr & ~(hwaddr)0xfff) | (va & 0xfff);
    return true;
}

static bool debug_access(Cpu *cpu, vaddr va, void *buf, uint64_t len, bool write)
{
    uint8_t *p = buf;
    while (len) {
        hwaddr pa;
        uint64_t n = MIN(len, 0x1000 - (va & 0xfff));
        if (!cpu_debug_translate(cpu, va, &pa))
            return false;
        MemResult r = write ? address_space_write_rom(cpu->as, pa, p, n)
                            : address_space_read(cpu->as, pa, p, n);
        if (r != MEM_OK)
            return false;
        va += n;
        p += n;
        len -= n;
    }
    return true;
}

bool cpu_debug_read(Cpu *cpu, vaddr va, void *buf, uint64_t len)
{
    return debug_access(cpu, va, buf, len, false);
}

bool cpu_debug_write(Cpu *cpu, vaddr va, const void *buf, uint64_t len)
{
    return debug_access(cpu, va, (void *)buf, len, true);
}
