/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SMBIOS tables: see include/softmmu/smbios.h. Section numbers are of DSP0134 3.0.
 *
 * A structure is made as its formatted area with string numbers in place; its strings follow.
 */
#include "softmmu/smbios.h"

#include <stdio.h>
#include <string.h>

#include "util/bits.h"
#include "util/error.h"
#include "util/opts.h"

/* Texts that -smbios can set: X(type, option, member). */
#define TEXTS(X)                                                                               \
    X(0, "vendor", bios_vendor) X(0, "version", bios_version) X(0, "date", bios_date)          \
    X(0, "release", bios_release) X(0, "uefi", bios_uefi)                                      \
    X(1, "manufacturer", manufacturer) X(1, "product", product) X(1, "version", version)       \
    X(1, "serial", serial) X(1, "uuid", uuid) X(1, "sku", sku) X(1, "family", family)          \
    X(2, "manufacturer", board_manufacturer) X(2, "product", board_product)                    \
    X(2, "version", board_version) X(2, "serial", board_serial) X(2, "asset", board_asset)     \
    X(2, "location", board_location)                                                           \
    X(3, "manufacturer", case_manufacturer) X(3, "version", case_version)                      \
    X(3, "serial", case_serial) X(3, "asset", case_asset) X(3, "sku", case_sku)                \
    X(4, "sock_pfx", cpu_socket) X(4, "manufacturer", cpu_manufacturer)                        \
    X(4, "version", cpu_version) X(4, "serial", cpu_serial) X(4, "asset", cpu_asset)           \
    X(4, "part", cpu_part) X(4, "max-speed", cpu_max_speed)                                    \
    X(4, "current-speed", cpu_current_speed)                                                   \
    X(17, "loc_pfx", memory_location) X(17, "bank", memory_bank)                               \
    X(17, "manufacturer", memory_manufacturer) X(17, "serial", memory_serial)                  \
    X(17, "asset", memory_asset) X(17, "part", memory_part) X(17, "speed", memory_speed)

static struct {
#define X(t, o, m) char *m;
    TEXTS(X)
#undef X
} given;

static const struct {
    uint8_t type;
    const char *option;
    char **text;
} texts[] = {
#define X(t, o, m) { t, o, &given.m },
    TEXTS(X)
#undef X
};

static bool have_type[18];
static GPtrArray *oem_strings; /* type 11 */
static GByteArray *raw;        /* of file= */

enum { HANDLE_BIOS = 0x000, HANDLE_SYSTEM = 0x100, HANDLE_BOARD = 0x200, HANDLE_CASE = 0x300,
       HANDLE_CPU = 0x400, HANDLE_OEM = 0xe00, HANDLE_MEMORY = 0x1000, HANDLE_DIMM = 0x1100,
       HANDLE_MAP = 0x1300, HANDLE_BOOT = 0x2000, HANDLE_END = 0x7f00 };

/* ---- the option ---- */

/* 6.1.2: a header that fits, and two zeros at the end. */
static bool check_raw(const char *file, const uint8_t *p, gsize n, GError **error)
{
    if (n < 6 || p[1] < 4 || p[1] > n - 2 || p[n - 1] || p[n - 2])
        return error_set(error, "-smbios file=%s: is not one SMBIOS structure with its strings",
                         file);
    return true;
}

static bool add_file(const char *file, GError **error)
{
    g_autofree char *data = NULL;
    g_autoptr(GError) why = NULL;
    gsize n;
    if (!g_file_get_contents(file, &data, &n, &why))
        return error_set(error, "-smbios: %s", why->message);
    if (!check_raw(file, (const uint8_t *)data, n, error))
        return false;
    if (!raw)
        raw = g_byte_array_new();
    g_byte_array_append(raw, (const uint8_t *)data, n);
    return true;
}

static bool is_number(const char *text)
{
    guint64 n;
    return g_ascii_string_to_unsigned(text, 10, 0, UINT16_MAX, &n, NULL);
}

