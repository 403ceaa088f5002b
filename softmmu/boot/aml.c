/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AML encodings (ACPI 6.3, chapter 20) and resource descriptors (6.4): see softmmu/acpi.h. */
#include <string.h>

#include "softmmu/acpi.h"
#include "util/bits.h"

enum { NAME_OP = 0x08, BUFFER_OP = 0x11, PACKAGE_OP = 0x12, METHOD_OP = 0x14, SCOPE_OP = 0x10,
       EXT_PREFIX = 0x5b, REGION_OP = 0x80, FIELD_OP = 0x81, DEVICE_OP = 0x82, IF_OP = 0xa0,
       ELSE_OP = 0xa1, RETURN_OP = 0xa4 };

Aml *aml_new(void)
{
    return g_byte_array_new();
}

void aml_op(Aml *to, uint8_t op)
{
    g_byte_array_append(to, &op, 1);
}

/* 20.2.4: the length includes its own bytes. */
static void put_package_length(Aml *to, guint body)
{
    unsigned bytes = body + 1 < 0x40 ? 1 : body + 2 < 0x1000 ? 2 : body + 3 < 0x100000 ? 3 : 4;
    guint len = body + bytes;
    if (bytes == 1) {
        aml_op(to, len);
        return;
    }
    aml_op(to, (bytes - 1) << 6 | (len & 0xf));
    for (unsigned i = 0; i + 1 < bytes; i++)
        aml_op(to, len >> (4 + 8 * i));
}

/* Appends a whole term and gives up its body. */
static void put_body(Aml *to, Aml *body)
{
    put_package_length(to, body->len);
    g_byte_array_append(to, body->data, body->len);
    g_byte_array_unref(body);
}

static void put_bytes(Aml *to, Aml *bytes)
{
    g_byte_array_append(to, bytes->data, bytes->len);
    g_byte_array_unref(bytes);
}

void aml_int(Aml *to, uint64_t v)
{
    static const struct {
        uint64_t max;
        uint8_t prefix, size;
    } forms[] = { { UINT8_MAX, 0x0a, 1 }, { UINT16_MAX, 0x0b, 2 }, { UINT32_MAX, 0x0c, 4 },
                  { UINT64_MAX, 0x0e, 8 } };
    if (v <= 1) {
        aml_op(to, v);
        return;
    }
    unsigned i = 0;
    while (v > forms[i].max)
        i++;
    aml_op(to, forms[i].prefix);
    acpi_put(to, forms[i].size, v);
}

void aml_string(Aml *to, const char *text)
{
    aml_op(to, 0x0d);
    g_byte_array_append(to, (const uint8_t *)text, strlen(text) + 1);
}

/* 20.2.2: four characters a segment, filled up with underscores. */
void aml_path(Aml *to, const char *name)
{
    while (*name == '\\' || *name == '^')
        aml_op(to, *name++);
    g_auto(GStrv) parts = g_strsplit(name, ".", -1);
    guint n = g_strv_length(parts);
    if (n == 0)
        aml_op(to, 0);
    if (n == 2)
        aml_op(to, 0x2e);
    if (n > 2) {
        aml_op(to, 0x2f);
        aml_op(to, n);
    }
    for (guint i = 0; i < n; i++) {
        char segment[5];
        g_snprintf(segment, sizeof segment, "%.4s%.*s", parts[i],
                   (int)(4 - MIN(strlen(parts[i]), 4u)), "____");
        g_byte_array_append(to, (const uint8_t *)segment, 4);
    }
}

void aml_name(Aml *to, const char *name)
{
    aml_op(to, NAME_OP);
    aml_path(to, name);
}

void aml_name_int(Aml *to, const char *name, uint64_t v)
{
    aml_name(to, name);
    aml_int(to, v);
}

void aml_name_string(Aml *to, const char *name, const char *text)
{
    aml_name(to, name);
    aml_string(to, text);
}

static void put_named(Aml *to, const char *name, Aml *body)
{
    Aml *all = aml_new();
    aml_path(all, name);
    put_bytes(all, body);
    put_body(to, all);
}

void aml_scope(Aml *to, const char *name, Aml *body)
{
    aml_op(to, SCOPE_OP);
    put_named(to, name, body);
}

void aml_device(Aml *to, const char *name, Aml *body)
{
    aml_op(to, EXT_PREFIX);
    aml_op(to, DEVICE_OP);
    put_named(to, name, body);
}

void aml_method(Aml *to, const char *name, unsigned args, bool serialized, Aml *body)
{
    Aml *all = aml_new();
    aml_op(all, args | (serialized ? 8 : 0));
    put_bytes(all, body);
    aml_op(to, METHOD_OP);
    put_named(to, name, all);
}

void aml_package(Aml *to, unsigned n, Aml *elements)
{
    Aml *all = aml_new();
    g_assert(n < 256);
    aml_op(all, n);
    put_bytes(all, elements);
    aml_op(to, PACKAGE_OP);
    put_body(to, all);
}

void aml_buffer(Aml *to, const void *data, unsigned len)
{
    Aml *all = aml_new();
    aml_int(all, len);
    g_byte_array_append(all, data, len);
    aml_op(to, BUFFER_OP);
    put_body(to, all);
}

