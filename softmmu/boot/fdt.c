/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device trees over libfdt: see include/softmmu/fdt.h. */
#include "softmmu/fdt.h"

#include <libfdt.h>
#include <string.h>

#include "util/bits.h"
#include "util/error.h"
#include "util/random.h"

enum { FIRST_SIZE = 16 << 10, MAX_SIZE = 16 << 20 };

struct DeviceTree {
    void *blob;
    uint32_t next_phandle;
};

static DeviceTree *dt_from(void *blob)
{
    DeviceTree *dt = g_new0(DeviceTree, 1);
    dt->blob = blob;
    uint32_t max = 0;
    if (fdt_find_max_phandle(blob, &max) < 0)
        max = 0;
    dt->next_phandle = max + 1;
    return dt;
}

DeviceTree *dt_new(void)
{
    void *blob = g_malloc(FIRST_SIZE);
    int err = fdt_create_empty_tree(blob, FIRST_SIZE);
    g_assert(!err);
    return dt_from(blob);
}

DeviceTree *dt_load(const char *file, GError **error)
{
    g_autofree char *data = NULL;
    g_autoptr(GError) why = NULL;
    gsize len;
    if (!g_file_get_contents(file, &data, &len, &why)) {
        error_set(error, "-dtb: %s", why->message);
        return NULL;
    }
    if (len > MAX_SIZE || fdt_check_full(data, len)) {
        error_set(error, "-dtb %s: is not a valid device tree blob; make one with dtc", file);
        return NULL;
    }
    uint32_t size = fdt_totalsize(data) + FIRST_SIZE;
    void *blob = g_malloc0(size);
    int err = fdt_open_into(data, blob, size);
    if (err) {
        error_set(error, "-dtb %s: %s", file, fdt_strerror(err));
        g_free(blob);
        return NULL;
    }
    return dt_from(blob);
}

void dt_set_first_phandle(DeviceTree *dt, uint32_t first)
{
    dt->next_phandle = MAX(dt->next_phandle, first);
}

/* After a call failed for want of room: true if it is worth another try. */
static bool grow(DeviceTree *dt, int err)
{
    if (err != -FDT_ERR_NOSPACE)
        return false;
    uint32_t size = fdt_totalsize(dt->blob) * 2;
    g_assert(size <= MAX_SIZE);
    void *blob = g_malloc0(size);
    err = fdt_open_into(dt->blob, blob, size);
    g_assert(!err);
    g_free(dt->blob);
    dt->blob = blob;
    return true;
}

static int node_at(DeviceTree *dt, const char *path)
{
    int node = fdt_path_offset(dt->blob, path);
    if (node < 0)
        g_error("device tree: no node %s: %s", path, fdt_strerror(node));
    return node;
}

void dt_add_node(DeviceTree *dt, const char *path)
{
    const char *name = strrchr(path, '/');
    g_assert(name);
    g_autofree char *parent = name == path ? g_strdup("/") : g_strndup(path, name - path);
    int err;
    do
        err = fdt_add_subnode(dt->blob, node_at(dt, parent), name + 1);
    while (err < 0 && grow(dt, err));
    if (err < 0)
        g_error("device tree: can't add %s: %s", path, fdt_strerror(err));
}

bool dt_has_node(DeviceTree *dt, const char *path)
{
    return fdt_path_offset(dt->blob, path) >= 0;
}

void dt_want_node(DeviceTree *dt, const char *path)
{
    if (!dt_has_node(dt, path))
        dt_add_node(dt, path);
}

void dt_delete_node(DeviceTree *dt, const char *path)
{
    int node = fdt_path_offset(dt->blob, path);
    if (node >= 0)
        fdt_del_node(dt->blob, node);
}

/* A node of the root with one of these names, or a negative number. */
static int find_memory(const void *blob)
{
    int node;
    fdt_for_each_subnode(node, blob, 0) {
        const char *name = fdt_get_name(blob, node, NULL);
        if (name && g_str_has_prefix(name, "memory") && (!name[6] || name[6] == '@'))
            break;
    }
    return node;
}

