/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a monitor tells of itself (VESA E-EDID 1.4, CTA-861 extension). */
#ifndef HW_DISPLAY_EDID_H
#define HW_DISPLAY_EDID_H

#include <stdint.h>

enum { EDID_SIZE = 256 };
/* A monitor that likes width x height best; both below 4096. */
void edid_make(uint8_t *edid, unsigned width, unsigned height);

#endif
