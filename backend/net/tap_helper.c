/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scripts that set a TAP device up, and helpers that open one: these run with more privileges, get
 * one end of a Unix socket as --fd=N, and send the device's descriptor through it, with one byte
 * (unix(7), SCM_RIGHTS).
 */
#include "backend/net/tap_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/error.h"

const char *tap_default_helper(void)
{
    static const char *const paths[] = {
        "/usr/lib/qemu/qemu-bridge-helper", "/usr/libexec/qemu-bridge-helper",
        "/usr/local/libexec/qemu-bridge-helper",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
        if (!access(paths[i], X_OK))
            return paths[i];
    return paths[0];
}

bool tap_run_script(const char *script, const char *ifname, GError **error)
{
    char *argv[] = { (char *)script, (char *)ifname, NULL };
    g_autoptr(GError) reason = NULL;
    int status;
    if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL, NULL,
                      &status, &reason))
        return error_set(error, "can't run the network script %s: %s; script=no and downscript=no "
                         "do without", script, reason->message);
    return !status || error_set(error, "network script %s failed with status %d", script, status);
}

/* The descriptor that comes through the socket, or -1. */
static int receive_fd(int from)
{
    char byte;
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = { &byte, 1 };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                        .msg_controllen = sizeof control };
    ssize_t got;
    do {
        got = recvmsg(from, &m, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    const struct cmsghdr *c = got > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    int fd = -1;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len == CMSG_LEN(sizeof fd))
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

/* A helper with blanks is a line for the shell. */
static char **helper_argv(const char *helper, const char *bridge, int fd)
{
    g_autofree char *where = g_strdup_printf("--fd=%d", fd);
    g_autofree char *br = g_strdup_printf("--br=%s", bridge);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    if (strpbrk(helper, " \t")) {
        bool named = strstr(helper, "--br=");
        g_autofree char *quoted = g_shell_quote(br);
        g_ptr_array_add(argv, g_strdup("/bin/sh"));
        g_ptr_array_add(argv, g_strdup("-c"));
        g_ptr_array_add(argv, g_strdup_printf("%s --use-vnet %s%s%s", helper, where,
                                              named ? "" : " ", named ? "" : quoted));
    } else {
        g_ptr_array_add(argv, g_strdup(helper));
        g_ptr_array_add(argv, g_strdup("--use-vnet"));
        g_ptr_array_add(argv, g_steal_pointer(&where));
        g_ptr_array_add(argv, g_steal_pointer(&br));
    }
    g_ptr_array_add(argv, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&argv), FALSE);
}

int tap_from_helper(const char *helper, const char *bridge, GError **error)
{
    int pair[2], status = -1;
    GPid pid;
    g_autoptr(GError) reason = NULL;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
        error_set_errno(error, errno, "no socket for the bridge helper");
        return -1;
    }
    fcntl(pair[1], F_SETFD, 0); /* this one is the helper's */
    char **argv = helper_argv(helper, bridge, pair[1]);
    bool runs = g_spawn_async(NULL, argv, NULL,
                              G_SPAWN_LEAVE_DESCRIPTORS_OPEN | G_SPAWN_DO_NOT_REAP_CHILD |
                              G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, &pid, &reason);
    g_strfreev(argv);
    close(pair[1]);
    int fd = runs ? receive_fd(pair[0]) : -1;
    close(pair[0]);
    while (runs && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (fd >= 0 && !status)
        return fd;
    if (fd >= 0)
        close(fd);
    if (!runs)
        error_set(error, "can't run the bridge helper %s: %s", helper, reason->message);
    else
        error_set(error, "bridge helper failed: %s brought no device of bridge %s; is it allowed "
                  "in qemu/bridge.conf?", helper, bridge);
    return -1;
}
