/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fw_cfg with MMIO registers and DMA: docs/specs/fw_cfg of QEMU.
 *
 * Registers: 8 bytes of data at 0, the selector at 8 (big-endian), the address of a DMA request
 * at 16 (big-endian). Left out: writes through the data register, which the specification has
 * retired. Contents come from the configuration and aren't part of snapshots; what the guest
 * writes to writable files is.
 */
#include "hw/fw_cfg.h"

#include <string.h>

#include "hw/device.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/log.h"

enum { KEYS = 0x20, MAX_FILES = 0x400, NAME_SIZE = 56, DIR_ENTRY = 64 };
enum { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8, DMA_WRITE = 16 };
enum { KEY_MASK = 0x3fff }; /* bit 14 asks for write mode, which is always on for DMA */

typedef struct Item {
    char name[NAME_SIZE];
    uint8_t *data;
    uint32_t len;
    bool writable;
    void (*written)(void *opaque, const uint8_t *data, size_t len);
    void *opaque;
} Item;

typedef struct FwCfg {
    Device dev;
    Item keys[2][KEYS]; /* generic, local to the architecture */
    GPtrArray *files;   /* Item *, sorted by name */
    uint16_t key;
    uint32_t position;
    uint32_t dma_high;  /* first half of a request's address */
} FwCfg;

static FwCfg *the_fw_cfg;

/* ---- contents ---- */

static void item_set(Item *item, const void *data, size_t len)
{
    g_free(item->data);
    item->data = g_memdup2(data, len);
    item->len = len;
}

static void rebuild_dir(FwCfg *s)
{
    g_autofree uint8_t *dir = g_malloc0(4 + (size_t)s->files->len * DIR_ENTRY);
    store_be32(dir, s->files->len);
    for (guint i = 0; i < s->files->len; i++) {
        const Item *f = g_ptr_array_index(s->files, i);
        uint8_t *e = dir + 4 + (size_t)i * DIR_ENTRY;
        store_be32(e, f->len);
        store_be16(e + 4, FW_CFG_FILE_FIRST + i);
        memcpy(e + 8, f->name, NAME_SIZE);
    }
    item_set(&s->keys[0][FW_CFG_FILE_DIR], dir, 4 + (size_t)s->files->len * DIR_ENTRY);
}

bool fw_cfg_present(void)
{
    return the_fw_cfg != NULL;
}

void fw_cfg_add_bytes(uint16_t key, const void *data, size_t len)
{
    if (!the_fw_cfg)
        return;
    g_assert((key & KEY_MASK) < KEYS);
    item_set(&the_fw_cfg->keys[key >> 15][key & KEY_MASK], data, len);
}

void fw_cfg_add_string(uint16_t key, const char *text)
{
    fw_cfg_add_bytes(key, text, strlen(text) + 1);
}

void fw_cfg_add_u16(uint16_t key, uint16_t v)
{
    fw_cfg_add_bytes(key, &v, sizeof v);
}

void fw_cfg_add_u32(uint16_t key, uint32_t v)
{
    fw_cfg_add_bytes(key, &v, sizeof v);
}

void fw_cfg_add_u64(uint16_t key, uint64_t v)
{
    fw_cfg_add_bytes(key, &v, sizeof v);
}

static Item *file_new(const char *name, size_t len, GError **error)
{
    FwCfg *s = the_fw_cfg;
    if (!s) {
        error_set(error, "fw_cfg file '%s': this machine has no fw_cfg", name);
        return NULL;
    }
    if (!*name || strlen(name) >= NAME_SIZE || len > UINT32_MAX) {
        error_set(error, "fw_cfg file '%s': names have 1 to %d characters, and files less than "
                  "4 GiB", name, NAME_SIZE - 1);
        return NULL;
    }
    if (s->files->len >= MAX_FILES) {
        error_set(error, "fw_cfg file '%s': there are %d files already, and no room for more", name,
                  MAX_FILES);
        return NULL;
    }
    guint at = 0;
    for (; at < s->files->len; at++) {
        int order = strcmp(((Item *)g_ptr_array_index(s->files, at))->name, name);
        if (!order) {
            error_set(error, "fw_cfg file '%s' exists already", name);
            return NULL;
        }
        if (order > 0)
            break;
    }
    Item *f = g_new0(Item, 1);
    memcpy(f->name, name, strlen(name));
    g_ptr_array_insert(s->files, at, f);
    return f;
}

bool fw_cfg_add_file(const char *name, const void *data, size_t len, GError **error)
{
    Item *f = file_new(name, len, error);
    if (!f)
        return false;
    item_set(f, data, len);
    rebuild_dir(the_fw_cfg);
    return true;
}

