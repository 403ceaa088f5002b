/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI tables and their loader script: see include/softmmu/acpi.h.
 *
 * The script is an array of 128-byte commands that QEMU's firmware follows: allocate a fw_cfg
 * file, add the address of one file to a field of another, put a checksum in place.
 */
#include "softmmu/acpi.h"

#include <string.h>

#include "util/bits.h"

enum { COMMAND_SIZE = 128, FILE_NAME_SIZE = 56 };
enum { LOADER_ALLOCATE = 1, LOADER_ADD_POINTER = 2, LOADER_ADD_CHECKSUM = 3 };
enum { ZONE_HIGH = 1, ZONE_FSEG = 2 };
enum { HEADER_SIZE = 36, HEADER_LENGTH = 4, HEADER_CHECKSUM = 9 };

static const char tables_file[] = "etc/acpi/tables", rsdp_file[] = "etc/acpi/rsdp";

void acpi_put(GByteArray *a, unsigned size, uint64_t v)
{
    uint8_t bytes[8];
    store_le64(bytes, v);
    g_byte_array_append(a, bytes, size);
}

void acpi_put_zeros(GByteArray *a, unsigned n)
{
    while (n--)
        acpi_put(a, 1, 0);
}

void acpi_put_gas(GByteArray *a, unsigned bits, uint64_t address)
{
    acpi_put(a, 1, 0); /* system memory */
    acpi_put(a, 1, bits);
    acpi_put(a, 1, 0);
    acpi_put(a, 1, bits == 8 ? 1 : bits == 16 ? 2 : bits == 32 ? 3 : 0);
    acpi_put(a, 8, address);
}

/* ---- loader commands ---- */

static uint8_t *new_command(AcpiTables *t, uint32_t command)
{
    guint at = t->loader->len;
    g_byte_array_set_size(t->loader, at + COMMAND_SIZE);
    uint8_t *c = t->loader->data + at;
    memset(c, 0, COMMAND_SIZE);
    store_le32(c, command);
    return c;
}

static void put_file_name(uint8_t *to, const char *name)
{
    g_strlcpy((char *)to, name, FILE_NAME_SIZE);
}

static void load_file(AcpiTables *t, const char *file, uint32_t align, uint8_t zone)
{
    uint8_t *c = new_command(t, LOADER_ALLOCATE);
    put_file_name(c + 4, file);
    store_le32(c + 60, align);
    c[64] = zone;
}

static void add_pointer(AcpiTables *t, const char *in, const char *to, uint32_t field,
                        unsigned size)
{
    uint8_t *c = new_command(t, LOADER_ADD_POINTER);
    put_file_name(c + 4, in);
    put_file_name(c + 60, to);
    store_le32(c + 116, field);
    c[120] = size;
}

static void add_checksum(AcpiTables *t, const char *file, uint32_t field, uint32_t start,
                         uint32_t len)
{
    uint8_t *c = new_command(t, LOADER_ADD_CHECKSUM);
    put_file_name(c + 4, file);
    store_le32(c + 60, field);
    store_le32(c + 64, start);
    store_le32(c + 68, len);
}

/* ---- tables ---- */

AcpiTables *acpi_new(const char *oem_id, const char *oem_table_id)
{
    AcpiTables *t = g_new0(AcpiTables, 1);
    t->data = g_byte_array_new();
    t->rsdp = g_byte_array_new();
    t->loader = g_byte_array_new();
    t->roots = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    /* Fields of fixed width, filled up with spaces. */
    g_snprintf(t->oem_id, sizeof t->oem_id, "%-6s", oem_id);
    g_snprintf(t->oem_table_id, sizeof t->oem_table_id, "%-8s", oem_table_id);
    load_file(t, rsdp_file, 16, ZONE_FSEG);
    load_file(t, tables_file, 64, ZONE_HIGH);
    return t;
}

void acpi_free(AcpiTables *t)
{
    g_byte_array_unref(t->data);
    g_byte_array_unref(t->rsdp);
    g_byte_array_unref(t->loader);
    g_array_unref(t->roots);
    g_free(t);
}

uint32_t acpi_begin(AcpiTables *t, const char *signature, uint8_t revision, bool listed)
{
    uint32_t table = t->data->len;
    g_byte_array_append(t->data, (const uint8_t *)signature, 4);
    acpi_put(t->data, 4, 0);
    acpi_put(t->data, 1, revision);
    acpi_put(t->data, 1, 0);
    g_byte_array_append(t->data, (const uint8_t *)t->oem_id, 6);
    g_byte_array_append(t->data, (const uint8_t *)t->oem_table_id, 8);
    acpi_put(t->data, 4, 1);
    g_byte_array_append(t->data, (const uint8_t *)"SOSI", 4);
    acpi_put(t->data, 4, 1);
    if (listed)
        g_array_append_val(t->roots, table);
    return table;
}

void acpi_end(AcpiTables *t, uint32_t table)
{
    uint32_t len = t->data->len - table;
    store_le32(t->data->data + table + HEADER_LENGTH, len);
    add_checksum(t, tables_file, table + HEADER_CHECKSUM, table, len);
    while (t->data->len % 8)
        acpi_put(t->data, 1, 0);
}

void acpi_pointer(AcpiTables *t, uint32_t field, unsigned size, uint32_t target)
{
    if (size == 8)
        store_le64(t->data->data + field, target);
    else
        store_le32(t->data->data + field, target);
    add_pointer(t, tables_file, tables_file, field, size);
}

/* 5.2.5.3; the older checksum covers the first 20 bytes. */
static void put_rsdp(AcpiTables *t, uint32_t xsdt)
{
    enum { CHECKSUM = 8, SIZE_1 = 20, XSDT_ADDRESS = 24, EXTENDED_CHECKSUM = 32, SIZE_2 = 36 };
    g_byte_array_append(t->rsdp, (const uint8_t *)"RSD PTR ", 8);
    acpi_put(t->rsdp, 1, 0);
    g_byte_array_append(t->rsdp, (const uint8_t *)t->oem_id, 6);
    acpi_put(t->rsdp, 1, 2);
    acpi_put(t->rsdp, 4, 0);
    acpi_put(t->rsdp, 4, SIZE_2);
    acpi_put(t->rsdp, 8, xsdt);
    acpi_put(t->rsdp, 4, 0);
    add_pointer(t, rsdp_file, tables_file, XSDT_ADDRESS, 8);
    add_checksum(t, rsdp_file, CHECKSUM, 0, SIZE_1);
    add_checksum(t, rsdp_file, EXTENDED_CHECKSUM, 0, SIZE_2);
}

void acpi_finish(AcpiTables *t)
{
    uint32_t xsdt = acpi_begin(t, "XSDT", 1, false);
    acpi_put_zeros(t->data, 8 * t->roots->len);
    for (guint i = 0; i < t->roots->len; i++)
        acpi_pointer(t, xsdt + HEADER_SIZE + 8 * i, 8, g_array_index(t->roots, uint32_t, i));
    acpi_end(t, xsdt);
    put_rsdp(t, xsdt);
}
