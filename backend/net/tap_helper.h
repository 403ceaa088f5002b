/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other programs that set up TAP devices. */
#ifndef BACKEND_NET_TAP_HELPER_H
#define BACKEND_NET_TAP_HELPER_H

#include <glib.h>
#include <stdbool.h>

/* What is used if the user names none: the first that is there. */
const char *tap_default_helper(void);
/* Runs "script IFNAME" and waits for it. */
bool tap_run_script(const char *script, const char *ifname, GError **error);
/* A TAP device in that bridge, opened by a privileged program; -1 with a reason. */
int tap_from_helper(const char *helper, const char *bridge, GError **error);

#endif
