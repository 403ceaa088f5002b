/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2 images made by qemu-img, changed at random beside a model in memory, and judged by qemu-img
 * again: the same contents, no error and no leak. And damaged ones, which end in an error or in
 * nothing worse.
 */
#include <errno.h>

#include "block_ops.h"
#include "softmmu/run.h"

static bool have_qemu_img;

static void G_GNUC_PRINTF(2, 3) qemu_img(int status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *words = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_autofree char *line = g_strdup_printf("qemu-img %s", words), *out = NULL, *err = NULL;
    int got;
    g_assert_true(g_spawn_command_line_sync(line, &out, &err, &got, NULL));
    if ((got >> 8) != status)
        g_error("'%s' ended with %d: %s%s", line, got >> 8, out, err);
}

static void same(const char *path, const uint8_t *model, uint64_t size)
{
    g_autofree char *raw = image_new("model.img", model, size);
    qemu_img(0, "check -q -f qcow2 '%s'", path);
    qemu_img(0, "compare -q -f qcow2 -F raw '%s' '%s'", path, raw);
    g_unlink(raw);
}

static void scribble(const char *path, uint8_t *model, uint64_t size, int n, unsigned seed)
{
    g_autoptr(GRand) r = g_rand_new_with_seed(seed);
    BlockBackend *b = drive("file=%s,format=qcow2,if=none,id=q", path);
    g_assert_cmpuint(block_size(b), ==, size);
    compare(b, model, size);
    for (int i = 0; i < n; i++)
        burst(b, model, size, r, false);
    compare(b, model, size);
    block_free(b);
    same(path, model, size);
}

static const char *const kinds[] = {
    "compat=1.1", "compat=0.10", "compat=1.1,cluster_size=512", "compat=1.1,cluster_size=2M",
    "compat=1.1,cluster_size=4k,refcount_bits=1", "compat=1.1,cluster_size=512,refcount_bits=64",
    "compat=1.1,cluster_size=1k,refcount_bits=8", "compat=1.1,preallocation=metadata",
    "compat=1.1,lazy_refcounts=on",
};

static void test_random(gconstpointer options)
{
    if (!have_qemu_img) {
        g_test_skip("qemu-img is not installed");
        return;
    }
    g_autofree uint8_t *model = g_malloc0(MODEL_SIZE);
    g_autofree char *path = g_build_filename(dir, "r.qcow2", NULL);
    qemu_img(0, "create -q -f qcow2 -o '%s' '%s' %d", (const char *)options, path, MODEL_SIZE);
    scribble(path, model, MODEL_SIZE, 60, 1);
    /* Once more: now most is there. */
    scribble(path, model, MODEL_SIZE, 60, 2);
    g_unlink(path);
}

static uint8_t *noise(uint64_t size, unsigned seed)
{
    uint8_t *p = g_malloc(size);
    g_autoptr(GRand) r = g_rand_new_with_seed(seed);
    for (uint64_t i = 0; i < size; i++)
        p[i] = (uint8_t)(i / 4096 % 3 ? i : g_rand_int(r));
    return p;
}

/* Over a raw image that is shorter; then that one below another. */
static void test_backing(void)
{
    if (!have_qemu_img) {
        g_test_skip("qemu-img is not installed");
        return;
    }
    enum { SHORT = MODEL_SIZE / 2 + 512 };
    g_autofree uint8_t *model = noise(MODEL_SIZE, 3);
    memset(model + SHORT, 0, MODEL_SIZE - SHORT);
    g_autofree char *base = image_new("base.img", model, SHORT);
    g_autofree char *mid = g_build_filename(dir, "mid.qcow2", NULL);
    g_autofree char *top = g_build_filename(dir, "top.qcow2", NULL);
    qemu_img(0, "create -q -f qcow2 -b base.img -F raw '%s' %d", mid, MODEL_SIZE);
    scribble(mid, model, MODEL_SIZE, 40, 4);
    g_autofree uint8_t *kept = g_memdup2(model, MODEL_SIZE);
    qemu_img(0, "create -q -f qcow2 -o compat=0.10 -b mid.qcow2 -F qcow2 '%s'", top);
    scribble(top, model, MODEL_SIZE, 60, 5);
    same(mid, kept, MODEL_SIZE);
    /* The middle is gone. */
    g_unlink(mid);
    g_autofree char *text = g_strdup_printf("file=%s,format=qcow2,if=none", top);
    g_autoptr(GError) error = NULL;
    g_assert_null(drive_new(text, NULL, &error));
    g_assert_nonnull(strstr(error->message, "mid.qcow2"));
    g_unlink(top);
    g_unlink(base);
}

