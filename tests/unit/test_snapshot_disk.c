/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks with snapshots (backend/block/history.c) against a copy in memory: random writes, marks,
 * ways back, restarts; and programs that are killed at any moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/block.h"
#include "softmmu/run.h"

enum { SIZE = (1 << 20) + 3 * 512, MARKS = 6 };

typedef struct Mark {
    char *uuid, *path;
    uint8_t *content;
} Mark;

typedef struct Disk {
    char *dir, *image;
    BlockBackend *b;
    uint8_t *content; /* what it should hold */
    Mark marks[MARKS];
    unsigned n;
} Disk;

static void disk_open(Disk *d)
{
    g_autofree char *opts = g_strdup_printf("file=%s,format=raw,if=none,id=d", d->image);
    char *interface = NULL;
    GError *error = NULL;
    d->b = drive_new(opts, &interface, &error);
    g_assert_no_error(error);
    g_free(interface);
    g_assert_true(block_claim(d->b, "test", &error));
    g_assert_no_error(error);
}

static void disk_make(Disk *d)
{
    memset(d, 0, sizeof *d);
    d->dir = g_dir_make_tmp("sosia-disk-XXXXXX", NULL);
    d->image = g_build_filename(d->dir, "image", NULL);
    d->content = g_malloc0(SIZE);
    for (unsigned i = 0; i < 200000; i++)
        d->content[i] = g_test_rand_int();
    g_assert_true(g_file_set_contents(d->image, (char *)d->content, SIZE, NULL));
    disk_open(d);
}

static void disk_end(Disk *d)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", d->dir);
    g_assert_cmpint(system(command), ==, 0);
    for (unsigned i = 0; i < d->n; i++) {
        g_free(d->marks[i].uuid);
        g_free(d->marks[i].path);
        g_free(d->marks[i].content);
    }
    g_free(d->content);
    g_free(d->image);
    g_free(d->dir);
}

static void check(Disk *d)
{
    g_autofree uint8_t *is = g_malloc(SIZE);
    g_assert_cmpint(block_read_sync(d->b, 0, is, SIZE), ==, 0);
    g_assert_cmpmem(is, SIZE, d->content, SIZE);
}

static void write_some(Disk *d, GRand *r)
{
    uint64_t at = g_rand_int_range(r, 0, SIZE / 512) * 512ull;
    uint64_t len = (g_rand_int_range(r, 0, 8) ? 8u : 300u) * 512 * (uint64_t)g_rand_int_range(r, 1, 4);
    len = MIN(len, SIZE - at);
    uint8_t fill = g_rand_int_range(r, 0, 3) ? g_rand_int(r) : 0;
    memset(d->content + at, fill, len);
    g_assert_cmpint(block_write_sync(d->b, at, d->content + at, len), ==, 0);
}

/* As savevm does: the folder of the snapshot is there when all is done. */
static void mark(Disk *d)
{
    Mark *m = &d->marks[d->n];
    GError *error = NULL;
    m->uuid = g_uuid_string_random();
    m->path = g_strdup_printf("%s/snap-%s", d->dir, m->uuid);
    m->content = g_memdup2(d->content, SIZE);
    BlockMark *k = block_mark_new(d->b, m->uuid, m->path, &error);
    g_assert_no_error(error);
    g_assert_cmpint(block_mark_sync(k), ==, 0);
    g_autofree char *manifest = g_build_filename(m->path, "manifest.json", NULL);
    g_assert_cmpint(g_mkdir(m->path, 0755), ==, 0);
    g_assert_true(g_file_set_contents(manifest, m->uuid, -1, NULL));
    block_mark_free(k, true);
    d->n++;
}

static void go_back(Disk *d, unsigned i)
{
    GError *error = NULL;
    g_assert_true(block_mark_check(d->b, d->marks[i].uuid, &error));
    g_assert_no_error(error);
    g_assert_true(block_mark_restore(d->b, d->marks[i].uuid, &error));
    g_assert_no_error(error);
    memcpy(d->content, d->marks[i].content, SIZE);
}

static void forget(Disk *d, unsigned i)
{
    g_autofree char *manifest = g_build_filename(d->marks[i].path, "manifest.json", NULL);
    g_unlink(manifest);
    g_rmdir(d->marks[i].path);
    block_mark_forget(d->b, d->marks[i].uuid);
    g_free(d->marks[i].uuid);
    g_free(d->marks[i].path);
    g_free(d->marks[i].content);
    d->marks[i] = d->marks[--d->n];
}

