/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What -semihosting and -semihosting-config say. */
#include "softmmu/semihosting/int.h"

#include <string.h>

#include "util/error.h"
#include "util/opts.h"

static bool enabled, for_user;
static char *chardev_id;
static GString *arguments; /* arg= parts, joined by spaces */
static char *cmdline;

bool semihosting_enabled(bool user)
{
    return enabled && (!user || for_user);
}

const char *semihosting_cmdline(void)
{
    return cmdline ? cmdline : "";
}

/* arg= may come several times, so its parts are taken before the others. */
static char *take_arguments(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    GString *rest = g_string_new(NULL);

    for (unsigned i = 0; parts[i]; i++) {
        if (g_str_has_prefix(parts[i], "arg=")) {
            if (!arguments)
                arguments = g_string_new(NULL);
            g_string_append_printf(arguments, "%s%s", arguments->len ? " " : "", parts[i] + 4);
        } else {
            g_string_append_printf(rest, "%s%s", rest->len ? "," : "", parts[i]);
        }
    }
    return g_string_free(rest, FALSE);
}

bool semihosting_configure(const char *text, GError **error)
{
    static const char *const known[] = { "enable", "target", "chardev", "userspace", "arg", NULL };
    g_autofree char *rest = NULL;
    g_autofree char *target = NULL;
    GHashTable *opts;
    bool ok;

    enabled = true;
    if (!text)
        return true;
    rest = take_arguments(text);
    opts = opts_parse(rest, "enable", error);
    if (!opts)
        return false;
    ok = opts_take_bool(opts, "enable", &enabled, error) &&
         opts_take_bool(opts, "userspace", &for_user, error);
    target = opts_take(opts, "target");
    g_free(chardev_id);
    chardev_id = opts_take(opts, "chardev");
    ok = ok && opts_check_empty(opts, "-semihosting-config", known, error);
    g_hash_table_unref(opts);
    if (ok && target && strcmp(target, "native") && strcmp(target, "auto"))
        return error_set(error, "-semihosting-config: target=%s is not supported; leave it out, or "
                         "say target=native", target);
    return ok;
}

bool semihosting_start(const char *kernel, const char *append, GError **error)
{
    if (!enabled)
        return true;
    if (arguments)
        cmdline = g_strdup(arguments->str);
    else if (kernel)
        cmdline = append ? g_strconcat(kernel, " ", append, NULL) : g_strdup(kernel);
    return semihosting_console_open(chardev_id, error);
}
