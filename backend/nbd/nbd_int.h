/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NBD protocol (doc/proto.md of NetworkBlockDevice/nbd), and what the server's files share. */
#ifndef BACKEND_NBD_INT_H
#define BACKEND_NBD_INT_H

#include "backend/block.h"

#define NBD_MAGIC 0x4e42444d41474943ULL        /* "NBDMAGIC" */
#define NBD_OPTION_MAGIC 0x49484156454f5054ULL /* "IHAVEOPT" */
#define NBD_REPLY_MAGIC 0x3e889045565a9ULL     /* to an option */

enum {
    NBD_FIXED_NEWSTYLE = 1, NBD_NO_ZEROES = 2, /* flags of the handshake */
    NBD_REQUEST_MAGIC = 0x25609513, NBD_SIMPLE_MAGIC = 0x67446698, NBD_CHUNK_MAGIC = 0x668e33ef,
    /* options */
    NBD_OPT_EXPORT_NAME = 1, NBD_OPT_ABORT = 2, NBD_OPT_LIST = 3, NBD_OPT_INFO = 6, NBD_OPT_GO = 7,
    NBD_OPT_STRUCTURED = 8, NBD_OPT_LIST_CONTEXT = 9, NBD_OPT_SET_CONTEXT = 10,
    NBD_REP_ACK = 1, NBD_REP_SERVER = 2, NBD_REP_INFO = 3, NBD_REP_CONTEXT = 4,
    NBD_INFO_EXPORT = 0, NBD_INFO_NAME = 1, NBD_INFO_DESCRIPTION = 2, NBD_INFO_BLOCK_SIZE = 3,
    /* flags of an export */
    NBD_HAS_FLAGS = 1, NBD_READ_ONLY = 2, NBD_SEND_FLUSH = 4, NBD_SEND_FUA = 8, NBD_SEND_TRIM = 32,
    NBD_SEND_ZEROES = 64, NBD_SEND_DF = 128, NBD_MULTI_CONN = 256,
    /* requests and their flags */
    NBD_READ = 0, NBD_WRITE = 1, NBD_DISCONNECT = 2, NBD_FLUSH = 3, NBD_TRIM = 4, NBD_CACHE = 5,
    NBD_ZEROES = 6, NBD_STATUS = 7,
    NBD_FUA = 1, NBD_NO_HOLE = 2, NBD_DF = 4, NBD_REQ_ONE = 8,
    /* chunks of a structured reply */
    NBD_CHUNK_DONE = 1, NBD_CHUNK_NONE = 0, NBD_CHUNK_DATA = 1, NBD_CHUNK_STATUS = 5,
    NBD_CHUNK_ERROR = 0x8001,
    NBD_STATE_HOLE = 1, NBD_STATE_ZERO = 2, /* of base:allocation */
    NBD_MAX_DATA = 32 << 20, NBD_MAX_NAME = 4096,
};
#define NBD_ERR(n) (0x80000000u | (n))
enum { NBD_UNSUPPORTED = 1, NBD_INVALID = 3, NBD_UNKNOWN = 6, NBD_TOO_BIG = 9 };

typedef struct NbdExport NbdExport;
struct NbdExport {
    NbdExport *next;
    char *id, *name, *description;
    BlockBackend *b;
    bool writable, closing;
    unsigned clients;
};

typedef struct NbdSession {
    int fd;
    NbdExport *e;     /* main lock; NULL: none yet */
    bool structured, status; /* replies; base:allocation is wanted */
} NbdSession;

/* ---- io.c ---- */
bool nbd_get(int fd, void *buf, size_t len);
bool nbd_put(int fd, const void *buf, size_t len);

/* ---- export.c: main lock ---- */
NbdExport *nbd_export_find(const char *name); /* by the name that clients know */
NbdExport *nbd_export_next(NbdExport *e);     /* NULL: the first */
void nbd_export_leave(NbdExport *e);          /* one client less */
void nbd_close_clients(const NbdExport *e);   /* server.c */

/* ---- session.c ---- */
/* From the handshake to the end; own thread, without the main lock. */
void nbd_session_run(NbdSession *s);

#endif