static bool check_texts(GError **error)
{
    unsigned major, minor;
    char end;
    if (given.uuid && !g_uuid_string_is_valid(given.uuid))
        return error_set(error, "-smbios type=1,uuid=%s: is not of the form 8-4-4-4-12 hex digits",
                         given.uuid);
    if (given.bios_release &&
        (sscanf(given.bios_release, "%3u.%3u%c", &major, &minor, &end) != 2 || major > 255 ||
         minor > 255))
        return error_set(error, "-smbios type=0,release=%s: must be MAJOR.MINOR, each up to 255",
                         given.bios_release);
    char *const numbers[] = { given.cpu_max_speed, given.cpu_current_speed, given.memory_speed };
    for (unsigned i = 0; i < ARRAY_LEN(numbers); i++)
        if (numbers[i] && !is_number(numbers[i]))
            return error_set(error, "-smbios: a speed must be a number up to 65535, not '%s'",
                             numbers[i]);
    return true;
}

static bool add_fields(GHashTable *opts, unsigned type, const char *whole, GError **error)
{
    const char *known[ARRAY_LEN(texts) + 3] = { "type" };
    unsigned n = 1;
    for (unsigned i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i].type != type)
            continue;
        known[n++] = texts[i].option;
        char *text = opts_take(opts, texts[i].option);
        if (text) {
            g_free(*texts[i].text);
            *texts[i].text = text;
        }
    }
    if (type == 11) {
        known[n++] = "value";
        char *value = opts_take(opts, "value"), *path = opts_take(opts, "path");
        if (!value || path) {
            g_free(value);
            g_free(path);
            return error_set(error, "-smbios %s: needs value=TEXT", whole);
        }
        if (!oem_strings)
            oem_strings = g_ptr_array_new();
        g_ptr_array_add(oem_strings, value);
    }
    have_type[type] = true;
    return opts_check_empty(opts, "-smbios", known, error) && check_texts(error);
}

bool smbios_add_option(const char *text, GError **error)
{
    GHashTable *opts = opts_parse(text, "file", error);
    if (!opts)
        return false;
    char *file = opts_take(opts, "file");
    uint64_t type = 256;
    bool ok = opts_take_number(opts, "type", &type, error);
    if (ok && file) {
        ok = add_file(file, error);
    } else if (ok) {
        static const uint8_t can[] = { 0, 1, 2, 3, 4, 11, 17 };
        ok = memchr(can, type < 256 ? (int)type : 255, sizeof can) != NULL;
        if (ok)
            ok = add_fields(opts, type, text, error);
        else
            error_set(error, "-smbios %s: needs type=0, 1, 2, 3, 4, 11 or 17, or file=FILE", text);
    }
    g_free(file);
    g_hash_table_unref(opts);
    return ok;
}

/* ---- structures ---- */

typedef struct Structure {
    GByteArray *area, *strings;
    uint8_t n_strings;
} Structure;

static Structure begin(uint8_t type, uint16_t handle)
{
    Structure s = { g_byte_array_new(), g_byte_array_new(), 0 };
    const uint8_t header[] = { type, 0, (uint8_t)handle, handle >> 8 };
    g_byte_array_append(s.area, header, sizeof header);
    return s;
}

static void put(Structure *s, unsigned size, uint64_t v)
{
    uint8_t bytes[8];
    store_le64(bytes, v);
    g_byte_array_append(s->area, bytes, size);
}

/* The number of a string; 0 stands for none. Empty strings would end the list. */
static void put_string(Structure *s, const char *text)
{
    if (!text || !*text || s->n_strings == UINT8_MAX) {
        put(s, 1, 0);
        return;
    }
    g_byte_array_append(s->strings, (const uint8_t *)text, strlen(text) + 1);
    put(s, 1, ++s->n_strings);
}

