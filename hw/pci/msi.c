/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Message signalled interrupts: MSI and MSI-X.
 * PCI Local Bus Specification 3.0, section 6.8. A message is a 4-byte DMA write, which the
 * platform's interrupt controller takes.
 */
#include <string.h>

#include "hw/pci/pci_internal.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/log.h"

enum { MSI_CONTROL = 2, MSI_ADDRESS = 4, MSI_DATA = 12, MSI_SIZE = 14 };
enum { MSI_MASK = 16, MSI_PENDING = 20, MSI_MASKED_SIZE = 24 };
enum { MSI_ENABLE = 1, MSI_64BIT = 0x80, MSI_MASKS = 0x100 };
enum { MSIX_CONTROL = 2, MSIX_TABLE = 4, MSIX_PBA = 8, MSIX_SIZE = 12 };
enum { MSIX_ENABLE = 0x8000, MSIX_MASK_ALL = 0x4000 };
enum { ENTRY_ADDRESS = 0, ENTRY_DATA = 8, ENTRY_CONTROL = 12, ENTRY_SIZE = 16, ENTRY_MASKED = 1,
       MAX_VECTORS = 2048 };

static __thread unsigned sending;

bool pci_message_sending(void)
{
    return sending;
}

static void send_message(PciDevice *pci, uint64_t address, uint32_t data)
{
    if (!pci_can_master(pci))
        return;
    uint32_t before = memory_initiator.requester;
    memory_initiator.requester = pci_requester_id(pci);
    sending++;
    MemResult res = address_space_store(pci->dev.dma, address, 4, data);
    sending--;
    memory_initiator.requester = before;
    if (res != MEM_OK && !(pci->dev.logged & 0x80000000)) {
        pci->dev.logged |= 0x80000000;
        log_guest_error(pci->dev.path, "interrupt message to an address where nothing is");
    }
}

/* ---- MSI ---- */

static unsigned add_msi(PciDevice *pci, unsigned vectors, bool masks)
{
    g_assert(is_pow2(vectors) && vectors <= 32);
    unsigned at = pci_add_capability(pci, PCI_CAP_MSI, masks ? MSI_MASKED_SIZE : MSI_SIZE);
    store_le16(pci->config + at + MSI_CONTROL, MSI_64BIT | __builtin_ctz(vectors) << 1);
    store_le16(pci->wmask + at + MSI_CONTROL, MSI_ENABLE | (vectors > 1 ? 7 << 4 : 0));
    store_le32(pci->wmask + at + MSI_ADDRESS, ~3u);
    store_le32(pci->wmask + at + MSI_ADDRESS + 4, ~0u);
    store_le16(pci->wmask + at + MSI_DATA, 0xffff);
    return at;
}

void pci_add_msi(PciDevice *pci, unsigned vectors)
{
    pci->msi_cap = add_msi(pci, vectors, false);
}

void pci_add_msi_masked(PciDevice *pci, unsigned vectors)
{
    unsigned at = pci->msi_cap = add_msi(pci, vectors, true);
    pci->config[at + MSI_CONTROL + 1] |= MSI_MASKS >> 8;
    store_le32(pci->wmask + at + MSI_MASK, (uint32_t)MASK(vectors));
}

bool pci_msi_enabled(const PciDevice *pci)
{
    return pci->msi_cap && (pci->config[pci->msi_cap + MSI_CONTROL] & MSI_ENABLE);
}

void pci_msi_notify(PciDevice *pci, unsigned vector)
{
    if (!pci_msi_enabled(pci))
        return;
    uint8_t *cap = pci->config + pci->msi_cap;
    uint16_t control = load_le16(cap + MSI_CONTROL);
    if ((control & MSI_MASKS) && (load_le32(cap + MSI_MASK) >> (vector & 31) & 1)) {
        store_le32(cap + MSI_PENDING, load_le32(cap + MSI_PENDING) | BIT(vector & 31));
        return;
    }
    /* Software may grant fewer vectors than asked for: the low bits of the data then fold. */
    unsigned granted = 1u << MIN(control >> 4 & 7, control >> 1 & 7);
    uint32_t data = load_le16(cap + MSI_DATA);
    data = (data & ~(granted - 1)) | (vector & (granted - 1));
    send_message(pci, load_le64(cap + MSI_ADDRESS), data);
}

