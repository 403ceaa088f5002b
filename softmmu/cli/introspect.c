/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-command-line-options: the table of options for programs. */
#include <string.h>

#include "monitor/schema/commands_gen.h"
#include "softmmu/cli/cli.h"

static bool in_word(char c)
{
    return g_ascii_isalnum(c) || c == '-' || c == '_';
}

/* The words before '=' in how the argument is written. */
static Json *parameters(const char *arg)
{
    Json *list = json_array();
    for (const char *eq = arg ? strchr(arg, '=') : NULL; eq; eq = strchr(eq + 1, '=')) {
        const char *start = eq;
        while (start > arg && in_word(start[-1]))
            start--;
        if (start == eq || g_ascii_isupper(*start))
            continue;
        g_autofree char *name = g_strndup(start, eq - start);
        Json *o = json_object();
        json_set_str(o, "name", name);
        json_set_str(o, "type", "string");
        json_add(list, o);
    }
    return list;
}

Json *qmp_query_command_line_options(const Json *args, GError **error)
{
    const char *only = json_get_str(args, "option", NULL);
    Json *list = json_array();
    for (const CliOption *o = cli_options; o->name || o->group; o++) {
        if (!o->name || o->absent || o->old || (only && strcmp(only, o->name)))
            continue;
        Json *entry = json_object();
        json_set_str(entry, "option", o->name);
        json_set(entry, "parameters", parameters(o->arg));
        json_add(list, entry);
    }
    if (only && !json_len(list)) {
        qmp_error_set(error, QMP_ERROR_GENERIC, "Invalid parameter '%s'", only);
        json_free(list);
        return NULL;
    }
    return list;
}