bool fw_cfg_add_writable_file(const char *name, size_t len,
                              void (*written)(void *opaque, const uint8_t *data, size_t len),
                              void *opaque, GError **error)
{
    Item *f = file_new(name, len, error);
    if (!f)
        return false;
    f->data = g_malloc0(len);
    f->len = len;
    f->writable = true;
    f->written = written;
    f->opaque = opaque;
    rebuild_dir(the_fw_cfg);
    return true;
}

static int find_file(const char *name)
{
    for (guint i = 0; the_fw_cfg && i < the_fw_cfg->files->len; i++)
        if (!strcmp(((Item *)g_ptr_array_index(the_fw_cfg->files, i))->name, name))
            return (int)i;
    return -1;
}

void fw_cfg_set_file(const char *name, const void *data, size_t len)
{
    int i = find_file(name);
    Item *f = i < 0 ? NULL : g_ptr_array_index(the_fw_cfg->files, i);
    g_assert(!f || (f->writable && f->len == len));
    if (f)
        memcpy(f->data, data, len);
}

void fw_cfg_replace_file(const char *name, const void *data, size_t len)
{
    int i = find_file(name);
    g_assert(i >= 0 && !((Item *)g_ptr_array_index(the_fw_cfg->files, i))->writable);
    item_set(g_ptr_array_index(the_fw_cfg->files, i), data, len);
    rebuild_dir(the_fw_cfg);
}

void fw_cfg_remove_file(const char *name)
{
    int i = find_file(name);
    if (i < 0)
        return;
    Item *f = g_ptr_array_remove_index(the_fw_cfg->files, i);
    g_free(f->data);
    g_free(f);
    rebuild_dir(the_fw_cfg);
}

/* ---- access ---- */

static Item *selected(FwCfg *s)
{
    unsigned n = s->key & KEY_MASK;
    if (n < KEYS)
        return &s->keys[s->key >> 15][n];
    n -= FW_CFG_FILE_FIRST;
    if (!(s->key & FW_CFG_ARCH_LOCAL) && n < s->files->len)
        return g_ptr_array_index(s->files, n);
    return NULL;
}

static void select_key(FwCfg *s, uint16_t key)
{
    s->key = key;
    s->position = 0;
}

/* What is left of the selected item. */
static uint32_t left(FwCfg *s, const Item *item)
{
    return item && s->position < item->len ? item->len - s->position : 0;
}

static void advance(FwCfg *s, uint32_t n)
{
    s->position = s->position > UINT32_MAX - n ? UINT32_MAX : s->position + n;
}

/*
 * DMA is for memory alone. To a device, the 4 GiB that a request may ask for would take minutes
 * under the main lock, and to our own registers it would start another request.
 */
static bool dma_is_memory(FwCfg *s, hwaddr addr, uint64_t len, bool write)
{
    while (len) {
        uint64_t n = len;
        void *host = address_space_map(s->dev.dma, addr, &n, write);
        if (!host)
            return false;
        address_space_unmap(s->dev.dma, host, 0, write);
        addr += n;
        len -= n;
    }
    return true;
}

static bool dma_read(FwCfg *s, const Item *item, hwaddr addr, uint32_t len)
{
    static const uint8_t zeros[4096];
    uint32_t n = MIN(len, left(s, item));
    if (!dma_is_memory(s, addr, len, true))
        return false;
    if (n && address_space_write(s->dev.dma, addr, item->data + s->position, n) != MEM_OK)
        return false;
    /* Beyond the end there are zeros. */
    for (uint32_t done = n; done < len;) {
        uint32_t piece = MIN(sizeof zeros, len - done);
        if (address_space_write(s->dev.dma, addr + done, zeros, piece) != MEM_OK)
            return false;
        done += piece;
    }
    return true;
}

static bool dma_write(FwCfg *s, Item *item, hwaddr addr, uint32_t len)
{
    if (!item || !item->writable || len > left(s, item) || !dma_is_memory(s, addr, len, false))
        return false;
    if (address_space_read(s->dev.dma, addr, item->data + s->position, len) != MEM_OK)
        return false;
    if (item->written)
        item->written(item->opaque, item->data, item->len);
    return true;
}

static void dma_run(FwCfg *s, hwaddr request)
{
    uint8_t r[16];
    if (!dma_is_memory(s, request, sizeof r, true) ||
        address_space_read(s->dev.dma, request, r, sizeof r) != MEM_OK) {
        log_guest_error(s->dev.path, "DMA request at an address without memory");
        return;
    }
    uint32_t control = load_be32(r), len = load_be32(r + 4);
    hwaddr addr = load_be64(r + 8);
    if (control & DMA_SELECT)
        select_key(s, control >> 16);
    Item *item = selected(s);
    bool ok = true;
    if (control & DMA_READ)
        ok = dma_read(s, item, addr, len);
    else if (control & DMA_WRITE)
        ok = dma_write(s, item, addr, len);
    if (control & (DMA_READ | DMA_WRITE | DMA_SKIP))
        advance(s, len);
    uint8_t result[4];
    store_be32(result, ok ? 0 : DMA_ERROR);
    address_space_write(s->dev.dma, request, result, sizeof result);
}

