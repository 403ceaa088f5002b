/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NBD: our server with qemu-img and qemu-io as clients, our client with qemu-nbd's server, one with
 * the other, and noise on either side.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/export.h"
#include "backend/nbd/nbd_int.h"
#include "block_ops.h"
#include "softmmu/run.h"
#include "util/bits.h"

static char *socket_path;

static bool have(const char *program)
{
    g_autofree char *found = g_find_program_in_path(program);
    if (!found)
        g_test_skip("qemu-utils is not installed");
    return found;
}

static void pump(void)
{
    while (g_main_context_iteration(NULL, false))
        ;
    main_unlock(); /* for the sessions' threads */
    g_usleep(100);
    main_lock();
}

/* A command beside us; its exit status. */
static int G_GNUC_PRINTF(1, 2) shell(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *line = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    char *argv[] = { (char *)"sh", (char *)"-c", line, NULL };
    GPid pid;
    int status;
    g_assert_true(g_spawn_async(dir, argv, NULL,
                                G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
                                    G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, &pid, NULL));
    while (waitpid(pid, &status, WNOHANG) == 0)
        pump();
    return WEXITSTATUS(status);
}

static void serve(const char *device, bool writable)
{
    GError *error = NULL;
    nbd_server_start(&(NbdAddress){ .path = socket_path }, 0, &error);
    g_assert_no_error(error);
    nbd_export_add(&(NbdExportArgs){ .id = "e", .device = device, .name = "x",
                                     .writable = writable }, &error);
    g_assert_no_error(error);
}

#define URL "'nbd+unix:///x?socket=nbd.sock'"

static void test_server(void)
{
    if (!have("qemu-io"))
        return;
    g_autofree uint8_t *model = g_malloc0(MODEL_SIZE);
    for (int i = 0; i < MODEL_SIZE / 2; i++)
        model[i] = (uint8_t)(i >> 9);
    g_autofree char *path = image_new("base.img", model, MODEL_SIZE / 2);
    g_assert_cmpint(truncate(path, MODEL_SIZE), ==, 0); /* a hole */
    BlockBackend *b = drive("file=%s,format=raw,if=none,id=d", path);
    serve("d", true);
    g_assert_cmpint(shell("qemu-img compare -q -f raw -F raw base.img -U " URL), ==, 0);
    g_assert_cmpint(shell("qemu-img map --output=json " URL " | grep -q '\"zero\": true'"), ==, 0);
    g_assert_cmpint(shell("qemu-io -f raw -c 'write -P 5 1000 70001' -c 'write -z 200k 3k' "
                          "-c 'discard 512k 64k' -c 'flush' -c 'read -P 5 1000 70001' " URL), ==, 0);
    memset(model + 1000, 5, 70001);
    memset(model + (200 << 10), 0, 3 << 10);
    memset(model + (512 << 10), 0, 64 << 10);
    compare(b, model, MODEL_SIZE);
    g_assert_cmpint(shell("qemu-io -f raw -c 'read 0 512' 'nbd+unix:///y?socket=nbd.sock' "
                          "2>/dev/null"), !=, 0);
    g_assert_cmpint(shell("qemu-img bench -q -f raw -w -d 16 -c 500 " URL), ==, 0);
    g_assert_true(nbd_server_stop(NULL));
    g_assert_false(nbd_server_stop(NULL));
    block_free(b);
    g_unlink(path);
}