void dt_set_memory(DeviceTree *dt, uint64_t base, uint64_t size)
{
    g_autofree char *path = g_strdup_printf("/memory@%" G_GINT64_MODIFIER "x", base);
    for (int node; (node = find_memory(dt->blob)) >= 0;)
        fdt_del_node(dt->blob, node);
    dt_add_node(dt, path);
    dt_set_string(dt, path, "device_type", "memory");
    bool wide_address = fdt_address_cells(dt->blob, 0) == 2;
    bool wide_size = fdt_size_cells(dt->blob, 0) == 2;
    uint32_t cells[4];
    unsigned n = 0;
    if (wide_address)
        cells[n++] = base >> 32;
    cells[n++] = base;
    if (wide_size)
        cells[n++] = size >> 32;
    cells[n++] = size;
    dt_set_cells(dt, path, "reg", cells, n);
}

void dt_refresh_seeds(void *blob)
{
    static const char *const names[] = { "rng-seed", "kaslr-seed" };
    for (int node = 0; node >= 0; node = fdt_next_node(blob, node, NULL)) {
        for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
            int len;
            void *seed = fdt_getprop_w(blob, node, names[i], &len);
            if (seed && len > 0)
                random_bytes(seed, len);
        }
    }
}

void dt_set_bytes(DeviceTree *dt, const char *path, const char *name, const void *v, uint32_t len)
{
    int err;
    do
        err = fdt_setprop(dt->blob, node_at(dt, path), name, v, len);
    while (err && grow(dt, err));
    if (err)
        g_error("device tree: can't set %s of %s: %s", name, path, fdt_strerror(err));
}

void dt_set_empty(DeviceTree *dt, const char *path, const char *name)
{
    dt_set_bytes(dt, path, name, "", 0);
}

void dt_set_u32(DeviceTree *dt, const char *path, const char *name, uint32_t v)
{
    dt_set_cells(dt, path, name, &v, 1);
}

void dt_set_u64(DeviceTree *dt, const char *path, const char *name, uint64_t v)
{
    DT_CELLS(dt, path, name, DT_HI_LO(v));
}

void dt_set_string(DeviceTree *dt, const char *path, const char *name, const char *v)
{
    dt_set_bytes(dt, path, name, v, strlen(v) + 1);
}

void dt_set_strings(DeviceTree *dt, const char *path, const char *name, const char *v)
{
    const char *end = v;
    while (*end)
        end += strlen(end) + 1;
    dt_set_bytes(dt, path, name, v, end - v);
}

void dt_set_cells(DeviceTree *dt, const char *path, const char *name, const uint32_t *cells,
                  unsigned n)
{
    g_autofree uint8_t *be = g_malloc(n * 4 + 1);
    for (unsigned i = 0; i < n; i++)
        store_be32(be + 4 * i, cells[i]);
    dt_set_bytes(dt, path, name, be, n * 4);
}

uint32_t dt_phandle(DeviceTree *dt, const char *path)
{
    uint32_t p = fdt_get_phandle(dt->blob, node_at(dt, path));
    if (p)
        return p;
    p = dt->next_phandle++;
    dt_set_u32(dt, path, "phandle", p);
    return p;
}

const void *dt_blob(DeviceTree *dt, uint32_t *size)
{
    int err = fdt_pack(dt->blob);
    g_assert(!err);
    *size = fdt_totalsize(dt->blob);
    return dt->blob;
}

bool dt_dump(DeviceTree *dt, const char *file, GError **error)
{
    uint32_t size;
    const void *blob = dt_blob(dt, &size);
    g_autoptr(GError) why = NULL;
    if (!g_file_set_contents(file, blob, size, &why))
        return error_set(error, "-machine dumpdtb: %s", why->message);
    g_printerr("%s: info: dtb dumped to %s. Exiting.\n", g_get_prgname(), file);
    return true;
}
