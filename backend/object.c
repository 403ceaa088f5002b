/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -object: see include/backend/object.h.
 *
 * Memory backends say how much memory and of which kind: none but memory-backend-file, whose RAM is
 * mapped from the user's file, asks for more than what RAM is anyway.
 */
#include "backend/object.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/net.h"
#include "backend/rng.h"
#include "util/error.h"
#include "util/json.h"
#include "util/opts.h"

typedef struct ObjectType ObjectType;

typedef struct Object {
    char *id;
    const ObjectType *type;
    unsigned users;
    ObjectMemory memory; /* memory backends */
    void *data;      /* what object_use gives */
} Object;

struct ObjectType {
    const char *name, *doc;
    const char *const *keys; /* NULL-terminated */
    bool (*create)(Object *o, GHashTable *opts, GError **error);
    void (*destroy)(Object *o);
};

static GPtrArray *objects;

/* ---- types ---- */

static bool rng_random_create(Object *o, GHashTable *opts, GError **error)
{
    g_autofree char *filename = opts_take(opts, "filename");
    o->data = rng_new_file(filename ? filename : "/dev/urandom", error);
    return o->data;
}

static bool rng_builtin_create(Object *o, GHashTable *opts, GError **error)
{
    o->data = rng_new_builtin();
    return true;
}

static void rng_destroy(Object *o)
{
    rng_free(o->data);
}

static bool take_flag(GHashTable *opts, const char *key, GError **error)
{
    bool ignored;
    return opts_take_bool(opts, key, &ignored, error);
}

static bool memory_create(Object *o, GHashTable *opts, GError **error)
{
    /* Hints about host memory, and its sharing, change nothing that a guest could see. */
    static const char *const flags[] = { "prealloc", "merge", "dump", "seal", "reserve" };
    static const char *const texts[] = { "host-nodes", "policy", "x-use-canonical-path-for-ramblock-id",
                                         "prealloc-threads", "prealloc-context", "hugetlbsize" };
    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++)
        if (!take_flag(opts, flags[i], error))
            return false;
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(opts_take(opts, texts[i]));
    bool huge = false;
    o->memory.fd = -1;
    if (!opts_take_bool(opts, "hugetlb", &huge, error) ||
        !opts_take_bool(opts, "share", &o->memory.shared, error) ||
        !opts_take_size(opts, "size", 1, &o->memory.size, error))
        return false;
    if (huge)
        return error_set(error, "hugetlb=on is not supported; transparent huge pages are used");
    if (!o->memory.size)
        return error_set(error, "size= is missing");
    return true;
}

/* In a folder: a file without a name. */
static int open_memory_file(const char *path, bool *is_new)
{
    struct stat st;
    *is_new = false;
    if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
        g_autofree char *name = g_build_filename(path, "sosia-ram-XXXXXX", NULL);
        int fd = g_mkstemp_full(name, O_RDWR | O_CLOEXEC, 0600);
        if (fd >= 0)
            unlink(name);
        *is_new = true;
        return fd;
    }
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static bool memory_file_create(Object *o, GHashTable *opts, GError **error)
{
    g_autofree char *path = opts_take(opts, "mem-path");
    static const char *const flags[] = { "discard-data", "pmem", "readonly" };
    bool flag[G_N_ELEMENTS(flags)] = { false }, is_new;
    struct stat st;
    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++)
        if (!opts_take_bool(opts, flags[i], &flag[i], error))
            return false;
    g_free(opts_take(opts, "align"));
    if (!memory_create(o, opts, error))
        return false;
    if (!path)
        return error_set(error, "mem-path= is missing");
    if (flag[1] || flag[2])
        return error_set(error, "pmem=on and readonly=on are not supported: guest RAM is neither");
    int fd = open_memory_file(path, &is_new);
    if (fd < 0)
        return error_set_errno(error, errno, "can't open '%s'", path);
    /* A file that is long enough may hold something; RAM behind the end of one would be SIGBUS. */
    bool ok = !fstat(fd, &st);
    if (ok && !S_ISREG(st.st_mode)) {
        close(fd);
        return error_set(error, "'%s' is neither a file nor a folder", path);
    }
    if (!ok || ((uint64_t)st.st_size < o->memory.size && ftruncate(fd, (off_t)o->memory.size))) {
        error_set_errno(error, errno, "can't give '%s' the size of the memory", path);
        close(fd);
        return false;
    }
    o->memory.fd = fd;
    return true;
}