static void test_client(void)
{
    if (!have("qemu-nbd"))
        return;
    g_autoptr(GRand) r = g_rand_new_with_seed(1);
    g_autofree uint8_t *model = g_malloc0(MODEL_SIZE);
    g_autofree char *path = image_new("base.img", model, MODEL_SIZE);
    char *argv[] = { (char *)"qemu-nbd", (char *)"-k", socket_path, (char *)"-f", (char *)"raw",
                     (char *)"-x", (char *)"x", (char *)"--discard=unmap", path, NULL };
    GPid pid;
    g_assert_true(g_spawn_async(dir, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
                                NULL, NULL, &pid, NULL));
    g_autofree char *text = g_strdup_printf("file=nbd:unix:%s:exportname=x,format=raw,if=none,"
                                            "discard=unmap", socket_path);
    BlockBackend *b = NULL;
    for (int i = 0; i < 20000 && !(b = drive_new(text, NULL, NULL)); i++)
        g_usleep(5000); /* until it listens */
    g_assert_nonnull(b);
    g_assert_cmpuint(block_size(b), ==, MODEL_SIZE);
    for (int i = 0; i < 40; i++)
        burst(b, model, MODEL_SIZE, r, true);
    compare(b, model, MODEL_SIZE);
    block_free(b); /* and qemu-nbd ends with its last client */
    int status;
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_autofree char *data = NULL;
    gsize len;
    g_assert_true(g_file_get_contents(path, &data, &len, NULL));
    g_assert_cmpmem(data, len, model, MODEL_SIZE);
    g_unlink(path);
    g_unlink(socket_path);
}

/* ---- noise ---- */