static void test_compressed(void)
{
    if (!have_qemu_img) {
        g_test_skip("qemu-img is not installed");
        return;
    }
    g_autofree uint8_t *model = noise(MODEL_SIZE, 6);
    g_autofree char *raw = image_new("plain.img", model, MODEL_SIZE);
    g_autofree char *path = g_build_filename(dir, "c.qcow2", NULL);
    qemu_img(0, "convert -q -c -f raw -O qcow2 '%s' '%s'", raw, path);
    scribble(path, model, MODEL_SIZE, 60, 7);
    qemu_img(0, "convert -q -c -f raw -O qcow2 -o compression_type=zstd '%s' '%s'", raw, path);
    g_autofree char *text = g_strdup_printf("file=%s,if=none", path);
    g_autoptr(GError) error = NULL;
    g_assert_null(drive_new(text, NULL, &error));
    g_assert_nonnull(strstr(error->message, "zstd"));
    g_unlink(raw);
    g_unlink(path);
}

/* A snapshot of qemu-img's keeps what it had. */
static void test_snapshots(void)
{
    if (!have_qemu_img) {
        g_test_skip("qemu-img is not installed");
        return;
    }
    g_autofree uint8_t *model = g_malloc0(MODEL_SIZE);
    g_autofree char *path = g_build_filename(dir, "s.qcow2", NULL);
    qemu_img(0, "create -q -f qcow2 -o cluster_size=8k '%s' %d", path, MODEL_SIZE);
    scribble(path, model, MODEL_SIZE, 20, 8);
    g_autofree uint8_t *kept = g_memdup2(model, MODEL_SIZE);
    qemu_img(0, "snapshot -q -c one '%s'", path);
    scribble(path, model, MODEL_SIZE, 40, 9);
    qemu_img(0, "snapshot -q -a one '%s'", path);
    same(path, kept, MODEL_SIZE);
    qemu_img(0, "snapshot -q -d one '%s'", path);
    same(path, kept, MODEL_SIZE);
    g_unlink(path);
}

static void test_resize(void)
{
    if (!have_qemu_img) {
        g_test_skip("qemu-img is not installed");
        return;
    }
    g_autofree uint8_t *model = g_malloc0(8 * MODEL_SIZE);
    g_autofree char *path = g_build_filename(dir, "z.qcow2", NULL);
    qemu_img(0, "create -q -f qcow2 -o cluster_size=512 '%s' %d", path, MODEL_SIZE);
    scribble(path, model, MODEL_SIZE, 20, 10);
    BlockBackend *b = drive("file=%s,format=qcow2,if=none", path);
    g_autoptr(GError) error = NULL;
    g_assert_true(block_resize(b, 8 * MODEL_SIZE, &error));
    g_assert_no_error(error);
    g_assert_false(block_resize(b, 512, NULL));
    compare(b, model, 8 * MODEL_SIZE);
    block_free(b);
    scribble(path, model, 8 * MODEL_SIZE, 20, 11);
    g_unlink(path);
}

