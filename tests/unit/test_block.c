/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block backends against a model in memory: random operations on plain images and through a
 * -snapshot overlay, commit, options, locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backend/block.h"
#include "softmmu/run.h"
#include "block_ops.h"

static char *image_zero(const char *name, size_t len)
{
    g_autofree char *zeros = g_malloc0(len);
    return image_new(name, zeros, len);
}

static void expect_error(const char *text, const char *part)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(drive_new(text, NULL, &error));
    g_assert_nonnull(error);
    if (!strstr(error->message, part))
        g_error("'%s' gave '%s', which lacks '%s'", text, error->message, part);
    g_assert_null(strchr(error->message, '\n'));
}

/* ---- random operations ---- */

static void test_random(gconstpointer options)
{
    g_autofree uint8_t *model = g_malloc0(MODEL_SIZE);
    g_autofree char *path = image_zero("random.img", MODEL_SIZE);
    g_autoptr(GRand) r = g_rand_new_with_seed(7);
    BlockBackend *b = drive(options, path);
    for (int i = 0; i < 300; i++)
        burst(b, model, MODEL_SIZE, r, strstr(options, "unmap"));
    compare(b, model, MODEL_SIZE);
    block_free(b);
    g_autofree char *content = NULL;
    gsize len;
    g_assert_true(g_file_get_contents(path, &content, &len, NULL));
    g_assert_cmpmem(content, len, model, MODEL_SIZE);
    g_unlink(path);
}

static void test_overlay(void)
{
    g_autofree uint8_t *model = g_malloc(MODEL_SIZE), *base = NULL;
    g_autoptr(GRand) r = g_rand_new_with_seed(8);
    for (int i = 0; i < MODEL_SIZE; i++)
        model[i] = g_rand_int(r);
    base = g_memdup2(model, MODEL_SIZE);
    /* A length that is no multiple of a cluster. */
    uint64_t size = MODEL_SIZE - 1536;
    g_autofree char *path = image_new("overlay.img", model, size);
    BlockBackend *b = drive("file=%s,format=raw,snapshot=on,id=o,if=none", path);
    for (int i = 0; i < 200; i++)
        burst(b, model, size, r, false);
    compare(b, model, size);
    g_autofree char *content = NULL;
    gsize len;
    g_assert_true(g_file_get_contents(path, &content, &len, NULL));
    g_assert_cmpmem(content, len, base, size);

    g_autoptr(GError) error = NULL;
    g_assert_true(block_commit(b, &error));
    g_assert_no_error(error);
    g_free(content);
    g_assert_true(g_file_get_contents(path, &content, &len, NULL));
    g_assert_cmpmem(content, len, model, size);
    /* The emptied overlay goes on. */
    g_autofree uint8_t *committed = g_memdup2(model, size);
    for (int i = 0; i < 50; i++)
        burst(b, model, size, r, false);
    compare(b, model, size);
    g_free(content);
    g_assert_true(g_file_get_contents(path, &content, &len, NULL));
    g_assert_cmpmem(content, len, committed, size);
    block_free(b);
    g_unlink(path);
}

static void test_overlay_resize(void)
{
    enum { SIZE = 64 << 10 };
    g_autofree uint8_t *data = g_malloc(4 * SIZE), *model = g_malloc0(4 * SIZE);
    memset(data, 0x5a, 4 * SIZE);
    memset(model, 0x5a, SIZE);
    g_autofree char *path = image_new("resize.img", data, SIZE);
    BlockBackend *b = drive("file=%s,format=raw,snapshot=on,if=none", path);
    g_assert_true(block_resize(b, 4 * SIZE, NULL));
    compare(b, model, 4 * SIZE);
    g_assert_true(block_resize(b, 1536, NULL));
    g_assert_true(block_resize(b, 2 * SIZE, NULL));
    memset(model + 1536, 0, 4 * SIZE - 1536);
    compare(b, model, 2 * SIZE);
    g_assert_true(block_commit(b, NULL));
    compare(b, model, 2 * SIZE);
    block_free(b);
    g_autofree char *content = NULL;
    gsize len;
    g_assert_true(g_file_get_contents(path, &content, &len, NULL));
    g_assert_cmpmem(content, len, model, 2 * SIZE);
    g_unlink(path);
}

