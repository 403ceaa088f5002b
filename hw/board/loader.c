/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "loader" (QEMU's docs/system/generic-loader): no hardware, but a file or a few bytes that are put
 * into memory, and a processor that starts elsewhere, at every reset. Files are ELF of the target
 * or plain. Left out: U-Boot's and Intel's formats. What is named where the machine
 * has no memory is refused, not dropped.
 */
#include <inttypes.h>

#include "accel/cpu.h"
#include "hw/board.h"
#include "softmmu/boot.h"
#include "softmmu/run.h"
#include "util/bits.h"
#include "util/error.h"

enum { NO_CPU = UINT32_MAX };

typedef struct Loader {
    Device dev;
    char *file;
    uint64_t addr, data;
    uint8_t data_len;
    bool data_be, force_raw;
    uint32_t cpu_num;
    uint64_t pc;
} Loader;

static const Prop loader_props[] = {
    PROP(Loader, "file", file, PROP_STRING, NULL, "file to load: ELF or plain"),
    PROP(Loader, "addr", addr, PROP_U64, "0", "where to; an ELF knows that by itself"),
    PROP(Loader, "data", data, PROP_U64, "0", "value to store at addr"),
    PROP(Loader, "data-len", data_len, PROP_U8, "0", "bytes of data, up to 8"),
    PROP(Loader, "data-be", data_be, PROP_BOOL, "off", "store data big-endian"),
    PROP(Loader, "cpu-num", cpu_num, PROP_U32, "4294967295", "processor to start there"),
    PROP(Loader, "force-raw", force_raw, PROP_BOOL, "off", "load even an ELF as it is"),
    PROP_LAST,
};

static bool check_data(const Loader *s, GError **error)
{
    if (s->file)
        return error_set(error, "file= and data= exclude each other; use two loaders");
    if (s->force_raw)
        return error_set(error, "force-raw= is for files, not for data=");
    if (!s->data_len)
        return error_set(error, "data= needs its number of bytes as data-len=");
    if (s->data_len > 8)
        return error_set(error, "data-len=%u: at most 8 bytes", s->data_len);
    return true;
}

/* A word may be for a device's register, so it is stored as a processor would. */
static void store_data(void *opaque)
{
    Loader *s = opaque;
    uint8_t bytes[8];

    if (s->data_be)
        store_be64(bytes, s->data << (64 - 8 * s->data_len));
    else
        store_le64(bytes, s->data);
    address_space_write(address_space_loader, s->addr, bytes, s->data_len);
}

static void start_cpu(void *opaque)
{
    Loader *s = opaque;
    Cpu *cpu = cpus[s->cpu_num];

    cpu->target->set_pc(cpu, s->pc);
}

static bool loader_realize(void *dev, GError **error)
{
    Loader *s = dev;
    bool is_data = s->data || s->data_len || s->data_be;

    s->pc = s->addr;
    if (is_data && !check_data(s, error))
        return false;
    if (!is_data && !s->file && (s->force_raw || s->cpu_num == NO_CPU))
        return error_set(error, "says nothing to do; give file=, data= with data-len=, or cpu-num=");
    if (s->cpu_num != NO_CPU && s->cpu_num >= cpu_count)
        return error_set(error, "cpu-num=%u: there are %u processors, counted from 0", s->cpu_num,
                         cpu_count);
    if (s->file) {
        BootImage image;
        if (!boot_load_device_file(current_machine->target, s->file, s->addr, s->force_raw, &image,
                                   error))
            return false;
        s->pc = image.entry;
    }
    if (is_data)
        vm_add_reset_handler(RESET_STAGE_CPUS + 2, store_data, s);
    else if (s->cpu_num != NO_CPU)
        vm_add_reset_handler(RESET_STAGE_CPUS + 2, start_cpu, s);
    return true;
}

static const DeviceType loader_type = {
    .name = "loader", .doc = "puts a file or a value into memory at reset",
    .category = CATEGORY_MISC, .user_creatable = true, .size = sizeof(Loader), .version = 1,
    .props = loader_props, .realize = loader_realize,
};
DEVICE_REGISTER(loader_type)
