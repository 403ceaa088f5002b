/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Linux guest's modules as gdb's shared libraries (gdb manual, "Library List Format for SVR4
 * Targets", and "Library List Format" for a gdb that knows of no Linux, as of bare-metal
 * toolchains). A .ko is not linked: its sections lie anywhere, and a link map has but one address.
 * So gdb gets files made of what the guest's memory says (module_elf.c), in which the sections are
 * where they are, under names that gdb then reads through vFile packets (file.c): /modules/NAME.ko.
 *
 * gdb knows a library by name and address. Where a module of the same name is another one now, or
 * has lost the sections it needed to start, its name gets a number: /modules/2/NAME.ko.
 *
 * That a library is new gdb is told by a stop when the guest gets to do_init_module: the module is
 * in place and has not run. gdb reads the list and goes on by itself.
 */
#include "monitor/gdb/gdb_int.h"

#include <inttypes.h>
#include <string.h>

typedef struct Library {
    char *path;
    uint64_t base, symtab;      /* with the build id: which module it is, and its state */
    GBytes *build_id;
} Library;

static GHashTable *libraries;   /* of Library, by module name: what gdb was told last */
static char *last_list;         /* in XML */
static unsigned generation = 1;

static void free_library(gpointer data)
{
    Library *l = data;
    g_free(l->path);
    g_bytes_unref(l->build_id);
    g_free(l);
}

void gdb_libraries_reset(void)
{
    g_clear_pointer(&libraries, g_hash_table_unref);
    g_clear_pointer(&last_list, g_free);
    gdb.wants_libraries = false;
    gdb.library_cpu = NULL;
    generation = 1;
}

static bool is_module(const Library *l, const LinuxModule *m)
{
    return l->base == m->base && l->symtab == m->symtab &&
           g_bytes_get_size(l->build_id) == m->build_id_len &&
           !memcmp(g_bytes_get_data(l->build_id, NULL) ? g_bytes_get_data(l->build_id, NULL) : "",
                   m->build_id, m->build_id_len);
}

static Library *new_library(const LinuxModule *m, const Library *before)
{
    Library *l = g_new0(Library, 1);
    if (before && is_module(before, m))
        l->path = g_strdup(before->path);
    else if (before)
        l->path = g_strdup_printf("/modules/%u/%s.ko", ++generation, m->name);
    else
        l->path = g_strdup_printf("/modules/%s.ko", m->name);
    l->base = m->base;
    l->symtab = m->symtab;
    l->build_id = g_bytes_new(m->build_id, m->build_id_len);
    return l;
}

static void put_svr4(GString *xml, const Library *l, const LinuxModule *m)
{
    g_string_append_printf(xml, "<library name=\"%s\" lm=\"0x%" PRIx64 "\" l_addr=\"0x%" PRIx64
                           "\" l_ld=\"0x0\" lmid=\"0x0\"/>\n", l->path, m->at, m->base);
}

/* gdb adds each number to the address that the section has in the file. */
static void put_plain(GString *xml, const Library *l, const LinuxModule *m)
{
    g_string_append_printf(xml, "<library name=\"%s\">", l->path);
    for (unsigned i = 0; i < m->sections->len + m->gone->len; i++)
        g_string_append_printf(xml, "<section address=\"0x%" PRIx64 "\"/>", m->base);
    g_string_append(xml, "</library>\n");
}

static void refresh(const LinuxGuest *g, GString *xml,
                    void (*put)(GString *, const Library *, const LinuxModule *))
{
    GHashTable *now = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_library);
    GPtrArray *all = g ? linux_modules(g) : NULL;
    for (unsigned i = 0; all && i < all->len; i++) {
        const LinuxModule *m = all->pdata[i];
        if (g_hash_table_contains(now, m->name))
            continue;
        const Library *before = libraries ? g_hash_table_lookup(libraries, m->name) : NULL;
        Library *l = new_library(m, before);
        g_hash_table_insert(now, g_strdup(m->name), l);
        put(xml, l, m);
    }
    if (all)
        g_ptr_array_unref(all);
    g_clear_pointer(&libraries, g_hash_table_unref);
    libraries = now;
}

/* What can't be seen just now stays as it was. */
static char *document(const char *tag, void (*put)(GString *, const Library *, const LinuxModule *))
{
    vaddr base;
    LinuxGuest *g = linux_kernel_base(&base) ? linux_guest(gdb.cpu, true, NULL) : NULL;
    gdb.wants_libraries = true;
    if (g || !last_list || !linux_guest_known()) {
        GString *xml = g_string_new(NULL);
        g_string_append_printf(xml, "<%s version=\"1.0\">\n", tag);
        refresh(g, xml, put);
        g_string_append_printf(xml, "</%s>\n", tag);
        g_free(last_list);
        last_list = g_string_free(xml, FALSE);
    }
    return g_strdup(last_list);
}

char *gdb_libraries_svr4_xml(void)
{
    return document("library-list-svr4", put_svr4);
}

char *gdb_libraries_xml(void)
{
    return document("library-list", put_plain);
}

/* ---- files ---- */

/* The module's name that path was made of; NULL: none. */
static const char *module_of(const char *path)
{
    GHashTableIter i;
    gpointer name, l;
    if (!libraries)
        return NULL;
    g_hash_table_iter_init(&i, libraries);
    while (g_hash_table_iter_next(&i, &name, &l))
        if (!strcmp(((const Library *)l)->path, path))
            return name;
    return NULL;
}

bool gdb_library_exists(const char *path)
{
    return module_of(path);
}

GBytes *gdb_library_file(const char *path)
{
    const char *name = module_of(path);
    LinuxGuest *g = name ? linux_guest(gdb.cpu, true, NULL) : NULL;
    GPtrArray *all = g ? linux_modules(g) : NULL;
    GBytes *file = NULL;
    for (unsigned i = 0; all && i < all->len && !file; i++) {
        const LinuxModule *m = all->pdata[i];
        if (!strcmp(m->name, name) && is_module(g_hash_table_lookup(libraries, name), m))
            file = gdb_module_elf(g, m);
    }
    if (all)
        g_ptr_array_unref(all);
    return file;
}

/* ---- events ---- */

vaddr gdb_library_event(void)
{
    vaddr base = 0;
    uint64_t at = 0;
    if (!gdb.wants_libraries)
        return 0;
    LinuxGuest *g = linux_guest(gdb.cpu, false, NULL);
    if (g && linux_do_init_module(g))
        return linux_do_init_module(g);
    linux_kernel_base(&base);
    return gdb_symbol("do_init_module", base, 0, &at) ? at : 0;
}
