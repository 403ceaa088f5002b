/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -device pci-testdev: found by configuration cycles, its tests done in both kinds of BARs. */
#include "suite.h"

#define ECAM 0x4010000000ULL
#define MMIO 0x10000000ULL
#define PIO 0x3eff0000ULL

static uint64_t find(uint32_t id)
{
    for (unsigned devfn = 0; devfn < 256; devfn++)
        if (rd32(ECAM + (devfn << 12)) == id)
            return ECAM + (devfn << 12);
    return 0;
}

static unsigned run(uint64_t bar, unsigned test)
{
    wr8(bar, (uint8_t)test);
    if (rd8(bar + 1) != 1)
        return 0;
    check("pci: count begins at 0", rd32(bar + 12), 0);
    for (unsigned i = 0; i < 10; i++)
        wr8(bar + rd32(bar + 4), (uint8_t)rd32(bar + 8));
    /* Those that go by an eventfd are not counted. */
    check("pci: ten writes", rd32(bar + 12) == 10 || !rd32(bar + 12), 1);
    return 1;
}

void test_pci(void)
{
    uint64_t device = find(0x00051b36);
    unsigned n = 0;

    check("pci: pci-testdev", device != 0, 1);
    if (!device)
        return;
    wr32(device + 0x10, ~0U);
    check("pci: BAR 0 is memory of at most 4 KiB", ~(rd32(device + 0x10) & ~15U) + 1 <= 4096, 1);
    wr32(device + 0x14, ~0U);
    check("pci: BAR 1 is ports", rd32(device + 0x14) & 3, 1);
    wr32(device + 0x10, MMIO);
    wr32(device + 0x14, 0x1000);
    wr32(device + 4, 3);
    for (unsigned test = 0; test < 8; test++)
        n += run(MMIO, test) + run(PIO + 0x1000, test);
    check("pci: six tests", n, 6);
}
