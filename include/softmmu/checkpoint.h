/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checkpoints: moments of the machine, kept in memory. Taking one and going back cost what was
 * written in between. RAM, CPUs, devices and clocks are kept; disks as well, if that is wanted.
 *
 * Main lock held, vCPUs paused (cpus_pause_all), block layer drained.
 */
#ifndef SOFTMMU_CHECKPOINT_H
#define SOFTMMU_CHECKPOINT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct CheckpointRing CheckpointRing;

/* A ring of at most `max` checkpoints (2 or more), empty. The first one copies all of RAM. */
CheckpointRing *checkpoint_ring_new(unsigned max, bool disks);
void checkpoint_ring_free(CheckpointRing *r); /* NULL is fine */
/* Takes one behind that at which the machine is; later ones, if any, go. The oldest goes if the
 * ring is full, or holds more than 1 GiB. */
void checkpoint_take(CheckpointRing *r);
/* Goes to number i, 0 being the oldest. Later ones stay. False, and no change: a device refused. */
bool checkpoint_restore(CheckpointRing *r, unsigned i, GError **error);
unsigned checkpoint_count(const CheckpointRing *r);
/* The one that was taken or restored last. */
unsigned checkpoint_current(const CheckpointRing *r);
uint64_t checkpoint_icount(const CheckpointRing *r, unsigned i);
/* Forgets those behind the current one. */
void checkpoint_truncate(CheckpointRing *r);

#endif
