/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kinds of character backends share: the class of a kind, and byte streams on file
 * descriptors with a bounded output queue.
 */
#ifndef CHAR_INTERNAL_H
#define CHAR_INTERNAL_H

#include "backend/char.h"

enum {
    CHAR_QUEUE_MAX = 1 << 20,   /* above this the oldest output is dropped */
    CHAR_QUEUE_SHORT = 1 << 14, /* chardev_writable up to here */
    CHAR_READ_MAX = 4096,
};

typedef struct ChardevClass {
    const char *name, *alias;
    const char *doc;
    size_t size;                /* of the struct that begins with a Chardev */
    const char *const *options; /* NULL-terminated, for "did you mean" and -chardev help */
    /* Takes what it knows out of opts; what is left over is an error of the caller's. */
    bool (*open)(Chardev *c, GHashTable *opts, GError **error);
    void (*close)(Chardev *c);
    void (*write)(Chardev *c, const uint8_t *buf, size_t len);
    size_t (*queued)(const Chardev *c);                             /* NULL: never queues */
    void (*accept_input)(Chardev *c);                               /* NULL: never has input */
    void (*send_break)(Chardev *c);                                 /* NULL: no effect */
    bool (*attach)(Chardev *c, const CharFrontend *fe, GError **error); /* NULL: one front end */
    void (*detach)(Chardev *c, void *opaque);
    bool (*drain)(Chardev *c);  /* at exit: false while more could be written; NULL: no queue */
    bool internal;              /* not to be named by users */
} ChardevClass;

struct Chardev {
    const ChardevClass *cls;
    char *label, *filename;
    unsigned refs;
    bool open;     /* the other end is there */
    bool attached;
    CharFrontend fe;
    int log_fd;    /* logfile=, or -1 */
    int passed_fd; /* came with the input, and nobody took it; -1: none */
};

void chardev_class_register(const ChardevClass *cls);
#define CHARDEV_REGISTER(c)                                                                    \
    static void __attribute__((constructor)) register_##c(void) { chardev_class_register(&c); }

extern const ChardevClass chardev_mux_class; /* option chardev=: what it sits on */

/* For the kinds: the host side opened or closed. */
void chardev_set_open(Chardev *c, bool open);
void chardev_event(Chardev *c, CharEvent event);
void chardev_set_filename(Chardev *c, char *filename); /* takes it over */
size_t chardev_input_room(Chardev *c);                 /* what the front end can take now */
void chardev_input(Chardev *c, const uint8_t *buf, size_t len);
/* A file for output, or what /dev/fdset/N holds (as it is); -1 with errno. */
int chardev_open_output(const char *path, bool append);
void chardev_ref(Chardev *c);
void chardev_unref(Chardev *c);

/* A byte stream on one or two file descriptors. */
typedef struct CharFd {
    Chardev *c;
    int in, out;            /* owned; may be the same; -1: none */
    guint in_tag, out_tag;
    bool takes_fds;         /* input may come with descriptors: c->passed_fd */
    bool out_blocks;        /* the descriptor is not in non-blocking mode: poll before writing */
    GByteArray *queue;
    size_t head;            /* first byte of queue that is not written */
    /* Takes protocol bytes out of the input, in place; NULL: none. Returns what is left. */
    size_t (*filter)(Chardev *c, uint8_t *buf, size_t len);
    void (*input_end)(Chardev *c); /* end of file or an error on in; NULL: just stop reading */
    void (*output_end)(Chardev *c);/* out is gone (EPIPE); NULL: output is dropped from now on */
} CharFd;

void char_fd_init(CharFd *f, Chardev *c, int in, int out);
/* Watches for input if a front end wants it, and stops if not. */
void char_fd_update_input(CharFd *f);
void char_fd_write(CharFd *f, const uint8_t *buf, size_t len);
size_t char_fd_queued(const CharFd *f);
bool char_fd_drain(CharFd *f); /* false while there is output that could not be written yet */
void char_fd_close(CharFd *f); /* without waiting for the queue */
bool fd_set_nonblock(int fd);

/* A signal handler: puts the terminal back into the user's mode, then lets the signal do what it
 * does by default. */
void char_terminal_leave(int sig);

/* Calls the front end's read, between the hooks for what comes from outside (char_hook.h). */
void chardev_hand_over(const CharFrontend *fe, const uint8_t *buf, size_t len);
bool chardev_input_is_hooked(void);
bool chardev_in_past(void); /* muted */

#endif
