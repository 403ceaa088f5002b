/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The console of semihosting. Chardevs belong to the main thread: output goes there under the main
 * lock, input comes through a queue that the calling vCPU waits on.
 */
#include "softmmu/semihosting/int.h"

#include <string.h>
#include <unistd.h>

#include "backend/char.h"
#include "softmmu/run.h"
#include "util/error.h"

enum { QUEUE = 1024 };
static Chardev *chardev;
static uint8_t queue[QUEUE];
static size_t queued;
static GCond arrived; /* with the main lock */

static size_t can_read(void *opaque)
{
    return QUEUE - queued;
}

static void take(void *opaque, const uint8_t *buf, size_t len)
{
    memcpy(queue + queued, buf, len);
    queued += len;
    g_cond_broadcast(&arrived);
}

bool semihosting_console_open(const char *id, GError **error)
{
    static const CharFrontend fe = { can_read, take, NULL, &chardev };

    if (!id)
        return true;
    chardev = chardev_find(id);
    if (!chardev)
        return error_set(error, "-semihosting-config: there is no chardev '%s'; make it with "
                         "-chardev", id);
    return chardev_attach(chardev, &fe, error);
}

void semihosting_console_write(const void *buf, size_t len)
{
    const uint8_t *p = buf;

    if (chardev) {
        main_lock();
        chardev_write(chardev, buf, len);
        main_unlock();
        return;
    }
    while (len) {
        ssize_t n = write(STDERR_FILENO, p, len);
        if (n <= 0)
            return;
        p += n;
        len -= (size_t)n;
    }
}

int semihosting_console_getc(void)
{
    uint8_t c;

    if (!chardev)
        return read(STDIN_FILENO, &c, 1) == 1 ? c : -1;
    main_lock();
    while (!queued && run_state_is_running())
        /* Wakes up now and then: a machine that is stopped or ends must not hang on this. */
        main_cond_wait_until(&arrived, g_get_monotonic_time() + 50000);
    if (!queued) {
        main_unlock();
        return -1;
    }
    c = queue[0];
    memmove(queue, queue + 1, --queued);
    chardev_accept_input(chardev, &chardev);
    main_unlock();
    return c;
}
