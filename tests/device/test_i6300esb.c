/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 6300ESB's watchdog against its datasheet (300641, chapter 16): keys, both stages and clocks,
 * the lock, free-running mode, what outlives a reset, snapshots, and what the machine then does.
 */
#include "bare.h"
#include "hw/pci.h"
#include "softmmu/run/run_internal.h"

enum { ECAM = 0x30000000, MMIO = 0x40000000, PIO = 0x3000000 };
enum { CONFIG = 0x60, LOCK = 0x68 };
enum { PRELOAD_1 = MMIO, PRELOAD_2 = MMIO + 4, STATUS = MMIO + 8, RELOAD = MMIO + 12 };

static PciDevice *pci;
static unsigned bites;
static WatchdogAction action;

static void on_event(void *opaque, VmEvent e, ShutdownCause cause)
{
    if (e == VM_EVENT_WATCHDOG) {
        bites++;
        action = vm_actions.watchdog;
    }
}

static hwaddr cfg(unsigned at) { return ECAM + (pci->devfn << 12) + at; }

static void setup(void)
{
    if (!pci) {
        GError *error = NULL;
        Device *host = bare_device("gpex-pcihost", 0, NULL);
        gpex_map(host, &(GpexWindows){ .ecam = ECAM, .ecam_size = 0x10000000, .mmio = MMIO,
                                       .mmio_size = 0x40000000, .pio = PIO });
        GHashTable *opts = g_hash_table_new(g_str_hash, g_str_equal);
        g_hash_table_insert(opts, "driver", "i6300esb");
        pci = (PciDevice *)device_create_from_opts(opts, &error);
        g_assert_no_error(error);
        g_hash_table_unref(opts);
        vm_add_event_listener(on_event, NULL);
    }
    device_reset(&pci->dev);
    vm_actions = (VmActions){ .watchdog = WATCHDOG_NONE };
    bare_write(cfg(0x10), 4, MMIO);
    bare_write(cfg(4), 2, 2);
    bites = 0;
}

static void keyed(hwaddr at, unsigned size, uint32_t value)
{
    bare_write(RELOAD, 2, 0x80);
    bare_write(RELOAD, 2, 0x86);
    bare_write(at, size, value);
}

/* As Linux's driver: one second in each stage, and on. */
static void arm_timer(void)
{
    bare_write(cfg(CONFIG), 2, 3);
    keyed(PRELOAD_1, 4, 1 << 10);
    keyed(PRELOAD_2, 4, 1 << 10);
    keyed(RELOAD, 2, 0x100);
    bare_write(cfg(LOCK), 1, 2);
}

/* Timers run when they are due, and what they start begins then. */
static void advance(int64_t ns)
{
    for (int64_t end = bare_now + ns; bare_now < end;)
        bare_advance(MIN(end, MAX(clock_virtual_deadline(), bare_now + 1)) - bare_now);
}

enum { STAGE = (int)(1025.0 * 32768 * 1000 / 33) };

static void test_identity(void)
{
    setup();
    g_assert_cmphex(bare_read(cfg(0), 4), ==, 0x25ab8086);
    g_assert_cmphex(bare_read(cfg(8), 4), ==, 0x08800000);
    g_assert_cmphex(bare_read(cfg(0x3d), 1), ==, 0);
    bare_write(cfg(0x10), 4, ~0u);
    g_assert_cmphex(bare_read(cfg(0x10), 4), ==, 0xfffffff0);
    bare_write(cfg(0x10), 4, MMIO);
    g_assert_cmphex(bare_read(PRELOAD_1, 4), ==, 0xfffff);
    g_assert_cmphex(bare_read(PRELOAD_2, 4), ==, 0xfffff);
    g_assert_cmphex(bare_read(STATUS, 4), ==, 0);
    bare_write(cfg(CONFIG), 2, 0xffff);
    g_assert_cmphex(bare_read(cfg(CONFIG), 2), ==, 0x27);
}

static void test_keys(void)
{
    setup();
    bare_write(PRELOAD_1, 4, 5);
    g_assert_cmphex(bare_read(PRELOAD_1, 4), ==, 0xfffff);
    keyed(PRELOAD_1, 4, 0xfff12345);
    g_assert_cmphex(bare_read(PRELOAD_1, 4), ==, 0x12345);
    bare_write(PRELOAD_1, 4, 7); /* once only */
    g_assert_cmphex(bare_read(PRELOAD_1, 4), ==, 0x12345);
    bare_write(RELOAD, 2, 0x86); /* in the wrong order */
    bare_write(RELOAD, 2, 0x80);
    bare_write(PRELOAD_2, 4, 7);
    g_assert_cmphex(bare_read(PRELOAD_2, 4), ==, 0xfffff);
}

static void test_stages(void)
{
    setup();
    arm_timer();
    advance(STAGE - 1000);
    g_assert_cmphex(bare_read(STATUS, 4), ==, 0);
    advance(2000);
    g_assert_cmphex(bare_read(STATUS, 4), ==, 1);
    g_assert_cmpuint(bites, ==, 0);
    keyed(RELOAD, 2, 0x100); /* back to the first stage */
    keyed(STATUS, 4, 1);
    g_assert_cmphex(bare_read(STATUS, 4), ==, 0);
    advance(2 * (int64_t)STAGE - 1000);
    g_assert_cmpuint(bites, ==, 0);
    g_assert_cmphex(bare_read(RELOAD, 2), ==, 0);
    advance(2000);
    g_assert_cmpuint(bites, ==, 1);
    g_assert_cmphex(bare_read(RELOAD, 2), ==, 0x200);
    advance(100 * (int64_t)STAGE); /* once */
    g_assert_cmpuint(bites, ==, 1);
    /* It outlives a reset, and is cleared by a one. */
    device_reset(&pci->dev);
    bare_write(cfg(0x10), 4, MMIO);
    bare_write(cfg(4), 2, 2);
    g_assert_cmphex(bare_read(RELOAD, 2), ==, 0x200);
    g_assert_cmphex(bare_read(cfg(LOCK), 1), ==, 0);
    keyed(RELOAD, 2, 0x200);
    g_assert_cmphex(bare_read(RELOAD, 2), ==, 0);
}