void aml_resources(Aml *to, const char *name, Aml *descriptors)
{
    aml_op(descriptors, 0x79); /* end tag; a checksum of 0 is not checked (6.4.2.9) */
    aml_op(descriptors, 0);
    aml_name(to, name);
    aml_buffer(to, descriptors->data, descriptors->len);
    g_byte_array_unref(descriptors);
}

void aml_memory_field(Aml *to, const char *region, uint64_t base, uint32_t bytes,
                      const char *field, unsigned field_bits)
{
    enum { SYSTEM_MEMORY = 0, DWORD_ACCESS_WRITE_ZEROS = 3 | 2 << 5 };
    aml_op(to, EXT_PREFIX);
    aml_op(to, REGION_OP);
    aml_path(to, region);
    aml_op(to, SYSTEM_MEMORY);
    aml_int(to, base);
    aml_int(to, bytes);
    Aml *body = aml_new();
    aml_op(body, DWORD_ACCESS_WRITE_ZEROS);
    aml_path(body, field);
    put_package_length(body, field_bits - (field_bits < 0x3f ? 1 : 2)); /* here just a number */
    aml_op(to, EXT_PREFIX);
    aml_op(to, FIELD_OP);
    put_named(to, region, body);
}

void aml_return(Aml *to)
{
    aml_op(to, RETURN_OP);
}

void aml_if(Aml *to, Aml *predicate, Aml *body)
{
    put_bytes(predicate, body);
    aml_op(to, IF_OP);
    put_body(to, predicate);
}

void aml_else(Aml *to, Aml *body)
{
    aml_op(to, ELSE_OP);
    put_body(to, body);
}

void aml_uuid(Aml *to, const char *text)
{
    /* Where byte i is written in the text: the first three groups are little-endian. */
    static const uint8_t at[16] = { 6, 4, 2, 0, 11, 9, 16, 14, 19, 21, 24, 26, 28, 30, 32, 34 };
    uint8_t bytes[16];
    for (unsigned i = 0; i < 16; i++)
        bytes[i] = g_ascii_xdigit_value(text[at[i]]) << 4 | g_ascii_xdigit_value(text[at[i] + 1]);
    aml_buffer(to, bytes, sizeof bytes);
}

/* ---- resource descriptors ---- */

static void put_large(Aml *to, uint8_t type, uint16_t len)
{
    aml_op(to, 0x80 | type);
    acpi_put(to, 2, len);
}

void aml_memory32_fixed(Aml *to, uint32_t base, uint32_t len)
{
    put_large(to, 0x06, 9);
    acpi_put(to, 1, 1); /* read and write */
    acpi_put(to, 4, base);
    acpi_put(to, 4, len);
}

void aml_interrupt(Aml *to, bool edge, uint32_t gsi)
{
    put_large(to, 0x09, 6);
    acpi_put(to, 1, 1 | edge << 1); /* consumer */
    acpi_put(to, 1, 1);
    acpi_put(to, 4, gsi);
}

/* 6.4.3.5: address space descriptors of 2, 4 or 8 bytes a number. */
static void put_address_space(Aml *to, unsigned size, unsigned kind, unsigned flags,
                              unsigned kind_flags, uint64_t first, uint64_t len,
                              uint64_t translation)
{
    static const uint8_t types[] = { [2] = 0x08, [4] = 0x07, [8] = 0x0a };
    put_large(to, types[size], 3 + 5 * size);
    acpi_put(to, 1, kind);
    acpi_put(to, 1, flags);
    acpi_put(to, 1, kind_flags);
    acpi_put(to, size, 0); /* granularity */
    acpi_put(to, size, first);
    acpi_put(to, size, first + len - 1);
    acpi_put(to, size, translation);
    acpi_put(to, size, len);
}

enum { KIND_MEMORY, KIND_IO, KIND_BUS };
enum { FIXED = 1 << 2 | 1 << 3, CONSUMER = 1 };   /* minimum and maximum are fixed */
enum { MEMORY_READ_WRITE = 1, IO_ENTIRE_RANGE = 3 };

void aml_bus_numbers(Aml *to, uint16_t first, uint16_t last)
{
    put_address_space(to, 2, KIND_BUS, FIXED, 0, first, last - first + 1u, 0);
}

void aml_window_memory32(Aml *to, uint32_t base, uint32_t len)
{
    put_address_space(to, 4, KIND_MEMORY, FIXED, MEMORY_READ_WRITE, base, len, 0);
}

void aml_window_memory64(Aml *to, uint64_t base, uint64_t len)
{
    put_address_space(to, 8, KIND_MEMORY, FIXED, MEMORY_READ_WRITE, base, len, 0);
}

void aml_window_io(Aml *to, uint32_t len, uint32_t translation)
{
    put_address_space(to, 4, KIND_IO, FIXED, IO_ENTIRE_RANGE, 0, len, translation);
}

void aml_memory64(Aml *to, uint64_t base, uint64_t len)
{
    put_address_space(to, 8, KIND_MEMORY, FIXED | CONSUMER, MEMORY_READ_WRITE, base, len, 0);
}
