/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The main lock. */
#include "softmmu/run.h"
#include "util/tsan.h"

static GMutex lock;
static __thread unsigned depth; /* how often this thread holds it */

void main_lock(void)
{
    if (depth++)
        return;
    g_mutex_lock(&lock);
    TSAN_ACQUIRE(&lock);
}

void main_unlock(void)
{
    g_assert(depth > 0);
    if (--depth)
        return;
    TSAN_RELEASE(&lock);
    g_mutex_unlock(&lock);
}

bool main_lock_held(void)
{
    return depth > 0;
}

unsigned main_lock_drop(void)
{
    unsigned d = depth;
    if (d) {
        depth = 1;
        main_unlock();
    }
    return d;
}

void main_lock_retake(unsigned d)
{
    if (d) {
        main_lock();
        depth = d;
    }
}

bool main_cond_wait_until(GCond *cond, int64_t monotonic_us)
{
    unsigned d = depth;
    g_assert(d > 0);
    depth = 0;
    TSAN_RELEASE(&lock);
    bool woken = true;
    if (monotonic_us == INT64_MAX)
        g_cond_wait(cond, &lock);
    else
        woken = g_cond_wait_until(cond, &lock, monotonic_us);
    TSAN_ACQUIRE(&lock);
    depth = d;
    return woken;
}

void main_cond_wait(GCond *cond)
{
    main_cond_wait_until(cond, INT64_MAX);
}
