/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Screens as commands name them. */
#ifndef MONITOR_CMD_DISPLAY_H
#define MONITOR_CMD_DISPLAY_H

#include "backend/display.h"
#include "util/json.h"

/* The screen that `device` and `head` name, or the first; NULL with an error. */
DisplayConsole *monitor_screen(const Json *args, GError **error);

#endif