static int dial(void)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    struct timeval patience = { .tv_usec = 300000 };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_strlcpy(a.sun_path, socket_path, sizeof a.sun_path);
    g_assert_cmpint(connect(fd, (void *)&a, sizeof a), ==, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

static size_t put_option(uint8_t *p, uint32_t option, const void *data, uint32_t len)
{
    store_be64(p, NBD_OPTION_MAGIC);
    store_be32(p + 8, option);
    store_be32(p + 12, len);
    memcpy(p + 16, data, len);
    return 16 + len;
}

/* A good client's bytes, some of them changed. */
static size_t noisy_client(uint8_t *p, GRand *r)
{
    static const uint8_t go[] = { 0, 0, 0, 1, 'x', 0, 1, 0, 3 };
    static const uint8_t context[] = { 0, 0, 0, 1, 'x', 0, 0, 0, 1, 0, 0, 0, 15, 'b', 'a', 's', 'e',
                                       ':', 'a', 'l', 'l', 'o', 'c', 'a', 't', 'i', 'o', 'n' };
    size_t n = 4;
    store_be32(p, 3);
    n += put_option(p + n, NBD_OPT_STRUCTURED, NULL, 0);
    n += put_option(p + n, NBD_OPT_LIST, NULL, 0);
    n += put_option(p + n, NBD_OPT_SET_CONTEXT, context, sizeof context);
    n += put_option(p + n, NBD_OPT_GO, go, sizeof go);
    size_t handshake = n;
    for (int i = 0; i < 6; i++, n += 28) {
        memset(p + n, 0, 28);
        store_be32(p + n, NBD_REQUEST_MAGIC);
        store_be16(p + n + 6, (uint16_t)(i == 1 ? NBD_FLUSH : i == 5 ? NBD_DISCONNECT
                                         : g_rand_int_range(r, 4, 9)));
        store_be64(p + n + 16, g_rand_boolean(r) ? g_rand_int(r) : 512);
        store_be32(p + n + 24, g_rand_boolean(r) ? g_rand_int(r) : 512);
    }
    for (int i = g_rand_int_range(r, 0, 4); i > 0; i--)
        p[g_rand_int_range(r, 0, (gint)(g_rand_boolean(r) ? handshake : n))] = (uint8_t)g_rand_int(r);
    return n;
}

static void test_noise_to_server(void)
{
    g_autoptr(GRand) r = g_rand_new_with_seed(2);
    g_autofree uint8_t *model = g_malloc0(MODEL_SIZE);
    g_autofree char *path = image_new("base.img", model, MODEL_SIZE);
    BlockBackend *b = drive("file=%s,format=raw,if=none,id=d", path);
    serve("d", false);
    for (int i = 0; i < 150; i++) {
        uint8_t out[1024], in[4096];
        size_t n = noisy_client(out, r);
        int fd = dial();
        g_assert_cmpint(write(fd, out, n), ==, (ssize_t)n);
        shutdown(fd, SHUT_WR); /* it hears no more, so that it ends */
        for (int k = 0; k < 20; k++)
            pump();
        while (recv(fd, in, sizeof in, MSG_DONTWAIT) > 0)
            ;
        close(fd);
    }
    g_assert_true(nbd_server_stop(NULL));
    compare(b, model, MODEL_SIZE); /* an export to read was not written */
    block_free(b);
    g_unlink(path);
}

/* A server that says good things first, and then anything. */
static gpointer noisy_server(gpointer arg)
{
    g_autoptr(GRand) r = g_rand_new_with_seed(3);
    int listening = GPOINTER_TO_INT(arg);
    for (;;) {
        uint8_t p[512] = { 0 }, in[4096];
        int fd = accept(listening, NULL, NULL);
        if (fd < 0)
            return NULL;
        store_be64(p, NBD_MAGIC);
        store_be64(p + 8, NBD_OPTION_MAGIC);
        store_be16(p + 16, 3);
        store_be64(p + 18, NBD_REPLY_MAGIC);
        store_be32(p + 26, NBD_OPT_GO);
        store_be32(p + 30, NBD_REP_INFO);
        store_be32(p + 34, 12);
        store_be64(p + 40, MODEL_SIZE);
        store_be16(p + 48, 1);
        store_be64(p + 50, NBD_REPLY_MAGIC);
        store_be32(p + 58, NBD_OPT_GO);
        store_be32(p + 62, NBD_REP_ACK);
        for (size_t i = 70; i < sizeof p; i++)
            p[i] = (uint8_t)g_rand_int(r);
        for (int i = g_rand_int_range(r, 0, 4); i > 0; i--)
            p[g_rand_int_range(r, 0, 70)] = (uint8_t)g_rand_int(r);
        if (write(fd, p, sizeof p) == (ssize_t)sizeof p) {
            shutdown(fd, SHUT_WR);
            while (read(fd, in, sizeof in) > 0)
                ;
        }
        close(fd);
    }
}

static void test_noise_from_server(void)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), opened = 0;
    g_strlcpy(a.sun_path, socket_path, sizeof a.sun_path);
    g_assert_cmpint(bind(fd, (void *)&a, sizeof a), ==, 0);
    g_assert_cmpint(listen(fd, 5), ==, 0);
    GThread *t = g_thread_new("noise", noisy_server, GINT_TO_POINTER(fd));
    g_autofree char *text = g_strdup_printf("file=nbd:unix:%s,format=raw,if=none", socket_path);
    for (int i = 0; i < 100; i++) {
        g_autoptr(GError) error = NULL;
        BlockBackend *b = drive_new(text, NULL, &error);
        uint8_t buf[512];
        if (!b) {
            g_assert_nonnull(error);
            continue;
        }
        opened++;
        int r = block_size(b) ? block_read_sync(b, 0, buf, sizeof buf) : -EIO;
        g_assert_cmpint(r, ==, -EIO);
        block_free(b);
    }
    g_assert_cmpint(opened, >, 10);
    g_assert_cmpint(opened, <, 100);
    shutdown(fd, SHUT_RDWR);
    g_thread_join(t);
    close(fd);
    g_unlink(socket_path);
}

static void no_warnings(void)
{
    /* "the server is gone" is what the noise is about. */
    g_assert_nonnull(freopen("/dev/null", "w", stderr));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    main_loop_init();
    dir = g_dir_make_tmp("sosia-nbd-XXXXXX", NULL);
    socket_path = g_build_filename(dir, "nbd.sock", NULL);
    g_test_add_func("/nbd/server", test_server);
    g_test_add_func("/nbd/client", test_client);
    g_test_add_func("/nbd/noise-to-server", test_noise_to_server);
    g_test_add_func("/nbd/noise-from-server", test_noise_from_server);
    if (!g_test_verbose())
        no_warnings();
    int status = g_test_run();
    g_rmdir(dir);
    return status;
}
