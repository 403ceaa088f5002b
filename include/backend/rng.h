/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sources of randomness for devices (-object rng-random, rng-builtin). Main lock held. */
#ifndef BACKEND_RNG_H
#define BACKEND_RNG_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct RngBackend RngBackend;

/* An open file (rng-random), or NULL with a reason. */
RngBackend *rng_new_file(const char *filename, GError **error);
/* The host's generator, or a repeatable one under -seed (rng-builtin). */
RngBackend *rng_new_builtin(void);
void rng_free(RngBackend *r);

/*
 * done() gets between 1 and len bytes, within the call if they are there, else later, in the order
 * of the requests: a source may have several users. A source that fails never answers.
 */
void rng_request(RngBackend *r, size_t len,
                 void (*done)(void *opaque, const void *buf, size_t len), void *opaque);
/* Forgets the requests with that opaque. */
void rng_cancel(RngBackend *r, const void *opaque);

#endif
