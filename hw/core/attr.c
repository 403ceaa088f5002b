/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See include/hw/attr.h. */
#include "hw/attr.h"

static GHashTable *lists;

void device_attrs_register(const DeviceType *t, const DeviceAttr *list)
{
    if (!lists)
        lists = g_hash_table_new(NULL, NULL);
    g_hash_table_insert(lists, (gpointer)t, (gpointer)list);
}

const DeviceAttr *device_attrs(const DeviceType *t)
{
    static const DeviceAttr none;
    const DeviceAttr *list = lists ? g_hash_table_lookup(lists, t) : NULL;
    return list ? list : &none;
}
