/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of hw/virtio share. */
#ifndef HW_VIRTIO_VIRTIO_INT_H
#define HW_VIRTIO_VIRTIO_INT_H

#include "hw/virtio.h"

#endif