static void end(Structure *s, GByteArray *out)
{
    static const uint8_t zeros[2];
    s->area->data[1] = s->area->len;
    g_byte_array_append(out, s->area->data, s->area->len);
    g_byte_array_append(out, s->strings->data, s->strings->len);
    g_byte_array_append(out, zeros, s->n_strings ? 1 : 2);
    g_byte_array_unref(s->area);
    g_byte_array_unref(s->strings);
}

static const char *or_else(const char *a, const char *b)
{
    return a ? a : b;
}

static uint16_t number_or(const char *text, uint16_t def)
{
    return text ? (uint16_t)g_ascii_strtoull(text, NULL, 10) : def;
}

/* 7.1. Only if it was asked for: firmware knows better. */
static void add_bios(GByteArray *out)
{
    enum { NO_CHARACTERISTICS = 8, UEFI = 8, VIRTUAL_MACHINE = 16, TARGETED = 4 };
    unsigned major = 0, minor = 0;
    if (!have_type[0])
        return;
    Structure s = begin(0, HANDLE_BIOS);
    put_string(&s, given.bios_vendor);
    put_string(&s, given.bios_version);
    put(&s, 2, 0xe800);
    put_string(&s, given.bios_date);
    put(&s, 1, 0);
    put(&s, 8, NO_CHARACTERISTICS);
    put(&s, 1, 0);
    bool uefi = given.bios_uefi && !strcmp(given.bios_uefi, "on");
    put(&s, 1, VIRTUAL_MACHINE | TARGETED | (uefi ? UEFI : 0));
    if (given.bios_release)
        sscanf(given.bios_release, "%3u.%3u", &major, &minor);
    put(&s, 1, major);
    put(&s, 1, minor);
    put(&s, 2, 0xffff);
    end(&s, out);
}

/* 7.2.1: the first three groups are little-endian. */
static void put_uuid(Structure *s, const char *text)
{
    static const uint8_t at[16] = { 6, 4, 2, 0, 11, 9, 16, 14, 19, 21, 24, 26, 28, 30, 32, 34 };
    for (unsigned i = 0; i < 16; i++)
        put(s, 1, text ? g_ascii_xdigit_value(text[at[i]]) << 4 |
                             g_ascii_xdigit_value(text[at[i] + 1]) : 0);
}

static void add_system(GByteArray *out, const SmbiosMachine *m)
{
    enum { POWER_SWITCH = 6 };
    Structure s = begin(1, HANDLE_SYSTEM);
    put_string(&s, or_else(given.manufacturer, m->manufacturer));
    put_string(&s, or_else(given.product, m->product));
    put_string(&s, or_else(given.version, m->version));
    put_string(&s, given.serial);
    put_uuid(&s, or_else(given.uuid, m->uuid));
    put(&s, 1, POWER_SWITCH);
    put_string(&s, given.sku);
    put_string(&s, given.family);
    end(&s, out);
}

static void add_board(GByteArray *out)
{
    enum { HOSTING = 1, MOTHERBOARD = 10 };
    if (!have_type[2])
        return;
    Structure s = begin(2, HANDLE_BOARD);
    put_string(&s, given.board_manufacturer);
    put_string(&s, given.board_product);
    put_string(&s, given.board_version);
    put_string(&s, given.board_serial);
    put_string(&s, given.board_asset);
    put(&s, 1, HOSTING);
    put_string(&s, given.board_location);
    put(&s, 2, HANDLE_CASE);
    put(&s, 1, MOTHERBOARD);
    put(&s, 1, 0);
    end(&s, out);
}

