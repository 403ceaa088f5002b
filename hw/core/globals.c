/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -global driver.prop=value: defaults that the user changes for all devices of a type. */
#include <string.h>

#include "hw/core/core.h"
#include "util/error.h"

typedef struct Global {
    const DeviceType *type;
    const Prop *prop;
    char *value;
} Global;

static GArray *globals;

/* Names of things that need not exist yet when the option is read. */
static bool is_reference(PropType t)
{
    return t == PROP_CHARDEV || t == PROP_DRIVE || t == PROP_NETDEV;
}

bool device_add_global(const char *driver, const char *prop, const char *value, GError **error)
{
    const DeviceType *t = device_type_find(driver);
    if (!t) {
        /* Scripts set options of devices that a machine may not have: no error in QEMU either. */
        warn_report("-global %s.%s: there is no device '%s'; option ignored", driver, prop, driver);
        return true;
    }
    const Prop *p = prop_find(t, prop);
    void *scratch = g_malloc0(t->size);
    bool ok = true;
    if (!p)
        ok = prop_set(t, NULL, NULL, prop, error);
    else if (!is_reference(p->type))
        ok = prop_set(t, scratch, p, value, error);
    prop_free_all(t, scratch);
    g_free(scratch);
    if (!ok)
        return false;
    if (!globals)
        globals = g_array_new(FALSE, TRUE, sizeof(Global));
    Global g = { t, p, g_strdup(value) };
    g_array_append_val(globals, g);
    return true;
}

void globals_apply(Device *dev)
{
    for (guint i = 0; globals && i < globals->len; i++) {
        Global *g = &g_array_index(globals, Global, i);
        if (g->type != dev->type)
            continue;
        g_autoptr(GError) error = NULL;
        if (!prop_set(dev->type, dev, g->prop, g->value, &error))
            warn_report("-global %s.%s=%s: %s", dev->type->name, g->prop->name, g->value,
                        error->message);
    }
}
