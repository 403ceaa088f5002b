/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SiFive test finisher: a guest's way to end the run, with an exit status.
 * As in the device-tree binding "sifive,test0" and the syscon-poweroff and -reboot nodes that
 * boards make for it; sifive_test.h of the RISC-V test environments names the codes.
 */
#include "hw/device.h"
#include "softmmu/run.h"
#include "util/log.h"

enum { FINISHER_FAIL = 0x3333, FINISHER_PASS = 0x5555, FINISHER_RESET = 0x7777 };

static void write_finisher(void *dev, unsigned i, uint64_t value)
{
    const Device *d = dev;
    switch (value & 0xffff) {
    case FINISHER_FAIL:
        vm_request_shutdown(SHUTDOWN_GUEST_PANIC, value >> 16 & 0xffff);
        break;
    case FINISHER_PASS:
        vm_request_shutdown(SHUTDOWN_GUEST_SHUTDOWN, 0);
        break;
    case FINISHER_RESET:
        vm_request_reset(SHUTDOWN_GUEST_RESET);
        break;
    default:
        log_guest_error(d->path, "unknown code 0x%x", (unsigned)value);
    }
}

static uint64_t read_finisher(void *dev, unsigned i)
{
    return 0;
}

static const Reg sifive_test_regs[] = {
    REG_FN(0, FINISHER, 4, .sizes = 2, .read = read_finisher, .write = write_finisher),
    REG_END,
};

static const DeviceType sifive_test_type = {
    .name = "riscv.sifive.test", .doc = "SiFive test finisher", .fdt_compatible = "sifive,test1",
    .size = sizeof(Device), .mmio_size = 0x1000, .version = 1, .regs = sifive_test_regs,
};
DEVICE_REGISTER(sifive_test_type)
