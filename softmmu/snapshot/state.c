/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine but for RAM and disks: clocks, CPUs, devices.
 *
 * state.bin is a sequence of: u32 length of name, name, u32 length of data, data; numbers
 * little-endian. Names are "clock", "cpu/0", "device/PATH".
 */
#include <string.h>

#include "accel/accel.h"
#include "hw/board.h"
#include "hw/device.h"
#include "softmmu/run.h"
#include "softmmu/snapshot/snapshot_int.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/version.h"

/* ---- records ---- */

static void put_u32(GByteArray *out, uint32_t v)
{
    uint8_t b[4];
    store_le32(b, v);
    g_byte_array_append(out, b, sizeof b);
}

/* Begins a record; its end is told to record_end. */
static guint record_begin(GByteArray *out, const char *kind, const char *name)
{
    g_autofree char *full = g_strconcat(kind, name, NULL);
    put_u32(out, strlen(full));
    g_byte_array_append(out, (const uint8_t *)full, strlen(full));
    put_u32(out, 0);
    return out->len;
}

static void record_end(GByteArray *out, guint start)
{
    store_le32(out->data + start - 4, out->len - start);
}

/* ---- clocks ---- */

typedef struct ClockState {
    int64_t virtual_ns;
    uint64_t icount;
} ClockState;

static const StateField clock_state[] = {
    STATE(ClockState, virtual_ns),
    STATE(ClockState, icount),
    { .type = STATE_END },
};

static void save_clock(GByteArray *out)
{
    ClockState c = { clock_ns(CLOCK_VIRTUAL), icount_enabled() ? icount_total() : 0 };
    guint start = record_begin(out, "clock", NULL);
    state_save(clock_state, &c, out);
    record_end(out, start);
}

/* ---- CPUs ---- */

/* What every target's CPU has. */
typedef struct CpuCommon {
    bool halted;
    uint32_t interrupt_request;
    uint64_t icount;
} CpuCommon;

static const StateField cpu_common_state[] = {
    STATE(CpuCommon, halted),
    STATE(CpuCommon, interrupt_request),
    STATE(CpuCommon, icount),
    { .type = STATE_END },
};

/* u32 version, u32 length of the common part, that, the target's */
static void save_cpu(Cpu *cpu, GByteArray *out)
{
    char name[16];
    g_snprintf(name, sizeof name, "%u", cpu->index);
    if (accel_current->state_to_cpu)
        accel_current->state_to_cpu(cpu);
    guint start = record_begin(out, "cpu/", name);
    put_u32(out, cpu->target->state_version);
    put_u32(out, 0);
    CpuCommon c = { cpu->halted, atomic_load(&cpu->interrupt_request), cpu->icount };
    state_save(cpu_common_state, &c, out);
    store_le32(out->data + start + 4, out->len - start - 8);
    state_save(cpu->target->state, cpu, out);
    record_end(out, start);
}

typedef struct CpuRecord {
    const uint8_t *common, *target;
    size_t common_len, target_len;
} CpuRecord;

static bool split_cpu(Cpu *cpu, const uint8_t *data, size_t len, CpuRecord *r, GError **error)
{
    if (len < 8 || load_le32(data + 4) > len - 8)
        return error_set(error, "CPU %u: the record is cut short", cpu->index);
    if (load_le32(data) > cpu->target->state_version)
        return error_set(error, "CPU %u: the record was written by a newer program", cpu->index);
    *r = (CpuRecord){ .common = data + 8, .common_len = load_le32(data + 4) };
    r->target = r->common + r->common_len;
    r->target_len = len - 8 - r->common_len;
    return true;
}

static bool check_cpu(Cpu *cpu, const uint8_t *data, size_t len, GError **error)
{
    CpuRecord r;
    CpuCommon c;
    if (!split_cpu(cpu, data, len, &r, error))
        return false;
    if (state_check(cpu_common_state, &c, r.common, r.common_len, error) &&
        state_check(cpu->target->state, cpu, r.target, r.target_len, error))
        return true;
    g_prefix_error(error, "CPU %u: ", cpu->index);
    return false;
}

static bool load_cpu(Cpu *cpu, const uint8_t *data, size_t len, GError **error)
{
    CpuRecord r;
    CpuCommon c;
    if (!split_cpu(cpu, data, len, &r, error))
        return false;
    if (!state_load(cpu_common_state, &c, r.common, r.common_len, error) ||
        !state_load(cpu->target->state, cpu, r.target, r.target_len, error)) {
        g_prefix_error(error, "CPU %u: ", cpu->index);
        return false;
    }
    cpu->halted = c.halted;
    cpu->icount = c.icount;
    atomic_store(&cpu->interrupt_request, c.interrupt_request);
    return true;
}

