/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chains of images that grow and shrink under a disk that is written all the time, beside a model in
 * memory; the images are judged by qemu-img.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/block_job.h"
#include "block_ops.h"
#include "softmmu/job.h"
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
        g_assert_cmpint(qemu_img("check -q -f qcow2 '%s'", path), ==, 0);
    g_assert_cmpint(qemu_img("compare -q -f '%s' -F raw '%s' '%s'", format, path, raw), ==, 0);
    g_unlink(raw);
}

/* Discards of less than a cluster leave a qcow2 image as it is. */
static bool discards(const BlockBackend *b)
{
    return block_discard_enabled(b) && !strcmp(block_format(b), "raw");
}

static void scribble(BlockBackend *b, uint8_t *model, GRand *r, int n)
{
    for (int i = 0; i < n; i++)
        burst(b, model, MODEL_SIZE, r, discards(b));
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
    g_assert_cmpint(qemu_img("check -q -f qcow2 '%s'", one), ==, 0);
    g_unlink(three);
    g_unlink(two);
    g_unlink(one);
    g_unlink(base);
}

/* -snapshot over a qcow2 image: `commit` writes it there. */
static void test_temporary(void)
{
    if (!ready())
        return;
    g_autoptr(GRand) r = g_rand_new_with_seed(3);
    g_autofree uint8_t *model = g_malloc0(MODEL_SIZE);
    g_autofree char *path = in_dir("one.qcow2");
    GError *error = NULL;
    g_assert_cmpint(qemu_img("create -q -f qcow2 '%s' %d", path, MODEL_SIZE), ==, 0);
    BlockBackend *b = drive("file=%s,format=qcow2,if=none,id=d,snapshot=on", path);
    scribble(b, model, r, 20);
    g_assert_null(block_snapshot_prepare(&(BlockSnapshotArgs){ .device = "d", .file = "x" },
                                         &error));
    expect_error(&error, "temporary overlay");
    g_assert_true(block_commit(b, &error));
    scribble(b, model, r, 5);
    g_assert_true(block_commit(b, &error));
    compare(b, model, MODEL_SIZE);
    block_free(b);
    same(path, "qcow2", model, MODEL_SIZE);
    g_unlink(path);
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
    g_assert_cmpint(qemu_img("create -q -f qcow2 -b '%s' -F raw '%s'", base, over), ==, 0);
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

/* ---- jobs, while the disk is written ---- */

typedef struct Chain {
    GRand *r;
    uint8_t *model;
    char *files[4]; /* base.img, one.qcow2, two.qcow2; copy */
    BlockBackend *b;
} Chain;

/* Base, and `depth` images upon it, each with something of its own. */
static Chain chain_new(unsigned depth, unsigned seed, const char *options)
{
    static const char *const names[] = { "base.img", "one.qcow2", "two.qcow2", "copy.qcow2" };
    Chain c = { .r = g_rand_new_with_seed(seed), .model = g_malloc0(MODEL_SIZE) };
    for (int i = 0; i < 4; i++)
        c.files[i] = in_dir(names[i]);
    g_autofree char *base = image_new(names[0], c.model, MODEL_SIZE);
    g_autofree char *text = g_strdup_printf("file=%%s,format=raw,if=none,id=d%s", options);
    c.b = drive(text, base);
    scribble(c.b, c.model, c.r, 4);
    for (unsigned i = 1; i <= depth; i++) {
        snapshot("d", c.files[i], NULL);
        scribble(c.b, c.model, c.r, 4);
    }
    return c;
}

static void chain_end(Chain *c)
{
    for (int i = 0; i < 4; i++) {
        g_unlink(c->files[i]);
        g_free(c->files[i]);
    }
    g_rand_free(c->r);
    g_free(c->model);
}

static void pump(void)
{
    while (g_main_context_iteration(NULL, false))
        ;
}

/* Writes until the job is in that status, or gone (JOB_NULL). */
static void write_until(Chain *c, JobStatus s)
{
    for (int i = 0;; i++) {
        const Job *j = job_find("j");
        if (s == JOB_NULL ? !j : j && j->status == s)
            return;
        if (!j)
            g_error("the job ended without becoming '%s'", job_status_name(s));
        if (i < 400)
            scribble(c->b, c->model, c->r, 1);
        else
            g_usleep(1000);
        pump();
    }
}

static void command(JobVerb v)
{
    g_autoptr(GError) error = NULL;
    job_verb(job_find("j"), v, &error);
    g_assert_no_error(error);
}

#define SLOWLY .id = "j", .device = "d", .speed = 40 << 20

static void end_and_compare(Chain *c, const char *path, const char *format)
{
    compare(c->b, c->model, MODEL_SIZE);
    g_assert_cmpstr(block_filename(c->b), ==, path);
    scribble(c->b, c->model, c->r, 3);
    compare(c->b, c->model, MODEL_SIZE);
    block_free(c->b);
    same(path, format, c->model, MODEL_SIZE);
}

static void test_commit(void)
{
    if (!ready())
        return;
    GError *error = NULL;
    Chain c = chain_new(2, 10, "");
    BlockJobArgs a = { SLOWLY, .top = c.files[1] };
    g_assert_true(block_commit_start(&a, &error));
    g_assert_false(block_commit_start(&(BlockJobArgs){ .id = "k", .device = "d" }, &error));
    expect_error(&error, "is busy: block device is in use by block job: commit");
    g_assert_false(block_resize(c.b, 2 * MODEL_SIZE, &error));
    expect_error(&error, "in use");
    write_until(&c, JOB_NULL);
    g_assert_true(!job_find("j"));
    g_unlink(c.files[1]); /* nobody needs it any more */
    end_and_compare(&c, c.files[2], "qcow2");
    chain_end(&c);
}

static void test_commit_active(void)
{
    if (!ready())
        return;
    GError *error = NULL;
    Chain c = chain_new(2, 11, ",discard=unmap");
    BlockJobArgs a = { SLOWLY };
    g_assert_true(block_commit_start(&a, &error));
    write_until(&c, JOB_READY);
    scribble(c.b, c.model, c.r, 5);
    /* Given up: the disk stays what it was. Once more, and then it is the base. */
    g_assert_true(job_cancel(job_find("j"), false, &error));
    write_until(&c, JOB_NULL);
    g_assert_cmpstr(block_filename(c.b), ==, c.files[2]);
    a.speed = 0;
    g_assert_true(block_commit_start(&a, &error));
    command(JOB_PAUSE);
    g_usleep(2000);
    command(JOB_RESUME);
    write_until(&c, JOB_READY);
    scribble(c.b, c.model, c.r, 5);
    command(JOB_COMPLETE);
    write_until(&c, JOB_NULL);
    end_and_compare(&c, c.files[0], "raw");
    chain_end(&c);
}

static void test_stream(gconstpointer to_base)
{
    if (!ready())
        return;
    GError *error = NULL;
    Chain c = chain_new(2, 12, "");
    BlockJobArgs a = { SLOWLY, .base = to_base ? c.files[0] : NULL };
    g_assert_true(block_stream_start(&a, &error));
    g_assert_no_error(error);
    write_until(&c, JOB_NULL);
    g_unlink(c.files[1]);
    if (!to_base)
        g_unlink(c.files[0]);
    end_and_compare(&c, c.files[2], "qcow2");
    chain_end(&c);
}

typedef struct MirrorCase {
    const char *name;
    BlockSync sync;
    const char *format;
    bool write_blocking, give_up;
} MirrorCase;

static const MirrorCase mirror_cases[] = {
    { "full", BLOCK_SYNC_FULL, "qcow2", false, false },
    { "full-raw", BLOCK_SYNC_FULL, "raw", false, false },
    { "top", BLOCK_SYNC_TOP, "qcow2", false, false },
    { "none", BLOCK_SYNC_NONE, "qcow2", false, false },
    { "write-blocking", BLOCK_SYNC_FULL, "qcow2", true, false },
    { "given-up", BLOCK_SYNC_FULL, "qcow2", true, true },
};

static void test_mirror(gconstpointer arg)
{
    if (!ready())
        return;
    const MirrorCase *m = arg;
    GError *error = NULL;
    Chain c = chain_new(1, 13, ",discard=unmap");
    BlockJobArgs a = { SLOWLY, .target = c.files[3], .format = m->format, .sync = m->sync,
                       .write_blocking = m->write_blocking };
    block_mirror_start(&a, &error);
    g_assert_no_error(error);
    write_until(&c, JOB_READY);
    scribble(c.b, c.model, c.r, 10);
    if (m->give_up) {
        g_autofree char *source = g_strdup(block_filename(c.b));
        g_assert_true(job_cancel(job_find("j"), false, &error));
        while (job_find("j")) /* the copy is as of now */
            pump();
        same(c.files[3], m->format, c.model, MODEL_SIZE);
        end_and_compare(&c, source, "qcow2");
    } else {
        command(JOB_COMPLETE);
        write_until(&c, JOB_NULL);
        end_and_compare(&c, c.files[3], m->format);
    }
    chain_end(&c);
}

static void test_backup(gconstpointer arg)
{
    if (!ready())
        return;
    BlockSync sync = GPOINTER_TO_INT(arg);
    GError *error = NULL;
    /* The disk is raw where all is copied, so that discards change it. */
    Chain c = chain_new(sync == BLOCK_SYNC_FULL ? 0 : 1, 14, ",discard=unmap");
    g_autofree uint8_t *then = g_memdup2(c.model, MODEL_SIZE);
    BlockJobArgs a = { SLOWLY, .target = c.files[3], .format = "qcow2", .sync = sync };
    BlockJob *j = block_backup_prepare(&a, &error);
    g_assert_no_error(error);
    block_backup_commit(j);
    if (sync == BLOCK_SYNC_NONE) {
        scribble(c.b, c.model, c.r, 20);
        g_assert_true(job_cancel(job_find("j"), true, &error));
    }
    write_until(&c, JOB_NULL);
    g_autofree char *source = g_strdup(block_filename(c.b));
    compare(c.b, c.model, MODEL_SIZE);
    block_free(c.b);
    same(source, sync == BLOCK_SYNC_FULL ? "raw" : "qcow2", c.model, MODEL_SIZE);
    if (sync == BLOCK_SYNC_NONE)
        g_assert_cmpint(qemu_img("check -q -f qcow2 '%s'", c.files[3]), ==, 0);
    else
        same(c.files[3], "qcow2", then, MODEL_SIZE);
    chain_end(&c);
}

/* The target is full: the job says so and ends, the disk goes on. */
static void test_full_target(gconstpointer backup)
{
    if (!ready())
        return;
    GError *error = NULL;
    Chain c = chain_new(0, 15, "");
    g_assert_cmpint(qemu_img("create -q -f qcow2 -o cluster_size=2M '%s' %d", c.files[3],
                             MODEL_SIZE), ==, 0);
    struct rlimit was, now;
    getrlimit(RLIMIT_FSIZE, &was);
    now = was;
    now.rlim_cur = 4 << 20; /* more than the disk, less than the copy */
    signal(SIGXFSZ, SIG_IGN);
    BlockJobArgs a = { .id = "j", .device = "d", .target = c.files[3], .format = "qcow2",
                       .existing = true, .keep_concluded = true };
    setrlimit(RLIMIT_FSIZE, &now);
    if (backup) {
        BlockJob *j = block_backup_prepare(&a, &error);
        g_assert_no_error(error);
        block_backup_commit(j);
    } else {
        g_assert_true(block_mirror_start(&a, &error));
    }
    write_until(&c, JOB_CONCLUDED);
    setrlimit(RLIMIT_FSIZE, &was);
    g_assert_cmpstr(job_find("j")->error, ==, g_strerror(EFBIG));
    command(JOB_DISMISS);
    end_and_compare(&c, c.files[0], "raw");
    chain_end(&c);
}

/* ---- killed at any moment ---- */

enum { LOG = 20000 };

typedef struct Diary {
    unsigned begun, done;
    char top[256];
    struct { uint32_t sector, sectors; uint8_t fill; } writes[LOG];
} Diary;

static void note_top(Diary *d, const Chain *c)
{
    if (strcmp(d->top, block_filename(c->b)))
        g_strlcpy(d->top, block_filename(c->b), sizeof d->top);
}

static void start_some_job(const Chain *c, unsigned kind)
{
    BlockJobArgs a = { SLOWLY };
    GError *error = NULL;
    a.speed = 8 << 20;
    if (kind == 0)
        a.top = c->files[1];
    if (kind <= 1)
        block_commit_start(&a, &error);
    else if (kind <= 3)
        block_stream_start(&(BlockJobArgs){ SLOWLY, .base = kind == 2 ? c->files[0] : NULL },
                           &error);
    else
        block_mirror_start(&(BlockJobArgs){ SLOWLY, .target = c->files[3], .format = "qcow2" },
                           &error);
    g_assert_no_error(error);
}

static void be_killed(Chain *c, Diary *d, unsigned kind)
{
    start_some_job(c, kind);
    for (unsigned i = 0; i < LOG; i++) {
        uint32_t at = (uint32_t)g_rand_int_range(c->r, 0, MODEL_SIZE / 512 - 64);
        uint32_t n = (uint32_t)g_rand_int_range(c->r, 1, 64);
        uint8_t fill = (uint8_t)g_rand_int(c->r), buf[64 * 512];
        memset(buf, fill, sizeof buf);
        d->writes[i].sector = at;
        d->writes[i].sectors = n;
        d->writes[i].fill = fill;
        __atomic_store_n(&d->begun, i + 1, __ATOMIC_RELEASE);
        g_assert_cmpint(block_write_sync(c->b, at * 512ULL, buf, n * 512ULL), ==, 0);
        __atomic_store_n(&d->done, i + 1, __ATOMIC_RELEASE);
        Job *j = job_find("j");
        if (j && j->status == JOB_READY)
            command(JOB_COMPLETE);
        pump();
        note_top(d, c); /* nothing was written since it changed */
        g_usleep(100);
    }
    pause();
}

static uint8_t *read_all(const char *path, const char *format)
{
    g_autofree char *raw = in_dir("killed.img"), *data = NULL;
    gsize len;
    if (qemu_img("convert -q -U -f '%s' -O raw '%s' '%s'", format, path, raw) ||
        !g_file_get_contents(raw, &data, &len, NULL) || len != MODEL_SIZE)
        g_error("'%s' can't be read any more", path);
    g_unlink(raw);
    return (uint8_t *)g_steal_pointer(&data);
}

static void test_killed(void)
{
    if (!ready())
        return;
    for (unsigned kind = 0; kind < 5; kind++) {
        Diary *d = mmap(NULL, sizeof *d, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        Chain c = chain_new(2, 20 + kind, "");
        block_free(c.b);
        pid_t pid = fork();
        if (!pid) {
            c.b = drive("file=%s,format=qcow2,if=none,id=d", c.files[2]);
            note_top(d, &c);
            be_killed(&c, d, kind);
        }
        for (int i = 0; i < 100000 && !__atomic_load_n(&d->done, __ATOMIC_ACQUIRE); i++)
            g_usleep(1000);
        g_usleep(g_test_rand_int_range(1000, 250000));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        const char *format = strcmp(d->top, c.files[0]) ? "qcow2" : "raw";
        g_test_message("kind %u: %u writes, then in '%s'", kind, d->done, d->top);
        if (*format == 'q') {
            int status = qemu_img("check -q -f qcow2 '%s'", d->top);
            g_assert_true(status == 0 || status == 3); /* 3: leaks only */
        }
        g_autofree uint8_t *now = read_all(d->top, format);
        for (unsigned i = 0; i < d->begun; i++) {
            uint64_t at = d->writes[i].sector * 512ULL, n = d->writes[i].sectors * 512ULL;
            if (i < d->done)
                memset(c.model + at, d->writes[i].fill, n);
            else
                memcpy(c.model + at, now + at, n); /* it may be there, or not */
        }
        g_assert_cmpmem(now, MODEL_SIZE, c.model, MODEL_SIZE);
        chain_end(&c);
        munmap(d, sizeof *d);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    main_loop_init();
    dir = g_dir_make_tmp("sosia-jobs-XXXXXX", NULL);
    g_autofree char *found = g_find_program_in_path("qemu-img");
    have_qemu_img = found;
    g_test_add_func("/block-jobs/snapshot", test_snapshot);
    g_test_add_func("/block-jobs/temporary", test_temporary);
    g_test_add_func("/block-jobs/nodes", test_nodes);
    g_test_add_func("/block-jobs/commit", test_commit);
    g_test_add_func("/block-jobs/commit-active", test_commit_active);
    g_test_add_data_func("/block-jobs/stream", NULL, test_stream);
    g_test_add_data_func("/block-jobs/stream-base", "", test_stream);
    for (size_t i = 0; i < G_N_ELEMENTS(mirror_cases); i++) {
        g_autofree char *name = g_strconcat("/block-jobs/mirror/", mirror_cases[i].name, NULL);
        g_test_add_data_func(name, &mirror_cases[i], test_mirror);
    }
    g_test_add_data_func("/block-jobs/backup", GINT_TO_POINTER(BLOCK_SYNC_FULL), test_backup);
    g_test_add_data_func("/block-jobs/backup-top", GINT_TO_POINTER(BLOCK_SYNC_TOP), test_backup);
    g_test_add_data_func("/block-jobs/backup-none", GINT_TO_POINTER(BLOCK_SYNC_NONE), test_backup);
    g_test_add_data_func("/block-jobs/full-target", NULL, test_full_target);
    g_test_add_data_func("/block-jobs/full-target-backup", "", test_full_target);
    g_test_add_func("/block-jobs/killed", test_killed);
    int status = g_test_run();
    g_rmdir(dir);
    return status;
}
