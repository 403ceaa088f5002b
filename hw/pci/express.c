/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Capabilities of PCI Express functions: PCI Express Base Specification 3.0, 7.8 (Express), 7.10
 * (AER), 7.16 (ACS); PCI Bus Power Management 1.2; values as QEMU's devices show them. Left out:
 * errors (none is ever reported), ASPM, link training, power states.
 */
#include "hw/pci/bridge.h"
#include "util/bits.h"
#include "util/error.h"

enum { EXPRESS_SIZE = 0x3c, AER_SIZE = 0x48, ACS_SIZE = 8, PM_SIZE = 8 };
enum {
    FLAGS = 0x02, DEVCAP = 0x04, DEVCTL = 0x08, DEVSTA = 0x0a, LNKCAP = 0x0c, LNKCTL = 0x10,
    LNKSTA = 0x12, RTCTL = 0x1c, DEVCAP2 = 0x24, DEVCTL2 = 0x28, LNKCAP2 = 0x2c, LNKCTL2 = 0x30,
};
enum { EXT_AER = 1, EXT_ACS = 0x0d };
enum {
    AER_STATUS = 0x04, AER_SEVERITY = 0x0c, AER_COR_STATUS = 0x10, AER_COR_MASK = 0x14,
    AER_CONTROL = 0x18, AER_ROOT_COMMAND = 0x2c, AER_ROOT_STATUS = 0x30,
};
/* At reset: which uncorrectable errors would be fatal, which corrected ones nobody hears of. */
enum { AER_FATAL = 0x00462030, AER_COR_MASKED = 0xe000 };

static void put32(PciDevice *pci, unsigned at, uint32_t value, uint32_t wmask)
{
    store_le32(pci->config + at, value);
    store_le32(pci->wmask + at, wmask);
}

static void put16(PciDevice *pci, unsigned at, uint16_t value, uint16_t wmask)
{
    store_le16(pci->config + at, value);
    store_le16(pci->wmask + at, wmask);
}

/* Lanes and rates of all that is behind are the least: 2.5 GT/s, x1. */
static void add_link(PciDevice *pci, unsigned at, unsigned type, unsigned port, unsigned speed,
                     unsigned width)
{
    enum { ASPM_L0S = 1 << 10, ACTIVE_REPORTING = 1 << 20, BANDWIDTH = 1 << 21 };
    uint32_t cap = speed | width << 4 | ASPM_L0S | (uint32_t)port << 24;
    if (speed > PCIE_2_5GT) {
        cap |= ACTIVE_REPORTING | BANDWIDTH;
        put32(pci, at + LNKCAP2, (2u << speed) - 2, 0);
        put16(pci, at + LNKCTL2, speed, 0);
    }
    put32(pci, at + LNKCAP, cap, 0);
    if (type == PCIE_ENDPOINT)
        store_le16(pci->wmask + at + LNKCTL, 0xc0);
    put16(pci, at + LNKSTA, PCIE_2_5GT | 1 << 4, 0);
}

void pci_add_express(PciDevice *pci, unsigned type, unsigned port, unsigned speed, unsigned width)
{
    enum { ROLE_BASED_ERRORS = 1 << 15, FLR_CAPABLE = 1 << 28, START_FLR = 1 << 15,
           ERROR_REPORTS = 0xf, ERRORS_SEEN = 0xf };
    enum { TLP_PREFIX = 3 << 20, TLP_PREFIX_BLOCKING = 1 << 15, ARI = 1 << 5 };
    unsigned at = pci->express_cap = pci_add_capability(pci, PCI_CAP_EXPRESS, EXPRESS_SIZE);
    bool flr = type != PCIE_ROOT_PORT && type != PCIE_PCI_BRIDGE && type != PCIE_RC_ENDPOINT;
    bool ari = type != PCIE_ENDPOINT && type != PCIE_UPSTREAM_PORT && type != PCIE_RC_ENDPOINT;
    put16(pci, at + FLAGS, 2 | type << 4, 0);
    put32(pci, at + DEVCAP, ROLE_BASED_ERRORS | (flr ? FLR_CAPABLE : 0), 0);
    put16(pci, at + DEVCTL, 0, ERROR_REPORTS | (flr ? START_FLR : 0));
    store_le16(pci->w1cmask + at + DEVSTA, ERRORS_SEEN);
    add_link(pci, at, type, port, speed, width);
    put32(pci, at + DEVCAP2, TLP_PREFIX | (ari ? ARI : 0), 0);
    put16(pci, at + DEVCTL2, 0, TLP_PREFIX_BLOCKING | (ari ? ARI : 0));
    if (type == PCIE_ROOT_PORT)
        store_le16(pci->wmask + at + RTCTL, 7);
}

