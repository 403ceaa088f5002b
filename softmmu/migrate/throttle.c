/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * auto-converge: a guest that writes faster than pages can be sent gets less time. vCPUs run for
 * ten milliseconds, then stand still for as long as the percentage makes it.
 */
#include "accel/cpu.h"
#include "softmmu/migrate/migrate_int.h"
#include "softmmu/run.h"

#define RUN_NS 10000000

static Timer *timer;
static unsigned percent;
static bool paused;

static void turn(void *opaque)
{
    if (paused)
        cpus_resume_all();
    paused = percent && !paused;
    if (paused)
        cpus_pause_all();
    if (percent)
        timer_mod(timer, clock_ns(CLOCK_RT) +
                  (paused ? RUN_NS * (int64_t)percent / (100 - percent) : RUN_NS));
}

void mig_throttle(unsigned p)
{
    percent = MIN(p, 99);
    if (!timer && percent)
        timer = timer_new(CLOCK_RT, turn, NULL);
    if (!percent && paused)
        turn(NULL);
    else if (percent && !timer_pending(timer))
        turn(NULL);
}

unsigned mig_throttle_percent(void)
{
    return percent;
}

unsigned mig_throttle_more(void)
{
    uint64_t most = mig_param(MIG_MAX_CPU_THROTTLE);
    return MIN(percent ? percent + mig_param(MIG_CPU_THROTTLE_INCREMENT)
                       : mig_param(MIG_CPU_THROTTLE_INITIAL), most);
}
