/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Building a flattened device tree (Devicetree Specification 0.4). A thin layer over libfdt that
 * grows its buffer and speaks in paths. Paths and names come from boards: a mistake is a
 * programmer error.
 *
 * libfdt puts new nodes and properties before existing ones: what is created last comes first.
 */
#ifndef SOFTMMU_FDT_H
#define SOFTMMU_FDT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct DeviceTree DeviceTree;

DeviceTree *dt_new(void);
DeviceTree *dt_load(const char *file, GError **error); /* -dtb */
/* What dt_phandle counts from; before its first call. */
void dt_set_first_phandle(DeviceTree *dt, uint32_t first);

/* Parents must exist; the node must not. */
void dt_add_node(DeviceTree *dt, const char *path);
bool dt_has_node(DeviceTree *dt, const char *path);
/* As add, but fine if it is there. */
void dt_want_node(DeviceTree *dt, const char *path);
void dt_delete_node(DeviceTree *dt, const char *path); /* fine if it isn't there */
/* RAM of the machine: takes the place of the memory nodes that a tree of -dtb may have. */
void dt_set_memory(DeviceTree *dt, uint64_t base, uint64_t size);

void dt_set_empty(DeviceTree *dt, const char *path, const char *name);
void dt_set_u32(DeviceTree *dt, const char *path, const char *name, uint32_t v);
void dt_set_u64(DeviceTree *dt, const char *path, const char *name, uint64_t v);
void dt_set_string(DeviceTree *dt, const char *path, const char *name, const char *v);
/* `v` is a list of strings, each ended by NUL, with an empty one at the end ("a\0b\0"). */
void dt_set_strings(DeviceTree *dt, const char *path, const char *name, const char *v);
void dt_set_bytes(DeviceTree *dt, const char *path, const char *name, const void *v, uint32_t len);
void dt_set_cells(DeviceTree *dt, const char *path, const char *name, const uint32_t *cells,
                  unsigned n);
#define DT_CELLS(dt, path, name, ...)                                                          \
    dt_set_cells((dt), (path), (name), (const uint32_t[]){ __VA_ARGS__ },                      \
                 sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))
/* Two cells each. */
#define DT_HI_LO(v) (uint32_t)((uint64_t)(v) >> 32), (uint32_t)(v)

/* The node's phandle; gives it one if it has none. */
uint32_t dt_phandle(DeviceTree *dt, const char *path);

/* The finished tree, packed; valid until the next change. */
const void *dt_blob(DeviceTree *dt, uint32_t *size);
/* New random bytes for every rng-seed and kaslr-seed of a finished tree. */
void dt_refresh_seeds(void *blob);
/* -machine dumpdtb=FILE: writes it, says so on stderr. */
bool dt_dump(DeviceTree *dt, const char *file, GError **error);

#endif