/* ---- all of it ---- */

void machine_save(GByteArray *out)
{
    save_clock(out);
    for (unsigned i = 0; i < cpu_count; i++)
        save_cpu(cpus[i], out);
    for (Device *dev = device_first(); dev; dev = dev->next) {
        if (!dev->realized)
            continue;
        guint start = record_begin(out, "device/", dev->path);
        device_save(dev, out);
        record_end(out, start);
    }
}

typedef struct MachineRecord {
    char *name;
    const uint8_t *data;
    size_t len;
    Device *dev; /* or */
    Cpu *cpu;
    bool is_clock;
} MachineRecord;

struct MachineRecords {
    GByteArray *bytes;
    GArray *list;
};

void machine_records_free(MachineRecords *r)
{
    if (!r)
        return;
    for (guint i = 0; i < r->list->len; i++)
        g_free(g_array_index(r->list, MachineRecord, i).name);
    g_array_unref(r->list);
    g_byte_array_unref(r->bytes);
    g_free(r);
}

static bool parse(MachineRecords *r, GError **error)
{
    const uint8_t *p = r->bytes->data, *end = p + r->bytes->len;
    while (p < end) {
        if (end - p < 4 || load_le32(p) > 4096 || (size_t)(end - p) < load_le32(p) + (size_t)8)
            return error_set(error, "the machine's state is cut short");
        uint32_t name_len = load_le32(p);
        MachineRecord m = { .data = p + 8 + name_len, .len = load_le32(p + 4 + name_len) };
        if ((size_t)(end - m.data) < m.len)
            return error_set(error, "the machine's state is cut short");
        m.name = g_strndup((const char *)p + 4, name_len);
        p = m.data + m.len;
        g_array_append_val(r->list, m);
    }
    return true;
}

static MachineRecord *find(MachineRecords *r, const char *kind, const char *name)
{
    g_autofree char *full = g_strconcat(kind, name, NULL);
    for (guint i = 0; i < r->list->len; i++) {
        MachineRecord *m = &g_array_index(r->list, MachineRecord, i);
        if (!strcmp(m->name, full))
            return m;
    }
    return NULL;
}

/* Every part of this machine finds its record. */
static bool claim(MachineRecords *r, GError **error)
{
    MachineRecord *m = find(r, "clock", NULL);
    if (!m)
        return error_set(error, "the snapshot has no clock");
    m->is_clock = true;
    for (unsigned i = 0; i < cpu_count; i++) {
        char name[16];
        g_snprintf(name, sizeof name, "%u", i);
        if (!(m = find(r, "cpu/", name)))
            return error_set(error, "the snapshot has no CPU %u; use its -smp", i);
        m->cpu = cpus[i];
    }
    for (Device *dev = device_first(); dev; dev = dev->next) {
        if (!dev->realized)
            continue;
        if (!(m = find(r, "device/", dev->path)))
            return error_set(error, "this machine has a device '%s' (%s), and the snapshot does "
                             "not; start without it", dev->path, dev->type->name);
        m->dev = dev;
    }
    return true;
}

static bool check(const MachineRecord *m, GError **error)
{
    if (m->cpu)
        return check_cpu(m->cpu, m->data, m->len, error);
    if (m->dev)
        return device_check(m->dev, m->data, m->len, error);
    if (m->is_clock) {
        ClockState c;
        return state_check(clock_state, &c, m->data, m->len, error);
    }
    return error_set(error, "the snapshot has a part '%s' that this machine does not; start it "
                     "with the options that it had then", m->name);
}

MachineRecords *machine_check(const uint8_t *data, size_t len, GError **error)
{
    MachineRecords *r = g_new0(MachineRecords, 1);
    r->bytes = g_byte_array_sized_new(len);
    g_byte_array_append(r->bytes, data, len);
    r->list = g_array_new(false, false, sizeof(MachineRecord));
    bool ok = parse(r, error) && claim(r, error);
    for (guint i = 0; ok && i < r->list->len; i++)
        ok = check(&g_array_index(r->list, MachineRecord, i), error);
    if (!ok)
        g_clear_pointer(&r, machine_records_free);
    return r;
}