static void test_modes(void)
{
    /* The fast clock: 25 bits, 32 PCI clocks to a count. */
    setup();
    arm_timer();
    bare_write(cfg(LOCK), 1, 0);
    bare_write(cfg(CONFIG), 2, 4);
    bare_write(cfg(LOCK), 1, 2);
    advance(2 * (1025 * 32 * 1000 / 33) - 1000);
    g_assert_cmpuint(bites, ==, 0);
    advance(4000);
    g_assert_cmpuint(bites, ==, 1);
    /* No output, no bite; but the guest can see it. */
    setup();
    keyed(RELOAD, 2, 0x200);
    arm_timer();
    bare_write(cfg(CONFIG), 2, 0x23);
    advance(3 * (int64_t)STAGE);
    g_assert_cmpuint(bites, ==, 0);
    g_assert_cmphex(bare_read(RELOAD, 2), ==, 0x200);
    /* Off is off; the lock holds until a reset. */
    setup();
    arm_timer();
    bare_write(cfg(LOCK), 1, 0);
    advance(3 * (int64_t)STAGE);
    g_assert_cmpuint(bites, ==, 0);
    bare_write(cfg(LOCK), 1, 3);
    bare_write(cfg(LOCK), 1, 0);
    bare_write(cfg(LOCK - 2), 4, 0);
    g_assert_cmphex(bare_read(cfg(LOCK), 1), ==, 3);
    advance(3 * (int64_t)STAGE);
    g_assert_cmpuint(bites, ==, 1);
    /* Free-running: one stage, and the pin goes up and down. However short the guest wants it. */
    setup();
    keyed(PRELOAD_2, 4, 0);
    bare_write(cfg(CONFIG), 2, 4);
    bare_write(cfg(LOCK), 1, 6);
    for (int i = 0; i < 10; i++)
        advance(1000000);
    g_assert_cmpuint(bites, ==, 5);
    setup();
    advance(100000000);
    g_assert_cmpuint(bites, ==, 0);
}

static void test_snapshot(void)
{
    setup();
    keyed(RELOAD, 2, 0x200);
    arm_timer();
    advance(STAGE + 5000);
    g_autoptr(GByteArray) out = g_byte_array_new();
    device_save(&pci->dev, out);
    int64_t then = bare_now;
    device_reset(&pci->dev);
    advance(10 * (int64_t)STAGE);
    g_assert_cmpuint(bites, ==, 0);
    bare_now = then;
    g_assert_true(device_load(&pci->dev, out->data, out->len, NULL));
    g_assert_cmphex(bare_read(STATUS, 4), ==, 1);
    advance(STAGE - 10000);
    g_assert_cmpuint(bites, ==, 0);
    advance(20000);
    g_assert_cmpuint(bites, ==, 1);
}

static void bite(WatchdogAction a)
{
    setup();
    vm_actions.watchdog = a;
    arm_timer();
    advance(2 * (int64_t)STAGE + 1000);
    g_assert_cmpuint(bites, ==, 1);
    g_assert_cmpint(action, ==, a);
}

static unsigned powerdowns;

static void on_powerdown(void *opaque)
{
    powerdowns++;
}

static void test_actions(void)
{
    int status = -1;
    bite(WATCHDOG_NONE);
    g_assert_false(requests_run(&status));
    bite(WATCHDOG_RESET);
    g_assert_false(requests_run(&status));
    g_assert_cmpint(run_state(), ==, RUN_STATE_PRELAUNCH);
    vm_add_powerdown_notifier(on_powerdown, NULL);
    bite(WATCHDOG_SHUTDOWN);
    g_assert_cmpuint(powerdowns, ==, 0);
    g_assert_false(requests_run(&status));
    g_assert_cmpuint(powerdowns, ==, 1);
    vm_start();
    bite(WATCHDOG_PAUSE);
    g_assert_false(requests_run(&status));
    g_assert_cmpint(run_state(), ==, RUN_STATE_WATCHDOG);
    vm_actions.shutdown_is_pause = true;
    bite(WATCHDOG_POWEROFF);
    g_assert_true(requests_run(&status));
    g_assert_cmpint(status, ==, 0);
    g_assert_false(watchdog_set_action("bark"));
    g_assert_true(watchdog_set_action("inject-nmi"));
    g_assert_cmpint(vm_actions.watchdog, ==, WATCHDOG_INJECT_NMI);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i6300esb/identity", test_identity);
    g_test_add_func("/i6300esb/keys", test_keys);
    g_test_add_func("/i6300esb/stages", test_stages);
    g_test_add_func("/i6300esb/modes", test_modes);
    g_test_add_func("/i6300esb/snapshot", test_snapshot);
    g_test_add_func("/i6300esb/actions", test_actions);
    return g_test_run();
}
