/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's option texts: "virtio-blk-pci,drive=hd0,romfile=,id=x,readonly".
 *
 * Parts are separated by commas; ",," stands for a comma within a value. A first part without "="
 * is the value of the implied key. Later, "word" means word=on and "noword" word=off (the short
 * booleans that scripts still use). A key given twice keeps its last value.
 */
#ifndef UTIL_OPTS_H
#define UTIL_OPTS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* char * -> char *, both owned. NULL with a reason on an empty key. implied_key may be NULL. */
GHashTable *opts_parse(const char *text, const char *implied_key, GError **error);
/* The value, or def. */
const char *opts_get(GHashTable *opts, const char *key, const char *def);
/* Takes a key out, so that opts_check_empty can name what nobody wanted. Caller frees. */
char *opts_take(GHashTable *opts, const char *key);
/* "on/off/yes/no/true/false/y/n"; *value keeps its value if the key is missing. Takes the key. */
bool opts_take_bool(GHashTable *opts, const char *key, bool *value, GError **error);
/* Decimal, hex or octal number. */
bool opts_take_number(GHashTable *opts, const char *key, uint64_t *value, GError **error);
/* "512", "4G", "0x1000", "1.5G": bytes; a plain number is in units of `unit`. */
bool opts_take_size(GHashTable *opts, const char *key, uint64_t unit, uint64_t *value,
                    GError **error);
/* False, naming the first key that is left, and the nearest of `known` (NULL-terminated, may be
 * NULL). `where` is the option, e.g. "-drive". */
bool opts_check_empty(GHashTable *opts, const char *where, const char *const *known,
                      GError **error);

bool parse_size(const char *text, uint64_t unit, uint64_t *value, GError **error);
bool parse_bool(const char *text, bool *value); /* false: is neither */
bool parse_number(const char *text, uint64_t *value);

#endif
