/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -daemonize and -pidfile. The parent ends only when the machine is set up, so that whoever
 * started us may connect to its sockets at once; it fails if the child does.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "softmmu/cli/cli.h"
#include "softmmu/run.h"
#include "util/error.h"

static int ready_pipe = -1;

bool cli_daemonize(GError **error)
{
    int ends[2];
    if (pipe(ends) < 0)
        return error_set_errno(error, errno, "-daemonize: cannot make a pipe");
    pid_t pid = fork();
    if (pid < 0)
        return error_set_errno(error, errno, "-daemonize: cannot fork");
    if (pid) {
        uint8_t status = 1;
        close(ends[1]);
        ssize_t n;
        do {
            n = read(ends[0], &status, 1);
        } while (n < 0 && errno == EINTR);
        /* Nothing read: the child ended before it was ready, and has said why. */
        _exit(n == 1 ? status : 1);
    }
    close(ends[0]);
    ready_pipe = ends[1];
    fcntl(ready_pipe, F_SETFD, FD_CLOEXEC);
    setsid();
    return true;
}

void cli_daemon_ready(void)
{
    if (ready_pipe < 0)
        return;
    int null = open("/dev/null", O_RDWR);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        if (null > STDERR_FILENO)
            close(null);
    }
    if (chdir("/") < 0)
        warn_report("cannot leave the current folder");
    uint8_t status = 0;
    while (write(ready_pipe, &status, 1) < 0 && errno == EINTR)
        ;
    close(ready_pipe);
    ready_pipe = -1;
}

static void pidfile_remove(void *path)
{
    unlink(path);
    g_free(path);
}

bool cli_write_pidfile(const char *path, GError **error)
{
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_set_errno(error, errno, "-pidfile %s: cannot write it", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        close(fd);
        return error_set(error, "-pidfile %s: another program holds it; is the machine running "
                         "already?", path);
    }
    char text[32];
    int n = g_snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || write(fd, text, n) != n) {
        int err = errno;
        close(fd);
        return error_set_errno(error, err, "-pidfile %s: cannot write it", path);
    }
    /* The descriptor stays open, and the lock held, until the process ends. */
    exit_add_notifier(pidfile_remove, g_canonicalize_filename(path, NULL));
    return true;
}