/* ---- limits and errors ---- */

static int run(BlockBackend *b, BlockOp op, uint64_t offset, void *buf, uint64_t len)
{
    Op o = { .iov = { { buf, len } }, .n_iov = 1 };
    block_submit(b, op, offset, o.iov, 1, len, op_done, &o);
    block_drain(b);
    g_assert_true(o.done);
    return o.ret;
}

static void test_limits(void)
{
    uint8_t buf[2048] = { 0 };
    g_autofree char *path = image_new("odd.img", "abc", 3);
    BlockBackend *b = drive("file=%s,format=raw,if=none,readonly=on", path);
    g_assert_cmpuint(block_size(b), ==, 512);
    memset(buf, 0xff, sizeof buf);
    g_assert_cmpint(run(b, BLOCK_READ, 0, buf, 512), ==, 0);
    g_assert_cmpint(buf[0], ==, 'a');
    g_assert_cmpint(buf[3], ==, 0);
    g_assert_cmpint(buf[511], ==, 0);
    g_assert_cmpint(run(b, BLOCK_READ, 512, buf, 1), ==, -EIO);
    g_assert_cmpint(run(b, BLOCK_READ, UINT64_MAX, buf, 2), ==, -EIO);
    g_assert_cmpint(run(b, BLOCK_READ, 1, buf, UINT64_MAX), ==, -EIO);
    g_assert_cmpint(run(b, BLOCK_WRITE, 0, buf, 512), ==, -EPERM);
    g_assert_cmpint(run(b, BLOCK_FLUSH, 0, NULL, 0), ==, 0);
    block_free(b);
    g_unlink(path);
}

static void test_stats(void)
{
    uint8_t buf[2048] = { 0 };
    g_autofree char *path = image_zero("s.img", 8192);
    BlockBackend *b = drive("file=%s,format=raw,if=none", path);
    const BlockStats *s = block_stats(b);
    g_assert_cmpint(s->last_us, ==, 0);
    run(b, BLOCK_READ, 0, buf, 512);
    run(b, BLOCK_READ, 1024, buf, 2048);
    run(b, BLOCK_READ, 8192, buf, 512);
    run(b, BLOCK_WRITE, 4096, buf, 1024);
    run(b, BLOCK_WRITE, 0, buf, 512);
    run(b, BLOCK_WRITE_ZEROES, 512, NULL, 512);
    run(b, BLOCK_FLUSH, 0, NULL, 0);
    run(b, BLOCK_DISCARD, 0, NULL, 4096);
    g_assert_cmpuint(s->of[BLOCK_STAT_READ].operations, ==, 2);
    g_assert_cmpuint(s->of[BLOCK_STAT_READ].bytes, ==, 2560);
    g_assert_cmpuint(s->of[BLOCK_STAT_READ].invalid, ==, 1);
    g_assert_cmpuint(s->of[BLOCK_STAT_READ].failed, ==, 0);
    g_assert_cmpuint(s->of[BLOCK_STAT_WRITE].operations, ==, 3);
    g_assert_cmpuint(s->of[BLOCK_STAT_WRITE].bytes, ==, 2048);
    g_assert_cmpuint(s->highest_write, ==, 5120);
    g_assert_cmpuint(s->of[BLOCK_STAT_FLUSH].operations, ==, 1);
    g_assert_cmpuint(s->of[BLOCK_STAT_UNMAP].bytes, ==, 4096);
    g_assert_cmpint(s->last_us, >, 0);
    block_free(b);
    g_unlink(path);
}

static char *same_name(const char *owner)
{
    return g_strdup(owner);
}

