/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that a guest gives up. */
#ifndef SOFTMMU_DISCARD_H
#define SOFTMMU_DISCARD_H

#include <stdint.h>

/*
 * Gives whole pages of [host, host + len), within one block of RAM, back to the host: they read as
 * zeros. Counts as written. Main lock.
 */
void ram_discard(void *host, uint64_t len);

#endif
