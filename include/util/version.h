/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Versions. Tools parse "QEMU emulator version X.Y.Z" and decide by it what they may use: so we
 * tell the version of QEMU whose command line, monitor and boards we have, and then our own.
 */
#ifndef UTIL_VERSION_H
#define UTIL_VERSION_H

#define SOSIA_VERSION "0.1.0"
#define QEMU_COMPAT_MAJOR 7
#define QEMU_COMPAT_MINOR 2
#define QEMU_COMPAT_MICRO 0
#define QEMU_COMPAT_VERSION "7.2.0"
#define SOSIA_PACKAGE " (Sosia " SOSIA_VERSION ")"

#endif
