/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For whoever goes back in time: what comes from outside, and what must not be said twice. */
#ifndef BACKEND_CHAR_HOOK_H
#define BACKEND_CHAR_HOOK_H

#include <stdbool.h>

/* Called around input for front ends that are not monitors or debuggers. */
void chardev_set_input_hooks(void (*before)(void), void (*after)(void));
/* This function reads for a monitor or debugger. */
void chardev_not_machine(void (*read)(void *opaque, const unsigned char *buf, unsigned long len));
/* What devices write is dropped. */
void chardev_mute(bool on);

#endif
