/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of hw/core share. */
#ifndef HW_CORE_CORE_H
#define HW_CORE_CORE_H

#include "hw/device.h"

/* ---- state.c ---- */
/* Members of a device type that a snapshot keeps: registers' fields, then type->state. */
const StateField *device_type_state(const DeviceType *t);

/* ---- reg.c ---- */
extern const MmioOps reg_mmio_ops; /* of region 0; opaque is the device */
void reg_reset_all(Device *dev);

/* ---- prop.c ---- */
const Prop *prop_find(const DeviceType *t, const char *name);
bool prop_set(const DeviceType *t, void *obj, const Prop *p, const char *value, GError **error);
char *prop_get(const void *obj, const Prop *p);
/* As `info qtree` shows it: "auto", 128 (0x80), true. */
char *prop_pretty(const void *obj, const Prop *p);
void prop_free_all(const DeviceType *t, void *obj);
const char *prop_type_name(PropType type);
const char *prop_type_doc(PropType type);
/* Is the default printed with quotes, and what is it where .def is NULL? */
char *prop_default_text(const Prop *p);
/* Claims the drives that the properties name. */
bool prop_claim_drives(Device *dev, GError **error);
void prop_release_drives(Device *dev);
/* The drives that device_del takes away as well: collects, and once the device is gone frees them. */
void prop_note_drives(Device *dev, GPtrArray *drives);
void prop_free_drives(GPtrArray *drives);

/* ---- globals.c ---- */
void globals_apply(Device *dev);

/* ---- bus.c ---- */
void bus_free(Bus *bus);
const char *bus_type_title(const char *type); /* "PCI" */

/* ---- device.c ---- */
/* What to call the device in messages: its id, else its path. */
const char *device_label(const Device *dev);

#endif
