/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A 9P2000.L server over a shared folder: requests in, replies out, whatever carries them.
 *
 * Protocol: "9P2000.L" as the Linux kernel's v9fs speaks it (diod's protocol.md), 9P2000 from the
 * Plan 9 manual, section 5. Sizes are little-endian; a string is a 16-bit length and bytes.
 */
#ifndef HW_9PFS_P9_H
#define HW_9PFS_P9_H

#include "backend/fs.h"

enum { P9_HEADER = 7, P9_MSIZE_MIN = 4096, P9_MSIZE_MAX = 1 << 20, P9_MAX_FIDS = 1 << 20 };

typedef struct P9Server P9Server;

P9Server *p9_new(FsDev *fs);
void p9_free(P9Server *s);
/* Forgets all fids, as at a reset of the transport. */
void p9_reset(P9Server *s);
/*
 * Serves one request of `len` bytes; the reply, at most `room` bytes, is appended to out (empty
 * before). False: the request is no message of 9P; out is then to be ignored. Not reentrant.
 */
bool p9_serve(P9Server *s, const uint8_t *request, size_t len, GByteArray *out, size_t room);
/* All that the guest holds, for snapshots: files are opened again by name when they are used. */
void p9_save(const P9Server *s, GByteArray *out);
bool p9_load(P9Server *s, const uint8_t *data, size_t len, GError **error);

#endif