/* ---- MSI-X ---- */

bool pci_msix_enabled(const PciDevice *pci)
{
    return pci->msix_cap &&
           (load_le16(pci->config + pci->msix_cap + MSIX_CONTROL) & MSIX_ENABLE);
}

bool pci_msix_masked(const PciDevice *pci, unsigned vector)
{
    if (vector >= pci->msix_vectors)
        return true;
    return (load_le16(pci->config + pci->msix_cap + MSIX_CONTROL) & MSIX_MASK_ALL) ||
           (pci->msix_table[vector * ENTRY_SIZE + ENTRY_CONTROL] & ENTRY_MASKED);
}

static void deliver(PciDevice *pci, unsigned vector)
{
    const uint8_t *entry = pci->msix_table + vector * ENTRY_SIZE;
    send_message(pci, load_le64(entry + ENTRY_ADDRESS) & ~3ull, load_le32(entry + ENTRY_DATA));
}

void pci_msix_notify(PciDevice *pci, unsigned vector)
{
    if (vector >= pci->msix_vectors || !pci_msix_enabled(pci))
        return;
    if (pci_msix_masked(pci, vector))
        pci->msix_pba[vector / 8] |= 1u << (vector % 8);
    else
        deliver(pci, vector);
}

void pci_msix_clear_pending(PciDevice *pci, unsigned vector)
{
    if (vector < pci->msix_vectors)
        pci->msix_pba[vector / 8] &= ~(1u << (vector % 8));
}

/* A vector may have become free to be sent, or not. */
static void mask_changed(PciDevice *pci, unsigned vector, bool was_masked)
{
    bool masked = pci_msix_masked(pci, vector);
    if (masked == was_masked)
        return;
    if (!masked && pci_msix_enabled(pci) && (pci->msix_pba[vector / 8] >> (vector % 8) & 1)) {
        pci_msix_clear_pending(pci, vector);
        deliver(pci, vector);
    }
    if (pci->msix_mask_changed)
        pci->msix_mask_changed(pci, vector, masked);
}

static MemResult table_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    PciDevice *pci = opaque;
    *value = 0;
    memcpy(value, pci->msix_table + offset, size);
    return MEM_OK;
}

static MemResult table_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    PciDevice *pci = opaque;
    unsigned vector = offset / ENTRY_SIZE;
    bool was_masked = pci_msix_masked(pci, vector);
    memcpy(pci->msix_table + offset, &value, size);
    uint8_t *control = pci->msix_table + vector * ENTRY_SIZE + ENTRY_CONTROL;
    store_le32(control, load_le32(control) & ENTRY_MASKED); /* the other bits are reserved */
    mask_changed(pci, vector, was_masked);
    return MEM_OK;
}

static MemResult pba_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    PciDevice *pci = opaque;
    *value = 0;
    memcpy(value, pci->msix_pba + offset, size);
    return MEM_OK;
}

static MemResult pba_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    return MEM_OK; /* read-only (6.8.3.3) */
}

static const MmioOps table_ops = { .read = table_read, .write = table_write, .min_size = 4,
                                   .max_size = 8 };
static const MmioOps pba_ops = { .read = pba_read, .write = pba_write, .min_size = 4,
                                 .max_size = 8 };