static void add_case(GByteArray *out, const SmbiosMachine *m)
{
    enum { OTHER = 1, UNKNOWN = 2, SAFE = 3 };
    Structure s = begin(3, HANDLE_CASE);
    put_string(&s, or_else(given.case_manufacturer, m->manufacturer));
    put(&s, 1, OTHER);
    put_string(&s, or_else(given.case_version, m->version));
    put_string(&s, given.case_serial);
    put_string(&s, given.case_asset);
    put(&s, 1, SAFE);
    put(&s, 1, SAFE);
    put(&s, 1, SAFE);
    put(&s, 1, UNKNOWN);
    put(&s, 8, 0); /* OEM-defined; height, cords, contained elements */
    put_string(&s, given.case_sku);
    end(&s, out);
}

static void add_cpu(GByteArray *out, const SmbiosMachine *m, unsigned i)
{
    enum { CENTRAL = 3, OTHER = 1, USE_FAMILY_2 = 0xfe, FAMILY_ARMV8 = 0x101,
           POPULATED_ENABLED = 0x41, CAN_64_BIT = 4, MULTI_CORE = 8, MHZ = 2000 };
    unsigned threads = m->cores * m->threads;
    g_autofree char *socket =
        g_strdup_printf("%s%2x", or_else(given.cpu_socket, "CPU"), i);
    Structure s = begin(4, HANDLE_CPU + i);
    put_string(&s, socket);
    put(&s, 1, CENTRAL);
    put(&s, 1, USE_FAMILY_2);
    put_string(&s, or_else(given.cpu_manufacturer, m->manufacturer));
    put(&s, 8, 0);
    put_string(&s, or_else(given.cpu_version, m->version));
    put(&s, 1, 0);
    put(&s, 2, 0);
    put(&s, 2, number_or(given.cpu_max_speed, MHZ));
    put(&s, 2, number_or(given.cpu_current_speed, MHZ));
    put(&s, 1, POPULATED_ENABLED);
    put(&s, 1, OTHER);
    put(&s, 6, UINT64_MAX); /* caches are not described */
    put_string(&s, given.cpu_serial);
    put_string(&s, given.cpu_asset);
    put_string(&s, given.cpu_part);
    put(&s, 1, MIN(m->cores, 255u));
    put(&s, 1, MIN(m->cores, 255u));
    put(&s, 1, MIN(threads, 255u));
    put(&s, 2, CAN_64_BIT | (m->cores > 1 ? MULTI_CORE : 0));
    put(&s, 2, FAMILY_ARMV8);
    put(&s, 2, m->cores);
    put(&s, 2, m->cores);
    put(&s, 2, threads);
    end(&s, out);
}

/* 7.12: strings without a number field each. */
static void add_oem_strings(GByteArray *out)
{
    if (!oem_strings)
        return;
    Structure s = begin(11, HANDLE_OEM);
    put(&s, 1, MIN(oem_strings->len, 255u));
    for (guint i = 0; i < MIN(oem_strings->len, 255u); i++) {
        const char *text = oem_strings->pdata[i];
        g_byte_array_append(s.strings, (const uint8_t *)text, strlen(text) + 1);
        s.n_strings++;
    }
    end(&s, out);
}

/* ---- memory (7.17, 7.18, 7.20) ---- */

static const uint64_t dimm_max = 16ull << 30;

static void add_memory_array(GByteArray *out, const SmbiosMachine *m, unsigned dimms)
{
    enum { LOCATION_OTHER = 1, SYSTEM_MEMORY = 3, MULTI_BIT_ECC = 6, NO_ERRORS = 0xfffe };
    const uint32_t too_large = 0x80000000u;
    uint64_t kib = m->ram_size >> 10;
    Structure s = begin(16, HANDLE_MEMORY);
    put(&s, 1, LOCATION_OTHER);
    put(&s, 1, SYSTEM_MEMORY);
    put(&s, 1, MULTI_BIT_ECC);
    put(&s, 4, kib < too_large ? kib : too_large);
    put(&s, 2, NO_ERRORS);
    put(&s, 2, dimms);
    put(&s, 8, kib < too_large ? 0 : m->ram_size);
    end(&s, out);
}

