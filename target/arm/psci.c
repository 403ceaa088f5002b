/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Power state coordination (PSCI 1.1, DEN 0022) and the SMC calling convention's version (DEN 0028),
 * for machines that come without firmware of their own.
 *
 * CPU_ON starts a processor on its own thread; whether it is off, starting or on is decided by
 * atomic exchanges of powered_off, so that of two callers one is told that it is too late. Where it
 * is to start is state, too: a snapshot made in between has it.
 */
#include <inttypes.h>

#include "target/arm/cpu.h"
#include "util/log.h"

enum {
    PSCI_SUCCESS = 0, PSCI_NOT_SUPPORTED = -1, PSCI_INVALID_PARAMETERS = -2, PSCI_DENIED = -3,
    PSCI_ALREADY_ON = -4, PSCI_ON_PENDING = -5, PSCI_INVALID_ADDRESS = -9,
};
enum { POWER_ON = 0, POWER_OFF = 1, POWER_PENDING = 2 }; /* ArmCpu.powered_off */
/* Function numbers below 0x84000000, and 0xc4000000 for those with 64-bit arguments. */
enum {
    FN_VERSION = 0, FN_CPU_SUSPEND = 1, FN_CPU_OFF = 2, FN_CPU_ON = 3, FN_AFFINITY_INFO = 4,
    FN_MIGRATE = 5, FN_MIGRATE_INFO_TYPE = 6, FN_MIGRATE_INFO_UP_CPU = 7, FN_SYSTEM_OFF = 8,
    FN_SYSTEM_RESET = 9, FN_FEATURES = 10,
};
#define SMCCC_FAST32 0x84000000u
#define SMCCC_FAST64 0xc4000000u
#define SMCCC_VERSION 0x80000000u
#define SMCCC_ARCH_FEATURES 0x80000001u
enum { SMCCC_1_1 = 0x10001, PSCI_1_1 = 0x10001, TOS_NONE = 2 };

static ArmCpu *find_cpu(uint64_t affinity)
{
    for (unsigned i = 0; i < cpu_count; i++) {
        ArmCpu *a = arm_cpu(cpus[i]);
        if ((a->mpidr & 0xff00ffffff) == (affinity & 0xff00ffffff))
            return a;
    }
    return NULL;
}

/* --- CPU_ON --- */

/* What is in the core's power domain is as after a reset, a GICv3's CPU interface included. */
void arm_psci_start(ArmCpu *a)
{
    if (__atomic_load_n(&a->powered_off, __ATOMIC_SEQ_CST) != POWER_PENDING)
        return;
    if (a->gic && a->gic->reset) {
        main_lock();
        a->gic->reset(a->gic_opaque);
        main_unlock();
    }
    arm_reset_core(a);
    arm_start_at(a, a->start_el, a->start_entry, a->start_context);
    a->cpu.halted = false;
    __atomic_store_n(&a->powered_off, POWER_ON, __ATOMIC_SEQ_CST);
}

bool arm_psci_loaded(ArmCpu *a)
{
    if (a->powered_off <= POWER_OFF)
        return true;
    if (a->powered_off > POWER_PENDING || a->start_entry & 3 || a->start_el < 1 ||
        a->start_el > (a->has_el2 ? 2 : 1))
        return false;
    cpu_request(&a->cpu, ARM_REQUEST_START);
    return true;
}

