/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The balloon, for the monitor: hw/virtio/virtio_balloon.c. A machine has one at most. */
#ifndef HW_BALLOON_H
#define HW_BALLOON_H

#include <stdbool.h>
#include <stdint.h>

bool balloon_present(void);
/* How much memory (bytes) the guest shall have; more than there is means all. */
void balloon_set_target(uint64_t bytes);
uint64_t balloon_actual(void); /* what it says it has */

#endif
