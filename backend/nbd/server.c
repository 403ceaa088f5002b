/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The NBD server: listens, and gives each client a thread (session.c), which submits its requests
 * as a device does: one at a time of each connection; a client that wants more opens more.
 * Left out: TLS; contexts other than base:allocation.
 */
#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/char/sockaddr.h"
#include "backend/export.h"
#include "backend/nbd/nbd_int.h"
#include "softmmu/run.h"
#include "util/error.h"

enum { LISTEN_MAX = 8, HANDSHAKE_S = 10 };

static int listening[LISTEN_MAX];
static guint watch[LISTEN_MAX];
static unsigned n_listening, max_clients;
static char *socket_path;
static GPtrArray *sessions; /* main lock */

static gpointer session_thread(gpointer arg)
{
    NbdSession *s = arg;
    nbd_session_run(s);
    main_lock();
    if (s->e)
        nbd_export_leave(s->e);
    g_ptr_array_remove_fast(sessions, s);
    close(s->fd);
    main_loop_wake(); /* who stops the server waits for the last */
    main_unlock();
    g_free(s);
    return NULL;
}

static gboolean on_client(gint fd, GIOCondition c, gpointer opaque)
{
    struct timeval patience = { .tv_sec = HANDSHAKE_S };
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0)
        return G_SOURCE_CONTINUE;
    if (max_clients && sessions->len >= max_clients) {
        close(client);
        return G_SOURCE_CONTINUE;
    }
    sock_set_nodelay(client);
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    NbdSession *s = g_new0(NbdSession, 1);
    s->fd = client;
    g_ptr_array_add(sessions, s);
    GThread *t = g_thread_try_new("nbd", session_thread, s, NULL);
    if (t) {
        g_thread_unref(t);
        return G_SOURCE_CONTINUE;
    }
    g_ptr_array_remove_fast(sessions, s);
    close(client);
    g_free(s);
    return G_SOURCE_CONTINUE;
}

void nbd_close_clients(const NbdExport *e)
{
    for (guint i = 0; sessions && i < sessions->len; i++) {
        NbdSession *s = sessions->pdata[i];
        if (!e || s->e == e)
            shutdown(s->fd, SHUT_RDWR);
    }
}

bool nbd_server_running(void)
{
    return n_listening;
}

bool nbd_server_start(const NbdAddress *a, unsigned max_connections, GError **error)
{
    if (n_listening)
        return error_set(error, "NBD server already running");
    SockSpec spec = { .host = (char *)a->host, .port = (char *)a->port, .path = (char *)a->path,
                      .ipv4 = true, .ipv6 = true };
    int n = sock_listen(&spec, listening, LISTEN_MAX, error);
    if (n < 0)
        return false;
    if (!sessions)
        sessions = g_ptr_array_new();
    n_listening = (unsigned)n;
    max_clients = max_connections;
    socket_path = g_strdup(a->path);
    for (int i = 0; i < n; i++) {
        g_unix_set_fd_nonblocking(listening[i], TRUE, NULL);
        watch[i] = g_unix_fd_add(listening[i], G_IO_IN, on_client, NULL);
    }
    return true;
}

static bool all_gone(void *opaque)
{
    return !nbd_export_next(NULL) && !sessions->len;
}

bool nbd_server_stop(GError **error)
{
    if (!n_listening)
        return error_set(error, "NBD server not running");
    while (n_listening) {
        g_source_remove(watch[--n_listening]);
        close(listening[n_listening]);
    }
    if (socket_path)
        unlink(socket_path);
    g_clear_pointer(&socket_path, g_free);
    for (NbdExport *e = nbd_export_next(NULL), *next; e; e = next) {
        next = e->next;
        if (!e->closing)
            nbd_export_del(e->id, true, NULL);
    }
    nbd_close_clients(NULL);
    /* What clients have under way ends first, so that the disks are free afterwards. */
    main_loop_wait_for(all_gone, NULL);
    return true;
}
