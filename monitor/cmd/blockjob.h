/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of the commands that start jobs, for those that do several things as one. */
#ifndef MONITOR_CMD_BLOCKJOB_H
#define MONITOR_CMD_BLOCKJOB_H

#include "backend/block_job.h"

/* A BlockJob of drive-backup's arguments, or blockdev-backup's (node). */
void *backup_prepare(const Json *args, bool node, GError **error);

#endif