static bool load(const MachineRecord *m, GError **error)
{
    if (m->cpu)
        return load_cpu(m->cpu, m->data, m->len, error);
    if (m->dev)
        return device_load_record(m->dev, m->data, m->len, error);
    ClockState c;
    if (!state_load(clock_state, &c, m->data, m->len, error))
        return false;
    if (icount_enabled())
        icount_set_total(c.icount);
    clock_set_virtual(c.virtual_ns);
    return true;
}

static bool load_all(const MachineRecords *r, GError **error)
{
    for (guint i = 0; i < r->list->len; i++)
        if (!load(&g_array_index(r->list, MachineRecord, i), error))
            return false;
    return true;
}

bool machine_load(const MachineRecords *r, GError **error)
{
    g_autoptr(GByteArray) before = g_byte_array_new();
    machine_save(before);
    if (load_all(r, error))
        return true;
    MachineRecords *back = machine_check(before->data, before->len, NULL);
    if (back)
        load_all(back, NULL);
    machine_records_free(back);
    return false;
}

void machine_loaded(void)
{
    for (Device *dev = device_first(); dev; dev = dev->next)
        if (dev->realized)
            device_loaded(dev);
    for (unsigned i = 0; i < cpu_count; i++) {
        atomic_store(&cpus[i]->requests, 0); /* of another time */
        if (cpus[i]->target->loaded)
            cpus[i]->target->loaded(cpus[i]);
        if (accel_current->cpu_to_state)
            accel_current->cpu_to_state(cpus[i]);
    }
    device_redrive_pins();
    for (unsigned i = 0; i < cpu_count; i++)
        cpu_kick(cpus[i]);
}

/* ---- what must be the same ---- */

void machine_describe(Json *manifest)
{
    const Machine *m = current_machine;
    json_set_str(manifest, "target", m->target);
    json_set_str(manifest, "machine", m->board->name);
    json_set_str(manifest, "cpu", m->cpu_model ? m->cpu_model : "");
    json_set_int(manifest, "cpus", cpu_count);
    json_set_uint(manifest, "ram-size", m->ram_size);
    Json *devices = json_array();
    for (Device *dev = device_first(); dev; dev = dev->next) {
        if (!dev->realized)
            continue;
        Json *d = json_object();
        json_set_str(d, "path", dev->path);
        json_set_str(d, "type", dev->type->name);
        json_set_int(d, "version", dev->type->version);
        json_add(devices, d);
    }
    json_set(manifest, "devices", devices);
}

static bool same_text(const Json *manifest, const char *key, const char *mine, const char *option,
                      GError **error)
{
    const char *theirs = json_get_str(manifest, key, "");
    return !strcmp(theirs, mine) ||
           error_set(error, "it was taken with %s %s, and this machine has %s", option, theirs,
                     mine);
}

static bool devices_match(const Json *manifest, GError **error)
{
    const Json *list = json_get(manifest, "devices");
    for (unsigned i = 0; i < json_len(list); i++) {
        const char *path = json_get_str(json_at(list, i), "path", "");
        const char *type = json_get_str(json_at(list, i), "type", "");
        const Device *dev = device_find(path);
        if (dev && strcmp(dev->path, path))
            dev = NULL; /* found by its id */
        for (Device *d = device_first(); !dev && d; d = d->next)
            if (!strcmp(d->path, path))
                dev = d;
        if (!dev || !dev->realized)
            return error_set(error, "it has a device '%s' (%s) that this machine does not; add it",
                             path, type);
        if (strcmp(dev->type->name, type))
            return error_set(error, "its device '%s' is a %s, and here it is a %s", path, type,
                             dev->type->name);
    }
    return true;
}

bool machine_matches(const Json *manifest, GError **error)
{
    const Machine *m = current_machine;
    if (!same_text(manifest, "target", m->target, "the guest architecture", error) ||
        !same_text(manifest, "machine", m->board->name, "-machine", error) ||
        !same_text(manifest, "cpu", m->cpu_model ? m->cpu_model : "", "-cpu", error))
        return false;
    int64_t n = json_get_int(manifest, "cpus", 0);
    if (n != cpu_count)
        return error_set(error, "it was taken with -smp %" G_GINT64_FORMAT ", and this machine "
                         "has %u CPUs", n, cpu_count);
    uint64_t ram = json_get_uint(manifest, "ram-size", 0);
    if (ram != m->ram_size)
        return error_set(error, "it was taken with -m %" G_GUINT64_FORMAT "M, and this machine "
                         "has %" G_GUINT64_FORMAT "M", ram >> 20, m->ram_size >> 20);
    return devices_match(manifest, error);
}
