/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stream of a migration, without a machine: what was written comes back, and a stream that was
 * cut anywhere, or had a bit changed, or is of somebody who wishes ill, is refused.
 */
#include <glib.h>
#include <string.h>

#include "softmmu/migrate/migrate_int.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/inflate.h"

enum { PAGES = 1000 };

typedef struct Pipe {
    GByteArray *bytes;
    size_t at;
} Pipe;

static bool put(void *opaque, const void *buf, size_t len, GError **error)
{
    g_byte_array_append(((Pipe *)opaque)->bytes, buf, len);
    return true;
}

static bool get(void *opaque, void *buf, size_t len, GError **error)
{
    Pipe *p = opaque;
    if (len > p->bytes->len - p->at)
        return error_set(error, "end");
    memcpy(buf, p->bytes->data + p->at, len);
    p->at += len;
    return true;
}

static bool no_pace(void *opaque, MigWriter *w, unsigned *chunk, GError **error)
{
    return true;
}

static MemoryRegion region;
static uint8_t *ram;

static void fill(void)
{
    for (unsigned i = 0; i < PAGES; i++)
        for (unsigned k = 0; k < RAM_PAGE_SIZE; k++)
            ram[i * RAM_PAGE_SIZE + k] = i % 7 < 3 ? 0 : (uint8_t)(i % 2 ? g_test_rand_int() : (int)i);
}

/* A stream as a machine without devices would have it; its records begin at `starts`. */
static GByteArray *make(int packed, GArray *starts)
{
    Pipe p = { g_byte_array_new(), 0 };
    MigWriter w = { .write = put, .opaque = &p };
    MigCounts counts = { 0 };
    MigRam *r = mig_ram_new(false);
    g_autoptr(Json) manifest = json_object();
    json_set(manifest, "ram", mig_ram_describe(r));
    g_assert_true(mig_write_head(&w, 0, NULL));
    g_assert_true(mig_write_json(&w, MIG_MANIFEST, manifest, NULL));
    mig_ram_track(r);
    g_assert_cmpint(mig_ram_collect(r), ==, PAGES);
    counts.remaining = PAGES;
    g_assert_true(mig_ram_send(r, &w, packed, &counts, no_pace, NULL, NULL));
    g_assert_cmpint(counts.remaining, ==, 0);
    g_assert_cmpint(counts.zero + counts.normal, ==, PAGES);
    /* What is written now is the next round. */
    address_space_write(address_space_memory, 5 * RAM_PAGE_SIZE + 100, "hello", 5);
    g_assert_cmpint(mig_ram_collect(r), ==, 1);
    g_assert_true(mig_ram_send(r, &w, packed, &counts, no_pace, NULL, NULL));
    g_assert_cmpint(mig_ram_collect(r), ==, 0);
    g_assert_true(mig_write(&w, MIG_STATE, "state", 5, NULL, 0, NULL));
    g_assert_true(mig_write(&w, MIG_END, "{}", 2, NULL, 0, NULL));
    mig_ram_free(r);
    for (size_t at = 16; starts && at < p.bytes->len;
         at += 16 + load_le32(p.bytes->data + at + 8))
        g_array_append_val(starts, at);
    return p.bytes;
}

/* As the thread of -incoming reads it. */
static bool take(GByteArray *bytes, GError **error)
{
    Pipe p = { bytes, 0 };
    MigReader r = { .read = get, .opaque = &p };
    MigRecord rec;
    MigRam *to = NULL;
    bool ok = mig_read_head(&r, error) && mig_read(&r, &rec, error), state = false;
    if (ok) {
        g_autoptr(Json) manifest = json_parse((const char *)rec.data, rec.len, error);
        to = manifest ? mig_ram_match(json_get(manifest, "ram"), error) : NULL;
        ok = to;
    }
    while (ok) {
        ok = mig_read(&r, &rec, error);
        if (ok && rec.type == MIG_END) {
            ok = mig_ram_complete(to, error) && (state || error_set(error, "no state"));
            break;
        }
        if (ok && rec.type == MIG_STATE)
            state = rec.len == 5 && !memcmp(rec.data, "state", 5);
        else if (ok)
            ok = mig_ram_receive(to, &rec, error);
    }
    mig_ram_free(to);
    mig_reader_clear(&r);
    return ok;
}

static void test_round_trip(void)
{
    for (int packed = -1; packed < 2; packed += 2) {
        fill();
        GByteArray *bytes = make(packed, NULL);
        g_autofree uint8_t *was = g_memdup2(ram, PAGES * RAM_PAGE_SIZE);
        g_assert_cmpmem(was + 5 * RAM_PAGE_SIZE + 100, 5, "hello", 5);
        for (unsigned i = 0; i < PAGES * RAM_PAGE_SIZE; i += 64)
            ram[i] = g_test_rand_int();
        GError *error = NULL;
        take(bytes, &error);
        g_assert_no_error(error);
        g_assert_cmpmem(ram, PAGES * RAM_PAGE_SIZE, was, PAGES * RAM_PAGE_SIZE);
        /* Zeros cost nothing, and packing is worth it. */
        g_assert_cmpint(bytes->len, <, PAGES * RAM_PAGE_SIZE * (packed < 0 ? 6 : 4) / 10);
        g_byte_array_unref(bytes);
    }
}

static void refused(GByteArray *bytes)
{
    GError *error = NULL;
    g_assert_false(take(bytes, &error));
    g_assert_nonnull(error);
    g_assert_null(strchr(error->message, '\n'));
    g_error_free(error);
}