/* What was discarded reads as zeros, and its place in the file is used again. */
static void test_discard(void)
{
    if (!have_qemu_img) {
        g_test_skip("qemu-img is not installed");
        return;
    }
    g_autofree uint8_t *model = noise(MODEL_SIZE, 12);
    g_autofree char *path = g_build_filename(dir, "d.qcow2", NULL);
    qemu_img(0, "create -q -f qcow2 '%s' %d", path, MODEL_SIZE);
    BlockBackend *b = drive("file=%s,format=qcow2,if=none,discard=unmap", path);
    GStatBuf before, after;
    for (int i = 0; i < 4; i++) {
        Op o = { .iov = { { model, MODEL_SIZE } } };
        block_submit(b, BLOCK_WRITE, 0, o.iov, 1, MODEL_SIZE, op_done, &o);
        block_drain(b);
        if (!i)
            g_assert_cmpint(g_stat(path, &before), ==, 0);
        g_autofree uint8_t *holes = g_memdup2(model, MODEL_SIZE);
        memset(holes + (128 << 10), 0, 512 << 10);
        Op d = { .op = BLOCK_DISCARD };
        block_submit(b, BLOCK_DISCARD, 128 << 10, NULL, 0, 512 << 10, op_done, &d);
        block_drain(b);
        g_assert_cmpint(d.ret, ==, 0);
        compare(b, holes, MODEL_SIZE);
    }
    block_free(b);
    qemu_img(0, "check -q -f qcow2 '%s'", path);
    g_assert_cmpint(g_stat(path, &after), ==, 0);
    g_assert_cmpint(after.st_size, <=, before.st_size + (512 << 10));
    g_unlink(path);
}

static void test_damaged(void)
{
    if (!have_qemu_img) {
        g_test_skip("qemu-img is not installed");
        return;
    }
    g_autofree uint8_t *model = g_malloc0(MODEL_SIZE), *buf = g_malloc(MODEL_SIZE);
    g_autofree char *path = g_build_filename(dir, "x.qcow2", NULL), *content = NULL;
    gsize len;
    g_autoptr(GRand) r = g_rand_new_with_seed(13);
    qemu_img(0, "create -q -f qcow2 -o cluster_size=4k '%s' %d", path, MODEL_SIZE);
    scribble(path, model, MODEL_SIZE, 10, 14);
    g_assert_true(g_file_get_contents(path, &content, &len, NULL));
    unsigned opened = 0;
    for (int i = 0; i < 300; i++) {
        g_autofree char *bad = g_memdup2(content, len);
        /* The header, or the tables behind it. */
        gsize area = i % 2 ? 112 : MIN(len, 24 << 10);
        for (int n = g_rand_int_range(r, 1, 4); n; n--)
            bad[g_rand_int_range(r, 0, area)] ^= (char)(1 << g_rand_int_range(r, 0, 8));
        g_assert_true(g_file_set_contents(path, bad, i % 7 ? len : len / 2, NULL));
        g_autofree char *text = g_strdup_printf("file=%s,format=qcow2,if=none", path);
        BlockBackend *b = drive_new(text, NULL, NULL);
        if (!b)
            continue;
        opened++;
        uint64_t size = MIN(block_size(b), MODEL_SIZE);
        for (int k = 0; k < 2; k++) {
            Op o = { .iov = { { buf, size } } };
            block_submit(b, k ? BLOCK_WRITE : BLOCK_READ, 0, o.iov, 1, size, op_done, &o);
            block_drain(b);
            g_assert_true(o.done);
        }
        block_free(b);
    }
    g_assert_cmpuint(opened, >, 50);
    g_unlink(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    main_loop_init();
    g_autofree char *program = g_find_program_in_path("qemu-img");
    have_qemu_img = program;
    dir = g_dir_make_tmp("sosia-qcow2-XXXXXX", NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *name = g_strdup_printf("/qcow2/random/%s", kinds[i]);
        g_test_add_data_func(name, kinds[i], test_random);
    }
    g_test_add_func("/qcow2/backing", test_backing);
    g_test_add_func("/qcow2/compressed", test_compressed);
    g_test_add_func("/qcow2/snapshots", test_snapshots);
    g_test_add_func("/qcow2/resize", test_resize);
    g_test_add_func("/qcow2/discard", test_discard);
    g_test_add_func("/qcow2/damaged", test_damaged);
    int status = g_test_run();
    g_rmdir(dir);
    return status;
}
