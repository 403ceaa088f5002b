/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks that other programs may use, over NBD: see backend/nbd/server.c. Main thread. */
#ifndef BACKEND_EXPORT_H
#define BACKEND_EXPORT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/json.h"

/* Of host and port, or of a Unix socket's path; to: the last port to try, or 0. */
typedef struct NbdAddress {
    const char *host, *port, *path;
} NbdAddress;
bool nbd_server_start(const NbdAddress *a, unsigned max_connections, GError **error);
bool nbd_server_running(void);
bool nbd_server_stop(GError **error); /* and all its exports */

typedef struct NbdExportArgs {
    const char *id, *device; /* the disk, or a node */
    const char *name, *description;
    bool writable;
    bool writable_if_can;    /* nbd-server-add: less, without a word */
} NbdExportArgs;
bool nbd_export_add(const NbdExportArgs *a, GError **error);
bool nbd_export_del(const char *id, bool hard, GError **error);
void nbd_export_foreach(void (*fn)(const char *id, const char *node, bool closing, void *arg),
                        void *arg);
/* Who wants to know that an export is gone. */
void nbd_export_set_gone_hook(void (*fn)(const char *id));

#endif
