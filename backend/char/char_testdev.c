/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * testdev: how test suites end the program with a status, through any port of the guest that writes
 * into it (kvm-unit-tests: a virtconsole). Output is a sequence of commands: a decimal number, then
 * a letter. 'q' is the only letter: the program ends with status NUMBER * 2 + 1, so that no outcome
 * of a test looks like an end of the program for another reason.
 */
#include "backend/char/char_internal.h"
#include "softmmu/run.h"

typedef struct CharTestdev {
    Chardev c;
    uint8_t number; /* wraps: what an exit status can hold is known from its low bits */
} CharTestdev;

static bool testdev_open(Chardev *c, GHashTable *opts, GError **error)
{
    c->open = true;
    return true;
}

static void testdev_write(Chardev *c, const uint8_t *buf, size_t len)
{
    CharTestdev *t = (CharTestdev *)c;

    for (size_t i = 0; i < len; i++) {
        if (g_ascii_isdigit((char)buf[i])) {
            t->number = (uint8_t)(t->number * 10 + (buf[i] - '0'));
            continue;
        }
        if (buf[i] == 'q')
            vm_request_shutdown(SHUTDOWN_GUEST_SHUTDOWN, (t->number << 1 | 1) & 0xff);
        t->number = 0;
    }
}

static const char *const testdev_options[] = { "mux", "logfile", "logappend", NULL };
static const ChardevClass testdev_class = {
    .name = "testdev", .doc = "ends the program when a test in the guest says so",
    .size = sizeof(CharTestdev), .options = testdev_options, .open = testdev_open,
    .write = testdev_write,
};
CHARDEV_REGISTER(testdev_class)