static void test_random(void)
{
    Disk d;
    GRand *r = g_rand_new_with_seed(g_test_rand_int());
    disk_make(&d);
    for (unsigned i = 0; i < 600; i++) {
        int what = g_rand_int_range(r, 0, 40);
        if (what < 28)
            write_some(&d, r);
        else if (what < 31 && d.n < MARKS)
            mark(&d);
        else if (what < 35 && d.n)
            go_back(&d, g_rand_int_range(r, 0, d.n));
        else if (what == 35 && d.n > 2)
            forget(&d, g_rand_int_range(r, 0, d.n));
        else if (what == 36) {
            block_close_all();
            /* At a clean end the image is the disk. */
            g_autofree char *image = NULL;
            gsize len;
            g_assert_true(g_file_get_contents(d.image, &image, &len, NULL));
            g_assert_cmpmem(image, len, d.content, SIZE);
            disk_open(&d);
        }
        if (what % 4 == 0)
            check(&d);
    }
    for (unsigned i = 0; i < d.n; i++) {
        go_back(&d, i);
        check(&d);
    }
    while (d.n)
        forget(&d, 0);
    check(&d);
    block_close_all();
    g_autofree char *left = g_strconcat(d.image, ".snapshots", NULL);
    g_assert_false(g_file_test(left, G_FILE_TEST_EXISTS));
    disk_end(&d);
    g_rand_free(r);
}

/* Works until it is killed; tells of each snapshot that is complete. */
static void victim(Disk *d, int to, guint32 seed)
{
    GRand *r = g_rand_new_with_seed(seed);
    disk_open(d);
    for (;;) {
        int what = g_rand_int_range(r, 0, 40);
        if (what < 4 && d->n < MARKS) {
            mark(d);
            g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, d->content, SIZE);
            g_autofree char *line = g_strdup_printf("%s %s\n", d->marks[d->n - 1].uuid, sum);
            g_assert_cmpint(write(to, line, strlen(line)), ==, (ssize_t)strlen(line));
        } else if (what < 7 && d->n) {
            go_back(d, g_rand_int_range(r, 0, d->n));
        } else {
            write_some(d, r);
        }
    }
}

static void test_killed(void)
{
    for (unsigned i = 0; i < 12; i++) {
        Disk d;
        int fds[2];
        disk_make(&d);
        block_close_all();
        g_assert_cmpint(pipe(fds), ==, 0);
        guint32 seed = g_test_rand_int();
        pid_t child = fork();
        if (!child) {
            close(fds[0]);
            victim(&d, fds[1], seed);
        }
        close(fds[1]);
        g_usleep(g_test_rand_int_range(1000, 150000));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        g_autoptr(GString) said = g_string_new(NULL);
        char buf[4096];
        for (ssize_t n; (n = read(fds[0], buf, sizeof buf)) > 0;)
            g_string_append_len(said, buf, n);
        close(fds[0]);
        disk_open(&d);
        g_auto(GStrv) lines = g_strsplit(said->str, "\n", -1);
        for (char **l = lines; *l && **l; l++) {
            g_auto(GStrv) word = g_strsplit(*l, " ", 2);
            GError *error = NULL;
            g_assert_true(block_mark_check(d.b, word[0], &error));
            g_assert_no_error(error);
            g_assert_true(block_mark_restore(d.b, word[0], &error));
            g_assert_cmpint(block_read_sync(d.b, 0, d.content, SIZE), ==, 0);
            g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, d.content, SIZE);
            g_assert_cmpstr(sum, ==, word[1]);
        }
        block_close_all();
        disk_end(&d);
    }
}

/* An image that another program changed meanwhile. */
static void test_foreign(void)
{
    Disk d;
    GError *error = NULL;
    disk_make(&d);
    mark(&d);
    block_close_all();
    int fd = open(d.image, O_WRONLY);
    g_assert_cmpint(pwrite(fd, "x", 1, 70000), ==, 1);
    close(fd);
    disk_open(&d);
    g_assert_false(block_mark_check(d.b, d.marks[0].uuid, &error));
    g_assert_nonnull(strstr(error->message, "another program"));
    g_clear_error(&error);
    block_close_all();
    disk_end(&d);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    main_loop_init();
    g_test_add_func("/snapshot-disk/random", test_random);
    g_test_add_func("/snapshot-disk/killed", test_killed);
    g_test_add_func("/snapshot-disk/foreign", test_foreign);
    return g_test_run();
}
