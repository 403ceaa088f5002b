/* SPDX-License-Identifier: GPL-2.0-or-later */
/* i and o: the ports of PCI, which is where these boards' processors have their I/O. */
#include <inttypes.h>

#include "hw/pci.h"
#include "monitor/schema/commands_gen.h"
#include "util/bits.h"

/* "b", "w" or "l"; any other size is a byte, as in QEMU. */
static char suffix(int64_t size, unsigned *bytes)
{
    *bytes = size == 2 || size == 4 ? (unsigned)size : 1;
    return *bytes == 4 ? 'l' : *bytes == 2 ? 'w' : 'b';
}

void hmp_i(Monitor *mon, const Json *args)
{
    unsigned bytes, port = json_get_int(args, "addr", 0) & 0xffff;
    int64_t size = json_get_int(args, "size", 1);
    char letter = suffix(size, &bytes);
    AddressSpace *ports = pci_ports();
    uint64_t v;
    /* Nobody claims the cycle: ones. */
    if (!ports || address_space_load(ports, port, bytes, &v) != MEM_OK)
        v = MASK(8 * bytes);
    monitor_printf(mon, "port%c[0x%04x] = 0x%0*" PRIx64 "\n", letter, port, (int)size * 2, v);
}

void hmp_o(Monitor *mon, const Json *args)
{
    unsigned bytes, port = json_get_int(args, "addr", 0) & 0xffff;
    suffix(json_get_int(args, "size", 1), &bytes);
    AddressSpace *ports = pci_ports();
    if (ports)
        address_space_store(ports, port, bytes, (uint64_t)json_get_int(args, "val", 0));
}
