/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside softmmu/semihosting. */
#ifndef SOFTMMU_SEMIHOSTING_INT_H
#define SOFTMMU_SEMIHOSTING_INT_H

#include "softmmu/semihosting.h"

/* The text of SYS_GET_CMDLINE. */
const char *semihosting_cmdline(void);

/* console.c: the chardev of -semihosting-config chardev=, else the program's own streams. */
bool semihosting_console_open(const char *chardev, GError **error);
void semihosting_console_write(const void *buf, size_t len);
/* Waits for a byte; -1: there will be none. */
int semihosting_console_getc(void);

#endif
