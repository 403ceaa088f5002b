/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of objects for programs that know QEMU's. Strings belong to the caller, if not const. */
#ifndef MONITOR_CMD_QOM_H
#define MONITOR_CMD_QOM_H

#include "accel/cpu.h"
#include "hw/device.h"

char *qom_cpu_path(const Cpu *cpu);
char *qom_cpu_type(const TargetOps *t, const char *model); /* "rv64-riscv-cpu" */
/* Of the guest, or the one that it would have; NULL: a program without targets. */
const TargetOps *qom_target(void);
char *qom_device_path(const char *path); /* of the device with that Device.path */
const char *qom_prop_type(PropType type);

#endif