static void memory_file_destroy(Object *o)
{
    if (o->memory.fd >= 0)
        close(o->memory.fd);
}

/* Scripts make one to move a disk off the main loop, where disks never are in Sosia. */
static bool iothread_create(Object *o, GHashTable *opts, GError **error)
{
    static const char *const numbers[] = { "poll-max-ns", "poll-grow", "poll-shrink",
                                           "aio-max-batch", "thread-pool-min",
                                           "thread-pool-max" };
    uint64_t ignored;
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        if (!opts_take_number(opts, numbers[i], &ignored, error))
            return false;
    return true;
}

/* For what is encrypted, which nothing here is; managers of machines make one for each. */
static bool secret_create(Object *o, GHashTable *opts, GError **error)
{
    static const char *const texts[] = { "format", "keyid", "iv" };
    g_autofree char *data = opts_take(opts, "data"), *file = opts_take(opts, "file");
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(opts_take(opts, texts[i]));
    if (!data == !file)
        return error_set(error, "either data= or file= is needed");
    return !file || !access(file, R_OK) || error_set_errno(error, errno, "can't read '%s'", file);
}

static bool filter_dump_create(Object *o, GHashTable *opts, GError **error)
{
    g_autofree char *netdev = opts_take(opts, "netdev"), *file = opts_take(opts, "file");
    g_autofree char *queue = opts_take(opts, "queue"), *status = opts_take(opts, "status");
    uint64_t maxlen = NET_MAX_FRAME;
    if (!opts_take_number(opts, "maxlen", &maxlen, error))
        return false;
    if (!netdev || !file)
        return error_set(error, "netdev= and file= are needed");
    if ((queue && strcmp(queue, "all")) || (status && strcmp(status, "on")))
        return error_set(error, "only queue=all and status=on are supported");
    o->data = net_dump_new(netdev, file, maxlen, error);
    return o->data;
}

static void filter_dump_destroy(Object *o)
{
    net_dump_free(o->data);
}

static const char *const filter_dump_keys[] = { "netdev", "file", "maxlen", "queue", "status",
                                                NULL };
static const char *const rng_random_keys[] = { "filename", NULL };
static const char *const secret_keys[] = { "data", "file", "format", "keyid", "iv", NULL };
static const char *const no_keys[] = { NULL };
static const char *const iothread_keys[] = { "poll-max-ns", "poll-grow", "poll-shrink",
                                             "aio-max-batch", "thread-pool-min", "thread-pool-max",
                                             NULL };
#define MEMORY_KEYS "size", "share", "prealloc", "merge", "dump", "reserve", "host-nodes", "policy", \
    "prealloc-threads", "prealloc-context", "x-use-canonical-path-for-ramblock-id"
static const char *const memory_keys[] = { MEMORY_KEYS, NULL };
static const char *const memfd_keys[] = { MEMORY_KEYS, "seal", "hugetlb", "hugetlbsize", NULL };
static const char *const file_keys[] = { MEMORY_KEYS, "mem-path", "align", "discard-data", "pmem",
                                         "readonly", NULL };

static const ObjectType types[] = {
    { "filter-dump", "frames of a network into a pcap file: netdev=,file=,maxlen=",
      filter_dump_keys, filter_dump_create, filter_dump_destroy },
    { "iothread", "accepted; disks have threads of their own", iothread_keys, iothread_create, NULL },
    { "memory-backend-file", "guest RAM in a file: size=,mem-path=,share=on|off", file_keys,
      memory_file_create, memory_file_destroy },
    { "memory-backend-memfd", "guest RAM: size=", memfd_keys, memory_create, NULL },
    { "memory-backend-ram", "guest RAM: size=", memory_keys, memory_create, NULL },
    { "rng-builtin", "random bytes of the program, repeatable under -seed", no_keys,
      rng_builtin_create, rng_destroy },
    { "secret", "accepted; nothing is encrypted: data= or file=", secret_keys, secret_create, NULL },
    { "rng-random", "random bytes from a file: filename= (default /dev/urandom)",
      rng_random_keys, rng_random_create, rng_destroy },
};

/* ---- objects ---- */

static Object *find(const char *id)
{
    for (guint i = 0; objects && i < objects->len; i++) {
        Object *o = g_ptr_array_index(objects, i);
        if (!strcmp(o->id, id))
            return o;
    }
    return NULL;
}

