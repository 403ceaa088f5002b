/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -object: backends that devices and boards refer to by id. */
#ifndef BACKEND_OBJECT_H
#define BACKEND_OBJECT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* QEMU's text ("rng-random,id=r0,filename=/dev/urandom") or JSON ('{"qom-type": ...}'). */
bool object_add(const char *opts, GError **error);
/* From option texts (object-add); "qom-type" is the type. Keys that were taken are gone. */
bool object_add_from_opts(GHashTable *opts, GError **error);
/* Refuses while something uses it. */
bool object_del(const char *id, GError **error);
char *object_help(void); /* -object help; caller frees */
char *object_type_help(const char *name, GError **error); /* -object TYPE,help; caller frees */
const char *object_type(const char *id); /* NULL: no such object */

/* The object behind an id, counted as used until object_unuse. NULL with a reason. */
void *object_use(const char *id, const char *type_prefix, GError **error);
void object_unuse(const char *id);

/* -machine memory-backend=ID. */
typedef struct ObjectMemory {
    uint64_t size;
    int fd;      /* of a file to map, which stays the object's; -1: none */
    bool shared; /* stores go to that file */
} ObjectMemory;
bool object_memory(const char *id, ObjectMemory *memory, GError **error);
/* Types by number, with the names of their properties; NULL past the end. */
const char *object_type_at(unsigned i, const char *const **keys);

#endif
