/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The operations of semihosting (ARM 100863, chapter 5), for guests whose argument words have 64
 * bits. SYS_SYSTEM is refused: a guest runs no programs on the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "softmmu/run.h"
#include "softmmu/semihosting/int.h"
#include "util/bits.h"

enum {
    SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITEC = 0x03, SYS_WRITE0 = 0x04, SYS_WRITE = 0x05,
    SYS_READ = 0x06, SYS_READC = 0x07, SYS_ISERROR = 0x08, SYS_ISTTY = 0x09, SYS_SEEK = 0x0a,
    SYS_FLEN = 0x0c, SYS_TMPNAM = 0x0d, SYS_REMOVE = 0x0e, SYS_RENAME = 0x0f, SYS_CLOCK = 0x10,
    SYS_TIME = 0x11, SYS_SYSTEM = 0x12, SYS_ERRNO = 0x13, SYS_GET_CMDLINE = 0x15,
    SYS_HEAPINFO = 0x16, SYS_EXIT = 0x18, SYS_SYNCCACHE = 0x19, SYS_EXIT_EXTENDED = 0x20,
    SYS_ELAPSED = 0x30, SYS_TICKFREQ = 0x31,
};
#define ADP_STOPPED_APPLICATION_EXIT 0x20026u
enum { MAX_NAME = 4096, CHUNK = 65536, MAX_HANDLES = 256 };
#define FAILED ((uint64_t)-1)

typedef enum HandleKind { FREE, FILE_, CONSOLE, FEATURES } HandleKind;
static struct {
    HandleKind kind;
    int fd;
    uint64_t pos; /* FEATURES */
} handle[MAX_HANDLES]; /* under handle_lock; number 0 is no handle */
static GMutex handle_lock;
static int last_errno;
/* Magic, and: SYS_EXIT_EXTENDED and two consoles are there. */
static const uint8_t features[] = { 0x53, 0x48, 0x46, 0x42, 3 };

static uint64_t fail(int error)
{
    last_errno = error;
    return FAILED;
}

static bool get_words(const SemihostGuest *g, uint64_t arg, uint64_t *w, unsigned n)
{
    uint8_t raw[4 * 8];

    if (!g->read(g->opaque, arg, raw, n * 8))
        return false;
    for (unsigned i = 0; i < n; i++)
        w[i] = load_le64(raw + 8 * i);
    return true;
}

/* A string of len bytes. */
static char *get_string(const SemihostGuest *g, uint64_t va, uint64_t len)
{
    char *s;

    if (len >= MAX_NAME)
        return NULL;
    s = g_malloc0(len + 1);
    if (len && !g->read(g->opaque, va, s, len)) {
        g_free(s);
        return NULL;
    }
    return s;
}

/* --- files --- */

static uint64_t new_handle(HandleKind kind, int fd)
{
    uint64_t n = 0;

    g_mutex_lock(&handle_lock);
    for (unsigned i = 1; i < MAX_HANDLES && !n; i++)
        if (handle[i].kind == FREE) {
            handle[i].kind = kind;
            handle[i].fd = fd;
            handle[i].pos = 0;
            n = i;
        }
    g_mutex_unlock(&handle_lock);
    if (n)
        return n;
    if (fd >= 0)
        close(fd);
    return fail(EMFILE);
}

static HandleKind kind_of(uint64_t h)
{
    return h < MAX_HANDLES ? handle[h].kind : FREE;
}

static uint64_t sys_open(const SemihostGuest *g, const uint64_t *w)
{
    static const int modes[] = {
        O_RDONLY, O_RDWR, O_WRONLY | O_CREAT | O_TRUNC, O_RDWR | O_CREAT | O_TRUNC,
        O_WRONLY | O_CREAT | O_APPEND, O_RDWR | O_CREAT | O_APPEND,
    };
    g_autofree char *name = get_string(g, w[0], w[2]);
    int fd;

    if (!name || w[1] >= 12)
        return fail(EINVAL);
    if (!strcmp(name, ":tt"))
        return new_handle(CONSOLE, -1);
    if (!strcmp(name, ":semihosting-features"))
        return w[1] < 2 ? new_handle(FEATURES, -1) : fail(EACCES);
    fd = open(name, modes[w[1] / 2] | O_CLOEXEC, 0644);
    return fd < 0 ? fail(errno) : new_handle(FILE_, fd);
}

