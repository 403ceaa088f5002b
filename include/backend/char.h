/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character backends (-chardev, -serial): byte streams between a device or the monitor and the
 * host. Main thread, main lock held.
 */
#ifndef BACKEND_CHAR_H
#define BACKEND_CHAR_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Chardev Chardev;

typedef enum CharEvent {
    CHAR_OPENED, CHAR_CLOSED, CHAR_BREAK, CHAR_MUX_IN, CHAR_MUX_OUT
} CharEvent;

/* A front end: what a device or monitor gives to take part. */
typedef struct CharFrontend {
    /* How many bytes the front end can take now; 0 stops input until char_accept_input. */
    size_t (*can_read)(void *opaque);
    void (*read)(void *opaque, const uint8_t *buf, size_t len); /* len <= can_read() */
    void (*event)(void *opaque, CharEvent event);               /* may be NULL */
    void *opaque;
} CharFrontend;

/* From QEMU's texts. "stdio,mux=on,id=c0" for -chardev; "mon:stdio", "tcp::4444,server,nowait",
 * "null", "file:x", "chardev:ID" for -serial and -monitor. NULL on error. */
Chardev *chardev_new_from_opts(const char *opts, GError **error);
Chardev *chardev_new_from_legacy(const char *text, const char *id, GError **error);
/* True for the "mon:" forms: whoever made the chardev is to put a monitor on it as well. */
bool chardev_legacy_wants_monitor(const char *text);
/* From options already split (consumed; keys as in -chardev, "backend" is the driver). */
Chardev *chardev_new(const char *id, GHashTable *opts, GError **error);
Chardev *chardev_find(const char *id);
const char *chardev_label(const Chardev *c);
const char *chardev_filename(const Chardev *c); /* "pty:/dev/pts/3", "tcp:127.0.0.1:4444,..." */
bool chardev_busy(const Chardev *c); /* a front end is attached */
/*
 * Makes another one, which takes over the old one's id and front end; `moved` is told, so that who
 * kept a pointer gets the new one. The old one is freed, or stays as it was where there is an error.
 */
Chardev *chardev_change(Chardev *old, GHashTable *opts, void (*moved)(Chardev *from, Chardev *to),
                        GError **error);
/* Front ends must have been detached. Fine from within one of its callbacks. */
void chardev_free(Chardev *c);
bool chardev_is_mux(const Chardev *c);
/* As a line of `info chardev` and query-chardev: label, filename text. */
void chardev_foreach(void (*fn)(Chardev *c, const char *label, const char *filename, bool open,
                                void *arg), void *arg);
char *chardev_help(void); /* -chardev help */
char *chardev_options_help(const char *kind, GError **error); /* -chardev KIND,help */

/* Attaches a front end; a mux takes several (up to 4), others one. Returns false with a reason. */
bool chardev_attach(Chardev *c, const CharFrontend *fe, GError **error);
void chardev_detach(Chardev *c, void *opaque);
/* Of a mux: if this front end has the focus and others are there, the one that had it before gets
 * it back. For monitors, which are to start behind the guest's console. */
void chardev_yield_focus(Chardev *c, void *opaque);
/*
 * Writes without blocking: takes all; what the host does not accept at once is queued, and a
 * queue above 1 MiB drops the oldest (a client that does not read must not stop the machine).
 */
void chardev_write(Chardev *c, const void *buf, size_t len);
/* True while the queue is short: a device may hold its "transmitter ready" back otherwise. */
bool chardev_writable(const Chardev *c);
/* A descriptor that the other end sent with its last bytes (SCM_RIGHTS); the caller's from now on.
 * -1: none. */
int chardev_take_fd(Chardev *c);
size_t chardev_queued(const Chardev *c); /* bytes in the queue */
/* The front end can take input again. */
void chardev_accept_input(Chardev *c, void *opaque);
void chardev_send_break(Chardev *c);
/* -echr: the escape character of mux and -nographic; default 1 (Ctrl-A). */
void chardev_set_escape(int c);

/* Ringbuf: takes up to len of the oldest bytes out. False: c is of another kind. */
bool chardev_ringbuf_read(Chardev *c, void *buf, size_t *len);
bool chardev_is_ringbuf(const Chardev *c);

/* -serial N, filled in by the command line; NULL: not configured. */
Chardev *serial_hd(unsigned n);
void serial_hd_add(Chardev *c);

#endif
