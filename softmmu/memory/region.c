/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Regions and address spaces: how the map is built and changed.
 *
 * Every change happens inside a transaction (one of its own if the caller began none). The last
 * commit rebuilds the flat views, publishes those that differ, and tells the accelerator.
 */
#include <string.h>

#include "softmmu/memory/memory_internal.h"

AddressSpace *address_space_memory, *address_space_loader, *address_space_cpu;
AddressSpace *address_spaces;
MemoryHooks memory_hooks;

static MemoryRegion system_root;
static unsigned transaction_depth;
static bool map_touched;

MemoryRegion *memory_system_root(void)
{
    return &system_root;
}

void memory_init(void)
{
    if (address_space_memory)
        return;
    memory_region_init_container(&system_root, "system", UINT64_MAX);
    address_space_memory = address_space_new(&system_root, "memory");
    address_space_loader = address_space_cpu = address_space_memory;
}

MemoryRegion *memory_secure_root(void)
{
    static MemoryRegion secure_root, behind, cpu_root, cpu_normal, cpu_secure;
    if (address_space_loader != address_space_memory)
        return &secure_root;
    memory_region_init_container(&secure_root, "secure-memory", HWADDR_SECURE);
    memory_region_init_alias(&behind, "system", &system_root, 0, HWADDR_SECURE);
    memory_region_add(&secure_root, 0, &behind, -1);
    memory_region_init_container(&cpu_root, "cpu-memory", UINT64_MAX);
    memory_region_init_alias(&cpu_normal, "system", &system_root, 0, HWADDR_SECURE);
    memory_region_init_alias(&cpu_secure, "secure-memory", &secure_root, 0, HWADDR_SECURE);
    memory_region_add(&cpu_root, 0, &cpu_normal, 0);
    memory_region_add(&cpu_root, HWADDR_SECURE, &cpu_secure, 0);
    address_space_loader = address_space_new(&secure_root, "secure-memory");
    address_space_cpu = address_space_new(&cpu_root, "cpu-memory");
    return &secure_root;
}

void memory_set_hooks(const MemoryHooks *hooks)
{
    memory_hooks = *hooks;
}

/* ---- transactions ---- */

void memory_transaction_begin(void)
{
    transaction_depth++;
}

void memory_transaction_commit(void)
{
    g_assert(transaction_depth > 0);
    if (--transaction_depth || !map_touched)
        return;
    map_touched = false;
    for (AddressSpace *as = address_spaces; as; as = as->next) {
        FlatView *v = flatview_build(as->root);
        if (flatview_equal(v, as->view)) {
            g_free(v);
            continue;
        }
        flatview_publish(as, v);
        if (memory_hooks.map_changed)
            memory_hooks.map_changed(as);
    }
}

/* Whether the change can be seen from any address space isn't looked at: rebuilding is cheap. */
static void changed(void)
{
    memory_transaction_begin();
    map_touched = true;
    memory_transaction_commit();
}

/* ---- regions ---- */

static void region_init(MemoryRegion *r, const char *name, MemoryKind kind, uint64_t size)
{
    *r = (MemoryRegion){ .name = g_strdup(name), .kind = kind, .size = size, .enabled = true };
}

void memory_region_init_container(MemoryRegion *r, const char *name, uint64_t size)
{
    region_init(r, name, MEMORY_CONTAINER, size);
}

static bool region_init_memory(MemoryRegion *r, const char *name, MemoryKind kind, uint64_t size,
                               GError **error)
{
    RamBlock *b = ram_block_new(name, size, -1, false, error);
    if (!b)
        return false;
    region_init(r, name, kind, size);
    r->ram = b;
    return true;
}

bool memory_region_init_ram(MemoryRegion *r, const char *name, uint64_t size, GError **error)
{
    return region_init_memory(r, name, MEMORY_RAM, size, error);
}

