/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SMBIOS tables (DSP0134 3.0) for firmware to hand on, and the option -smbios.
 */
#ifndef SOFTMMU_SMBIOS_H
#define SOFTMMU_SMBIOS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What a board says of itself. */
typedef struct SmbiosMachine {
    const char *manufacturer, *product, *version;
    const char *uuid;            /* text, or NULL */
    unsigned sockets, cores, threads;
    uint64_t ram_base, ram_size;
} SmbiosMachine;

/* "type=1,manufacturer=X,serial=Y", "type=11,value=TEXT", "file=FILE": checked and collected. */
bool smbios_add_option(const char *text, GError **error);
/* Appends the entry point ("etc/smbios/smbios-anchor") and the structures. */
void smbios_build(const SmbiosMachine *m, GByteArray *anchor, GByteArray *tables);

#endif