static const ObjectType *find_type(const char *name, GError **error)
{
    const char *names[G_N_ELEMENTS(types) + 1] = { NULL };
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (!strcmp(types[i].name, name))
            return &types[i];
        names[i] = types[i].name;
    }
    const char *near = error_nearest(name, names);
    if (near)
        error_set(error, "there is no object type '%s'; did you mean '%s'?", name, near);
    else
        error_set(error, "there is no object type '%s'; '-object help' lists them", name);
    return NULL;
}

bool object_add_from_opts(GHashTable *opts, GError **error)
{
    g_autofree char *type = opts_take(opts, "qom-type");
    g_autofree char *id = opts_take(opts, "id");
    const ObjectType *t = type ? find_type(type, error) : NULL;
    if (!type)
        return error_set(error, "the type is missing, as in rng-random,id=r0");
    if (!t)
        return false;
    if (!id)
        return error_set(error, "%s: id= is missing; others refer to the object by it", type);
    if (find(id))
        return error_set(error, "there is already an object '%s'", id);
    Object *o = g_new0(Object, 1);
    o->type = t;
    if (!t->create(o, opts, error)) {
        g_prefix_error(error, "%s: ", type);
        g_free(o);
        return false;
    }
    if (!opts_check_empty(opts, type, t->keys, error)) {
        if (t->destroy)
            t->destroy(o);
        g_free(o);
        return false;
    }
    o->id = g_steal_pointer(&id);
    if (!objects)
        objects = g_ptr_array_new();
    g_ptr_array_add(objects, o);
    return true;
}

bool object_add(const char *text, GError **error)
{
    GHashTable *opts = NULL;
    if (*text == '{') {
        g_autoptr(Json) v = json_parse(text, strlen(text), error);
        opts = v ? json_to_opts(v, error) : NULL;
    } else {
        opts = opts_parse(text, "qom-type", error);
    }
    bool ok = opts && object_add_from_opts(opts, error);
    if (opts)
        g_hash_table_unref(opts);
    return ok;
}

bool object_del(const char *id, GError **error)
{
    Object *o = find(id);
    if (!o)
        return error_set(error, "object '%s' not found", id);
    if (o->users)
        return error_set(error, "object '%s' is in use; remove the device that uses it first",
                         id);
    if (o->type->destroy)
        o->type->destroy(o);
    g_ptr_array_remove(objects, o);
    g_free(o->id);
    g_free(o);
    return true;
}

char *object_help(void)
{
    GString *s = g_string_new("List of user creatable objects:\n");
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        g_string_append_printf(s, "  %-22s %s\n", types[i].name, types[i].doc);
    return g_string_free(s, FALSE);
}

char *object_type_help(const char *name, GError **error)
{
    const ObjectType *t = find_type(name, error);
    if (!t)
        return NULL;
    GString *s = g_string_new(NULL);
    g_string_append_printf(s, "%s options:\n", t->name);
    for (int i = 0; t->keys[i]; i++)
        g_string_append_printf(s, "  %s=\n", t->keys[i]);
    return g_string_free(s, FALSE);
}

const char *object_type(const char *id)
{
    const Object *o = find(id);
    return o ? o->type->name : NULL;
}

void *object_use(const char *id, const char *type_prefix, GError **error)
{
    Object *o = find(id);
    if (!o) {
        error_set(error, "there is no object '%s'; define it with -object %s...,id=%s", id,
                  type_prefix, id);
        return NULL;
    }
    if (!g_str_has_prefix(o->type->name, type_prefix)) {
        error_set(error, "object '%s' is of type %s, not %s...", id, o->type->name, type_prefix);
        return NULL;
    }
    o->users++;
    return o->data ? o->data : o;
}

void object_unuse(const char *id)
{
    Object *o = find(id);
    if (o && o->users)
        o->users--;
}

bool object_memory(const char *id, ObjectMemory *memory, GError **error)
{
    Object *o = object_use(id, "memory-backend-", error);
    if (!o)
        return false;
    *memory = o->memory;
    return true;
}

const char *object_type_at(unsigned i, const char *const **keys)
{
    if (i >= G_N_ELEMENTS(types))
        return NULL;
    *keys = types[i].keys;
    return types[i].name;
}
