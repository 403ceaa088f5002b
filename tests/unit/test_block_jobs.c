/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chains of images that grow and shrink under a disk that is written all the time, beside a model in
 * memory; the images are judged by qemu-img.
 */
#include <errno.h>

#include "block_ops.h"
#include "softmmu/run.h"

static bool have_qemu_img;

static char *in_dir(const char *name)
{
    return g_build_filename(dir, name, NULL);
}

static int G_GNUC_PRINTF(1, 2) qemu_img(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *words = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_autofree char *line = g_strdup_printf("qemu-img %s", words), *out = NULL, *err = NULL;
    int status;
    g_assert_true(g_spawn_command_line_sync(line, &out, &err, &status, NULL));
    if (status)
        g_test_message("'%s' ended with %d: %s%s", line, status >> 8, out, err);
    return status >> 8;
}

static bool ready(void)
{
    if (!have_qemu_img)
        g_test_skip("qemu-img is not installed");
    return have_qemu_img;
}

/* The file, and what is below it, holds the model. */
static void same(const char *path, const char *format, const uint8_t *model, uint64_t size)
{
    g_autofree char *raw = image_new("model.img", model, size);
    if (!strcmp(format, "qcow2"))
        g_assert_cmpint(qemu_img("check -q -f qcow2 %s", path), ==, 0);
    g_assert_cmpint(qemu_img("compare -q -f %s -F raw %s %s", format, path, raw), ==, 0);
    g_unlink(raw);
}

static void scribble(BlockBackend *b, uint8_t *model, GRand *r, int n)
{
    for (int i = 0; i < n; i++)
        burst(b, model, MODEL_SIZE, r, false);
}

static void snapshot(const char *device, const char *file, const char *node_name)
{
    g_autoptr(GError) error = NULL;
    BlockSnapshotArgs a = { .device = device, .file = file, .node_name = node_name };
    BlockSnapshot *s = block_snapshot_prepare(&a, &error);
    g_assert_no_error(error);
    block_snapshot_commit(s);
}

static void expect_error(GError **error, const char *part)
{
    g_assert_nonnull(*error);
    if (!strstr((*error)->message, part))
        g_error("'%s' does not say '%s'", (*error)->message, part);
    g_clear_error(error);
}

/* ---- external snapshots, and `commit` ---- */

static void test_snapshot(void)
{
    if (!ready())
        return;
    g_autoptr(GRand) r = g_rand_new_with_seed(1);
    g_autofree uint8_t *model = g_malloc0(MODEL_SIZE), *then = NULL, *first = NULL;
    g_autofree char *base = image_new("base.img", model, MODEL_SIZE), *one = in_dir("one.qcow2");
    g_autofree char *two = in_dir("two.qcow2");
    GError *error = NULL;
    BlockBackend *b = drive("file=%s,format=raw,if=none,id=d", base);
    scribble(b, model, r, 10);
    first = g_memdup2(model, MODEL_SIZE);
    snapshot("d", one, "one");
    scribble(b, model, r, 10);
    then = g_memdup2(model, MODEL_SIZE);
    snapshot("d", two, NULL);
    scribble(b, model, r, 10);
    compare(b, model, MODEL_SIZE);
    g_assert_cmpstr(block_filename(b), ==, two);
    /* What was prepared and given up changes nothing. */
    g_autofree char *three = in_dir("three.qcow2");
    BlockSnapshot *s = block_snapshot_prepare(&(BlockSnapshotArgs){ .device = "d", .file = three },
                                              &error);
    g_assert_no_error(error);
    block_snapshot_abort(s);
    g_assert_null(block_snapshot_prepare(&(BlockSnapshotArgs){ .device = "d", .file = two },
                                         &error));
    expect_error(&error, "same filename as the backing file");
    g_assert_null(block_snapshot_prepare(&(BlockSnapshotArgs){ .device = "d", .file = one },
                                         &error));
    expect_error(&error, "");
    compare(b, model, MODEL_SIZE);
    /* `commit`: the middle image gets it. */
    g_assert_true(block_commit(b, &error));
    compare(b, model, MODEL_SIZE);
    scribble(b, model, r, 5);
    compare(b, model, MODEL_SIZE);
    g_autofree uint8_t *last = g_memdup2(model, MODEL_SIZE);
    block_free(b);
    same(two, "qcow2", last, MODEL_SIZE);
    same(base, "raw", first, MODEL_SIZE);
    g_assert_cmpint(qemu_img("check -q -f qcow2 %s", one), ==, 0);
    g_unlink(three);
    g_unlink(two);
    g_unlink(one);
    g_unlink(base);
}

/* -blockdev: nodes keep their names when they change places. */
static void test_nodes(void)
{
    if (!ready())
        return;
    g_autoptr(GRand) r = g_rand_new_with_seed(2);
    g_autofree uint8_t *model = g_malloc0(MODEL_SIZE);
    g_autofree char *base = image_new("base.img", model, MODEL_SIZE), *over = in_dir("over.qcow2");
    GError *error = NULL;
    g_autofree char *f = g_strdup_printf("driver=file,node-name=f,filename=%s", base);
    g_assert_nonnull(blockdev_new(f, &error));
    BlockBackend *b = blockdev_new("driver=raw,node-name=n,file=f", &error);
    g_assert_no_error(error);
    g_assert_true(block_claim(b, "test", &error));
    scribble(b, model, r, 5);
    g_assert_cmpint(qemu_img("create -q -f qcow2 -b %s -F raw %s", base, over), ==, 0);
    g_autofree char *o = g_strdup_printf("{\"driver\":\"qcow2\",\"node-name\":\"o\",\"backing\":null,"
                                         "\"file\":{\"driver\":\"file\",\"filename\":\"%s\"}}",
                                         over);
    g_assert_nonnull(blockdev_new(o, &error));
    g_assert_no_error(error);
    BlockSnapshotArgs a = { .device = "n", .node = "n", .overlay = "o" };
    BlockSnapshot *s = block_snapshot_prepare(&a, &error);
    g_assert_no_error(error);
    block_snapshot_commit(s);
    scribble(b, model, r, 10);
    compare(b, model, MODEL_SIZE);
    g_assert_cmpstr(block_node_name(b), ==, "o");
    g_assert_true(block_find("o") == b);
    g_assert_nonnull(block_find("n"));
    g_assert_true(block_is_child(block_find("n")));
    g_assert_null(block_snapshot_prepare(&a, &error));
    expect_error(&error, "Need a root block node");
    block_release(b);
    block_close_all();
    same(over, "qcow2", model, MODEL_SIZE);
    g_unlink(over);
    g_unlink(base);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    main_loop_init();
    dir = g_dir_make_tmp("sosia-jobs-XXXXXX", NULL);
    g_autofree char *found = g_find_program_in_path("qemu-img");
    have_qemu_img = found;
    g_test_add_func("/block-jobs/snapshot", test_snapshot);
    g_test_add_func("/block-jobs/nodes", test_nodes);
    int status = g_test_run();
    g_rmdir(dir);
    return status;
}