bool memory_region_init_ram_file(MemoryRegion *r, const char *name, uint64_t size, int fd,
                                 bool shared, GError **error)
{
    RamBlock *b = ram_block_new(name, size, fd, shared, error);
    if (!b)
        return false;
    region_init(r, name, MEMORY_RAM, size);
    r->ram = b;
    return true;
}

bool memory_region_init_rom(MemoryRegion *r, const char *name, uint64_t size, GError **error)
{
    return region_init_memory(r, name, MEMORY_ROM, size, error);
}

bool memory_region_init_romd(MemoryRegion *r, const char *name, uint64_t size, const MmioOps *ops,
                             void *opaque, GError **error)
{
    if (!region_init_memory(r, name, MEMORY_ROMD, size, error))
        return false;
    r->ops = ops;
    r->opaque = opaque;
    r->romd_reads_direct = true;
    return true;
}

void memory_region_init_mmio(MemoryRegion *r, const char *name, uint64_t size, const MmioOps *ops,
                             void *opaque)
{
    region_init(r, name, MEMORY_MMIO, size);
    r->ops = ops;
    r->opaque = opaque;
}

void memory_region_init_alias(MemoryRegion *r, const char *name, MemoryRegion *target,
                              hwaddr offset, uint64_t size)
{
    region_init(r, name, MEMORY_ALIAS, size);
    r->alias = target;
    r->alias_offset = offset;
}

void memory_region_deinit(MemoryRegion *r)
{
    if (r->container)
        memory_region_del(r->container, r);
    if (r->subregions) {
        for (unsigned i = 0; i < r->subregions->len; i++)
            ((MemoryRegion *)r->subregions->pdata[i])->container = NULL;
        g_ptr_array_free(r->subregions, true);
    }
    if (r->ram)
        ram_block_release(r->ram);
    g_free((char *)r->name);
    *r = (MemoryRegion){ 0 };
}

void memory_region_add(MemoryRegion *container, hwaddr addr, MemoryRegion *r, int priority)
{
    g_assert(!r->container && r != container);
    r->container = container;
    r->addr = addr;
    r->priority = priority;
    if (!container->subregions)
        container->subregions = g_ptr_array_new();
    /* Highest priority first; of equals the newest first, as users of QEMU expect. */
    unsigned i = 0;
    while (i < container->subregions->len &&
           ((MemoryRegion *)container->subregions->pdata[i])->priority > priority)
        i++;
    g_ptr_array_insert(container->subregions, i, r);
    changed();
}

void memory_region_del(MemoryRegion *container, MemoryRegion *r)
{
    g_assert(r->container == container);
    g_ptr_array_remove(container->subregions, r);
    r->container = NULL;
    changed();
}

void memory_region_set_enabled(MemoryRegion *r, bool enabled)
{
    if (r->enabled == enabled)
        return;
    r->enabled = enabled;
    changed();
}

void memory_region_set_addr(MemoryRegion *r, hwaddr addr)
{
    if (r->addr == addr)
        return;
    r->addr = addr;
    if (r->container)
        changed();
}

void memory_region_romd_set_direct(MemoryRegion *r, bool direct)
{
    if (r->romd_reads_direct == direct)
        return;
    r->romd_reads_direct = direct;
    changed();
}

/* ---- address spaces ---- */

AddressSpace *address_space_new(MemoryRegion *root, const char *name)
{
    AddressSpace *as = g_new0(AddressSpace, 1);
    as->name = g_strdup(name);
    as->root = root;
    flatview_publish(as, flatview_build(root));
    AddressSpace **end = &address_spaces;
    while (*end)
        end = &(*end)->next;
    *end = as;
    return as;
}

void address_space_free(AddressSpace *as)
{
    for (AddressSpace **p = &address_spaces; *p; p = &(*p)->next) {
        if (*p == as) {
            *p = as->next;
            break;
        }
    }
    flatview_publish(as, NULL);
    g_free(as->name);
    g_free(as);
}
