/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objects (-object) while the machine runs. */
#include "backend/object.h"

#include "monitor/schema/commands_gen.h"
#include "util/error.h"

bool qmp_object_add(const Json *args, GError **error)
{
    GHashTable *opts = json_to_opts(args, error);
    bool ok = opts && object_add_from_opts(opts, error);
    g_clear_pointer(&opts, g_hash_table_unref);
    return ok;
}

bool qmp_object_del(const Json *args, GError **error)
{
    return object_del(json_get_str(args, "id", ""), error);
}

void hmp_object_add(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    if (!object_add(json_get_str(args, "object", ""), &error))
        monitor_report(mon, error);
}