static void test_options(void)
{
    g_autofree char *path = image_zero("o.img", 4096);
    g_autofree char *text = NULL;
#define EXPECT(opts, part)                                                                     \
    do {                                                                                       \
        g_free(text);                                                                          \
        text = g_strdup_printf("file=%s," opts, path);                                         \
        expect_error(text, part);                                                              \
    } while (0)
    EXPECT("fromat=raw", "did you mean 'format'");
    EXPECT("format=vmdk", "qemu-img convert -O qcow2");
    EXPECT("format=qcow2", "no qcow2 image");
    EXPECT("format=rwa", "did you mean 'raw'");
    EXPECT("format=raw,if=virito", "did you mean 'virtio'");
    EXPECT("format=raw,cache=sometimes", "must be one of");
    EXPECT("format=raw,index=1,unit=2", "index=");
    EXPECT("format=raw,detect-zeroes=unmap", "discard=unmap");
    EXPECT("format=raw,readonly=maybe", "on or off");
    expect_error("file=/nonexistent/x,format=raw", "No such file");
    expect_error("file=nbd://host/x,format=raw", "nbd");
    expect_error("file=/dev/null,format=raw", "neither a file nor a block device");

    BlockBackend *b = drive("file=%s,format=raw,if=none,id=a,cache=none,aio=native,discard=unmap,"
                            "detect-zeroes=unmap,werror=report,rerror=report,serial=XY", path);
    g_assert_true(block_find("a") == b);
    g_assert_cmpstr(block_serial(b), ==, "XY");
    EXPECT("format=raw,id=a", "already");
    GString *info = g_string_new(NULL);
    block_print(info, same_name);
    g_assert_nonnull(strstr(info->str, "a (#block"));
    g_string_free(info, TRUE);
    block_free(b);

    /* Order: index= first, the rest fills the gaps. */
    BlockBackend *x = drive("file=%s,format=raw,if=virtio,readonly=on", path);
    BlockBackend *y = drive("file=%s,format=raw,index=0,readonly=on", path);
    BlockBackend *z = drive("file=%s,format=raw,if=pflash,unit=1,readonly=on", path);
    g_assert_cmpstr(block_id(x), ==, "virtio0");
    g_assert_cmpstr(block_id(y), ==, "virtio1");
    g_assert_true(drive_get("virtio", 0) == y);
    g_assert_true(drive_get("virtio", 1) == x);
    g_assert_null(drive_get("pflash", 0));
    g_assert_true(drive_get("pflash", 1) == z);
    g_assert_true(block_claim(y, "disk0", NULL));
    g_assert_false(block_claim(y, "disk1", NULL));
    block_close_all();
    g_assert_null(block_find("virtio0"));
    g_unlink(path);
}

