/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file that a dump goes to: see dump_int.h. Regular files, pipes, sockets and devices will do. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "softmmu/dump/dump_int.h"
#include "util/error.h"

enum { POLL_MS = 100, PIECE = 4096 /* a pipe that is ready takes so much at once */ };

void dump_output_init(DumpOutput *o, int fd, _Atomic bool *cancel)
{
    struct stat st;
    *o = (DumpOutput){ .fd = fd, .cancel = cancel };
    off_t at = lseek(fd, 0, SEEK_CUR);
    int flags = fcntl(fd, F_GETFL);
    o->holes = at >= 0 && flags >= 0 && !(flags & (O_APPEND | O_DIRECT)) && !fstat(fd, &st) &&
               S_ISREG(st.st_mode) && st.st_size <= at;
    o->base = MAX(at, 0);
    o->regular = !fstat(fd, &st) && S_ISREG(st.st_mode);
}

static bool failed(int err, GError **error)
{
    return error_set_errno(error, err, "dump: failed to write the file");
}

static bool write_at(DumpOutput *o, const uint8_t *p, size_t len, uint64_t at, GError **error)
{
    while (len) {
        if (atomic_load_explicit(o->cancel, memory_order_relaxed))
            return error_set(error, "dump: the program ended before it was complete");
        struct pollfd pfd = { .fd = o->fd, .events = POLLOUT };
        if (!o->regular && poll(&pfd, 1, POLL_MS) <= 0)
            continue; /* nobody reads; the program may want to end */
        ssize_t n = o->holes ? pwrite(o->fd, p, len, (off_t)(o->base + at))
                             : write(o->fd, p, o->regular ? len : MIN(len, PIECE));
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n <= 0)
            return failed(n ? errno : EIO, error);
        p += n;
        at += n;
        len -= n;
    }
    return true;
}

bool dump_write(DumpOutput *o, const void *data, size_t len, GError **error)
{
    const uint8_t *p = data;
    if (o->holes && o->at < sizeof o->head) {
        unsigned n = MIN(len, sizeof o->head - o->at);
        memcpy(o->head + o->at, p, n);
        o->at += n;
        o->n_head = o->at;
        p += n;
        len -= n;
    }
    if (!write_at(o, p, len, o->at, error))
        return false;
    o->at += len;
    return true;
}

bool dump_write_zeros(DumpOutput *o, uint64_t len, GError **error)
{
    static const uint8_t zeros[1 << 16];
    if (o->holes && o->at >= sizeof o->head) {
        o->at += len;
        return true;
    }
    while (len) {
        size_t n = MIN(len, sizeof zeros);
        if (!dump_write(o, zeros, n, error))
            return false;
        len -= n;
    }
    return true;
}

bool dump_output_close(DumpOutput *o, bool ok, GError **error)
{
    if (o->holes && ok) {
        /* The size first: behind the last bytes there may be a hole. */
        if (ftruncate(o->fd, (off_t)(o->base + o->at)))
            ok = failed(errno, error);
        else
            ok = write_at(o, o->head, o->n_head, 0, error) &&
                 (lseek(o->fd, (off_t)(o->base + o->at), SEEK_SET) >= 0 || failed(errno, error));
    }
    /* What there is of it is of no use, and a full disk may need the room. */
    if (o->holes && !ok && ftruncate(o->fd, (off_t)o->base))
        ok = false;
    if (close(o->fd) && ok) /* some filesystems find out only now */
        ok = failed(errno, error);
    return ok;
}