static MemResult fw_cfg_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    static const char dma_signature[8] = "QEMU CFG";
    FwCfg *s = opaque;
    *value = 0;
    if (offset < 8) {
        Item *item = selected(s);
        uint32_t n = MIN(size, left(s, item));
        if (n)
            memcpy(value, item->data + s->position, n);
        advance(s, size);
    } else if (offset >= 16 && offset + size <= 24) {
        memcpy(value, dma_signature + (offset - 16), size);
    }
    return MEM_OK;
}

static MemResult fw_cfg_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    FwCfg *s = opaque;
    if (offset == 8 && size == 2) {
        select_key(s, __builtin_bswap16(value));
    } else if (offset == 16 && size == 8) {
        s->dma_high = 0;
        dma_run(s, __builtin_bswap64(value));
    } else if (offset == 16 && size == 4) {
        s->dma_high = __builtin_bswap32(value);
    } else if (offset == 20 && size == 4) {
        hwaddr request = (hwaddr)s->dma_high << 32 | __builtin_bswap32(value);
        s->dma_high = 0;
        dma_run(s, request);
    } else if (!(s->dev.logged & 0x10000)) {
        s->dev.logged |= 0x10000;
        log_guest_error(s->dev.path, "write of size %u at offset %u", size, (unsigned)offset);
    }
    return MEM_OK;
}

static const MmioOps fw_cfg_ops = { .read = fw_cfg_read, .write = fw_cfg_write, .min_size = 1,
                                    .max_size = 8 };

static void files_save(const void *obj, GByteArray *out)
{
    const FwCfg *s = obj;
    for (guint i = 0; i < s->files->len; i++) {
        const Item *f = g_ptr_array_index(s->files, i);
        if (f->writable)
            g_byte_array_append(out, f->data, f->len);
    }
}

static bool files_load(void *obj, const uint8_t *data, size_t len, GError **error)
{
    FwCfg *s = obj;
    size_t want = 0;
    for (guint i = 0; i < s->files->len; i++) {
        const Item *f = g_ptr_array_index(s->files, i);
        want += f->writable ? f->len : 0;
    }
    if (want != len)
        return error_set(error, "writable files have %zu bytes, this machine's have %zu", len,
                         want);
    for (guint i = 0; i < s->files->len; i++) {
        Item *f = g_ptr_array_index(s->files, i);
        if (!f->writable)
            continue;
        memcpy(f->data, data, f->len);
        data += f->len;
    }
    return true;
}

static const StateField fw_cfg_state[] = {
    STATE(FwCfg, key),
    STATE(FwCfg, position),
    STATE(FwCfg, dma_high),
    { .name = "files", .type = STATE_CUSTOM, .count = 1, .save = files_save, .load = files_load },
    { .type = STATE_END },
};

static bool fw_cfg_realize(void *dev, GError **error)
{
    FwCfg *s = dev;
    if (the_fw_cfg)
        return error_set(error, "fw_cfg: a machine has only one");
    memory_region_init_mmio(&s->dev.mmio, "fwcfg", 0x18, &fw_cfg_ops, s);
    s->files = g_ptr_array_new();
    the_fw_cfg = s;
    fw_cfg_add_bytes(FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_add_u32(FW_CFG_ID, 3); /* traditional and DMA interfaces */
    rebuild_dir(s);
    return true;
}

static void fw_cfg_unrealize(void *dev)
{
    FwCfg *s = dev;
    for (guint i = 0; i < 2 * KEYS; i++)
        g_free(s->keys[i / KEYS][i % KEYS].data);
    for (guint i = 0; i < s->files->len; i++) {
        Item *f = g_ptr_array_index(s->files, i);
        g_free(f->data);
        g_free(f);
    }
    g_ptr_array_free(s->files, TRUE);
    the_fw_cfg = NULL;
}

static void fw_cfg_reset(void *dev)
{
    FwCfg *s = dev;
    select_key(s, FW_CFG_SIGNATURE);
    s->dma_high = 0;
}

static void fw_cfg_loaded(void *dev)
{
    FwCfg *s = dev;
    for (guint i = 0; i < s->files->len; i++) {
        Item *f = g_ptr_array_index(s->files, i);
        if (f->writable && f->written)
            f->written(f->opaque, f->data, f->len);
    }
}

static const DeviceType fw_cfg_type = {
    .name = "fw_cfg_mem", .doc = "QEMU firmware configuration (docs/specs/fw_cfg)",
    .fdt_compatible = "qemu,fw-cfg-mmio", .size = sizeof(FwCfg), .version = 1,
    .state = fw_cfg_state, .realize = fw_cfg_realize, .unrealize = fw_cfg_unrealize,
    .reset = fw_cfg_reset, .loaded = fw_cfg_loaded,
};
DEVICE_REGISTER(fw_cfg_type)
