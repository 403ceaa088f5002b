/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -machine none: no CPU, no memory, no devices. Management tools start it to ask the monitor what
 * the program can do.
 */
#include "hw/board.h"

static bool none_init(Machine *m, GError **error)
{
    return true;
}

static const BoardType none_board = {
    .name = "none", .doc = "empty machine", .max_cpus = 1, .default_ram = 128 << 20,
    .init = none_init,
};
BOARD_REGISTER(none_board)
