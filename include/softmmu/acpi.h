/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Building ACPI tables (ACPI 6.3) and the script by which firmware puts them into memory
 * ("etc/table-loader" of fw_cfg).
 *
 * AML terms are byte arrays. Functions that take a body take its reference and append the whole
 * term to `to`; the others append to it. Names: "_HID", "^PCI0", "\\_SB.PCI0".
 */
#ifndef SOFTMMU_ACPI_H
#define SOFTMMU_ACPI_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- tables ---- */

typedef struct AcpiTables {
    GByteArray *data;   /* "etc/acpi/tables": all tables but the RSDP */
    GByteArray *rsdp;   /* "etc/acpi/rsdp" */
    GByteArray *loader; /* "etc/table-loader" */
    char oem_id[7], oem_table_id[9];
    GArray *roots;      /* offsets of the tables that the XSDT lists */
} AcpiTables;

AcpiTables *acpi_new(const char *oem_id, const char *oem_table_id);
void acpi_free(AcpiTables *t);
/* Starts a table; its offset. Append its body to t->data, then end it. `listed`: in the XSDT. */
uint32_t acpi_begin(AcpiTables *t, const char *signature, uint8_t revision, bool listed);
void acpi_end(AcpiTables *t, uint32_t table);
/* The field of 4 or 8 bytes at `field` holds the address of the table at offset `target`. */
void acpi_pointer(AcpiTables *t, uint32_t field, unsigned size, uint32_t target);
/* XSDT and RSDP; after all tables. */
void acpi_finish(AcpiTables *t);

/* Little-endian numbers and bytes for bodies. */
void acpi_put(GByteArray *a, unsigned size, uint64_t v);
void acpi_put_zeros(GByteArray *a, unsigned n);
/* Generic address structure (5.2.3.2) of a register in memory. */
void acpi_put_gas(GByteArray *a, unsigned bits, uint64_t address);

/* ---- AML ---- */

typedef GByteArray Aml;
Aml *aml_new(void);

void aml_int(Aml *to, uint64_t v);
void aml_string(Aml *to, const char *text);
void aml_path(Aml *to, const char *name);
/* Name(name, <what is appended next>) */
void aml_name(Aml *to, const char *name);
void aml_name_int(Aml *to, const char *name, uint64_t v);
void aml_name_string(Aml *to, const char *name, const char *text);
void aml_scope(Aml *to, const char *name, Aml *body);
void aml_device(Aml *to, const char *name, Aml *body);
void aml_method(Aml *to, const char *name, unsigned args, bool serialized, Aml *body);
void aml_package(Aml *to, unsigned n, Aml *elements);
void aml_buffer(Aml *to, const void *data, unsigned len);
/* Name(name, Buffer) of resource descriptors made by the functions below. */
void aml_resources(Aml *to, const char *name, Aml *descriptors);
/* Operation region in system memory with one field over all of it. */
void aml_memory_field(Aml *to, const char *region, uint64_t base, uint32_t bytes,
                      const char *field, unsigned field_bits);

/* Statements and expressions. */
enum { AML_LOCAL0 = 0x60, AML_ARG0 = 0x68, AML_ARG1, AML_ARG2, AML_ARG3 };
void aml_op(Aml *to, uint8_t op); /* AML_LOCAL0, AML_ARG0, ... */
void aml_return(Aml *to);         /* of what is appended next */
void aml_if(Aml *to, Aml *predicate, Aml *body);
void aml_else(Aml *to, Aml *body);
enum { AML_STORE = 0x70, AML_AND = 0x7b, AML_OR = 0x7d, AML_CREATE_DWORD_FIELD = 0x8a,
       AML_EQUAL = 0x93, AML_NOT = 0x92, AML_NOTIFY = 0x86 };
void aml_uuid(Aml *to, const char *text); /* a buffer, as ToUUID makes it (19.6.142) */

/* Resource descriptors (6.4). */
void aml_memory32_fixed(Aml *to, uint32_t base, uint32_t len);
void aml_interrupt(Aml *to, bool edge, uint32_t gsi); /* active high, exclusive, consumed */
void aml_bus_numbers(Aml *to, uint16_t first, uint16_t last);
/* Windows of a bridge: [base, base + len) appears at base + translation. */
void aml_window_memory32(Aml *to, uint32_t base, uint32_t len);
void aml_window_memory64(Aml *to, uint64_t base, uint64_t len);
void aml_window_io(Aml *to, uint32_t len, uint32_t translation);
/* Memory that a device takes, of any width. */
void aml_memory64(Aml *to, uint64_t base, uint64_t len);

#endif