static void test_blockdev(void)
{
    g_autofree char *path = image_new("bd.img", "0123456789", 10);
    g_autofree char *a = g_strdup_printf("driver=raw,node-name=n0,file.driver=file,"
                                         "file.filename=%s,read-only=on", path);
    g_autofree char *f = g_strdup_printf("file,node-name=f0,filename=%s,read-only=on", path);
    g_autofree char *q = g_strdup_printf("vmdk,node-name=q0,file.filename=%s", path);
    g_autoptr(GError) error = NULL;
    uint8_t buf[512];
    BlockBackend *b = blockdev_new(a, &error);
    g_assert_no_error(error);
    g_assert_cmpint(block_read_sync(b, 0, buf, 512), ==, 0);
    g_assert_cmpint(buf[9], ==, '9');
    g_assert_nonnull(blockdev_new(f, NULL));
    g_assert_null(blockdev_new("raw,file=nope,node-name=r0", &error));
    g_clear_error(&error);
    b = blockdev_new("raw,file=f0,node-name=r0", &error);
    g_assert_no_error(error);
    g_assert_cmpint(block_read_sync(b, 0, buf, 512), ==, 0);
    g_assert_cmpint(buf[9], ==, '9');
    g_assert_false(block_claim(block_find("f0"), "x", NULL));
    g_assert_null(blockdev_new(q, &error));
    g_assert_nonnull(strstr(error->message, "qemu-img convert"));
    g_clear_error(&error);
    b = blockdev_new("null-co,node-name=nul,size=1M,read-zeroes=on", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(block_size(b), ==, 1 << 20);
    b = drive_new("file=null-co://,format=raw,if=none,id=nul1", NULL, &error);
    g_assert_no_error(error);
    g_assert_true(g_str_has_prefix(block_node_name(b), "#block"));
    g_assert_null(blockdev_new("null-co,node-name=nul2,sice=1M", &error));
    g_assert_nonnull(strstr(error->message, "did you mean 'size'"));
    g_clear_error(&error);

    /* auto-read-only: no write lock until somebody is going to write. */
    g_autofree char *w = g_strdup_printf("file,node-name=w0,filename=%s,auto-read-only=on", path);
    g_autofree char *v = g_strdup_printf("file,node-name=w1,filename=%s,auto-read-only=on", path);
    g_assert_nonnull(blockdev_new(w, &error));
    g_assert_nonnull(blockdev_new("raw,node-name=t0,file=w0,read-only=on", &error));
    g_assert_nonnull(blockdev_new(v, &error));
    g_assert_no_error(error);
    g_assert_null(blockdev_new("raw,node-name=t1,file=w1", &error));
    g_assert_nonnull(strstr(error->message, "in use"));
    g_clear_error(&error);
    block_close_all();
    g_assert_nonnull(blockdev_new(w, &error));
    b = blockdev_new("raw,node-name=t0,file=w0", &error);
    g_assert_no_error(error);
    g_assert_false(block_read_only(b));
    b = blockdev_new("{'driver': 'null-co', 'node-name': 'nul3', 'size': 4096}", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(block_size(b), ==, 4096);
    block_close_all();
    g_unlink(path);
}

static void test_probe(void)
{
    uint8_t head[512] = "QFI\xfb\0\0\0\3";
    g_autofree char *path = image_new("q.img", head, sizeof head);
    g_autofree char *text = g_strdup_printf("file=%s,if=none", path);
    expect_error(text, "header is damaged");
    /* The guest can't turn a guessed raw image into another format. */
    g_autofree char *raw = image_zero("r.img", 4096);
    BlockBackend *b = drive("file=%s,if=none", raw);
    g_assert_cmpint(run(b, BLOCK_WRITE, 0, head, 512), ==, -EPERM);
    g_assert_cmpint(run(b, BLOCK_WRITE, 512, head, 512), ==, 0);
    block_free(b);
    b = drive("file=%s,if=none,format=raw", raw);
    g_assert_cmpint(run(b, BLOCK_WRITE, 0, head, 512), ==, 0);
    block_free(b);
    g_unlink(path);
    g_unlink(raw);
}

static void test_locks(void)
{
    g_autofree char *path = image_zero("l.img", 4096);
    g_autofree char *text = g_strdup_printf("file=%s,if=none,format=raw", path);
    g_autofree char *read_only = g_strdup_printf("file=%s,if=none,format=raw,readonly=on", path);
    BlockBackend *b = drive("%s", text);
    expect_error(text, "in use by another");
    expect_error(read_only, "in use by another");
    block_free(b);
    b = drive("%s", read_only);
    BlockBackend *c = drive("%s", read_only);
    expect_error(text, "in use by another");
    block_free(b);
    block_free(c);
    /* Two overlays of one image are fine; a commit then is not. */
    b = drive("%s,snapshot=on", text);
    c = drive("%s,snapshot=on", text);
    uint8_t buf[512] = { 1 };
    g_assert_cmpint(run(b, BLOCK_WRITE, 0, buf, 512), ==, 0);
    g_autoptr(GError) error = NULL;
    g_assert_false(block_commit(b, &error));
    g_assert_nonnull(strstr(error->message, "in use by another"));
    g_assert_cmpint(block_read_sync(b, 0, buf, 512), ==, 0);
    g_assert_cmpint(buf[0], ==, 1);
    block_free(c);
    g_assert_true(block_commit(b, NULL));
    block_free(b);
    g_unlink(path);
}

/* werror=stop: the request waits for `cont`; werror=report tells at once. */
static void test_error_actions(void)
{
    g_autofree char *path = image_zero("e.img", 1 << 16);
    struct rlimit old, small;
    uint8_t buf[512] = { 7 };
    signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &old), ==, 0);
    small = old;
    small.rlim_cur = 4096;
    BlockBackend *b = drive("file=%s,if=none,format=raw,werror=stop", path);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &small), ==, 0);
    Op o = { .iov = { { buf, 512 } }, .n_iov = 1 };
    block_submit(b, BLOCK_WRITE, 8192, o.iov, 1, 512, op_done, &o);
    for (int i = 0; i < 50; i++) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(1000);
    }
    g_assert_false(o.done);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &old), ==, 0);
    vm_start();
    while (!o.done)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(o.ret, ==, 0);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &small), ==, 0);
    /* Who drains can't wait for a user. */
    g_assert_cmpint(run(b, BLOCK_WRITE, 8192, buf, 512), ==, -EFBIG);
    g_assert_true(block_set_error_actions(b, NULL, "report"));
    g_assert_cmpint(run(b, BLOCK_WRITE, 8192, buf, 512), ==, -EFBIG);
    g_assert_true(block_set_error_actions(b, "report", "ignore"));
    g_assert_cmpint(run(b, BLOCK_WRITE, 8192, buf, 512), ==, 0);
    g_assert_false(block_set_error_actions(b, "enospc", NULL));
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &old), ==, 0);
    memset(buf, 0, sizeof buf);
    g_assert_cmpint(block_read_sync(b, 8192, buf, 512), ==, 0);
    g_assert_cmpint(buf[0], ==, 7);
    block_free(b);
    g_unlink(path);
}