static uint64_t sys_close(uint64_t h)
{
    int fd = -1;

    g_mutex_lock(&handle_lock);
    if (kind_of(h) == FREE) {
        g_mutex_unlock(&handle_lock);
        return fail(EBADF);
    }
    if (handle[h].kind == FILE_)
        fd = handle[h].fd;
    handle[h].kind = FREE;
    g_mutex_unlock(&handle_lock);
    return fd < 0 || !close(fd) ? 0 : fail(errno);
}

/* Both answer with the number of bytes that were NOT moved. */
static uint64_t sys_write(const SemihostGuest *g, const uint64_t *w)
{
    HandleKind kind = kind_of(w[0]);
    uint64_t left = w[2], at = w[1];
    g_autofree uint8_t *buf = g_malloc(CHUNK);

    if (kind != FILE_ && kind != CONSOLE)
        return fail(EBADF), left;
    while (left) {
        size_t n = MIN(left, CHUNK);
        if (!g->read(g->opaque, at, buf, n))
            return fail(EFAULT), left;
        if (kind == CONSOLE) {
            semihosting_console_write(buf, n);
        } else {
            ssize_t done = write(handle[w[0]].fd, buf, n);
            if (done <= 0)
                return fail(errno), left;
            n = (size_t)done;
        }
        left -= n;
        at += n;
    }
    return 0;
}

static ssize_t read_some(uint64_t h, uint8_t *buf, size_t n)
{
    int c;

    switch (kind_of(h)) {
    case FILE_:
        return read(handle[h].fd, buf, n);
    case CONSOLE:
        c = semihosting_console_getc();
        if (c >= 0)
            buf[0] = (uint8_t)c;
        return c >= 0;
    case FEATURES:
        n = handle[h].pos < sizeof features ? MIN(n, sizeof features - handle[h].pos) : 0;
        memcpy(buf, features + MIN(handle[h].pos, sizeof features), n);
        handle[h].pos += n;
        return (ssize_t)n;
    default:
        errno = EBADF;
        return -1;
    }
}

static uint64_t sys_read(const SemihostGuest *g, const uint64_t *w)
{
    uint64_t left = w[2], at = w[1];
    g_autofree uint8_t *buf = g_malloc(CHUNK);

    while (left) {
        ssize_t n = read_some(w[0], buf, MIN(left, CHUNK));
        if (n < 0)
            return fail(errno), left;
        if (!n)
            return left;
        if (!g->write(g->opaque, at, buf, (size_t)n))
            return fail(EFAULT), left;
        left -= (uint64_t)n;
        at += (uint64_t)n;
        if (kind_of(w[0]) == CONSOLE)
            return left; /* what a person types comes as it comes */
    }
    return 0;
}

static uint64_t sys_seek(const uint64_t *w)
{
    switch (kind_of(w[0])) {
    case FILE_:
        return lseek(handle[w[0]].fd, (off_t)w[1], SEEK_SET) < 0 ? fail(errno) : 0;
    case FEATURES:
        handle[w[0]].pos = MIN(w[1], sizeof features);
        return 0;
    default:
        return fail(EBADF);
    }
}

static uint64_t sys_flen(uint64_t h)
{
    struct stat st;

    switch (kind_of(h)) {
    case FILE_:
        return fstat(handle[h].fd, &st) ? fail(errno) : (uint64_t)st.st_size;
    case FEATURES:
        return sizeof features;
    default:
        return fail(EBADF);
    }
}

static uint64_t sys_tmpnam(const SemihostGuest *g, const uint64_t *w)
{
    g_autofree char *name = NULL;

    if (w[1] > 255)
        return FAILED;
    name = g_strdup_printf("%s/sosia-%x-%02x", g_get_tmp_dir(), (unsigned)getpid(),
                           (unsigned)w[1]);
    if (strlen(name) + 1 > w[2])
        return FAILED;
    return g->write(g->opaque, w[0], name, strlen(name) + 1) ? 0 : FAILED;
}

static uint64_t sys_remove(const SemihostGuest *g, const uint64_t *w)
{
    g_autofree char *name = get_string(g, w[0], w[1]);
    return name && !remove(name) ? 0 : fail(name ? errno : EFAULT);
}

static uint64_t sys_rename(const SemihostGuest *g, const uint64_t *w)
{
    g_autofree char *from = get_string(g, w[0], w[1]), *to = get_string(g, w[2], w[3]);
    return from && to && !rename(from, to) ? 0 : fail(from && to ? errno : EFAULT);
}

/* --- the rest --- */

static uint64_t sys_write0(const SemihostGuest *g, uint64_t va)
{
    enum { LONGEST = 1 << 20 };
    GString *s = g_string_new(NULL);
    char c;

    while (s->len < LONGEST && g->read(g->opaque, va++, &c, 1) && c)
        g_string_append_c(s, c);
    semihosting_console_write(s->str, s->len);
    g_string_free(s, TRUE);
    return 0;
}

