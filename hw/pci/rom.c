/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Expansion ROMs: PCI Firmware Specification 3.0, chapter 5. A file in the ROM BAR, given by
 * romfile= or the type's own where its package is installed; firmware copies it and runs what it
 * understands of it. The contents are read once, when the device is made, and are in no snapshot.
 */
#include <string.h>

#include "hw/pci/pci_internal.h"
#include "softmmu/boot.h"
#include "util/bits.h"
#include "util/error.h"

enum { ROM_SIZE_MIN = 2048, ROM_SIZE_MAX = 16 << 20 };

struct PciRom {
    MemoryRegion region;
    uint8_t *data; /* region.size bytes */
};

static MemResult rom_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    const PciRom *rom = opaque;
    *value = 0;
    memcpy(value, rom->data + offset, size);
    return MEM_OK;
}

static MemResult rom_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    return MEM_OK;
}

static const MmioOps rom_ops = { .read = rom_read, .write = rom_write };

/*
 * 5.1: the first image names the device that it drives. QEMU's own ROMs are for a family of devices:
 * theirs is made to fit, as is the sum of its bytes (which iPXE has at 6).
 */
static void adapt(PciDevice *pci, uint8_t *rom, size_t len)
{
    enum { DATA_POINTER = 0x18, VENDOR = 4, DEVICE = 6, DATA_SIZE = 0x18, CHECKSUM = 6 };
    if (len < 0x20 || rom[0] != 0x55 || rom[1] != 0xaa)
        return;
    size_t at = load_le16(rom + DATA_POINTER);
    if (at + DATA_SIZE > len || memcmp(rom + at, "PCIR", 4))
        return;
    uint8_t *ids = rom + at + VENDOR;
    for (unsigned i = 0; i < 4; i++) {
        uint8_t id = pci->config[PCI_VENDOR_ID + i];
        rom[CHECKSUM] += ids[i] - id;
        ids[i] = id;
    }
}

static bool load(PciDevice *pci, const char *path, bool own, GError **error)
{
    g_autofree char *data = NULL;
    gsize len;
    g_autoptr(GError) why = NULL;
    if (!g_file_get_contents(path, &data, &len, &why))
        return error_set(error, "romfile=%s: %s", path, why->message);
    uint64_t size = pci->romsize;
    if (size == UINT32_MAX)
        for (size = ROM_SIZE_MIN; size < len && size <= ROM_SIZE_MAX;)
            size *= 2;
    if (!len || size > ROM_SIZE_MAX)
        return error_set(error, "romfile=%s: a ROM has 1 byte to 16 MiB, not %" G_GSIZE_FORMAT, path,
                         len);
    if (!is_pow2(size) || size < ROM_SIZE_MIN)
        return error_set(error, "romsize=%" G_GUINT64_FORMAT ": must be a power of two from 2048 on",
                         size);
    if (len > size)
        return error_set(error, "romfile=%s has %" G_GSIZE_FORMAT " bytes, more than romsize=%"
                         G_GUINT64_FORMAT, path, len, size);
    PciRom *rom = g_new0(PciRom, 1);
    rom->data = g_malloc0(size);
    memcpy(rom->data, data, len);
    if (own)
        adapt(pci, rom->data, len);
    memory_region_init_mmio(&rom->region, "rom", size, &rom_ops, rom);
    pci_add_bar(pci, PCI_ROM_BAR, PCI_BAR_MEM32, &rom->region);
    pci->rom = rom;
    return true;
}

bool pci_rom_add(PciDevice *pci, GError **error)
{
    const char *own = pci_class(pci)->romfile;
    if (pci->romfile) {
        g_autofree char *path = *pci->romfile ? boot_find_firmware(pci->romfile) : NULL;
        if (*pci->romfile && !path)
            return error_set(error, "romfile=%s: no such file", pci->romfile);
        if (path && !pci->rombar && pci->dev.hotplugged)
            return error_set(error, "romfile= and rombar=0: a device that is plugged while the machine "
                             "runs has no other place for its ROM");
        return !path || !pci->rombar || load(pci, path, false, error);
    }
    /* The type's own: nobody asked for it, and it isn't missed. */
    g_autofree char *path = own && pci->rombar ? boot_find_firmware(own) : NULL;
    return !path || load(pci, path, true, error);
}

void pci_rom_free(PciDevice *pci)
{
    if (!pci->rom)
        return;
    memory_region_deinit(&pci->rom->region);
    g_free(pci->rom->data);
    g_clear_pointer(&pci->rom, g_free);
}
