/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest tells about itself through devices, and what follows from it. Main lock held. */
#ifndef SOFTMMU_GUEST_EVENT_H
#define SOFTMMU_GUEST_EVENT_H

#include <stdbool.h>

#include "util/json.h"

/* An event of QMP, by its name there; data is taken over. Any thread. */
void guest_event(const char *name, Json *data);
/* Who passes them on. */
void guest_event_set_listener(void (*fn)(const char *name, Json *data));

/* The kernel panicked: vm_actions.panic (softmmu/run.h) says what the machine does. Events as of
 * QEMU. */
void vm_guest_panicked(void);
/* It panicked and boots a kernel that dumps it. */
void vm_guest_crashloaded(void);

#endif
