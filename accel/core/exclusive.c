/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exclusive sections: times at which no other vCPU is in generated code.
 *
 * A vCPU says "in" and then looks whether a section is wanted; who wants one says so and then
 * looks who is in. Both orders are sequentially consistent, so one of them sees the other. The
 * mutex is only for those that have to wait.
 */
#include <pthread.h>

#include "accel/core/vcpu.h"
#include "softmmu/run.h"

_Atomic uint32_t cpu_exclusive_pending;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t someone_left = PTHREAD_COND_INITIALIZER;
static pthread_cond_t section_over = PTHREAD_COND_INITIALIZER;

/* lock held, in_exec cleared */
static void wait_until_over(void)
{
    pthread_cond_signal(&someone_left);
    while (atomic_load(&cpu_exclusive_pending))
        pthread_cond_wait(&section_over, &lock);
}

void cpu_exec_start_slow(Cpu *cpu)
{
    do {
        pthread_mutex_lock(&lock);
        atomic_store(&cpu->in_exec, 0);
        wait_until_over();
        pthread_mutex_unlock(&lock);
        atomic_store(&cpu->in_exec, 1);
    } while (atomic_load(&cpu_exclusive_pending));
}

void cpu_exec_end_slow(Cpu *cpu)
{
    pthread_mutex_lock(&lock);
    pthread_cond_signal(&someone_left);
    pthread_mutex_unlock(&lock);
}

static bool others_in_exec(void)
{
    for (unsigned i = 0; i < cpu_count; i++) {
        if (cpus[i] != current_cpu && atomic_load(&cpus[i]->in_exec))
            return true;
    }
    return false;
}

void cpu_exclusive_begin(void)
{
    unsigned depth = main_lock_drop();
    pthread_mutex_lock(&lock);
    while (atomic_load(&cpu_exclusive_pending))
        pthread_cond_wait(&section_over, &lock);
    atomic_store(&cpu_exclusive_pending, 1);
    for (unsigned i = 0; i < cpu_count; i++) {
        if (cpus[i] != current_cpu && atomic_load(&cpus[i]->in_exec))
            cpu_kick(cpus[i]);
    }
    while (others_in_exec())
        pthread_cond_wait(&someone_left, &lock);
    pthread_mutex_unlock(&lock);
    main_lock_retake(depth);
}

void cpu_exclusive_end(void)
{
    pthread_mutex_lock(&lock);
    atomic_store(&cpu_exclusive_pending, 0);
    pthread_cond_broadcast(&section_over);
    pthread_mutex_unlock(&lock);
}