static int64_t cpu_on(ArmCpu *caller, uint64_t affinity, uint64_t entry, uint64_t context)
{
    ArmCpu *a = find_cpu(affinity);
    uint8_t off = POWER_OFF;

    if (!a)
        return PSCI_INVALID_PARAMETERS;
    if (entry & 3)
        return PSCI_INVALID_ADDRESS;
    if (!__atomic_compare_exchange_n(&a->powered_off, &off, POWER_PENDING, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        return off == POWER_PENDING ? PSCI_ON_PENDING : PSCI_ALREADY_ON;
    a->start_entry = entry;
    a->start_context = context;
    /* The highest level that isn't the firmware's: ours is no level at all. */
    a->start_el = a->has_el2 && !(caller->has_el3 && arm_is_secure_below_el3(caller)) ? 2 : 1;
    cpu_request(&a->cpu, ARM_REQUEST_START);
    return PSCI_SUCCESS;
}

static void G_GNUC_NORETURN halt(ArmCpu *a)
{
    a->cpu.halted = true;
    a->cpu.exit_reason = CPU_EXIT_HALTED;
    cpu_loop_exit(&a->cpu);
}

static void G_GNUC_NORETURN cpu_off(ArmCpu *a)
{
    __atomic_store_n(&a->powered_off, POWER_OFF, __ATOMIC_SEQ_CST);
    halt(a);
}

/* Only standby states exist: as WFI. */
static int64_t cpu_suspend(ArmCpu *a, uint64_t state)
{
    if (state & 0xfffe0000)
        return PSCI_INVALID_PARAMETERS;
    a->x[0] = PSCI_SUCCESS;
    if (!arm_has_work(&a->cpu))
        halt(a);
    return PSCI_SUCCESS;
}

static int64_t affinity_info(uint64_t affinity, uint64_t level)
{
    ArmCpu *a;

    if (level) /* clusters are on: there is no more to say of them */
        return level <= 3 ? POWER_ON : PSCI_INVALID_PARAMETERS;
    a = find_cpu(affinity);
    return a ? __atomic_load_n(&a->powered_off, __ATOMIC_SEQ_CST) : PSCI_INVALID_PARAMETERS;
}

static int64_t features(uint64_t fn)
{
    uint32_t base = (uint32_t)fn & 0xff000000;

    if (fn == SMCCC_VERSION)
        return PSCI_SUCCESS;
    if (base != SMCCC_FAST32 && base != SMCCC_FAST64)
        return PSCI_NOT_SUPPORTED;
    switch (fn & 0xffffff) {
    case FN_CPU_SUSPEND: case FN_CPU_ON: case FN_AFFINITY_INFO:
        return PSCI_SUCCESS;
    case FN_VERSION: case FN_CPU_OFF: case FN_MIGRATE_INFO_TYPE: case FN_SYSTEM_OFF:
    case FN_SYSTEM_RESET: case FN_FEATURES:
        return base == SMCCC_FAST32 ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED;
    default:
        return PSCI_NOT_SUPPORTED;
    }
}

bool arm_psci_call(ArmCpu *a)
{
    uint64_t *x = a->x;
    uint32_t fn = (uint32_t)x[0];
    bool wide = fn >> 24 == SMCCC_FAST64 >> 24;
    uint64_t arg[3];
    int64_t r = PSCI_NOT_SUPPORTED;

    for (unsigned i = 0; i < 3; i++)
        arg[i] = wide ? x[1 + i] : (uint32_t)x[1 + i];
    if (fn == SMCCC_VERSION) {
        r = SMCCC_1_1;
    } else if (wide || fn >> 24 == SMCCC_FAST32 >> 24) {
        switch (fn & 0xffffff) {
        case FN_VERSION:
            r = PSCI_1_1;
            break;
        case FN_CPU_SUSPEND:
            r = cpu_suspend(a, arg[0]);
            break;
        case FN_CPU_OFF:
            cpu_off(a);
        case FN_CPU_ON:
            r = cpu_on(a, arg[0], arg[1], arg[2]);
            break;
        case FN_AFFINITY_INFO:
            r = affinity_info(arg[0], arg[1]);
            break;
        case FN_MIGRATE_INFO_TYPE:
            r = TOS_NONE;
            break;
        case FN_SYSTEM_OFF:
            vm_request_shutdown(SHUTDOWN_GUEST_SHUTDOWN, 0);
            cpu_off(a);
        case FN_SYSTEM_RESET:
            vm_request_reset(SHUTDOWN_GUEST_RESET);
            cpu_off(a);
        case FN_FEATURES:
            r = features(arg[0]);
            break;
        default:
            break;
        }
    }
    if (r == PSCI_NOT_SUPPORTED)
        log_unimp("aarch64", "PSCI call 0x%" PRIx32 " is not supported", fn);
    x[0] = (uint64_t)r;
    return true;
}
