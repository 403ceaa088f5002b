/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device tells and takes while it runs, by name: properties of QOM (qom-get, qom-set) that
 * are no configuration. Main thread.
 */
#ifndef HW_ATTR_H
#define HW_ATTR_H

#include "hw/device.h"
#include "util/json.h"

typedef struct DeviceAttr {
    const char *name, *type; /* as in QEMU; NULL ends a list */
    Json *(*get)(void *dev);
    bool (*set)(void *dev, const Json *value, GError **error); /* NULL: read-only */
} DeviceAttr;

/* Once, by constructor. */
void device_attrs_register(const DeviceType *t, const DeviceAttr *list);
#define DEVICE_ATTRS_REGISTER(t, list)                                                         \
    static void __attribute__((constructor)) register_##list(void)                             \
    {                                                                                          \
        device_attrs_register(&t, list);                                                       \
    }
/* The type's; an empty list if it has none. */
const DeviceAttr *device_attrs(const DeviceType *t);

#endif