static void add_dimm(GByteArray *out, unsigned i, uint64_t size)
{
    enum { NO_ERRORS = 0xfffe, UNKNOWN_WIDTH = 0xffff, DIMM = 9, TYPE_RAM = 7, DETAIL_OTHER = 2,
           EXTENDED = 0x7fff };
    g_autofree char *name = g_strdup_printf("%s %u", or_else(given.memory_location, "DIMM"), i);
    uint64_t mib = size >> 20;
    Structure s = begin(17, HANDLE_DIMM + i);
    put(&s, 2, HANDLE_MEMORY);
    put(&s, 2, NO_ERRORS);
    put(&s, 2, UNKNOWN_WIDTH);
    put(&s, 2, UNKNOWN_WIDTH);
    put(&s, 2, mib < EXTENDED ? mib : EXTENDED);
    put(&s, 1, DIMM);
    put(&s, 1, 0);
    put_string(&s, name);
    put_string(&s, given.memory_bank);
    put(&s, 1, TYPE_RAM);
    put(&s, 2, DETAIL_OTHER);
    put(&s, 2, number_or(given.memory_speed, 0));
    put_string(&s, or_else(given.memory_manufacturer, "QEMU"));
    put_string(&s, given.memory_serial);
    put_string(&s, given.memory_asset);
    put_string(&s, given.memory_part);
    put(&s, 1, 0);
    put(&s, 4, mib < EXTENDED ? 0 : mib);
    put(&s, 2, number_or(given.memory_speed, 0));
    put(&s, 6, 0); /* voltages */
    end(&s, out);
}

static void add_memory_map(GByteArray *out, const SmbiosMachine *m)
{
    uint64_t first = m->ram_base >> 10, last = (m->ram_base + m->ram_size - 1) >> 10;
    bool small = last < UINT32_MAX;
    Structure s = begin(19, HANDLE_MAP);
    put(&s, 4, small ? first : UINT32_MAX);
    put(&s, 4, small ? last : UINT32_MAX);
    put(&s, 2, HANDLE_MEMORY);
    put(&s, 1, 1);
    put(&s, 8, small ? 0 : m->ram_base);
    put(&s, 8, small ? 0 : m->ram_base + m->ram_size - 1);
    end(&s, out);
}

static void add_memory(GByteArray *out, const SmbiosMachine *m)
{
    unsigned dimms = (unsigned)MIN((m->ram_size + dimm_max - 1) / dimm_max, 0x1ff);
    add_memory_array(out, m, dimms);
    for (unsigned i = 0; i < dimms; i++)
        add_dimm(out, i, MIN(m->ram_size - i * dimm_max, dimm_max));
    add_memory_map(out, m);
}

static void add_end(GByteArray *out)
{
    Structure s = begin(32, HANDLE_BOOT);
    put(&s, 7, 0); /* no error while starting */
    end(&s, out);
    s = begin(127, HANDLE_END);
    end(&s, out);
}

/* 5.2.2: the 64-bit entry point. Firmware fills in the address. */
static void add_anchor(GByteArray *out, uint32_t size)
{
    uint8_t p[24] = { '_', 'S', 'M', '3', '_', 0, sizeof p, 3, 0, 0, 1 }, sum = 0;
    store_le32(p + 12, size);
    for (unsigned i = 0; i < sizeof p; i++)
        sum += p[i];
    p[5] = -sum;
    g_byte_array_append(out, p, sizeof p);
}

void smbios_build(const SmbiosMachine *m, GByteArray *anchor, GByteArray *tables)
{
    guint start = tables->len;
    add_bios(tables);
    add_system(tables, m);
    add_board(tables);
    add_case(tables, m);
    for (unsigned i = 0; i < m->sockets; i++)
        add_cpu(tables, m, i);
    add_oem_strings(tables);
    add_memory(tables, m);
    if (raw)
        g_byte_array_append(tables, raw->data, raw->len);
    add_end(tables);
    add_anchor(anchor, tables->len - start);
}