/* 7.10: which errors there would be, and how they would be reported. */
void pci_add_aer(PciDevice *pci)
{
    enum { UNCORRECTABLE = 0x03fff030, CORRECTABLE = 0xf1c1 };
    unsigned type = load_le16(pci->config + pci->express_cap + FLAGS) >> 4 & 15;
    bool port = type != PCIE_PCI_BRIDGE;
    unsigned at = pci->aer_cap = pci_add_ext_capability(pci, EXT_AER, 2, AER_SIZE);
    store_le32(pci->w1cmask + at + AER_STATUS, UNCORRECTABLE);
    put32(pci, at + AER_SEVERITY, AER_FATAL, UNCORRECTABLE);
    store_le32(pci->w1cmask + at + AER_COR_STATUS, CORRECTABLE);
    put32(pci, at + AER_COR_MASK, AER_COR_MASKED, CORRECTABLE);
    /* Checking and generating ECRC, and more than one header in the log. */
    put32(pci, at + AER_CONTROL, port ? 0x2a0 : 0xa0, port ? 0x540 : 0x140);
    if (type == PCIE_ROOT_PORT) {
        store_le32(pci->wmask + at + AER_ROOT_COMMAND, 7);
        store_le32(pci->w1cmask + at + AER_ROOT_STATUS, 0x7f);
    }
}

void pci_add_acs(PciDevice *pci)
{
    enum { CAPABILITY = 4, CONTROL = 6, ALL = 0x5f };
    unsigned at = pci_add_ext_capability(pci, EXT_ACS, 1, ACS_SIZE);
    put16(pci, at + CAPABILITY, ALL, 0);
    put16(pci, at + CONTROL, 0, ALL);
}

void pci_add_pm(PciDevice *pci)
{
    enum { PMC = 2, PMCSR = 4, VERSION_1_2 = 3, STATE = 3 };
    unsigned at = pci_add_capability(pci, PCI_CAP_PM, PM_SIZE);
    put16(pci, at + PMC, VERSION_1_2, 0);
    put16(pci, at + PMCSR, 0, STATE);
}

void pci_add_ssvid(PciDevice *pci, uint16_t vendor, uint16_t device)
{
    unsigned at = pci_add_capability(pci, PCI_CAP_SSVID, 8);
    put16(pci, at + 4, vendor, 0);
    put16(pci, at + 6, device, 0);
}

/* What is writable and not 0 after a reset. */
void pci_express_reset(PciDevice *pci)
{
    if (!pci->aer_cap)
        return;
    store_le32(pci->config + pci->aer_cap + AER_SEVERITY, AER_FATAL);
    store_le32(pci->config + pci->aer_cap + AER_COR_MASK, AER_COR_MASKED);
}

/* 6.6.2: a function level reset is asked for by a bit that reads as 0. */
void pci_express_config_written(PciDevice *pci, unsigned offset, unsigned size)
{
    enum { START_FLR_HIGH = 0x80 };
    unsigned at = pci->express_cap + DEVCTL + 1;
    if (pci->express_cap && offset <= at && offset + size > at &&
        (pci->config[at] & pci->wmask[at] & START_FLR_HIGH))
        device_reset_tree(&pci->dev);
}

/* docs/pcie_pci_bridge.txt of QEMU: what its firmware looks for. */
bool pci_add_reserve(PciDevice *pci, const PciReserve *r, GError **error)
{
    enum { SIZE = 32, RESOURCE_RESERVE = 1 };
    enum { TYPE = 3, BUS = 4, IO = 8, MEM = 16, PREF32 = 20, PREF64 = 24 };
    if (r->bus == UINT32_MAX && r->io == UINT64_MAX && r->mem == UINT64_MAX &&
        r->pref32 == UINT64_MAX && r->pref64 == UINT64_MAX)
        return true;
    if (r->pref32 != UINT64_MAX && r->pref64 != UINT64_MAX)
        return error_set(error, "pref32-reserve= and pref64-reserve= exclude each other");
    if ((r->mem != UINT64_MAX && r->mem > UINT32_MAX) ||
        (r->pref32 != UINT64_MAX && r->pref32 > UINT32_MAX))
        return error_set(error, "mem-reserve= and pref32-reserve= must be less than 4 GiB");
    if (r->bus != UINT32_MAX && r->bus > 255)
        return error_set(error, "bus-reserve=%u: there are 255 bus numbers", r->bus);
    unsigned at = pci_add_capability(pci, PCI_CAP_VENDOR, SIZE);
    uint8_t *c = pci->config + at;
    c[2] = SIZE;
    c[TYPE] = RESOURCE_RESERVE;
    store_le32(c + BUS, r->bus);
    store_le64(c + IO, r->io);
    store_le32(c + MEM, (uint32_t)r->mem);
    store_le32(c + PREF32, (uint32_t)r->pref32);
    store_le64(c + PREF64, r->pref64);
    return true;
}