static void test_cut(void)
{
    g_autoptr(GArray) starts = g_array_new(false, false, sizeof(size_t));
    fill();
    GByteArray *bytes = make(1, starts);
    guint whole = bytes->len;
    for (guint i = 0; i < starts->len; i++) {
        for (size_t more = 0; more <= 20; more += 10) {
            bytes->len = MIN(g_array_index(starts, size_t, i) + more, whole - 1);
            refused(bytes);
        }
    }
    for (bytes->len = 0; bytes->len < 16; bytes->len++)
        refused(bytes);
    bytes->len = whole;
    g_assert_true(take(bytes, NULL));
    g_byte_array_unref(bytes);
}

static void test_bits(void)
{
    fill();
    GByteArray *bytes = make(1, NULL);
    /* All of the first: the stream's head, a record's, and what that begins with. */
    for (unsigned i = 0; i < 500; i++) {
        guint at = i < 320 ? i / 8 : (guint)g_test_rand_int_range(0, bytes->len);
        uint8_t bit = 1 << i % 8;
        bytes->data[at] ^= bit;
        refused(bytes);
        bytes->data[at] ^= bit;
    }
    g_byte_array_unref(bytes);
}

/* Records that are missing, doubled or exchanged, each whole by itself. */
static void test_order(void)
{
    g_autoptr(GArray) starts = g_array_new(false, false, sizeof(size_t));
    fill();
    GByteArray *bytes = make(-1, starts);
    for (guint i = 0; i + 1 < starts->len; i++) {
        size_t a = g_array_index(starts, size_t, i), b = g_array_index(starts, size_t, i + 1);
        GByteArray *other = g_byte_array_new();
        g_byte_array_append(other, bytes->data, a);
        g_byte_array_append(other, bytes->data + b, bytes->len - b);
        refused(other);
        g_byte_array_set_size(other, b);
        memcpy(other->data, bytes->data, b);
        g_byte_array_append(other, bytes->data + a, bytes->len - a);
        refused(other);
        g_byte_array_unref(other);
    }
    g_byte_array_unref(bytes);
}

/* Records with good checksums that name what there is not. */
static void test_hostile(void)
{
    static const MigPages heads[] = {
        { 1, 0, 1 }, { UINT32_MAX, 0, 1 }, { 0, PAGES, 1 }, { 0, PAGES - 1, 2 }, { 0, 0, 0 },
        { 0, 0, UINT32_MAX }, { 0, UINT32_MAX, UINT32_MAX }, { 0, 1, MIG_CHUNK_PAGES + 1 },
    };
    static uint8_t data[2 * RAM_PAGE_SIZE];
    MigRam *r = mig_ram_new(false);
    for (MigType t = MIG_PAGES; t <= MIG_PACKED; t++) {
        for (size_t i = 0; i < G_N_ELEMENTS(heads); i++) {
            uint8_t buf[sizeof(MigPages) + sizeof data] = { 0 };
            memcpy(buf, &heads[i], sizeof heads[i]);
            for (size_t len = 0; len <= sizeof buf; len += len < 16 ? 1 : RAM_PAGE_SIZE / 2) {
                MigRecord rec = { t, buf, len };
                if (t == MIG_ZEROS && i == 7)
                    continue; /* any number of these */
                g_assert_false(mig_ram_receive(r, &rec, NULL));
            }
        }
    }
    /* One page, packed: too much, too little, nothing. */
    uint8_t packed[sizeof(MigPages) + 4096];
    MigPages one = { 0, 3, 1 };
    memcpy(packed, &one, sizeof one);
    for (size_t len = 0; len <= sizeof data; len += 1024) {
        size_t n = deflate_raw(data, len, 1, packed + sizeof one, sizeof packed - sizeof one);
        MigRecord rec = { MIG_PACKED, packed, sizeof one + n };
        g_assert_cmpint(mig_ram_receive(r, &rec, NULL), ==, len >= RAM_PAGE_SIZE);
    }
    g_assert_false(mig_ram_complete(r, NULL));
    mig_ram_free(r);
    static const char *const manifests[] = {
        "[]", "{}", "3", "[{\"name\": \"ram\", \"size\": 4096}]", "[{\"name\": \"ram\"}]",
        "[{\"name\": \"ram\", \"size\": 4096000}, {\"name\": \"ram\", \"size\": 4096000}]",
        "[{\"name\": \"ram\", \"size\": 4096000, \"ignored\": true}]",
        "[{\"name\": \"ram\", \"size\": 4096000}, {\"name\": \"rom\", \"size\": 4096}]",
        "[1, 2, {\"name\": \"ram\", \"size\": -4096000}]",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(manifests); i++) {
        g_autoptr(Json) list = json_parse(manifests[i], strlen(manifests[i]), NULL);
        GError *error = NULL;
        g_assert_null(mig_ram_match(list, &error));
        g_assert_nonnull(error);
        g_clear_error(&error);
    }
}

/* Lengths that nobody has memory for. */
static void test_lengths(void)
{
    for (unsigned bit = 0; bit < 32; bit++) {
        GByteArray *bytes = make(-1, NULL);
        store_le32(bytes->data + 16 + 8, 1u << bit);
        refused(bytes);
        g_byte_array_unref(bytes);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    memory_init();
    GError *error = NULL;
    memory_region_init_ram(&region, "ram", PAGES * RAM_PAGE_SIZE, &error);
    g_assert_no_error(error);
    memory_region_add(memory_system_root(), 0, &region, 0);
    ram = region.ram->host;
    g_test_add_func("/migrate/round-trip", test_round_trip);
    g_test_add_func("/migrate/cut", test_cut);
    g_test_add_func("/migrate/bits", test_bits);
    g_test_add_func("/migrate/order", test_order);
    g_test_add_func("/migrate/hostile", test_hostile);
    g_test_add_func("/migrate/lengths", test_lengths);
    return g_test_run();
}