static uint64_t sys_get_cmdline(const SemihostGuest *g, uint64_t arg, const uint64_t *w)
{
    const char *text = semihosting_cmdline();
    size_t len = strlen(text);
    uint8_t size[8];

    if (len + 1 > w[1] || !g->write(g->opaque, w[0], text, len + 1))
        return FAILED;
    store_le64(size, len);
    return g->write(g->opaque, arg + 8, size, 8) ? 0 : FAILED;
}

/* Heap in the upper half of RAM, the stack at its end. */
static uint64_t sys_heapinfo(const SemihostGuest *g, uint64_t block)
{
    uint64_t end = g->ram_base + g->ram_size, v[] = { g->ram_base + g->ram_size / 2, end, end, 0 };
    uint8_t raw[sizeof v];

    for (unsigned i = 0; i < ARRAY_LEN(v); i++)
        store_le64(raw + 8 * i, g->ram_size ? v[i] : 0);
    return g->write(g->opaque, block, raw, sizeof raw) ? 0 : FAILED;
}

static uint64_t sys_elapsed(const SemihostGuest *g, uint64_t block)
{
    uint8_t raw[8];

    store_le64(raw, (uint64_t)clock_ns(CLOCK_VIRTUAL));
    return g->write(g->opaque, block, raw, 8) ? 0 : FAILED;
}

static uint64_t sys_exit(const uint64_t *w)
{
    int code = w[0] == ADP_STOPPED_APPLICATION_EXIT ? (int)(w[1] & 0xff) : 1;

    vm_request_shutdown(SHUTDOWN_GUEST_SHUTDOWN, code);
    return 0;
}

/* Words of the argument block. */
static unsigned n_words(uint64_t op)
{
    switch (op) {
    case SYS_RENAME:
        return 4;
    case SYS_OPEN: case SYS_WRITE: case SYS_READ: case SYS_TMPNAM:
        return 3;
    case SYS_SEEK: case SYS_REMOVE: case SYS_GET_CMDLINE: case SYS_EXIT: case SYS_EXIT_EXTENDED:
    case SYS_SYSTEM:
        return 2;
    case SYS_CLOSE: case SYS_ISERROR: case SYS_ISTTY: case SYS_FLEN: case SYS_HEAPINFO:
        return 1;
    default:
        return 0;
    }
}

uint64_t semihosting_call(const SemihostGuest *g, uint64_t op, uint64_t arg)
{
    uint64_t w[4] = { 0 };
    uint8_t c;

    op = (uint32_t)op;
    if (!get_words(g, arg, w, n_words(op)) && n_words(op))
        return fail(EFAULT);
    switch (op) {
    case SYS_OPEN: return sys_open(g, w);
    case SYS_CLOSE: return sys_close(w[0]);
    case SYS_WRITEC:
        if (g->read(g->opaque, arg, &c, 1))
            semihosting_console_write(&c, 1);
        return 0;
    case SYS_WRITE0: return sys_write0(g, arg);
    case SYS_WRITE: return sys_write(g, w);
    case SYS_READ: return sys_read(g, w);
    case SYS_READC: return (uint64_t)(int64_t)semihosting_console_getc();
    case SYS_ISERROR: return (int64_t)w[0] < 0;
    case SYS_ISTTY: return kind_of(w[0]) == CONSOLE;
    case SYS_SEEK: return sys_seek(w);
    case SYS_FLEN: return sys_flen(w[0]);
    case SYS_TMPNAM: return sys_tmpnam(g, w);
    case SYS_REMOVE: return sys_remove(g, w);
    case SYS_RENAME: return sys_rename(g, w);
    case SYS_CLOCK: return (uint64_t)clock() / (CLOCKS_PER_SEC / 100);
    case SYS_TIME: return (uint64_t)clock_ns(CLOCK_HOST) / 1000000000;
    case SYS_SYSTEM: return fail(EPERM);
    case SYS_ERRNO: return (uint64_t)last_errno;
    case SYS_GET_CMDLINE: return sys_get_cmdline(g, arg, w);
    case SYS_HEAPINFO: return sys_heapinfo(g, w[0]);
    case SYS_EXIT: case SYS_EXIT_EXTENDED: return sys_exit(w);
    case SYS_SYNCCACHE: return 0;
    case SYS_ELAPSED: return sys_elapsed(g, arg);
    case SYS_TICKFREQ: return 1000000000;
    default: return fail(ENOSYS);
    }
}