bool pci_add_msix_in(PciDevice *pci, unsigned vectors, unsigned bar, MemoryRegion *container,
                     uint32_t table_offset, uint32_t pba_offset, GError **error)
{
    if (!vectors || vectors > MAX_VECTORS)
        return error_set(error, "a PCI device has 1 to %d interrupt vectors, not %u", MAX_VECTORS,
                         vectors);
    pci->msix_vectors = vectors;
    pci->msix_table_size = vectors * ENTRY_SIZE;
    pci->msix_pba_size = ALIGN_UP(vectors, 64) / 8;
    pci->msix_table = g_malloc0(pci->msix_table_size);
    pci->msix_pba = g_malloc0(pci->msix_pba_size);
    memory_region_init_mmio(&pci->msix_table_mr, "msix-table", pci->msix_table_size, &table_ops,
                            pci);
    memory_region_init_mmio(&pci->msix_pba_mr, "msix-pba", pci->msix_pba_size, &pba_ops, pci);
    memory_region_add(container, table_offset, &pci->msix_table_mr, 1);
    memory_region_add(container, pba_offset, &pci->msix_pba_mr, 1);

    unsigned at = pci->msix_cap = pci_add_capability(pci, PCI_CAP_MSIX, MSIX_SIZE);
    store_le16(pci->config + at + MSIX_CONTROL, vectors - 1);
    store_le16(pci->wmask + at + MSIX_CONTROL, MSIX_ENABLE | MSIX_MASK_ALL);
    store_le32(pci->config + at + MSIX_TABLE, table_offset | bar);
    store_le32(pci->config + at + MSIX_PBA, pba_offset | bar);
    pci_msi_reset(pci);
    return true;
}

bool pci_add_msix(PciDevice *pci, unsigned vectors, unsigned bar, GError **error)
{
    if (!vectors || vectors > MAX_VECTORS)
        return error_set(error, "a PCI device has 1 to %d interrupt vectors, not %u", MAX_VECTORS,
                         vectors);
    /* Half for the table, half for the pending bits; pages, so that nothing else shares them. */
    uint32_t half = 2048;
    while (half < vectors * ENTRY_SIZE)
        half *= 2;
    memory_region_init_container(&pci->msix_bar, "msix", half * 2);
    if (!pci_add_msix_in(pci, vectors, bar, &pci->msix_bar, 0, half, error))
        return false;
    pci_add_bar(pci, bar, PCI_BAR_MEM32, &pci->msix_bar);
    return true;
}

/* ---- for pci.c ---- */

static void msi_unmask(PciDevice *pci)
{
    uint8_t *cap = pci->config + pci->msi_cap;
    if (!pci_msi_enabled(pci) || !(load_le16(cap + MSI_CONTROL) & MSI_MASKS))
        return;
    uint32_t ready = load_le32(cap + MSI_PENDING) & ~load_le32(cap + MSI_MASK);
    store_le32(cap + MSI_PENDING, load_le32(cap + MSI_PENDING) & ~ready);
    for (unsigned v = 0; v < 32; v++)
        if (ready >> v & 1)
            pci_msi_notify(pci, v);
}

/* A write may have lifted the mask of all vectors. */
void pci_msi_config_written(PciDevice *pci, unsigned offset, unsigned size)
{
    if (pci->msi_cap && offset < pci->msi_cap + (unsigned)MSI_MASKED_SIZE &&
        offset + size > pci->msi_cap)
        msi_unmask(pci);
    unsigned at = pci->msix_cap + MSIX_CONTROL;
    if (!pci->msix_cap || offset > at + 1 || offset + size <= at)
        return;
    bool masked_all = load_le16(pci->config + at) & MSIX_MASK_ALL;
    for (unsigned v = 0; v < pci->msix_vectors; v++) {
        bool own = pci->msix_table[v * ENTRY_SIZE + ENTRY_CONTROL] & ENTRY_MASKED;
        /* Whatever the vector was under before, it is told where it stands now. */
        if (!own)
            mask_changed(pci, v, !masked_all);
    }
}

void pci_msi_reset(PciDevice *pci)
{
    if (!pci->msix_vectors)
        return;
    memset(pci->msix_table, 0, pci->msix_table_size);
    for (unsigned v = 0; v < pci->msix_vectors; v++)
        pci->msix_table[v * ENTRY_SIZE + ENTRY_CONTROL] = ENTRY_MASKED;
    memset(pci->msix_pba, 0, pci->msix_pba_size);
}

void pci_msi_free(PciDevice *pci)
{
    if (pci->msix_table) {
        memory_region_deinit(&pci->msix_table_mr);
        memory_region_deinit(&pci->msix_pba_mr);
        if (pci->msix_bar.name)
            memory_region_deinit(&pci->msix_bar);
    }
    g_clear_pointer(&pci->msix_table, g_free);
    g_clear_pointer(&pci->msix_pba, g_free);
}
