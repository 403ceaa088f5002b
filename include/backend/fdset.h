/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors that others hand to the program: by name (getfd), and in numbered sets, which files
 * are opened from as /dev/fdset/N (add-fd, -add-fd). Main thread.
 */
#ifndef BACKEND_FDSET_H
#define BACKEND_FDSET_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Takes fd over. have_set: into that set, which comes to be; else a new one. Its number is in
 * *number (if wanted). False: fd stays the caller's. */
bool fdset_add(int fd, bool have_set, int64_t set, const char *opaque, int64_t *number,
               GError **error);
/* fd < 0: all of the set. */
bool fdset_remove(int64_t set, int64_t fd, GError **error);
/* Every descriptor, set by set in ascending order. */
void fdset_foreach(void (*fn)(int64_t set, int fd, const char *opaque, void *arg), void *arg);
/* A copy of a descriptor of the set that may do what flags (O_RDONLY, O_RDWR) ask, for paths of the
 * form /dev/fdset/N; -1 with errno if there is none. False: another path. */
bool fdset_open(const char *path, int flags, int *fd);

/* Takes fd over; one of that name is closed. False: no name. */
bool fd_name(const char *name, int fd, GError **error);
bool fd_unname(const char *name, GError **error); /* and closes it */
int fd_take(const char *name);                    /* -1: no such name */

#endif
