/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MONITOR_CMD_VIRTIO_H
#define MONITOR_CMD_VIRTIO_H

#include "hw/virtio.h"
#include "util/json.h"

/* The queue that "path" and "queue" of a command name; NULL with an error. */
VirtQueue *qmp_virtio_find_queue(const Json *args, GError **error);

#endif