static void done_flag(void *opaque, int ret)
{
    *(int *)opaque = ret + 1;
}

/* Completion by the main loop, without anybody draining. */
static void test_main_loop(void)
{
    g_autofree char *path = image_zero("m.img", 1 << 16);
    BlockBackend *b = drive("file=%s,if=none,format=raw", path);
    uint8_t buf[512];
    struct iovec iov = { buf, sizeof buf };
    for (int i = 0; i < 200; i++) {
        int done = 0;
        block_submit(b, BLOCK_READ, i * 128 / 512 * 512, &iov, 1, 512, done_flag, &done);
        while (!done)
            g_main_context_iteration(NULL, TRUE);
        g_assert_cmpint(done, ==, 1);
    }
    block_free(b);
    g_unlink(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    main_loop_init();
    dir = g_dir_make_tmp("sosia-block-XXXXXX", NULL);
    g_test_add_data_func("/block/random/plain", "file=%s,format=raw,if=none", test_random);
    g_test_add_data_func("/block/random/unmap",
                         "file=%s,format=raw,if=none,discard=unmap,detect-zeroes=unmap",
                         test_random);
    g_test_add_data_func("/block/random/writethrough",
                         "file=%s,format=raw,if=none,cache=directsync,detect-zeroes=on",
                         test_random);
    g_test_add_func("/block/overlay", test_overlay);
    g_test_add_func("/block/overlay-resize", test_overlay_resize);
    g_test_add_func("/block/limits", test_limits);
    g_test_add_func("/block/stats", test_stats);
    g_test_add_func("/block/options", test_options);
    g_test_add_func("/block/blockdev", test_blockdev);
    g_test_add_func("/block/probe", test_probe);
    g_test_add_func("/block/locks", test_locks);
    g_test_add_func("/block/error-actions", test_error_actions);
    g_test_add_func("/block/main-loop", test_main_loop);
    int r = g_test_run();
    g_rmdir(dir);
    g_free(dir);
    return r;
}
